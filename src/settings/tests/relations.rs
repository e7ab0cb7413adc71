//! Settings against each other: what is refused, and what is only warned of.

use super::*;

fn warnings(text: &str) -> Vec<String> {
    let settings = parse(text, "leadgate.toml", &no_env).unwrap();
    settings.warnings.iter().map(Fault::to_string).collect()
}

#[test]
fn a_plan_and_a_limit_exclude_each_other() {
    let limit = "limit = { requests = 40, window_seconds = 5 }";
    let settings = parse(&with("accounts.main", limit), "leadgate.toml", &no_env).unwrap();
    assert_eq!(settings.accounts["main"].limit.requests, 40);
    assert_eq!(settings.accounts["main"].limit.window.as_secs(), 5);

    let all = faults(&with(
        "accounts.main",
        &format!("plan = \"startup\"\n{limit}"),
    ));
    assert_eq!(
        all,
        ["leadgate.toml:4: accounts.main.limit: plan and limit exclude each other"]
    );
    let all = faults(&with("accounts.main", "limit = { requests = 40 }"));
    assert_eq!(
        all,
        ["leadgate.toml:3: accounts.main.limit.window_seconds: is missing"]
    );
}

#[test]
fn settings_that_defeat_each_other_are_faults() {
    for (table, line, fault) in [
        (
            "accounts.main",
            "share = 0.04",
            "leadgate.toml:3: accounts.main.share: leaves less than one request in a window",
        ),
        (
            "sources.landing",
            "min_notice_minutes = 1440\nmax_days_ahead = 1",
            "leadgate.toml:6: sources.landing.min_notice_minutes: leaves no time to book in: \
             max_days_ahead is over by then",
        ),
        (
            "sources.landing",
            "duplicates = { by = [] }",
            "leadgate.toml:6: sources.landing.duplicates.by: must name email, phone or both; \
             window_days = 0 turns the search off",
        ),
        (
            "booking",
            "look_after_seconds = [5, 5]",
            "leadgate.toml:10: booking.look_after_seconds: must be ascending; each number counts from the lost answer",
        ),
        (
            "booking",
            "look_after_seconds = []",
            "leadgate.toml:10: booking.look_after_seconds: must hold at least one number",
        ),
    ] {
        assert_eq!(faults(&with(table, line)), [fault]);
    }
    assert_eq!(
        faults(&with(
            "sources.landing",
            "duplicates = { window_days = 0, by = [] }"
        )),
        [""; 0]
    );
}

#[test]
fn what_may_be_meant_is_a_warning() {
    assert_eq!(
        warnings(""),
        ["leadgate.toml:1: sources: there is no source: no lead can come in"]
    );
    let origins = r#"allowed_origins = ["https://acme.example"]"#;
    for (text, warning) in [
        (
            SMALLEST.replace(origins, ""),
            "leadgate.toml:5: sources.landing.allowed_origins: is empty: \
             browsers can post no lead from another origin; \
             list the origins of your pages, such as https://acme.example",
        ),
        (
            SMALLEST.replace(origins, r#"allowed_origins = ["*"]"#),
            "leadgate.toml:8: sources.landing.allowed_origins: lets every page on the web post leads here",
        ),
        (
            with("accounts.client", "api_key = \"iclosed_def\""),
            "leadgate.toml:9: accounts.client: no source uses this account",
        ),
        (
            with("sources.landing", "duplicates.window_days = 60"),
            "leadgate.toml:6: sources.landing.duplicates: \
             window_days is longer than [store] retention_days: leads are forgotten before it ends",
        ),
        (
            with("accounts.main", "base_url = \"http://sandbox:9000\""),
            "leadgate.toml:3: accounts.main.base_url: \
             the API key travels there unencrypted: fit for a private network only",
        ),
        (
            with("server", "trusted_proxies = [\"0.0.0.0/0\"]"),
            "leadgate.toml:10: server.trusted_proxies: \
             trusts everybody: any caller can then choose its own address; name the proxies in front of leadgate",
        ),
        (
            with("store", "url = \"redis://host\"\nmax_megabytes = 64"),
            "leadgate.toml:11: store.max_megabytes: has no effect on Redis; set maxmemory there",
        ),
    ] {
        assert_eq!(warnings(&text), [warning]);
    }
    let twins = with("accounts.client", "api_key = \"iclosed_abc\"")
        + "[sources.other]\nkind = \"form\"\nlink_prefix = \"a/b\"\nallowed_origins = [\"*\"]\naccount = \"client\"\n";
    assert!(
        warnings(&twins)
            .iter()
            .any(|w| w.contains("is also the key of the account client"))
    );
}

#[test]
fn a_captcha_asks_only_for_what_its_provider_tells() {
    let of = |table: &str| {
        faults(&with(
            "sources.landing",
            &format!("captcha = {{ {table} }}"),
        ))
    };
    for good in [
        "provider = \"turnstile\", secret = \"s\", action = \"lead\", when_down = \"park\"",
        "provider = \"recaptcha\", secret = \"s\", action = \"lead\", min_score = 1",
        "provider = \"hcaptcha\", secret = \"s\", verify_url = \"http://127.0.0.1:9/verify\"",
    ] {
        assert_eq!(of(good), [""; 0], "{good}");
    }
    let at = "leadgate.toml:6: sources.landing.captcha";
    for (table, fault) in [
        (
            "",
            format!("{at}.provider: is missing|{at}.secret: is missing"),
        ),
        (
            "provider = \"turnstyle\", secret = \"s\"",
            format!(
                "{at}.provider: must be one of turnstile, hcaptcha, recaptcha; did you mean turnstile?"
            ),
        ),
        (
            "provider = \"turnstile\", secret = \"s\", min_score = 0.5",
            format!("{at}.min_score: only recaptcha gives a score"),
        ),
        (
            "provider = \"recaptcha\", secret = \"s\", min_score = 1.5",
            format!("{at}.min_score: must be from 0 to 1"),
        ),
        (
            "provider = \"hcaptcha\", secret = \"s\", action = \"lead\"",
            format!("{at}.action: hcaptcha knows no actions"),
        ),
        (
            "provider = \"hcaptcha\", secret = \"s\", when_down = \"drop\"",
            format!("{at}.when_down: must be one of accept, park, refuse"),
        ),
    ] {
        assert_eq!(of(table).join("|"), fault, "{table}");
    }
}

#[test]
fn a_mapped_signature_that_cannot_be_checked_is_a_fault_at_the_start() {
    let source = "[sources.zap]\nkind = \"mapped\"\nlink_prefix = \"a/b\"\naccount = \"main\"\n";
    let of = |signature: &str| {
        let text = with("accounts.main", "") + source + "signature = { " + signature + " }\n";
        faults(&text)
    };
    assert_eq!(of("header = \"X-Sig\", secret = \"abcdefgh\""), [""; 0]);
    let found = of("header = \"X-Sig\", algorithm = \"md5\"");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].ends_with("sources.zap.signature: secret is missing"));
    assert!(
        found[1].ends_with("sources.zap.signature: algorithm must be one of sha256, sha1, sha512")
    );
}

