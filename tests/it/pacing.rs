//! Never over the limit, and hardly under it.

use std::time::Duration;

use futures_util::future::join_all;
use leadgate::sandbox::{EventOptions, Options, Sandbox};

use crate::support::leads::lead;
use crate::support::{Answer, EVENT, Gateway, Settings};

const BOOKINGS: &str = "POST /v1/eventCalls";

#[tokio::test(flavor = "multi_thread")]
async fn eighty_leads_at_once_are_booked_at_the_pace_of_the_startup_plan() {
    let event = EventOptions {
        link_prefix: EVENT.to_owned(),
        ..EventOptions::default()
    };
    let sandbox = Sandbox::start(Options {
        listen: "127.0.0.1:0".to_owned(),
        limit: 20,
        window: Duration::from_secs(10),
        latency: Duration::from_millis(80)..=Duration::from_millis(250),
        events: vec![event],
        ..Options::default()
    })
    .await
    .unwrap();
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (20, 10))).await;
    let leads: Vec<_> = (0..80).map(lead).collect();
    let posts = join_all(
        leads
            .iter()
            .map(|lead| async { Answer::of(gateway.post(lead, 0).await).await }),
    )
    .await;
    assert!(posts.iter().all(|answer| answer.http == 202), "{posts:?}");

    let ids: Vec<String> = posts.iter().map(|answer| answer.id().to_owned()).collect();
    let ends = gateway.all_ended(&ids, Duration::from_secs(90)).await;
    assert_eq!(ends, [("booked".to_owned(), 80)].into());

    let report = sandbox.control().report();
    assert_eq!(report.calls.len(), 80);
    assert!(report.double_booked.is_empty());
    for (endpoint, seen) in &report.endpoints {
        assert_eq!(seen.limited, 0, "{endpoint}");
        assert!(
            seen.most_in_any_window <= 20,
            "{endpoint}: {}",
            seen.most_in_any_window
        );
    }
    assert_eq!(report.endpoints[BOOKINGS].requests, 80);
    let first = report.first_booking_at.unwrap();
    let last = report.last_booking_at.unwrap();
    let took = Duration::from_millis(
        u64::try_from(last.as_millisecond() - first.as_millisecond()).unwrap(),
    );
    // Four times twenty: three windows lie between, each opened again by an answer; half of those took longer than this.
    let median_latency = Duration::from_millis(165);
    let allowed = 3 * (Duration::from_secs(10) + median_latency);
    println!(
        "80 bookings from first to last in {took:?}; the window and the latency allow {allowed:?}"
    );
    assert!(
        took <= allowed.mul_f64(1.05),
        "{took:?} against {allowed:?}"
    );
}
