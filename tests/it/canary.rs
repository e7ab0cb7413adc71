//! What a lead holds is in its record and nowhere else. Leads full of marks go every way there is and come to every
//! end; then the marks are looked for in everything that leaves the process or stays on a disk.

mod iclosed;
mod kept;
mod refused;

use std::time::Duration;

use base64::Engine;
use hmac::{Hmac, KeyInit, Mac};
use leadgate::sandbox::Sandbox;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::doors::canary::marked;
use crate::support::gateway::EMBEDDED;
use crate::support::leads::read;
use crate::support::platform::{Platform, Route};
use crate::support::redis_server::RedisServer;
use crate::support::{Gateway, Seen, Settings, sandbox, wait_for};
use crate::tracing::collector::Collector;

use kept::DATABASE;

const OPERATOR_KEY: &str = "operator-key-0123456789";
const BOT_KEY: &str = "bot-key-0123456789";
const HOOK_TOKEN: &str = "hook-token-0123456789";
const FORM_SECRET: &str = "typeform-secret-0123456789";
const RECEIVER_SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const SOON: Duration = Duration::from_secs(30);
const TRACEPARENT: &str = "00-5b8aa5a2d2c872e8321cf37308d69df2-00f067aa0ba902b7-01";
const TYPEFORM: &str = include_str!("../fixtures/sources/typeform/whole_form/body.json");
const HOOKS: [&str; 4] = [
    include_str!("../fixtures/hooks/booked_array.json"),
    include_str!("../fixtures/hooks/cancelled_array.json"),
    include_str!("../fixtures/hooks/contact_object.json"),
    include_str!("../fixtures/hooks/outcome_object.json"),
];

/// What no place but the record may hold, in lower case: the mark, and how each marked number begins.
const MARKS: [&str; 3] = ["zq-canary", "zq canary", "4790000"];

/// The first mark in these bytes, with what stands around it.
fn mark_in(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    let at = MARKS.iter().find_map(|mark| text.find(mark))?;
    let around: String = text[..at].chars().rev().take(200).collect();
    let before: String = around.chars().rev().collect();
    let after: String = text[at..].chars().take(200).collect();
    Some(format!("{before}{after}"))
}

fn assert_unmarked(what: &str, bytes: &[u8]) {
    let found = mark_in(bytes);
    assert_eq!(found, None, "{what} holds a mark");
}

/// A lead of somebody else, marked all over; the name is also in its message.
fn lead(name: &str, number: u8) -> Value {
    let mut lead = marked();
    lead["email"] = format!("{name}@person.example").into();
    lead["phoneNumber"] = format!("+47900001{number:02}").into();
    lead["firstName"] = name.into();
    lead["message"] = format!("call {name} at +47 900 00 1{number:02}").into();
    lead
}

/// The gateway, and everybody it speaks to.
struct Watched {
    sandbox: Sandbox,
    gateway: Gateway,
    collector: Collector,
    refusals: Vec<Seen>,
}

