use proptest::prelude::*;

use super::*;
use crate::lead::{Lane, SlotPolicy};

mod bounds;
mod environment;
mod example;
mod relations;

const SMALLEST: &str = r#"
[accounts.main]
api_key = "iclosed_abc"

[sources.landing]
kind = "form"
link_prefix = "acme/call"
allowed_origins = ["https://acme.example"]
"#;

fn no_env(_: &str) -> Option<String> {
    None
}

fn faults(text: &str) -> Vec<String> {
    match parse(text, "leadgate.toml", &no_env) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(Fault::to_string).collect(),
    }
}

/// [`SMALLEST`] with a line put under a table's header.
fn with(table: &str, line: &str) -> String {
    let header = format!("[{table}]\n");
    match SMALLEST.contains(&header) {
        true => SMALLEST.replace(&header, &format!("{header}{line}\n")),
        false => format!("{SMALLEST}{header}{line}\n"),
    }
}

#[test]
fn a_small_file_is_enough_and_the_rest_has_defaults() {
    let settings = parse(SMALLEST, "leadgate.toml", &no_env).unwrap();
    assert_eq!(settings.warnings, []);

    let server = &settings.server;
    assert_eq!(server.listen, "127.0.0.1:8080");
    assert_eq!(server.max_body_bytes, 65_536);
    assert_eq!(
        server.per_address,
        Throttle {
            requests: 1200,
            window_seconds: 60
        }
    );
    assert_eq!(
        server.per_key,
        Throttle {
            requests: 6000,
            window_seconds: 60
        }
    );
    assert_eq!(server.shutdown_seconds, 25);
    assert!(server.trusted_proxies.is_empty() && server.operator_key.is_none());

    assert_eq!(
        settings.store.url,
        StoreUrl::Embedded {
            folder: "./data".into()
        }
    );
    assert_eq!(settings.store.retention_days, 30);
    assert_eq!(settings.store.max_waiting, 1_000_000);
    assert_eq!(settings.booking.look_after_seconds, [2, 5, 15, 45]);
    assert_eq!(settings.booking.max_attempts, 6);
    assert_eq!(settings.booking.ask_hours, 48);
    assert_eq!(settings.booking.slot_cache_seconds, 5);

    let account = &settings.accounts["main"];
    assert_eq!(account.base_url, "https://public.api.iclosed.io");
    assert_eq!(account.limit.requests, 20);
    assert_eq!(account.limit.window.as_secs(), 10);
    assert_eq!(account.budget(), 20);
    assert_eq!(account.request_timeout.as_secs(), 20);

    let source = &settings.sources["landing"];
    assert_eq!(source.name, "landing");
    assert_eq!(source.kind.name(), "form");
    assert_eq!(source.account, "main");
    assert_eq!(
        (source.lane, source.slot),
        (Lane::Normal, SlotPolicy::Earliest)
    );
    assert_eq!((source.min_notice_minutes, source.max_days_ahead), (60, 14));
    assert_eq!(
        source.duplicates,
        Duplicates {
            window_days: 30,
            by_email: true,
            by_phone: true
        }
    );
    assert_eq!(source.wait.as_secs(), 0);
    assert!(!source.qualify);
}

#[test]
fn a_chatbot_goes_first_and_waits() {
    let text = SMALLEST.replace("\"form\"", "\"chatbot\"").replace(
        r#"allowed_origins = ["https://acme.example"]"#,
        r#"api_keys = ["0123456789abcdef"]"#,
    );
    let settings = parse(&text, "leadgate.toml", &no_env).unwrap();
    let source = &settings.sources["landing"];
    assert!(matches!(&source.kind, SourceKind::Chatbot { api_keys, .. } if api_keys.len() == 1));
    assert_eq!((source.lane, source.wait.as_secs()), (Lane::Interactive, 4));
}