const RECEIVER: &str = r#"
[receivers.CRM]
url = "https://crm.example/hook"
secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
"#;

fn with_receiver(line: &str) -> String {
    format!("{SMALLEST}{RECEIVER}{line}\n")
}

#[test]
fn a_receiver_is_told_everything_unless_it_says_otherwise() {
    let settings = parse(&with_receiver(""), "leadgate.toml", &no_env).unwrap();
    assert_eq!(settings.warnings, []);
    let receiver = &settings.receivers["crm"];
    assert_eq!(receiver.url.as_str(), "https://crm.example/hook");
    assert_eq!(receiver.events, crate::lead::EventType::ALL);
    assert_eq!(receiver.sources, None);
    assert_eq!(receiver.timeout.as_secs(), 15);
    assert!(!receiver.allow_private);
    assert!(!format!("{settings:?}").contains("MfKQ9r8G"));

    let line = "events = [\"lead.booked\"]\nsources = [\"Landing\"]\ntimeout_seconds = 30";
    let settings = parse(&with_receiver(line), "leadgate.toml", &no_env).unwrap();
    let receiver = &settings.receivers["crm"];
    assert_eq!(receiver.events, [crate::lead::EventType::Booked]);
    assert_eq!(
        receiver.sources.as_deref(),
        Some(&["landing".to_owned()][..])
    );
}

#[test]
fn a_receivers_faults_are_named() {
    for (line, fault) in [
        (
            "events = [\"lead.boked\"]",
            "receivers.CRM.events: must be one of",
        ),
        (
            "events = []",
            "receivers.CRM.events: must hold at least one",
        ),
        (
            "sources = [\"other\"]",
            "receivers.CRM.sources: names no source",
        ),
        (
            "sources = []",
            "receivers.CRM.sources: must hold at least one",
        ),
        (
            "timeout_seconds = 0",
            "receivers.CRM.timeout_seconds: must be from 1 to 30",
        ),
        (
            "timeout_seconds = 31",
            "receivers.CRM.timeout_seconds: must be from 1 to 30",
        ),
        (
            "allow_private = 1",
            "receivers.CRM.allow_private: must be true or false",
        ),
        ("secret = \"x\"", "receivers.CRM.secret: unknown key"),
    ] {
        let all = faults(&with_receiver(line));
        assert_eq!(all.len(), 1, "{line}: {all:?}");
        assert!(all[0].contains(fault), "{line}: {all:?}");
    }
    let four = "\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\",".repeat(4);
    for (from, to, fault) in [
        ("https://", "http://", "receivers.CRM.url: must be https"),
        (
            "crm.example",
            "10.0.0.1",
            "receivers.CRM.url: is on this machine",
        ),
        ("url =", "#url =", "receivers.CRM.url: is missing"),
        (
            "secrets =",
            "#secrets =",
            "receivers.CRM.secrets: is missing",
        ),
        ("whsec_M", "M", "receivers.CRM.secrets: must be whsec_"),
        (
            "\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"",
            "",
            "receivers.CRM.secrets: must hold one to three",
        ),
        (
            "\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"",
            &four,
            "receivers.CRM.secrets: must hold one to three",
        ),
    ] {
        let all = faults(&with_receiver("").replace(from, to));
        assert_eq!(all.len(), 1, "{to}: {all:?}");
        assert!(all[0].contains(fault), "{to}: {all:?}");
    }
}

#[test]
fn a_receiver_that_is_sent_to_in_the_open_is_warned_of() {
    let plain = with_receiver("allow_private = true").replace("https://crm.", "http://crm.");
    assert_eq!(warnings(&plain).len(), 1, "{:?}", warnings(&plain));
    let near =
        with_receiver("allow_private = true").replace("https://crm.example", "http://127.0.0.1:9");
    assert_eq!(warnings(&near), [""; 0]);
}
