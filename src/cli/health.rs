//! `leadgate health`: asks a running gateway whether it is ready, for a container that has no other program.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;

use super::voice::Voice;

/// The longest each of connecting, writing and reading may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where to ask.
#[derive(clap::Args)]
pub struct Flags {
    /// What must answer 200.
    #[arg(default_value = "http://127.0.0.1:8080/readyz", value_name = "URL")]
    url: String,
}

/// Exits 0 when the gateway is ready.
pub fn run(flags: &Flags, voice: Voice) -> ExitCode {
    let Some((host, path)) = parts(&flags.url) else {
        return voice.fail("the address must be http://host:port/path");
    };
    match ask(host, path) {
        Ok(200) => {
            if voice.json {
                voice.tell(&json!({"ready": true, "status": 200}), String::new);
            }
            ExitCode::SUCCESS
        }
        Ok(status) => voice.fail(format!("{} answered {status}", flags.url)),
        Err(error) => voice.fail(format!("{} did not answer: {error}", flags.url)),
    }
}

/// `host:port` and the path of a plain address.
fn parts(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (_, port) = host.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    Some((host, if path.is_empty() { "/readyz" } else { path }))
}

fn ask(host: &str, path: &str) -> io::Result<u16> {
    let address = host
        .to_socket_addrs()?
        .next()
        .ok_or_else(|| io::Error::other("the name has no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    // "HTTP/1.1 200" is all there is to know.
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    status(&head).ok_or_else(|| io::Error::other("it does not speak HTTP"))
}

fn status(head: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(head).ok()?;
    line.strip_prefix("HTTP/1.")?
        .split_once(' ')?
        .1
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_plain_and_names_its_port() {
        for (url, expected) in [
            (
                "http://127.0.0.1:8080/readyz",
                Some(("127.0.0.1:8080", "/readyz")),
            ),
            ("http://gateway:1", Some(("gateway:1", "/readyz"))),
            ("http://[::1]:8080/livez", Some(("[::1]:8080", "/livez"))),
            ("https://127.0.0.1:8080/", None),
            ("http://127.0.0.1/readyz", None),
            ("127.0.0.1:8080", None),
        ] {
            assert_eq!(parts(url), expected, "{url}");
        }
    }

    #[test]
    fn only_an_answer_in_http_has_a_status() {
        for (head, expected) in [
            (&b"HTTP/1.1 200"[..], Some(200)),
            (b"HTTP/1.0 503", Some(503)),
            (b"SSH-2.0-Open", None),
            (b"HTTP/1.1 abc", None),
        ] {
            assert_eq!(status(head), expected);
        }
    }
}
