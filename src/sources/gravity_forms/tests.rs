use super::*;
use crate::sources::delivery::{Delivery, answers, own};

const ENTRY: &str = r#"{"id":"1234","form_id":7,"date_created":"2026-02-02 10:00:00","is_starred":"0","ip":"192.0.2.1",
    "source_url":"https://acme.example/call?utm_source=x","status":"active","created_by":null,
    "1.2":"","1.3":"Søren","1.6":"Ek","2":"s@lead.example","3":"+4790000000",
    "5.1":"Save","5.2":"","5.3":"Earn","6":"[\"A\",\"B\"]","7":"[draft","8":12345678901234567890}"#;

#[test]
fn numbers_are_mapped_and_the_rest_is_kept_under_them() {
    let map = [
        ("1.3", "firstName"),
        ("1.6", "lastName"),
        ("2", "email"),
        ("3", "phoneNumber"),
        ("5", "answers.goals"),
    ];
    let entry = Delivery::json(ENTRY).lead(&GravityForms, &own(&[], &map));
    assert_eq!(entry.id.as_deref(), Some("7/1234"));
    assert_eq!(entry.fields["firstName"], "Søren");
    assert_eq!(entry.fields["lastName"], "Ek");
    assert_eq!(entry.fields["email"], "s@lead.example");
    assert_eq!(entry.fields["phoneNumber"], "+4790000000");
    assert_eq!(
        entry.fields["landingUrl"],
        "https://acme.example/call?utm_source=x"
    );
    assert_eq!(
        answers(&entry),
        [
            "goals = Save | Earn",
            "6 = A | B",
            "7 = [draft",
            "8 = 12345678901234567890"
        ]
    );
    assert_eq!(entry.metadata["submittedAt"], "2026-02-02T10:00:00Z");
    assert_eq!(entry.metadata["formId"], "7");
}

#[test]
fn without_a_map_nothing_is_guessed_from_a_number() {
    let entry = Delivery::json(ENTRY).lead(&GravityForms, &Own::default());
    assert!(!entry.fields.contains_key("email"));
    assert_eq!(
        answers(&entry)[..3],
        ["1.3 = Søren", "1.6 = Ek", "2 = s@lead.example"]
    );
}

#[test]
fn the_parts_of_a_name_are_one_text() {
    let entry = Delivery::json(ENTRY).lead(&GravityForms, &own(&[], &[("1", "name")]));
    assert_eq!(entry.fields["name"], "Søren Ek");
    assert!(
        answers(&entry)
            .iter()
            .all(|answer| !answer.starts_with("1"))
    );
}

#[test]
fn a_feed_may_send_a_form_or_names_of_its_own() {
    let pairs = [
        ("id", "9"),
        ("email", "s@lead.example"),
        ("goal", "a"),
        ("goal", "b"),
    ];
    let entry = Delivery::form(&pairs).lead(&GravityForms, &Own::default());
    assert_eq!(entry.id.as_deref(), Some("9"));
    assert_eq!(entry.fields["email"], "s@lead.example");
    assert_eq!(answers(&entry), ["goal = a | b"]);
    assert!(
        GravityForms
            .read(&Delivery::json("[]").sent(), &Own::default())
            .is_err()
    );
}

#[test]
fn a_date_is_in_utc_when_it_is_one() {
    for (date, wanted) in [
        ("2026-02-02 10:00:00", "2026-02-02T10:00:00Z"),
        ("2026-02-30 10:00:00", "2026-02-30 10:00:00"),
        ("soon", "soon"),
    ] {
        assert_eq!(in_utc(date), wanted);
    }
}
