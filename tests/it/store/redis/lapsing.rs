//! What is remembered for a time, and what a sweep leaves of it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use leadgate::queue::{Digest, Retention, Swept};
use redis::Value;

use super::{RedisServer, open, options};
use crate::store::contract::{ACCOUNT, DAY, HOUR, keep, of_person, sweep, with_key};

/// More than one step of a sweep deletes.
const LEADS: u16 = 600;

fn name(high: u8, low: u8) -> Digest {
    let mut name = [9; 16];
    name[..2].copy_from_slice(&[high, low]);
    name
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lapsed_leaves_nothing_behind() {
    let server = RedisServer::shared().await;
    let options = options(server.url());
    let store = open(&options).await;
    for n in 0..LEADS {
        let [high, low] = n.to_be_bytes();
        let mut acceptance = of_person(&[name(high, low)]);
        if n < 100 {
            acceptance.person.push(name(3, low));
        }
        acceptance.person_window = if n % 2 == 0 { HOUR } else { 2 * HOUR };
        acceptance.idempotency = with_key(0, None).idempotency;
        acceptance.idempotency.as_mut().unwrap().key = name(high, low);
        keep(&store, acceptance).await;
    }
    let left = || {
        let key = |kind: &str| format!("{}:{{{ACCOUNT}}}:{kind}", options.prefix);
        let size = |command: &str, kind: &str| match server.say(&[command, &key(kind)]) {
            Value::Int(size) => size,
            other => panic!("{other:?}"),
        };
        [
            size("HLEN", "persons"),
            size("HLEN", "repeats"),
            size("SCARD", "spans"),
            size("LLEN", &format!("spans:persons:{}", HOUR.as_micros())),
            size("LLEN", &format!("spans:persons:{}", 2 * HOUR.as_micros())),
            size("LLEN", &format!("spans:repeats:{}", DAY.as_micros())),
        ]
    };
    let advance = |by: Duration| {
        let by = i64::try_from(by.as_micros()).unwrap();
        options
            .offset
            .as_ref()
            .unwrap()
            .fetch_add(by, Ordering::SeqCst);
    };
    assert_eq!(left(), [700, 600, 3, 300, 300, 600]);
    advance(HOUR);
    sweep(&store, HOUR).await;
    assert_eq!(left(), [350, 600, 2, 0, 300, 600]);
    advance(DAY);
    sweep(&store, HOUR).await;
    assert_eq!(left(), [0; 6]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_says_when_keys_are_left_also_when_no_lead_went() {
    /// More than one sweep takes, all of them past their time.
    const FILL: &str = "for n = 1, 10100 do \
         redis.call('RPUSH', KEYS[1], cmsgpack.pack({ 0, string.format('%016d', n) })) end \
         redis.call('SADD', KEYS[2], KEYS[1])";
    let server = RedisServer::shared().await;
    let options = options(server.url());
    let store = open(&options).await;
    keep(&store, with_key(1, None)).await;
    let spans = format!("{}:{{{ACCOUNT}}}:spans", options.prefix);
    let list = format!("{spans}:repeats:1");
    server.say(&["EVAL", FILL, "2", &list, &spans]);
    let swept = store.sweep(Retention { ended: HOUR }).await.unwrap();
    assert_eq!(
        swept,
        Swept {
            leads: 0,
            more: true
        }
    );
    assert_eq!(sweep(&store, HOUR).await, 0);
    assert_eq!(server.say(&["EXISTS", &list]), Value::Int(0));
}
