use super::*;
use crate::sources::delivery::{Delivery, NOW_SECOND, answers, own};
use crate::sources::test_server::{answer, http, server};
use crate::sources::{FetchError, ListPage};

const SECRET: &str = "secret-of-a-test";
const BODY: &str = r#"{"greeting":"grüße"}"#;
const URL: &str = "https://leads.acme.example/v1/sources/hub%3A1/leads?token=a%2Fb";

#[test]
fn the_first_version_is_the_one_hubspot_publishes() {
    // developers.hubspot.com, "Validating requests", example for v1.
    let body = r#"[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]"#;
    let signed = own(&[("secret", "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy")], &[]);
    let shown = "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de";
    for version in [Some("v1"), None, Some("v2"), Some("v9")] {
        let mut delivery = Delivery::json(body).with("x-hubspot-signature", shown);
        if let Some(version) = version {
            delivery = delivery.with("x-hubspot-signature-version", version);
        }
        let is_first = matches!(version, Some("v1") | None);
        assert_eq!(HubSpot.verify(&delivery.sent(), &signed).is_ok(), is_first);
    }
}

#[test]
fn the_second_and_third_version_sign_method_and_address_too() {
    let signed = own(&[("secret", SECRET)], &[]);
    // printf '%s%s%s%s' SECRET POST ADDRESS BODY | openssl dgst -sha256
    let second = "b940fb91a6cb0047532b33d5c4c9580f36a2dfde0b7760085d86c6f2d375877d";
    let address = "https://leads.acme.example/v1/sources/hub/leads?token=a%2Fb";
    for (url, wanted) in [(address, Ok(())), (URL, Err(Denied::Wrong))] {
        let mut delivery = Delivery::json(BODY)
            .with("x-hubspot-signature-version", "v2")
            .with("x-hubspot-signature", second);
        delivery.url = url.to_owned();
        assert_eq!(HubSpot.verify(&delivery.sent(), &signed), wanted);
    }

    // printf '%s%s%s%s' POST ADDRESS BODY 1770000000000 | openssl dgst -sha256 -hmac SECRET -binary | base64
    let decoded = "iQYkFhYir7P4aNS4YSmCUCYEKpX2oKwMJZzmZXUnS1k=";
    let as_called = "dZgH8Mb84oqLrK+MW/dW2HwIemCJeY8LJDlIXWN/HYE=";
    for (shown, stamp, late, body, wanted) in [
        (decoded, "1770000000000", 0, BODY, Ok(())),
        (as_called, "1770000000000", 0, BODY, Ok(())),
        (decoded, "1770000000000", 301, BODY, Err(Denied::Stale)),
        (decoded, "1770000000001", 0, BODY, Err(Denied::Wrong)),
        (decoded, "1770000000000", 0, "{}", Err(Denied::Wrong)),
        ("x", "1770000000000", 0, BODY, Err(Denied::Wrong)),
    ] {
        let mut delivery = Delivery::json(body)
            .with("x-hubspot-signature-v3", shown)
            .with("x-hubspot-request-timestamp", stamp);
        delivery.url = URL.to_owned();
        delivery.now = jiff::Timestamp::from_second(NOW_SECOND + late).unwrap();
        assert_eq!(
            HubSpot.verify(&delivery.sent(), &signed),
            wanted,
            "{shown} {stamp}"
        );
    }
    let unstamped = Delivery::json(BODY).with("x-hubspot-signature-v3", decoded);
    assert_eq!(
        HubSpot.verify(&unstamped.sent(), &signed),
        Err(Denied::Missing)
    );
    let unsigned = Delivery::json(BODY);
    assert_eq!(
        HubSpot.verify(&unsigned.sent(), &signed),
        Err(Denied::Missing)
    );
}

#[test]
fn a_wrong_third_signature_is_not_saved_by_a_right_first() {
    let signed = own(&[("secret", SECRET)], &[]);
    let delivery = Delivery::json(BODY)
        .with("x-hubspot-signature", &version_1(SECRET, BODY.as_bytes()))
        .with("x-hubspot-signature-v3", "x")
        .with("x-hubspot-request-timestamp", "1770000000000");
    assert_eq!(
        HubSpot.verify(&delivery.sent(), &signed),
        Err(Denied::Wrong)
    );
}

