use std::collections::BTreeMap;

use super::*;

const BODY: &str = r#"{"object":1,"entry":[{"id":7000000000000000123,"changes":[{"field":"name","value":"Zoë 李 😀"}]}]}"#;
// HMAC-SHA-256 by Python's hmac module, over the body as it is and over the body as json.dumps escapes it.
const PLAIN: &str = "3825a11fa59431f35d9dfca52de5fc4fd7a634f4b9359f2b0adea86970c3c2c0";
const ESCAPED: &str = "bbb20e8f56d664e0da07a7e2ec8e91cde28f773d57504bb94d08616eb1836127";

fn own() -> Own {
    let mut own = Own::default();
    own.set(SECRET, "app-secret-for-tests");
    own
}

fn with<T>(body: &[u8], signature: Option<&str>, run: impl FnOnce(&Sent<'_>) -> T) -> T {
    let headers = signature.map(|text| ("x-open-signature".to_owned(), text.to_owned()));
    run(&Sent {
        method: "POST",
        url: "https://gate.example/v1/sources/tiktok/leads",
        query: "",
        headers: &BTreeMap::from_iter(headers),
        body,
        now: jiff::Timestamp::UNIX_EPOCH,
    })
}

fn read(body: &str) -> Vec<Entry> {
    let items = with(body.as_bytes(), None, |sent| TikTok.read(sent, &own())).unwrap();
    let entries = items.into_iter().map(|item| match item {
        Item::Lead(entry) => *entry,
        other => panic!("a lead is wanted: {other:?}"),
    });
    entries.collect()
}

#[test]
fn the_body_is_believed_signed_plain_or_escaped() {
    let upper = PLAIN.to_uppercase();
    for (signature, wanted) in [
        (Some(PLAIN), Ok(())),
        (Some(ESCAPED), Ok(())),
        (Some(upper.as_str()), Err(Denied::Wrong)),
        (Some(&PLAIN[..63]), Err(Denied::Wrong)),
        (Some(""), Err(Denied::Missing)),
        (None, Err(Denied::Missing)),
    ] {
        let verified = with(BODY.as_bytes(), signature, |sent| {
            TikTok.verify(sent, &own())
        });
        assert_eq!(verified, wanted, "{signature:?}");
    }
    for changed in [BODY.replace("123", "124").as_bytes(), &[0xff], b""] {
        let verified = with(changed, Some(PLAIN), |sent| TikTok.verify(sent, &own()));
        assert_eq!(verified, Err(Denied::Wrong));
    }
}

#[test]
fn samples_are_signed_as_documented() {
    let sample = Sample {
        url: "https://gate.example",
        content_type: "application/json",
        body: BODY.as_bytes(),
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    let signed = TikTok.sign(sample, &own());
    assert_eq!(signed.headers[0].1, ESCAPED);
    assert_eq!(signed.body, BODY.as_bytes());
}

#[test]
fn only_what_is_not_ascii_is_escaped() {
    for (text, wanted) in [
        ("", ""),
        (r#"{"a":"b\/c\u00E9 \n"}"#, r#"{"a":"b\/c\u00E9 \n"}"#),
        ("é", r"\u00e9"),
        ("\u{7f}\u{80}", "\u{7f}\\u0080"),
        ("李", r"\u674e"),
        ("😀", r"\ud83d\ude00"),
        ("\u{ffff}\u{10000}", r"\uffff\ud800\udc00"),
    ] {
        assert_eq!(escaped(text.as_bytes()).unwrap(), wanted.as_bytes());
    }
    assert_eq!(escaped(&[b'a', 0xc3]), None);
}

#[test]
fn only_leads_are_read() {
    for (body, leads) in [
        (r#"{"object":1,"entry":[{"id":7},{"id":8}]}"#, 2),
        (r#"{"object":"1","entry":[{"id":7}]}"#, 1),
        (r#"{"object":1,"entry":[]}"#, 0),
        (r#"{"object":1,"entry":[null,7]}"#, 0),
        (r#"{"object":2,"entry":[{"id":7}]}"#, 0),
        (r#"{"object":11,"entry":{}}"#, 0),
        (r#"{"entry":[{"id":7}]}"#, 0),
        ("[]", 0),
    ] {
        assert_eq!(read(body).len(), leads, "{body}");
    }
    for body in ["", "x", r#"{"object":1}"#, r#"{"object":1,"entry":{}}"#] {
        let refused = with(body.as_bytes(), None, |sent| TikTok.read(sent, &own()));
        assert!(refused.is_err(), "{body}");
    }
}

#[test]
fn ids_of_nineteen_digits_and_values_of_any_type_are_kept() {
    let entries = read(
        r#"{"object":1,"entry":[{"id":7000000000000000123,"page_id":"7100000000000000001","campaign_id":0,
        "ad_id":1700000000000000005,"ad_name":"Spring","create_time":1770000000,"lead_source":"INSTANT_FORM","changes":[
        {"field":"work_email","value":"w@lead.example"},{"field":"email","value":"e@lead.example"},
        {"field":"phone_number","value":436600000000},
        {"field":"Which roofs?","value":["Flat","Steep",3]},{"field":"Owner?","value":true},
        {"field":"Where?","value":{"lat":1}},{"field":"Nothing","value":null},{"value":"nameless"},null]}]}"#,
    );
    let entry = &entries[0];
    assert_eq!(entry.id.as_deref(), Some("7000000000000000123"));
    assert!(!entry.test);
    assert_eq!(entry.metadata["page_id"], "7100000000000000001");
    assert_eq!(entry.metadata["ad_id"], "1700000000000000005");
    assert_eq!(entry.metadata["create_time"], "1770000000");
    assert!(!entry.metadata.contains_key("campaign_id"));
    assert_eq!(entry.fields["email"], "e@lead.example");
    assert_eq!(entry.fields["phoneNumber"], "436600000000");
    let answers: Vec<_> = entry
        .answers
        .iter()
        .map(|answer| (answer.question.as_str(), answer.values.join("|")))
        .collect();
    assert_eq!(
        answers,
        [
            ("work_email", "w@lead.example".to_owned()),
            ("Which roofs?", "Flat|Steep|3".to_owned()),
            ("Owner?", "true".to_owned()),
            ("Where?", r#"{"lat":1}"#.to_owned()),
            ("", "nameless".to_owned()),
        ]
    );
}

#[test]
fn a_preview_is_a_test_by_its_names_alone() {
    for (part, test) in [
        (
            r#""campaign_name":"Test lead: dummy data for campaign""#,
            true,
        ),
        (r#""ad_name":"test lead: dummy data""#, true),
        (r#""campaign_id":0"#, false),
        (r#""campaign_name":"A test lead""#, false),
    ] {
        let body = format!(r#"{{"object":1,"entry":[{{"id":7,{part}}}]}}"#);
        assert_eq!(read(&body)[0].test, test, "{part}");
    }
}
