//! `[receivers.*]`: programs outside that are told of leads, in the form of Standard Webhooks
//! (github.com/standard-webhooks/standard-webhooks).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::fault::Problem;
use super::section::{Section, one_of};
use crate::address::{is_public, literal};
use crate::lead::EventType;

/// Said beside a secret that cannot be used.
const HOW_TO_MAKE: &str = "make one with: echo whsec_$(openssl rand -base64 32)";

/// What a secret begins with.
const PREFIX: &str = "whsec_";

/// One receiver.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// Where messages are posted.
    pub url: Url,
    /// 1 to 3; each signs, so that one can be replaced without a gap.
    pub secrets: Vec<SigningKey>,
    /// The types it is told of.
    pub events: Vec<EventType>,
    /// The sources it is told of; `None`: all.
    pub sources: Option<Vec<String>>,
    /// Whether it may be on this machine or in a private network.
    pub allow_private: bool,
    /// How long one try may take, 1 to 30 s.
    pub timeout: Duration,
}

/// The bytes behind a `whsec_` secret, 24 to 64, kept as their base64 text. Never printed.
#[derive(Clone, Debug)]
pub struct SigningKey(SecretString);

impl SigningKey {
    /// The key itself.
    pub fn bytes(&self) -> Vec<u8> {
        // Only text that decodes makes one.
        STANDARD.decode(self.0.expose_secret()).unwrap_or_default()
    }

    /// Reads `whsec_` and base64 of 24 to 64 bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().strip_prefix(PREFIX)?;
        let bytes = STANDARD.decode(text).ok()?;
        (24..=64)
            .contains(&bytes.len())
            .then(|| Self(SecretString::from(text)))
    }
}

impl Receiver {
    /// Whether it is told of events of this type of leads of this source.
    pub fn wants(&self, event: EventType, source: &str) -> bool {
        let of_source =
            |sources: &Vec<String>| sources.iter().any(|wanted| wanted.as_str() == source);
        self.events.contains(&event) && self.sources.as_ref().is_none_or(of_source)
    }

    pub(super) fn read(section: &Section<'_>, sources: &[&str]) -> Option<Self> {
        let allow_private = section.flag("allow_private", false);
        let url = section.required("url", |text| url(text, allow_private));
        if allow_private && url.as_ref().is_some_and(|url| url.scheme() == "http") {
            let near = url
                .as_ref()
                .and_then(Url::host_str)
                .is_some_and(is_loopback);
            if !near {
                section.warn(
                    "url",
                    "what is told of leads travels there unencrypted: fit for a private network only",
                );
            }
        }
        if !section.has("secrets") {
            section.fault("secrets", "is missing");
        }
        let secrets = section.list("secrets", secret);
        if secrets
            .as_ref()
            .is_some_and(|secrets| !(1..=3).contains(&secrets.len()))
        {
            section.fault(
                "secrets",
                Problem::from("must hold one to three").hint(HOW_TO_MAKE),
            );
        }
        let words = EventType::ALL.map(|event| (event.as_str(), event));
        let events = section.list("events", |text| one_of(text, &words));
        if events.as_ref().is_some_and(Vec::is_empty) {
            section.fault("events", "must hold at least one; leave it out for all");
        }
        let wanted = section.list("sources", |text| source(text, sources));
        if wanted.as_ref().is_some_and(Vec::is_empty) {
            section.fault("sources", "must hold at least one; leave it out for all");
        }
        let timeout = section.number("timeout_seconds", 1..=30, 15);
        section.close(|_| None);
        Some(Self {
            url: url?,
            secrets: secrets?,
            events: events.unwrap_or_else(|| EventType::ALL.to_vec()),
            sources: wanted,
            allow_private,
            timeout: Duration::from_secs(timeout),
        })
    }
}

fn source(text: &str, sources: &[&str]) -> Result<String, Problem> {
    let name = text.trim().to_ascii_lowercase();
    match sources.contains(&name.as_str()) {
        true => Ok(name),
        false => Err(Problem::from("names no source of this file")),
    }
}

fn secret(text: &str) -> Result<SigningKey, Problem> {
    SigningKey::parse(text).ok_or_else(|| {
        Problem::from("must be whsec_ and base64 of 24 to 64 bytes").hint(HOW_TO_MAKE)
    })
}

fn url(text: &str, allow_private: bool) -> Result<Url, Problem> {
    let wrong = || Problem::from("must be a web address such as https://crm.acme.example/leads");
    let url = Url::parse(text.trim()).map_err(|_| wrong())?;
    let is_bare = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    let Some(host) = url.host_str() else {
        return Err(wrong());
    };
    let is_private = is_loopback(host) || literal(host).is_some_and(|ip| !is_public(ip));
    match url.scheme() {
        "https" | "http" if !is_bare => Err(wrong()),
        "https" | "http" if is_private && !allow_private => {
            Err(Problem::from("is on this machine or in a private network")
                .hint("set allow_private = true if that is meant"))
        }
        "https" => Ok(url),
        "http" if allow_private => Ok(url),
        "http" => Err(Problem::from(
            "must be https: what is told of leads would travel in the open",
        )
        .hint("allow_private = true allows http inside a private network")),
        _ => Err(wrong()),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || literal(host).is_some_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_is_on_the_internet_unless_it_is_said_otherwise() {
        for (text, open, private) in [
            ("https://crm.example/leads?x=1", true, true),
            ("https://crm.example", true, true),
            ("https://8.8.8.8/", true, true),
            ("http://crm.example", false, true),
            ("http://127.0.0.1:9000", false, true),
            ("http://127.1/", false, true),
            ("https://2130706433/", false, true),
            ("https://10.1.2.3", false, true),
            ("https://[::1]/", false, true),
            ("https://[::ffff:10.0.0.1]/", false, true),
            ("http://localhost:9000/", false, true),
            ("https://me.localhost/", false, true),
            ("http://crm:9000", false, true),
            ("https://u:p@crm.example", false, false),
            ("https://crm.example/#x", false, false),
            ("ftp://crm.example", false, false),
            ("crm.example", false, false),
            ("", false, false),
        ] {
            assert_eq!(url(text, false).is_ok(), open, "{text}");
            assert_eq!(url(text, true).is_ok(), private, "{text}");
        }
    }

    #[test]
    fn a_secret_is_of_24_to_64_bytes() {
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        for (text, good) in [
            (of(24), true),
            (format!(" {}\n", of(64)), true),
            (of(23), false),
            (of(65), false),
            (of(32).replace("whsec_", ""), false),
            ("whsec_".to_owned(), false),
            (
                "whsec_not base64 at all, but quite long enough".to_owned(),
                false,
            ),
        ] {
            assert_eq!(SigningKey::parse(&text).is_some(), good, "{text}");
        }
        let key = SigningKey::parse(&of(24)).unwrap();
        assert_eq!(key.bytes(), [7; 24]);
        assert!(!format!("{key:?}").contains("BwcH"));
    }
}
