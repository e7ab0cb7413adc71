//! What an operator meets: start, stop, check, and a vendor in trouble.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use leadgate::sandbox::{Fault, FaultKind};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::leads::lead;
use crate::support::{Answer, Gateway, Settings, activate, program, sandbox, wait_for};

const BOOKINGS: &str = "POST /v1/eventCalls";

fn check(gateway: &Gateway) -> (bool, String) {
    let output = program()
        .arg("check")
        .current_dir(gateway.folder())
        .output()
        .expect("the binary runs");
    let said = String::from_utf8(output.stdout).expect("text");
    (output.status.success(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_names_every_fault_before_a_lead_meets_it() {
    let sandbox = sandbox(100, 2, 3).await;
    let settings =
        Settings::new(&sandbox.url(), (100, 2)).source("allowed_events = [\"acme/nowhere\"]");
    let mut gateway = Gateway::start(&settings).await;
    // The gateway holds the store; the rest is checked all the same.
    let (good, said) = check(&gateway);
    assert!(!good);
    for line in [
        "ok    store: in the hands of a running leadgate",
        "ok    account main: the key is good",
        "ok    event acme/strategy-call",
    ] {
        assert!(said.contains(line), "{line} in {said}");
    }
    assert!(
        said.contains("FAULT event acme/nowhere: iClosed has no such event"),
        "{said}"
    );
    assert!(gateway.terminate().await.success());

    let settings = Settings::new(&sandbox.url(), (100, 2));
    let mut gateway = Gateway::start(&settings).await;
    assert!(gateway.terminate().await.success());
    let (good, said) = check(&gateway);
    assert!(
        good && said.contains("store: written and read; leads that wait: 0"),
        "{said}"
    );
    activate(&sandbox, false);
    let (good, said) = check(&gateway);
    assert!(
        !good && said.contains("is DEACTIVATED in iClosed"),
        "{said}"
    );
    sandbox.control().add_fault(Fault {
        endpoint: None,
        kind: FaultKind::KeyRefused,
        times: None,
        probability: 1.0,
    });
    let (good, said) = check(&gateway);
    assert!(
        !good && said.contains("FAULT account main: iClosed refuses the key"),
        "{said}"
    );

    let broken = "[server]\nlisten = 5\n[sources.x]\nkind = \"form\"\nlink_prefx = \"a/b\"\n";
    std::fs::write(gateway.folder().join("leadgate.toml"), broken).unwrap();
    let (good, said) = check(&gateway);
    assert!(!good);
    assert!(
        said.contains("FAULT leadgate.toml:2: server.listen")
            && said.contains("did you mean link_prefix?"),
        "{said}"
    );
    assert!(said.lines().count() > 2, "{said}");
    assert!(
        said.lines().all(|line| line.starts_with("FAULT ")),
        "{said}"
    );
    let output = program()
        .args(["check", "--json"])
        .current_dir(gateway.folder())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let first = &report["findings"][0];
    assert_eq!(
        (&first["file"], &first["line"], &first["key"]),
        (&json!("leadgate.toml"), &json!(2), &json!("server.listen"))
    );
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings.len(), said.lines().count());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_finishes_what_is_in_hand_and_the_rest_waits_for_the_next_start() {
    let sandbox = sandbox(3, 3, 3).await;
    sandbox.control().add_fault(Fault {
        endpoint: Some(BOOKINGS.to_owned()),
        kind: FaultKind::Latency {
            min_ms: 800,
            max_ms: 800,
        },
        times: None,
        probability: 1.0,
    });
    let mut gateway = Gateway::start(&Settings::new(&sandbox.url(), (3, 3))).await;
    let mut ids = Vec::new();
    for number in 0..8 {
        ids.push(
            Answer::of(gateway.post(&lead(number), 0).await)
                .await
                .id()
                .to_owned(),
        );
    }
    wait_for(
        "a request to be under way",
        Duration::from_secs(10),
        async || {
            sandbox
                .control()
                .report()
                .endpoints
                .get(BOOKINGS)
                .filter(|seen| seen.requests > 0)
                .map(|_| ())
        },
    )
    .await;
    let status = gateway.terminate().await;
    assert_eq!(status.code(), Some(0));
    // Nothing was left between request and answer: nobody had to be looked up afterwards.
    gateway.restart();
    gateway.ready().await;
    let ends = gateway.all_ended(&ids, Duration::from_secs(60)).await;
    assert_eq!(ends, [("booked".to_owned(), 8)].into());
    let report = sandbox.control().report();
    assert_eq!(report.calls.len(), 8);
    assert!(!report.endpoints.contains_key("GET /v1/eventCalls"));
    assert!(report.endpoints[BOOKINGS].most_in_any_window <= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_parks_with_its_reason_and_the_rest_of_the_queue_waits() {
    let sandbox = sandbox(100, 2, 3).await;
    sandbox.control().add_fault(Fault {
        endpoint: None,
        kind: FaultKind::KeyRefused,
        times: None,
        probability: 1.0,
    });
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let first = Answer::of(gateway.post(&lead(1), 10).await).await;
    assert_eq!((first.http, first.status()), (202, "parked"), "{first:?}");
    assert_eq!(first.body["reason"]["code"], "key_refused");
    let before = sandbox
        .control()
        .report()
        .endpoints
        .values()
        .map(|seen| seen.requests)
        .sum::<u64>();
    let mut ids = Vec::new();
    for number in 2..12 {
        let answer = Answer::of(gateway.post(&lead(number), 0).await).await;
        assert_eq!(answer.status(), "queued");
        ids.push(answer.id().to_owned());
    }
    for id in ids {
        assert_eq!(gateway.lead(&id).await.status(), "queued");
    }
    let after = sandbox
        .control()
        .report()
        .endpoints
        .values()
        .map(|seen| seen.requests)
        .sum::<u64>();
    assert_eq!(before, after, "a closed account is not asked again at once");
    assert!(gateway.log().contains("iClosed refuses the account's key"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_403_stops_the_account_only_when_the_key_is_refused_elsewhere_too() {
    let sandbox = sandbox(100, 2, 3).await;
    let forbidden = FaultKind::StatusBefore { code: 403 };
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let firewall = Fault::once(BOOKINGS, forbidden.clone());
    sandbox.control().add_fault(firewall);
    let first = Answer::of(gateway.post(&lead(1), 15).await).await;
    assert_eq!(first.status(), "parked", "{first:?}");
    assert_eq!(first.body["reason"]["code"], "refused_by_iclosed");
    let second = Answer::of(gateway.post(&lead(2), 15).await).await;
    assert_eq!(second.status(), "booked", "{second:?}");
    assert!(!gateway.log().contains("iClosed refuses the account's key"));

    for endpoint in [BOOKINGS, "GET /v1/fields/contact-stage"] {
        let dead = Fault::once(endpoint, forbidden.clone());
        sandbox.control().add_fault(dead);
    }
    let third = Answer::of(gateway.post(&lead(3), 15).await).await;
    assert_eq!(third.body["reason"]["code"], "key_refused", "{third:?}");
    assert!(gateway.log().contains("iClosed refuses the account's key"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_event_parks_its_leads_and_hands_the_contact_over() {
    let sandbox = sandbox(100, 2, 3).await;
    activate(&sandbox, false);
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let parked = Answer::of(gateway.post(&lead(1), 20).await).await;
    assert_eq!(parked.status(), "parked", "{parked:?}");
    assert_eq!(parked.body["reason"]["code"], "event_unavailable");
    assert_eq!(sandbox.control().report().contacts.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_iclosed_is_down_leads_are_taken_and_afterwards_booked() {
    let sandbox = sandbox(100, 2, 3).await;
    sandbox.control().add_fault(Fault {
        endpoint: None,
        kind: FaultKind::DropBefore,
        times: None,
        probability: 1.0,
    });
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let answer = Answer::of(gateway.post(&lead(number), 0).await).await;
        assert_eq!((answer.http, answer.status()), (202, "queued"));
        ids.push(answer.id().to_owned());
    }
    wait_for("a lookup to fail", Duration::from_secs(10), async || {
        (!sandbox.control().report().endpoints.is_empty()).then_some(())
    })
    .await;
    let ready = gateway
        .request(Method::GET, "/readyz")
        .send()
        .await
        .unwrap();
    assert_eq!(ready.status(), 200);
    sandbox.control().clear_faults();
    let ends = gateway.all_ended(&ids, Duration::from_secs(60)).await;
    assert_eq!(ends, [("booked".to_owned(), 5)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_429_of_the_vendor_costs_no_attempt_and_a_lower_limit_is_kept() {
    let sandbox = sandbox(100, 2, 3).await;
    sandbox.control().add_fault(Fault {
        endpoint: Some(BOOKINGS.to_owned()),
        kind: FaultKind::Limited {
            retry_after_seconds: 1,
            points: 2,
            window_seconds: 2,
        },
        times: Some(1),
        probability: 1.0,
    });
    let gateway = Gateway::start(
        &Settings::new(&sandbox.url(), (100, 2)).tables("[booking]\nmax_attempts = 1"),
    )
    .await;
    let mut ids = Vec::new();
    for number in 0..6 {
        ids.push(
            Answer::of(gateway.post(&lead(number), 0).await)
                .await
                .id()
                .to_owned(),
        );
    }
    let ends = gateway.all_ended(&ids, Duration::from_secs(60)).await;
    assert_eq!(ends, [("booked".to_owned(), 6)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_gateway_on_the_same_folder_is_refused() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let output = program()
        .arg("serve")
        .env("LEADGATE_LISTEN", "127.0.0.1:0")
        .current_dir(gateway.folder())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("the store cannot be opened"), "{said}");
}

/// A demo, ended with the test.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_runs_with_nothing_set_up_and_its_own_words_book_a_call() {
    let demo = program().arg("demo").stdout(Stdio::piped()).spawn();
    let mut demo = Demo(demo.unwrap());
    let stdout = demo.0.stdout.take().unwrap();
    let said = tokio::task::spawn_blocking(move || {
        use std::io::{BufRead, BufReader};
        let lines = BufReader::new(stdout).lines().map_while(Result::ok);
        lines
            .take_while(|line| !line.starts_with("Stop with"))
            .collect::<Vec<_>>()
            .join("\n")
    })
    .await
    .unwrap();
    let start = said.find("curl -i ").unwrap();
    let end = start + said[start..].find("}'").unwrap() + 2;
    let pasted = Instant::now();
    let output = Command::new("sh")
        .args(["-c", &said[start..end]])
        .output()
        .unwrap();
    let answer = String::from_utf8(output.stdout).unwrap();
    let took = pasted.elapsed();
    let stopped = Command::new("kill")
        .args(["-TERM", &demo.0.id().to_string()])
        .status()
        .unwrap();
    assert!(stopped.success());
    assert!(demo.0.wait().unwrap().success());
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(
        answer.contains(r#""status":"booked""#) && answer.contains("closerName"),
        "{answer}"
    );
    assert!(took < Duration::from_secs(5), "{took:?}");
}
