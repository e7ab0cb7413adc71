//! What is known while an experiment runs: who was posted, acknowledged and seen to end. Draws no conclusion.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

/// How far an experiment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Since the first lead.
    pub elapsed: Duration,
    /// Deliveries there will be.
    pub planned: usize,
    /// Deliveries begun.
    pub sent: usize,
    /// Deliveries that were answered with a 2xx.
    pub acknowledged: usize,
    /// Leads seen as booked.
    pub booked: usize,
    /// Acknowledged leads not yet seen to end.
    pub waiting: usize,
    /// Gateways killed.
    pub kills: usize,
    /// Gateways paused.
    pub pauses: usize,
}

/// The shared record of a run. One task works on it, so plain cells do.
pub(super) struct Board {
    /// Where the replicas are.
    pub urls: Vec<String>,
    /// Which of them are neither dead nor asleep.
    pub up: Vec<Cell<bool>>,
    /// Deliveries there will be.
    pub planned: usize,
    /// Deliveries begun.
    pub sent: Cell<usize>,
    /// Deliveries over: acknowledged or refused.
    pub delivered: Cell<usize>,
    /// Deliveries refused for good, by HTTP status.
    pub refused: RefCell<BTreeMap<u16, usize>>,
    /// Every acknowledged lead.
    pub leads: RefCell<Vec<Acknowledged>>,
    /// When each kill struck.
    pub killed_at: RefCell<Vec<Timestamp>>,
    /// From each new start to the first 200 of `/readyz`.
    pub ready_after: RefCell<Vec<Duration>>,
    /// How often a replica was paused past its lease.
    pub pauses: Cell<usize>,
    /// 429s commanded, by endpoint.
    pub commanded: RefCell<BTreeMap<&'static str, u64>>,
    /// No more trouble will come.
    pub calm: Cell<bool>,
}

/// A lead that leadgate said it has.
pub(super) struct Acknowledged {
    /// Its id.
    pub id: String,
    /// How it was last seen.
    pub standing: Standing,
}

/// How a lead was last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// On its way.
    Open,
    /// leadgate does not know it.
    Unknown,
    /// Nothing happens to it any more by itself.
    Ended {
        /// The status.
        status: String,
        /// Why, if it says so.
        reason: Option<String>,
        /// The call it says it has.
        call: Option<String>,
    },
}

impl Board {
    pub(super) fn new(urls: Vec<String>, planned: usize) -> Self {
        Self {
            up: urls.iter().map(|_| Cell::new(true)).collect(),
            urls,
            planned,
            sent: Cell::default(),
            delivered: Cell::default(),
            refused: RefCell::default(),
            leads: RefCell::default(),
            killed_at: RefCell::default(),
            ready_after: RefCell::default(),
            pauses: Cell::default(),
            commanded: RefCell::default(),
            calm: Cell::default(),
        }
    }

    /// One of the replicas that can answer, the `turn`-th.
    pub(super) fn awake(&self, turn: usize) -> Option<&str> {
        let awake: Vec<&String> = self
            .urls
            .iter()
            .zip(&self.up)
            .filter_map(|(url, up)| up.get().then_some(url))
            .collect();
        let chosen = turn.checked_rem(awake.len())?;
        awake.get(chosen).map(|url| url.as_str())
    }

    /// Places and ids of the acknowledged leads last seen like that.
    pub(super) fn those(&self, like: impl Fn(&Standing) -> bool) -> Vec<(usize, String)> {
        self.leads
            .borrow()
            .iter()
            .enumerate()
            .filter(|(_, lead)| like(&lead.standing))
            .map(|(place, lead)| (place, lead.id.clone()))
            .collect()
    }

    pub(super) fn progress(&self, elapsed: Duration) -> Progress {
        let leads = self.leads.borrow();
        let count =
            |is: &dyn Fn(&Standing) -> bool| leads.iter().filter(|lead| is(&lead.standing)).count();
        Progress {
            elapsed,
            planned: self.planned,
            sent: self.sent.get(),
            acknowledged: leads.len(),
            booked: count(
                &|standing| matches!(standing, Standing::Ended { status, .. } if status == "booked"),
            ),
            waiting: count(&|standing| *standing == Standing::Open),
            kills: self.killed_at.borrow().len(),
            pauses: self.pauses.get(),
        }
    }
}

/// Adds one.
pub(super) fn count(cell: &Cell<usize>) {
    cell.set(cell.get() + 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_awake_are_asked_and_each_in_turn() {
        let board = Board::new(vec!["a".into(), "b".into(), "c".into()], 0);
        board.up[1].set(false);
        let asked: Vec<_> = (0..4).map(|turn| board.awake(turn)).collect();
        assert_eq!(asked, [Some("a"), Some("c"), Some("a"), Some("c")]);
        board.up.iter().for_each(|up| up.set(false));
        assert_eq!(board.awake(0), None);
    }
}
