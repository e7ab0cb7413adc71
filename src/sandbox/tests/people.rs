//! Contacts, answers, events, keys, and the control routes.

use super::*;

#[tokio::test]
async fn a_key_is_missing_or_wrong_as_the_wire_says() {
    let stage = stage(|options| options.api_keys = vec!["iclosed_good".to_owned()]).await;
    let url = format!("{}/v1/users", stage.sandbox.url());
    for (header, status, message) in [
        (None, 401, "API key is required"),
        (Some("iclosed_good"), 401, "API key is required"),
        (Some("Bearer iclosed-good"), 401, "API key is required"),
        (Some("Bearer iclosed_bad"), 401, "Invalid API key"),
        (Some("Bearer iclosed_good"), 200, ""),
    ] {
        let mut request = stage.http.get(&url);
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let reply = stage.try_send(request).await.unwrap();
        assert_eq!(reply.status, status, "{header:?}");
        if status == 401 {
            assert_eq!(reply.body, json!({ "message": message }), "{header:?}");
        }
    }
    let report = stage.sandbox.control().report();
    let seen = &report.endpoints["GET /v1/users"];
    assert_eq!((seen.requests, seen.admitted), (5, 1));
}

#[tokio::test]
async fn a_contact_is_made_found_changed_and_booked() {
    let stage = stage(|_| {}).await;
    let lead = json!({ "email": "kim@lead.example", "firstName": "Kim", "linkPrefix": LINK });
    let made = stage.post("/v1/contacts", &lead).await;
    assert_eq!(
        (made.status, &made.body["data"]["contact"]["status"]),
        (201, &json!("POTENTIAL"))
    );
    let id = made.body["data"]["contact"]["id"].as_i64().unwrap();

    let change = json!({ "id": id, "secondary_email": "k@lead.example", "status": "QUALIFIED" });
    let changed = stage.put("/v1/contacts", &change).await;
    assert_eq!(changed.body["data"]["contact"]["firstName"], "Kim");

    let mut wanted = booking(&stage.slots().await[0], "");
    for field in ["email", "firstName", "lastName"] {
        wanted.as_object_mut().unwrap().shift_remove(field);
    }
    wanted["contactId"] = json!(id.to_string());
    assert_eq!(stage.post(BOOK, &wanted).await.status, 400);
    wanted["contactId"] = json!(id);
    assert_eq!(stage.post(BOOK, &wanted).await.status, 201);

    let found = stage.get("/v1/contacts?search=KIM@").await;
    assert_eq!(found.body["data"]["count"], 1);
    let found = &found.body["data"]["contacts"][0];
    assert_eq!(found["status"], "STRATEGY_CALL_BOOKED");
    assert_eq!(found["ContactEvents"], json!([{ "name": "Strategy call" }]));
    let dates_only = stage.get("/v1/contacts?timeFrom=2020-01-01").await;
    assert_eq!(dates_only.body["data"]["count"], 0);

    let detail = stage
        .get(&format!("/v1/contacts/detail?contactId={id}"))
        .await;
    assert_eq!(detail.body["data"]["secondary_email"], "k@lead.example");
    assert_eq!(
        stage.get("/v1/contacts/detail?contactId=1").await.status,
        404
    );
    assert_eq!(
        stage
            .get(&format!("/v1/contacts/detail?id={id}"))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn a_contact_is_not_joined_and_a_long_name_is_refused() {
    let stage = stage(|_| {}).await;
    let lead = json!({ "phoneNumber": "+4790000000" });
    for _ in 0..2 {
        assert_eq!(stage.post("/v1/contacts", &lead).await.status, 201);
    }
    let found = stage.get("/v1/contacts?search=90000000").await;
    assert_eq!(found.body["data"]["count"], 2);
    let long = json!({ "firstName": "a".repeat(26) });
    assert_eq!(stage.post("/v1/contacts", &long).await.status, 400);
}

#[tokio::test]
async fn answers_disqualify_in_both_places() {
    let stage = stage(|options| {
        let fatal = ("budget".to_owned(), "None".to_owned());
        options.events[0].disqualify_answer = Some(fatal);
    })
    .await;
    let at = &stage.slots().await[0];
    for (answer, is_fatal) in [("None", true), ("5k", false)] {
        let answers = json!([{ "identifier": "budget", "answer": [answer] }]);
        let told = json!({
            "linkPrefix": LINK,
            "inviteeQuestionAnswers": [{ "type": "EMAIL", "answer": "kim@lead.example" }],
            "secondaryQuestionsAnswer": answers,
        });
        let reply = stage.post("/v1/fields/inviteeAnswers", &told).await;
        assert_eq!(reply.body["data"]["isDisqualified"], is_fatal);
        assert_eq!(
            reply.body["data"]["conditionalUsers"].is_string(),
            !is_fatal
        );
        let mut wanted = booking(at, "kim@lead.example");
        wanted["secondaryQuestionsAnswer"] = answers;
        let reply = stage.post(BOOK, &wanted).await;
        assert_eq!(reply.status, if is_fatal { 400 } else { 201 });
        assert_eq!(reply.body["code"] == "INVITEE_DISQUALIFIED", is_fatal);
    }
    let fields = stage
        .get("/v1/fields/objects?objectType=CALL&inviteeQuestions=true")
        .await;
    assert_eq!(
        (&fields.body["count"], &fields.body["hasMore"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(fields.body["data"][0]["identifier"], "budget");
    assert_eq!(stage.get("/v1/fields/objects").await.status, 400);
    assert!(stage.get("/v1/fields/contact-stage").await.body["stages"].is_array());
}

#[tokio::test]
async fn an_event_is_shown_and_refused_as_its_status_says() {
    let stage = stage(|_| {}).await;
    let at = &stage.slots().await[0];
    let change = json!({ "linkPrefix": LINK, "activated": false });
    assert_eq!(stage.post("/_sandbox/events", &change).await.status, 204);
    let path = "/v1/events/detail?linkPrefix=acme%2Fstrategy-call";
    let detail = stage.get(path).await;
    assert_eq!(detail.body["data"]["status"], "DEACTIVATED");
    assert_eq!(
        detail.body["data"]["optimizationPriorities"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(detail.body["data"]["inviteeQuestions"][0]["type"], "EMAIL");
    assert_eq!(
        stage.get("/v1/events").await.body["data"][0]["linkPrefix"],
        LINK
    );
    assert_eq!(
        stage.book(at, "kim@lead.example").await.body["code"],
        "EVENT_DEACTIVATED"
    );
    let asked = json!({ "linkPrefix": LINK });
    assert_eq!(stage.post(DATES, &asked).await.status, 400);

    assert_eq!(
        stage
            .get("/v1/events/detail?linkPrefix=acme%2Fother")
            .await
            .status,
        404
    );
    let other = json!({ "linkPrefix": "acme/other" });
    assert_eq!(stage.post(DATES, &other).await.status, 404);
    assert_eq!(stage.post("/_sandbox/events", &other).await.status, 404);
    assert_eq!(stage.get("/v1/nowhere").await.status, 404);
}

#[tokio::test]
async fn the_control_routes_set_seats_and_slots_and_start_anew() {
    let stage = stage(|_| {}).await;
    let at = stage.slots().await[0].clone();
    let one = json!({ "linkPrefix": LINK, "hosts": ["Uma Berg"] });
    stage.post("/_sandbox/events", &one).await;
    assert_eq!(stage.book(&at, "kim@lead.example").await.status, 201);
    assert_eq!(stage.book(&at, "bo@lead.example").await.status, 400);
    let listed = json!({ "linkPrefix": LINK, "slots": ["2090-01-01T09:00:00Z"] });
    stage.post("/_sandbox/events", &listed).await;
    assert_eq!(stage.slots().await, ["2090-01-01T09:00:00Z"]);

    let report = stage.get("/_sandbox/report").await.body;
    assert_eq!(report["calls"][0]["dateTimeUTC"], at);
    assert_eq!(report["calls"][0]["cancelled"], false);
    assert_eq!(
        report["endpoints"]["POST /v1/eventCalls"]["mostInAnyWindow"],
        2
    );
    assert_eq!(report["doubleBooked"], json!([]));

    assert_eq!(
        stage.post("/_sandbox/reset", &json!(null)).await.status,
        204
    );
    let report = stage.get("/_sandbox/report").await.body;
    assert_eq!(
        (&report["calls"], &report["endpoints"]),
        (&json!([]), &json!({}))
    );
    assert_eq!(stage.slots().await[0], at);
}
