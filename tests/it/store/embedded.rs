//! The store in one folder: the contract, and what only it promises.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use leadgate::clock::Clock;
use leadgate::lead::{Status, Step};
use leadgate::queue::embedded::{Embedded, OpenError, Options};
use leadgate::queue::{
    Accepted, Acquired, Budget, Choice, ClaimError, Hold, Intended, Limit, Next, Store, StoreError,
};
use tempfile::TempDir;

use super::contract::{
    ACCOUNT, Bench, HOUR, acceptance, end, keep, later, lead, of_person, stored, sweep, take,
    waiting,
};

mod clocks;
mod sweeping;
mod unread;
mod upgrading;

struct Folder {
    folder: TempDir,
    clock: Clock,
    store: Option<Arc<dyn Store>>,
}

fn options(folder: &Path, clock: &Clock) -> Options {
    Options {
        folder: folder.to_owned(),
        max_megabytes: None,
        clock: clock.clone(),
    }
}

fn clock() -> Clock {
    Clock::manual("2026-09-01T08:00:00Z".parse().unwrap())
}

async fn bench() -> Folder {
    let mut bench = Folder {
        folder: tempfile::tempdir().unwrap(),
        clock: clock(),
        store: None,
    };
    bench.reopen().await;
    bench
}

#[async_trait]
impl Bench for Folder {
    fn store(&self) -> &Arc<dyn Store> {
        self.store.as_ref().unwrap()
    }

    fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn reopen(&mut self) {
        self.store = None;
        self.store = Some(Arc::new(
            Embedded::open(options(self.folder.path(), &self.clock)).unwrap(),
        ));
    }
}

contract!(crate::store::embedded::bench);

#[tokio::test]
async fn a_second_process_is_kept_out_until_the_first_has_gone() {
    let folder = tempfile::tempdir().unwrap();
    let first = Embedded::open(options(folder.path(), &clock())).unwrap();
    let second = Embedded::open(options(folder.path(), &clock()));
    assert!(matches!(second, Err(OpenError::InUse(_))));
    drop(first);
    Embedded::open(options(folder.path(), &clock())).unwrap();
}

#[tokio::test]
async fn a_folder_of_a_later_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(Embedded::open(options(folder.path(), &clock())).unwrap());
    let db = rusqlite::Connection::open(folder.path().join("leadgate.db")).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    let later = Embedded::open(options(folder.path(), &clock()));
    assert!(matches!(later, Err(OpenError::Newer { found: 99 })));
}

#[tokio::test]
async fn a_restart_voids_every_lease_because_nobody_else_can_hold_one() {
    let mut bench = bench().await;
    let id = keep(bench.store(), acceptance(lead())).await;
    let late = take(bench.store()).await.unwrap();
    bench.reopen().await;
    let store = bench.store();
    assert_eq!(stored(store, id).await.lead.status, Status::Queued);
    assert_eq!(
        store.settle(late, Next::Done, Hold::Keep).await,
        Err(ClaimError::Lost)
    );
    assert_eq!(take(store).await.unwrap().lead.id, id);
}

/// The files as a killed process would leave them: nothing that is only in its memory, no closing.
fn as_if_killed(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in ["leadgate.db", "leadgate.db-wal"] {
        std::fs::copy(folder.join(name), copy.path().join(name)).unwrap();
    }
    copy
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let bench = bench().await;
    let budget = Budget {
        account: ACCOUNT,
        endpoint: "POST /v1/eventCalls",
    };
    let limit = Limit {
        requests: 1,
        window: Duration::from_secs(10),
    };
    let ended = keep(bench.store(), acceptance(lead())).await;
    end(bench.store(), ended, Status::Booked, None).await;
    bench.store().acquire(budget, limit, HOUR).await.unwrap();
    let kept = keep(bench.store(), acceptance(lead())).await;
    let copy = as_if_killed(bench.folder.path());
    let store: Arc<dyn Store> =
        Arc::new(Embedded::open(options(copy.path(), &bench.clock)).unwrap());
    assert_eq!(stored(&store, ended).await.lead.status, Status::Booked);
    assert!(matches!(
        store.acquire(budget, limit, HOUR).await.unwrap(),
        Acquired::NotBefore(_)
    ));
    assert_eq!(take(&store).await.unwrap().lead.id, kept);
}

#[tokio::test]
async fn a_killed_process_forgets_no_person() {
    let bench = bench().await;
    let ann = [4; 16];
    let first = keep(bench.store(), of_person(&[ann])).await;
    let copy = as_if_killed(bench.folder.path());
    let store: Arc<dyn Store> =
        Arc::new(Embedded::open(options(copy.path(), &bench.clock)).unwrap());
    let again = store.accept(of_person(&[ann])).await.unwrap();
    assert_eq!(again, Accepted::Duplicate { of: first });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_that_arrive_together_share_commits() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Embedded::open(options(folder.path(), &clock())).unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..512 {
        let store = Arc::clone(&store);
        tasks.spawn(async move { store.accept(acceptance(lead())).await.unwrap() });
    }
    tasks.join_all().await;
    assert!(
        store.commits() <= 128,
        "{} commits for 512 leads",
        store.commits()
    );
}

