use super::*;
use crate::lead::status::frees_person;
use crate::lead::{Booking, Intent, LeadId, SlotPolicy};

fn now() -> Timestamp {
    "2026-12-01T08:00:00Z".parse().unwrap()
}

fn slot() -> Timestamp {
    "2026-12-02T09:00:00Z".parse().unwrap()
}

fn bounds() -> Bounds {
    Bounds {
        look_after_seconds: vec![2, 5],
        max_attempts: 2,
        ask_for: Duration::from_secs(3600),
        chance: 1.0,
    }
}

/// A lead whose request for [`slot`] has left.
fn asked(attempts: u32) -> Lead {
    let lead = serde_json::json!({
        "id": LeadId::from_bytes([1; 16]), "account": "main", "source": "landing", "linkPrefix": "acme/call",
        "lane": "normal", "receivedAt": now(), "status": "booking", "contact": {"email": "kim@lead.example"},
        "slot": SlotPolicy::Earliest,
    });
    let mut lead: Lead = serde_json::from_value(lead).unwrap();
    lead.progress.attempts = attempts;
    lead.progress.intent = Some(Intent {
        attempt: attempts,
        instant: slot(),
        sent_at: now(),
    });
    lead
}

fn call() -> Booking {
    Booking {
        event_call_id: 7,
        start_time: slot(),
        end_time: None,
        time_zone: "UTC".to_owned(),
        closer_name: None,
        confirmation_link: None,
        redirect_url: None,
    }
}

fn after(step: Step, seconds: u64) -> Next {
    Next::After {
        step,
        delay: Duration::from_secs(seconds),
    }
}

#[test]
fn each_outcome_moves_the_lead_to_its_place() {
    use Outcome::{
        AskForTime, Disqualified, Failed, Later, LookFailed, OnToBooking, RefusedAgain,
        SlotRefused, Unknown,
    };
    let why = || "why".to_owned();
    for (step, outcome, status, next, hold) in [
        (
            Step::Book,
            Outcome::Booked {
                booking: call(),
                found: false,
            },
            Status::Booked,
            Next::Done,
            Hold::Spent,
        ),
        (
            Step::Reconcile,
            Outcome::Booked {
                booking: call(),
                found: true,
            },
            Status::Booked,
            Next::Done,
            Hold::Spent,
        ),
        (
            Step::Book,
            SlotRefused(why()),
            Status::Queued,
            after(Step::Book, 0),
            Hold::Spent,
        ),
        (
            Step::Book,
            Later {
                why: why(),
                delay: Duration::from_secs(9),
            },
            Status::Queued,
            after(Step::Book, 9),
            Hold::Free,
        ),
        (
            Step::Book,
            Failed(why()),
            Status::Queued,
            after(Step::Book, 2),
            Hold::Free,
        ),
        (
            Step::Qualify,
            Failed(why()),
            Status::Queued,
            after(Step::Qualify, 2),
            Hold::Free,
        ),
        (
            Step::Book,
            Unknown(why()),
            Status::Reconciling,
            after(Step::Reconcile, 2),
            Hold::Keep,
        ),
        (
            Step::Book,
            RefusedAgain(why()),
            Status::Reconciling,
            after(Step::Reconcile, 2),
            Hold::Keep,
        ),
        (
            Step::Reconcile,
            LookFailed(why()),
            Status::Reconciling,
            after(Step::Reconcile, 2),
            Hold::Keep,
        ),
        (
            Step::Book,
            Outcome::NothingFree,
            Status::Queued,
            after(Step::Book, 10),
            Hold::Free,
        ),
        (
            Step::Book,
            AskForTime(vec![slot()]),
            Status::NeedsTime,
            after(Step::HandOver, 3600),
            Hold::Free,
        ),
        (
            Step::Qualify,
            OnToBooking,
            Status::Queued,
            after(Step::Book, 0),
            Hold::Keep,
        ),
        (
            Step::Book,
            Disqualified(why()),
            Status::Disqualified,
            Next::Done,
            Hold::Free,
        ),
        (
            Step::Book,
            Outcome::Park(ReasonCode::KeyRefused, why()),
            Status::Parked,
            Next::Done,
            Hold::Free,
        ),
        (
            Step::Book,
            Outcome::Park(ReasonCode::EventUnavailable, why()),
            Status::Queued,
            after(Step::HandOver, 0),
            Hold::Free,
        ),
        (
            Step::HandOver,
            Outcome::HandOver(HandOverEnd::Done),
            Status::Parked,
            Next::Done,
            Hold::Keep,
        ),
        (
            Step::HandOver,
            Outcome::HandOver(HandOverEnd::Refused(why())),
            Status::Parked,
            Next::Done,
            Hold::Keep,
        ),
        (
            Step::HandOver,
            Outcome::HandOver(HandOverEnd::Failed(why())),
            Status::Booking,
            after(Step::HandOver, 2),
            Hold::Keep,
        ),
        (
            Step::HandOver,
            Outcome::HandOver(HandOverEnd::Later(Duration::from_secs(9))),
            Status::Booking,
            after(Step::HandOver, 9),
            Hold::Keep,
        ),
    ] {
        let mut lead = asked(1);
        let name = format!("{outcome:?}");
        let went = apply(&mut lead, step, outcome, now(), &bounds());
        assert_eq!((lead.status, went), (status, (next, hold)), "{name}");
        assert!(!lead.timeline.is_empty(), "{name} leaves a line");
    }
}

