//! What a lead agreed to, and where it came from: kept byte for byte, and handed to iClosed where it has a place.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Gateway, Seen, Settings, sandbox};

const OPERATOR_KEY: &str = "operator-key-0123456789";

/// The lead posted, as text: a number keeps its digits and keys keep their order only there.
const LEAD: &str = r#"{
    "email": "kim@lead.example",
    "consent": {"text": "I agree to be called. \u00c5 \" ", "version": 1.10, "at": "2026-11-23T09:00:00+01:00",
        "page": "https://acme.example/call?a=1&b=%20", "zeta": [null, true], "alpha": {"b": 1, "a": 12345678901234567890}},
    "xxTrustedFormCertUrl": "https://cert.trustedform.com/0123456789abcdef",
    "universal_leadid": "01234567-89AB-CDEF-0123-456789ABCDEF",
    "leadid_token": " 7A ",
    "utm": {"source": "news+letter", "Campaign": "Win%20ter"}, "utm_medium": "paid & \u00fc", "utm_custom": "x=y",
    "gclid": "Cj0K-abc_1", "gbraid": "g1", "wbraid": "w1", "dclid": "d1", "gad_source": "1", "fbclid": "IwAR0",
    "_fbc": "fb.1.1.IwAR0", "_fbp": "fb.1.2.3", "ttclid": "E.C.P", "_ttp": "tp", "msclkid": "m1", "li_fat_id": "l1",
    "twclid": "2-x", "epik": "dj0y", "ScCid": "s1", "rdt_cid": "r1",
    "landingUrl": "https://acme.example/call?utm_term=a+b&gclid=other",
    "referrerUrl": "https://news.example/?q=%C3%BC"
}"#;

#[tokio::test(flavor = "multi_thread")]
async fn consent_and_every_mark_are_kept_as_they_were_sent() {
    let sandbox = sandbox(100, 2, 3).await;
    let settings = Settings::new(&sandbox.url(), (100, 2))
        .server(&format!("operator_key = \"{OPERATOR_KEY}\""))
        .source("attribution = true");
    let gateway = Gateway::start(&settings).await;
    let post = gateway
        .request(Method::POST, "/v1/sources/landing/leads")
        .header("Content-Type", "application/json")
        .header("Prefer", "wait=15")
        .body(LEAD);
    let booked = Seen::of(post).await;
    assert_eq!(booked.word(), "booked", "{booked:?}");

    let path = format!(
        "/v1/admin/leads/{}",
        booked.body["leadId"].as_str().unwrap()
    );
    let record = Seen::of(
        gateway
            .request(Method::GET, &path)
            .bearer_auth(OPERATOR_KEY),
    )
    .await;
    let sent: Value = serde_json::from_str(LEAD).unwrap();
    let mut consent = sent["consent"].as_object().unwrap().clone();
    for certificate in ["xxTrustedFormCertUrl", "leadid_token", "universal_leadid"] {
        consent.insert(certificate.to_owned(), sent[certificate].clone());
    }
    // Compared as text: the order of keys and the digits of numbers count.
    assert_eq!(
        record.body["consent"].to_string(),
        Value::Object(consent).to_string()
    );
    let consent = record.body["consent"].to_string();
    assert!(
        consent.contains("1.10") && consent.contains("12345678901234567890"),
        "{consent}"
    );
    assert_eq!(record.body["raw"], LEAD);

    let tracking = &record.body["tracking"];
    assert_eq!(
        tracking["utm"],
        json!({
            "utm_source": "news+letter", "utm_campaign": "Win%20ter", "utm_medium": "paid & \u{fc}",
            "utm_custom": "x=y", "utm_term": "a b",
        })
    );
    let ids = tracking["clickIds"].as_object().unwrap();
    assert_eq!(ids.len(), 16);
    for (name, value) in ids {
        assert_eq!(value, &sent[name], "{name}");
    }
    assert_eq!(tracking["landingUrl"], sent["landingUrl"]);
    assert_eq!(tracking["referrerUrl"], sent["referrerUrl"]);

    let contact = sandbox.control().report().contacts[0].id;
    let detail = format!(
        "{}/v1/contacts/detail?contactId={contact}&includeUtms=true",
        sandbox.url()
    );
    let detail = Seen::of(gateway.client().get(detail).bearer_auth("iclosed_test")).await;
    assert_eq!(detail.http, 200, "{detail:?}");
    let told = detail.text.as_str();
    for part in [
        "utm_source=news%2Bletter&utm_medium=paid%20%26%20%C3%BC&utm_campaign=Win%2520ter&utm_term=a%20b&utm_custom=x%3Dy",
        "https://news.example/?q=%C3%BC",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
}
