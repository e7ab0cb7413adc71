//! The console's parts as a browser gets them. What an operator does with them, a real Chromium tries in
//! `scripts/browser-console`.

use leadgate::sandbox::Sandbox;
use reqwest::Method;

use crate::support::{Gateway, Seen, Settings, sandbox};

const PARTS: [(&str, &str); 5] = [
    ("/console", "text/html; charset=utf-8"),
    ("/console/style.css", "text/css; charset=utf-8"),
    ("/console/script.js", "text/javascript; charset=utf-8"),
    ("/console/views.js", "text/javascript; charset=utf-8"),
    ("/console/words.js", "text/javascript; charset=utf-8"),
];

async fn gateway(sandbox: &Sandbox, server: &str) -> Gateway {
    Gateway::start(&Settings::new(&sandbox.url(), (100, 2)).server(server)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_comes_whole_from_the_binary_and_may_ask_nobody_else() {
    let sandbox = sandbox(100, 2, 4).await;
    let gateway = gateway(&sandbox, "operator_key = \"operator-key-0123456789\"").await;
    for (path, kind) in PARTS {
        let answer = Seen::of(gateway.request(Method::GET, path)).await;
        let header = |name: &str| answer.header(name).unwrap();
        assert_eq!(answer.http, 200, "{path}");
        assert_eq!(header("content-type"), kind, "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "no-referrer");
        let policy = header("content-security-policy");
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        let text = answer.text.as_str();
        // A path of its own, or a word; never another host.
        for elsewhere in ["http://", "https://", "src=\"//", "url("] {
            assert!(!text.contains(elsewhere), "{path}: {elsewhere}");
        }
        for part in text.split("\"/console/").skip(1) {
            let name = format!("/console/{}", part.split('"').next().unwrap());
            assert!(PARTS.iter().any(|(path, _)| *path == name), "{name}");
        }
    }
    let posted = Seen::of(gateway.request(Method::POST, "/console")).await;
    assert_eq!(
        (posted.http, posted.header("allow")),
        (405, Some("GET, HEAD"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_operator_key_there_is_no_console() {
    let sandbox = sandbox(100, 2, 4).await;
    let gateway = gateway(&sandbox, "").await;
    for (path, _) in PARTS {
        for method in [Method::GET, Method::POST] {
            let seen = Seen::of(gateway.request(method, path)).await;
            assert_eq!(
                (seen.http, &seen.body["code"]),
                (404, &"not_found".into()),
                "{path}"
            );
        }
    }
}
