use serde_json::{Value, json};

use super::*;

/// A lead with everything in it, and these changes.
fn lead(changes: Value) -> Lead {
    let mut record = json!({
        "id": "ld_00000000000000000000000000", "account": "main", "source": "web", "linkPrefix": "ann/intro",
        "eventId": 7, "lane": "normal", "receivedAt": "2026-09-01T08:00:00Z", "status": "parked", "slot": "nearest",
        "platformId": "secret", "contact": {"email": "secret", "name": "secret", "timeZone": "secret"},
        "wishes": ["2026-09-02T08:00:00Z"], "answers": [{"question": "secret", "values": ["secret"]}],
        "additionalGuests": [{"email": "secret"}], "tracking": {"utm": {"utm_source": "secret"}},
        "sender": {"address": "secret", "userAgent": "secret"}, "consent": "secret", "metadata": "secret",
        "extra": {"secret": 1}, "alternatives": ["2026-09-02T08:00:00Z"], "trace": "secret", "raw": "secret",
        "timeline": [{"at": "2026-09-01T08:00:00Z", "step": "book", "outcome": "to_park", "detail": "secret"}],
        "progress": {"attempts": 3, "failures": 2, "emptyLookups": 3, "looks": 4, "cancelReason": "secret"},
    });
    for (name, value) in changes.as_object().unwrap() {
        record[name] = value.clone();
    }
    serde_json::from_value(record).unwrap()
}

fn because(code: &str) -> Value {
    json!({"reason": {"code": code, "detail": "secret"}})
}

fn with(mut one: Value, other: Value) -> Value {
    one.as_object_mut()
        .unwrap()
        .extend(other.as_object().unwrap().clone());
    one
}

fn intent() -> Value {
    let intent =
        json!({"attempt": 3, "instant": "2026-09-02T08:00:00Z", "sentAt": "2026-09-01T09:00:00Z"});
    json!({"progress": {"attempts": 3, "intent": intent}})
}

fn missed() -> Value {
    json!({"progress": {"attempts": 3, "missed": "2026-09-02T08:00:00Z"}})
}

#[test]
fn a_retry_goes_where_the_lead_stopped_and_never_repeats_a_booking_blindly() {
    let at_qualify = json!({"timeline": [
        {"at": "2026-09-01T08:00:00Z", "step": "book", "outcome": "to_park"},
        {"at": "2026-09-01T08:00:00Z", "step": "qualify", "outcome": "to_park"},
        {"at": "2026-09-01T08:00:00Z", "step": "hand_over", "outcome": "handed_over"},
    ]});
    for (changes, expected) in [
        (because("no_slots"), Ok(Step::Book)),
        (because("attempts_spent"), Ok(Step::Book)),
        (
            with(because("refused_by_iclosed"), at_qualify),
            Ok(Step::Qualify),
        ),
        (
            with(because("fetch_refused"), json!({"toFetch": {"id": "1"}})),
            Ok(Step::Fetch),
        ),
        (
            with(because("outcome_unknown"), intent()),
            Ok(Step::Reconcile),
        ),
        (
            with(because("attempts_spent"), intent()),
            Ok(Step::Reconcile),
        ),
        (
            because("outcome_unknown"),
            Err(Refusal::Reason(ReasonCode::OutcomeUnknown)),
        ),
        (
            with(because("time_not_chosen"), json!({"status": "needs_time"})),
            Ok(Step::Book),
        ),
        (
            because("suspected_spam"),
            Err(Refusal::Reason(ReasonCode::SuspectedSpam)),
        ),
        (
            because("test_lead"),
            Err(Refusal::Reason(ReasonCode::TestLead)),
        ),
        (
            because("no_contact"),
            Err(Refusal::Reason(ReasonCode::NoContact)),
        ),
        (
            json!({"status": "booked"}),
            Err(Refusal::Status(Status::Booked)),
        ),
        (
            json!({"status": "queued"}),
            Err(Refusal::Status(Status::Queued)),
        ),
        (
            json!({"status": "duplicate"}),
            Err(Refusal::Status(Status::Duplicate)),
        ),
        (
            json!({"status": "erased"}),
            Err(Refusal::Status(Status::Erased)),
        ),
    ] {
        assert_eq!(retried(&lead(changes.clone())), expected, "{changes}");
    }
}