#[test]
fn every_fault_is_reported_at_once_with_its_line() {
    let text = r#"[server]
listen = "8080"
max_body_bytes = 10
lisen = "x"
[stor]
[accounts.main]
api_key = "abc"
share = 2
plan = "busines"
[accounts.client]
request_timeout_seconds = "20"
[sources.landing]
kind = "form"
account = "clint"
alowed_origins = ["https://acme.example"]
wait_seconds = 26
allowed_events = [
  "acme/call",
  "acme",
  3,
]
duplicates = { window_days = 30, by = ["mail"] }
[sources.bot]
kind = "chatbot"
link_prefix = "acme/call"
api_keys = ["short"]
allowed_origins = []
"#;
    let expected = [
        "leadgate.toml:2: server.listen: must be host:port, such as 127.0.0.1:8080",
        "leadgate.toml:3: server.max_body_bytes: must be from 1024 to 1048576",
        "leadgate.toml:4: server.lisen: unknown key; did you mean listen?",
        "leadgate.toml:5: stor: unknown key; did you mean store?",
        "leadgate.toml:7: accounts.main.api_key: must be an iClosed API key, which begins with iclosed_; \
         iClosed makes one under Settings > Developer > API Keys",
        "leadgate.toml:8: accounts.main.share: must be above 0 and at most 1",
        "leadgate.toml:9: accounts.main.plan: must be one of startup, business; did you mean business?",
        "leadgate.toml:10: accounts.client.api_key: is missing",
        "leadgate.toml:11: accounts.client.request_timeout_seconds: must be a whole number, found string",
        "leadgate.toml:12: sources.landing.link_prefix: is missing; \
         it is what follows /e/ in the event's link, such as acme/strategy-call",
        "leadgate.toml:14: sources.landing.account: there is no account of that name; accounts are client, main",
        "leadgate.toml:15: sources.landing.alowed_origins: unknown key; did you mean allowed_origins?",
        "leadgate.toml:16: sources.landing.wait_seconds: must be from 0 to 25",
        "leadgate.toml:19: sources.landing.allowed_events: must be username/event-name; \
         it is what follows /e/ in the event's link",
        "leadgate.toml:20: sources.landing.allowed_events: must be a string, found integer",
        "leadgate.toml:22: sources.landing.duplicates.by: must be one of email, phone; did you mean email?",
        "leadgate.toml:26: sources.bot.api_keys: is too easy to guess: at least 16 characters; \
         make one with: openssl rand -hex 24",
        "leadgate.toml:27: sources.bot.allowed_origins: unknown key; only sources of kind form have it",
    ];
    assert_eq!(faults(text), expected);
}

#[test]
fn a_syntax_error_has_its_line() {
    assert_eq!(
        faults("[server]\nlisten = \n\n[store]\nurl = \"x\n").len(),
        2
    );
    let all = faults("[server]\n\nlisten = \n");
    assert!(all[0].starts_with("leadgate.toml:3: "), "{all:?}");
    let all = faults("[server]\nlisten = \"a:1\"\nlisten = \"a:2\"\n");
    assert_eq!(all, ["leadgate.toml:3: duplicate key"]);
}

#[test]
fn a_kind_that_is_not_there_is_told_with_those_that_are() {
    let of_kind = |kind: &str| {
        faults(&with("sources.landing", "google_key = \"x\"").replace("\"form\"", kind))
    };
    let platforms = crate::sources::KINDS.iter().map(|kind| kind.name());
    let known: Vec<_> = ["form", "chatbot"].into_iter().chain(platforms).collect();
    let told = format!(
        "leadgate.toml:7: sources.landing.kind: unknown kind: known kinds are {}",
        known.join(", ")
    );
    assert_eq!(of_kind("\"fax\""), std::slice::from_ref(&told));
    assert_eq!(of_kind("\"from\""), [format!("{told}; did you mean form?")]);
}

#[test]
fn a_source_whose_kind_is_at_fault_tells_its_other_faults_too() {
    let landing = |lines: &str| {
        let (before, _) = SMALLEST.split_once("kind =").unwrap();
        faults(&format!("{before}{lines}"))
    };
    let known = "api_keys = []\ngoogle_key = \"x\"\nlink_prefix = \"acme/call\"\n";
    assert_eq!(
        landing(&format!("knd = \"form\"\nwait_seconds = 26\n{known}")),
        [
            "leadgate.toml:5: sources.landing.kind: is missing",
            "leadgate.toml:6: sources.landing.knd: unknown key; did you mean kind?",
            "leadgate.toml:7: sources.landing.wait_seconds: must be from 0 to 25",
        ]
    );
    let all = landing(&format!("kind = \"fax\"\nalowed_origins = []\n{known}"));
    assert!(all[0].starts_with("leadgate.toml:6: sources.landing.kind: unknown kind"));
    assert_eq!(
        all[1..],
        [
            "leadgate.toml:7: sources.landing.alowed_origins: unknown key; did you mean allowed_origins?"
        ]
    );
}

#[test]
fn an_event_id_alone_is_not_enough() {
    let text = SMALLEST.replace("link_prefix = \"acme/call\"", "event_id = 7");
    let all = faults(&text);
    assert_eq!(all.len(), 1);
    assert!(
        all[0].contains("link_prefix: is missing: iClosed finds no free times by event_id alone")
    );
}

