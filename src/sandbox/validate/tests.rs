//! The documented rules as tables.

use serde_json::json;

use super::*;

#[test]
fn a_time_is_utc_with_z_and_a_day_that_exists() {
    let good = [
        ("2026-12-01T15:00:00.000Z", "2026-12-01T15:00:00Z"),
        ("2026-12-01T15:00:00Z", "2026-12-01T15:00:00Z"),
        ("2026-12-01T15:00Z", "2026-12-01T15:00:00Z"),
        ("2028-02-29T00:00:00.5Z", "2028-02-29T00:00:00.5Z"),
    ];
    for (given, meant) in good {
        assert_eq!(utc_instant(given), meant.parse().ok(), "{given}");
    }
    let bad = [
        "",
        "2026-12-01",
        "2026-12-01T15:00:00",
        "2026-12-01T15:00:00+00:00",
        "2026-12-01T15:00:00-05:00",
        "2026-12-01T15:00:00.Z",
        "2026-12-01T15:00.5Z",
        "2026-12-01 15:00:00Z",
        "2026-12-01t15:00:00z",
        "2026-12-01T24:00:00Z",
        "2026-12-01T15:60:00Z",
        "2026-12-01T15:00:60Z",
        "2026-02-29T15:00:00Z",
        "2026-11-31T15:00:00Z",
        "26-12-01T15:00:00Z",
        "2026-12-01-01T15:00:00Z",
        "2026-12-01T+5:00:00Z",
    ];
    for given in bad {
        assert_eq!(utc_instant(given), None, "{given}");
    }
}

#[test]
fn an_address_fits_the_published_pattern() {
    let good = [
        "kim@lead.example",
        "k@a.bc",
        "o'neil+tag_1-x@sub.lead-x.example",
        "1.2@3.co",
        "x@a-.example",
    ];
    for given in good {
        assert!(is_email(given), "{given}");
    }
    let bad = [
        "",
        "@lead.example",
        "kim@",
        "kim@lead",
        "kim@lead.e",
        "kim@lead.ex4",
        "kim@-lead.example",
        "kim@lead..example",
        "kim@.example",
        ".kim@lead.example",
        "kim.@lead.example",
        "kim'@lead.example",
        "k..im@lead.example",
        "k%im@lead.example",
        "kim@k@lead.example",
        "kïm@lead.example",
        "kim@leäd.example",
        "kim@lead.example ",
    ];
    for given in bad {
        assert!(!is_email(given), "{given}");
    }
    let long = format!("{}@lead.example", "k".repeat(243));
    assert!(email(&json!(long)).is_err());
    assert!(email(&json!(long[1..])).is_ok());
}

#[test]
fn a_phone_is_digits_with_at_most_a_plus() {
    for (given, is_good) in [
        ("+4790000000", true),
        ("90000000", true),
        ("+1234567890123456789", true),
        ("+12345678901234567890", false),
        ("+", false),
        ("", false),
        ("+47 900", false),
        ("++47", false),
        ("+4٣", false),
    ] {
        assert_eq!(phone(&json!(given)).is_ok(), is_good, "{given}");
    }
}

#[test]
fn a_name_has_at_most_25_utf_16_units() {
    for (given, is_good) in [
        ("a".repeat(25), true),
        ("a".repeat(26), false),
        ("é".repeat(25), true),
        ("😀".repeat(12), true),
        ("😀".repeat(13), false),
    ] {
        assert_eq!(name(&json!(given)).is_ok(), is_good, "{given}");
    }
}

#[test]
fn a_zone_is_an_iana_name() {
    for (given, is_good) in [
        ("Europe/Oslo", true),
        ("Asia/Kathmandu", true),
        ("UTC", true),
        ("", false),
        ("Oslo", false),
        ("+01:00", false),
        ("GMT+1", false),
    ] {
        assert_eq!(zone(&json!(given)).is_ok(), is_good, "{given}");
    }
}

#[test]
fn an_answer_names_one_question_and_lists_texts() {
    for (given, is_good) in [
        (json!([]), true),
        (json!([{"identifier": "budget", "answer": ["5k"]}]), true),
        (json!([{"customFieldId": 7, "answer": []}]), true),
        (json!([{"customFieldId": "7", "answer": []}]), false),
        (json!([{"answer": ["5k"]}]), false),
        (json!([{"identifier": "budget", "answer": "5k"}]), false),
        (json!([{"identifier": "budget", "answer": [5]}]), false),
        (json!([{"identifier": "budget"}]), false),
        (
            json!([{"identifier": "b", "answer": [], "question": "B"}]),
            false,
        ),
        (json!({}), false),
        (json!(null), false),
    ] {
        assert_eq!(answers(&given).is_ok(), is_good, "{given}");
    }
}

#[test]
fn every_fault_is_found_at_once() {
    let body = br#"{"email":"nobody","phoneNumber":null,"lead":1}"#;
    let mut fields = Fields::of_body(body, &["email", "phoneNumber", "zone"])
        .ok()
        .unwrap();
    fields.optional("email", email);
    fields.optional("phoneNumber", phone);
    fields.required("zone", zone);
    let Err(Refusal::Invalid(faults)) = fields.finish() else {
        panic!("accepted");
    };
    let names: Vec<_> = faults.iter().map(|(name, _)| name.as_deref()).collect();
    assert_eq!(
        names,
        [None, Some("email"), Some("phoneNumber"), Some("zone")]
    );
}

#[test]
fn a_day_as_upper_bound_includes_its_last_moment() {
    let last = "2026-12-01T23:59:59.999999999Z".parse().ok();
    assert_eq!(bound_to(&json!("2026-12-01")).ok(), last);
    assert_eq!(
        bound_from(&json!("2026-12-01")).ok(),
        "2026-12-01T00:00:00Z".parse().ok()
    );
    assert!(bound_from(&json!("yesterday")).is_err());
}
