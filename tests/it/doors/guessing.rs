//! Who guesses at the operator's key.

use reqwest::Method;

use super::{OPERATOR_KEY, operated};
use crate::support::{Gateway, Seen, Settings};

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_at_the_operators_key_is_shut_out_and_nobody_else() {
    let settings = Settings::new("http://127.0.0.1:1", (100, 2)).server(&operated());
    let gateway = Gateway::start(&settings).await;
    // The tests' settings trust 127.0.0.1 as a proxy.
    let ask = async |address: &str, key: Option<&str>| {
        let request = gateway.request(Method::GET, "/v1/admin/leads");
        let request = request.header("X-Forwarded-For", address);
        Seen::of(match key {
            Some(key) => request.bearer_auth(key),
            None => request,
        })
        .await
    };
    for guess in 0..10 {
        let seen = ask("198.51.100.1", Some(&format!("operator-key-{guess:010}"))).await;
        seen.assert_problem("a guess", 401, "unauthorized");
    }
    let shut = ask("198.51.100.1", Some("operator-key-0000000010")).await;
    shut.assert_problem("one guess more", 429, "too_many_requests");
    let wait = shut.number("retry-after").unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    let right = ask("198.51.100.1", Some(OPERATOR_KEY)).await;
    right.assert_problem("a guess that is right", 429, "too_many_requests");

    assert_eq!(ask("198.51.100.2", Some(OPERATOR_KEY)).await.http, 200);
    // Showing no key is no guess: the console asks so to learn what is wanted.
    for _ in 0..20 {
        assert_eq!(ask("198.51.100.3", None).await.http, 401);
    }
    assert_eq!(ask("198.51.100.3", Some(OPERATOR_KEY)).await.http, 200);
    // Whoever knows the key is not counted, however often it asks.
    for _ in 0..20 {
        assert_eq!(ask("198.51.100.4", Some(OPERATOR_KEY)).await.http, 200);
    }
}
