//! The how-to pages in `docs/sources`, held to the settings reader.

use std::collections::BTreeSet;
use std::path::Path;

use leadgate::settings::{self, SourceKind};
use leadgate::sources::KINDS;

const HEADINGS: [&str; 6] = [
    "## What you get",
    "## Settings",
    "## At the platform",
    "## Test it",
    "## Repeats and failures",
    "## What cannot be done",
];

/// Every page by its file name.
fn pages() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/sources");
    let files = std::fs::read_dir(folder).unwrap();
    files
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// The settings a page says to paste, beside an account.
fn pasted(page: &str) -> String {
    let after = page.split_once("```toml\n").expect("a block of settings").1;
    let block = after.split_once("\n```").expect("the block ends").0;
    format!("[accounts.main]\napi_key = \"iclosed_abc\"\n\n{block}\n")
}

fn env(name: &str) -> Option<String> {
    let is_named = !name.starts_with("LEADGATE_") && !name.starts_with("ICLOSED_");
    is_named.then(|| format!("{name}-0123456789-0123456789"))
}

#[test]
fn every_kind_has_a_page_whose_settings_can_be_pasted() {
    let mut kinds = BTreeSet::new();
    for (name, page) in pages() {
        for heading in HEADINGS {
            assert!(
                page.contains(&format!("{heading}\n\n")),
                "{name} has no {heading}"
            );
        }
        let read = settings::parse(&pasted(&page), &name, &env);
        let settings = read.unwrap_or_else(|faults| panic!("{faults}"));
        assert_eq!(settings.warnings, [], "{name}");
        assert_eq!(settings.sources.len(), 1, "{name}");
        let (source, of) = settings.sources.first_key_value().unwrap();
        assert!(
            page.contains(&format!("/v1/sources/{source}/leads")),
            "{name}"
        );
        kinds.insert(match &of.kind {
            SourceKind::Chatbot { reply, .. } => format!("{reply:?}"),
            kind => kind.name().to_owned(),
        });
    }
    let mut wanted: BTreeSet<String> = KINDS.iter().map(|kind| kind.name().to_owned()).collect();
    let own = [
        "form",
        "Neutral",
        "ManyChat(Messenger)",
        "DialogflowCx",
        "Flat",
    ];
    wanted.extend(own.map(str::to_owned));
    assert_eq!(kinds, wanted);
}
