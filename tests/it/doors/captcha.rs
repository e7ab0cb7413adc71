//! A form behind a captcha, against a provider that says yes, says no, or is away.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{LEADS, PAGE, form, navigated, operated, post, record, records};
use crate::support::{Gateway, Seen, Settings, sandbox};

const SECRET: &str = "captcha-secret-zq";
const TOKEN: &str = "captcha-token-zq";
const THANKS: &str = "https://acme.example/thanks";

/// How the provider feels.
#[derive(Clone, Copy)]
enum Mood {
    /// Says this.
    Says(&'static str),
    /// Takes the question and never answers.
    Stalls,
}

const YES: Mood = Mood::Says(r#"{"success": true, "hostname": "acme.example"}"#);
const NO: Mood = Mood::Says(r#"{"success": false, "error-codes": ["timeout-or-duplicate"]}"#);

/// The fields it was asked with.
type Question = Vec<(String, String)>;

/// A provider of captchas.
struct Provider {
    url: String,
    mood: Arc<Mutex<Mood>>,
    questions: Arc<Mutex<Vec<Question>>>,
}

impl Provider {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Self {
            url: format!("http://{}/siteverify", listener.local_addr().unwrap()),
            mood: Arc::new(Mutex::new(YES)),
            questions: Arc::default(),
        };
        let (mood, questions) = (Arc::clone(&provider.mood), Arc::clone(&provider.questions));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (mood, questions) = (Arc::clone(&mood), Arc::clone(&questions));
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        head.push(stream.read_u8().await.unwrap());
                    }
                    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
                    let length = head.split("content-length: ").nth(1).unwrap();
                    let length = length.split("\r\n").next().unwrap().parse().unwrap();
                    let mut body = vec![0; length];
                    stream.read_exact(&mut body).await.unwrap();
                    let question = form_urlencoded::parse(&body).into_owned().collect();
                    questions.lock().unwrap().push(question);
                    let mood = *mood.lock().unwrap();
                    let Mood::Says(text) = mood else {
                        return std::future::pending().await;
                    };
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
                         Connection: close\r\n\r\n{text}",
                        text.len()
                    );
                    stream.write_all(answer.as_bytes()).await.unwrap();
                });
            }
        });
        provider
    }

    fn feels(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn asked(&self) -> Vec<Question> {
        self.questions.lock().unwrap().clone()
    }
}

/// A gateway whose form asks this provider; `more` is put into the captcha's table.
async fn gateway(iclosed: &str, provider: &str, more: &str) -> Gateway {
    let settings = Settings::new(iclosed, (100, 2))
        .server(&operated())
        .source(&format!(
            "redirect_urls = [\"{THANKS}\"]\ncaptcha = {{ provider = \"turnstile\", secret = \"{SECRET}\", \
             verify_url = \"{provider}\"{more} }}"
        ));
    Gateway::start(&settings).await
}

