use std::collections::BTreeMap;

use super::*;

const BODY: &str = r#"{"object":"page","entry":[{"id":"1","changes":[{"field":"leadgen","value":{"leadgen_id":"2","n":"M\u00fcller \/ x"}}]}]}"#;
// openssl dgst -sha256 -hmac app-secret-for-tests
const SIGNED: &str = "sha256=8bf152a91c2c764c20126eb0a157819f07e882951b2d24ab91b9799e5dd4d950";

fn own() -> Own {
    let mut own = Own::default();
    own.set(APP_SECRET, "app-secret-for-tests");
    own.set(VERIFY_TOKEN, "verify-for-tests");
    own.fields.insert("wie_groß?".into(), "answers.size".into());
    own
}

fn with<T>(body: &str, query: &str, signature: &str, run: impl FnOnce(&Sent<'_>) -> T) -> T {
    run(&Sent {
        method: "POST",
        url: "https://gate.example/v1/sources/meta/leads",
        query,
        headers: &BTreeMap::from([(SIGNATURE.to_owned(), signature.to_owned())]),
        body: body.as_bytes(),
        now: jiff::Timestamp::UNIX_EPOCH,
    })
}

fn read(body: &str) -> Vec<Item> {
    with(body, "", "", |sent| Meta.read(sent, &own())).unwrap()
}

#[test]
fn the_bytes_received_are_what_is_signed() {
    let unescaped = BODY.replace(r"\u00fc", "ü");
    for (body, signature, wanted) in [
        (BODY, SIGNED, Ok(())),
        (BODY, &SIGNED[7..], Err(Denied::Wrong)),
        (BODY, &SIGNED[..70], Err(Denied::Wrong)),
        (BODY, "", Err(Denied::Missing)),
        (&unescaped, SIGNED, Err(Denied::Wrong)),
        ("", SIGNED, Err(Denied::Wrong)),
    ] {
        let verified = with(body, "", signature, |sent| Meta.verify(sent, &own()));
        assert_eq!(verified, wanted, "{signature}");
    }
    let sample = Sample {
        url: "https://gate.example",
        content_type: "application/json",
        body: BODY.as_bytes(),
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    assert_eq!(
        Meta.sign(sample, &own()).headers,
        [(SIGNATURE.into(), SIGNED.to_owned())]
    );
}

#[test]
fn the_challenge_is_echoed_to_who_knows_the_token() {
    let known = "hub.verify_token=verify-for-tests";
    for (query, wanted) in [
        (
            format!("hub.mode=subscribe&hub.challenge=1158201444&{known}"),
            Ok("1158201444"),
        ),
        (
            format!("hub%2Emode=subscribe&hub.challenge=a%20b&{known}"),
            Ok("a b"),
        ),
        (
            "hub.mode=subscribe&hub.challenge=1&hub.verify_token=x".to_owned(),
            Err(Denied::Wrong),
        ),
        (
            "hub.mode=subscribe&hub.challenge=1".to_owned(),
            Err(Denied::Missing),
        ),
        (format!("hub.mode=subscribe&{known}"), Err(Denied::Missing)),
        (
            format!("hub.mode=unsubscribe&hub.challenge=1&{known}"),
            Err(Denied::Missing),
        ),
    ] {
        let shaken = with("", &query, "", |sent| Meta.shake(sent, &own())).unwrap();
        let shaken = shaken.map(|reply| reply.body);
        assert_eq!(shaken, wanted.map(str::to_owned), "{query}");
    }
}

#[test]
fn every_change_of_every_entry_is_read_and_others_are_skipped() {
    let items = read(
        r#"{"object":"page","entry":[
        {"id":"10","time":1,"changes":[
          {"field":"leadgen","value":{"leadgen_id":2000300040005000123,"page_id":10,"form_id":"30","ad_id":"23850000000000001",
            "adgroup_id":"23850000000000001","created_time":1770000000,"novel":[]}},
          {"field":"feed","value":{"leadgen_id":"9"}},
          {"field":"leadgen","value":{"leadgen_id":0}},
          {"field":"leadgen"},null]},
        null,{"id":"12"},
        {"id":"11","changes":[{"field":"leadgen","value":{"leadgen_id":"44"}}]}]}"#,
    );
    let fetch = |id: &str, about: Value| {
        let about = about.as_object().unwrap().clone();
        Item::Fetch(Fetch {
            id: id.to_owned(),
            about,
        })
    };
    let about = serde_json::json!({"page_id": "10", "form_id": "30", "ad_id": "23850000000000001",
        "adgroup_id": "23850000000000001", "created_time": "1770000000"});
    assert_eq!(
        items,
        [
            fetch("2000300040005000123", about),
            fetch("44", serde_json::json!({"page_id": "11"})),
        ]
    );
}

