use std::collections::BTreeMap;

use super::*;

fn own() -> Own {
    let mut own = Own::default();
    own.set(KEY, "key-for-tests");
    own.fields.insert("Budget?".into(), "answers.budget".into());
    own
}

fn with<T>(body: &str, run: impl FnOnce(&Sent<'_>) -> T) -> T {
    run(&Sent {
        method: "POST",
        url: "https://gate.example/v1/sources/ads/leads",
        query: "",
        headers: &BTreeMap::new(),
        body: body.as_bytes(),
        now: jiff::Timestamp::UNIX_EPOCH,
    })
}

fn read(body: &str) -> Entry {
    let items = with(body, |sent| GoogleAds.read(sent, &own())).unwrap();
    match <[Item; 1]>::try_from(items) {
        Ok([Item::Lead(entry)]) => *entry,
        other => panic!("one lead is wanted: {other:?}"),
    }
}

#[test]
fn the_key_is_wanted_whole_under_either_spelling_of_its_name() {
    for (body, wanted) in [
        (r#"{"google_key":"key-for-tests"}"#, Ok(())),
        (r#"{"Google_key":"key-for-tests"}"#, Ok(())),
        (r#"{"GOOGLE_KEY":"key-for-tests"}"#, Ok(())),
        (r#"{"google_key":"Key-For-Tests"}"#, Err(Denied::Wrong)),
        (r#"{"google_key":"key-for-test"}"#, Err(Denied::Wrong)),
        (r#"{"google_key":["key-for-tests"]}"#, Err(Denied::Missing)),
        (r#"{"google_key":""}"#, Err(Denied::Missing)),
        (r#"{"lead_id":"a"}"#, Err(Denied::Missing)),
        ("[]", Err(Denied::Missing)),
        ("key-for-tests", Err(Denied::Missing)),
    ] {
        let verified = with(body, |sent| GoogleAds.verify(sent, &own()));
        assert_eq!(verified, wanted, "{body}");
    }
    let keyless = with(r#"{"google_key":"x"}"#, |sent| {
        GoogleAds.verify(sent, &Own::default())
    });
    assert_eq!(keyless, Err(Denied::Wrong));
}

#[test]
fn a_signed_sample_is_believed_and_keeps_its_spelling() {
    for sample in [
        r#"{"lead_id":"a"}"#,
        r#"{"Google_key":"theirs","lead_id":"a"}"#,
    ] {
        let signed = GoogleAds.sign(
            Sample {
                url: "https://gate.example",
                content_type: "application/json",
                body: sample.as_bytes(),
                at: jiff::Timestamp::UNIX_EPOCH,
            },
            &own(),
        );
        let body = String::from_utf8(signed.body).unwrap();
        assert_eq!(body.to_lowercase().matches(KEY).count(), 1);
        with(&body, |sent| GoogleAds.verify(sent, &own())).unwrap();
    }
}

#[test]
fn the_test_buttons_lead_is_a_test() {
    for (flag, test) in [
        (r#","is_test":true"#, true),
        (r#","is_test":"true""#, true),
        (r#","is_test":"True""#, true),
        (r#","is_test":false"#, false),
        (r#","is_test":null"#, false),
        ("", false),
    ] {
        let body = format!(r#"{{"lead_id":"a"{flag}}}"#);
        assert_eq!(read(&body).test, test, "{flag}");
    }
}

#[test]
fn ids_keep_every_digit_and_the_click_id_is_a_mark() {
    let entry = read(
        r#"{"lead_id":"EAIa-1","campaign_id":9223372036854775807,"adgroup_id":"77","creative_id":0,"form_id":3334444,
        "asset_group_id":null,"gcl_id":"click-1","api_version":"1.0","user_column_data":[],"novel":{"a":1}}"#,
    );
    assert_eq!(entry.id.as_deref(), Some("EAIa-1"));
    assert_eq!(entry.metadata["campaign_id"], "9223372036854775807");
    assert_eq!(entry.metadata["adgroup_id"], "77");
    assert_eq!(entry.metadata["form_id"], "3334444");
    assert!(!entry.metadata.contains_key("creative_id"));
    assert_eq!(entry.marks, [("gclid".to_owned(), "click-1".to_owned())]);
}

#[test]
fn the_private_address_has_the_field_and_the_other_is_an_answer() {
    let entry = read(
        r#"{"lead_id":"a","user_column_data":[
        {"column_id":"WORK_EMAIL","column_name":"Work email","string_value":"w@lead.example"},
        {"column_id":"EMAIL","string_value":"e@lead.example"},
        {"column_id":"WORK_PHONE","string_value":"+47 900 00 000"},
        {"column_id":"GIVEN_NAME","string_value":"Ines"},
        {"column_id":"Budget?","column_name":"Budget?","string_value":"1k"},
        {"column_id":"GOVERNMENT_ISSUED_ID_CPF_BR","column_name":"CPF","string_value":"00000000000"},
        {"column_id":"Roof?","string_value":7},
        {"column_id":"Roof?","string_value":"Flat"},
        {"column_id":"OVER_18_AGE","string_value":""}]}"#,
    );
    assert_eq!(entry.fields["email"], "e@lead.example");
    assert_eq!(entry.fields["phoneNumber"], "+47 900 00 000");
    assert_eq!(entry.fields["firstName"], "Ines");
    let answers: Vec<_> = entry
        .answers
        .iter()
        .map(|answer| (answer.question.as_str(), answer.values[0].as_str()))
        .collect();
    assert_eq!(
        answers,
        [
            ("Work email", "w@lead.example"),
            ("budget", "1k"),
            ("CPF", "00000000000"),
            ("Roof?", "7"),
            ("Roof?", "Flat"),
        ]
    );
}

#[test]
fn what_is_no_lead_is_refused_and_an_odd_one_is_kept() {
    for body in ["", "[]", "{}", r#"{"lead_id":0}"#, r#"{"lead_id":""}"#, "7"] {
        let refused = with(body, |sent| GoogleAds.read(sent, &own()));
        assert!(refused.is_err(), "{body}");
    }
    for body in [
        r#"{"lead_id":"a"}"#,
        r#"{"lead_id":12345678901234567890,"user_column_data":{}}"#,
        r#"{"user_column_data":[null,7,{"column_id":null,"string_value":{"a":"b"}}]}"#,
    ] {
        read(body);
    }
}