#[test]
fn the_path_is_decoded_and_the_query_is_not() {
    for (url, wanted) in [
        (
            "https://a.example/x%3ay%2F?q=%3A",
            "https://a.example/x:y/?q=%3A",
        ),
        ("https://a.example/%20%21", "https://a.example/%20!"),
        ("https://a.example/", "https://a.example/"),
    ] {
        assert_eq!(decoded(url), wanted);
    }
}

#[test]
fn new_contacts_are_fetched_erased_ones_withdrawn_and_the_rest_let_be() {
    let body = r#"[{"eventId":1,"portalId":62515,"occurredAt":1770000000000,"subscriptionType":"contact.creation","objectId":9007199254740993},
        {"subscriptionType":"contact.propertyChange","objectId":2},{"subscriptionType":"deal.creation","objectId":3},
        {"subscriptionType":"contact.privacyDeletion","objectId":4},{"subscriptionType":"contact.creation"},
        {"subscriptionType":"object.creation","objectTypeId":"0-1","objectId":"5"},
        {"subscriptionType":"object.creation","objectTypeId":"0-3","objectId":6},7]"#;
    let items = HubSpot
        .read(&Delivery::json(body).sent(), &Own::default())
        .unwrap();
    let named: Vec<_> = items
        .iter()
        .map(|item| match item {
            Item::Fetch(fetch) => format!("fetch {}", fetch.id),
            Item::Withdraw { id } => format!("withdraw {id}"),
            Item::Lead(_) => "lead".to_owned(),
        })
        .collect();
    assert_eq!(named, ["fetch 9007199254740993", "withdraw 4", "fetch 5"]);
    let Item::Fetch(first) = &items[0] else {
        panic!("{items:?}");
    };
    assert_eq!(first.about["portalId"], "62515");
    assert_eq!(first.about["occurredAt"], "1770000000000");
    let alone = r#"{"subscriptionType":"contact.creation","objectId":1}"#;
    assert_eq!(
        HubSpot
            .read(&Delivery::json(alone).sent(), &Own::default())
            .unwrap()
            .len(),
        1
    );
    assert!(
        HubSpot
            .read(&Delivery::json("7").sent(), &Own::default())
            .is_err()
    );
}

#[test]
fn a_workflow_sends_the_contact_in_either_shape() {
    let with_history = r#"{"vid":123,"portal-id":62515,"properties":{
        "mobilephone":{"value":"+436600000001"},"phone":{"value":"+436600000000","versions":[{"value":"old"}]},
        "email":{"value":"i@lead.example"},"firstname":{"value":"Ines"},"state":{"value":"Tirol"},
        "hs_google_click_id":{"value":"abc"},"hs_analytics_source":{"value":"PAID_SEARCH"},"hs_lead_status":{"value":"NEW"},
        "num_notes":{"value":"3"},"roof_type":{"value":"Flat"},"empty":{"value":""}}}"#;
    let entry = Delivery::json(with_history).lead(&HubSpot, &Own::default());
    assert_eq!(entry.id.as_deref(), Some("123"));
    assert_eq!(entry.fields["phoneNumber"], "+436600000000");
    assert_eq!(entry.fields["email"], "i@lead.example");
    assert_eq!(entry.fields["firstName"], "Ines");
    assert_eq!(entry.fields["region"], "Tirol");
    assert_eq!(
        answers(&entry),
        ["mobilephone = +436600000001", "roof_type = Flat"]
    );
    assert_eq!(entry.marks, [("gclid".to_owned(), "abc".to_owned())]);
    assert_eq!(entry.metadata["hs_analytics_source"], "PAID_SEARCH");
    assert!(!entry.metadata.contains_key("hs_lead_status"));

    let chosen = r#"{"hs_object_id":"123","email":"i@lead.example","first_name":"Ines","hs_lead_status":"NEW"}"#;
    let entry =
        Delivery::json(chosen).lead(&HubSpot, &own(&[], &[("hs_lead_status", "answers.status")]));
    assert_eq!(entry.id.as_deref(), Some("123"));
    assert_eq!(entry.fields["firstName"], "Ines");
    assert_eq!(answers(&entry), ["status = NEW"]);
}

