//! Who may tell of calls, and in what shape.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_address_exists_for_its_own_token_only() {
    let told = Told::start("", "").await;
    let booked = told.booked(1).await;
    told.cancel(&booked).await;
    let body = about(CANCELLED, &booked);
    let post = async |path: &str| {
        let request = told.gateway.request(Method::POST, path);
        Seen::of(request.body(body.clone())).await
    };
    for path in [
        "/v1/accounts/main/webhooks",
        "/v1/accounts/main/webhooks?token=",
        "/v1/accounts/main/webhooks/hook-token-0123456780",
        "/v1/accounts/main/webhooks/hook-token-01234567890",
        "/v1/accounts/main/webhooks?token=hook-token-0123456780",
        "/v1/accounts/other/webhooks/hook-token-0123456789",
    ] {
        post(path).await.assert_problem(path, 404, "not_found");
    }
    assert_eq!(told.questions(), 0);
    let seen = post("/v1/accounts/Main/webhooks?token=hook-token-0123456789").await;
    assert_eq!((seen.http, &seen.body), (200, &json!({"received": 1})));
    told.gateway.until(&booked.lead, &["cancelled"], SOON).await;
    assert!(!told.gateway.log().contains("hook-token"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_in_the_settings_there_is_no_such_address() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    for path in [
        "/v1/accounts/main/webhooks/",
        "/v1/accounts/main/webhooks?token=",
    ] {
        let seen = Seen::of(gateway.request(Method::POST, path).body("[]")).await;
        seen.assert_problem(path, 404, "not_found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_secret_only_signed_bodies_are_taken() {
    let told = Told::start("webhook_secret = \"dashboard-secret\"", "").await;
    let booked = told.booked(1).await;
    told.cancel(&booked).await;
    let body = about(CANCELLED, &booked);
    let good = hmac_hex("dashboard-secret", &body);
    let wrong = good.replace(&good[..1], if good.starts_with('0') { "1" } else { "0" });
    told.tell(&body)
        .await
        .assert_problem("unsigned", 401, "unauthorized");
    let signed = async |signature: &str| {
        let path = format!("/v1/accounts/main/webhooks/{TOKEN}");
        let request = told.gateway.request(Method::POST, &path).body(body.clone());
        Seen::of(request.header("X-Hub-Signature-256", signature)).await
    };
    signed(&wrong)
        .await
        .assert_problem("wrong", 401, "unauthorized");
    assert_eq!(told.questions(), 0);
    assert_eq!(signed(&format!("sha256={good}")).await.http, 200);
    told.gateway.until(&booked.lead, &["cancelled"], SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_body_may_tell_of_many_calls_and_of_things_unheard_of() {
    let told = Told::start("", "").await;
    let mut items = vec![
        json!({"hookType": "Moon rose", "person": "Kim Ek"}),
        json!({"hookType": "deal.created"}),
        serde_json::from_str(CONTACT).unwrap(),
    ];
    let mut leads = Vec::new();
    for (number, spelling) in ["Call canceled", "call.cancelled", "callCancelled"]
        .iter()
        .enumerate()
    {
        let booked = told.booked(number).await;
        told.cancel(&booked).await;
        items.push(json!({"hookType": spelling, "event": {"uuid": booked.call.to_string()}}));
        leads.push(booked.lead);
    }
    let count = items.len();
    let seen = told.tell(&Value::from(items).to_string()).await;
    assert_eq!((seen.http, &seen.body), (200, &json!({"received": count})));
    for lead in &leads {
        told.gateway.until(lead, &["cancelled"], SOON).await;
    }
    let log = told.gateway.log();
    assert!(!log.contains("Moon") && !log.contains("Kim"), "{log}");
    told.tell("not JSON")
        .await
        .assert_problem("text", 400, "unreadable_body");
    let long = format!("[{}]", " ".repeat(1024 * 1024));
    told.tell(&long)
        .await
        .assert_problem("long", 413, "body_too_large");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_prints_the_address_without_its_token() {
    let told = Told::start("", "").await;
    let output = crate::support::program()
        .arg("check")
        .current_dir(told.gateway.folder())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("/v1/accounts/main/webhooks/<its webhook_token"),
        "{said}"
    );
    assert!(!said.contains(TOKEN));
}
