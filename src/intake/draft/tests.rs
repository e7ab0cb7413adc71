use super::*;
use proptest::prelude::*;
use serde_json::json;

fn read(body: Value) -> (Draft, Vec<(String, &'static str)>) {
    let Value::Object(body) = body else {
        panic!("an object is wanted")
    };
    let (draft, faults) = Draft::read(body);
    (
        draft,
        faults
            .into_iter()
            .map(|fault| (fault.pointer, fault.code))
            .collect(),
    )
}

#[test]
fn both_spellings_are_one_field_and_the_unknown_is_kept() {
    let (draft, faults) = read(json!({
        "email": "kim@lead.example", "first_name": "Kim", "phoneNumber": null, "utm_source": "meta",
        "utm": {"medium": "paid"}, "_fbp": "fb.1", "budget_range": "5k", "wishes": ["2026-12-01T15:00:00Z"],
    }));
    assert_eq!(faults, []);
    assert_eq!(draft.first_name.as_deref(), Some("Kim"));
    assert_eq!(draft.phone_number, None);
    let marks: Vec<_> = draft
        .marks
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        marks,
        [
            ("utm_source", "meta"),
            ("utm_medium", "paid"),
            ("_fbp", "fb.1")
        ]
    );
    assert_eq!(draft.extra.get("budget_range"), Some(&json!("5k")));
}

#[test]
fn every_fault_is_told_at_once() {
    let (_, faults) = read(json!({
        "firstName": 5, "company": "x".repeat(201), "wishes": "now", "answers": {"a/b": {"no": 1}},
        "additionalGuests": [{"name": "Ola"}], "landingUrl": ["x"],
    }));
    let mut faults: Vec<_> = faults
        .iter()
        .map(|(pointer, code)| (pointer.as_str(), *code))
        .collect();
    faults.sort();
    assert_eq!(
        faults,
        [
            ("", "one_of_required"),
            ("/additionalGuests/0", "invalid_guest"),
            ("/answers/a~1b", "wrong_type"),
            ("/company", "too_long"),
            ("/firstName", "wrong_type"),
            ("/landingUrl", "wrong_type"),
            ("/wishes", "wrong_type"),
        ]
    );
}

#[test]
fn what_is_left_of_a_list_knows_its_place_in_it() {
    let (draft, faults) = read(json!({
        "email": "kim@lead.example", "wishes": [" ", 5, "soon"],
        "additionalGuests": [{"name": "Ida"}, "ida@lead.example"],
    }));
    let faults: Vec<_> = faults.iter().map(|fault| fault.0.as_str()).collect();
    assert_eq!(faults, ["/wishes/1", "/additionalGuests/0"]);
    assert_eq!(draft.wishes, [(2, "soon".to_owned())]);
    let guests: Vec<_> = draft
        .additional_guests
        .iter()
        .map(|guest| guest.0)
        .collect();
    assert_eq!(guests, [1]);
}

#[test]
fn answers_keep_their_order_and_every_value() {
    let (draft, faults) = read(json!({
        "email": "kim@lead.example", "answers": {"zeta": ["b", "a"], "alpha": 5000, "yes": true, "none": null},
    }));
    assert_eq!(faults, []);
    let answers: Vec<_> = draft
        .answers
        .iter()
        .map(|a| (a.question.as_str(), a.values.join(",")))
        .collect();
    assert_eq!(
        answers,
        [
            ("zeta", "b,a".to_owned()),
            ("alpha", "5000".to_owned()),
            ("yes", "true".to_owned())
        ]
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|n| json!(n)),
        ".{0,12}".prop_map(Value::String),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec(
                (
                    "(email|phoneNumber|wishes|answers|utm|additional_guests|[a-z_]{0,8})",
                    inner
                ),
                0..4
            )
            .prop_map(|items| Value::Object(items.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_sent_makes_the_reader_panic(body in any_json()) {
        if let Value::Object(body) = body {
            let _ = Draft::read(body);
        }
    }
}
