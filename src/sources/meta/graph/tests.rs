use super::*;
use crate::sources::test_server::{Act, answer, http, server};

const LEAD: &str = r#"{"id":"5","created_time":"2026-02-02T02:40:00+0000","form_id":"30",
    "field_data":[{"name":"email","values":["ann@lead.example"]}]}"#;

fn own(base_url: &str) -> Own {
    let mut own = Own::default();
    own.set(APP_SECRET, "app-secret-for-tests");
    own.set(TOKEN, "page-token");
    own.set(GRAPH_URL, base_url);
    own.set(GRAPH_VERSION, "24.0");
    let tokens = [("77".to_owned(), "token-of-77".into())];
    own.set_table(TOKENS, tokens.into());
    own
}

fn notice(page: &str) -> Fetch {
    Fetch {
        id: "5".to_owned(),
        about: Map::from_iter([("page_id".to_owned(), page.into())]),
    }
}

async fn fetched(page: &str, acts: Vec<Act>) -> (Result<Entry, FetchError>, Vec<String>) {
    let server = server(acts);
    let own = own(&server.base_url);
    let entry = Graph.fetch(&http(), &notice(page), &own).await;
    (entry, server.requests().await)
}

fn refusal(code: u32, subcode: &str) -> String {
    format!(
        r#"{{"error":{{"message":"ann@lead.example page-token","code":{code}{subcode},"fbtrace_id":"A"}}}}"#
    )
}

#[tokio::test]
async fn a_lead_is_asked_for_with_the_token_of_its_page_and_the_apps_proof() {
    for (page, token) in [("10", "page-token"), ("77", "token-of-77")] {
        let (entry, requests) = fetched(page, vec![answer("200 OK", LEAD)]).await;
        let entry = entry.unwrap();
        assert_eq!(entry.id.as_deref(), Some("5"));
        assert_eq!(entry.fields["email"], "ann@lead.example");
        assert_eq!(entry.metadata["page_id"], page);
        let request = &requests[0];
        assert!(
            request.starts_with("GET /v24.0/5?fields=id%2C"),
            "{request}"
        );
        assert!(request.contains("campaign_name"));
        assert!(request.contains(&format!("authorization: Bearer {token}\r\n")));
        if token == "page-token" {
            // openssl dgst -sha256 -hmac app-secret-for-tests, over the token.
            let proof = "b1196e2e7a5a43455b0c59f8d4d4d55beb7d21f8ca665818f91cb59889f040a6";
            assert!(request.contains(&format!("appsecret_proof={proof}")));
        }
    }
}

#[tokio::test]
async fn without_rights_to_the_ad_the_rest_is_read() {
    let acts = vec![
        answer("403 Forbidden", &refusal(200, "")),
        answer("200 OK", LEAD),
    ];
    let (entry, requests) = fetched("10", acts).await;
    assert_eq!(entry.unwrap().fields["email"], "ann@lead.example");
    assert!(requests[0].contains("ad_name"));
    assert!(!requests[1].contains("ad_name"));
    assert!(requests[1].contains("field_data"));
}