#[test]
fn only_a_request_that_was_not_sent_gives_its_attempt_back() {
    for outcome in [
        Outcome::Later {
            why: "429".to_owned(),
            delay: Duration::ZERO,
        },
        Outcome::Failed("not sent".to_owned()),
    ] {
        let mut lead = asked(2);
        apply(&mut lead, Step::Book, outcome.clone(), now(), &bounds());
        assert_eq!((lead.progress.attempts, lead.progress.intent), (1, None));
        // What failed before a request was meant costs none either.
        let mut lead = asked(2);
        lead.progress.intent = None;
        apply(&mut lead, Step::Book, outcome, now(), &bounds());
        assert_eq!(lead.progress.attempts, 2);
    }
    let mut lead = asked(2);
    apply(
        &mut lead,
        Step::Book,
        Outcome::Unknown("lost".to_owned()),
        now(),
        &bounds(),
    );
    assert_eq!(lead.progress.attempts, 2);
    assert!(lead.progress.intent.is_some());
}

#[test]
fn after_the_last_look_one_more_request_is_allowed_for_the_same_instant_first() {
    let mut lead = asked(1);
    assert_eq!(
        apply(
            &mut lead,
            Step::Reconcile,
            Outcome::NotFound,
            now(),
            &bounds()
        ),
        (after(Step::Reconcile, 3), Hold::Keep)
    );
    assert_eq!(
        apply(
            &mut lead,
            Step::Reconcile,
            Outcome::NotFound,
            now(),
            &bounds()
        ),
        (after(Step::Book, 0), Hold::Keep)
    );
    assert_eq!(
        (lead.status, lead.progress.missed, &lead.progress.intent),
        (Status::Queued, Some(slot()), &None)
    );
    // Until it was asked for again no other lead may take it.
    for (outcome, hold) in [
        (Outcome::Failed("not sent".to_owned()), Hold::Keep),
        (Outcome::AskForTime(vec![]), Hold::Free),
    ] {
        let (_, held) = apply(&mut lead, Step::Book, outcome, now(), &bounds());
        assert_eq!(held, hold);
    }
}

