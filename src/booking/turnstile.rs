//! A gate that lets one task through at a time, by lane.
//!
//! Owns the order of those who wait inside this process for the same budget. Knows nothing of permits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::lead::Lane;

/// Serves interactive, normal and bulk in the order of [`Lane::order`], first come first served within a lane.
#[derive(Clone, Default)]
pub struct Turnstile(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    taken: bool,
    turn: u64,
    waiting: [VecDeque<oneshot::Sender<Passage>>; 3],
}

/// The right to be at the head. Passing it on is dropping it.
pub struct Passage(Option<Turnstile>);

impl Turnstile {
    /// Waits for the head of the queue. Giving up (dropping the future) loses the place and nothing else.
    pub async fn pass(&self, lane: Lane) -> Passage {
        loop {
            let turn = {
                let mut inner = self.inner();
                if !inner.taken {
                    inner.taken = true;
                    return Passage(Some(self.clone()));
                }
                let (sender, receiver) = oneshot::channel();
                inner.waiting[usize::from(lane.rank())].push_back(sender);
                receiver
            };
            // The sender is only dropped unsent when the gate itself went away; then ask anew.
            if let Ok(passage) = turn.await {
                return passage;
            }
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn next(&mut self) -> Option<oneshot::Sender<Passage>> {
        let order = Lane::order(self.turn);
        self.turn = self.turn.wrapping_add(1);
        order
            .iter()
            .find_map(|lane| self.waiting[usize::from(lane.rank())].pop_front())
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        let Some(gate) = self.0.take() else { return };
        loop {
            let mut inner = gate.inner();
            let Some(next) = inner.next() else {
                inner.taken = false;
                return;
            };
            drop(inner);
            match next.send(Passage(Some(gate.clone()))) {
                Ok(()) => return,
                // That one gave up waiting. Disarm what came back: this loop goes on in its place.
                Err(mut unused) => unused.0 = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_urgent_pass_first_and_those_who_left_do_not_block() {
        let gate = Turnstile::default();
        let head = gate.pass(Lane::Normal).await;
        let served = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for lane in [Lane::Bulk, Lane::Normal, Lane::Interactive] {
            let (gate, served) = (gate.clone(), Arc::clone(&served));
            tasks.push(tokio::spawn(async move {
                let _passage = gate.pass(lane).await;
                served.lock().unwrap().push(lane);
            }));
            tokio::task::yield_now().await;
        }
        let gone = tokio::spawn({
            let gate = gate.clone();
            async move { gate.pass(Lane::Interactive).await }
        });
        tokio::task::yield_now().await;
        gone.abort();
        assert!(gone.await.is_err());
        drop(head);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(
            *served.lock().unwrap(),
            [Lane::Interactive, Lane::Normal, Lane::Bulk]
        );
        drop(gate.pass(Lane::Bulk).await);
    }
}
