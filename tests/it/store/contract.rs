//! What every store promises, as claims that know no store.
//!
//! A store joins with one file: a [`Bench`] of its own and one line, `contract!(path::to::a::function)`, where the
//! function is async and makes a bench over an empty store. Time on a bench may pass by itself beside what
//! [`Bench::advance`] adds, so claims measure in seconds and leave [`SLACK`].

pub mod accepting;
pub mod amending;
pub mod calls;
pub mod claiming;
pub mod identifying;
pub mod instants;
pub mod lasting;
pub mod listing;
pub mod operating;
pub mod pacing;
pub mod repeating;
pub mod telling;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use leadgate::lead::{Lane, Lead, LeadId, Reason, ReasonCode, Status, Step};
use leadgate::queue::{
    Acceptance, Accepted, Amended, Claim, Digest, Hold, Idempotency, Next, Retention, Store, Stored,
};
use serde_json::json;

/// A store under test and its time.
#[async_trait]
pub trait Bench: Send {
    /// The store; after [`Bench::reopen`] another one over the same data.
    fn store(&self) -> &Arc<dyn Store>;

    /// Moves the store's time on.
    fn advance(&self, by: Duration);

    /// Closes the store and opens the same data again.
    async fn reopen(&mut self);
}

/// More than any claim takes to run, less than any duration it gives.
pub const SLACK: Duration = Duration::from_secs(2);
pub const LEASE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(3600);
pub const DAY: Duration = Duration::from_secs(24 * 3600);
pub const ACCOUNT: &str = "main";

