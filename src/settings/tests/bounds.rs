//! Each number at its bounds and one step beyond.

use super::*;

#[test]
fn each_number_has_its_bounds() {
    for (table, key, least, most) in [
        ("server", "max_body_bytes", 1024, 1_048_576),
        ("server", "shutdown_seconds", 1, 600),
        ("server.throttle.per_address", "requests", 1, 1_000_000),
        ("server.throttle.per_key", "window_seconds", 1, 3600),
        ("store", "retention_days", 1, 3650),
        ("store", "max_waiting", 1, 100_000_000),
        ("store", "max_megabytes", 16, 1_048_576),
        ("booking", "max_attempts", 1, 20),
        ("booking", "ask_hours", 1, 720),
        ("booking", "slot_cache_seconds", 0, 60),
        ("accounts.main", "request_timeout_seconds", 1, 120),
        ("sources.landing", "event_id", 1, i64::MAX),
        ("sources.landing", "min_notice_minutes", 0, 20_159),
        ("sources.landing", "max_days_ahead", 1, 365),
        ("sources.landing", "wait_seconds", 0, 25),
        ("sources.landing", "min_fill_seconds", 0, 60),
        ("sources.landing.duplicates", "window_days", 0, 3650),
    ] {
        let faults_at = |number: i128| faults(&with(table, &format!("{key} = {number}")));
        for good in [least, most] {
            assert_eq!(faults_at(i128::from(good)), [""; 0], "{key} = {good}");
        }
        for bad in [i128::from(least) - 1, i128::from(most) + 1, -5, i128::MAX] {
            let all = faults_at(bad);
            assert_eq!(all.len(), 1, "{key} = {bad}: {all:?}");
            assert!(all[0].contains(&format!("{table}.{key}: ")), "{all:?}");
        }
    }
}

#[test]
fn a_limit_has_its_bounds() {
    let faults_of = |requests: i64, seconds: i64| {
        let limit = format!("limit = {{ requests = {requests}, window_seconds = {seconds} }}");
        faults(&with("accounts.main", &limit)).len()
    };
    assert_eq!(faults_of(1, 1), 0);
    assert_eq!(faults_of(100_000, 3600), 0);
    assert_eq!(faults_of(0, 0), 2);
    assert_eq!(faults_of(100_001, 3601), 2);
}

#[test]
fn lookups_come_after_the_loss_and_within_an_hour() {
    let faults_of =
        |list: &str| faults(&with("booking", &format!("look_after_seconds = {list}"))).len();
    assert_eq!(faults_of("[1, 3600]"), 0);
    assert_eq!(faults_of("[0]"), 1);
    assert_eq!(faults_of("[3601, 0]"), 2);
    assert_eq!(faults_of("5"), 1);
}

#[test]
fn the_key_that_opens_every_lead_cannot_be_guessed() {
    let faults_of = |key: &str| faults(&with("server", &format!("operator_key = \"{key}\"")));
    assert_eq!(faults_of("0123456789abcdef"), [""; 0]);
    let short = faults_of("0123456789abcde");
    assert_eq!(short.len(), 1, "{short:?}");
    assert!(
        short[0].contains("server.operator_key: is too easy to guess"),
        "{short:?}"
    );
}

#[test]
fn a_value_of_the_wrong_type_is_a_fault_and_not_a_default() {
    for (table, line, found) in [
        ("server", "listen = 8080", "must be a string, found integer"),
        (
            "server",
            "trusted_proxies = \"10.0.0.0/8\"",
            "must be a list, found string",
        ),
        ("server", "throttle = 5", "must be a table, found integer"),
        (
            "store",
            "retention_days = 1.5",
            "must be a whole number, found float",
        ),
        (
            "accounts.main",
            "share = \"1\"",
            "must be a number, found string",
        ),
        (
            "sources.landing",
            "qualify = \"yes\"",
            "must be true or false, found string",
        ),
        (
            "sources.landing",
            "fields = { a = 1 }",
            "must be a string, found integer",
        ),
        (
            "sources.landing",
            "preferred_hours = 08:00:00",
            "must be a string, found datetime",
        ),
    ] {
        let all = faults(&with(table, line));
        assert_eq!(all.len(), 1, "{all:?}");
        assert!(all[0].ends_with(found), "{all:?}");
    }
    assert_eq!(
        faults("[sources]\nlanding = 1\n"),
        ["leadgate.toml:2: sources.landing: must be a table, found integer"]
    );
    assert_eq!(
        faults("[accounts]\nmain = 1\n"),
        ["leadgate.toml:2: accounts.main: must be a table, found integer"]
    );
}

#[test]
fn numbers_may_be_written_in_every_way_toml_has() {
    for number in [
        "65_536",
        "0x10000",
        "0o200000",
        "0b1_0000_0000_0000_0000",
        "+65536",
    ] {
        let text = with("server", &format!("max_body_bytes = {number}"));
        let settings = parse(&text, "leadgate.toml", &no_env).unwrap();
        assert_eq!(settings.server.max_body_bytes, 65_536, "{number}");
    }
}
