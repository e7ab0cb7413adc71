//! The names of the keys, and which account a lead or a delivery belongs to.
//!
//! An id does not say its account, and on a cluster only the account's own node can be asked. What this process has
//! seen, it remembers; for the rest all accounts are asked. So there is no second index that could disagree.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::lead::{Lane, Step};

/// So many ids and keys are remembered at least, and twice as many at most: some 50 bytes each.
const REMEMBERED: usize = 50_000;

/// The account's keys that are no queue, which stand first.
const NO_QUEUES: usize = 11;
/// Every step has a queue in each lane, in this order.
const STEPS: [Step; 7] = [
    Step::Qualify,
    Step::Book,
    Step::Reconcile,
    Step::HandOver,
    Step::Fetch,
    Step::Confirm,
    Step::Cancel,
];
const LANES: usize = 3;
/// Of the first so many steps, leads go before a new one.
const BEFORE: usize = 2;

/// Whatever is looked up: a lead's id, or the digest of an idempotency key.
pub type Name = [u8; 16];

fn index_of(step: Step) -> usize {
    STEPS.iter().position(|one| *one == step).unwrap_or(0)
}

/// One account's keys. The part in braces is the account, so that a cluster keeps them on one node.
pub struct Account {
    pub name: String,
    /// In the order that `account.lua` gives them names.
    pub keys: Vec<String>,
    /// See `acquire.lua`.
    pub endpoints: String,
    /// See `announce.lua`.
    pub notices: String,
    /// The set of receivers that ever had a notice of this account.
    pub receivers: String,
    /// What [`super::confirm`] writes and [`crate::queue::Store::probe`] too.
    pub mark: String,
    stem: String,
}

impl Account {
    fn new(prefix: &str, name: &str) -> Self {
        let stem = format!("{prefix}:{{{name}}}");
        let no_queues: [&str; NO_QUEUES] = [
            "leads", "places", "counts", "ended", "persons", "repeats", "holds", "lapses",
            "accepted", "spans", "calls",
        ];
        let mut keys: Vec<String> = no_queues.map(|kind| format!("{stem}:{kind}")).into();
        for step in STEPS {
            for lane in 0..LANES {
                keys.push(format!("{stem}:queue:{}:{lane}", step.as_str()));
            }
        }
        Self {
            name: name.to_owned(),
            keys,
            endpoints: format!("{stem}:endpoints"),
            notices: format!("{stem}:notices"),
            receivers: format!("{stem}:receivers"),
            mark: format!("{stem}:mark"),
            stem,
        }
    }

    /// The hash of all leads' places.
    pub fn places(&self) -> &str {
        self.key(1)
    }

    /// Where how many wait is counted.
    pub fn counts(&self) -> &str {
        self.key(2)
    }

    /// The hash of deliveries that may come again.
    pub fn repeats(&self) -> &str {
        self.key(5)
    }

    /// The set of this account's lists of what lapses.
    pub fn spans(&self) -> &str {
        self.key(9)
    }

    /// The list of what lapses so many microseconds after it was written: of `persons` or of `repeats`.
    pub fn list_of(&self, kind: &str, span_us: i64) -> String {
        format!("{}:{kind}:{span_us}", self.spans())
    }

    /// What such a list is of.
    pub fn kind_of<'a>(&self, list: &'a str) -> &'a str {
        let rest = list.strip_prefix(self.spans()).unwrap_or_default();
        rest.split(':').nth(1).unwrap_or_default()
    }

    /// The account's keys and, after them, a script's own.
    pub fn keys_with<const N: usize>(&self, own: [String; N]) -> Vec<String> {
        self.keys.iter().cloned().chain(own).collect()
    }

    /// What `accept.lua` needs of the account's keys: those that are no queue, the queues whose leads may go before a
    /// new one, and the new one's own. Every key costs time on both sides.
    pub fn keys_of_accept(&self, first: Option<Step>, lane: Lane) -> impl Iterator<Item = &str> {
        let step = first.unwrap_or(Step::Book);
        let own = NO_QUEUES + index_of(step) * LANES + usize::from(lane.rank());
        let before = self.keys.iter().take(NO_QUEUES + BEFORE * LANES);
        before.map(String::as_str).chain([self.key(own)])
    }

    /// The hash from calls to leads.
    pub fn calls(&self) -> &str {
        self.key(10)
    }

    fn key(&self, at: usize) -> &str {
        self.keys.get(at).map_or("", String::as_str)
    }

    /// The hash of what is turned on; of [`Accounts::common`] only.
    pub fn switches(&self) -> String {
        format!("{}:switches", self.stem)
    }

    /// The keys of the scripts about one receiver's notices.
    pub fn notice_keys(&self, receiver: &str) -> [String; 3] {
        [
            self.notices.clone(),
            format!("{}:due:{receiver}", self.stem),
            format!("{}:told:{receiver}", self.stem),
        ]
    }

    /// These keys, and behind them those of `announce.lua`: nothing when there is nothing to tell.
    pub fn with_notice_keys<'a>(
        &'a self,
        keys: impl IntoIterator<Item = &'a str>,
        receivers: &[String],
    ) -> Vec<Cow<'a, str>> {
        let mut keys: Vec<_> = keys.into_iter().map(Cow::Borrowed).collect();
        if receivers.is_empty() {
            return keys;
        }
        keys.extend([&self.notices, &self.receivers].map(Cow::from));
        for receiver in receivers {
            let [_, due, list] = self.notice_keys(receiver);
            keys.extend([due, list].map(Cow::from));
        }
        keys
    }

    /// The keys of the scripts about permits.
    pub fn permit_keys(&self, endpoint: &str) -> [String; 2] {
        [
            format!("{}:permits:{endpoint}", self.stem),
            self.endpoints.clone(),
        ]
    }
}

