//! Every relative link in the documentation leads to something that is there.

use std::path::{Path, PathBuf};

fn pages(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages(&path, found);
        } else if path.extension().is_some_and(|end| end == "md") {
            found.push(path);
        }
    }
}

/// The targets of links in Markdown, outside of blocks of code.
fn targets(text: &str) -> Vec<String> {
    let mut is_code = false;
    let mut found = Vec::new();
    for line in text.lines() {
        is_code ^= line.trim_start().starts_with("```");
        if !is_code {
            let links = line
                .split("](")
                .skip(1)
                .filter_map(|rest| rest.split_once(')'));
            found.extend(links.map(|(target, _)| target.to_owned()));
        }
    }
    found
}

/// A heading as an address names it.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn every_relative_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    pages(&root.join("docs"), &mut found);
    found.extend(["README.md", "SECURITY.md", "CHANGELOG.md"].map(|name| root.join(name)));
    let mut links = 0;
    for page in &found {
        let text = std::fs::read_to_string(page).unwrap();
        for target in targets(&text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            links += 1;
            let (path, fragment) = target.split_once('#').unwrap_or((&target, ""));
            let there = match path {
                "" => page.clone(),
                path => page.parent().unwrap().join(path),
            };
            assert!(there.exists(), "{}: {target}", page.display());
            if !fragment.is_empty() {
                let text = std::fs::read_to_string(&there).unwrap();
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                let is_there =
                    headings.any(|line| anchor(line.trim_start_matches('#').trim()) == fragment);
                assert!(is_there, "{}: {target}", page.display());
            }
        }
    }
    assert!(links > 25, "{links}");
}

#[test]
fn the_readme_leads_to_every_page_and_stays_short() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    assert!(readme.lines().count() <= 150, "{}", readme.lines().count());
    for entry in std::fs::read_dir(root.join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            readme.contains(&format!("](docs/{name})")),
            "docs/{name} is not told of"
        );
    }
}
