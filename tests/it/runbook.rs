//! The runbook, held to the program: every word an operator can meet has a line there, and no line is of a word that
//! is gone.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use leadgate::api::problem::Code;
use leadgate::intake::platform::Withdrawal;
use leadgate::lead::{ReasonCode, Status, Step};
use leadgate::queue::redis::Durability;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The cells of each row of the table under a heading; the first without its backticks.
fn table(heading: &str) -> Vec<Vec<String>> {
    let page = std::fs::read_to_string(root().join("docs/runbook.md")).unwrap();
    let after = page.split_once(&format!("\n## {heading}\n")).unwrap().1;
    let part = after.split("\n## ").next().unwrap();
    let rows = part.lines().filter(|line| line.starts_with('|')).skip(2);
    let rows: Vec<Vec<String>> = rows
        .map(|row| {
            let cells = row.trim_matches('|').split('|').map(str::trim);
            cells
                .map(|cell| cell.trim_matches('`').to_owned())
                .collect()
        })
        .collect();
    assert!(
        rows.iter().flatten().all(|cell| !cell.is_empty()),
        "{heading}"
    );
    rows
}

fn first_cells(heading: &str) -> BTreeSet<String> {
    let rows = table(heading);
    let words: BTreeSet<String> = rows.iter().map(|row| row[0].clone()).collect();
    assert_eq!(words.len(), rows.len(), "{heading} tells something twice");
    words
}

fn owned<'a>(words: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    words.into_iter().map(str::to_owned).collect()
}

/// The program's text, without its tests.
fn sources() -> Vec<String> {
    fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && !matches!(name, "tests" | "sandbox" | "lab") {
                gather(&path, files);
            } else if name.ends_with(".rs")
                && !name.contains("tests")
                && !name.contains("test_server")
            {
                files.push(path);
            }
        }
    }
    let mut files = Vec::new();
    gather(&root().join("src"), &mut files);
    assert!(files.len() > 100);
    let texts = files
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap());
    texts
        .map(|text| text.split("#[cfg(test)]").next().unwrap().to_owned())
        .collect()
}

/// The literals of each call that begins with `opening`, which ends with its bracket.
fn literals_of(text: &str, opening: &str) -> Vec<Vec<String>> {
    text.split(opening).skip(1).map(literals).collect()
}

/// The string literals up to the bracket that closes.
fn literals(call: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut depth = 1;
    let mut letters = call.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            '"' => {
                let mut literal = String::new();
                while let Some(letter) = letters.next() {
                    match letter {
                        '"' => break,
                        '\\' if letters.peek() == Some(&'\n') => {
                            while letters.next_if(|next| next.is_whitespace()).is_some() {}
                        }
                        '\\' => literal.extend(letters.next()),
                        letter => literal.push(letter),
                    }
                }
                found.push(literal);
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    found
}

#[test]
fn every_status_reason_and_problem_has_a_line_and_no_other() {
    let statuses = owned(Status::ALL.map(Status::as_str));
    assert_eq!(first_cells("Statuses"), statuses);
    let reasons = owned(ReasonCode::ALL.map(ReasonCode::as_str));
    assert_eq!(first_cells("Reasons"), reasons);
    let codes = owned(Code::ALL.map(Code::as_str));
    assert_eq!(first_cells("Problem codes"), codes);
    for row in table("Problem codes") {
        let code = Code::ALL.into_iter().find(|code| code.as_str() == row[0]);
        assert_eq!(row[1], code.unwrap().status().to_string(), "{}", row[0]);
    }
}

#[test]
fn every_outcome_of_the_timeline_has_a_line_and_no_other() {
    let told = first_cells("The timeline's words");
    let plain: BTreeSet<String> = owned(Status::ALL.map(Status::as_str))
        .into_iter()
        .chain(owned(Step::ALL.map(Step::as_str)))
        .chain(owned(["accept", "captcha", "import", "operator"]))
        .collect();
    let mut noted = owned(Withdrawal::ALL.map(Withdrawal::as_str));
    for text in sources() {
        for opening in [".note(", ".note_once("] {
            noted.extend(literals_of(&text, opening).into_iter().flatten());
        }
    }
    let is_word = |text: &&String| {
        text.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    let noted: BTreeSet<String> = noted.iter().filter(is_word).cloned().collect();
    assert!(noted.len() > 15, "{noted:?}");
    let untold: Vec<&String> = noted
        .difference(&plain)
        .filter(|word| !told.contains(*word))
        .collect();
    assert!(untold.is_empty(), "the runbook does not tell {untold:?}");
    let gone: Vec<&String> = told.difference(&noted).collect();
    assert!(gone.is_empty(), "nothing notes {gone:?}");
}

/// Whether a line of the runbook is about this message: it names all of it, or the part before a colon.
fn is_about(told: &str, message: &str) -> bool {
    let rest = message.strip_prefix(told);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

#[test]
fn every_warning_and_error_of_the_log_has_a_line_and_no_other() {
    let mut logged = BTreeSet::new();
    for text in sources() {
        for level in ["warn", "error"] {
            for call in literals_of(&text, &format!("tracing::{level}!(")) {
                let message = call.last().unwrap().clone();
                // How Redis keeps its log is said in the words of `Durability`.
                if message != "{}" {
                    logged.insert((level, message));
                }
            }
        }
    }
    assert!(logged.len() > 15, "{logged:?}");
    for durability in [
        Durability::EverySecond,
        Durability::Eventually,
        Durability::Snapshots,
        Durability::Nothing,
    ] {
        logged.insert(("warn", durability.loses().to_owned()));
    }
    let told = table("Log lines");
    for (level, message) in &logged {
        let lines = told
            .iter()
            .filter(|row| is_about(&row[0], message) && row[1] == *level);
        assert_eq!(lines.count(), 1, "{level}: {message}");
    }
    for row in &told {
        let is_logged = logged
            .iter()
            .any(|(level, message)| is_about(&row[0], message) && row[1] == *level);
        assert!(is_logged, "nothing logs {}", row[0]);
    }
}

#[test]
fn every_fault_that_a_check_finds_has_a_line() {
    let told = first_cells("What `leadgate check` finds");
    let check = std::fs::read_to_string(root().join("src/cli/check.rs")).unwrap();
    let faults = literals_of(&check, "report.bad(");
    let faults: Vec<&String> = faults.iter().filter_map(|call| call.first()).collect();
    assert!(faults.len() > 5, "{faults:?}");
    let begins = |told: &String, fault: &str| format!("FAULT {fault}").starts_with(told.as_str());
    for fault in &faults {
        assert!(told.iter().any(|told| begins(told, fault)), "{fault}");
    }
    for told in &told {
        // The words of `StartError` are not in that file.
        let is_start = begins(told, "the store cannot be opened: ");
        assert!(
            is_start || faults.iter().any(|fault| begins(told, fault)),
            "{told}"
        );
    }
}
