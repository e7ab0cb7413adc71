//! `[server]`: the door leads come in by.

use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use reqwest::Url;
use secrecy::SecretString;

use super::fault::Problem;
use super::secret;
use super::section::Section;

/// The HTTP server.
#[derive(Clone, Debug)]
pub struct Server {
    /// `host:port` to listen on; port 0 takes a free one.
    pub listen: String,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The longest request body taken, 1 KiB to 1 MiB.
    pub max_body_bytes: usize,
    /// What `/v1/admin` asks for, at least 16 characters; without it that part does not exist.
    pub operator_key: Option<SecretString>,
    /// What comes before a path in links handed out, without a slash at the end.
    pub public_url: Option<String>,
    /// The certificate to show; without it the doors speak plain HTTP, for a proxy in front.
    pub tls: Option<Tls>,
    /// What one address may ask.
    pub per_address: Throttle,
    /// What one key may ask.
    pub per_key: Throttle,
    /// How long a stopping server waits for what it has begun, 1 to 600.
    pub shutdown_seconds: u64,
}

/// Two files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate, and behind it those of whoever signed it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// How often somebody may knock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// At most this many, 1 to 1 000 000 ...
    pub requests: u32,
    /// ... in this time, 1 to 3600.
    pub window_seconds: u32,
}

const PER_ADDRESS: Throttle = Throttle {
    requests: 1200,
    window_seconds: 60,
};
const PER_KEY: Throttle = Throttle {
    requests: 6000,
    window_seconds: 60,
};

impl Server {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let listen = section.parsed("listen", listen_address);
        let trusted_proxies = section.list("trusted_proxies", network).unwrap_or_default();
        if trusted_proxies.iter().any(|net| net.prefix_len() == 0) {
            section.warn(
                "trusted_proxies",
                Problem::from("trusts everybody: any caller can then choose its own address")
                    .hint("name the proxies in front of leadgate"),
            );
        }
        let throttle = section.section("throttle");
        let server = Self {
            listen: listen.unwrap_or_else(|| "127.0.0.1:8080".to_owned()),
            trusted_proxies,
            max_body_bytes: section.number("max_body_bytes", 1024..=1_048_576, 65_536),
            operator_key: section.parsed("operator_key", secret::strong),
            public_url: section.parsed("public_url", public_url),
            tls: Tls::read(section),
            per_address: Throttle::read(&throttle.section("per_address"), PER_ADDRESS),
            per_key: Throttle::read(&throttle.section("per_key"), PER_KEY),
            shutdown_seconds: section.number("shutdown_seconds", 1..=600, 25),
        };
        throttle.close(|_| None);
        section.close(|_| None);
        server
    }

    /// Where it listens, as a web address.
    pub fn local_url(&self) -> String {
        let scheme = self.tls.as_ref().map_or("http", |_| "https");
        format!("{scheme}://{}", self.listen)
    }

    /// How callers know it, as far as it was told: without a slash at the end.
    pub fn outer_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| self.local_url())
    }

    /// How a program on this machine reaches it: a certificate is made out to the name that callers know.
    pub fn near_url(&self) -> String {
        match self.tls {
            Some(_) => self.outer_url(),
            None => self.local_url(),
        }
    }
}

impl Tls {
    fn read(server: &Section<'_>) -> Option<Self> {
        if !server.has("tls") {
            return None;
        }
        let section = server.section("tls");
        let path = |text: &str| match text.trim() {
            "" => Err(Problem::from("must name a file")),
            path => Ok(PathBuf::from(path)),
        };
        let (certificate, key) = (
            section.required("certificate", path),
            section.required("key", path),
        );
        section.close(|_| None);
        Some(Self {
            certificate: certificate?,
            key: key?,
        })
    }
}

impl Throttle {
    fn read(section: &Section<'_>, default: Throttle) -> Self {
        let throttle = Self {
            requests: section.number("requests", 1..=1_000_000, default.requests),
            window_seconds: section.number("window_seconds", 1..=3600, default.window_seconds),
        };
        section.close(|_| None);
        throttle
    }
}

/// `host:port`: a name, an IPv4 address, or an IPv6 address in brackets.
fn listen_address(text: &str) -> Result<String, Problem> {
    let wrong = || Problem::from("must be host:port, such as 127.0.0.1:8080");
    let (host, port) = text.trim().rsplit_once(':').ok_or_else(wrong)?;
    let host_is_known = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_host_name(host),
    };
    // `parse` would take a sign.
    let port_is_known = port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    if !(host_is_known && port_is_known) {
        return Err(match host {
            "" => wrong().hint("write 0.0.0.0 before the colon to listen everywhere"),
            _ => wrong(),
        });
    }
    Ok(text.trim().to_owned())
}

fn is_host_name(host: &str) -> bool {
    !host.is_empty()
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

/// A network such as `10.0.0.0/8`, or one address.
fn network(text: &str) -> Result<IpNet, Problem> {
    let text = text.trim();
    text.parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| Problem::from("must be an address or a network such as 10.0.0.0/8"))
}

fn public_url(text: &str) -> Result<String, Problem> {
    let text = text.trim().trim_end_matches('/');
    let known = Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    if !known {
        return Err(Problem::from(
            "must be a web address without a query, such as https://leads.acme.example",
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_to_listen_on_has_a_host_and_a_port() {
        for good in [
            "127.0.0.1:8080",
            "0.0.0.0:0",
            "[::]:80",
            "[::1]:8080",
            "localhost:1",
        ] {
            assert_eq!(listen_address(good), Ok(good.into()));
        }
        for bad in [
            "",
            "8080",
            ":8080",
            "127.0.0.1",
            "127.0.0.1:",
            "127.0.0.1:65536",
            "a:+1",
            "::1:80",
            "[x]:80",
            "a b:80",
            "http://a:80",
        ] {
            assert!(listen_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_proxy_is_an_address_or_a_network() {
        for (text, expected) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("192.0.2.1", "192.0.2.1/32"),
            (" ::1 ", "::1/128"),
        ] {
            assert_eq!(network(text).unwrap(), expected.parse::<IpNet>().unwrap());
        }
        for bad in ["", "10.0.0.0/33", "proxy.example", "10.0.0"] {
            assert!(network(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_public_url_is_a_prefix() {
        assert_eq!(
            public_url("https://acme.example/leads/"),
            Ok("https://acme.example/leads".into())
        );
        for bad in [
            "",
            "acme.example",
            "ftp://acme.example",
            "https://a.example?x=1",
            "https://u:p@a.example",
        ] {
            assert!(public_url(bad).is_err(), "{bad}");
        }
    }
}
