use super::*;
use crate::sources::delivery::{Delivery, NOW_SECOND, answers, own};

const SECRET: &str = "secret-of-a-test";
const BODY: &str = r#"{"greeting":"grüße"}"#;
// printf '1770000000000:%s' BODY | openssl dgst -sha256 -hmac SECRET
const SIGNATURE: &str = "8e93f79604904debf4fa30341f282e209a9c57e2e5556530c4c1c032c459afd5";

#[test]
fn stamp_and_bytes_are_signed_together_and_believed_for_five_minutes() {
    let signed = own(&[("secret", SECRET)], &[]);
    for (stamp, header, body, late, wanted) in [
        ("1770000000000", SIGNATURE, BODY, 0, Ok(())),
        ("1770000000000", SIGNATURE, BODY, 300, Ok(())),
        ("1770000000000", SIGNATURE, BODY, 301, Err(Denied::Stale)),
        ("1770000000000", SIGNATURE, BODY, -301, Err(Denied::Stale)),
        ("1770000000001", SIGNATURE, BODY, 0, Err(Denied::Wrong)),
        ("1770000000000", SIGNATURE, "{}", 0, Err(Denied::Wrong)),
        ("1770000000000", "", BODY, 0, Err(Denied::Missing)),
    ] {
        let mut delivery = Delivery::json(body)
            .with("x-webflow-timestamp", stamp)
            .with("x-webflow-signature", header);
        delivery.now = jiff::Timestamp::from_second(NOW_SECOND + late).unwrap();
        assert_eq!(
            Webflow.verify(&delivery.sent(), &signed),
            wanted,
            "{stamp} {late}"
        );
    }
    let unstamped = Delivery::json(BODY).with("x-webflow-signature", SIGNATURE);
    assert_eq!(
        Webflow.verify(&unstamped.sent(), &signed),
        Err(Denied::Missing)
    );
}

#[test]
fn a_stamp_that_is_no_number_is_stale_even_when_it_is_signed() {
    let signed = own(&[("secret", SECRET)], &[]);
    let delivery = Delivery::json(BODY)
        .with("x-webflow-timestamp", "yesterday")
        .with(
            "x-webflow-signature",
            &signature(SECRET, "yesterday", BODY.as_bytes()),
        );
    assert_eq!(
        Webflow.verify(&delivery.sent(), &signed),
        Err(Denied::Stale)
    );
}

#[test]
fn both_versions_of_the_body_are_read() {
    let data = r#""data":{"First Name":"Zoë","Phone":4366000000123,"Goals":["a","b"],"News":true,"Note":"","Größe":"4"}"#;
    let second = format!(
        r#"{{"triggerType":"form_submission","payload":{{"name":"Call","siteId":"s1","id":"w1","pageUrl":"https://acme.example/p?utm_source=x",{data}}}}}"#
    );
    let first = format!(
        r#"{{"name":"Call","site":"s1","_id":"w1","d":"2026-02-02T10:00:00.000Z",{data}}}"#
    );
    for body in [second, first] {
        let entry = Delivery::json(&body).lead(&Webflow, &own(&[], &[("Größe", "answers.size")]));
        assert_eq!(entry.id.as_deref(), Some("w1"));
        assert_eq!(entry.fields["firstName"], "Zoë");
        assert_eq!(entry.fields["phoneNumber"], "4366000000123");
        assert_eq!(
            answers(&entry),
            ["Goals = a | b", "News = true", "size = 4"]
        );
        assert_eq!(entry.metadata["siteId"], "s1");
        assert_eq!(entry.metadata["formName"], "Call");
        let is_second = body.contains("payload");
        assert_eq!(entry.fields.contains_key("landingUrl"), is_second);
    }
}

#[test]
fn other_triggers_hold_no_lead_and_other_shapes_are_refused() {
    for (body, leads) in [
        (r#"{"triggerType":"site_publish","payload":{}}"#, Some(0)),
        (
            r#"{"triggerType":"form_submission","payload":{"data":{}}}"#,
            Some(1),
        ),
        (
            r#"{"triggerType":"form_submission","payload":{"data":[]}}"#,
            None,
        ),
        (r#"{"triggerType":"form_submission","payload":7}"#, None),
        ("{}", None),
        ("[]", None),
    ] {
        let items = Webflow.read(&Delivery::json(body).sent(), &Own::default());
        assert_eq!(items.ok().map(|items| items.len()), leads, "{body}");
    }
}
