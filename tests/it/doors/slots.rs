//! Free times for widgets and chats.

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use reqwest::Method;

use super::{BOT_KEY, PAGE};
use crate::support::{Gateway, Seen, Settings, sandbox};

const SLOTS: &str = "/v1/sources/landing/slots";

#[expect(
    clippy::disallowed_methods,
    reason = "the sandbox lives by the real clock"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

/// The listed instants, each checked against its local spelling in this zone.
fn instants(seen: &Seen, zone: &str) -> Vec<Timestamp> {
    assert_eq!(seen.http, 200, "{seen:?}");
    let zone = TimeZone::get(zone).unwrap();
    let slots = seen.body["slots"].as_array().unwrap();
    let read = slots.iter().map(|slot| {
        let text = slot["dateTime"].as_str().unwrap();
        assert!(text.ends_with('Z'), "{text}");
        let at: Timestamp = text.parse().unwrap();
        let local = at.display_with_offset(zone.to_offset(at)).to_string();
        assert_eq!(slot["local"], local);
        at
    });
    read.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn free_times_are_told_in_utc_and_on_the_wall_of_the_asked_zone() {
    let sandbox = sandbox(100, 2, 3).await;
    let settings = Settings::new(&sandbox.url(), (100, 2))
        .source("min_notice_minutes = 120\nmax_days_ahead = 5");
    let gateway = Gateway::start(&settings).await;
    let ask = async |query: &str| {
        Seen::of(gateway.request(Method::GET, &format!("{SLOTS}{query}"))).await
    };
    let plain = ask("").await;
    let fetched: Timestamp = plain.body["fetchedAt"].as_str().unwrap().parse().unwrap();
    assert!((now().as_second() - fetched.as_second()).abs() <= 30);
    assert_eq!(plain.header("cache-control"), Some("no-store"));
    let utc = instants(&plain, "UTC");
    assert!(!utc.is_empty() && utc.is_sorted());
    assert!(
        utc[0] >= fetched + 119.minutes(),
        "the source's notice holds"
    );
    assert!(
        *utc.last().unwrap() <= fetched + (5 * 24 * 60 + 1).minutes(),
        "the source looks no further ahead"
    );

    let kathmandu = ask("?timeZone=Asia/Kathmandu&days=31").await;
    assert_eq!(instants(&kathmandu, "Asia/Kathmandu").last(), utc.last());
    assert!(
        kathmandu.body["slots"][0]["local"]
            .as_str()
            .unwrap()
            .ends_with("+05:45")
    );
    assert_eq!(ask("?time_zone=Asia/Kathmandu").await.http, 200);

    let zone = TimeZone::get("Pacific/Auckland").unwrap();
    let day = now()
        .to_zoned(zone.clone())
        .date()
        .checked_add(2.days())
        .unwrap();
    let one = ask(&format!("?timeZone=Pacific/Auckland&from={day}&days=1")).await;
    let there = instants(&one, "Pacific/Auckland");
    assert!(
        !there.is_empty()
            && there
                .iter()
                .all(|at| at.to_zoned(zone.clone()).date() == day),
        "{there:?}"
    );

    for nothing in ["?from=2020-01-01&days=1", "?from=2090-01-01"] {
        assert!(instants(&ask(nothing).await, "UTC").is_empty(), "{nothing}");
    }
    let event = ask("?linkPrefix=acme/strategy-call").await;
    assert_eq!(instants(&event, "UTC"), utc);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_cannot_be_read_is_refused() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    for query in [
        "days=0",
        "days=32",
        "days=-1",
        "days=x",
        "days=",
        "days=1.5",
        "from=tomorrow",
        "from=2031-02-30",
        "from=2031-12-01T10:00",
        "from=9999-12-31",
        "from=-009999-01-01",
        "timeZone=Nowhere/City",
        "timeZone=",
        "time_zone=%2B01",
        "linkPrefix=acme/other",
        "linkPrefix=",
        "link_prefix=..%2F..",
        "timeZone=%FF",
    ] {
        let seen = Seen::of(gateway.request(Method::GET, &format!("{SLOTS}?{query}"))).await;
        seen.assert_problem(query, 400, "bad_query");
    }
    assert!(
        sandbox.control().report().endpoints.is_empty(),
        "iClosed was not asked"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_shows_its_times_to_those_who_may_post_to_it() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let bot = "/v1/sources/bot/slots";
    let get = |path: &str| gateway.request(Method::GET, path);
    Seen::of(get(bot))
        .await
        .assert_problem("no key", 401, "unauthorized");
    Seen::of(get(bot).bearer_auth("wrong"))
        .await
        .assert_problem("a wrong key", 401, "unauthorized");
    assert_eq!(Seen::of(get(bot).bearer_auth(BOT_KEY)).await.http, 200);
    let other = get(SLOTS).header("Origin", "https://evil.example");
    Seen::of(other)
        .await
        .assert_problem("another page", 403, "origin_not_allowed");
    assert_eq!(Seen::of(get(SLOTS).header("Origin", PAGE)).await.http, 200);
    Seen::of(get("/v1/sources/nobody/slots"))
        .await
        .assert_problem("no source", 404, "unknown_source");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_iclosed_there_are_no_times_and_leads_are_still_taken() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    sandbox.stop().await;
    let seen = Seen::of(gateway.request(Method::GET, SLOTS)).await;
    seen.assert_problem("no iClosed", 503, "slots_unavailable");
    let taken = gateway.post(&crate::support::leads::lead(1), 0).await;
    assert_eq!(taken.status().as_u16(), 202);
}
