use super::*;
use crate::lead::LeadId;
use crate::queue::embedded::database;

fn writer(folder: &std::path::Path) -> Writer {
    let lock = database::lock(folder).unwrap();
    let (db, max_pages) = database::writer(folder, None).unwrap();
    let recent = Shared::read(&db).unwrap();
    let copier = Copier::start(database::copier(folder).unwrap()).unwrap();
    let clock = Clock::system();
    Writer::start(db, recent, copier, max_pages, clock, Arc::default(), lock).unwrap()
}

fn write(desk: &mut Desk, name: &str) -> Result<(), StoreError> {
    desk.db
        .execute("INSERT INTO meta (name, value) VALUES (?1, x'')", [name])?;
    Ok(())
}

#[tokio::test]
async fn a_step_that_fails_undoes_itself_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(folder.path());
    let failure = StoreError::Unreadable("on purpose".to_owned());
    let told = failure.clone();
    let answers = tokio::join!(
        writer.run(|desk| write(desk, "before")),
        writer.run(|desk| write(desk, "failed").and(Err::<(), _>(told))),
        writer.run(|desk| write(desk, "after")),
    );
    assert_eq!(answers, (Ok(()), Err(failure), Ok(())));
    let names = |desk: &mut Desk| {
        let mut all = desk.db.prepare("SELECT name FROM meta ORDER BY name")?;
        let names = all.query_map([], |row| row.get(0))?;
        Ok(names.collect::<Result<Vec<String>, _>>()?)
    };
    assert_eq!(writer.run(names).await.unwrap(), ["after", "before"]);
}

#[tokio::test]
async fn a_step_torn_in_the_middle_takes_its_group_along_and_one_that_wrote_nothing_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(folder.path());
    let failure = StoreError::Unreadable("on purpose".to_owned());
    let (told, again) = (failure.clone(), failure.clone());
    let nothing = tokio::join!(
        writer.run(|desk| write(desk, "kept")),
        writer.run_together(|_| Err::<(), _>(told)),
    );
    assert_eq!(nothing, (Ok(()), Err(failure.clone())));
    let torn = writer.run_together(|desk| write(desk, "torn").and(Err::<(), _>(again)));
    assert_eq!(torn.await, Err(failure));
    let names = |desk: &mut Desk| {
        let mut all = desk.db.prepare("SELECT name FROM meta ORDER BY name")?;
        let names = all.query_map([], |row| row.get(0))?;
        Ok(names.collect::<Result<Vec<String>, _>>()?)
    };
    assert_eq!(writer.run(names).await.unwrap(), ["kept"]);
}

#[tokio::test]
async fn nobody_waits_for_a_thread_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(folder.path());
    let broken = writer.run::<(), _>(|_| panic!("on purpose")).await;
    assert_eq!(broken, Err(stopped()));
    assert_eq!(
        writer.run(|desk| write(desk, "later")).await,
        Err(stopped())
    );
}

#[test]
fn keys_that_cannot_be_moved_take_one_group_along_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (db, max_pages) = database::writer(folder.path(), None).unwrap();
    let recent = Shared::read(&db).unwrap();
    let mut desk = Desk::new(db, recent, max_pages, Clock::system());
    let full =
        "CREATE TRIGGER no_more AFTER INSERT ON person BEGIN SELECT RAISE(ABORT, 'full'); END";
    desk.db.execute_batch(full).unwrap();
    let mut group = |step: fn(&mut Desk) -> Result<(), StoreError>| {
        let job: Job = Box::new(move |desk| {
            let outcome = desk.and_then(|desk| desk.together(step));
            Box::new(move |committed| outcome.and(committed).unwrap_or(()))
        });
        let kept = AtomicU64::new(0);
        // What could not be moved is told too, with the steps kept.
        let _ = desk.group(std::iter::once(job), &Changes::default(), &kept);
        kept.into_inner() == 1
    };
    let lead = |desk: &mut Desk| {
        let (mut recent, lead) = (desk.recent.lock(), LeadId::from_bytes([7; 16]));
        recent.add(&desk.db, lead, 1, &[9; 32], i64::MAX)
    };
    let moving = |desk: &mut Desk| desk.recent.lock().is_due(&desk.db, true).map(drop);
    let mended = |desk: &mut Desk| Ok(desk.db.execute_batch("DROP TRIGGER no_more")?);
    assert!(group(lead) && group(moving));
    assert!(!group(|desk| write(desk, "torn")));
    assert!(group(|desk| write(desk, "kept")));
    assert!(group(|desk| write(desk, "kept too")));
    assert!(group(mended) && group(|desk| write(desk, "last")));
    let sql = "SELECT group_concat(name, ', ' ORDER BY name) || ': ' || (SELECT count(*) FROM person) FROM meta";
    let found: String = desk.db.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(found, "kept, kept too, last: 1");
}
