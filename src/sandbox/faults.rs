//! Faults on command: what can go wrong, for which requests and how often. Deciding is here,
//! misbehaving is in `server.rs`.

use serde::{Deserialize, Serialize};

use super::chance::Chance;

/// A rule that makes requests go wrong. Of several rules that fit a request, the first added
/// strikes.
///
/// As JSON, where a kind without values is a bare string, as in `{"kind":"drop_after"}`:
///
/// ```json
/// {"endpoint":"POST /v1/eventCalls","kind":{"hang_after":{"seconds":30}},
///  "times":1,"probability":0.5}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The `METHOD /path` that goes wrong; every endpoint when absent.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// What goes wrong.
    pub kind: FaultKind,
    /// How many requests are struck before the rule ends; no end when absent.
    #[serde(default)]
    pub times: Option<u32>,
    /// Share of the fitting requests that is struck, 0 to 1.
    #[serde(default = "always")]
    pub probability: f64,
}

fn always() -> f64 {
    1.0
}

impl Fault {
    /// A rule that strikes the next request to `endpoint` and ends.
    pub fn once(endpoint: &str, kind: FaultKind) -> Self {
        Self {
            endpoint: Some(endpoint.to_owned()),
            kind,
            times: Some(1),
            probability: 1.0,
        }
    }
}

/// What goes wrong. `before` means nothing was done, `after` that the work was done and only its
/// answer suffers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// The connection closes without a byte; nothing was done.
    DropBefore,
    /// The connection closes without a byte; the work was done.
    DropAfter,
    /// Silence for so long, then the connection closes; nothing was done.
    HangBefore {
        /// Length of the silence.
        seconds: f64,
    },
    /// The work is done, then silence for so long, then the connection closes.
    HangAfter {
        /// Length of the silence.
        seconds: f64,
    },
    /// A page of HTML with this status, as gateways send it; nothing was done.
    StatusBefore {
        /// HTTP status, 200 to 599.
        code: u16,
    },
    /// A page of HTML with this status; the work was done.
    StatusAfter {
        /// HTTP status, 200 to 599.
        code: u16,
    },
    /// The work is done, then half of the announced body is sent and the connection closes.
    Truncated,
    /// The work is done, then a 200 whose JSON is of another shape.
    WrongJson,
    /// Somebody else takes the last seats of the wanted slot just before. Strikes bookings and
    /// moves only.
    SlotTakenFirst,
    /// A 429 although the limit is kept.
    Limited {
        /// Seconds in the header and in the body.
        retry_after_seconds: u64,
        /// The limit named in the body.
        points: u32,
        /// The window named in the body.
        window_seconds: u64,
    },
    /// A 401 as for a key that was revoked.
    KeyRefused,
    /// A 2xx whose inner `status` is 400, without an id; nothing was done.
    InnerRefusal,
    /// A bare `Bad request`, as a key on too low a plan gets it; nothing was done.
    BareBadRequest,
    /// Another latency, uniform between the two. The work is done at its end, even when the caller
    /// has gone.
    Latency {
        /// Shortest latency in milliseconds.
        min_ms: u64,
        /// Longest latency in milliseconds.
        max_ms: u64,
    },
}

/// The rules in force.
#[derive(Default)]
pub(super) struct Plan(Vec<Fault>);

impl Plan {
    pub(super) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// The fault that strikes this request, if any does.
    pub(super) fn strike(&mut self, endpoint: &str, chance: &mut Chance) -> Option<FaultKind> {
        let struck = self.0.iter_mut().find(|fault| {
            fault.times != Some(0) && fits(fault, endpoint) && chance.strikes(fault.probability)
        })?;
        if let Some(times) = &mut struck.times {
            *times -= 1;
        }
        let kind = struck.kind.clone();
        self.0.retain(|fault| fault.times != Some(0));
        Some(kind)
    }
}

fn fits(fault: &Fault, endpoint: &str) -> bool {
    let has_slot = ["POST /v1/eventCalls", "PUT /v1/eventCalls/reschedule"].contains(&endpoint);
    fault
        .endpoint
        .as_deref()
        .is_none_or(|only| only == endpoint)
        && (fault.kind != FaultKind::SlotTakenFirst || has_slot)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOK: &str = "POST /v1/eventCalls";
    const LIST: &str = "GET /v1/eventCalls";

    #[test]
    fn a_rule_strikes_its_endpoint_as_often_as_it_says() {
        let (mut plan, mut chance) = (Plan::default(), Chance::new(1));
        plan.add(Fault::once(BOOK, FaultKind::DropAfter));
        plan.add(Fault::once(BOOK, FaultKind::Truncated));
        assert_eq!(plan.strike(LIST, &mut chance), None);
        assert_eq!(plan.strike(BOOK, &mut chance), Some(FaultKind::DropAfter));
        assert_eq!(plan.strike(BOOK, &mut chance), Some(FaultKind::Truncated));
        assert_eq!(plan.strike(BOOK, &mut chance), None);
    }

    #[test]
    fn a_slot_can_only_be_taken_from_a_request_for_one() {
        let (mut plan, mut chance) = (Plan::default(), Chance::new(1));
        plan.add(Fault {
            endpoint: None,
            kind: FaultKind::SlotTakenFirst,
            times: None,
            probability: 1.0,
        });
        assert_eq!(plan.strike(LIST, &mut chance), None);
        assert_eq!(
            plan.strike(BOOK, &mut chance),
            Some(FaultKind::SlotTakenFirst)
        );
    }

    #[test]
    fn a_rule_of_half_strikes_about_half() {
        let (mut plan, mut chance) = (Plan::default(), Chance::new(3));
        plan.add(Fault {
            endpoint: Some(BOOK.to_owned()),
            kind: FaultKind::DropBefore,
            times: None,
            probability: 0.5,
        });
        let struck = (0..1000)
            .filter(|_| plan.strike(BOOK, &mut chance).is_some())
            .count();
        assert!((400..600).contains(&struck), "{struck}");
    }

    #[test]
    fn a_rule_is_read_from_json() {
        let cases = [
            (r#"{"kind":"drop_before"}"#, FaultKind::DropBefore),
            (
                r#"{"kind":{"hang_after":{"seconds":1.5}}}"#,
                FaultKind::HangAfter { seconds: 1.5 },
            ),
            (
                r#"{"kind":{"status_before":{"code":502}}}"#,
                FaultKind::StatusBefore { code: 502 },
            ),
        ];
        for (text, kind) in cases {
            let fault: Fault = serde_json::from_str(text).unwrap();
            assert_eq!((fault.kind, fault.probability), (kind, 1.0));
        }
        assert!(serde_json::from_str::<Fault>(r#"{"kind":"explode"}"#).is_err());
        assert!(serde_json::from_str::<Fault>(r#"{"kind":"truncated","time":1}"#).is_err());
    }
}
