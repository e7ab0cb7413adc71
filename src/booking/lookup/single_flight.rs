//! Answers that are kept for a while, and asked for once by whoever wants one meanwhile.

use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;
use tokio::sync::OnceCell;

/// Keys remembered at most; the one that was not asked for the longest goes first.
const MOST_KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);

/// What is known by key.
pub struct SingleFlight<K, V, E> {
    answers: Mutex<LruCache<K, Answer<V, E>>>,
    kept: Duration,
}

/// Empty while somebody asks.
type Answer<V, E> = Arc<OnceCell<(Result<V, E>, Instant)>>;

impl<K: Hash + Eq + Clone, V: Clone, E: Clone> SingleFlight<K, V, E> {
    /// Keeps an answer so long; a failure only reaches those who wait for it.
    pub fn new(kept: Duration) -> Self {
        Self {
            answers: Mutex::new(LruCache::new(MOST_KEPT)),
            kept,
        }
    }

    /// The answer, if there is one that is still kept.
    pub fn get(&self, key: &K) -> Option<V> {
        let answer = self.answers().get(key).map(Arc::clone)?;
        let known = answer.get().filter(|known| self.still_counts(known))?;
        known.0.clone().ok()
    }

    /// The answer that is kept, or that somebody asks for just now, or else what `ask` finds. If who asks goes away, one of
    /// those who wait asks in turn.
    pub async fn get_or_ask(
        &self,
        key: K,
        ask: impl Future<Output = Result<V, E>>,
    ) -> Result<V, E> {
        let answer = self.answer(&key);
        // A question may hold another; in place, they would be too large for a thread's stack.
        let ask = Box::pin(ask);
        let (known, _) = answer
            .get_or_init(|| async { (ask.await, Instant::now()) })
            .await;
        if known.is_err() {
            self.drop_answer(&key, &answer);
        }
        known.clone()
    }

    /// Knows the answer from now on.
    pub fn put(&self, key: K, value: V) {
        let known = OnceCell::new_with(Some((Ok(value), Instant::now())));
        self.answers().put(key, Arc::new(known));
    }

    /// Forgets the answer. Those who wait for one still get it.
    pub fn forget(&self, key: &K) {
        self.answers().pop(key);
    }

    fn answer(&self, key: &K) -> Answer<V, E> {
        let mut answers = self.answers();
        let is_current = |answer: &&Answer<V, E>| {
            let known = answer.get();
            known.is_none_or(|known| self.still_counts(known))
        };
        if let Some(current) = answers.get(key).filter(is_current) {
            return Arc::clone(current);
        }
        let new = Answer::default();
        answers.put(key.clone(), Arc::clone(&new));
        new
    }

    fn still_counts(&self, (known, at): &(Result<V, E>, Instant)) -> bool {
        known.is_ok() && at.elapsed() < self.kept
    }

    /// Unless another has taken its place.
    fn drop_answer(&self, key: &K, answer: &Answer<V, E>) {
        let mut answers = self.answers();
        if answers
            .peek(key)
            .is_some_and(|now| Arc::ptr_eq(now, answer))
        {
            answers.pop(key);
        }
    }

    fn answers(&self) -> MutexGuard<'_, LruCache<K, Answer<V, E>>> {
        // Nothing under this lock can fail half-way.
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    const KEPT: Duration = Duration::from_secs(10);

    type Numbers = SingleFlight<&'static str, u32, &'static str>;

    #[tokio::test]
    async fn an_answer_is_kept_for_its_time_and_a_failure_is_not() {
        let numbers = Numbers::new(KEPT);
        let away = numbers.get_or_ask("a", ready(Err("away"))).await;
        assert_eq!((away, numbers.get(&"a")), (Err("away"), None));
        assert_eq!(numbers.get_or_ask("a", ready(Ok(1))).await, Ok(1));
        assert_eq!(numbers.get_or_ask("a", ready(Ok(2))).await, Ok(1));
        numbers.forget(&"a");
        assert_eq!(numbers.get_or_ask("a", ready(Ok(3))).await, Ok(3));
        numbers.put("a", 4);
        assert_eq!(numbers.get(&"a"), Some(4));

        let forgetful = Numbers::new(Duration::ZERO);
        assert_eq!(forgetful.get_or_ask("a", ready(Ok(1))).await, Ok(1));
        assert_eq!(forgetful.get(&"a"), None);
        assert_eq!(forgetful.get_or_ask("a", ready(Ok(2))).await, Ok(2));
    }

    #[tokio::test]
    async fn all_who_wait_share_one_answer_be_it_a_failure() {
        let numbers = Numbers::new(KEPT);
        for outcome in [Err("away"), Ok(1)] {
            let late = async {
                tokio::task::yield_now().await;
                outcome
            };
            let never = || async { unreachable!("somebody asks already") };
            let answers = tokio::join!(
                numbers.get_or_ask("a", late),
                numbers.get_or_ask("a", never()),
                numbers.get_or_ask("a", never()),
                numbers.get_or_ask("b", ready(Ok(2))),
            );
            assert_eq!(answers, (outcome, outcome, outcome, Ok(2)));
        }
    }

    #[tokio::test]
    async fn when_who_asks_goes_away_one_who_waits_asks() {
        let numbers = Numbers::new(KEPT);
        let mut first = Box::pin(numbers.get_or_ask("a", pending()));
        assert!(futures_util::poll!(&mut first).is_pending());
        let mut second = Box::pin(numbers.get_or_ask("a", ready(Ok(2))));
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(first);
        assert_eq!(second.await, Ok(2));
    }

    #[tokio::test]
    async fn a_forgotten_question_still_answers_who_waits_and_leaves_the_newer_answer_alone() {
        let numbers = Numbers::new(KEPT);
        let (tell, told) = tokio::sync::oneshot::channel();
        let asked = async { told.await.unwrap_or(Err("dropped")) };
        let mut first = Box::pin(numbers.get_or_ask("a", asked));
        assert!(futures_util::poll!(&mut first).is_pending());
        numbers.forget(&"a");
        assert_eq!(numbers.get_or_ask("a", ready(Ok(2))).await, Ok(2));
        tell.send(Err("late")).unwrap();
        assert_eq!(first.await, Err("late"));
        assert_eq!(numbers.get(&"a"), Some(2));
    }

    #[tokio::test]
    async fn no_more_keys_are_remembered_than_there_is_room_for() {
        let squares = SingleFlight::<u32, u32, ()>::new(KEPT);
        for n in 0..1001 {
            squares.put(n, n * n);
        }
        assert_eq!(squares.get(&0), None);
        assert_eq!(squares.get(&1), Some(1));
        assert_eq!(squares.get(&1000), Some(1_000_000));
    }
}
