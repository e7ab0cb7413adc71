//! The count at the end, held against the promises. Pure: what was seen goes in, what broke comes out.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::Scale;
use super::board::{Acknowledged, Board, Standing};
use crate::sandbox::Report;

/// A booking within this time of a kill was under way before: it is as long as the pretend iClosed takes at most.
const UNDER_WAY: Duration = Duration::from_millis(100);

/// Of a hundred people, so many must hold a call at the end. What trouble leaves of the rest waits for a person: a
/// request may go unanswered as often as a lead may be tried.
const LEAST_BOOKED_PERCENT: usize = 97;

/// What an experiment found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Who sent leads; some of them several.
    pub people: usize,
    /// Deliveries that were answered with a 2xx; each is a lead.
    pub acknowledged: usize,
    /// Deliveries repeated to the end and never answered with a 2xx.
    pub never_acknowledged: usize,
    /// Deliveries refused for good, by HTTP status.
    pub refused: BTreeMap<u16, usize>,
    /// Leads that ended with a call.
    pub booked: usize,
    /// Leads that wait for a person, by reason.
    pub parked: BTreeMap<String, usize>,
    /// Leads that ended as a repeat of another.
    pub duplicates: usize,
    /// Leads that ended otherwise, by status.
    pub other: BTreeMap<String, usize>,
    /// Acknowledged leads that leadgate no longer knows.
    pub unknown: usize,
    /// Acknowledged leads that had not ended at the deadline.
    pub unended: usize,
    /// People of whom iClosed holds more than one call.
    pub booked_twice: usize,
    /// Leads that say they are booked with a call that iClosed does not have.
    pub booked_without_call: usize,
    /// What one endpoint takes ...
    pub limit: u32,
    /// ... in so many seconds.
    pub window_seconds: u64,
    /// By method and path.
    pub endpoints: BTreeMap<String, Endpoint>,
    /// Gateways killed.
    pub kills: usize,
    /// Gateways paused past their lease.
    pub pauses: usize,
    /// From a new start to ready.
    pub restart_to_ready: Option<Recovery>,
    /// From a kill to the next booking by anybody, the time the gateway stayed dead included. Kills after which there
    /// was nothing left to book do not count.
    pub kill_to_next_booking: Option<Recovery>,
    /// The whole experiment.
    pub took_seconds: f64,
}

/// How hard one endpoint was pressed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// All requests.
    pub requests: u64,
    /// The most that arrived in any stretch as long as the window.
    pub most_in_any_window: usize,
    /// 429s beyond those on command.
    pub uncommanded_429s: u64,
}

/// How long something took, over and over.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recovery {
    /// Half of them took no longer.
    pub median_seconds: f64,
    /// None took longer.
    pub max_seconds: f64,
}

impl Verdict {
    /// Every promise that broke, a line each.
    pub fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        let mut claim = |what: &str, count: usize| {
            if count > 0 {
                broken.push(format!("{what}: {count}"));
            }
        };
        claim(
            "acknowledged leads that leadgate no longer knows",
            self.unknown,
        );
        claim(
            "acknowledged leads that had not ended at the deadline",
            self.unended,
        );
        claim("people booked twice", self.booked_twice);
        claim(
            "leads said to be booked without a call at iClosed",
            self.booked_without_call,
        );
        claim(
            "deliveries never acknowledged, however often repeated",
            self.never_acknowledged,
        );
        claim(
            "deliveries of good leads refused",
            self.refused.values().sum(),
        );
        if self.booked * 100 < self.people * LEAST_BOOKED_PERCENT {
            broken.push(format!(
                "people with a call, where {LEAST_BOOKED_PERCENT} % of {} are wanted: {}",
                self.people, self.booked
            ));
        }
        for (name, seen) in &self.endpoints {
            if seen.most_in_any_window > self.limit as usize {
                broken.push(format!(
                    "requests to {name} within {} s, where {} are allowed: {}",
                    self.window_seconds, self.limit, seen.most_in_any_window
                ));
            }
            if seen.uncommanded_429s > 0 {
                broken.push(format!(
                    "429s from {name} that nobody commanded: {}",
                    seen.uncommanded_429s
                ));
            }
        }
        broken
    }

    /// Acknowledged leads that did not end.
    pub fn lost(&self) -> usize {
        self.unknown + self.unended
    }
}

