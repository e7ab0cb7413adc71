//! `leadgate import`: every row one lead, whoever is killed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{Said, command, operated, said};
use crate::support::leads::lead;
use crate::support::{Answer, Gateway, Settings, sandbox, wait_for};

const ROWS: usize = 10_000;
/// A row without address and number, and one with a field too many.
const FAULTY: [usize; 2] = [1234, 7777];
/// Every so many rows one repeats the row before it.
const REPEATS_EVERY: usize = 500;
const LONGEST: Duration = Duration::from_secs(50);

/// The address of a row.
fn email(row: usize) -> String {
    let row = if row.is_multiple_of(REPEATS_EVERY) {
        row - 1
    } else {
        row
    };
    format!("row{row}@person.example")
}

/// Rows 1 to `ROWS`, each in a line of its own below the head.
fn table() -> String {
    let mut table = "\u{feff}E-mail address,Full name,answers.row\r\n".to_owned();
    for row in 1..=ROWS {
        let email = if row == FAULTY[0] {
            String::new()
        } else {
            email(row)
        };
        let surplus = if row == FAULTY[1] { ",too much" } else { "" };
        write!(table, "{email},\"Person, {row}\",{row}{surplus}\r\n").unwrap();
    }
    table
}

/// The number a state holds; none when there is no whole state at the moment.
fn state(path: &Path, pointer: &str) -> Option<u64> {
    let text = std::fs::read(path).ok()?;
    let state: Value = serde_json::from_slice(&text).ok()?;
    state.pointer(pointer)?.as_u64()
}

