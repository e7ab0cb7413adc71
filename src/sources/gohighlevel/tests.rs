use super::*;
use crate::sources::delivery::{Delivery, answers, own};

#[test]
fn the_contact_its_labels_and_its_visit_find_their_places() {
    let entry = Delivery::json(
        r#"{"contact_id":"c1","first_name":"Kim","last_name":"Ek","full_name":"Kim Ek","email":"kim@lead.example",
            "phone":"+4790000000","tags":"hot,roof","state":"Oslo","country":"NO","date_created":"2026-11-20",
            "What is your budget?":"10k","Roofs":["flat","steep"],"customData":{"note":"call me"},
            "location":{"id":"l1","name":"Acme"},"workflow":{"id":"w1","name":"Booked"},
            "contact":{"attributionSource":{"utmSource":"news","campaign":"fall","gclid":"g1",
                "url":"https://acme.example/a","sessionSource":"Paid"}}}"#,
    )
    .lead(&GoHighLevel, &Own::default());
    assert_eq!(entry.id, None);
    for (ours, text) in [
        ("email", "kim@lead.example"),
        ("phoneNumber", "+4790000000"),
        ("firstName", "Kim"),
        ("name", "Kim Ek"),
        ("region", "Oslo"),
        ("landingUrl", "https://acme.example/a"),
    ] {
        assert_eq!(entry.fields[ours], text, "{ours}");
    }
    assert_eq!(
        answers(&entry),
        [
            "What is your budget? = 10k",
            "Roofs = flat | steep",
            "note = call me"
        ]
    );
    let marks = [
        ("utm_source", "news"),
        ("utm_campaign", "fall"),
        ("gclid", "g1"),
    ];
    assert_eq!(
        entry.marks,
        marks.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert_eq!(entry.metadata["workflowName"], "Booked");
    assert_eq!(entry.metadata["contactId"], "c1");
    assert_eq!(entry.metadata["sessionSource"], "Paid");
}

#[test]
fn the_operators_map_reaches_labels_and_what_is_left_out_otherwise() {
    let map = [
        ("WhatsApp", "phoneNumber"),
        ("contact_source", "answers.source"),
    ];
    let entry = Delivery::json(r#"{"phone":"1","WhatsApp":"+4790000001","contact_source":"fair"}"#)
        .lead(&GoHighLevel, &own(&[], &map));
    assert_eq!(entry.fields["phoneNumber"], "+4790000001");
    assert_eq!(answers(&entry), ["phone = 1", "source = fair"]);
}

#[test]
fn a_key_is_spelled_as_a_campaign_mark() {
    for (theirs, ours) in [
        ("utmSource", "utm_source"),
        ("utm_medium", "utm_medium"),
        ("gclid", "gclid"),
        ("utmKeyword", "utm_keyword"),
    ] {
        assert_eq!(snake(theirs), ours);
    }
}

#[test]
fn what_is_no_object_is_unreadable() {
    let list = Delivery::json("[]");
    assert!(GoHighLevel.read(&list.sent(), &Own::default()).is_err());
}