/// The fields of a form, with the token where Turnstile's widget puts it.
fn solved(email: &str) -> [(&str, &str); 2] {
    [("email", email), ("cf-turnstile-response", TOKEN)]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_solved_captcha_lets_the_lead_in_and_is_kept_nowhere() {
    let sandbox = sandbox(100, 2, 3).await;
    let provider = Provider::start().await;
    let gateway = gateway(&sandbox.url(), &provider.url, "").await;
    let from = "203.0.113.7";
    let seen = Seen::of(
        form(&gateway, &solved("kim@person.example"))
            .header("X-Forwarded-For", from)
            .header("Prefer", "wait=20"),
    )
    .await;
    assert_eq!((seen.http, seen.word()), (201, "booked"), "{seen:?}");
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let question = vec![
        pair("secret", SECRET),
        pair("response", TOKEN),
        pair("remoteip", from),
    ];
    assert_eq!(provider.asked(), [question]);

    let json =
        serde_json::json!({"email": "ida@person.example", "captchaToken": TOKEN, "message": "m"});
    let json = Seen::of(post(&gateway, LEADS, &json)).await;
    assert_eq!(json.http, 202, "{json:?}");
    let page = Seen::of(navigated(&gateway, &solved("ole@person.example"))).await;
    assert_eq!((page.http, page.header("location")), (303, Some(THANKS)));
    assert_eq!(provider.asked().len(), 3);

    for lead in records(&gateway).await {
        let record = record(&gateway, lead["leadId"].as_str().unwrap())
            .await
            .to_string();
        assert!(record.contains("@person.example"));
        assert!(
            !record.contains(TOKEN) && !record.contains(SECRET),
            "{record}"
        );
    }
    let log = gateway.log();
    assert!(!log.contains(TOKEN) && !log.contains(SECRET), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsolved_captcha_is_told_and_keeps_nothing() {
    let sandbox = sandbox(100, 2, 3).await;
    let provider = Provider::start().await;
    let gateway = gateway(&sandbox.url(), &provider.url, ", action = \"lead\"").await;
    let missing = Seen::of(form(&gateway, &[("email", "kim@person.example")])).await;
    missing.assert_problem("no token", 403, "captcha_failed");
    assert_eq!(missing.header("access-control-allow-origin"), Some(PAGE));
    assert_eq!(provider.asked().len(), 0, "there is nothing to ask about");
    // What is wrong with the fields is told first: the token is not spent on it.
    let faulty = Seen::of(form(&gateway, &solved("nobody"))).await;
    faulty.assert_problem("a fault", 422, "validation_failed");
    assert_eq!(provider.asked().len(), 0);
    // A yes for another action is no yes.
    for mood in [NO, YES] {
        provider.feels(mood);
        let seen = Seen::of(form(&gateway, &solved("kim@person.example"))).await;
        seen.assert_problem("not solved", 403, "captcha_failed");
        let page = Seen::of(navigated(&gateway, &solved("kim@person.example"))).await;
        assert_eq!(page.http, 403, "{page:?}");
        assert!(
            page.text.contains("<h1>The captcha was not solved</h1>"),
            "{}",
            page.text
        );
    }
    assert_eq!(records(&gateway).await.len(), 0);
    assert!(sandbox.control().report().calls.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_delivery_is_answered_although_its_token_is_spent() {
    let sandbox = sandbox(100, 2, 3).await;
    let provider = Provider::start().await;
    let gateway = gateway(&sandbox.url(), &provider.url, "").await;
    let keyed = || form(&gateway, &solved("kim@person.example")).header("Idempotency-Key", "k-1");
    let first = Seen::of(keyed()).await;
    // A browser that reloads its post has no key; the token stands for one.
    let reloaded = || navigated(&gateway, &solved("ida@person.example"));
    assert_eq!(Seen::of(reloaded()).await.http, 303);
    provider.feels(NO);
    let again = Seen::of(keyed()).await;
    assert_eq!(
        (again.http, again.header("idempotency-replayed")),
        (202, Some("true"))
    );
    assert_eq!(again.body["leadId"], first.body["leadId"]);
    assert_eq!(Seen::of(reloaded()).await.http, 303);
    // The token is good for nothing else.
    let other = Seen::of(form(&gateway, &solved("ole@person.example"))).await;
    other.assert_problem("another lead", 403, "captcha_failed");
    assert_eq!(records(&gateway).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_provider_is_away_the_settings_decide() {
    let sandbox = sandbox(100, 2, 3).await;
    let provider = Provider::start().await;
    for (mood, when_down, http, stands) in [
        (Mood::Stalls, "", 201, Some("booked")),
        (
            Mood::Says("<h1>502</h1>"),
            ", when_down = \"accept\"",
            201,
            Some("booked"),
        ),
        (
            Mood::Says(r#"{"success": false, "error-codes": ["invalid-input-secret"]}"#),
            ", when_down = \"park\"",
            202,
            Some("parked"),
        ),
        (Mood::Says("{}"), ", when_down = \"refuse\"", 503, None),
    ] {
        provider.feels(mood);
        let gateway = gateway(&sandbox.url(), &provider.url, when_down).await;
        let email = format!("lead{http}{}@person.example", when_down.len());
        let wait = if http == 202 {
            "respond-async"
        } else {
            "wait=20"
        };
        let seen = Seen::of(form(&gateway, &solved(&email)).header("Prefer", wait)).await;
        assert_eq!(seen.http, http, "{when_down}: {seen:?}");
        let leads = records(&gateway).await;
        match stands {
            Some(stands) => {
                let record = record(&gateway, leads[0]["leadId"].as_str().unwrap()).await;
                assert_eq!(record["status"], stands);
                let timeline = record["timeline"].as_array().unwrap();
                assert!(
                    timeline.iter().any(|line| line["outcome"] == "not_checked"),
                    "{timeline:?}"
                );
                let code = record["reason"]["code"].as_str();
                assert_eq!(code, (stands == "parked").then_some("suspected_spam"));
            }
            None => {
                seen.assert_problem("refused", 503, "captcha_unavailable");
                assert_eq!(leads.len(), 0);
            }
        }
        let log = gateway.log();
        assert!(log.contains("a captcha could not be checked"), "{log}");
        assert!(!log.contains(TOKEN) && !log.contains(SECRET), "{log}");
    }
}
