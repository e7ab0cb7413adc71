//! What comes from the environment, in a whole file.

use secrecy::ExposeSecret;

use super::*;

fn env(name: &str) -> Option<String> {
    match name {
        "LEADGATE_LISTEN" => Some("0.0.0.0:80".into()),
        "LEADGATE_STORE" => Some("embedded:/tmp/leads".into()),
        "ICLOSED_API_KEY" => Some("iclosed_env\n".into()),
        "ICLOSED_BASE_URL" => Some("http://127.0.0.1:9/".into()),
        "PREFIX" => Some("acme".into()),
        _ => None,
    }
}

#[test]
fn variables_override_the_file() {
    let text = with("server", "listen = 5").replace("iclosed_abc", "${GONE}");
    let settings = parse(&text, "leadgate.toml", &env).unwrap();
    assert_eq!(settings.server.listen, "0.0.0.0:80");
    assert_eq!(settings.store.url.to_string(), "embedded:/tmp/leads");
    let account = &settings.accounts["main"];
    assert_eq!(account.api_key.expose_secret(), "iclosed_env");
    assert_eq!(account.base_url, "http://127.0.0.1:9");
}

#[test]
fn a_key_in_the_environment_makes_the_account_main() {
    let text = SMALLEST.replace("[accounts.main]\napi_key = \"iclosed_abc\"\n", "");
    assert!(text.len() < SMALLEST.len());
    let settings = parse(&text, "leadgate.toml", &env).unwrap();
    assert_eq!(
        settings.accounts["main"].api_key.expose_secret(),
        "iclosed_env"
    );
    assert_eq!(
        faults(&text),
        [
            "leadgate.toml:3: sources.landing.account: is missing, and there is no account main to fall back on; \
             add [accounts.main], or set ICLOSED_API_KEY"
        ]
    );
}

#[test]
fn only_main_takes_its_key_from_the_environment() {
    let text = SMALLEST.replace("accounts.main", "accounts.client") + "account = \"client\"\n";
    let settings = parse(&text, "leadgate.toml", &env).unwrap();
    assert_eq!(
        settings.accounts["client"].api_key.expose_secret(),
        "iclosed_abc"
    );
    assert_eq!(
        settings.accounts["client"].base_url,
        "https://public.api.iclosed.io"
    );
    assert_eq!(settings.warnings.len(), 1, "{:?}", settings.warnings);

    let only_url = |name: &str| env(name).filter(|_| name == "ICLOSED_BASE_URL");
    let settings = parse(&text, "leadgate.toml", &only_url).unwrap();
    assert_eq!(
        settings
            .warnings
            .iter()
            .map(Fault::to_string)
            .collect::<Vec<_>>(),
        ["environment: ICLOSED_BASE_URL: has no effect: there is no account main"]
    );
}

#[test]
fn a_fault_of_the_environment_names_the_variable() {
    let wrong = |name: &str| match name {
        "LEADGATE_LISTEN" => Some("8080".into()),
        "ICLOSED_API_KEY" => Some("hunter2".into()),
        _ => None,
    };
    let faults = parse(SMALLEST, "leadgate.toml", &wrong)
        .unwrap_err()
        .to_string();
    assert_eq!(
        faults,
        "environment: LEADGATE_LISTEN: must be host:port, such as 127.0.0.1:8080\n\
         environment: ICLOSED_API_KEY: must be an iClosed API key, which begins with iclosed_; \
         iClosed makes one under Settings > Developer > API Keys"
    );
}

#[test]
fn names_in_braces_are_taken_from_the_environment_everywhere() {
    let text = with("sources.landing", "allowed_events = [\"${PREFIX}/other\"]")
        .replace("\"acme/call\"", "\"${PREFIX}/call\"");
    let settings = parse(&text, "leadgate.toml", &env).unwrap();
    assert_eq!(settings.sources["landing"].link_prefix, "acme/call");
    assert_eq!(settings.sources["landing"].allowed_events, ["acme/other"]);
    assert_eq!(
        faults(&text),
        [
            "leadgate.toml:6: sources.landing.allowed_events: the environment variable PREFIX is not set",
            "leadgate.toml:8: sources.landing.link_prefix: the environment variable PREFIX is not set",
        ]
    );
}
