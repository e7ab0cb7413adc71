//! Slots, booking, listing, moving, cancelling.

use super::*;
use crate::sandbox::ValidationShape;

#[tokio::test]
async fn a_booking_is_three_levels_down_and_takes_its_slot() {
    let stage = stage(one_host).await;
    let slots = stage.slots().await;
    let reply = stage.book(&slots[0], "kim@lead.example").await;
    assert_eq!(reply.status, 201);
    let outer = &reply.body["data"]["eventCall"];
    assert_eq!(outer["status"], 200);
    let call = &outer["data"];
    assert!(call["id"].is_i64());
    assert_eq!(call["startTime"], slots[0].replace(":00Z", ":00.000Z"));
    assert_eq!(call["guestEmail"], "kim@lead.example");
    assert_eq!(call["closerName"], "Ida Moe");
    assert_eq!(stage.slots().await[..20], slots[1..21]);

    let refused = stage.book(&slots[0], "bo@lead.example").await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.body["code"], "SLOT_NOT_AVAILABLE");
    assert!(refused.body["message"].is_string());
}

#[tokio::test]
async fn only_an_instant_on_offer_is_booked() {
    let stage = stage(|_| {}).await;
    let slots = stage.slots().await;
    let off_grid = slots[0].replace(":00Z", ":01Z");
    for at in [
        off_grid.as_str(),
        "2020-01-01T10:00:00Z",
        "2099-01-01T10:00:00Z",
    ] {
        let refused = stage.book(at, "kim@lead.example").await;
        assert_eq!(refused.body["code"], "SLOT_NOT_AVAILABLE", "{at}");
    }
    assert!(stage.sandbox.control().report().calls.is_empty());
}

