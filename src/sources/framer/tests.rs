use super::*;
use crate::sources::delivery::{Delivery, answers, own};

const SECRET: &str = "secret-of-a-test";
const BODY: &str = r#"{"greeting":"grüße"}"#;
const ID: &str = "0fbbb90e-564b-4870-ac8b-78f9bc4e44a6";
// printf '%s%s' BODY ID | openssl dgst -sha256 -hmac SECRET
const SIGNATURE: &str = "sha256=55a4d735c89babd9b8d533e1784087532897ebf0153786df390e8cfc3e7aba62";

#[test]
fn bytes_and_submission_id_are_signed_together() {
    let signed = own(&[("secret", SECRET)], &[]);
    for (header, id, body, wanted) in [
        (SIGNATURE, Some(ID), BODY, Ok(())),
        (
            SIGNATURE,
            Some("0fbbb90e-564b-4870-ac8b-78f9bc4e44a7"),
            BODY,
            Err(Denied::Wrong),
        ),
        (SIGNATURE, Some(ID), "{}", Err(Denied::Wrong)),
        (&SIGNATURE[7..], Some(ID), BODY, Err(Denied::Wrong)),
        (SIGNATURE, None, BODY, Err(Denied::Missing)),
        ("", Some(ID), BODY, Err(Denied::Missing)),
    ] {
        let mut delivery = Delivery::json(body).with("framer-signature", header);
        if let Some(id) = id {
            delivery = delivery.with(SUBMISSION, id);
        }
        assert_eq!(Framer.verify(&delivery.sent(), &signed), wanted);
    }
}

#[test]
fn every_field_is_kept_in_its_order() {
    let body = r#"{"Name":"Łucja Nowak","E-mail":"l@lead.example","Budget":"","Roof":"Flat","Sizes":["S","L"],"Agree":true,"utm_campaign":"spring"}"#;
    let entry = Delivery::json(body)
        .with(SUBMISSION, ID)
        .lead(&Framer, &Own::default());
    assert_eq!(entry.id.as_deref(), Some(ID));
    assert_eq!(entry.fields["name"], "Łucja Nowak");
    assert_eq!(entry.fields["email"], "l@lead.example");
    assert_eq!(
        answers(&entry),
        ["Roof = Flat", "Sizes = S | L", "Agree = true"]
    );
    assert_eq!(entry.marks[0].1, "spring");
    assert_eq!(Delivery::json("{}").lead(&Framer, &Own::default()).id, None);
}

#[test]
fn a_body_that_is_no_object_is_refused() {
    for body in ["[]", "\"x\"", "", "{"] {
        assert!(
            Framer
                .read(&Delivery::json(body).sent(), &Own::default())
                .is_err()
        );
    }
}

#[test]
fn the_same_sample_is_the_same_submission() {
    let id = submission_of(b"a");
    assert_eq!(id, submission_of(b"a"));
    assert_ne!(id, submission_of(b"b"));
    assert_eq!(
        id.split('-').map(str::len).collect::<Vec<_>>(),
        [8, 4, 4, 4, 12]
    );
}
