//! Acknowledged means kept, whatever kills the process.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, RwLock};

use crate::support::leads::lead;
use crate::support::{Answer, Gateway, Settings, sandbox};

const KILLS: usize = 25;
const LEADS: usize = 600;
const SENDERS: usize = 8;
/// Small enough that the window must be kept across restarts to be kept at all.
const LIMIT: u32 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn twenty_five_kills_over_six_hundred_leads_lose_and_double_nobody() {
    let sandbox = sandbox(LIMIT, 2, 8).await;
    let settings = Settings::new(&sandbox.url(), (LIMIT, 2))
        .tables("[booking]\nlook_after_seconds = [1, 2, 4]");
    let gateway = Arc::new(RwLock::new(Gateway::start(&settings).await));
    let acknowledged = Arc::new(Mutex::new(HashMap::new()));
    let killing = Arc::new(AtomicBool::new(true));

    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (gateway, acknowledged) = (Arc::clone(&gateway), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                for number in (sender..LEADS).step_by(SENDERS) {
                    let answer = post_until_answered(&gateway, number).await;
                    acknowledged
                        .lock()
                        .await
                        .insert(number, answer.id().to_owned());
                }
            })
        })
        .collect();
    for kill in 0..KILLS {
        // The moment is spread over accepting, looking up, booking and settling by the number of leads taken so far.
        let enough = (kill + 1) * LEADS / (KILLS + 2);
        while acknowledged.lock().await.len() < enough {
            tokio::time::sleep(Duration::from_millis(3 + (kill as u64 * 7) % 11)).await;
        }
        let mut gateway = gateway.write().await;
        gateway.kill();
        gateway.restart();
        gateway.ready().await;
    }
    killing.store(false, Ordering::SeqCst);
    for sender in senders {
        sender.await.unwrap();
    }
    let ids: Vec<String> = acknowledged.lock().await.values().cloned().collect();
    assert_eq!(ids.len(), LEADS);
    let gateway = gateway.read().await;
    let ends = gateway.all_ended(&ids, Duration::from_secs(180)).await;
    let report = sandbox.control().report();
    println!(
        "{KILLS} kills, {LEADS} leads: {ends:?}, {} calls",
        report.calls.len()
    );
    assert_eq!(ends, [("booked".to_owned(), LEADS)].into());
    assert_eq!(report.calls.len(), LEADS);
    assert!(report.double_booked.is_empty());
    for (endpoint, seen) in &report.endpoints {
        assert_eq!(seen.limited, 0, "{endpoint}");
        assert!(
            seen.most_in_any_window <= LIMIT as usize,
            "{endpoint}: {}",
            seen.most_in_any_window
        );
    }
}

/// Posts as a careful sender does: again, with the same key, until there is an answer.
async fn post_until_answered(gateway: &RwLock<Gateway>, number: usize) -> Answer {
    loop {
        let request = {
            let gateway = gateway.read().await;
            gateway
                .request(reqwest::Method::POST, "/v1/sources/landing/leads")
                .header("Idempotency-Key", format!("lead-{number}"))
                .json(&lead(number))
        };
        if let Ok(response) = request.send().await
            && response.status() == 202
        {
            return Answer::of(response).await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
