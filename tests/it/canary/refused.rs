//! Marked requests that every door refuses.

use serde_json::json;

use super::{BOT_KEY, HOOK_TOKEN, OPERATOR_KEY, Watched, lead};
use crate::support::Seen;

impl Watched {
    /// What is refused, at every door and for every reason that what was sent can give.
    pub(super) async fn refusals(&mut self) {
        let landing = "/v1/sources/landing/leads";
        let raw = |path: &str, body: String| {
            let request = self.to(path).header("Content-Type", "application/json");
            request.body(body)
        };
        let faulty = json!({
            "email": "zq-canary", "phoneNumber": "zq-canary", "dateTime": "zq-canary", "timeZone": "zq-canary",
            "country": "zq-canary", "answers": "zq-canary", "additionalGuests": ["zq-canary"],
            "linkPrefix": "zq-canary", "landingUrl": "zq-canary",
        });
        let long =
            json!({"email": "zq-canary@person.example", "message": "zq-canary ".repeat(10_000)});
        let page = |body: &str| {
            let request = self.to(landing).body(body.to_owned());
            let request = request.header("Content-Type", "application/x-www-form-urlencoded");
            request.header("Accept", "text/html")
        };
        let search = |key: &str| {
            let request = self.get("/v1/admin/leads").bearer_auth(key);
            request.query(&[
                ("q", "zq-canary-form@person.example"),
                ("status", "zq-canary"),
            ])
        };
        let nowhere = "/v1/leads/zq-canary/time?email=zq-canary-form@person.example";
        let hook = |token: &str| {
            let path = format!("/v1/accounts/main/webhooks/{token}");
            raw(&path, "{\"zq-canary\": ".to_owned())
        };
        let requests = vec![
            raw(
                landing,
                "{\"email\": \"zq-canary@person.example\"".to_owned(),
            ),
            raw(landing, "zq-canary".to_owned()),
            raw(landing, faulty.to_string()),
            raw(landing, long.to_string()),
            page("email=zq-canary&name=zq-canary"),
            raw(landing, lead("zq-canary-a", 20).to_string())
                .header("Origin", "https://zq-canary.example"),
            raw(landing, lead("zq-canary-b", 21).to_string())
                .header("Idempotency-Key", "zq-canary-\u{e6}"),
            raw(landing, lead("zq-canary-c", 22).to_string())
                .header("Idempotency-Key", "zq-canary-key"),
            raw("/v1/sources/bot/leads", lead("zq-canary-d", 23).to_string())
                .bearer_auth("zq-canary"),
            raw("/v1/sources/bot/leads", faulty.to_string()).bearer_auth(BOT_KEY),
            raw(
                "/v1/sources/zq-canary/leads",
                lead("zq-canary-e", 24).to_string(),
            ),
            raw(
                "/v1/sources/typeform/leads",
                lead("zq-canary-f", 25).to_string(),
            ),
            raw("/zq-canary", "zq-canary".to_owned()),
            raw(nowhere, "{\"dateTime\": \"zq-canary\"}".to_owned()),
            raw("/v1/admin/imports", "zq-canary".to_owned()).bearer_auth(OPERATOR_KEY),
            raw(
                "/v1/admin/imports",
                json!({"source": "zq-canary", "import": "zq-canary", "rows": []}).to_string(),
            )
            .bearer_auth(OPERATOR_KEY),
            raw(
                "/v1/admin/backfills",
                json!({"source": "zq-canary", "form": "zq-canary"}).to_string(),
            )
            .bearer_auth(OPERATOR_KEY),
            search("zq-canary"),
            search(OPERATOR_KEY),
            hook(HOOK_TOKEN),
            hook("zq-canary"),
            self.get("/v1/sources/landing/slots?timeZone=zq-canary&from=zq-canary"),
            self.gateway.request("ZQ-CANARY".parse().unwrap(), landing),
        ];
        let mut refusals = Vec::new();
        for (number, request) in requests.into_iter().enumerate() {
            let seen = Seen::of(request).await;
            assert!(matches!(seen.http, 400..=499), "refusal {number}: {seen:?}");
            refusals.push(seen);
        }
        self.refusals.extend(refusals);
    }
}
