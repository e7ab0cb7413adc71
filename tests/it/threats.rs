//! `docs/threats.md`, held to the code: every test it names is one, and every door it should speak of is in it.

use std::collections::BTreeSet;
use std::path::Path;

fn file(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The names of all functions that are marked as tests.
fn tests(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let mut is_test = false;
            for line in text.lines().map(str::trim_start) {
                is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
                if let Some((before, after)) = line.split_once("fn ")
                    && (before.is_empty() || before == "async ")
                {
                    let name = after.split(['(', '<']).next().unwrap();
                    if std::mem::take(&mut is_test) {
                        found.insert(name.to_owned());
                    }
                }
            }
        }
    }
}

/// The rows' last cells, each with the heading above it.
fn shown_by(page: &str) -> Vec<(&str, Vec<&str>)> {
    let mut heading = "";
    let mut rows = Vec::new();
    for line in page.lines() {
        if let Some(text) = line.strip_prefix("## ") {
            heading = text;
        }
        let is_row = line.starts_with("| ") && !line.starts_with("| Wanted");
        if is_row {
            let last = line.trim_end_matches('|').rsplit('|').next().unwrap();
            rows.push((heading, last.split('`').skip(1).step_by(2).collect()));
        }
    }
    rows
}

#[test]
fn every_threat_is_shown_shut_by_a_test_that_is_there() {
    let page = file("docs/threats.md");
    let mut known = BTreeSet::new();
    for folder in ["tests", "src"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        tests(&root, &mut known);
    }
    // Contract claims are functions that a macro makes tests of.
    assert!(known.len() > 500, "{}", known.len());
    let rows = shown_by(&page);
    assert!(rows.len() > 40, "{}", rows.len());
    for (heading, names) in rows {
        assert!(
            !names.is_empty(),
            "a threat of {heading} is shown by nothing"
        );
        for name in names {
            assert!(known.contains(name), "{heading}: there is no test {name}");
        }
    }
}

#[test]
fn every_route_of_the_contract_is_among_the_doors() {
    let page = file("docs/threats.md");
    let contract = file("openapi.yaml");
    let mut path = "";
    let mut doors = 0;
    for line in contract
        .lines()
        .skip_while(|line| *line != "paths:")
        .skip(1)
    {
        if !line.is_empty() && !line.starts_with(' ') {
            break;
        }
        if let Some(named) = line.strip_prefix("  /") {
            path = named.trim_end_matches(':');
        }
        let method = line
            .strip_prefix("    ")
            .and_then(|line| line.strip_suffix(':'));
        if let Some(method @ ("get" | "post" | "put" | "patch" | "delete")) = method {
            doors += 1;
            let door = format!("`{} /{path}`", method.to_uppercase());
            let both = format!("`GET` and `POST /{path}`");
            assert!(
                page.contains(&door) || page.contains(&both),
                "{door} is not told"
            );
        }
    }
    assert!(doors > 15, "{doors}");
}

#[test]
fn whoever_finds_a_fault_is_told_where_to_go() {
    let page = file("SECURITY.md");
    assert!(page.contains("private security advisory on the repository's host"));
    for heading in ["## Report a fault", "## Versions", "## What is promised"] {
        assert!(page.contains(heading), "{heading}");
    }
}

#[test]
fn every_dependency_is_of_one_origin_and_has_its_checksum() {
    let lock: toml::Table = file("Cargo.lock").parse().unwrap();
    let packages = lock["package"].as_array().unwrap();
    let (own, others): (Vec<_>, Vec<_>) = packages
        .iter()
        .partition(|package| package["name"].as_str() == Some("leadgate"));
    assert_eq!(own.len(), 1);
    assert!(others.len() > 100, "{}", others.len());
    for package in others {
        let text = |key: &str| package.get(key).and_then(toml::Value::as_str);
        let origin = "registry+https://github.com/rust-lang/crates.io-index";
        assert_eq!(text("source"), Some(origin), "{:?}", text("name"));
        let checksum = text("checksum").unwrap_or_default();
        assert_eq!(checksum.len(), 64, "{:?}", text("name"));
    }
    assert!(file("Cargo.toml").contains("unsafe_code = \"forbid\""));
}

#[test]
fn the_image_holds_no_shell_and_runs_as_nobody() {
    let dockerfile = file("Dockerfile");
    let last = dockerfile.rsplit("\nFROM ").next().unwrap();
    let image = last.lines().next().unwrap();
    assert!(
        image.contains("/distroless/") && image.ends_with(":nonroot"),
        "{image}"
    );
    assert!(!last.contains("\nRUN ") && !last.contains("\nUSER root"));
    assert!(dockerfile.contains("--locked"));
}