#[test]
fn the_dashboards_made_up_lead_is_a_test_that_nobody_fetches() {
    for (page, lead, made_up) in [
        (r#""0""#, r#""444444444444""#, true),
        ("0", "444444444444", true),
        (r#""1""#, r#""444444444444""#, false),
        (r#""0""#, r#""444444444445""#, false),
    ] {
        let items = read(&format!(
            r#"{{"object":"page","entry":[{{"id":{page},"changes":[{{"field":"leadgen","value":
            {{"leadgen_id":{lead},"page_id":"444444444444","form_id":"444444444444"}}}}]}}]}}"#
        ));
        match &items[..] {
            [Item::Lead(entry)] => {
                assert!(made_up && entry.test);
                assert_eq!(entry.id.as_deref(), Some("444444444444"));
                assert_eq!(entry.metadata["form_id"], "444444444444");
            }
            [Item::Fetch(_)] => assert!(!made_up),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn other_objects_hold_nothing_for_us_and_broken_ones_are_refused() {
    for body in [
        "[]",
        "{}",
        r#"{"object":"user","entry":[{}]}"#,
        r#"{"object":"page","entry":[]}"#,
        r#"{"object":"page","entry":[{"changes":7}]}"#,
    ] {
        assert_eq!(read(body), [], "{body}");
    }
    for body in [
        "",
        "{",
        r#"{"object":"page"}"#,
        r#"{"object":"page","entry":7}"#,
    ] {
        let refused = with(body, "", "", |sent| Meta.read(sent, &own()));
        assert!(refused.is_err(), "{body}");
    }
}

#[test]
fn fields_marks_consent_and_origin_each_have_their_place() {
    let lead = serde_json::json!({
        "id": "5", "created_time": "2026-02-02T02:40:00+0000", "form_id": 30, "is_organic": false, "platform": "ig",
        "campaign_id": "77", "campaign_name": "Spring",
        "custom_disclaimer_responses": [{"checkbox_key": "optional_1", "is_checked": "1"}],
        "field_data": [
            {"name": "work_email", "values": ["w@lead.example"]},
            {"name": "email", "values": ["e@lead.example"]},
            {"name": "whatsapp_number", "values": ["+47 900 00 000"]},
            {"name": "phone_number", "values": ["p:+4790000001"]},
            {"name": "full_name", "values": ["李 小龙"]},
            {"name": "utm_source", "values": ["ig"]},
            {"name": "wie_groß?", "values": ["1k_to_5k", "later"]},
            {"name": "cpf", "values": ["00000000000"]},
            {"name": "empty", "values": []},
            {"name": "bare", "values": "not a list"},
        ],
    });
    let about =
        serde_json::json!({"page_id": "10", "adgroup_id": "6", "created_time": "1770000000"});
    let entry = entry(
        Some("5".to_owned()),
        about.as_object().unwrap(),
        &lead,
        &own(),
    );
    assert_eq!(entry.fields["email"], "e@lead.example");
    assert_eq!(entry.fields["phoneNumber"], "p:+4790000001");
    assert_eq!(entry.fields["name"], "李 小龙");
    let questions: Vec<_> = entry.answers.iter().map(|a| a.question.as_str()).collect();
    assert_eq!(
        questions,
        ["work_email", "whatsapp_number", "size", "cpf", "bare"]
    );
    assert_eq!(entry.answers[2].values, ["1k_to_5k", "later"]);
    assert_eq!(entry.marks, [("utm_source".to_owned(), "ig".to_owned())]);
    for (name, value) in [
        ("page_id", "10"),
        ("adgroup_id", "6"),
        ("form_id", "30"),
        ("created_time", "2026-02-02T02:40:00+0000"),
        ("campaign_id", "77"),
        ("is_organic", "false"),
    ] {
        assert_eq!(entry.metadata[name], value, "{name}");
    }
    assert_eq!(
        entry.consent["custom_disclaimer_responses"][0]["is_checked"],
        "1"
    );
    assert!(!entry.test);
}

#[test]
fn a_testing_tools_lead_is_known_by_its_marker_and_not_by_the_word() {
    for (value, test) in [
        ("<test lead: dummy data for full_name>", true),
        ("test@meta.com", false),
        ("Contest lead", false),
    ] {
        let lead = serde_json::json!({"field_data": [{"name": "full_name", "values": [value]}]});
        assert_eq!(
            entry(None, &Map::new(), &lead, &own()).test,
            test,
            "{value}"
        );
    }
}
