use super::*;
use crate::sources::delivery::{Delivery, answers, own};

#[test]
fn every_value_of_every_list_is_kept() {
    let data = r#"{"full_name":["Ana Ré"],"email":["a@lead.example","b@lead.example"],"goals":["Save","Earn"],"gclid":["abc"],
        "ip_address":["192.0.2.1"],"page_uuid":["p-1"],"variant":["a"],"page_url":["https://acme.example/lp"],"empty":[],"n":7}"#;
    let entry = Delivery::form(&[
        ("page_id", "p-1"),
        ("page_name", "Roof page"),
        ("page_url", "https://other.example"),
        ("data.json", data),
        ("data.xml", "<form/>"),
    ])
    .lead(&Unbounce, &own(&[], &[("n", "answers.number")]));
    assert_eq!(entry.fields["name"], "Ana Ré");
    assert_eq!(entry.fields["email"], "a@lead.example");
    assert_eq!(entry.fields["landingUrl"], "https://acme.example/lp");
    assert_eq!(
        answers(&entry),
        [
            "email = b@lead.example",
            "goals = Save | Earn",
            "number = 7"
        ]
    );
    assert_eq!(entry.marks, [("gclid".to_owned(), "abc".to_owned())]);
    assert_eq!(entry.metadata["pageId"], "p-1");
    assert_eq!(entry.metadata["pageName"], "Roof page");
    assert_eq!(entry.metadata["variant"], "a");
}

#[test]
fn the_page_is_taken_from_beside_the_lead_when_it_is_only_there() {
    let pairs = [("page_url", "https://acme.example/lp"), ("data.json", "{}")];
    let entry = Delivery::form(&pairs).lead(&Unbounce, &Own::default());
    assert_eq!(entry.fields["landingUrl"], "https://acme.example/lp");
    assert_eq!(entry.id, None);
}

#[test]
fn without_its_json_it_is_refused() {
    for delivery in [
        Delivery::form(&[("email", "ann@lead.example")]),
        Delivery::form(&[("data.json", "ann@lead.example")]),
        Delivery::form(&[("data.json", "[]")]),
        Delivery::json("{}"),
    ] {
        let error = Unbounce
            .read(&delivery.sent(), &Own::default())
            .unwrap_err();
        assert!(!error.0.contains("ann"), "{error}");
    }
}