#[tokio::test]
async fn one_step_that_fails_undoes_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(Embedded::open(options(folder.path(), &clock())).unwrap());
    let twice = lead();
    let (before, first, again, after) = (
        acceptance(lead()),
        acceptance(twice.clone()),
        acceptance(twice),
        acceptance(lead()),
    );
    let answers = tokio::join!(
        store.accept(before),
        store.accept(first),
        store.accept(again),
        store.accept(after)
    );
    assert!(matches!(answers.0, Ok(Accepted::Kept { .. })));
    assert!(matches!(answers.1, Ok(Accepted::Kept { .. })));
    assert!(
        matches!(answers.2, Err(StoreError::Unavailable(_))),
        "an id is kept once"
    );
    assert!(matches!(answers.3, Ok(Accepted::Kept { .. })));
    assert_eq!(waiting(&store).await, 3);
}

#[tokio::test]
async fn a_full_database_refuses_leads_finishes_work_and_recovers() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let options = Options {
        max_megabytes: Some(2),
        ..options(folder.path(), &clock)
    };
    let store: Arc<dyn Store> = Arc::new(Embedded::open(options).unwrap());
    let big = || {
        let mut lead = lead();
        lead.raw = "x".repeat(20_000);
        acceptance(lead)
    };
    let mut kept = 0;
    let refused = loop {
        match store.accept(big()).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::Full(_)), "{refused:?}");
    assert!(kept > 50);
    assert_eq!(waiting(&store).await, kept);
    assert!(matches!(store.probe().await, Err(StoreError::Full(_))));
    let put_off = take(&store).await.unwrap();
    store
        .settle(put_off, later(Step::Book, HOUR * 2), Hold::Keep)
        .await
        .unwrap();
    while let Some(claim) = take(&store).await {
        store.settle(claim, Next::Done, Hold::Keep).await.unwrap();
    }
    assert!(matches!(
        store.accept(big()).await,
        Err(StoreError::Full(_))
    ));
    clock.advance(HOUR);
    assert_eq!(sweep(&store, HOUR).await, kept - 1);
    keep(&store, big()).await;
}

#[tokio::test]
async fn a_step_that_does_not_fit_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        max_megabytes: Some(1),
        ..options(folder.path(), &clock())
    };
    let store: Arc<dyn Store> = Arc::new(Embedded::open(options).unwrap());
    let candidates = ["2026-09-02T08:00:00Z".parse().unwrap()];
    let choice = || Choice {
        candidates: &candidates,
        seen_at: store.now(),
    };
    let id = keep(&store, acceptance(lead())).await;
    let mut claim = take(&store).await.unwrap();
    store.intend(&mut claim, choice()).await.unwrap();
    claim.lead.raw = "x".repeat(2_000_000);
    // It frees the instant before it finds that the record does not fit.
    let refused = store.settle(claim, Next::Done, Hold::Free).await;
    assert!(
        matches!(refused, Err(ClaimError::Store(StoreError::Full(_)))),
        "{refused:?}"
    );
    let found = stored(&store, id).await;
    assert!(found.lead.raw.is_empty() && found.waits.unwrap().leased);
    keep(&store, acceptance(lead())).await;
    let mut other = take(&store).await.unwrap();
    assert_eq!(
        store.intend(&mut other, choice()).await.unwrap(),
        Intended::AllHeld
    );
}

/// Whether any file of the folder holds the text.
fn is_in_a_file(folder: &Path, text: &str) -> bool {
    let files = std::fs::read_dir(folder).unwrap();
    let mut files = files.map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    files.any(|bytes| {
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_an_erased_lead_is_in_any_file_after_a_scrub() {
    const SECRET: &str = "anns-own-words";
    let bench = bench().await;
    let store = bench.store();
    let with_secret = || {
        let mut lead = lead();
        lead.contact.email = Some(format!("{SECRET}@person.example"));
        lead.raw = SECRET.repeat(400);
        lead
    };
    let mut leads = Vec::new();
    for _ in 0..20 {
        leads.push(keep(store, acceptance(with_secret())).await);
        // Others' rows lie between, and grow and shrink as theirs do.
        keep(store, acceptance(lead())).await;
    }
    // Rewritten in other lengths, so that old copies lie in gaps and on free pages.
    for round in 0..4 {
        for id in &leads {
            let mut found = stored(store, *id).await;
            found.lead.raw = SECRET.repeat(100 * (4 - round));
            store
                .amend(found, later(Step::Book, HOUR), Hold::Keep)
                .await
                .unwrap();
        }
    }
    for id in leads {
        let mut found = stored(store, id).await;
        found.lead = lead_like(&found.lead);
        store.amend(found, Next::Done, Hold::Keep).await.unwrap();
    }
    assert!(is_in_a_file(bench.folder.path(), SECRET));
    store.scrub().await.unwrap();
    assert!(!is_in_a_file(bench.folder.path(), SECRET));
    assert_eq!(waiting(store).await, 20);
}

/// The lead without anything of its person.
fn lead_like(whole: &leadgate::lead::Lead) -> leadgate::lead::Lead {
    leadgate::booking::operator::erased(whole, "kim", whole.received_at)
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_it_makes_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;

    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("data");
    drop(Embedded::open(options(&folder, &clock())).unwrap());
    let mode = std::fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}
