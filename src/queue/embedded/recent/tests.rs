use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::queue::embedded::record::place;

const NOW: i64 = 1000;
const LATER: i64 = 2000;
const LEADS: u8 = 30;
/// Few, so that they meet often.
const PEOPLE: u8 = 5;

/// What may happen in a step.
#[derive(Clone, Debug)]
enum Event {
    /// A new lead, of one or two people.
    Add(u8, u8, u8),
    Free(u8, u8),
    Claim(u8, u8),
    Delete(u8),
}

/// A group of steps that is committed, or lost.
#[derive(Clone, Debug)]
enum Group {
    /// After the steps so many keys are moved, when that is due. `fails`: not all of what moving does can be done, and
    /// it is taken back.
    Steps {
        events: Vec<Event>,
        most: usize,
        fails: bool,
        kept: bool,
    },
    /// One process ends and another begins.
    Restart,
    /// Somebody begins to read the table of persons, or gives back what was read.
    Learn,
}

fn event() -> impl Strategy<Value = Event> {
    let (lead, person) = (0..LEADS, 0..PEOPLE);
    prop_oneof![
        3 => (lead.clone(), person.clone(), person.clone()).prop_map(|(l, a, b)| Event::Add(l, a, b)),
        1 => (lead.clone(), person.clone()).prop_map(|(l, p)| Event::Free(l, p)),
        1 => (lead.clone(), person).prop_map(|(l, p)| Event::Claim(l, p)),
        1 => lead.prop_map(Event::Delete),
    ]
}

fn group() -> impl Strategy<Value = Group> {
    let rarely = || proptest::bool::weighted(0.2);
    let steps = (
        proptest::collection::vec(event(), 0..6),
        1..4_usize,
        rarely(),
        rarely(),
    );
    prop_oneof![
        8 => steps.prop_map(|(events, most, fails, lost)| Group::Steps { events, most, fails, kept: !lost }),
        1 => Just(Group::Restart),
        2 => Just(Group::Learn),
    ]
}

/// What is so, kept the simplest way.
#[derive(Clone, Default)]
struct Truth {
    rows: HashMap<u8, i64>,
    /// An id is given once.
    given: HashSet<u8>,
    claims: HashMap<u8, u8>,
}

fn lead(n: u8) -> LeadId {
    LeadId::from_bytes([n + 1; 16])
}

fn person(n: u8) -> Digest {
    [n + 100; 16]
}

fn database() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(include_str!("../schema.sql")).unwrap();
    db
}

fn row(db: &Connection, n: u8) -> i64 {
    db.execute(
        "INSERT INTO leads (id, account, lane, person, person_until, body) VALUES (?1, 'main', 0, x'', 0, '')",
        [lead(n).as_bytes()],
    )
    .unwrap();
    db.last_insert_rowid()
}

fn happen(db: &Connection, recent: &Shared, truth: &mut Truth, event: &Event) {
    match *event {
        Event::Add(n, a, b) => {
            if !truth.given.insert(n) {
                return;
            }
            let seq = row(db, n);
            let both = [person(a), person(b)].concat();
            let held = recent.lock().holder(db, &both, NOW).unwrap().is_some();
            let claimed: &[u8] = if held { &[] } else { &both };
            recent.lock().add(db, lead(n), seq, claimed, LATER).unwrap();
            truth.rows.insert(n, seq);
            if !held {
                truth.claims.extend([(a, n), (b, n)]);
            }
        }
        Event::Free(n, p) => {
            recent.lock().free(db, lead(n), &person(p)).unwrap();
            if truth.claims.get(&p) == Some(&n) {
                truth.claims.remove(&p);
            }
        }
        Event::Claim(n, p) => {
            recent.lock().claim(db, lead(n), &person(p), LATER).unwrap();
            truth.claims.insert(p, n);
        }
        Event::Delete(n) => {
            if truth.rows.remove(&n).is_some() {
                let id = lead(n);
                db.execute("DELETE FROM leads WHERE id = ?1", [id.as_bytes()])
                    .unwrap();
                recent.lock().forget(db, *id.as_bytes()).unwrap();
            }
        }
    }
}

/// What a reader finds that begins now.
fn all_persons(db: &Connection, mut sieve: Sieve) -> Sieve {
    let mut find = db.prepare("SELECT digest FROM person").unwrap();
    let digests = find.query_map([], |row| row.get(0)).unwrap();
    digests.for_each(|digest| sieve.add(&digest.unwrap()));
    sieve
}

