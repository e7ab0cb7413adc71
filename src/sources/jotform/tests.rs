use super::*;
use crate::sources::delivery::{Delivery, answers, own};

fn lead(raw: &str, fields: &[(&str, &str)]) -> Entry {
    Delivery::form(&[
        ("formID", "1000000000001"),
        ("submissionID", "5000000000000000001"),
        ("formTitle", "Call"),
        ("pretty", "Name:Ines, Email:wrong@lead.example"),
        ("rawRequest", raw),
    ])
    .lead(&Jotform, &own(&[], fields))
}

#[test]
fn compound_answers_are_taken_apart() {
    for (raw, field, value) in [
        (
            r#"{"q3_name":{"first":"Ines","last":"Weber"}}"#,
            "firstName",
            "Ines",
        ),
        (
            r#"{"q3_name":{"first":"Ines","last":"Weber"}}"#,
            "lastName",
            "Weber",
        ),
        (
            r#"{"q3_name":{"prefix":"Dr.","first":"Ines","middle":"M","last":"Weber"}}"#,
            "name",
            "Dr. Ines M Weber",
        ),
        (
            r#"{"q5_call":{"full":"(415) 555-0132"}}"#,
            "phoneNumber",
            "(415) 555-0132",
        ),
        (
            r#"{"q5_call":{"area":"415","phone":"555-0132"}}"#,
            "phoneNumber",
            "415 555-0132",
        ),
        (
            r#"{"q5_call":{"country":"43","area":"660","phone":"0000000"}}"#,
            "phoneNumber",
            "+43 660 0000000",
        ),
        (
            r#"{"q6_where":{"addr_line1":"Ring 1","city":"Graz","state":"","postal":"8010","country":"Austria"}}"#,
            "city",
            "Graz",
        ),
        (
            r#"{"q6_where":{"addr_line1":"Ring 1","city":"Graz","state":"","postal":"8010","country":"Austria"}}"#,
            "postalCode",
            "8010",
        ),
        (
            r#"{"q4_email":"ines@lead.example"}"#,
            "email",
            "ines@lead.example",
        ),
        (
            r#"{"q12_utm":{"x":1},"q4_phoneNumber":436600000000}"#,
            "phoneNumber",
            "436600000000",
        ),
    ] {
        assert_eq!(lead(raw, &[]).fields[field], value, "{raw}");
    }
}

#[test]
fn every_other_answer_keeps_its_values_in_order() {
    for (raw, wanted) in [
        (
            r#"{"q7_goals":["Save","Earn"]}"#,
            &["goals = Save | Earn"][..],
        ),
        (
            r#"{"q7_goals":{"0":"Save","other":"Sail"}}"#,
            &["goals = Save | Sail"],
        ),
        (
            r#"{"q8_start":{"year":"2026","month":"02","day":"03"}}"#,
            &["start = 2026-02-03"],
        ),
        (
            r#"{"q9_rate":{"Price":"Good","Speed":"Bad"}}"#,
            &["rate.Price = Good", "rate.Speed = Bad"],
        ),
        (
            r#"{"q6_where":{"addr_line1":"Ring 1","addr_line2":"Top 2","postal":""}}"#,
            &["where = Ring 1 | Top 2"],
        ),
        (r#"{"q10_note":"","q11_none":null}"#, &[]),
        (
            r#"{"slug":"submit/1","jsExecutionTracker":"x=>1","event_id":"9","q_x":"1","q1x_y":"2"}"#,
            &[],
        ),
        (
            r#"{"cv":["https://files.example/cv.pdf"]}"#,
            &["cv = https://files.example/cv.pdf"],
        ),
    ] {
        assert_eq!(answers(&lead(raw, &[])), wanted, "{raw}");
    }
}

#[test]
fn what_is_mapped_stays_whole() {
    let raw = r#"{"q3_who":{"first":"Ines","last":"Weber"},"q5_tel":{"area":"415","phone":"5550132"},"q9_rate":{"a":"1","b":"2"}}"#;
    let entry = lead(
        raw,
        &[
            ("who", "name"),
            ("q5_tel", "answers.second phone"),
            ("rate", "answers.rating"),
        ],
    );
    assert_eq!(entry.fields["name"], "Ines Weber");
    assert_eq!(
        answers(&entry),
        ["second phone = 415 5550132", "rating = 1 | 2"]
    );
}

#[test]
fn the_id_keeps_its_nineteen_digits_and_the_readable_text_is_not_read() {
    let entry = lead("{}", &[]);
    assert_eq!(entry.id.as_deref(), Some("5000000000000000001"));
    assert_eq!(entry.metadata["formId"], "1000000000001");
    assert!(entry.fields.is_empty());
}

#[test]
fn without_answers_it_is_refused() {
    for pairs in [
        &[("formID", "1")][..],
        &[("rawRequest", "")],
        &[("rawRequest", "no json: ann@lead.example")],
        &[("rawRequest", "[1]")],
    ] {
        let error = Jotform
            .read(&Delivery::form(pairs).sent(), &Own::default())
            .unwrap_err();
        assert!(!error.0.contains("ann"), "{error}");
    }
}
