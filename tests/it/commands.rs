//! The commands beside `serve`: what they print, and what they make a running gateway do.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Gateway, Seen, Settings, program, sandbox, wait_for};

const KEY: &str = "operator-key-0123456789";

const SOURCES: &str = r#"
[sources.quiz]
kind = "typeform"
link_prefix = "acme/strategy-call"
secret = "typeform-secret-0123456789"
"#;

const TYPEFORM: &str = r#"{"event_id":"01HX","event_type":"form_response","form_response":{"form_id":"Ab1","token":"t0k",
 "submitted_at":"2026-02-02T10:00:00Z","definition":{"fields":[{"id":"q1","ref":"mail","type":"email","title":"E-mail"}]},
 "answers":[{"type":"email","email":"ines@lead.example","field":{"id":"q1","type":"email","ref":"mail"}}]}}"#;

fn leadgate(folder: &Path, arguments: &[&str]) -> Output {
    program()
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn operated(base_url: &str) -> Settings {
    Settings::new(base_url, (100, 2)).server(&format!("operator_key = \"{KEY}\""))
}

async fn leads(gateway: &Gateway, source: &str) -> Vec<Value> {
    let path = format!("/v1/admin/leads?source={source}");
    let seen = Seen::of(gateway.request(Method::GET, &path).bearer_auth(KEY)).await;
    seen.body["leads"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn sources_are_listed_with_what_to_paste_where() {
    let sandbox = sandbox(100, 2, 5).await;
    let gateway = Gateway::start(&operated(&sandbox.url()).tables(SOURCES)).await;
    let output = leadgate(gateway.folder(), &["sources"]);
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}");
    for wanted in [
        gateway.url("/v1/sources/quiz/leads"),
        gateway.url("/v1/sources/landing/leads"),
        "public_url is not set".to_owned(),
        "https://acme.example".to_owned(),
    ] {
        assert!(said.contains(&wanted), "{wanted} is missing:\n{said}");
    }
    assert!(!said.contains("typeform-secret"), "{said}");
    let one = leadgate(gateway.folder(), &["sources", "quiz"]);
    assert!(!text(&one.stdout).contains("landing"));
    assert!(
        !leadgate(gateway.folder(), &["sources", "nobody"])
            .status
            .success()
    );
}

#[tokio::test]
async fn a_sample_is_sent_as_its_platform_signs_it() {
    let sandbox = sandbox(100, 2, 5).await;
    let gateway = Gateway::start(&operated(&sandbox.url()).tables(SOURCES)).await;
    std::fs::write(gateway.folder().join("sample.json"), TYPEFORM).unwrap();
    let output = leadgate(gateway.folder(), &["send", "quiz", "sample.json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("200"));
    let leads = leads(&gateway, "quiz").await;
    assert_eq!(leads.len(), 1);
    assert_eq!(leads[0]["contact"]["email"], "ines@lead.example");
    assert_eq!(leads[0]["platformId"], "t0k");

    std::fs::write(gateway.folder().join("broken.json"), "{").unwrap();
    let refused = leadgate(gateway.folder(), &["send", "quiz", "broken.json"]);
    assert!(!refused.status.success());
    assert!(text(&refused.stdout).starts_with("400"));
}

/// A Graph API with two pages of one form's leads.
async fn graph() -> String {
    async fn page(query: web::Query<Vec<(String, String)>>) -> HttpResponse {
        let second = query.iter().any(|(name, _)| name == "after");
        let lead = |id: &str, email: &str| {
            json!({"id": id, "created_time": "2026-11-22T10:00:00+0000", "form_id": "300",
                "field_data": [{"name": "email", "values": [email]}]})
        };
        HttpResponse::Ok().json(if second {
            json!({"data": [lead("2003", "cy@lead.example")], "paging": {"cursors": {"after": "z"}}})
        } else {
            json!({"data": [lead("2001", "ann@lead.example"), lead("2002", "bo@lead.example")],
                "paging": {"cursors": {"after": "x"}, "next": "more"}})
        })
    }
    let server = HttpServer::new(|| App::new().route("/{version}/300/leads", web::get().to(page)))
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .expect("a free port");
    let url = format!("http://{}", server.addrs()[0]);
    tokio::spawn(server.run());
    url
}

#[tokio::test]
async fn a_gap_is_filled_once_however_often_it_is_asked_for() {
    let sandbox = sandbox(100, 2, 5).await;
    let tables = format!(
        r#"
[sources.ads]
kind = "meta"
link_prefix = "acme/strategy-call"
app_secret = "app-secret-0123456789"
verify_token = "verify-token-0123456789"
page_access_token = "page-token-0123456789"
graph_url = "{}"
"#,
        graph().await
    );
    let gateway = Gateway::start(&operated(&sandbox.url()).tables(&tables)).await;
    for _ in 0..2 {
        let arguments = ["backfill", "ads", "300", "--since", "2026-11-20"];
        let output = leadgate(gateway.folder(), &arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains("3 leads"));
    }
    let taken = leads(&gateway, "ads").await;
    assert_eq!(taken.len(), 3);
    wait_for(
        "the leads to be booked",
        Duration::from_secs(20),
        async || {
            let leads = leads(&gateway, "ads").await;
            leads
                .iter()
                .all(|lead| lead["status"] == "booked")
                .then_some(())
        },
    )
    .await;

    let whole = leadgate(
        gateway.folder(),
        &["backfill", "landing", "1", "--since", "2026-11-20"],
    );
    assert!(!whole.status.success());
    assert!(
        text(&whole.stderr).contains("platform_refused"),
        "{}",
        text(&whole.stderr)
    );
}