/// Ends the open group one way or the other.
fn end(db: &Connection, recent: &Shared, kept: bool) {
    if kept {
        db.execute_batch("COMMIT").unwrap();
        recent.lock().committed();
    } else {
        db.execute_batch("ROLLBACK").unwrap();
        recent.lock().lost();
    }
}

fn agrees(db: &Connection, recent: &Shared, truth: &Truth) {
    for n in 0..LEADS {
        let found = place(db, recent, lead(n)).unwrap().map(|place| place.seq);
        assert_eq!(found, truth.rows.get(&n).copied(), "lead {n}");
    }
    let left = "SELECT count(*) FROM ids WHERE id NOT IN (SELECT id FROM leads)";
    let left: i64 = db.query_row(left, [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0, "ids of leads that are gone");
    for p in 0..PEOPLE {
        let holder = recent.lock().holder(db, &person(p), NOW).unwrap();
        let wanted = truth.claims.get(&p).map(|n| lead(*n));
        assert_eq!(holder, wanted, "person {p}");
        assert_eq!(recent.lock().holder(db, &person(p), LATER).unwrap(), None);
        if let Some(id) = wanted {
            let until = recent.lock().claimed_until(db, &person(p), id, NOW);
            assert_eq!(until.unwrap(), Some(LATER));
        }
    }
}

proptest! {
    #[test]
    fn every_key_is_found_wherever_it_has_got_to(groups in proptest::collection::vec(group(), 1..40)) {
        let db = database();
        let mut recent = Shared::read(&db).unwrap();
        let mut truth = Truth::default();
        let mut reading = None;
        for group in &groups {
            match group {
                Group::Steps { events, most, fails, kept } => {
                    let is_due = recent.lock().is_due(&db, true).unwrap();
                    db.execute_batch("BEGIN").unwrap();
                    let mut then = truth.clone();
                    for event in events {
                        happen(&db, &recent, &mut then, event);
                    }
                    agrees(&db, &recent, &then);
                    if is_due {
                        let before = recent.lock().mark();
                        db.execute_batch("SAVEPOINT step").unwrap();
                        recent.lock().shift(&db, *most).unwrap();
                        if *fails {
                            db.execute_batch("ROLLBACK TO step").unwrap();
                            recent.lock().undo(before);
                        }
                        db.execute_batch("RELEASE step").unwrap();
                        agrees(&db, &recent, &then);
                    }
                    end(&db, &recent, *kept);
                    if *kept {
                        truth = then;
                    }
                }
                Group::Restart => {
                    recent = Shared::read(&db).unwrap();
                    reading = None;
                }
                Group::Learn => match reading.take() {
                    None => {
                        let blank = recent.lock().learn(0).unwrap();
                        assert!(recent.lock().learn(0).is_none(), "one at a time");
                        reading = Some(all_persons(&db, blank));
                    }
                    Some(read) => recent.lock().learnt(Some(read)),
                },
            }
            agrees(&db, &recent, &truth);
            // What a process would know that began now.
            agrees(&db, &Shared::read(&db).unwrap(), &truth);
        }
    }
}

#[test]
fn with_nothing_else_to_do_everything_comes_to_rest_in_its_table() {
    let (db, mut truth) = (database(), Truth::default());
    let recent = Shared::read(&db).unwrap();
    for n in 0..LEADS {
        happen(&db, &recent, &mut truth, &Event::Add(n, 0, n % PEOPLE));
    }
    recent.lock().committed();
    while recent.lock().is_due(&db, true).unwrap() {
        db.execute_batch("BEGIN").unwrap();
        recent.lock().shift(&db, 2).unwrap();
        end(&db, &recent, true);
    }
    let count = |table: &str| -> i64 {
        db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
            row.get(0)
        })
        .unwrap()
    };
    assert_eq!((count("recent"), count("ids")), (0, i64::from(LEADS)));
    assert_eq!(recent.lock().row(lead(0)), None);
    agrees(&db, &recent, &truth);
}

#[test]
fn under_load_keys_are_moved_only_when_many_have_gathered() {
    let db = database();
    let recent = Shared::read(&db).unwrap();
    for n in 0..MANY {
        assert!(!recent.lock().is_due(&db, false).unwrap(), "{n}");
        let id = LeadId::from_bytes((n as u128).to_be_bytes());
        recent.lock().add(&db, id, n as i64, &[], LATER).unwrap();
    }
    assert!(recent.lock().is_due(&db, false).unwrap());
}