fn fetch_of(id: &str) -> Fetch {
    Fetch {
        id: id.to_owned(),
        about: serde_json::from_str(r#"{"portalId":"62515"}"#).unwrap(),
    }
}

#[tokio::test]
async fn a_contact_is_fetched_with_the_properties_that_are_mapped() {
    let body = r#"{"id":"123","properties":{"email":"i@lead.example","firstname":"Ines","phone":null,"roof_type":"Flat"},"archived":false}"#;
    let server = server(vec![answer("200 OK", body)]);
    let own = own(
        &[("access_token", "pat-1"), ("api_url", &server.base_url)],
        &[("roof_type", "answers.roof")],
    );
    let fetcher = HubSpot.fetcher().unwrap();
    let entry = fetcher
        .fetch(&http(), &fetch_of("123"), &own)
        .await
        .unwrap();
    assert_eq!(entry.id.as_deref(), Some("123"));
    assert_eq!(entry.fields["email"], "i@lead.example");
    assert_eq!(answers(&entry), ["roof = Flat"]);
    assert_eq!(entry.metadata["portalId"], "62515");
    let requests = server.requests().await;
    assert!(
        requests[0].starts_with("GET /crm/v3/objects/contacts/123?properties=email%2Cphone%2C")
    );
    assert!(requests[0].contains("roof_type"));
    assert!(requests[0].contains("authorization: Bearer pat-1\r\n"));
}

#[tokio::test]
async fn every_answer_of_the_api_has_its_reaction() {
    for (head, body, wanted) in [
        (
            "404 Not Found",
            r#"{"category":"OBJECT_NOT_FOUND"}"#,
            "gone: HubSpot answered 404: OBJECT_NOT_FOUND",
        ),
        (
            "401 Unauthorized",
            r#"{"category":"EXPIRED_AUTHENTICATION"}"#,
            "forbidden: HubSpot answered 401: EXPIRED_AUTHENTICATION",
        ),
        (
            "403 Forbidden",
            r#"{"category":"MISSING_SCOPES"}"#,
            "forbidden: HubSpot answered 403: MISSING_SCOPES",
        ),
        (
            "400 Bad Request",
            r#"{"category":"not a code: i@lead.example"}"#,
            "forbidden: HubSpot answered 400",
        ),
        (
            "429 Too Many Requests\r\nretry-after: 7",
            "{}",
            "later: HubSpot answered 429 after 7",
        ),
        ("502 Bad Gateway", "<html>", "later: HubSpot answered 502"),
        ("200 OK", "<html>", "later: HubSpot answered 200"),
    ] {
        let server = server(vec![answer(head, body)]);
        let own = own(
            &[("access_token", "pat-1"), ("api_url", &server.base_url)],
            &[],
        );
        let error = fetch::Contacts
            .fetch(&http(), &fetch_of("1"), &own)
            .await
            .unwrap_err();
        let told = match error {
            FetchError::Gone { why } => format!("gone: {why}"),
            FetchError::Forbidden { why } => format!("forbidden: {why}"),
            FetchError::Later { why, delay: None } => format!("later: {why}"),
            FetchError::Later {
                why,
                delay: Some(delay),
            } => format!("later: {why} after {}", delay.as_secs()),
        };
        assert_eq!(told, wanted);
        server.requests().await;
    }
    let untold = fetch::Contacts
        .fetch(&http(), &fetch_of("1"), &Own::default())
        .await;
    assert!(matches!(untold, Err(FetchError::Forbidden { .. })));
}

#[tokio::test]
async fn contacts_since_a_time_are_listed_page_by_page() {
    let body = r#"{"total":2,"results":[{"id":"1","properties":{"email":"i@lead.example"}},{"id":"2","properties":{}}],"paging":{"next":{"after":"100"}}}"#;
    let server = server(vec![
        answer("200 OK", body),
        answer("200 OK", r#"{"results":[]}"#),
    ]);
    let own = own(
        &[("access_token", "pat-1"), ("api_url", &server.base_url)],
        &[],
    );
    let mut page = ListPage {
        form: String::new(),
        since: jiff::Timestamp::from_second(NOW_SECOND).unwrap(),
        after: None,
    };
    let listed = fetch::Contacts.list(&http(), &page, &own).await.unwrap();
    assert_eq!(listed.items.len(), 2);
    assert_eq!(listed.next.as_deref(), Some("100"));
    page.after = listed.next;
    let listed = fetch::Contacts.list(&http(), &page, &own).await.unwrap();
    assert_eq!((listed.items.len(), listed.next), (0, None));
    let requests = server.requests().await;
    assert!(requests[0].starts_with("POST /crm/v3/objects/contacts/search "));
}
