//! Rows of a table as the operator's command line sends them: each a lead of its own, in the bulk lane, once.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Gateway, Seen, Settings, sandbox};

const KEY: &str = "operator-key-0123456789";

async fn import(gateway: &Gateway, body: &Value) -> Seen {
    let request = gateway.request(Method::POST, "/v1/admin/imports");
    let request = request
        .bearer_auth(KEY)
        .header("content-type", "application/json");
    Seen::of(request.body(body.to_string())).await
}

fn statuses(seen: &Seen) -> Vec<&str> {
    assert_eq!(seen.http, 200, "{seen:?}");
    let rows = seen.body["rows"].as_array().unwrap();
    rows.iter()
        .map(|row| row["status"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_sent_twice_is_kept_once_and_each_row_is_answered_for_itself() {
    let sandbox = sandbox(100, 2, 4).await;
    let settings =
        Settings::new(&sandbox.url(), (100, 2)).server(&format!("operator_key = \"{KEY}\""));
    let gateway = Gateway::start(&settings).await;
    let row = |number: u64, email: &str| {
        json!({"row": number, "fields": {
            "Email": email, "Full name": "Kim Ek", "answers.goal": "Save", "utm_source": "fair", "Shoe size": "44",
        }})
    };
    let mut page = json!({"source": "landing", "import": "fair-2026", "rows": [
        row(2, "one@person.example"), row(3, "nobody"), row(4, "two@person.example"), row(5, "ONE@person.example"),
    ]});
    let first = import(&gateway, &page).await;
    assert_eq!(statuses(&first), ["taken", "refused", "taken", "duplicate"]);
    let fault = &first.body["rows"][1]["errors"][0];
    assert_eq!(
        (&fault["pointer"], &fault["code"]),
        (&"/email".into(), &"invalid_email".into())
    );

    let again = import(&gateway, &page).await;
    assert_eq!(
        statuses(&again),
        ["repeated", "refused", "repeated", "repeated"]
    );
    for (before, after) in [(0, 0), (2, 2), (3, 3)] {
        assert_eq!(
            first.body["rows"][before]["leadId"],
            again.body["rows"][after]["leadId"]
        );
    }
    page["rows"] = json!([row(2, "other@person.example")]);
    let differs = import(&gateway, &page).await;
    assert_eq!(statuses(&differs), ["refused"]);
    assert_eq!(differs.body["rows"][0]["errors"][0]["code"], "row_differs");

    let id = first.body["rows"][0]["leadId"].as_str().unwrap();
    let path = format!("/v1/admin/leads/{id}");
    let record = Seen::of(gateway.request(Method::GET, &path).bearer_auth(KEY)).await;
    assert_eq!(record.body["lane"], "bulk");
    assert_eq!(record.body["contact"]["firstName"], "Kim");
    assert_eq!(record.body["tracking"]["utm"]["utm_source"], "fair");
    assert_eq!(record.body["extra"]["Shoe size"], "44");
    assert_eq!(
        record.body["answers"],
        json!([{"question": "goal", "values": ["Save"]}])
    );

    for (body, http, code) in [
        (json!({"source": "landing"}), 400, "unreadable_body"),
        (
            json!({"source": "landing", "import": "a b", "rows": []}),
            400,
            "unreadable_body",
        ),
        (
            json!({"source": "nowhere", "import": "a", "rows": []}),
            404,
            "unknown_source",
        ),
        (
            json!({"source": "landing", "import": "a", "rows": vec![row(1, "a@person.example"); 201]}),
            400,
            "unreadable_body",
        ),
    ] {
        let refused = import(&gateway, &body).await;
        assert_eq!((refused.http, refused.word()), (http, code));
    }
}
