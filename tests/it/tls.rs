//! The gateway without a proxy in front: its own certificate, renewed while it runs.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use reqwest::{Certificate, Client};

use crate::support::gateway::{client, free_port};
use crate::support::{program, wait_for};

/// The files are looked at every ten seconds.
const RENEWAL: Duration = Duration::from_secs(30);

/// A running gateway, ended with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Writes a new certificate.
fn renew(folder: &Path) -> Certificate {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
    Certificate::from_pem(cert.pem().as_bytes()).unwrap()
}

/// Whether somebody who never came before, and believes this certificate and no other, is answered.
async fn is_shown(certificate: &Certificate, url: &str) -> bool {
    // A second install is refused and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .no_proxy()
        .tls_certs_only([certificate.clone()])
        .build()
        .unwrap();
    client.get(url).send().await.is_ok()
}

fn spawn(folder: &Path, port: u16) -> Process {
    let settings = format!(
        r#"
[server]
listen = "127.0.0.1:{port}"
tls = {{ certificate = "cert.pem", key = "key.pem" }}
[store]
url = "embedded:./data"
[accounts.main]
api_key = "iclosed_test"
[sources.landing]
kind = "form"
link_prefix = "acme/strategy-call"
allowed_origins = ["https://acme.example"]
"#
    );
    std::fs::write(folder.join("leadgate.toml"), settings).unwrap();
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let child = program()
        .arg("serve")
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    Process(child)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_certificate_is_shown_without_a_restart_and_a_broken_one_never() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let port = free_port();
    let live = format!("https://localhost:{port}/livez");
    let logged = |text: &str| {
        let log = std::fs::read_to_string(folder.join("log")).unwrap();
        log.contains(text)
    };
    let first = renew(folder);
    let _process = spawn(folder, port);
    wait_for("the first certificate", RENEWAL, async || {
        is_shown(&first, &live).await.then_some(())
    })
    .await;
    let plain = client().get(format!("http://localhost:{port}/livez"));
    assert!(plain.send().await.is_err(), "nothing is said in the open");

    let asked = program()
        .arg("health")
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&asked.stderr);
    assert!(asked.status.success(), "{said}");

    let second = renew(folder);
    wait_for("the second certificate", RENEWAL, async || {
        is_shown(&second, &live).await.then_some(())
    })
    .await;
    assert!(!is_shown(&first, &live).await);
    assert!(logged("a renewed certificate is in use"));

    std::fs::write(folder.join("cert.pem"), "no certificate").unwrap();
    wait_for("the complaint", RENEWAL, async || {
        logged("the old one stays").then_some(())
    })
    .await;
    assert!(is_shown(&second, &live).await);
}

#[test]
fn without_a_certificate_that_fits_nothing_starts_and_the_reason_is_told() {
    for (break_it, reason) in [
        (None, "cert.pem: "),
        (
            Some(("cert.pem", "x")),
            "cert.pem: holds no certificate in PEM",
        ),
        (
            Some(("key.pem", "x")),
            "key.pem: holds no private key in PEM",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        if let Some((file, text)) = break_it {
            renew(folder);
            std::fs::write(folder.join(file), text).unwrap();
        }
        let status = spawn(folder, 0).0.wait().unwrap();
        let log = std::fs::read_to_string(folder.join("log")).unwrap();
        assert!(!status.success());
        assert!(
            log.contains("[server] tls: ") && log.contains(reason),
            "{log}"
        );
    }
}