#[tokio::test]
async fn a_throttle_says_how_long_and_no_refusal_quotes_what_came() {
    let usage = r#"x-business-use-case-usage: {"1":[{"type":"leadgen","estimated_time_to_regain_access":19}]}"#;
    let head = format!("400 Bad Request\r\n{usage}");
    let (error, _) = fetched("10", vec![answer(&head, &refusal(80005, ""))]).await;
    let delay = Some(Duration::from_secs(19 * 60));
    let why = "Meta answered with code 80005".to_owned();
    assert_eq!(error, Err(FetchError::Later { why, delay }));
    let gone = refusal(100, r#","error_subcode":33"#);
    let (error, requests) = fetched("10", vec![answer("400 Bad Request", &gone)]).await;
    let error = error.unwrap_err();
    assert!(matches!(error, FetchError::Gone { .. }));
    assert!(!error.to_string().contains("ann@"));
    assert_eq!(requests.len(), 1);
}

#[tokio::test]
async fn a_page_without_a_token_is_for_a_person() {
    let mut own = Own::default();
    own.set(APP_SECRET, "app-secret-for-tests");
    let error = Graph.fetch(&http(), &notice("10"), &own).await.unwrap_err();
    assert!(matches!(error, FetchError::Forbidden { .. }));
}

#[test]
fn a_refusal_is_read_by_its_code() {
    #[derive(Debug, PartialEq)]
    enum Reaction {
        Later,
        Forbidden,
        Gone,
    }
    use Reaction::*;
    for (status, code, subcode, wanted) in [
        (400, Some(1), None, Later),
        (400, Some(4), None, Later),
        (400, Some(613), None, Later),
        (400, Some(80005), None, Later),
        (400, Some(368), Some(1), Later),
        (400, Some(190), Some(463), Forbidden),
        (401, Some(102), None, Forbidden),
        (403, Some(10), None, Forbidden),
        (403, Some(200), None, Forbidden),
        (403, Some(299), None, Forbidden),
        (400, Some(300), None, Later),
        (400, Some(3), None, Forbidden),
        (400, Some(2500), None, Forbidden),
        (400, Some(100), Some(33), Gone),
        (400, Some(100), None, Forbidden),
        (500, Some(987), None, Later),
        (500, None, None, Later),
        (503, None, None, Later),
        (429, None, None, Later),
        (404, None, None, Forbidden),
        (302, None, None, Forbidden),
        (200, None, None, Later),
    ] {
        let reaction = match judge(status, Code { code, subcode }, None) {
            FetchError::Later { .. } => Later,
            FetchError::Forbidden { .. } => Forbidden,
            FetchError::Gone { .. } => Gone,
        };
        assert_eq!(reaction, wanted, "{status} {code:?} {subcode:?}");
    }
}

#[test]
fn a_wait_is_the_longest_asked_for_within_a_minute_and_a_day() {
    for (usage, seconds) in [
        (
            r#"{"1":[{"estimated_time_to_regain_access":19}]}"#,
            Some(1140),
        ),
        (
            r#"{"1":[{"estimated_time_to_regain_access":3},{}],"2":[{"estimated_time_to_regain_access":"7"}]}"#,
            Some(420),
        ),
        (
            r#"{"1":[{"estimated_time_to_regain_access":0.1}]}"#,
            Some(60),
        ),
        (
            r#"{"1":[{"estimated_time_to_regain_access":1e300}]}"#,
            Some(86400),
        ),
        (r#"{"1":[{"estimated_time_to_regain_access":0}]}"#, None),
        (r#"{"1":[{"estimated_time_to_regain_access":-5}]}"#, None),
        (r#"{"1":[{"estimated_time_to_regain_access":"NaN"}]}"#, None),
        (r#"{"1":7}"#, None),
        ("soon", None),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert("x-business-use-case-usage", usage.parse().unwrap());
        assert_eq!(
            regain(&headers),
            seconds.map(Duration::from_secs),
            "{usage}"
        );
    }
    assert_eq!(regain(&HeaderMap::new()), None);
}

fn page(after: Option<&str>) -> ListPage {
    ListPage {
        form: "30".to_owned(),
        since: "2026-02-02T02:40:00Z".parse().unwrap(),
        after: after.map(str::to_owned),
    }
}

#[tokio::test]
async fn a_form_is_listed_page_by_page_with_the_token_that_may_read_it() {
    let first = format!(
        r#"{{"data":[{LEAD},{{}}],"paging":{{"cursors":{{"after":"QVFI"}},"next":"https://graph.example/x"}}}}"#
    );
    let last = format!(r#"{{"data":[{LEAD}],"paging":{{"cursors":{{"after":"QVFJ"}}}}}}"#);
    let dead = || answer("400 Bad Request", &refusal(190, ""));
    let server = server(vec![
        dead(),
        answer("200 OK", &first),
        dead(),
        answer("200 OK", &last),
    ]);
    let own = own(&server.base_url);
    let one = Graph.list(&http(), &page(None), &own).await.unwrap();
    assert_eq!(one.items.len(), 1);
    assert!(matches!(&one.items[0], Item::Lead(lead) if lead.id.as_deref() == Some("5")));
    assert_eq!(one.next.as_deref(), Some("QVFI"));
    let two = Graph
        .list(&http(), &page(Some("QVFI")), &own)
        .await
        .unwrap();
    assert_eq!(two.next, None);
    let requests = server.requests().await;
    assert!(requests[1].starts_with("GET /v24.0/30/leads?"));
    assert!(requests[1].contains("Bearer token-of-77"));
    assert!(requests[1].contains("%22time_created%22") && requests[1].contains("1769999999"));
    assert!(requests[3].contains("after=QVFI"));
}

#[tokio::test]
async fn a_throttled_list_waits_and_asks_with_no_other_token() {
    let server = server(vec![answer("400 Bad Request", &refusal(4, ""))]);
    let own = own(&server.base_url);
    let error = Graph.list(&http(), &page(None), &own).await.unwrap_err();
    assert!(matches!(error, FetchError::Later { .. }));
    assert_eq!(server.requests().await.len(), 1);
}
