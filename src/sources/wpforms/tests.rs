use super::*;
use crate::sources::delivery::{Delivery, answers, own};

#[test]
fn the_owners_keys_are_fields_in_json_and_in_a_form() {
    let json = Delivery::json(
        r#"{"entry_id":"77","form_id":12,"email":"m@lead.example","first_name":"María","goals":["a","b"],"page_url":"https://acme.example/x"}"#,
    );
    let form = Delivery::form(&[
        ("entry_id", "77"),
        ("form_id", "12"),
        ("email", "m@lead.example"),
        ("first_name", "María"),
        ("goals", "a"),
        ("goals", "b"),
        ("page_url", "https://acme.example/x"),
    ]);
    for delivery in [json, form] {
        let entry = delivery.lead(&WpForms, &Own::default());
        assert_eq!(entry.id.as_deref(), Some("12/77"));
        assert_eq!(entry.fields["email"], "m@lead.example");
        assert_eq!(entry.fields["firstName"], "María");
        assert_eq!(entry.fields["landingUrl"], "https://acme.example/x");
        assert_eq!(answers(&entry), ["goals = a | b"]);
    }
}

#[test]
fn nested_values_are_answers_by_their_path() {
    let delivery = Delivery::json(r#"{"name":{"first":"Jo","last":"Ek"},"size":{"a":[1,2]}}"#);
    let entry = delivery.lead(&WpForms, &Own::default());
    assert_eq!(
        answers(&entry),
        ["name.first = Jo", "name.last = Ek", "size.a = 1 | 2"]
    );
    let map = [("name.first", "firstName"), ("name.last", "lastName")];
    let entry = delivery.lead(&WpForms, &own(&[], &map));
    assert_eq!(
        (&entry.fields["firstName"], &entry.fields["lastName"]),
        (&"Jo".into(), &"Ek".into())
    );
}

#[test]
fn an_entry_that_wordpress_does_not_keep_has_no_id() {
    for (body, id) in [
        (r#"{"entry_id":"0","form_id":"12"}"#, None),
        (r#"{"entry_id":"","form_id":"12"}"#, None),
        (r#"{"entry_id":5}"#, Some("5")),
        ("{}", None),
    ] {
        assert_eq!(
            Delivery::json(body)
                .lead(&WpForms, &Own::default())
                .id
                .as_deref(),
            id,
            "{body}"
        );
    }
    assert!(
        WpForms
            .read(&Delivery::json("7").sent(), &Own::default())
            .is_err()
    );
}
