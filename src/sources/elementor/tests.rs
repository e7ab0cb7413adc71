use super::*;
use crate::sources::delivery::{Delivery, answers, own};

#[test]
fn php_names_are_taken_apart() {
    for (name, parts) in [
        ("form[id]", &["form", "id"][..]),
        ("fields[a][raw_value][]", &["fields", "a", "raw_value", ""]),
        (
            "fields[a][raw_value][0]",
            &["fields", "a", "raw_value", "0"],
        ),
        ("plain", &["plain"]),
        ("broken[a", &["broken", "a"]),
        ("[", &["", ""]),
    ] {
        assert_eq!(brackets(name), parts, "{name}");
    }
}

#[test]
fn advanced_data_tells_fields_by_id_and_keeps_choices_apart() {
    let entry = Delivery::form(&[
        ("form[id]", "1606c7c4"),
        ("form[name]", "Call"),
        ("fields[name][id]", "name"),
        ("fields[name][type]", "text"),
        ("fields[name][title]", ""),
        ("fields[name][value]", "Zoë Ek"),
        ("fields[name][raw_value]", "Zoë Ek"),
        ("fields[f1][type]", "email"),
        ("fields[f1][title]", "Wohin?"),
        ("fields[f1][value]", "z@lead.example"),
        ("fields[f2][type]", "tel"),
        ("fields[f2][title]", "טלפון"),
        ("fields[f2][value]", "0660 0000000"),
        ("fields[f3][type]", "checkbox"),
        ("fields[f3][title]", "Goals"),
        ("fields[f3][value]", "Save, a lot, Earn"),
        ("fields[f3][raw_value][0]", "Save, a lot"),
        ("fields[f3][raw_value][1]", "Earn"),
        ("fields[f4][type]", "acceptance"),
        ("fields[f4][title]", "Terms"),
        ("fields[f4][value]", "on"),
        ("fields[f5][type]", "recaptcha_v3"),
        ("fields[f5][value]", "03AGdBq2"),
        ("fields[utm_term][type]", "hidden"),
        ("fields[utm_term][value]", "roof"),
        ("meta[date][value]", "2 February 2026"),
        ("meta[page_url][title]", "Seite"),
        (
            "meta[page_url][value]",
            "https://acme.example/call?gclid=abc",
        ),
        ("meta[credit][value]", "Elementor"),
    ])
    .lead(&Elementor, &Own::default());
    assert_eq!(entry.fields["name"], "Zoë Ek");
    assert_eq!(entry.fields["email"], "z@lead.example");
    assert_eq!(entry.fields["phoneNumber"], "0660 0000000");
    assert_eq!(
        entry.fields["landingUrl"],
        "https://acme.example/call?gclid=abc"
    );
    assert_eq!(answers(&entry), ["Goals = Save, a lot | Earn"]);
    assert_eq!(entry.consent["Terms"], "on");
    assert_eq!(entry.marks, [("utm_term".to_owned(), "roof".to_owned())]);
    assert_eq!(entry.metadata["formId"], "1606c7c4");
    assert_eq!(entry.metadata["date"], "2 February 2026");
    assert_eq!(entry.id, None);
}

#[test]
fn without_advanced_data_labels_are_fields_and_what_elementor_adds_stands_behind_them() {
    let entry = Delivery::form(&[
        ("Name", "Jo Ek"),
        ("Date", "next Friday"),
        ("No Label roof", "Flat"),
        ("Goals[]", "Save"),
        ("Goals[]", "Earn"),
        ("Correo", "j@lead.example"),
        ("Date", "2 February 2026"),
        ("Time", "10:15"),
        ("Page URL", "https://acme.example/call"),
        ("User Agent", "Mozilla"),
        ("Remote IP", "192.0.2.1"),
        ("Powered by", "Elementor"),
        ("form_id", "a1b2"),
        ("form_name", "Call"),
    ])
    .lead(&Elementor, &own(&[], &[("Correo", "email")]));
    assert_eq!(entry.fields["name"], "Jo Ek");
    assert_eq!(entry.fields["email"], "j@lead.example");
    assert_eq!(entry.fields["landingUrl"], "https://acme.example/call");
    assert_eq!(
        answers(&entry),
        ["Date = next Friday", "roof = Flat", "Goals = Save | Earn"]
    );
    assert_eq!(entry.metadata["date"], "2 February 2026");
    assert_eq!(entry.metadata["formId"], "a1b2");
}

#[test]
fn what_a_site_in_another_language_adds_is_kept_as_answers() {
    let entry = Delivery::form(&[
        ("E-Mail", "j@lead.example"),
        ("Datum", "2. Februar 2026"),
        ("Seiten-URL", "https://acme.example/anruf"),
        ("form_id", "a1b2"),
    ])
    .lead(&Elementor, &own(&[], &[("Seiten-URL", "landingUrl")]));
    assert_eq!(entry.fields["landingUrl"], "https://acme.example/anruf");
    assert_eq!(answers(&entry), ["Datum = 2. Februar 2026"]);
    assert_eq!(entry.metadata["formId"], "a1b2");
}

#[test]
fn only_a_form_is_read() {
    assert!(
        Elementor
            .read(&Delivery::json("{}").sent(), &Own::default())
            .is_err()
    );
    assert!(!Elementor.is_signed(&Own::default()));
}
