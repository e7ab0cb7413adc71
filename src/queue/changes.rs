//! Who waits for what in this process: callers for their lead, dispatchers for work, senders for messages.
//!
//! A signal only means "look now". It carries no data, and missing one costs time, never correctness.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use crate::lead::LeadId;

/// The switchboard between a store and those who wait on it.
pub struct Changes {
    leads: Mutex<HashMap<LeadId, Arc<Notify>>>,
    work: watch::Sender<u64>,
    messages: watch::Sender<u64>,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            leads: Mutex::default(),
            work: watch::Sender::new(0),
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
        self.work.send_modify(|turn| *turn = turn.wrapping_add(1));
    }

    /// To be woken by [`Changes::work`].
    pub fn watch_work(&self) -> watch::Receiver<u64> {
        self.work.subscribe()
    }

    /// A message may be due to some receiver.
    pub fn messages(&self) {
        self.messages
            .send_modify(|turn| *turn = turn.wrapping_add(1));
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

    fn waiters(&self) -> MutexGuard<'_, HashMap<LeadId, Arc<Notify>>> {
        self.leads.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
