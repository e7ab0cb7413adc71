//! Who waits for what in this process: callers for their lead, dispatchers for work, senders for messages.
//!
//! A signal only means "look now". It carries no data, and missing one costs time, never correctness.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use crate::lead::{LeadId, Step};

/// The switchboard between a store and those who wait on it.
pub struct Changes {
    leads: Mutex<HashMap<LeadId, Arc<Notify>>>,
    /// By step, so that a thousand new leads a second wake only those who take them.
    work: [watch::Sender<u64>; Step::ALL.len()],
    messages: watch::Sender<u64>,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            leads: Mutex::default(),
            work: Step::ALL.map(|_| watch::Sender::new(0)),
            messages: watch::Sender::new(0),
        }
    }
}

impl Changes {
    /// The store changed this lead.
    pub fn lead(&self, id: LeadId) {
        if let Some(notify) = self.waiters().get(&id) {
            notify.notify_waiters();
        }
    }

    /// Something may be due, or a permit may be free.
    pub fn work(&self) {
        self.work.iter().for_each(turn);
    }

    /// A lead may be due for this step.
    pub fn work_at(&self, step: Step) {
        turn(self.work_of(step));
    }

    /// To be woken by [`Changes::work`], and by [`Changes::work_at`] for this step.
    pub fn watch_work(&self, step: Step) -> watch::Receiver<u64> {
        self.work_of(step).subscribe()
    }

    /// A message may be due to some receiver.
    pub fn messages(&self) {
        turn(&self.messages);
    }

    /// To be woken by [`Changes::messages`].
    pub fn watch_messages(&self) -> watch::Receiver<u64> {
        self.messages.subscribe()
    }

    /// To be woken when this lead changes. Subscribe first, then read the lead, then wait.
    pub fn watch_lead(self: &Arc<Self>, id: LeadId) -> LeadWatch {
        let notify = Arc::clone(self.waiters().entry(id).or_default());
        LeadWatch {
            changes: Arc::clone(self),
            id,
            notify,
        }
    }

    fn work_of(&self, step: Step) -> &watch::Sender<u64> {
        &self.work[step as usize]
    }

    fn waiters(&self) -> MutexGuard<'_, HashMap<LeadId, Arc<Notify>>> {
        self.leads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn turn(signal: &watch::Sender<u64>) {
    signal.send_modify(|turn| *turn = turn.wrapping_add(1));
}

/// One caller's interest in one lead; ends with it.
pub struct LeadWatch {
    changes: Arc<Changes>,
    id: LeadId,
    notify: Arc<Notify>,
}

impl LeadWatch {
    /// Resolves at the next change after this call was made (not after it is first polled).
    pub fn changed(&self) -> impl Future<Output = ()> + '_ {
        self.notify.notified()
    }
}

impl Drop for LeadWatch {
    fn drop(&mut self) {
        let mut waiters = self.changes.waiters();
        // Two hold it when nobody else waits: the map and this watch.
        if Arc::strong_count(&self.notify) <= 2 {
            waiters.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_between_subscribing_and_waiting_is_not_missed() {
        let changes = Arc::new(Changes::default());
        let id = LeadId::from_bytes([7; 16]);
        let watch = changes.watch_lead(id);
        let changed = watch.changed();
        changes.lead(id);
        changed.await;
    }

    #[test]
    fn a_lead_for_one_step_wakes_nobody_who_waits_for_another() {
        let changes = Changes::default();
        let watches = Step::ALL.map(|step| (step, changes.watch_work(step)));
        changes.work_at(Step::Book);
        for (step, watch) in &watches {
            let woken = watch.has_changed().unwrap();
            assert_eq!(woken, *step == Step::Book, "{step:?}");
        }
        changes.work();
        assert!(
            watches
                .iter()
                .all(|(_, watch)| watch.has_changed().unwrap())
        );
    }

    #[test]
    fn nothing_is_kept_of_those_who_left() {
        let changes = Arc::new(Changes::default());
        let id = LeadId::from_bytes([7; 16]);
        let (one, two) = (changes.watch_lead(id), changes.watch_lead(id));
        drop(one);
        assert_eq!(changes.waiters().len(), 1);
        drop(two);
        assert_eq!(changes.waiters().len(), 0);
    }
}
