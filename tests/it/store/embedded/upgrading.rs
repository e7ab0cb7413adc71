//! A folder that an earlier leadgate wrote.

use std::path::Path;
use std::sync::Arc;

use leadgate::lead::{Lead, LeadId, Status};
use leadgate::queue::embedded::Embedded;
use leadgate::queue::{Accepted, Store};
use rusqlite::Connection;

use super::{clock, options};
use crate::store::contract::{
    ACCOUNT, HOUR, acceptance, keep, lead, of_person, stored, take, waiting,
};

/// The tables of version 1, as they were.
const SCHEMA_1: &str = include_str!("schema_1.sql");
const KEY: [u8; 32] = [7; 32];
const ANN: [u8; 16] = [4; 16];

fn database(folder: &Path) -> Connection {
    Connection::open(folder.join("leadgate.db")).unwrap()
}

/// As version 1 wrote it; `step` is what it waits for.
fn write(db: &Connection, lead: &Lead, step: Option<&str>) {
    let now = clock().now().as_millisecond();
    let (due_at, ended_at) = match step {
        Some(_) => (Some(now), None),
        None => (None, Some(now)),
    };
    db.execute(
        "INSERT INTO leads (id, account, lane, step, due_at, ended_at, person, person_until, body) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        (
            lead.id.as_bytes(),
            &lead.account,
            lead.lane.rank(),
            step,
            due_at,
            ended_at,
            ANN,
            now,
            serde_json::to_string(lead).unwrap(),
        ),
    )
    .unwrap();
}

/// A folder of version 1 with a booked lead that claims Ann, and one that waits.
fn old_folder(folder: &Path) -> [LeadId; 2] {
    let db = database(folder);
    db.execute_batch(SCHEMA_1).unwrap();
    db.pragma_update(None, "user_version", 1).unwrap();
    db.execute("INSERT INTO meta VALUES ('hash_key', ?1)", [KEY])
        .unwrap();
    let mut booked = lead();
    booked.status = Status::Booked;
    let waits = lead();
    write(&db, &booked, None);
    write(&db, &waits, Some("book"));
    db.execute(
        "INSERT INTO lanes VALUES (?1, ?2, 1)",
        (ACCOUNT, waits.lane.rank()),
    )
    .unwrap();
    let until = clock().now().as_millisecond() + i64::try_from(HOUR.as_millis()).unwrap();
    db.execute(
        "INSERT INTO person VALUES (?1, ?2, ?3)",
        (ANN, booked.id.as_bytes(), until),
    )
    .unwrap();
    [booked.id, waits.id]
}

/// Every table and index, without comments and spacing.
fn schema(folder: &Path) -> Vec<String> {
    let db = database(folder);
    let mut find = db
        .prepare("SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY type, name")
        .unwrap();
    let all = find.query_map([], |row| row.get(0)).unwrap();
    let words = |sql: String| {
        let lines = sql.lines().map(|line| line.split("--").next().unwrap());
        let text = lines.collect::<Vec<_>>().join(" ");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    all.map(|sql| words(sql.unwrap())).collect()
}

#[tokio::test]
async fn a_folder_of_version_1_is_opened_with_all_that_is_in_it() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let [booked, waits] = old_folder(old.path());
    for _ in 0..2 {
        let store: Arc<dyn Store> =
            Arc::new(Embedded::open(options(old.path(), &clock())).unwrap());
        assert_eq!(*store.hash_key(), KEY);
        assert_eq!(stored(&store, booked).await.lead.status, Status::Booked);
        assert_eq!(
            store.accept(of_person(&[ANN])).await.unwrap(),
            Accepted::Duplicate { of: booked }
        );
        assert_eq!(waiting(&store).await, 1);
        assert_eq!(take(&store).await.unwrap().lead.id, waits);
    }
    let store: Arc<dyn Store> = Arc::new(Embedded::open(options(old.path(), &clock())).unwrap());
    let kept = keep(&store, acceptance(lead())).await;
    assert_eq!(stored(&store, kept).await.lead.id, kept);
    drop(store);
    drop(Embedded::open(options(new.path(), &clock())).unwrap());
    assert_eq!(schema(old.path()), schema(new.path()));
}

#[tokio::test]
async fn a_folder_with_the_tables_of_version_2_that_says_1_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(Embedded::open(options(folder.path(), &clock())).unwrap());
    let id = keep(&store, acceptance(lead())).await;
    drop(store);
    database(folder.path())
        .pragma_update(None, "user_version", 1)
        .unwrap();
    let store: Arc<dyn Store> = Arc::new(Embedded::open(options(folder.path(), &clock())).unwrap());
    assert_eq!(take(&store).await.unwrap().lead.id, id);
}
