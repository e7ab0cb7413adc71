//! Looking at leads from the command line, and where the gateway and the key are found.

use serde_json::{Value, json};

use super::{KEY, Said, command, operated, said};
use crate::support::{Answer, Gateway, sandbox};

const NOBODY: &str = "ld_00000000000000000000000000";

fn kim() -> Value {
    json!({"email": "kim.ek@lead.example", "phoneNumber": "+4790000001", "name": "Kim Ek", "timeZone": "Europe/Oslo"})
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_are_listed_and_shown_without_the_person_unless_asked_for() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&operated(&sandbox.url())).await;
    let booked = Answer::of(gateway.post(&kim(), 20).await).await;
    assert_eq!(booked.status(), "booked");
    let id = booked.id();
    Answer::of(gateway.post(&kim(), 0).await).await;

    let person = ["kim.ek", "Kim", "90000001"];
    for arguments in [
        &["leads", "list"][..],
        &["leads", "list", "--json"],
        &["leads", "show", id],
        &["leads", "show", id, "--json"],
    ] {
        let bare = said(&gateway, arguments).ends(0).out;
        assert!(bare.contains(id), "{bare}");
        assert!(!person.iter().any(|part| bare.contains(part)), "{bare}");
        let whole = said(&gateway, &[arguments, &["--contacts"]].concat()).ends(0);
        assert!(
            person.iter().all(|part| whole.out.contains(part)),
            "{}",
            whole.out
        );
    }

    let table = said(&gateway, &["leads", "list", "--status", "booked"]).ends(0);
    let rows: Vec<&str> = table.out.lines().collect();
    assert_eq!(rows.len(), 2, "{}", table.out);
    assert!(rows[0].starts_with("LEAD") && rows[1].starts_with(id));
    let one = said(&gateway, &["leads", "list", "--limit", "1"]).ends(0);
    assert_eq!(one.out.lines().count(), 2);
    assert!(one.err.contains("--all"), "{}", one.err);
    let found = said(
        &gateway,
        &[
            "leads",
            "list",
            "--all",
            "--json",
            "--q",
            "kim.ek@lead.example",
        ],
    );
    assert_eq!(found.ends(0).lines().len(), 2);

    let shown = said(&gateway, &["leads", "show", id]).ends(0).out;
    for part in [
        "status       booked",
        "k***@***.example",
        "begins",
        "timeline",
        "accept",
    ] {
        assert!(shown.contains(part), "{part} is missing:\n{shown}");
    }
    let record = said(&gateway, &["leads", "show", id, "--json", "--contacts"]).json();
    assert_eq!(record["raw"], kim().to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn address_and_key_come_from_flags_variables_or_settings() {
    let gateway = Gateway::start(&operated("http://127.0.0.1:1")).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let url = gateway.url("");
    let list = ["leads", "list", "--json"];
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = command(elsewhere.path(), arguments);
        command.envs(variables.iter().copied());
        Said::of(command.output().unwrap())
    };
    let key = ("LEADGATE_OPERATOR_KEY", KEY);
    run(&list, &[("LEADGATE_URL", &url), key]).ends(0);
    run(
        &[&list[..], &["--url", &url, "--as", "ines"]].concat(),
        &[key],
    )
    .ends(0);
    run(&[&list[..], &["--to", &url]].concat(), &[key]).ends(0);
    said(&gateway, &list).ends(0);

    // Without settings there is no key, or no address.
    run(&list, &[key]).ends(1);
    run(&[&list[..], &["--url", &url]].concat(), &[]).ends(1);
    run(&[&list[..], &["--as", "kim ek"]].concat(), &[]).ends(2);
    let wrong = ("LEADGATE_OPERATOR_KEY", "wrong-key-0123456789");
    let refused = run(&list, &[("LEADGATE_URL", &url), wrong]).ends(1);
    let error: Value = serde_json::from_str(&refused.err).unwrap();
    assert_eq!(error["code"], "unauthorized");
    assert_eq!(error["status"], 401);
    assert!(!refused.err.contains("wrong-key"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_in_a_sentence() {
    let gateway = Gateway::start(&operated("http://127.0.0.1:1")).await;
    let text = said(&gateway, &["leads", "show", NOBODY]).ends(1);
    assert!(
        text.err
            .starts_with("leadgate: There is no such lead (unknown_lead): ")
    );
    let status = said(&gateway, &["leads", "list", "--status", "done"]).ends(1);
    assert!(status.err.contains("bad_query"), "{}", status.err);
    said(&gateway, &["leads", "show", "ld_1"]).ends(2);
    let usage = said(&gateway, &["leads", "show", "--json"]).ends(2);
    let error: Value = serde_json::from_str(&usage.err).unwrap();
    assert!(error["error"].as_str().unwrap().contains("LEAD"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_speaks_json() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&operated(&sandbox.url())).await;
    std::fs::write(
        gateway.folder().join("sample.json"),
        r#"{"email": "kim.ek@lead.example"}"#,
    )
    .unwrap();
    let check = said(&gateway, &["--json", "check"]).ends(0).json();
    assert_eq!(check["good"], true);
    assert_eq!(check["findings"][0]["level"], "ok");
    let sources = said(&gateway, &["sources", "--json"]).ends(0).json();
    let names: Vec<_> = sources["sources"].as_array().unwrap().iter().collect();
    assert!(
        names
            .iter()
            .any(|source| source["url"] == gateway.url("/v1/sources/landing/leads"))
    );
    let sent = said(&gateway, &["send", "landing", "sample.json", "--json"])
        .ends(0)
        .json();
    assert_eq!(sent["status"], 202);
    assert!(sent["answer"]["leadId"].is_string());
    let health = said(&gateway, &["health", &gateway.url("/readyz"), "--json"]).ends(0);
    assert_eq!(health.json()["ready"], true);
    said(&gateway, &["health"]).ends(0);
    let away = said(&gateway, &["health", "http://127.0.0.1:1/readyz", "--json"]).ends(1);
    assert!(away.err.starts_with("{\"error\":"), "{}", away.err);
    let fill = [
        "backfill",
        "landing",
        "1",
        "--since",
        "2026-11-20",
        "--json",
    ];
    let refused = said(&gateway, &fill).ends(1);
    let error: Value = serde_json::from_str(&refused.err).unwrap();
    assert_eq!(error["code"], "platform_refused");
}

#[test]
fn shells_get_completions() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = command(folder.path(), &["completions", shell])
            .output()
            .unwrap();
        let script = Said::of(script).ends(0).out;
        for word in ["leadgate", "import", "replay", "erase"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}