/// Counts what the board and the pretend iClosed know.
pub(super) fn of(board: &Board, report: &Report, scale: Scale, took: Duration) -> Verdict {
    let mut verdict = Verdict {
        people: scale.leads as usize,
        never_acknowledged: board.planned - board.delivered.get(),
        refused: board.refused.borrow().clone(),
        // One person is there by address and by number.
        booked_twice: people(report),
        limit: scale.limit,
        window_seconds: scale.window_seconds,
        kills: board.killed_at.borrow().len(),
        pauses: board.pauses.get(),
        restart_to_ready: recovery(board.ready_after.borrow().clone()),
        took_seconds: rounded(took),
        ..Verdict::default()
    };
    let calls: Vec<String> = report
        .calls
        .iter()
        .map(|call| call.id.to_string())
        .collect();
    for lead in board.leads.borrow().iter() {
        verdict.add(lead, &calls);
    }
    let commanded = board.commanded.borrow();
    for (name, seen) in &report.endpoints {
        let commanded = commanded.get(name.as_str()).copied().unwrap_or(0);
        let endpoint = Endpoint {
            requests: seen.requests,
            most_in_any_window: seen.most_in_any_window,
            uncommanded_429s: seen.limited.saturating_sub(commanded),
        };
        verdict.endpoints.insert(name.clone(), endpoint);
    }
    let booked_at: Vec<Timestamp> = report.calls.iter().map(|call| call.created_at).collect();
    verdict.kill_to_next_booking = recovery(next_bookings(&board.killed_at.borrow(), &booked_at));
    verdict
}

impl Verdict {
    fn add(&mut self, lead: &Acknowledged, calls: &[String]) {
        self.acknowledged += 1;
        let Standing::Ended {
            status,
            reason,
            call,
        } = &lead.standing
        else {
            let lost = match lead.standing {
                Standing::Unknown => &mut self.unknown,
                _ => &mut self.unended,
            };
            *lost += 1;
            return;
        };
        match status.as_str() {
            "booked" => {
                self.booked += 1;
                if !call.as_ref().is_some_and(|call| calls.contains(call)) {
                    self.booked_without_call += 1;
                }
            }
            "duplicate" => self.duplicates += 1,
            "parked" => {
                let reason = reason.as_deref().unwrap_or("no reason given");
                *self.parked.entry(reason.to_owned()).or_default() += 1;
            }
            other => *self.other.entry(other.to_owned()).or_default() += 1,
        }
    }
}

/// How many people hold several calls; one who is there by address and by number counts once.
fn people(report: &Report) -> usize {
    let by_address = report
        .double_booked
        .iter()
        .filter(|double| double.identity.contains('@'))
        .count();
    by_address.max(report.double_booked.len() - by_address)
}

/// From each kill to the first booking that was not under way then.
fn next_bookings(kills: &[Timestamp], booked_at: &[Timestamp]) -> Vec<Duration> {
    let wait = |kill: &Timestamp| {
        let waits = booked_at
            .iter()
            .filter_map(|at| Duration::try_from(at.duration_since(*kill)).ok());
        waits.filter(|wait| *wait > UNDER_WAY).min()
    };
    kills.iter().filter_map(wait).collect()
}

fn recovery(mut times: Vec<Duration>) -> Option<Recovery> {
    times.sort_unstable();
    Some(Recovery {
        median_seconds: rounded(*times.get(times.len().saturating_sub(1) / 2)?),
        max_seconds: rounded(*times.last()?),
    })
}

fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Verdict {
        Verdict {
            people: 100,
            acknowledged: 101,
            booked: 99,
            duplicates: 1,
            parked: [("outcome_unknown".to_owned(), 1)].into(),
            limit: 20,
            window_seconds: 10,
            ..Verdict::default()
        }
    }

    #[test]
    fn each_broken_promise_is_named() {
        let endpoint = |most, uncommanded| {
            let seen = Endpoint {
                requests: 99,
                most_in_any_window: most,
                uncommanded_429s: uncommanded,
            };
            BTreeMap::from([("POST /v1/eventCalls".to_owned(), seen)])
        };
        type Break = fn(&mut Verdict);
        let cases: [(Break, &str); 7] = [
            (
                |verdict| verdict.unknown = 2,
                "acknowledged leads that leadgate no longer knows: 2",
            ),
            (
                |verdict| verdict.unended = 1,
                "acknowledged leads that had not ended at the deadline: 1",
            ),
            (|verdict| verdict.booked_twice = 1, "people booked twice: 1"),
            (
                |verdict| verdict.booked_without_call = 3,
                "leads said to be booked without a call at iClosed: 3",
            ),
            (
                |verdict| verdict.never_acknowledged = 4,
                "deliveries never acknowledged, however often repeated: 4",
            ),
            (
                |verdict| verdict.refused = [(422, 1), (401, 1)].into(),
                "deliveries of good leads refused: 2",
            ),
            (
                |verdict| verdict.booked = 96,
                "people with a call, where 97 % of 100 are wanted: 96",
            ),
        ];
        for (spoil, sentence) in cases {
            let mut verdict = kept();
            spoil(&mut verdict);
            assert_eq!(verdict.broken(), [sentence]);
        }
        for (endpoints, expected) in [
            (endpoint(20, 0), None),
            (
                endpoint(21, 0),
                Some("requests to POST /v1/eventCalls within 10 s, where 20 are allowed: 21"),
            ),
            (
                endpoint(20, 1),
                Some("429s from POST /v1/eventCalls that nobody commanded: 1"),
            ),
        ] {
            let verdict = Verdict {
                endpoints,
                ..kept()
            };
            assert_eq!(verdict.broken().first().map(String::as_str), expected);
        }
        assert_eq!(kept().broken(), [""; 0]);
    }

    #[test]
    fn nearly_everybody_must_be_booked() {
        for (people, booked, held) in [
            (0, 0, true),
            (5, 5, true),
            (5, 4, false),
            (60, 59, true),
            (60, 58, false),
            (1200, 1164, true),
            (1200, 1163, false),
        ] {
            let verdict = Verdict {
                people,
                booked,
                ..Verdict::default()
            };
            assert_eq!(verdict.broken().is_empty(), held, "{booked} of {people}");
        }
    }

    #[test]
    fn a_lead_counts_by_the_way_it_was_last_seen() {
        let ended = |status: &str, reason: Option<&str>, call: Option<&str>| Standing::Ended {
            status: status.to_owned(),
            reason: reason.map(str::to_owned),
            call: call.map(str::to_owned),
        };
        let mut verdict = Verdict::default();
        for standing in [
            ended("booked", None, Some("7")),
            ended("booked", None, Some("8")),
            ended("booked", None, None),
            ended("parked", Some("no_slots"), None),
            ended("duplicate", None, None),
            ended("needs_time", None, None),
            Standing::Open,
            Standing::Unknown,
        ] {
            let id = String::new();
            verdict.add(&Acknowledged { id, standing }, &["7".to_owned()]);
        }
        let expected = Verdict {
            acknowledged: 8,
            booked: 3,
            booked_without_call: 2,
            parked: [("no_slots".to_owned(), 1)].into(),
            duplicates: 1,
            other: [("needs_time".to_owned(), 1)].into(),
            unended: 1,
            unknown: 1,
            ..Verdict::default()
        };
        assert_eq!(verdict, expected);
        assert_eq!(verdict.lost(), 2);
    }

    #[test]
    fn a_recovery_is_the_next_booking_that_was_not_under_way() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let booked = [at(900), at(1_050), at(1_700), at(3_000)];
        for (kill, wait) in [
            (1_000, Some(700)),
            (1_690, Some(1_310)),
            (2_950, None),
            (5_000, None),
        ] {
            let waits = next_bookings(&[at(kill)], &booked);
            assert_eq!(
                waits.first().copied(),
                wait.map(Duration::from_millis),
                "{kill}"
            );
        }
    }

    #[test]
    fn a_recovery_has_a_median_and_a_maximum() {
        let seconds =
            |times: &[u64]| recovery(times.iter().map(|s| Duration::from_secs(*s)).collect());
        for (times, expected) in [
            (&[][..], None),
            (&[3], Some((3.0, 3.0))),
            (&[9, 1], Some((1.0, 9.0))),
            (&[9, 1, 4], Some((4.0, 9.0))),
        ] {
            let found = seconds(times).map(|found| (found.median_seconds, found.max_seconds));
            assert_eq!(found, expected);
        }
    }
}
