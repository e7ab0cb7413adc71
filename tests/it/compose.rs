//! What the files for containers promise, as far as it can be read without an engine.

use std::path::Path;

use leadgate::settings;
use serde_json::Value;

fn file(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn compose() -> Value {
    serde_saphyr::from_str(&file("docker-compose.yml")).unwrap()
}

#[test]
fn the_settings_of_the_gateways_have_no_fault_and_trust_the_proxy_alone() {
    let variables = [
        ("ICLOSED_API_KEY", "iclosed_sandbox"),
        ("ICLOSED_BASE_URL", "http://sandbox:9090"),
        ("LEADGATE_LISTEN", "0.0.0.0:8080"),
    ];
    let env = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let settings =
        settings::parse(&file("docker/leadgate.toml"), "docker/leadgate.toml", &env).unwrap();
    let trusted = settings.server.trusted_proxies;
    let proxy = &compose()["services"]["proxy"]["networks"]["inside"]["ipv4_address"];
    assert_eq!(trusted.len(), 1);
    assert_eq!(trusted[0].prefix_len(), 32);
    assert_eq!(trusted[0].addr().to_string(), proxy.as_str().unwrap());
}

#[test]
fn only_the_proxy_is_on_a_network_that_leads_outside_and_only_on_loopback() {
    let compose = compose();
    assert_eq!(compose["networks"]["inside"]["internal"], true);
    for (name, service) in compose["services"].as_object().unwrap() {
        if name == "proxy" {
            let port = service["ports"][0].as_str().unwrap();
            assert!(port.starts_with("127.0.0.1:"), "{port}");
        } else {
            assert_eq!(service["networks"], serde_json::json!(["inside"]), "{name}");
            assert!(service.get("ports").is_none(), "{name}");
        }
    }
}

#[test]
fn redis_keeps_what_it_was_given() {
    let compose = compose();
    let redis = &compose["services"]["redis"];
    let command = redis["command"].as_array().unwrap();
    for (option, value) in [
        ("--appendonly", "yes"),
        ("--appendfsync", "always"),
        ("--maxmemory-policy", "noeviction"),
    ] {
        let place = command.iter().position(|word| word == option).unwrap();
        assert_eq!(command[place + 1], value);
    }
    assert_eq!(redis["volumes"][0], "redis:/data");
}

#[test]
fn two_gateways_start_when_what_they_need_is_healthy() {
    let compose = compose();
    let gateway = &compose["services"]["gateway"];
    assert_eq!(gateway["deploy"]["replicas"], 2);
    for needed in ["redis", "sandbox"] {
        assert_eq!(
            gateway["depends_on"][needed]["condition"], "service_healthy",
            "{needed}"
        );
    }
}