/// The keys of the whole store, and what is known of the accounts.
pub struct Accounts {
    prefix: String,
    /// A hash: `layout`, `hash_key`, `epoch`.
    pub store: String,
    /// The set of accounts that ever had a lead.
    pub set: String,
    /// A hash: receivers that ever failed, and how they stand.
    pub receivers: String,
    /// Where changes are told.
    pub channel: String,
    /// No account, and never on the list: keys that are everybody's and lie together. No account's name has a star.
    pub common: Arc<Account>,
    known: Mutex<HashMap<String, Known>>,
    seen: Mutex<Seen>,
}

/// Which accounts the last names belong to. When as many are young as are to be remembered, those that were young
/// before them are forgotten.
#[derive(Default)]
struct Seen {
    young: HashMap<Name, Arc<Account>>,
    old: HashMap<Name, Arc<Account>>,
}

impl Seen {
    fn get(&self, name: &Name) -> Option<Arc<Account>> {
        self.young.get(name).or_else(|| self.old.get(name)).cloned()
    }

    fn add(&mut self, name: Name, account: Arc<Account>) {
        if self.young.len() >= REMEMBERED {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(name, account);
    }
}

struct Known {
    account: Arc<Account>,
    /// It is in the set.
    listed: bool,
    /// Leads that waited when they were last counted.
    waiting: u64,
    /// Which life of its server answered last, see `life.lua`.
    life: Option<String>,
}

impl Accounts {
    pub fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            store: format!("{prefix}:store"),
            set: format!("{prefix}:accounts"),
            receivers: format!("{prefix}:receivers"),
            channel: format!("{prefix}:changes"),
            common: Arc::new(Account::new(prefix, "*")),
            known: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    pub fn account(&self, name: &str) -> Arc<Account> {
        self.with(name, |known| Arc::clone(&known.account))
    }

    pub fn is_listed(&self, name: &str) -> bool {
        self.with(name, |known| known.listed)
    }

    pub fn set_listed(&self, name: &str, listed: bool) {
        self.with(name, |known| known.listed = listed);
    }

    /// The accounts this process had to do with.
    pub fn all(&self) -> Vec<Arc<Account>> {
        let all = self.known();
        all.values()
            .map(|known| Arc::clone(&known.account))
            .collect()
    }

    pub fn set_waiting(&self, name: &str, waiting: u64) {
        self.with(name, |known| known.waiting = waiting);
    }

    /// How many waited for other accounts, when last counted.
    pub fn waiting_elsewhere(&self, name: &str) -> u64 {
        let all = self.known();
        let others = all.iter().filter(|(other, _)| other.as_str() != name);
        others.map(|(_, known)| known.waiting).sum()
    }

    pub fn life(&self, name: &str) -> Option<String> {
        self.with(name, |known| known.life.clone())
    }

    pub fn set_life(&self, name: &str, life: &str) {
        self.with(name, |known| known.life = Some(life.to_owned()));
    }

    /// A server was started anew: which others were is not known either.
    pub fn forget_lives(&self) {
        for known in self.known().values_mut() {
            known.life = None;
        }
    }

    pub fn of(&self, name: &Name) -> Option<Arc<Account>> {
        self.seen().get(name)
    }

    pub fn saw(&self, name: Name, account: &Arc<Account>) {
        self.seen().add(name, Arc::clone(account));
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, name: &str, act: impl FnOnce(&mut Known) -> T) -> T {
        let mut all = self.known();
        if let Some(known) = all.get_mut(name) {
            return act(known);
        }
        act(all.entry(name.to_owned()).or_insert_with(|| Known {
            account: Arc::new(Account::new(&self.prefix, name)),
            listed: false,
            waiting: 0,
            life: None,
        }))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_names_are_remembered_and_not_all() {
        let accounts = Accounts::new("lg");
        let account = accounts.account("main");
        let name = |n: usize| (n as u128).to_be_bytes();
        (0..3 * REMEMBERED).for_each(|n| accounts.saw(name(n), &account));
        let known = (0..3 * REMEMBERED).map(|n| accounts.of(&name(n)).is_some());
        let known: Vec<bool> = known.collect();
        assert_eq!(known.iter().rposition(|known| !known), Some(REMEMBERED - 1));
    }

    #[test]
    fn every_step_has_its_queues_and_those_that_go_before_a_new_lead_stand_first() {
        assert!(Step::ALL.iter().all(|step| STEPS.contains(step)));
        assert_eq!(STEPS[..BEFORE], [Step::Qualify, Step::Book]);
        let account = Account::new("lg", "main");
        assert_eq!(account.keys.len(), NO_QUEUES + STEPS.len() * LANES);
        for (first, lane, own) in [
            (Some(Step::Book), Lane::Normal, "book:1"),
            (Some(Step::Fetch), Lane::Bulk, "fetch:2"),
            (Some(Step::Qualify), Lane::Interactive, "qualify:0"),
        ] {
            let keys: Vec<&str> = account.keys_of_accept(first, lane).collect();
            let queue = format!("lg:{{main}}:queue:{own}");
            assert_eq!(keys.last(), Some(&queue.as_str()));
            assert_eq!(
                keys.len(),
                NO_QUEUES + BEFORE * LANES + 1,
                "LAST in accept.lua"
            );
        }
    }
}
