//! Forgetting a person.

use std::path::Path;

use super::*;
use crate::support::sandbox;

/// Whether any file of the store's folder holds the text.
fn is_in_the_store(gateway: &Gateway, text: &str) -> bool {
    let folder: &Path = &gateway.folder().join("data");
    let files = std::fs::read_dir(folder).unwrap();
    let mut files = files.map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    files.any(|bytes| {
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_erased_person_is_left_but_that_they_are_not_booked_twice() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = operated(&sandbox).await;
    let ann = |more: Value| {
        let mut ann = json!({
            "email": "Ann.Unique@person.example", "phoneNumber": "+4790000077", "name": "Ann Unique",
            "company": "Unique Roofing", "answers": {"goal": "unique-answer"}, "utm": {"source": "unique-utm"},
            "timeZone": "Europe/Oslo",
        });
        ann.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        ann
    };
    let first = booked(&gateway, &ann(json!({}))).await;
    let again = Answer::of(gateway.post(&ann(json!({})), 0).await).await;
    assert_eq!(again.status(), "duplicate");
    // Waiting, under another account, known by the number alone.
    done(act(&gateway, "accounts/other/pause")).await;
    let elsewhere = post(
        &gateway,
        "elsewhere",
        &json!({"phoneNumber": "+4790000077"}),
    )
    .await;
    let bo = booked(&gateway, &person("bo")).await;
    let call = record(&gateway, &first).await["booking"]["eventCallId"].clone();
    for text in [
        "Ann.Unique@person.example",
        "+4790000077",
        "unique-answer",
        "unique-utm",
    ] {
        assert!(is_in_the_store(&gateway, text), "{text}");
    }

    let receipt = done(act(&gateway, "erasures").json(&json!({"leadId": first}))).await;
    let erased: Vec<&str> = [&elsewhere[..], again.id(), &first].to_vec();
    assert_eq!(receipt["leads"], json!(erased));
    assert_eq!(receipt["busy"], json!([]));
    assert!(
        receipt["duplicatesSuppressedUntil"].is_string() && receipt["filesCleanAt"].is_string()
    );
    for text in ["nique", "90000077"] {
        assert!(!is_in_the_store(&gateway, text), "{text}");
    }
    let left = record(&gateway, &first).await;
    assert_eq!(left["status"], "erased");
    assert_eq!(left["booking"]["eventCallId"], call);
    assert_eq!(
        (&left["contact"]["name"], &left["raw"]),
        (&Value::Null, &json!(""))
    );
    assert_eq!(acts(&left), [("erased", "by kim")]);
    assert_eq!(record(&gateway, &elsewhere).await["waits"], Value::Null);
    assert_eq!(gateway.lead(&bo).await.status(), "booked");

    let returned = Answer::of(gateway.post(&ann(json!({})), 0).await).await;
    assert_eq!(returned.status(), "duplicate", "one person has one call");
    let by_address = json!({"email": "ann.unique@PERSON.example"});
    let receipt = done(act(&gateway, "erasures").json(&by_address)).await;
    assert_eq!(receipt["leads"], json!([returned.id()]));
    for body in [
        json!({}),
        json!({"email": "ann"}),
        json!({"phoneNumber": "no"}),
        json!({"email": "a@b.example", "phoneNumber": "+4790000077"}),
    ] {
        let seen = Seen::of(act(&gateway, "erasures").json(&body)).await;
        seen.assert_problem("not one person", 400, "unreadable_body");
    }
    let log = gateway.log().to_lowercase();
    assert!(log.contains(receipt["erasureId"].as_str().unwrap()));
    assert!(!log.contains("unique") && !log.contains("90000077"));
}
