use super::*;
use crate::sources::test_server::{Act, answer, http, server};

const URN: &str = "urn:li:leadGenFormResponse:00000000-aaaa-4bbb-8ccc-dddddddddddd-1";
const RESPONSE: &str = r#"{"id":"00000000-aaaa-4bbb-8ccc-dddddddddddd-1",
    "versionedLeadGenFormUrn":"urn:li:versionedLeadGenForm:(urn:li:leadGenForm:42,1)",
    "formResponse":{"answers":[{"questionId":1,"answerDetails":{"textQuestionAnswer":{"answer":"ann@lead.example"}}}]}}"#;
const FORM: &str = r#"{"id":42,"owner":{"sponsoredAccount":"urn:li:sponsoredAccount:1"},
    "content":{"questions":[{"questionId":1,"predefinedField":"EMAIL"}]}}"#;

fn own(base_url: &str) -> Own {
    let mut own = Own::default();
    own.set(ACCESS_TOKEN, "member-token");
    own.set(API_URL, base_url);
    own
}

async fn fetched(acts: Vec<Act>) -> (Result<Entry, FetchError>, Vec<String>) {
    let server = server(acts);
    let fetch = Fetch {
        id: URN.to_owned(),
        about: Map::from_iter([("leadType".to_owned(), "SPONSORED".into())]),
    };
    let entry = LeadSync
        .fetch(&http(), &fetch, &own(&server.base_url))
        .await;
    (entry, server.requests().await)
}

#[tokio::test]
async fn a_response_is_read_with_its_form() {
    let acts = vec![answer("200 OK", RESPONSE), answer("200 OK", FORM)];
    let (entry, requests) = fetched(acts).await;
    let entry = entry.unwrap();
    assert_eq!(entry.id.as_deref(), Some(URN));
    assert_eq!(entry.fields["email"], "ann@lead.example");
    assert_eq!(entry.metadata["leadType"], "SPONSORED");
    let path = "GET /rest/leadFormResponses/00000000-aaaa-4bbb-8ccc-dddddddddddd-1 HTTP/1.1";
    assert!(requests[0].starts_with(path), "{}", requests[0]);
    assert!(requests[1].starts_with("GET /rest/leadForms/42 HTTP/1.1"));
    for request in requests {
        assert!(request.contains("authorization: Bearer member-token\r\n"));
        assert!(request.contains(&format!("linkedin-version: {DEFAULT_VERSION}\r\n")));
        assert!(request.contains("x-restli-protocol-version: 2.0.0\r\n"));
    }
}

#[tokio::test]
async fn a_deleted_form_does_not_lose_the_lead_and_a_refused_one_waits_for_a_person() {
    for (head, is_kept) in [("404 Not Found", true), ("403 Forbidden", false)] {
        let acts = vec![answer("200 OK", RESPONSE), answer(head, "{}")];
        let (entry, _) = fetched(acts).await;
        match entry {
            Ok(entry) => {
                assert!(is_kept);
                assert_eq!(entry.answers[0].values, ["ann@lead.example"]);
            }
            Err(error) => assert!(!is_kept && matches!(error, FetchError::Forbidden { .. })),
        }
    }
}

#[tokio::test]
async fn a_throttle_waits_as_told_and_no_refusal_quotes_what_came() {
    let body = r#"{"status":429,"message":"ann@lead.example member-token","serviceErrorCode":101}"#;
    for (head, seconds) in [
        ("429 Too Many Requests", 15 * 60),
        ("429 Too Many Requests\r\nretry-after: 120", 120),
        ("429 Too Many Requests\r\nretry-after: 1", 60),
        (
            "429 Too Many Requests\r\nretry-after: 999999999",
            24 * 60 * 60,
        ),
        (
            "429 Too Many Requests\r\nretry-after: Wed, 21 Oct 2026 07:28:00 GMT",
            15 * 60,
        ),
    ] {
        let (error, _) = fetched(vec![answer(head, body)]).await;
        let why = "LinkedIn answered with status 429 and code 101".to_owned();
        let delay = Some(Duration::from_secs(seconds));
        assert_eq!(error, Err(FetchError::Later { why, delay }), "{head}");
    }
}