/// Runs every claim against the benches that `$make` makes, one test each.
macro_rules! contract {
    ($make:path) => {
        contract! { @each $make,
            accepting: [
                a_lead_comes_back_as_it_was_kept,
                a_lead_without_work_is_kept_and_ends,
                the_same_person_twice_at_once_is_one_lead_and_one_duplicate,
                fifty_at_once_of_one_person_make_one_lead,
                each_of_many_at_once_is_decided_by_itself,
                leads_that_come_together_are_taken_in_the_order_they_came,
                one_shared_digest_is_enough,
                other_people_and_nobody_are_no_duplicates,
                a_duplicate_is_kept_and_never_worked_on,
                a_person_is_free_when_the_window_has_passed,
                a_person_is_freed_when_no_call_can_come_of_the_lead,
                a_person_stays_claimed_while_a_call_may_exist,
                a_lead_kept_without_hope_claims_nobody,
                only_the_lead_that_claims_a_person_can_free_it,
                a_lead_brought_back_claims_its_person_again,
                a_lead_is_not_brought_back_beside_another_of_its_person,
                a_lead_that_lives_is_changed_whoever_claims_its_person,
            ],
            repeating: [
                the_same_delivery_at_once_and_again_is_kept_once,
                a_delivery_before_the_receipt_joins_and_the_first_receipt_stays,
                a_key_with_another_body_is_refused,
                without_a_body_the_key_alone_decides,
                a_key_is_known_for_its_time_and_then_forgotten,
                each_key_is_kept_as_long_as_it_says,
                a_known_key_tells_its_lead,
                a_full_queue_refuses_and_still_answers_repeated_deliveries,
                a_duplicate_answers_its_repeated_delivery,
            ],
            claiming: [
                many_workers_never_hold_the_same_lead,
                the_longest_due_goes_first,
                urgent_lanes_go_first_and_none_is_starved,
                a_claim_takes_only_its_account_and_step,
                a_lead_is_booking_exactly_while_held_for_it,
                a_lapsed_lease_returns_and_the_late_worker_is_refused,
                a_lapsed_lease_still_settles_while_nobody_took_the_lead,
                renewing_prolongs_and_comes_too_late_after_the_lapse,
                a_claim_ends_once,
                what_is_put_off_comes_back_when_it_is_due,
                the_next_due_time_is_known,
                a_settled_lead_is_as_the_worker_left_it,
                backlog_and_position_follow_the_leads,
                the_backlog_tells_how_long_the_longest_due_has_been_due,
                urgent_leads_go_before_and_delayed_ones_do_not,
                those_who_wait_are_woken,
            ],
            identifying: [
                a_person_known_late_is_claimed_and_the_lead_goes_on,
                a_person_known_late_and_claimed_already_makes_a_duplicate,
                many_leads_of_one_person_known_late_make_one_lead,
                a_person_known_late_is_not_claimed_without_hope,
                a_person_known_anew_takes_the_place_of_the_old_one,
                a_lost_claim_identifies_nobody,
            ],
            instants: [
                an_intent_is_written_before_it_is_told,
                an_open_hold_bars_everybody_else,
                many_at_once_get_different_instants,
                an_instant_is_of_one_account_and_event,
                a_spent_instant_bars_only_lists_seen_before,
                a_freed_instant_is_free,
                a_kept_hold_outlives_its_claim,
                a_lead_may_ask_again_for_its_own_instant,
                a_lead_holds_one_instant_at_a_time,
                a_lapsed_lease_may_not_ask,
            ],
            amending: [
                an_amended_lead_goes_where_it_is_sent,
                a_stale_change_is_refused,
                a_lead_in_a_workers_hands_is_not_changed,
                a_lead_that_is_gone_is_not_changed,
                an_amended_lead_takes_its_place_in_another_lane,
                a_change_ends_the_hold_as_it_is_told,
            ],
            calls: [
                a_call_is_found_from_the_settle_that_wrote_it,
                a_call_is_found_as_the_record_names_it,
                a_swept_lead_leaves_no_call,
                whoever_claims_a_person_is_found_by_it,
            ],
            listing: [
                leads_are_listed_newest_first_across_accounts,
                pages_follow_each_other_without_gap_or_repeat,
                new_leads_do_not_shift_the_pages,
                a_filter_lists_what_it_names_and_nothing_else,
                a_status_is_listed_as_it_is_shown,
                a_person_is_found_whatever_became_of_the_lead,
                an_erased_lead_is_found_by_nobody,
                one_call_looks_at_a_bounded_number_of_leads,
                a_swept_lead_is_not_listed,
            ],
            lasting: [
                the_hash_key_stays,
                a_restart_loses_no_lead_and_no_place,
                a_restart_forgets_no_person_and_no_key,
                a_restart_frees_no_instant,
                a_restart_closes_no_permit,
                a_probe_succeeds,
                a_sweep_deletes_only_what_is_past,
                a_swept_lead_leaves_its_person_claimed,
                a_sweep_spares_what_came_anew_under_an_old_name,
            ],
            operating: [
                a_switch_stays_as_it_was_turned,
                a_budget_tells_how_far_it_is_used,
                an_erased_lead_keeps_its_person_claimed_to_the_end_of_the_window,
                an_erased_lead_claims_nobody_it_did_not_claim,
                every_step_has_a_queue,
                a_scrub_changes_nothing_that_is_kept,
            ],
            pacing: [
                no_more_permits_are_open_than_the_limit,
                many_at_once_get_no_more_than_the_limit,
                budgets_do_not_share,
                an_answered_permit_closes_one_window_later,
                an_unanswered_permit_closes_by_itself,
                an_answer_after_the_lapse_still_takes_a_place,
                no_place_is_free_before_the_time_told,
                what_is_given_back_is_free_at_once,
                a_pause_closes_the_endpoint,
                a_longer_pause_stays,
                a_lower_limit_is_adopted_and_a_higher_one_never,
                no_window_at_the_vendor_sees_more_than_the_limit,
            ],
            telling: [
                an_accepted_lead_is_told_to_those_who_asked,
                nothing_is_kept_where_nobody_asked,
                a_duplicate_is_told_as_one,
                a_person_known_late_is_told_as_it_ends,
                what_became_of_a_lead_is_told_once,
                a_repeated_delivery_tells_nothing,
                a_message_is_in_one_senders_hands,
                a_message_put_off_comes_back_when_it_is_due,
                a_paused_receiver_is_left_alone_and_no_other,
                a_closed_receiver_keeps_its_messages_until_it_is_opened,
                a_receiver_that_comes_back_after_long_gets_everything_at_once,
                a_short_failure_brings_nothing_forward,
                a_replay_tells_again,
                a_waiting_message_can_be_hastened,
                what_waits_is_counted_for_each_receiver,
                what_is_to_be_told_survives_a_restart,
                a_message_waits_no_longer_than_leads_are_kept,
            ],
        }
    };
    (@each $make:path, $($subject:ident: [$($claim:ident,)*],)*) => {
        $(mod $subject {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $claim() {
                let mut bench = $make().await;
                $crate::store::contract::$subject::$claim(&mut bench).await;
            })*
        })*
    };
}