#[tokio::test]
async fn slots_are_told_in_the_asked_zone_and_from_the_asked_day() {
    let slot = "2090-03-01T18:30:00Z";
    let stage = stage(|options| {
        let later = "2090-03-05T06:00:00Z";
        options.events[0].slots = Some([later, slot].map(|at| at.parse().unwrap()).to_vec());
    })
    .await;
    let mut asked = json!({ "linkPrefix": LINK, "timeZone": "Asia/Kathmandu" });
    let reply = stage.post(DATES, &asked).await;
    let expected = json!({ "2090-03-02": ["00:15"], "2090-03-05": ["11:45"] });
    assert_eq!(reply.body["data"]["availabilities"], expected);
    assert_eq!(
        reply.body["data"]["appliedHostIds"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    asked["currentDate"] = json!("2090-03-03");
    let reply = stage.post(DATES, &asked).await;
    assert_eq!(
        reply.body["data"]["availabilities"],
        json!({ "2090-03-05": ["11:45"] })
    );

    assert_eq!(stage.book(slot, "kim@lead.example").await.status, 201);
    assert_eq!(stage.book(slot, "bo@lead.example").await.status, 400);
}

#[tokio::test]
async fn conditional_users_restrict_the_hosts() {
    let stage = stage(|_| {}).await;
    let at = &stage.slots().await[0];
    let users = stage.get("/v1/users").await;
    let host = users.body["data"]["users"][2]["id"].as_i64().unwrap();
    let mut wanted = booking(at, "kim@lead.example");
    wanted["conditionalUsers"] = json!(host.to_string());
    let reply = stage.post(BOOK, &wanted).await;
    assert_eq!(reply.body["data"]["eventCall"]["data"]["closerId"], host);
    assert_eq!(stage.post(BOOK, &wanted).await.status, 400);
    assert_eq!(stage.book(at, "bo@lead.example").await.status, 201);
}

#[tokio::test]
async fn every_fault_of_a_field_is_named_in_either_shape() {
    let wrong = json!({
        "dateTime": "2026-12-01T15:00:00+00:00",
        "timeZone": "Oslo",
        "linkPrefix": LINK,
        "email": "nobody",
        "firstName": "a".repeat(26),
        "utm": "x",
    });
    let names = [
        "dateTime",
        "timeZone",
        "secondaryQuestionsAnswer",
        "email",
        "firstName",
    ];
    let zod = stage(|_| {}).await.post(BOOK, &wrong).await;
    assert_eq!(zod.status, 400);
    let message = &zod.body["message"];
    assert_eq!(
        (&message["endpoint"], &message["method"]),
        (&json!(BOOK), &json!("POST"))
    );
    assert_eq!(
        message["details"]["formErrors"].as_array().unwrap().len(),
        1
    );
    for name in names {
        assert!(
            message["details"]["fieldErrors"][name][0].is_string(),
            "{name}"
        );
    }

    let standard = stage(|options| options.validation_shape = ValidationShape::Standard).await;
    let standard = standard.post(BOOK, &wrong).await;
    assert_eq!(
        (standard.status, &standard.body["message"]),
        (400, &json!("Invalid request"))
    );
    for name in names {
        assert!(standard.body["errors"][name][0].is_string(), "{name}");
    }
}

#[tokio::test]
async fn a_booking_needs_an_event_and_a_person() {
    let stage = stage(|_| {}).await;
    let at = &stage.slots().await[0];
    for missing in [
        "linkPrefix",
        "email",
        "dateTime",
        "timeZone",
        "secondaryQuestionsAnswer",
    ] {
        let mut body = booking(at, "kim@lead.example");
        body.as_object_mut().unwrap().shift_remove(missing);
        let reply = stage.post(BOOK, &body).await;
        let faults = &reply.body["message"]["details"]["fieldErrors"];
        assert!(faults[missing].is_array(), "{missing}");
    }
}

#[tokio::test]
async fn a_listed_call_has_the_host_as_email_and_the_lead_as_invitee() {
    let stage = stage(|options| options.events[0].event_zone = "Asia/Kathmandu".to_owned()).await;
    let slots = stage.slots().await;
    for (at, email) in slots.iter().zip(["kim@lead.example", "bo@lead.example"]) {
        assert_eq!(stage.book(at, email).await.status, 201);
    }
    let path = "/v1/eventCalls?eventType=ALL&inviteeEmails=KIM%40lead.example,x%40y.example";
    let reply = stage.get(path).await;
    assert_eq!(
        (reply.status, &reply.body["data"]["count"]),
        (201, &json!(1))
    );
    let item = &reply.body["data"]["eventCalls"][0];
    assert_eq!(item["inviteeEmail"], "kim@lead.example");
    assert!(item["email"].as_str().unwrap().ends_with("@hosts.example"));
    assert_eq!(item["dateTimeUTC"], slots[0].replace("Z", ".000Z"));
    let utc: jiff::civil::DateTime = slots[0].trim_end_matches('Z').parse().unwrap();
    let local: jiff::civil::DateTime = item["dateTime"].as_str().unwrap().parse().unwrap();
    let ahead = jiff::SignedDuration::from_mins(5 * 60 + 45);
    assert_eq!(local.duration_since(utc), ahead);

    let all = stage.get("/v1/eventCalls?eventType=ALL").await;
    let items = all.body["data"]["eventCalls"].as_array().unwrap();
    assert_eq!(
        items
            .iter()
            .filter(|item| item["linkPrefix"] == LINK)
            .count(),
        1
    );
    assert_eq!(
        items
            .iter()
            .filter(|item| item["event"]["linkPrefix"] == LINK)
            .count(),
        1
    );
}

#[tokio::test]
async fn pages_count_from_zero_and_hold_a_hundred_at_most() {
    let stage = stage(|_| {}).await;
    let slots = stage.slots().await;
    let mut ids = Vec::new();
    for at in &slots[..5] {
        ids.push(call_id(&stage.book(at, "kim@lead.example").await));
    }
    let page = async |query: &str| {
        let reply = stage.get(&format!("/v1/eventCalls?{query}")).await;
        assert_eq!(reply.body["data"]["count"], 5);
        let items = reply.body["data"]["eventCalls"].as_array().unwrap().clone();
        items
            .iter()
            .map(|item| item["id"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(page("limit=2").await, ids[..2]);
    assert_eq!(page("limit=2&page=2").await, ids[4..]);
    assert!(page("limit=2&page=3").await.is_empty());
    let latest_first = page("orderColumn=createdAt&orderBy=desc&limit=100&page=0&offset=3").await;
    assert_eq!(latest_first, ids.iter().rev().copied().collect::<Vec<_>>());
    for query in [
        "limit=101",
        "limit=0",
        "page=-1",
        "orderBy=asc",
        "orderColumn=id",
        "eventType=SOON",
        "inviteeEmail=x",
    ] {
        let reply = stage.get(&format!("/v1/eventCalls?{query}")).await;
        assert_eq!(reply.status, 400, "{query}");
    }
}

#[tokio::test]
async fn filters_narrow_the_list() {
    let stage = stage(|_| {}).await;
    let at = &stage.slots().await[0];
    let mut wanted = booking(at, "kim@lead.example");
    wanted["phoneNumber"] = json!("+4790000000");
    let id = call_id(&stage.post(BOOK, &wanted).await);
    let day = &at[..10];
    for (query, count) in [
        (format!("ids={id}"), 1),
        (format!("ids={}", id + 1), 0),
        (format!("dateFrom={day}&dateTo={day}"), 1),
        ("dateTo=2020-01-01".to_owned(), 0),
        ("createdAtStart=2020-01-01T00:00:00.000Z".to_owned(), 1),
        ("createdAtStart=2099-01-01T00:00:00Z".to_owned(), 0),
        ("createdAtEnd=2020-01-01".to_owned(), 0),
        ("eventType=UPCOMING".to_owned(), 1),
        ("eventType=PAST".to_owned(), 0),
        ("search=900000".to_owned(), 1),
        ("search=KIM%20e".to_owned(), 1),
        ("search=nobody".to_owned(), 0),
        ("types=scheduled_events,rescheduled_events".to_owned(), 1),
        ("types=cancelled_events".to_owned(), 0),
    ] {
        let reply = stage.get(&format!("/v1/eventCalls?{query}")).await;
        assert_eq!(reply.body["data"]["count"], count, "{query}");
    }
}

#[tokio::test]
async fn a_cancelled_call_frees_its_slot_and_stays_in_the_list() {
    let stage = stage(one_host).await;
    let slots = stage.slots().await;
    let id = call_id(&stage.book(&slots[0], "kim@lead.example").await);
    let cancel = json!({ "id": id, "cancelReason": "ill" });
    let reply = stage.put("/v1/eventCalls/cancel", &cancel).await;
    assert_eq!(
        (reply.status, &reply.body["data"]["eventCall"]["status"]),
        (200, &json!(200))
    );
    assert_eq!(
        stage.put("/v1/eventCalls/cancel", &cancel).await.status,
        400
    );
    let unknown = stage
        .put("/v1/eventCalls/cancel", &json!({ "id": 1 }))
        .await;
    assert_eq!(unknown.status, 404);
    assert_eq!(stage.slots().await[..20], slots[..20]);
    for (types, count) in [
        ("", 1),
        ("&types=cancelled_events", 1),
        ("&types=scheduled_events", 0),
    ] {
        let reply = stage
            .get(&format!("/v1/eventCalls?eventType=ALL{types}"))
            .await;
        assert_eq!(reply.body["data"]["count"], count, "{types}");
    }
    let item = &stage.get("/v1/eventCalls").await.body["data"]["eventCalls"][0];
    assert_eq!(item["cancelReason"], "ill");
}

#[tokio::test]
async fn a_moved_call_keeps_its_id_and_frees_its_slot() {
    let stage = stage(one_host).await;
    let slots = stage.slots().await;
    let id = call_id(&stage.book(&slots[0], "kim@lead.example").await);
    stage.book(&slots[1], "bo@lead.example").await;
    let mut wanted = json!({ "id": id, "dateTime": slots[1], "timeZone": "UTC" });
    let refused = stage.put("/v1/eventCalls/reschedule", &wanted).await;
    assert_eq!(refused.body["code"], "SLOT_NOT_AVAILABLE");
    wanted["dateTime"] = json!(slots[2]);
    for _ in 0..2 {
        let moved = stage.put("/v1/eventCalls/reschedule", &wanted).await;
        assert_eq!((moved.status, &moved.body["data"]["id"]), (200, &json!(id)));
    }
    let free = stage.slots().await;
    assert_eq!((&free[0], &free[1]), (&slots[0], &slots[3]));
}

#[tokio::test]
async fn the_report_finds_who_was_booked_twice() {
    let stage = stage(|_| {}).await;
    let slots = stage.slots().await;
    stage.book(&slots[0], "kim@lead.example").await;
    stage.book(&slots[0], "bo@lead.example").await;
    assert!(stage.sandbox.control().report().double_booked.is_empty());
    let second = call_id(&stage.book(&slots[0], "Kim@Lead.example").await);
    let report = stage.sandbox.control().report();
    assert_eq!(report.double_booked.len(), 1);
    let double = &report.double_booked[0];
    assert_eq!(
        (double.identity.as_str(), double.count),
        ("kim@lead.example", 2)
    );
    assert_eq!(report.calls.len(), 3);
    assert_eq!(report.contacts.len(), 2);
    assert!(report.first_booking_at <= report.last_booking_at);
    stage
        .put("/v1/eventCalls/cancel", &json!({ "id": second }))
        .await;
    assert!(stage.sandbox.control().report().double_booked.is_empty());
}