#[test]
fn a_refusal_is_read_by_its_status() {
    for (status, wanted) in [
        (400, "forbidden"),
        (401, "forbidden"),
        (403, "forbidden"),
        (404, "gone"),
        (408, "later"),
        (410, "gone"),
        (426, "forbidden"),
        (429, "later"),
        (302, "forbidden"),
        (500, "later"),
        (504, "later"),
        (200, "later"),
    ] {
        let reaction = match judge(status, None, None) {
            FetchError::Later { .. } => "later",
            FetchError::Forbidden { .. } => "forbidden",
            FetchError::Gone { .. } => "gone",
        };
        assert_eq!(reaction, wanted, "{status}");
    }
}

fn page(after: Option<&str>) -> ListPage {
    ListPage {
        form: "42".to_owned(),
        since: "2026-02-02T02:40:00Z".parse().unwrap(),
        after: after.map(str::to_owned),
    }
}

#[tokio::test]
async fn a_form_is_listed_through_its_owner_without_the_owners_other_forms() {
    let other = RESPONSE.replace("Form:42,", "Form:43,");
    let list = format!(
        r#"{{"paging":{{"start":0,"count":50,"total":3}},"elements":[{RESPONSE},{other}]}}"#
    );
    let server = server(vec![answer("200 OK", FORM), answer("200 OK", &list)]);
    let own = own(&server.base_url);
    let listed = LeadSync.list(&http(), &page(None), &own).await.unwrap();
    let ids: Vec<_> = listed
        .items
        .iter()
        .map(|item| match item {
            Item::Lead(lead) => lead.id.clone().unwrap(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids, [URN]);
    assert_eq!(listed.next.as_deref(), Some("SPONSORED:2"));
    let requests = server.requests().await;
    assert!(requests[0].starts_with("GET /rest/leadForms/42 HTTP/1.1"));
    let query = "GET /rest/leadFormResponses?q=owner&owner=(sponsoredAccount:urn%3Ali%3AsponsoredAccount%3A1)\
        &leadType=(leadType:SPONSORED)&limitedToTestLeads=false&submittedAtTimeRange=(start:1770000000000)&fields=";
    assert!(requests[1].starts_with(query), "{}", requests[1]);
    assert!(requests[1].contains("&count=50&start=0 HTTP/1.1"));
}

#[test]
fn a_list_goes_through_every_type_of_lead_and_ends() {
    for (types, cursor, listed, total, next) in [
        (&TYPES_OF_ACCOUNTS[..], None, 50, None, Some("SPONSORED:50")),
        (&TYPES_OF_ACCOUNTS, None, 49, None, None),
        (&TYPES_OF_ACCOUNTS, Some("SPONSORED:50"), 10, Some(60), None),
        (
            &TYPES_OF_ACCOUNTS,
            Some("SPONSORED:50"),
            10,
            Some(61),
            Some("SPONSORED:60"),
        ),
        (&TYPES_OF_ACCOUNTS, Some("SPONSORED:50"), 0, Some(90), None),
        (&TYPES_OF_PAGES, None, 0, Some(0), Some("EVENT:0")),
        (
            &TYPES_OF_PAGES,
            Some("EVENT:50"),
            3,
            None,
            Some("ORGANIZATION_PRODUCT:0"),
        ),
        (
            &TYPES_OF_PAGES,
            Some("ORGANIZATION_PRODUCT:0"),
            3,
            None,
            None,
        ),
        (
            &TYPES_OF_PAGES,
            Some("nonsense"),
            50,
            None,
            Some("COMPANY:50"),
        ),
    ] {
        let place = Place::read(cursor, types);
        assert_eq!(place.after(listed, total).as_deref(), next, "{cursor:?}");
    }
}

#[test]
fn a_form_belongs_to_an_account_or_a_page() {
    let owner = |urn: &str| {
        let form = serde_json::json!({"owner": {"any": urn}});
        Owner::of(&form).map(|owner| owner.kind)
    };
    assert_eq!(owner("urn:li:organization:7"), Some("organization"));
    assert_eq!(owner("urn:li:sponsoredAccount:7"), Some("sponsoredAccount"));
    assert_eq!(owner(""), None);
}
