use super::*;
use crate::sources::delivery::{Delivery, answers, own};

const SECRET: &str = "secret-of-a-test";
const BODY: &str = r#"{"greeting":"grüße"}"#;
// printf '%s' BODY | openssl dgst -sha256 -hmac SECRET -binary | base64
const SIGNATURE: &str = "sha256=kEjeuSaDnu9iiuAS+Gys41MtQj8ICSyP27bHz0IXQ5c=";

#[test]
fn only_the_raw_bytes_under_the_secret_are_believed() {
    let signed = own(&[("secret", SECRET)], &[]);
    for (header, body, wanted) in [
        (SIGNATURE, BODY, Ok(())),
        (SIGNATURE, r#"{"greeting": "grüße"}"#, Err(Denied::Wrong)),
        (
            SIGNATURE,
            r#"{"greeting":"gr\u00fc\u00dfe"}"#,
            Err(Denied::Wrong),
        ),
        (&SIGNATURE[7..], BODY, Err(Denied::Wrong)),
        (
            "sha256=9048deb926839eef628ae012f86cace3532d423f08092c8fdbb6c7cf42174397",
            BODY,
            Err(Denied::Wrong),
        ),
        ("", BODY, Err(Denied::Missing)),
    ] {
        let delivery = Delivery::json(body).with("typeform-signature", header);
        assert_eq!(
            Typeform.verify(&delivery.sent(), &signed),
            wanted,
            "{header}"
        );
    }
    assert!(Typeform.is_signed(&signed));
    assert!(!Typeform.is_signed(&Own::default()));
}

fn answered(answers: &str, fields: &str) -> Delivery {
    Delivery::json(&format!(
        r#"{{"event_type":"form_response","form_response":{{"form_id":"Ab1","token":"t0k",
            "definition":{{"title":"Call","fields":[{fields}]}},"answers":[{answers}]}}}}"#
    ))
}

#[test]
fn an_answer_of_each_type_is_read() {
    for (answer, wanted) in [
        (r#""type":"text","text":"Flat""#, "Flat"),
        (
            r#""type":"number","number":1234567890123456789"#,
            "1234567890123456789",
        ),
        (r#""type":"boolean","boolean":false"#, "false"),
        (r#""type":"date","date":"2026-02-02""#, "2026-02-02"),
        (
            r#""type":"url","url":"https://lead.example""#,
            "https://lead.example",
        ),
        (
            r#""type":"choice","choice":{"id":"x","label":"Steep"}"#,
            "Steep",
        ),
        (r#""type":"choice","choice":{"other":"Round"}"#, "Round"),
        (
            r#""type":"choices","choices":{"ids":["1","2"],"labels":["B","A"],"other":"C"}"#,
            "B | A | C",
        ),
        (
            r#""type":"payment","payment":{"amount":"1"}"#,
            r#"{"amount":"1"}"#,
        ),
        (r#""type":"hologram","hologram":["x","y"]"#, "x | y"),
    ] {
        let answer = format!(r#"{{{answer},"field":{{"id":"q1","ref":"roof"}}}}"#);
        let delivery = answered(&answer, r#"{"id":"q1","title":"Which roof?"}"#);
        let entry = delivery.lead(&Typeform, &Own::default());
        assert_eq!(answers(&entry), [format!("Which roof? = {wanted}")]);
    }
}

#[test]
fn questions_are_found_by_id_inside_groups_and_without_a_definition() {
    let fields = r#"{"id":"g","type":"contact_info","properties":{"fields":[
        {"id":"g1","title":"First name"},{"id":"g2","title":"Last name"}]}},{"id":"q9","title":"Roof?"}"#;
    let given = r#"{"type":"text","text":"Roof first","field":{"id":"q9"}},
        {"type":"text","text":"Zoë","field":{"id":"g1"}},{"type":"text","text":"王","field":{"id":"g2"}},
        {"type":"text","text":"lost","field":{"id":"zz","ref":"my-ref"}}"#;
    let entry = answered(given, fields).lead(&Typeform, &Own::default());
    assert_eq!(entry.fields["firstName"], "Zoë");
    assert_eq!(entry.fields["lastName"], "王");
    assert_eq!(answers(&entry), ["Roof? = Roof first", "my-ref = lost"]);
}

#[test]
fn an_address_is_known_by_its_type_whatever_the_question_says() {
    let fields = r#"{"id":"q1","title":"Where may we write?"},{"id":"q2","title":"And a second one?"},{"id":"q3","title":"Ring me at"}"#;
    let given = r#"{"type":"email","email":"one@lead.example","field":{"id":"q1","ref":"r1"}},
        {"type":"email","email":"two@lead.example","field":{"id":"q2","ref":"r2"}},
        {"type":"phone_number","phone_number":"+14155550132","field":{"id":"q3","ref":"r3"}}"#;
    let delivery = answered(given, fields);
    let entry = delivery.lead(&Typeform, &Own::default());
    assert_eq!(entry.fields["email"], "one@lead.example");
    assert_eq!(entry.fields["phoneNumber"], "+14155550132");
    assert_eq!(answers(&entry), ["And a second one? = two@lead.example"]);

    let mapped = own(&[], &[("r2", "email")]);
    let entry = delivery.lead(&Typeform, &mapped);
    assert_eq!(entry.fields["email"], "two@lead.example");
    assert_eq!(answers(&entry), ["Where may we write? = one@lead.example"]);
}

#[test]
fn hidden_fields_are_marks_known_fields_or_answers_and_terms_are_consent() {
    let body = r#"{"event_type":"form_response","form_response":{"token":"t0k","submitted_at":"2026-02-02T10:00:00Z",
        "hidden":{"utm_source":"x","gclid":"","email":"h@lead.example","plan":"gold"},"definition":{"fields":[]},
        "answers":[{"type":"boolean","boolean":true,"field":{"id":"q","type":"legal","title":"Terms"}}],
        "variables":[{"key":"score","type":"number","number":7}]}}"#;
    let entry = Delivery::json(body).lead(&Typeform, &Own::default());
    assert_eq!(entry.id.as_deref(), Some("t0k"));
    assert_eq!(entry.marks, [("utm_source".to_owned(), "x".to_owned())]);
    assert_eq!(entry.fields["email"], "h@lead.example");
    assert_eq!(answers(&entry), ["plan = gold"]);
    assert_eq!(entry.consent["Terms"], true);
    assert_eq!(entry.metadata["variables.score"], "7");
    assert_eq!(entry.metadata["submittedAt"], "2026-02-02T10:00:00Z");
}

#[test]
fn other_events_hold_no_lead_and_other_shapes_are_refused() {
    for (body, leads) in [
        (
            r#"{"event_type":"form_response_partial","form_response":{"token":"x"}}"#,
            Some(0),
        ),
        (r#"{"event_type":"ping"}"#, Some(0)),
        ("{}", Some(0)),
        (
            r#"{"event_type":"form_response","form_response":{}}"#,
            Some(1),
        ),
        (
            r#"{"event_type":"form_response","form_response":{"answers":{"a":1},"hidden":[1],"definition":7}}"#,
            Some(1),
        ),
        (r#"{"event_type":"form_response"}"#, None),
        (r#"{"event_type":"form_response","form_response":[]}"#, None),
        ("", None),
    ] {
        let items = Typeform.read(&Delivery::json(body).sent(), &Own::default());
        assert_eq!(items.ok().map(|items| items.len()), leads, "{body}");
    }
}