/// A new lead of nobody in particular.
pub fn lead() -> Lead {
    lead_in(ACCOUNT, Lane::Normal)
}

pub fn lead_in(account: &str, lane: Lane) -> Lead {
    serde_json::from_value(json!({
        "id": LeadId::random().unwrap(),
        "account": account,
        "source": "web",
        "linkPrefix": "ann/intro",
        "lane": lane,
        "receivedAt": "2026-09-01T08:00:00Z",
        "status": "queued",
        "contact": { "email": "lead@example.com" },
        "slot": "nearest",
    }))
    .unwrap()
}

/// A lead on its way to be booked, of nobody.
pub fn acceptance(lead: Lead) -> Acceptance {
    Acceptance {
        lead: lead.into(),
        first: Some(Step::Book),
        idempotency: None,
        person: Vec::new(),
        person_window: HOUR,
        max_waiting: 1_000_000,
    }
}

pub fn of_person(person: &[Digest]) -> Acceptance {
    Acceptance {
        person: person.to_vec(),
        ..acceptance(lead())
    }
}

pub fn with_key(key: u8, body: Option<u8>) -> Acceptance {
    let idempotency = Idempotency {
        key: [key; 16],
        body: body.map(|body| [body; 16]),
        kept: DAY,
    };
    Acceptance {
        idempotency: Some(idempotency),
        ..acceptance(lead())
    }
}

/// Accepts a lead that must be new.
pub async fn keep(store: &Arc<dyn Store>, acceptance: Acceptance) -> LeadId {
    let id = acceptance.lead.id;
    let accepted = store.accept(acceptance).await.unwrap();
    assert!(matches!(accepted, Accepted::Kept { .. }), "{accepted:?}");
    id
}

pub async fn take(store: &Arc<dyn Store>) -> Option<Claim> {
    store.claim(ACCOUNT, Step::Book, LEASE).await.unwrap()
}

/// The same claim in another worker's memory.
pub fn copy(claim: &Claim) -> Claim {
    Claim {
        lead: claim.lead.clone(),
        step: claim.step,
        fence: claim.fence,
        due_at: claim.due_at,
        good_until: claim.good_until,
        seen: claim.seen,
    }
}

/// Claims this lead, the only one that waits, and ends it like this.
pub async fn end(store: &Arc<dyn Store>, id: LeadId, status: Status, reason: Option<ReasonCode>) {
    let mut claim = take(store).await.unwrap();
    assert_eq!(claim.lead.id, id);
    claim.lead.status = status;
    claim.lead.reason = reason.map(|code| Reason {
        code,
        detail: String::new(),
    });
    store.settle(claim, Next::Done, Hold::Keep).await.unwrap();
}

/// Hands in a changed lead; whether it was taken.
pub async fn amended(store: &Arc<dyn Store>, stored: Stored, next: Next) -> bool {
    store.amend(stored, next, Hold::Keep).await.unwrap() == Amended::Done
}

pub async fn stored(store: &Arc<dyn Store>, id: LeadId) -> Stored {
    store.get(id).await.unwrap().unwrap()
}

pub async fn waiting(store: &Arc<dyn Store>) -> u64 {
    store
        .backlog()
        .await
        .unwrap()
        .iter()
        .map(|part| part.waiting)
        .sum()
}

pub fn later(step: Step, delay: Duration) -> Next {
    Next::After { step, delay }
}

/// Deletes everything that is past its time.
pub async fn sweep(store: &Arc<dyn Store>, ended: Duration) -> u64 {
    let mut gone = 0;
    loop {
        let swept = store.sweep(Retention { ended }).await.unwrap();
        gone += swept.leads;
        if !swept.more {
            return gone;
        }
    }
}