#[test]
fn names_are_told_apart_without_case() {
    let text = with("sources.landing", "account = \"MAIN\"")
        .replace("[sources.landing]", "[sources.Landing]");
    let settings = parse(&text, "leadgate.toml", &no_env).unwrap();
    assert_eq!(settings.sources["landing"].name, "landing");

    let twice = format!("{SMALLEST}[sources.LANDING]\nkind = \"form\"\nlink_prefix = \"a/b\"\n");
    let all = faults(&twice);
    assert_eq!(all.len(), 1);
    assert!(
        all[0].ends_with("this name is taken: case does not count"),
        "{all:?}"
    );

    for name in ["\"a b\"", "\"\"", "\"a.b\"", "\"ä\"", &"a".repeat(65)] {
        let all = faults(&SMALLEST.replace("landing", name));
        assert_eq!(all.len(), 1, "{all:?}");
        assert!(all[0].ends_with("a name is 1 to 64 letters, digits, _ and -"));
    }
}

#[test]
fn no_secret_is_printed() {
    let text = r#"
[server]
operator_key = "hunter2-operator-key"
[store]
url = "redis://me:hunter2@host:6379/0"
[accounts.main]
api_key = "iclosed_hunter2"
[sources.bot]
kind = "chatbot"
link_prefix = "acme/call"
token = "hunter2"
api_keys = ["hunter2-0123456789"]
"#;
    let settings = parse(text, "leadgate.toml", &no_env).unwrap();
    assert!(!format!("{settings:?} {settings:#?}").contains("hunter2"));

    let mangled = text
        .replace("iclosed_", "iclosed-")
        .replace("redis:", "redi:")
        .replace("-0123456789", "")
        .replace("acme/call", "hunter2")
        .replace(
            "chatbot\"",
            "chatbot\"\nlane = \"hunter2\"\ntime_zone = \"hunter2\"",
        )
        .replace("[server]", "[server]\nlisten = \"hunter2\"");
    let faults = parse(&mangled, "leadgate.toml", &no_env).unwrap_err();
    assert_eq!(faults.iter().count(), 7, "{faults}");
    assert!(!format!("{faults} {faults:?}").contains("hunter2"));
    let broken = parse("[server]\nlisten = hunter2\n", "leadgate.toml", &no_env).unwrap_err();
    assert!(!format!("{broken} {broken:?}").contains("hunter2"));
}

#[test]
fn a_file_that_cannot_be_read_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leadgate.toml");

    let missing = load(&path, &no_env).unwrap_err().to_string();
    assert!(
        missing.contains("leadgate.toml: there is no such file; copy leadgate.example.toml there")
    );

    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(
        load(&path, &no_env)
            .unwrap_err()
            .to_string()
            .ends_with("is not text in UTF-8")
    );
    assert!(
        load(folder.path(), &no_env)
            .unwrap_err()
            .to_string()
            .contains("cannot be read")
    );

    std::fs::write(&path, SMALLEST).unwrap();
    assert!(
        load(&path, &no_env)
            .unwrap()
            .sources
            .contains_key("landing")
    );
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_do_no_harm() {
    let text = format!(
        "\u{feff}{}",
        with("server", "lisen = \"x\"").replace('\n', "\r\n")
    );
    assert_eq!(
        faults(&text),
        ["leadgate.toml:10: server.lisen: unknown key; did you mean listen?"]
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>()) {
        let _ = parse(&text, "leadgate.toml", &|_| Some("${x}".into()));
    }

    #[test]
    fn no_mangled_settings_make_the_reader_panic(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..12_usize, "[\\[\\]{}=.\"'#\n a-c0-9$é-]{0,6}"), 1..8)
    ) {
        let mut text: Vec<char> = example::WHOLE.chars().collect();
        for (at, length, insert) in cuts {
            let start = at.index(text.len().max(1)).min(text.len());
            let end = (start + length).min(text.len());
            text.splice(start..end, insert.chars());
        }
        let text: String = text.into_iter().collect();
        if let Err(faults) = parse(&text, "leadgate.toml", &|_| None) {
            prop_assert!(faults.iter().count() > 0);
            prop_assert_eq!(faults.to_string().lines().count(), faults.iter().count());
        }
    }
}

#[test]
fn a_gateway_is_reached_where_its_certificate_is_believed() {
    const LOCAL: [&str; 2] = ["http://127.0.0.1:8080", "https://127.0.0.1:8080"];
    const PUBLIC: &str = "public_url = 'https://acme.example'\n";
    const TLS: &str = "tls = { certificate = 'c.pem', key = 'k.pem' }\n";
    for (public, tls, outer, near) in [
        ("", "", LOCAL[0], LOCAL[0]),
        (PUBLIC, "", "https://acme.example", LOCAL[0]),
        ("", TLS, LOCAL[1], LOCAL[1]),
        (PUBLIC, TLS, "https://acme.example", "https://acme.example"),
    ] {
        let text = with("server", &format!("{public}{tls}"));
        let server = parse(&text, "leadgate.toml", &no_env).unwrap().server;
        assert_eq!(server.outer_url(), outer, "{text}");
        assert_eq!(server.near_url(), near, "{text}");
    }
}