impl Watched {
    async fn start(store_url: &str) -> Self {
        let sandbox = sandbox(100, 2, 3).await;
        let collector = Collector::start();
        let captcha = Platform::start();
        let quoted = json!({"success": false, "error-codes": ["zq-canary-code", "internal-error"], "hostname": "zq-canary"});
        captcha.answer([
            Route::new("/siteverify", 200, quoted),
            Route::new("/told", 200, json!({"said": "zq-canary"})),
            Route::new("/away", 500, json!({"said": "zq-canary"}))
                .header("Retry-After", "zq-canary"),
        ]);
        let receiver = |name: &str| {
            format!(
                "[receivers.{name}]\nurl = \"{}/{name}\"\nallow_private = true\nsecrets = [\"{RECEIVER_SECRET}\"]\n",
                captcha.url()
            )
        };
        let receivers = receiver("told") + &receiver("away");
        let form = |name: &str, lines: &str| {
            format!(
                "[sources.{name}]\nkind = \"form\"\nlink_prefix = \"acme/strategy-call\"\n\
                 allowed_origins = [\"https://acme.example\"]\n{lines}\n"
            )
        };
        let captcha = format!(
            "captcha = {{ provider = \"turnstile\", secret = \"captcha-secret\", verify_url = \"{}/siteverify\" }}",
            captcha.url()
        );
        let tables = [
            form("exact", "slot = \"exact\""),
            form("asked", &captcha),
            format!(
                "[sources.typeform]\nkind = \"typeform\"\nlink_prefix = \"acme/strategy-call\"\n\
                 secret = \"{FORM_SECRET}\"\n"
            ),
            receivers,
            "[booking]\nlook_after_seconds = [1, 2]\n".to_owned(),
        ];
        let settings = Settings::new(&iclosed::start(&sandbox.url()), (100, 2))
            .store_url(store_url)
            .server(&format!("operator_key = \"{OPERATOR_KEY}\""))
            .account(&format!("webhook_token = \"{HOOK_TOKEN}\""))
            .tables(&tables.concat())
            .variable("RUST_LOG", "debug,leadgate=trace")
            .variable("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())
            .variable("OTEL_BSP_SCHEDULE_DELAY", "50");
        let gateway = Gateway::start(&settings).await;
        Self {
            sandbox,
            gateway,
            collector,
            refusals: Vec::new(),
        }
    }

    fn to(&self, path: &str) -> RequestBuilder {
        let request = self.gateway.request(Method::POST, path);
        // Whatever a caller may write beside its body is marked, too.
        request
            .header("Prefer", "wait=20")
            .header("traceparent", TRACEPARENT)
            .header("tracestate", "zq-canary=zq-canary")
            .header("baggage", "lead=zq-canary")
            .header("User-Agent", "zq-canary/1.0")
            .header("Referer", "https://acme.example/zq-canary?e=zq-canary")
            .header("Cookie", "session=zq-canary")
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.gateway.request(Method::GET, path)
    }

    async fn taken(&self, what: &str, request: RequestBuilder) -> String {
        let seen = Seen::of(request).await;
        assert!(matches!(seen.http, 200..=299), "{what}: {seen:?}");
        let id = seen.body["leadId"].as_str();
        id.unwrap_or_else(|| panic!("{what}: {seen:?}")).to_owned()
    }

    async fn ends(&self, what: &str, id: &str, status: &str) {
        const ENDS: [&str; 4] = ["booked", "parked", "needs_time", "duplicate"];
        let answer = self.gateway.until(id, &ENDS, SOON).await;
        assert_eq!(answer.status(), status, "{what}: {answer:?}");
        assert_unmarked(
            &format!("the status of {what}"),
            answer.body.to_string().as_bytes(),
        );
    }

    /// Leads by every door, each to its end.
    async fn leads(&self) {
        let json = |path: &str, name: &str, number| self.to(path).json(&lead(name, number));
        let landing = |name: &str, number| json("/v1/sources/landing/leads", name, number);
        let keyed = landing("zq-canary-form", 1).header("Idempotency-Key", "zq-canary-key");
        let page = landing("zq-canary-form", 1).header("Idempotency-Key", "zq-canary-other");
        let bot = json("/v1/sources/bot/leads", "zq-canary-bot", 2).bearer_auth(BOT_KEY);
        let refused = landing(iclosed::REFUSED, 3);
        let lost = landing(iclosed::LOST, 4);
        let captcha = json(
            "/v1/sources/asked/leads?zq-canary=zq-canary",
            "zq-canary-asked",
            5,
        );
        let mut wish = lead("zq-canary-wish", 6);
        wish["dateTime"] = json!(self.never());
        wish["captchaToken"] = json!("zq-canary-token");
        let wish = self.to("/v1/sources/exact/leads").json(&wish);
        for (what, request, end) in [
            ("a form", keyed, "booked"),
            ("a repetition", page, "duplicate"),
            ("a chatbot", bot, "booked"),
            ("a refused lead", refused, "parked"),
            ("a lost answer", lost, "booked"),
            ("a wish", wish, "needs_time"),
        ] {
            let id = self.taken(what, request).await;
            self.ends(what, &id, end).await;
            if end == "parked" {
                let record = self.get(&format!("/v1/admin/leads/{id}"));
                let record = Seen::of(record.bearer_auth(OPERATOR_KEY)).await;
                assert!(
                    record.text.contains(iclosed::WORDS),
                    "the operator is told why: {record:?}"
                );
            }
        }
        let mut asked = lead("zq-canary-asked", 5);
        asked["captchaToken"] = json!("zq-canary-token");
        self.taken("a captcha", captcha.json(&asked)).await;

        let fields = form_urlencoded::Serializer::new(String::new())
            .append_pair("email", "zq-canary-page@person.example")
            .append_pair("name", "zq-canary-page zq-canary-ek")
            .append_pair("zq-canary-question", "zq-canary-answer")
            .finish();
        let page = self.to("/v1/sources/landing/leads");
        let page = page
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Accept", "text/html")
            .header("Sec-Fetch-Mode", "navigate")
            .body(fields);
        let page = Seen::of(page).await;
        assert_eq!(page.http, 200, "{page:?}");
        assert_unmarked("the page of thanks", page.text.as_bytes());

        self.platform().await;
        let rows = json!({"source": "landing", "import": "zq-canary-import", "rows": [
            {"row": 2, "fields": {"Email": "zq-canary-row@person.example", "zq-canary-column": "zq-canary-cell"}},
            {"row": 3, "fields": {"Email": "zq-canary-nobody", "zq-canary-column": "zq-canary-cell"}},
        ]});
        let import = self.to("/v1/admin/imports").json(&rows);
        let import = Seen::of(import.bearer_auth(OPERATOR_KEY)).await;
        assert_eq!(import.http, 200, "{import:?}");
        assert_unmarked("an import's answer", import.text.as_bytes());
    }

    /// An instant at which nothing is ever free.
    fn never(&self) -> String {
        #[expect(
            clippy::disallowed_methods,
            reason = "the sandbox lives by the real clock"
        )]
        let now = jiff::Timestamp::now();
        let day = jiff::Timestamp::from_second(now.as_second() / 86_400 * 86_400).unwrap();
        (day + jiff::SignedDuration::from_mins(3 * 24 * 60 + 7)).to_string()
    }

    /// A platform's signed delivery, with the mark in the person's data.
    async fn platform(&self) {
        let body = TYPEFORM
            .replace("zoe@lead.example", "zq-canary-typeform@person.example")
            .replace("newsletter", "zq-canary-utm");
        assert!(mark_in(body.as_bytes()).is_some());
        let mut signature = Hmac::<Sha256>::new_from_slice(FORM_SECRET.as_bytes()).unwrap();
        signature.update(body.as_bytes());
        let signature =
            base64::engine::general_purpose::STANDARD.encode(signature.finalize().into_bytes());
        let deliver = |signature: String| {
            let request = self.to("/v1/sources/typeform/leads");
            request
                .header("Content-Type", "application/json")
                .header("Typeform-Signature", signature)
                .body(body.clone())
        };
        let seen = Seen::of(deliver(format!("sha256={signature}"))).await;
        assert!(matches!(seen.http, 200..=202), "{seen:?}");
        let forged = Seen::of(deliver("sha256=zq-canary".to_owned())).await;
        assert_eq!(forged.word(), "signature_wrong", "{forged:?}");
        assert_unmarked("a forgery's answer", forged.text.as_bytes());
    }

    /// What iClosed tells, and what the operator looks for.
    async fn others(&self) {
        for text in HOOKS {
            let marked = text.replace('@', "@zq-canary.").replace("+1", "+4790000");
            let path = format!("/v1/accounts/main/webhooks/{HOOK_TOKEN}");
            let seen = Seen::of(self.to(&path).body(marked)).await;
            assert_eq!(seen.http, 200, "{seen:?}");
            assert_unmarked("a webhook's answer", seen.text.as_bytes());
        }
        for sought in ["zq-canary-form@person.example", "+4790000101"] {
            let request = self.get("/v1/admin/leads").query(&[("q", sought)]);
            let seen = Seen::of(request.bearer_auth(OPERATOR_KEY)).await;
            assert_eq!(seen.http, 200, "{seen:?}");
            assert_ne!(seen.body["leads"], json!([]), "{sought}");
        }
    }

    async fn all(&mut self) {
        self.leads().await;
        self.refusals().await;
        self.others().await;
        wait_for("the spans", SOON, async || {
            let spans = self.collector.trace(&TRACEPARENT[3..35]);
            spans.iter().any(|span| span.name == "book").then_some(())
        })
        .await;
    }

    /// Forgets everybody, once nobody is in a worker's hands.
    async fn erase(&self) {
        let list = async || {
            let request = self.get("/v1/admin/leads?limit=100");
            Seen::of(request.bearer_auth(OPERATOR_KEY)).await.body
        };
        let ids: Vec<String> = list().await["leads"]
            .as_array()
            .unwrap()
            .iter()
            .map(|lead| lead["leadId"].as_str().unwrap().to_owned())
            .collect();
        assert!(ids.len() > 8, "{ids:?}");
        for id in &ids {
            // A person's leads go together.
            const ENDS: [&str; 5] = ["booked", "parked", "needs_time", "duplicate", "erased"];
            self.gateway.until(id, &ENDS, SOON).await;
            wait_for("the erasure", SOON, async || {
                let request = self
                    .to("/v1/admin/erasures")
                    .bearer_auth(OPERATOR_KEY)
                    .header("X-Operator", "kim");
                let seen = Seen::of(request.json(&json!({"leadId": id}))).await;
                assert_unmarked("an erasure's answer", seen.text.as_bytes());
                (seen.http == 200 && seen.body["busy"] == json!([])).then_some(())
            })
            .await;
        }
        assert_unmarked("the erased leads", list().await.to_string().as_bytes());
    }

    /// What leaves the process to those who are not to know.
    async fn assert_silent(&self) {
        let log = self.gateway.log();
        for line in [
            "lead accepted",
            "lead parked",
            "delivery refused",
            "webhook received",
            "message delivered",
            "message put off",
        ] {
            assert!(log.contains(line), "the log has no line {line}");
        }
        assert_unmarked("the log", log.as_bytes());
        for mark in MARKS {
            assert!(!self.collector.holds(mark), "a span holds {mark}");
        }
        let metrics = self.get("/metrics").send().await.unwrap();
        assert_unmarked("/metrics", read(metrics).await.as_bytes());
        for seen in &self.refusals {
            assert_unmarked("a refusal", seen.text.as_bytes());
            for (name, value) in &seen.headers {
                assert_unmarked(&format!("a refusal's {name}"), value.as_bytes());
            }
        }
        let asked = self.sandbox.control().report();
        assert!(asked.calls.len() >= 3, "{}", asked.calls.len());
    }
}

