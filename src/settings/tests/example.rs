//! The example file against the reader: neither may know a setting that the other does not.

use std::collections::BTreeSet;

use super::*;

pub(super) const WHOLE: &str = include_str!("../../../leadgate.example.toml");

/// Settings the example shows, and that have no default.
const WITHOUT_DEFAULT: [&str; 12] = [
    "tls",
    "operator_key",
    "public_url",
    "max_megabytes",
    "webhook_token",
    "webhook_secret",
    "event_id",
    "preferred_hours",
    "token",
    "default_region",
    "time_zone",
    "captcha",
];

fn env(name: &str) -> Option<String> {
    match name {
        "LEADGATE_LISTEN" | "LEADGATE_STORE" | "ICLOSED_BASE_URL" => None,
        "RECEIVER_SECRET" => Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()),
        "ICLOSED_API_KEY" => Some("iclosed_main".into()),
        name => Some(format!("iclosed_{name}_0123456789")),
    }
}

/// The setting or table in a line that is commented out: prose has a space after its `#`.
fn commented(line: &str) -> Option<&str> {
    line.strip_prefix('#')
        .filter(|rest| !rest.is_empty() && !rest.starts_with(' '))
}

fn uncommented() -> String {
    let lines = WHOLE.lines().map(|line| commented(line).unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// A path with the names an operator chose left out.
fn general(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = path.split('.').collect();
    if matches!(parts[0], "accounts" | "sources" | "receivers") && parts.len() > 1 {
        parts[1] = "*";
    }
    (parts.get(2) != Some(&"fields") || parts.len() == 3).then(|| parts.join("."))
}

fn paths(table: &toml::Table, above: &str, found: &mut BTreeSet<String>) {
    for (key, value) in table {
        let path = if above.is_empty() {
            key.clone()
        } else {
            format!("{above}.{key}")
        };
        found.extend(general(&path));
        if let toml::Value::Table(table) = value {
            paths(table, &path, found);
        }
    }
}

#[test]
fn the_example_is_good_settings() {
    let settings = parse(WHOLE, "leadgate.example.toml", &env).unwrap();
    assert_eq!(settings.warnings, []);
    assert_eq!(settings.sources.len(), 2);
}

#[test]
fn the_example_shows_every_setting_and_no_other() {
    let text = uncommented();
    assert_eq!(
        parse(&text, "example", &env)
            .map_err(|faults| faults.to_string())
            .err(),
        None
    );
    let mut shown = BTreeSet::new();
    paths(&text.parse().unwrap(), "", &mut shown);

    let document = Document::new("example", &text, &env);
    let (table, _) = DeTable::parse_recoverable(&text);
    read(&Section::top(&document, table.get_ref()));
    let known: BTreeSet<String> = document
        .asked()
        .iter()
        .filter_map(|path| general(path))
        .collect();

    assert_eq!(shown, known);
}

#[test]
fn the_defaults_the_example_shows_are_the_defaults() {
    let shape = |text: &str| {
        let settings = parse(text, "example", &env)
            .map_err(|faults| faults.to_string())
            .unwrap();
        format!("{settings:?}")
    };
    let usual = shape(WHOLE);
    let lines: Vec<&str> = WHOLE.lines().collect();
    let mut in_live_table = true;
    let mut compared = 0;
    for (index, line) in lines.iter().enumerate() {
        match commented(line) {
            _ if line.starts_with('[') => in_live_table = true,
            Some(table) if table.starts_with('[') => in_live_table = false,
            Some(setting) if in_live_table => {
                let key = setting.split_whitespace().next().unwrap();
                let mut lines = lines.clone();
                lines[index] = setting;
                let same = shape(&lines.join("\n")) == usual;
                assert_eq!(same, !WITHOUT_DEFAULT.contains(&key), "{setting}");
                compared += 1;
            }
            _ => {}
        }
    }
    assert!(
        compared > 20,
        "only {compared} defaults were found in the example"
    );
}
