//! `docs/settings.md`, written from `leadgate.example.toml`, which a test of the settings holds to the reader. With
//! `UPDATE=1` the page is written anew.

use std::path::Path;

use leadgate::settings;

const HEAD: &str = "# Settings

<!-- Written by `make docs` from leadgate.example.toml: change that. -->

Every setting, from [leadgate.example.toml](../leadgate.example.toml), with its bounds and its default. `leadgate check`
tells everything that is wrong with a file at once. `${NAME}` inside a string is taken from the environment; the variables
that are read unasked stand [at the end](#environment).
";

const ENVIRONMENT: &str = "
## Environment

An empty variable counts as not set.

| Variable | What it does |
|---|---|
| `LEADGATE_CONFIG` | The settings file, where `--config` names none. Without both it is `leadgate.toml` in the working folder. |
| `LEADGATE_LISTEN` | Goes before `listen` in `[server]`. The container image sets it to `0.0.0.0:8080`. |
| `LEADGATE_STORE` | Goes before `url` in `[store]`. |
| `ICLOSED_API_KEY` | Goes before `api_key` in `[accounts.main]`, which need not be in the file then. |
| `ICLOSED_BASE_URL` | Goes before `base_url` in `[accounts.main]`. |
| `LEADGATE_URL` | Where the commands that give orders find a running gateway; see [cli.md](cli.md). |
| `LEADGATE_OPERATOR_KEY` | The key these commands show. |
| `RUST_LOG` | Which lines are logged: a level such as `warn`, or targets with levels such as `info,leadgate=debug`. |
| `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` | Where traces are sent by OTLP over HTTP. Without either nothing is traced; see [metrics.md](metrics.md#traces). |
| `OTEL_SDK_DISABLED`, `OTEL_TRACES_EXPORTER` | `true`, and `none`: nothing is traced. |
| `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | What the service is called in traces, `leadgate` without either, and what else is told of it. |

`OTEL_TRACES_SAMPLER`, `OTEL_BSP_*`, `OTEL_EXPORTER_OTLP_HEADERS` and the like mean what OpenTelemetry says.
";

/// What an adapter puts in for itself, so that the reader of the settings knows no default.
const OF_ADAPTERS: [&str; 4] = ["graph_url", "graph_version", "api_url", "api_version"];

const SOURCE: &str = "[sources.NAME]";

const TOKEN: &str = "token = \"token-for-tests-0123456789\"";

/// One line of the page.
#[derive(Debug)]
enum Entry {
    Table {
        name: String,
        says: String,
    },
    Setting {
        key: String,
        value: String,
        line: usize,
        says: String,
    },
}

/// The settings and tables of the example in their order, each with what is said above it.
fn entries(example: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut said: Vec<&str> = Vec::new();
    for (at, line) in example.lines().enumerate() {
        let is_prose = line.starts_with("# ");
        let live = line.strip_prefix('#').unwrap_or(line);
        if is_prose {
            said.push(&line[2..]);
        } else if live.is_empty() {
            // What stands alone is about no setting.
            said.clear();
        } else if let Some(name) = live.strip_prefix('[') {
            entries.push(Entry::Table {
                name: name.trim_end_matches(']').to_owned(),
                says: said.join(" "),
            });
            said.clear();
        } else {
            let (key, value) = live.split_once(" = ").unwrap();
            entries.push(Entry::Setting {
                key: key.to_owned(),
                value: value.to_owned(),
                line: at,
                says: said.join(" "),
            });
            said.clear();
        }
    }
    entries
}

fn env(name: &str) -> Option<String> {
    match name {
        "LEADGATE_LISTEN" | "LEADGATE_STORE" | "ICLOSED_API_KEY" | "ICLOSED_BASE_URL" => None,
        "RECEIVER_SECRET" => Some("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=".to_owned()),
        name => Some(format!("iclosed_{name}_0123456789")),
    }
}

/// Every setting of the example at once, a line each.
fn uncommented(example: &str) -> Vec<&str> {
    let lines = example
        .lines()
        .map(|line| line.strip_prefix('#').unwrap_or(line));
    lines
        .map(|line| if line.starts_with(' ') { "" } else { line })
        .collect()
}

/// What the reader makes of a setting that is left out: it fails, makes the same of it, or something else.
fn default(lines: &[&str], at: usize, value: &str) -> String {
    let key = lines[at].split(' ').next().unwrap();
    if OF_ADAPTERS.contains(&key) {
        return format!("`{value}`");
    }
    let read = |lines: &[&str]| {
        let settings = settings::parse(&lines.join("\n"), "example", &env);
        settings.map(|settings| format!("{settings:?}"))
    };
    let whole = read(lines).unwrap_or_else(|faults| panic!("{faults}"));
    let with_instead = |line| {
        let mut lines = lines.to_vec();
        lines[at] = line;
        read(&lines)
    };
    match with_instead("") {
        // What shows who posts may be a token, whatever the kind.
        Err(_) if key != "token" && with_instead(TOKEN).is_ok() => {
            format!("none, and then `token` must be set; for example `{value}`")
        }
        Err(_) => format!("must be set; for example `{value}`"),
        Ok(same) if same == whole => format!("`{value}`"),
        Ok(_) => format!("none; for example `{value}`"),
    }
}

/// A table's name with the operator's own part left open.
fn heading(table: &str) -> String {
    let mut parts: Vec<&str> = table.split('.').collect();
    if parts.len() > 1 {
        parts[1] = "NAME";
    }
    format!("[{}]", parts.join("."))
}

fn page(example: &str) -> String {
    // From the environment alone the account would have its key, too, and could do without the line.
    let plain = example.replace("${ICLOSED_API_KEY}", "iclosed_main");
    let lines = uncommented(&plain);
    let mut parts: Vec<(String, String, String)> = Vec::new();
    let mut table = String::new();
    let mut about = String::new();
    for entry in entries(example) {
        let (key, value, line, says) = match entry {
            Entry::Table { name, says } => {
                table = heading(&name);
                about = says;
                continue;
            }
            Entry::Setting {
                key,
                value,
                line,
                says,
            } => (key, value, line, says),
        };
        // The first table of sources holds what is everybody's; the others what their kind has of its own.
        let is_told = parts.iter().any(|(title, ..)| *title == SOURCE);
        if table == SOURCE && key == "kind" && is_told {
            table = format!("{SOURCE} with kind = {value}");
            continue;
        }
        if table.starts_with(SOURCE) && table != SOURCE && key == "link_prefix" {
            continue;
        }
        let told = parts.iter().find(|(title, ..)| *title == table);
        if told.is_some_and(|(.., rows)| rows.contains(&format!("| `{key}` |"))) {
            continue;
        }
        let row = if is_of_the_operator(&table) {
            format!("{key} = {value}\n")
        } else {
            assert!(
                !says.is_empty(),
                "the example says nothing of {key} in {table}"
            );
            let default = default(&lines, line, &value);
            format!("| `{key}` | {} | {} |\n", cell(&default), cell(&says))
        };
        match parts.iter_mut().find(|(title, ..)| *title == table) {
            Some((_, _, rows)) => *rows += &row,
            None => parts.push((table.clone(), about.clone(), row)),
        }
    }
    let tables = parts.iter().map(|(title, about, rows)| {
        let about = match about.is_empty() {
            true => String::new(),
            false => format!("{about}\n\n"),
        };
        let body = match is_of_the_operator(title) {
            true => format!("```toml\n{rows}```\n"),
            false => format!("| Key | Default | What it does |\n|---|---|---|\n{rows}"),
        };
        format!("\n## `{title}`\n\n{about}{body}")
    });
    format!("{HEAD}{}{ENVIRONMENT}", tables.collect::<String>())
}

/// Whether the keys of a table are names of the operator's choice, so that the example's are examples.
fn is_of_the_operator(table: &str) -> bool {
    table.ends_with(".fields]")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[test]
fn the_page_of_settings_is_the_example_as_tables() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let example = std::fs::read_to_string(root.join("leadgate.example.toml")).unwrap();
    let wanted = page(&example);
    let file = root.join("docs/settings.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &wanted).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == wanted,
        "docs/settings.md is not up to date: run `make docs`"
    );
    for key in ["listen", "retention_days", "link_prefix", "google_key"] {
        assert!(wanted.contains(&format!("| `{key}` |")), "{key}");
    }
}

/// Every variable that a file of the program names, outside its tests.
fn variables(text: &str) -> Vec<&str> {
    let text = text.split("#[cfg(test)]").next().unwrap();
    let quoted = text.split('"').skip(1).step_by(2);
    let is_variable = |word: &&str| {
        let prefixes = ["LEADGATE_", "ICLOSED_", "OTEL_", "RUST_LOG"];
        prefixes.iter().any(|prefix| word.starts_with(prefix))
            && word
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
            && !word.ends_with('_')
    };
    quoted.filter(is_variable).collect()
}

#[test]
fn every_variable_that_is_read_unasked_is_on_the_page() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = 0;
    for file in [
        "cli/health.rs",
        "cli/mod.rs",
        "cli/operator.rs",
        "settings/environment.rs",
        "telemetry/environment.rs",
    ] {
        let text = std::fs::read_to_string(source.join(file)).unwrap();
        for variable in variables(&text) {
            assert!(ENVIRONMENT.contains(&format!("`{variable}`")), "{variable}");
            found += 1;
        }
    }
    assert!(found > 10, "{found}");
}