/// Asserts that the mark is in `wanted`, and in no other place.
fn assert_only(wanted: &str, places: &kept::Places) {
    assert!(places.len() > 3, "{:?}", places.keys());
    let marked: Vec<&String> = places
        .iter()
        .filter(|(_, bytes)| mark_in(bytes).is_some())
        .map(|(name, _)| name)
        .collect();
    assert_eq!(marked, [wanted]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_lead_holds_is_in_its_record_and_nowhere_else() {
    let mut watched = Watched::start(EMBEDDED).await;
    watched.all().await;
    watched.assert_silent().await;
    let data = watched.gateway.folder().join("data");
    assert_only("leads.body", &kept::columns(&data));
    for file in kept::files(&data) {
        assert_unmarked("the name of a file", file.as_bytes());
        let bytes = std::fs::read(data.join(&file)).unwrap();
        if !file.starts_with(DATABASE) {
            assert_unmarked(&file, &bytes);
        }
    }

    watched.erase().await;
    for file in kept::files(&data) {
        assert_unmarked(&file, &std::fs::read(data.join(&file)).unwrap());
    }
    watched.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_what_a_lead_holds_is_in_one_hash() {
    let redis = RedisServer::start(&[]).await;
    let mut watched = Watched::start(&redis.url()).await;
    watched.all().await;
    watched.assert_silent().await;
    assert_only("lg:{main}:leads", &kept::keys(&redis));

    watched.erase().await;
    for (key, bytes) in kept::keys(&redis) {
        assert_unmarked(&key, &bytes);
    }
    watched.assert_silent().await;
}
