//! A lead's fields: what is taken, and where a fault points.

use serde_json::json;

use super::canary::{MARK, changed, gateway, holds_mark, store_holds_mark};
use super::{LEADS, post};
use crate::support::{Seen, sandbox};

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_field_points_at_it_and_keeps_nothing() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = gateway(&sandbox).await;
    let late = "2031-12-01T10:00:00Z";
    for (change, pointer, code) in [
        (
            json!({"email": null, "phoneNumber": null}),
            "",
            "one_of_required",
        ),
        (
            json!({"email": " ", "phoneNumber": ""}),
            "",
            "one_of_required",
        ),
        (json!({"email": "zq-canary"}), "/email", "invalid_email"),
        (
            json!({"email": format!("{}@person.example", MARK.repeat(40))}),
            "/email",
            "invalid_email",
        ),
        (json!({"email": 5}), "/email", "wrong_type"),
        (
            json!({"email": ["zq-canary@person.example"]}),
            "/email",
            "wrong_type",
        ),
        (
            json!({"phoneNumber": "zq-canary"}),
            "/phoneNumber",
            "invalid_phone",
        ),
        (
            json!({"email": null, "phoneNumber": "90000017", "country": null}),
            "/phoneNumber",
            "unknown_region",
        ),
        (
            json!({"firstName": {"zq-canary": 1}}),
            "/firstName",
            "wrong_type",
        ),
        (json!({"company": MARK.repeat(30)}), "/company", "too_long"),
        (
            json!({"landingUrl": MARK.repeat(300)}),
            "/landingUrl",
            "too_long",
        ),
        (
            json!({"timeZone": "Zq-canary/Nowhere"}),
            "/timeZone",
            "unknown_time_zone",
        ),
        (
            json!({"dateTime": "2020-01-01T10:00:00Z"}),
            "/dateTime",
            "time_in_past",
        ),
        (
            json!({"dateTime": "zq-canary"}),
            "/dateTime",
            "invalid_time",
        ),
        (
            json!({"dateTime": "2031-02-30T10:00:00Z"}),
            "/dateTime",
            "invalid_time",
        ),
        (
            json!({"dateTime": "2031-12-01T10:00:00", "timeZone": null}),
            "/dateTime",
            "time_without_offset",
        ),
        (
            json!({"wishes": [late, "zq-canary"]}),
            "/wishes/1",
            "invalid_time",
        ),
        (json!({"wishes": [late, 5]}), "/wishes/1", "wrong_type"),
        (
            json!({"wishes": [" ", null, "zq-canary"]}),
            "/wishes/2",
            "invalid_time",
        ),
        (json!({"wishes": "zq-canary"}), "/wishes", "wrong_type"),
        (json!({"wishes": vec![late; 11]}), "/wishes", "too_many"),
        (
            json!({"linkPrefix": "zq-canary/call"}),
            "/linkPrefix",
            "event_not_allowed",
        ),
        (json!({"slot": "zq-canary"}), "/slot", "invalid_slot_policy"),
        (json!({"answers": ["zq-canary"]}), "/answers", "wrong_type"),
        (
            json!({"answers": {"a/b~c": {"zq-canary": 1}}}),
            "/answers/a~1b~0c",
            "wrong_type",
        ),
        (
            json!({"answers": {" ": "zq-canary"}}),
            "/answers/ ",
            "invalid_answer",
        ),
        (
            json!({"answers": {"goal": MARK.repeat(600)}}),
            "/answers/goal",
            "too_long",
        ),
        (
            json!({"additionalGuests": [{"name": "zq-canary"}]}),
            "/additionalGuests/0",
            "invalid_guest",
        ),
        (
            json!({"additionalGuests": ["zq-canary"]}),
            "/additionalGuests/0",
            "invalid_guest",
        ),
        (
            json!({"additionalGuests": vec!["zq-canary@person.example"; 11]}),
            "/additionalGuests",
            "too_many",
        ),
        (json!({"utm": "zq-canary"}), "/utm", "wrong_type"),
        (json!({"gclid": 5}), "/gclid", "wrong_type"),
    ] {
        let seen = Seen::of(post(&gateway, LEADS, &changed(change.clone()))).await;
        seen.assert_problem(&change.to_string(), 422, "validation_failed");
        assert_eq!(seen.faults(), [(pointer, code)], "{change}");
        assert!(
            !holds_mark(seen.text.as_bytes()),
            "{change} is echoed: {}",
            seen.text
        );
    }
    let all = changed(json!({
        "email": MARK, "first_name": 5, "timeZone": MARK, "dateTime": MARK, "slot": MARK, "linkPrefix": MARK,
    }));
    let seen = Seen::of(post(&gateway, LEADS, &all)).await;
    let mut pointers: Vec<_> = seen
        .faults()
        .into_iter()
        .map(|(pointer, _)| pointer)
        .collect();
    pointers.sort_unstable();
    assert_eq!(
        pointers,
        ["/dateTime", "/email", "/linkPrefix", "/slot", "/timeZone"]
    );

    assert!(sandbox.control().report().endpoints.is_empty());
    assert!(!store_holds_mark(gateway.folder()));
    assert!(!holds_mark(gateway.log().as_bytes()), "{}", gateway.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn both_spellings_marks_and_unknown_fields_are_taken() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = gateway(&sandbox).await;
    let lead = json!({
        "email": "kim@person.example", "phone_number": "90000018", "country": "Norway", "first_name": "Kim",
        "last_name": "Ek", "time_zone": "asia/kolkata", "utm_source": "newsletter", "utm": {"medium": "zq-medium"},
        "budget_range": "zq-five-thousand", "job_title": "zq-carpenter", "metadata": {"zq-deep": [[[1]]]},
    });
    let booked = Seen::of(post(&gateway, LEADS, &lead).header("Prefer", "wait=15")).await;
    assert_eq!((booked.http, booked.word()), (201, "booked"), "{booked:?}");
    assert_eq!(
        booked.body["booking"]["timeZone"], "Asia/Kolkata",
        "the zone's present name"
    );
    let report = sandbox.control().report();
    assert_eq!(report.calls[0].phone.as_deref(), Some("+4790000018"));
    assert_eq!(report.contacts[0].first_name.as_deref(), Some("Kim"));
    // What iClosed has no place for is in the record.
    let files = std::fs::read_dir(gateway.folder().join("data")).unwrap();
    let kept: Vec<u8> = files
        .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .collect();
    for text in [
        "\"utm_medium\":\"zq-medium\"",
        "\"budget_range\":\"zq-five-thousand\"",
        "zq-carpenter",
    ] {
        assert!(
            kept.windows(text.len())
                .any(|window| window == text.as_bytes()),
            "{text}"
        );
    }
}
