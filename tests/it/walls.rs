//! Which room may know which: the arrows between the parts of `src/`, held to the code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What each part may import. Whoever adds an arrow here has read why it is not there.
fn allowed() -> BTreeMap<&'static str, &'static [&'static str]> {
    BTreeMap::from([
        ("lead", &[][..]),
        ("iclosed", &["telemetry"]),
        ("sandbox", &[]),
        ("lab", &["sandbox"]),
        ("clock", &[]),
        ("sources", &["lead", "telemetry"]),
        ("address", &[]),
        ("settings", &["address", "lead", "sources"]),
        ("telemetry", &["lead", "queue"]),
        ("queue", &["lead", "clock"]),
        (
            "intake",
            &["lead", "queue", "settings", "sources", "telemetry"],
        ),
        ("captcha", &["settings", "telemetry"]),
        ("retry", &[]),
        ("tls", &["settings"]),
        (
            "fetching",
            &[
                "intake",
                "lead",
                "queue",
                "retry",
                "settings",
                "sources",
                "telemetry",
            ],
        ),
        (
            "booking",
            &["lead", "queue", "iclosed", "retry", "telemetry"],
        ),
        (
            "outbound",
            &[
                "address",
                "clock",
                "lead",
                "queue",
                "retry",
                "settings",
                "telemetry",
            ],
        ),
        (
            "api",
            &[
                "lead",
                "queue",
                "intake",
                "booking",
                "captcha",
                "clock",
                "iclosed",
                "settings",
                "sources",
                "telemetry",
            ],
        ),
        (
            "app",
            &[
                "api",
                "booking",
                "clock",
                "fetching",
                "iclosed",
                "intake",
                "outbound",
                "queue",
                "settings",
                "telemetry",
                "tls",
            ],
        ),
        (
            "cli",
            &[
                "app",
                "clock",
                "iclosed",
                "lab",
                "lead",
                "queue",
                "sandbox",
                "settings",
                "sources",
                "telemetry",
                "tls",
            ],
        ),
    ])
}

#[test]
fn no_part_imports_what_it_must_not_know() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    visit(&source, &mut |path| {
        let inside = path.strip_prefix(&source).unwrap();
        let part = inside
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_str()
            .unwrap();
        let part = part.trim_end_matches(".rs").to_owned();
        let text = std::fs::read_to_string(path).unwrap();
        // Behind a brace no arrow is seen.
        assert!(
            !text.contains("crate::{"),
            "{} imports a list: one line for each part",
            path.display()
        );
        let uses = text.split("crate::").skip(1).map(|rest| {
            rest.chars()
                .take_while(|letter| letter.is_ascii_lowercase() || *letter == '_')
                .collect::<String>()
        });
        found
            .entry(part.clone())
            .or_default()
            .extend(uses.filter(|used| *used != part && !used.is_empty()));
    });
    let allowed = allowed();
    for (part, uses) in &found {
        if part == "lib" || part == "main" {
            continue;
        }
        let may: BTreeSet<String> = allowed[part.as_str()]
            .iter()
            .map(|name| (*name).to_owned())
            .collect();
        let beyond: Vec<_> = uses.difference(&may).collect();
        assert!(beyond.is_empty(), "{part} imports {beyond:?}");
        let unused: Vec<_> = may.difference(uses).collect();
        assert!(
            unused.is_empty(),
            "{part} no longer imports {unused:?}: take the arrow out"
        );
    }
}

fn visit(folder: &Path, file: &mut impl FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit(&path, file);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            file(&path);
        }
    }
}