#[test]
fn a_retry_counts_anew_except_what_was_sent_before_a_look() {
    let now = Timestamp::UNIX_EPOCH;
    let mut again = lead(because("no_slots"));
    let (next, _) = retry(&mut again, Step::Book, "kim", now);
    assert_eq!(next, after(Step::Book));
    assert_eq!(again.status, Status::Queued);
    let Progress {
        attempts,
        failures,
        empty_lookups,
        looks,
        ..
    } = again.progress;
    assert_eq!((attempts, failures, empty_lookups, looks), (0, 0, 0, 0));
    assert!(again.reason.is_none());
    let mut looked = lead(with(because("outcome_unknown"), intent()));
    retry(&mut looked, Step::Reconcile, "kim", now);
    assert_eq!(looked.status, Status::Reconciling);
    assert_eq!(looked.progress.attempts, 3);
    assert!(looked.progress.intent.is_some());
    assert_eq!(
        looked.timeline.last().unwrap().detail.as_deref(),
        Some("by kim")
    );
}

#[test]
fn a_release_lifts_a_doubt_and_nothing_else() {
    for (changes, expected) in [
        (because("suspected_spam"), Ok(Release::Begin)),
        (
            with(because("suspected_spam"), json!({"test": true})),
            Err(Refusal::Reason(ReasonCode::TestLead)),
        ),
        (
            because("test_lead"),
            Err(Refusal::Reason(ReasonCode::TestLead)),
        ),
        (json!({"status": "disqualified"}), Ok(Release::Book)),
        (json!({"status": "duplicate"}), Ok(Release::Begin)),
        (
            with(because("outcome_unknown"), intent()),
            Ok(Release::BookAgain),
        ),
        (
            because("no_slots"),
            Err(Refusal::Reason(ReasonCode::NoSlots)),
        ),
        (
            json!({"status": "needs_time"}),
            Err(Refusal::Status(Status::NeedsTime)),
        ),
        (
            json!({"status": "cancelled"}),
            Err(Refusal::Status(Status::Cancelled)),
        ),
    ] {
        assert_eq!(released(&lead(changes.clone())), expected, "{changes}");
    }
}

#[test]
fn a_person_who_says_that_no_call_exists_allows_one_more_request() {
    let mut again = lead(with(because("outcome_unknown"), intent()));
    let (next, hold) = release(
        &mut again,
        Release::BookAgain,
        Step::Qualify,
        "kim",
        Timestamp::UNIX_EPOCH,
    );
    assert_eq!((next, hold), (after(Step::Book), Hold::Free));
    assert!(again.progress.intent.is_none() && again.progress.missed.is_none());
    let asked_for = "2026-09-02T08:00:00Z".parse().unwrap();
    assert_eq!(again.wishes, [asked_for], "before any other time");
    assert_eq!(again.progress.attempts, 3, "the next lost answer parks it");
    assert_eq!(again.timeline.last().unwrap().outcome, "said_not_booked");
}

#[test]
fn a_cancel_never_forgets_a_call_that_may_exist() {
    let unknown = Err(Refusal::Reason(ReasonCode::OutcomeUnknown));
    for (changes, expected) in [
        (json!({"status": "queued"}), Ok(Cancelling::End)),
        (because("no_slots"), Ok(Cancelling::End)),
        (json!({"status": "needs_time"}), Ok(Cancelling::End)),
        (json!({"status": "booked"}), Ok(Cancelling::AtIclosed)),
        (json!({"status": "cancelled"}), Ok(Cancelling::Done)),
        (json!({"status": "booking"}), Err(Refusal::Busy)),
        (json!({"status": "reconciling"}), Err(Refusal::Busy)),
        (
            with(json!({"status": "queued"}), intent()),
            Err(Refusal::Busy),
        ),
        (with(because("outcome_unknown"), intent()), unknown),
        (with(json!({"status": "needs_time"}), missed()), unknown),
        (
            with(json!({"status": "queued"}), missed()),
            Err(Refusal::Busy),
        ),
        (
            json!({"status": "duplicate"}),
            Err(Refusal::Status(Status::Duplicate)),
        ),
        (
            json!({"status": "erased"}),
            Err(Refusal::Status(Status::Erased)),
        ),
    ] {
        assert_eq!(cancelled(&lead(changes.clone())), expected, "{changes}");
    }
}

#[test]
fn nothing_of_a_person_is_left_in_an_erased_lead() {
    let call = json!({"booking": {
        "eventCallId": 5, "startTime": "2026-09-02T08:00:00Z", "timeZone": "secret", "closerName": "secret",
        "confirmationLink": "secret", "redirectUrl": "secret",
    }});
    let whole = lead(with(because("no_slots"), call));
    let left = erased(&whole, "kim", Timestamp::UNIX_EPOCH);
    let text = serde_json::to_string(&left).unwrap();
    assert!(!text.contains("secret"), "{text}");
    assert_eq!(left.status, Status::Erased);
    assert_eq!((left.id, left.received_at), (whole.id, whole.received_at));
    assert_eq!(left.booking.unwrap().event_call_id, 5);
    assert_eq!(left.timeline.len(), 1);
}