#[test]
fn a_lead_whose_every_answer_was_lost_parks_and_keeps_its_person() {
    let mut lead = asked(2);
    apply(
        &mut lead,
        Step::Reconcile,
        Outcome::NotFound,
        now(),
        &bounds(),
    );
    let went = apply(
        &mut lead,
        Step::Reconcile,
        Outcome::NotFound,
        now(),
        &bounds(),
    );
    assert_eq!(went, (after(Step::HandOver, 0), Hold::Keep));
    assert!(
        lead.progress.intent.is_some(),
        "what was asked for stays on record"
    );
    let done = Outcome::HandOver(HandOverEnd::Done);
    apply(&mut lead, Step::HandOver, done, now(), &bounds());
    let code = lead.reason.as_ref().map(|reason| reason.code);
    assert_eq!(
        (lead.status, code),
        (Status::Parked, Some(ReasonCode::OutcomeUnknown))
    );
    assert!(!frees_person(lead.status, code));
}

#[test]
fn what_repeats_for_ever_ends_in_a_park() {
    for (step, outcome, code) in [
        (
            Step::Book,
            Outcome::Failed("down".to_owned()),
            ReasonCode::AttemptsSpent,
        ),
        (Step::Book, Outcome::NothingFree, ReasonCode::NoSlots),
        (
            Step::Reconcile,
            Outcome::LookFailed("down".to_owned()),
            ReasonCode::OutcomeUnknown,
        ),
    ] {
        let mut lead = asked(1);
        let mut turns = 0;
        while !matches!(
            apply(&mut lead, step, outcome.clone(), now(), &bounds()),
            (
                Next::After {
                    step: Step::HandOver,
                    ..
                },
                _
            )
        ) {
            turns += 1;
            assert!(turns < 1000, "{outcome:?}");
        }
        assert_eq!(lead.reason.map(|reason| reason.code), Some(code));
        assert!(
            lead.timeline.len() < 10,
            "an hour of the same fault is one line: {}",
            lead.timeline.len()
        );
    }
}

#[test]
fn a_refused_instant_is_not_asked_for_again_and_older_lists_no_longer_count() {
    let mut lead = asked(1);
    apply(
        &mut lead,
        Step::Book,
        Outcome::SlotRefused("taken".to_owned()),
        now(),
        &bounds(),
    );
    assert_eq!(lead.progress.refused, [slot()]);
    assert_eq!(lead.progress.fresh_after, Some(now()));
    let mut lead = asked(4);
    let (next, hold) = apply(
        &mut lead,
        Step::Book,
        Outcome::SlotRefused("taken".to_owned()),
        now(),
        &bounds(),
    );
    assert_eq!((next, hold), (after(Step::HandOver, 0), Hold::Spent));
}

#[test]
fn a_second_refusal_of_a_lost_request_is_looked_into_and_then_counts() {
    let mut lead = asked(1);
    lead.progress.missed = Some(slot());
    let refused = || Outcome::RefusedAgain("taken".to_owned());
    apply(&mut lead, Step::Book, refused(), now(), &bounds());
    assert!(
        lead.progress.intent.is_some(),
        "what to look for is on record"
    );
    let look = |lead: &mut Lead| apply(lead, Step::Reconcile, Outcome::NotFound, now(), &bounds());
    look(&mut lead);
    assert_eq!(look(&mut lead), (after(Step::Book, 0), Hold::Spent));
    let progress = &lead.progress;
    assert_eq!(
        (&progress.refused[..], progress.missed, &progress.intent),
        (&[slot()][..], None, &None)
    );
}

