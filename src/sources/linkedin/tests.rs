use std::collections::BTreeMap;

use super::*;

const URN: &str = "urn:li:leadGenFormResponse:00000000-aaaa-4bbb-8ccc-dddddddddddd-1";

fn own() -> Own {
    let mut own = Own::default();
    own.set(CLIENT_SECRET, "client-secret-for-tests");
    own
}

fn with<T>(body: &str, query: &str, signature: &str, run: impl FnOnce(&Sent<'_>) -> T) -> T {
    run(&Sent {
        method: "POST",
        url: "https://gate.example/v1/sources/linkedin/leads",
        query,
        headers: &BTreeMap::from([(SIGNATURE.to_owned(), signature.to_owned())]),
        body: body.as_bytes(),
        now: jiff::Timestamp::UNIX_EPOCH,
    })
}

fn read(body: &str) -> Vec<Item> {
    with(body, "", "", |sent| LinkedIn.read(sent, &own())).unwrap()
}

#[test]
fn the_prefix_is_signed_with_the_body_and_not_sent() {
    let body = r#"{"type":"LEAD_ACTION","leadAction":"CREATED"}"#;
    // printf 'hmacsha256=%s' BODY | openssl dgst -sha256 -hmac client-secret-for-tests
    let signed = "99a2ae5283d129f687ee5784ee411d9b9da2594426562f2508f4c18e4003e3b2";
    let prefixed = format!("hmacsha256={signed}");
    for (body, signature, wanted) in [
        (body, signed, Ok(())),
        (body, prefixed.as_str(), Err(Denied::Wrong)),
        (body, "", Err(Denied::Missing)),
        ("{}", signed, Err(Denied::Wrong)),
    ] {
        let verified = with(body, "", signature, |sent| LinkedIn.verify(sent, &own()));
        assert_eq!(verified, wanted, "{signature}");
    }
    let sample = Sample {
        url: "https://gate.example",
        content_type: "application/json",
        body: body.as_bytes(),
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    let headers = LinkedIn.sign(sample, &own()).headers;
    assert_eq!(headers, [(SIGNATURE.into(), signed.to_owned())]);
}

#[test]
fn a_challenge_is_answered_with_its_hash() {
    let query = "challengeCode=890e4665-4dfe-4ab1-b689-ed553bceeed0&applicationId=7";
    let reply = with("", query, "", |sent| LinkedIn.shake(sent, &own()));
    let reply = reply.unwrap().unwrap();
    assert_eq!(reply.content_type, "application/json");
    // openssl dgst -sha256 -hmac client-secret-for-tests, over the code.
    assert_eq!(
        reply.body,
        r#"{"challengeCode":"890e4665-4dfe-4ab1-b689-ed553bceeed0","challengeResponse":"82c1c4c48630c6b0ef02d5f9048954af06fb72d5517e88a67e6696033417f6d7"}"#
    );
    let none = with("", "x=1", "", |sent| LinkedIn.shake(sent, &own()));
    assert_eq!(none, Some(Err(Denied::Missing)));
}

#[test]
fn no_challenge_brings_a_delivery_its_signature() {
    let body = r#"{"type":"LEAD_ACTION","leadAction":"DELETED"}"#;
    let shake = |code: &str| {
        let code: String = form_urlencoded::byte_serialize(code.as_bytes()).collect();
        let query = format!("challengeCode={code}");
        with("", &query, "", |sent| LinkedIn.shake(sent, &own())).unwrap()
    };
    assert_eq!(shake(&format!("hmacsha256={body}")), Err(Denied::Wrong));
    for code in ["", "hmacsha256=", "{}", &"a".repeat(129)] {
        assert_eq!(shake(code), Err(Denied::Wrong), "{code}");
    }
}

#[test]
fn created_is_fetched_deleted_is_withdrawn_and_the_rest_is_nothing() {
    let body = |action: &str| {
        format!(
            r#"{{"type":"LEAD_ACTION","leadGenFormResponse":"{URN}","leadGenForm":"urn:li:versionedLeadGenForm:(urn:li:leadGenForm:42,1)",
            "leadType":"SPONSORED","leadAction":"{action}","occurredAt":1770000000000,
            "owner":{{"sponsoredAccount":"urn:li:sponsoredAccount:1"}},
            "associatedEntity":{{"associatedCreative":"urn:li:sponsoredCreative:9"}},"novel":1}}"#
        )
    };
    let about = serde_json::json!({
        "leadGenForm": "urn:li:versionedLeadGenForm:(urn:li:leadGenForm:42,1)", "leadType": "SPONSORED",
        "occurredAt": "1770000000000", "owner": "urn:li:sponsoredAccount:1",
        "associatedEntity": "urn:li:sponsoredCreative:9",
    });
    let id = URN.to_owned();
    let about = about.as_object().unwrap().clone();
    let fetch = Fetch {
        id: id.clone(),
        about,
    };
    assert_eq!(read(&body("CREATED")), [Item::Fetch(fetch)]);
    assert_eq!(read(&body("DELETED")), [Item::Withdraw { id }]);
    assert_eq!(read(&body("MERGED")), []);
    for other in [
        "{}",
        "[]",
        r#"{"type":"ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS"}"#,
    ] {
        assert_eq!(read(other), [], "{other}");
    }
    for broken in ["", r#"{"type":"LEAD_ACTION","leadAction":"CREATED"}"#] {
        let refused = with(broken, "", "", |sent| LinkedIn.read(sent, &own()));
        assert!(refused.is_err(), "{broken}");
    }
}
