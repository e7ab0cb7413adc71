//! No body, however odd, makes a reader fail other than by its own error.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::complaint::Complaint;
use super::endpoint::Endpoint;
use super::error::{CallError, judge};
use super::{answer, calls, mask, read};

/// Names the readers look for, so that odd values land where they matter.
const NAMES: [&str; 32] = [
    "data",
    "eventCall",
    "eventCalls",
    "contact",
    "contacts",
    "id",
    "status",
    "availabilities",
    "appliedHostIds",
    "2026-12-01",
    "time",
    "message",
    "error",
    "errors",
    "details",
    "fieldErrors",
    "formErrors",
    "code",
    "limit",
    "points",
    "windowSec",
    "retryAfter",
    "event",
    "dateTimeUTC",
    "duration",
    "durationUnit",
    "linkPrefix",
    "inviteeQuestions",
    "conditionalUsers",
    "startTime",
    "cancelledBy",
    "phoneNumber",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        ".*".prop_map(Value::from),
        "[0-9:T.Z+ -]{0,30}".prop_map(Value::from),
        Just(json!("HOURS")),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        let name = prop_oneof![
            proptest::sample::select(&NAMES[..]).prop_map(str::to_owned),
            ".*"
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((name, inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn read_as_everything(body: &[u8]) {
    let _ = Complaint::read(body);
    for endpoint in Endpoint::ALL {
        for status in [302, 400, 403, 404, 429, 500] {
            let error = judge(endpoint, status, None, body, &[]);
            let longest = match &error {
                CallError::Refused(refusal) => refusal
                    .message
                    .as_deref()
                    .unwrap_or_default()
                    .chars()
                    .count(),
                _ => 0,
            };
            assert!(longest <= 200, "{error}");
        }
    }
    let Some(body) = read::json(body) else { return };
    let _ = answer::availability(&body);
    let _ = answer::created_call(&body);
    let _ = answer::contact_id(&body);
    let _ = answer::contacts(&body);
    let _ = answer::qualification(&body);
    let _ = answer::event_detail(&body);
    for call in calls::calls(&body).into_iter().flatten() {
        let _ = (call.end_time(), call.host_name(), format!("{call:?}"));
        let _ = call.matches(
            Some("kim@lead.example"),
            Some("+4790000000"),
            jiff::Timestamp::MAX,
            "",
            None,
        );
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        read_as_everything(&body);
    }

    #[test]
    fn no_json_makes_a_reader_panic(body in value()) {
        read_as_everything(body.to_string().as_bytes());
        read_as_everything(json!({"data": {"eventCalls": [body]}}).to_string().as_bytes());
    }

    #[test]
    fn no_slot_time_makes_a_reader_panic(day in ".*", time in value()) {
        let body = json!({"data": {"availabilities": {day: [time.clone()], "2026-12-01": [time.clone()],
            "9999-12-31": [time, "23:59:59"], "-009999-01-01": ["00:00"]}}});
        read_as_everything(body.to_string().as_bytes());
    }

    #[test]
    fn masking_takes_any_text(text in ".*") {
        let masked = mask::masked(&text);
        prop_assert!(masked.chars().count() <= 200 && !masked.contains('@'));
    }
}