fn importer(gateway: &Gateway) -> Child {
    let arguments = [
        "import",
        "leads.csv",
        "--source",
        "landing",
        "--map",
        "E-mail address=email",
    ];
    command(gateway.folder(), &arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs")
}

async fn reaches(child: &mut Child, path: &Path, rows: u64) {
    wait_for(&format!("{rows} rows"), LONGEST, async || {
        let ended = child.try_wait().expect("can be asked");
        assert!(ended.is_none(), "the import ended early: {ended:?}");
        let taken = state(path, "/counts/taken")?;
        (taken >= rows).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_rows_are_one_lead_each_though_both_sides_are_killed() {
    let sandbox = sandbox(20, 2, 50).await;
    let settings = Settings {
        limit: (20, 2),
        ..operated(&sandbox.url())
    };
    let mut gateway = Gateway::start(&settings).await;
    let file = gateway.folder().join("leads.csv");
    let path = gateway.folder().join("leads.csv.leadgate-import");
    std::fs::write(&file, table()).unwrap();

    let mut first = importer(&gateway);
    reaches(&mut first, &path, 2000).await;
    first.kill().unwrap();
    first.wait().unwrap();
    let so_far = state(&path, "/counts/taken").unwrap();

    let mut second = importer(&gateway);
    reaches(&mut second, &path, 4000).await;
    gateway.kill();
    assert!(second.try_wait().unwrap().is_none(), "rows are left");
    gateway.restart();
    gateway.ready().await;

    // Somebody fills in the form meanwhile.
    let form = Answer::of(gateway.post(&lead(1), 30).await).await;
    assert_eq!(form.status(), "booked", "{form:?}");
    let report = sandbox.control().report();
    let calls = report.calls.len() as u64;
    let own = report
        .calls
        .iter()
        .filter(|call| call.email.as_deref() == Some("lead1@person.example"));
    assert_eq!(own.count(), 1);
    // A fast import may be over by now.
    let taken = state(&path, "/counts/taken").unwrap_or(ROWS as u64);
    assert!(
        taken - calls > 2000,
        "{taken} were taken and {calls} booked before the form's lead"
    );

    let output = tokio::task::spawn_blocking(move || second.wait_with_output());
    let output = tokio::time::timeout(LONGEST, output)
        .await
        .expect("in time");
    let ended = Said::of(output.unwrap().unwrap()).ends(3);
    assert!(
        so_far >= 2000 && ended.err.contains("going on after"),
        "{}",
        ended.err
    );
    assert!(ended.out.contains("10000 rows"), "{}", ended.out);
    assert!(ended.out.contains(" 2 refused"), "{}", ended.out);
    assert!(!path.exists(), "the state goes with the end");

    let report = std::fs::read_to_string(gateway.folder().join("leads.refused.csv")).unwrap();
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines.len(), 3, "{report}");
    assert_eq!(
        lines[0],
        "E-mail address,Full name,answers.row,leadgate_row,leadgate_fault"
    );
    let refused = format!(",\"Person, {0}\",{0},{1},", FAULTY[0], FAULTY[0] + 1);
    assert!(lines[1].starts_with(&refused), "{report}");
    assert!(
        lines[2].contains("the row has 4 fields and the first line 3"),
        "{report}"
    );

    let seen = rows_by_status(&gateway);
    let mut expected: BTreeMap<String, usize> = BTreeMap::new();
    for row in (1..=ROWS).filter(|row| !FAULTY.contains(row)) {
        *expected.entry(row.to_string()).or_default() += 1;
    }
    let counts: BTreeMap<String, usize> = seen
        .iter()
        .map(|(row, statuses)| (row.clone(), statuses.len()))
        .collect();
    assert!(counts == expected, "a row is no lead, or more than one");
    for row in (REPEATS_EVERY..=ROWS).step_by(REPEATS_EVERY) {
        let pair = [row - 1, row].map(|row| seen[&row.to_string()][0].as_str());
        let repeats = pair.iter().filter(|status| **status == "duplicate").count();
        assert_eq!(repeats, 1, "{row}: {pair:?}");
    }
    assert!(sandbox.control().report().double_booked.is_empty());
}

/// Every lead with an answer to `row`.
fn rows_by_status(gateway: &Gateway) -> BTreeMap<String, Vec<String>> {
    let listed = said(
        gateway,
        &[
            "leads",
            "list",
            "--all",
            "--json",
            "--contacts",
            "--source",
            "landing",
        ],
    )
    .ends(0);
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for lead in listed.lines() {
        let Some(row) = lead["answers"][0]["values"][0].as_str() else {
            assert_eq!(lead["contact"]["email"], "lead1@person.example");
            continue;
        };
        let status = lead["status"].as_str().unwrap().to_owned();
        seen.entry(row.to_owned()).or_default().push(status);
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_report_is_imported_and_a_repeated_import_makes_nothing_new() {
    let gateway = Gateway::start(&operated("http://127.0.0.1:1")).await;
    let write = |name: &str, text: &[u8]| {
        std::fs::write(gateway.folder().join(name), text).unwrap();
    };
    let path = |name: &str| gateway.folder().join(name);
    write(
        "leads.csv",
        b"Email;Note\nann@person.example;\"two\nlines\"\n;nobody\n\xe5@person.example;x\n",
    );
    let import = [
        "import",
        "leads.csv",
        "--source",
        "landing",
        "--delimiter",
        ";",
    ];
    let first = said(&gateway, &[&import[..], &["--json"]].concat()).ends(3);
    let last = first.lines().pop().unwrap();
    let counts = ["taken", "duplicates", "repeated", "refused"].map(|name| last[name].as_u64());
    assert_eq!(counts, [Some(1), Some(0), Some(0), Some(2)], "{last}");
    assert_eq!(last["report"], "leads.refused.csv");

    let again = said(&gateway, &import).ends(1);
    assert!(again.err.contains("leads.refused.csv"), "{}", again.err);
    let report = std::fs::read_to_string(path("leads.refused.csv")).unwrap();
    let rows: Vec<&str> = report.lines().collect();
    assert!(rows[1].starts_with(";nobody;4;"), "{report}");
    assert!(rows[2].contains(";x;5;the row is not UTF-8"), "{report}");

    let corrected = report
        .replace(";nobody;", "bo@person.example;nobody;")
        .replace("\u{fffd}@", "aa@");
    write("leads.refused.csv", corrected.as_bytes());
    let refused = [
        "import",
        "leads.refused.csv",
        "--source",
        "landing",
        "--delimiter",
        ";",
    ];
    let second = said(&gateway, &refused).ends(0);
    assert!(second.out.contains("2 rows: 2 taken"), "{}", second.out);
    assert!(!path("leads.refused.refused.csv").exists());

    std::fs::remove_file(path("leads.refused.csv")).unwrap();
    let third = said(&gateway, &import).ends(3);
    assert!(third.out.contains("1 repeated, 2 refused"), "{}", third.out);
    let listed = said(&gateway, &["leads", "list", "--all", "--json"]).ends(0);
    assert_eq!(listed.lines().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_says_what_is_wrong_before_it_sends_anything() {
    let gateway = Gateway::start(&operated("http://127.0.0.1:1")).await;
    std::fs::write(
        gateway.folder().join("leads.csv"),
        "Email\nann@person.example\n",
    )
    .unwrap();
    for (arguments, code, fault) in [
        (
            &["leads.csv", "--source", "nobody"][..],
            1,
            "unknown_source",
        ),
        (&["none.csv", "--source", "landing"], 1, "none.csv"),
        (
            &["leads.csv", "--source", "landing", "--map", "Mail=email"],
            1,
            "no column",
        ),
        (
            &["leads.csv", "--source", "landing", "--map", "Mail"],
            2,
            "Column=field",
        ),
        (&["leads.csv"], 2, "--source"),
    ] {
        let arguments = [&["import"][..], arguments].concat();
        let said = said(&gateway, &arguments).ends(code);
        assert!(said.err.contains(fault), "{}", said.err);
        assert!(!gateway.folder().join("leads.csv.leadgate-import").exists());
    }
    // Nobody is there, and nobody comes.
    let away = ["--url", "http://127.0.0.1:1", "--patience", "0", "--json"];
    let import = ["import", "leads.csv", "--source", "landing"];
    let said = said(&gateway, &[&import[..], &away].concat()).ends(1);
    let error: Value = serde_json::from_str(&said.err).unwrap();
    assert!(error["error"].as_str().unwrap().contains("does not answer"));
}