#[test]
fn the_tries_of_one_step_say_nothing_of_the_next() {
    let mut lead = asked(1);
    lead.progress.failures = 200;
    let unknown = Outcome::Unknown("lost".to_owned());
    apply(&mut lead, Step::Book, unknown, now(), &bounds());
    assert_eq!(lead.progress.failures, 0);
    lead.progress.failures = 200;
    let failed = Outcome::LookFailed("down".to_owned());
    apply(&mut lead, Step::Reconcile, failed, now(), &bounds());
    assert_eq!(lead.progress.failures, 201);
    // A webhook's question comes between the tries of another step.
    let mut lead = asked(1);
    lead.progress.failures = 200;
    lead.progress.confirmation.displaced = Some(crate::lead::Displaced {
        step: Step::HandOver,
        due_at: now(),
    });
    let standing = Outcome::Confirmed(crate::booking::outcome::Standing::NotListed);
    for step in [Step::Reconcile, Step::Confirm] {
        let mut lead = lead.clone();
        apply(&mut lead, step, standing.clone(), now(), &bounds());
        assert_eq!(lead.progress.failures, 200, "{step:?}");
    }
}

#[test]
fn a_contact_is_brought_over_for_about_a_day_and_waits_cost_nothing() {
    let mut lead = asked(1);
    let end = |end| Outcome::HandOver(end);
    let mut tries = 0;
    loop {
        let later = end(HandOverEnd::Later(Duration::from_secs(1)));
        apply(&mut lead, Step::HandOver, later, now(), &bounds());
        let failed = end(HandOverEnd::Failed("down".to_owned()));
        tries += 1;
        let (next, _) = apply(&mut lead, Step::HandOver, failed, now(), &bounds());
        if next == Next::Done {
            break;
        }
    }
    assert_eq!(tries, retry::MOST_FAILURES);
    assert_eq!(lead.timeline.last().unwrap().outcome, "not_handed_over");
}

#[test]
fn whatever_stops_a_lead_in_doubt_it_keeps_its_person_and_what_was_asked_for() {
    for (code, status) in [
        (ReasonCode::AttemptsSpent, Status::Queued),
        (ReasonCode::EventUnavailable, Status::Queued),
        (ReasonCode::OutcomeUnknown, Status::Queued),
        (ReasonCode::KeyRefused, Status::Parked),
    ] {
        let mut lead = asked(1);
        lead.progress.intent = None;
        lead.progress.missed = Some(slot());
        let outcome = Outcome::Park(code, "why".to_owned());
        let (_, hold) = apply(&mut lead, Step::Book, outcome, now(), &bounds());
        let reason = lead.reason.as_ref().map(|reason| reason.code);
        assert_eq!((lead.status, hold), (status, Hold::Keep), "{code:?}");
        assert_eq!(reason, Some(ReasonCode::OutcomeUnknown), "{code:?}");
        let intent = lead.progress.intent.unwrap();
        assert_eq!((intent.instant, intent.sent_at), (slot(), lead.received_at));
    }
}

#[test]
fn a_lead_that_chose_no_time_is_handed_over_and_parks_as_such() {
    let mut lead = asked(1);
    apply(
        &mut lead,
        Step::Book,
        Outcome::AskForTime(vec![slot()]),
        now(),
        &bounds(),
    );
    let end = |end| Outcome::HandOver(end);
    let failed = end(HandOverEnd::Failed("down".to_owned()));
    apply(&mut lead, Step::HandOver, failed, now(), &bounds());
    assert_eq!(lead.status, Status::NeedsTime, "a choice is still welcome");
    let mut in_doubt = lead.clone();
    let done = || end(HandOverEnd::Done);
    apply(&mut lead, Step::HandOver, done(), now(), &bounds());
    assert_eq!((lead.status, lead.alternatives.len()), (Status::Parked, 0));
    assert_eq!(lead.reason.unwrap().code, ReasonCode::TimeNotChosen);

    in_doubt.progress.missed = Some(slot());
    apply(&mut in_doubt, Step::HandOver, done(), now(), &bounds());
    let code = in_doubt.reason.as_ref().map(|reason| reason.code);
    assert_eq!(code, Some(ReasonCode::OutcomeUnknown));
    assert!(in_doubt.progress.intent.is_some(), "a retry looks for it");
    assert!(!frees_person(in_doubt.status, code));
}
