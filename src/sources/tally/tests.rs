use super::*;
use crate::sources::delivery::{Delivery, answers, own};

const SECRET: &str = "secret-of-a-test";
const BODY: &str = r#"{"greeting":"grüße"}"#;
// printf '%s' BODY | openssl dgst -sha256 -hmac SECRET -binary | base64
const SIGNATURE: &str = "kEjeuSaDnu9iiuAS+Gys41MtQj8ICSyP27bHz0IXQ5c=";

#[test]
fn only_the_raw_bytes_under_the_secret_are_believed() {
    let signed = own(&[("secret", SECRET)], &[]);
    for (header, body, wanted) in [
        (SIGNATURE, BODY, Ok(())),
        (SIGNATURE, r#"{ "greeting":"grüße"}"#, Err(Denied::Wrong)),
        (
            "sha256=kEjeuSaDnu9iiuAS+Gys41MtQj8ICSyP27bHz0IXQ5c=",
            BODY,
            Err(Denied::Wrong),
        ),
        ("", BODY, Err(Denied::Missing)),
    ] {
        let delivery = Delivery::json(body).with("tally-signature", header);
        assert_eq!(Tally.verify(&delivery.sent(), &signed), wanted, "{header}");
    }
    assert!(!Tally.is_signed(&Own::default()));
}

fn rows(rows: &str) -> Entry {
    Delivery::json(&format!(
        r#"{{"eventType":"FORM_RESPONSE","data":{{"responseId":"r","submissionId":"s","fields":[{rows}]}}}}"#
    ))
    .lead(&Tally, &Own::default())
}

#[test]
fn a_row_of_each_type_is_read() {
    let options = r#""options":[{"id":"o1","text":"Flat"},{"id":"o2","text":"Steep"},{"id":7,"text":"Seven"}]"#;
    for (row, wanted) in [
        (r#""type":"INPUT_TEXT","value":"x""#.to_owned(), "x"),
        (
            r#""type":"INPUT_NUMBER","value":12345678901234567890"#.to_owned(),
            "12345678901234567890",
        ),
        (
            format!(r#""type":"MULTIPLE_CHOICE","value":["o2"],{options}"#),
            "Steep",
        ),
        (
            format!(r#""type":"DROPDOWN","value":"o1",{options}"#),
            "Flat",
        ),
        (
            format!(r#""type":"CHECKBOXES","value":["o2","o1"],{options}"#),
            "Steep | Flat",
        ),
        (
            format!(r#""type":"RANKING","value":["o1",7],{options}"#),
            "Flat | Seven",
        ),
        (
            format!(r#""type":"MULTI_SELECT","value":["gone","o1"],{options}"#),
            "gone | Flat",
        ),
        (r#""type":"LINEAR_SCALE","value":0"#.to_owned(), "0"),
        (
            r#""type":"FILE_UPLOAD","value":[{"id":"f","url":"https://files.example/a"}]"#
                .to_owned(),
            "https://files.example/a",
        ),
        (
            r#""type":"SIGNATURE","value":[{"id":"f"}]"#.to_owned(),
            r#"{"id":"f"}"#,
        ),
    ] {
        let entry = rows(&format!(r#"{{"key":"question_1","label":"Which?",{row}}}"#));
        assert_eq!(answers(&entry), [format!("Which? = {wanted}")]);
    }
}

#[test]
fn rows_that_repeat_a_list_or_hold_nothing_are_left_out() {
    let entry = rows(
        r#"{"key":"q1","label":"Goals","type":"CHECKBOXES","value":["a"],"options":[{"id":"a","text":"Save"}]},
        {"key":"q1_a","label":"Goals (Save)","type":"CHECKBOXES","value":true},
        {"key":"q1_b","label":"Goals (Earn)","type":"CHECKBOXES","value":false},
        {"key":"q2","label":"Later","type":"INPUT_TEXT","value":null},
        {"key":"q3","label":null,"type":"INPUT_TEXT","value":"no label"}"#,
    );
    assert_eq!(answers(&entry), ["Goals = Save", "q3 = no label"]);
}

#[test]
fn a_matrix_is_an_answer_for_each_of_its_rows() {
    let entry = rows(
        r#"{"key":"q1","label":"How good?","type":"MATRIX","value":{"r1":["c1"],"r2":["c1","c2"]},
        "rows":[{"id":"r1","text":"Price"},{"id":"r2","text":"Speed"}],"columns":[{"id":"c1","text":"Good"},{"id":"c2","text":"Bad"}]}"#,
    );
    assert_eq!(
        answers(&entry),
        ["How good?: Price = Good", "How good?: Speed = Good | Bad"]
    );
}

#[test]
fn contacts_are_known_by_type_and_hidden_fields_by_name() {
    let entry = rows(
        r#"{"key":"q0","label":"Email","type":"INPUT_TEXT","value":"typed as text"},
        {"key":"q1","label":"Wohin?","type":"INPUT_EMAIL","value":"a@lead.example"},
        {"key":"q2","label":"Ruf an","type":"INPUT_PHONE_NUMBER","value":"+4366000000"},
        {"key":"q3_h","label":"utm_source","type":"HIDDEN_FIELDS","value":"news"},
        {"key":"q4_h","label":"partner","type":"HIDDEN_FIELDS","value":"acme"}"#,
    );
    assert_eq!(entry.id.as_deref(), Some("s"));
    assert_eq!(entry.fields["email"], "a@lead.example");
    assert_eq!(entry.fields["phoneNumber"], "+4366000000");
    assert_eq!(answers(&entry), ["Email = typed as text", "partner = acme"]);
    assert_eq!(entry.marks, [("utm_source".to_owned(), "news".to_owned())]);
}

#[test]
fn other_events_hold_no_lead_and_other_shapes_are_refused() {
    for (body, leads) in [
        (r#"{"eventType":"FORM_OPENED"}"#, Some(0)),
        ("[]", Some(0)),
        (
            r#"{"eventType":"FORM_RESPONSE","data":{"fields":[]}}"#,
            Some(1),
        ),
        (
            r#"{"eventType":"FORM_RESPONSE","data":{"fields":[1,null,{"value":{}}]}}"#,
            Some(1),
        ),
        (r#"{"eventType":"FORM_RESPONSE"}"#, None),
        ("x", None),
    ] {
        let items = Tally.read(&Delivery::json(body).sent(), &Own::default());
        assert_eq!(items.ok().map(|items| items.len()), leads, "{body}");
    }
}
