//! What the readers make of documented, seen and odd answers.

use serde_json::json;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn every_way_to_write_a_slot_is_read_and_the_rest_is_counted() {
    let read = availability(&json!({ "data": {
        "availabilities": {
            "2026-12-01": ["09:00", "9:30", "14:15:00", "2026-12-01T16:00:00+01:00", "2026-12-01T15:30:00",
                {"time": "17:00"}, {"startTime": "2026-12-01T18:00:00.000Z"}],
            "2026-12-02T00:00:00.000Z": ["00:00"],
            "2026-12-03": ["24:00", "9", "9 am", "", 900, null, ["09:00"], {"hour": 9}, "2026-12-03", "09:00:00:00"],
            "someday": ["09:00", "2026-12-04T09:00:00Z"],
            "2026-12-05": [],
            "2026-12-06": null,
            "2026-12-07": "09:00",
        },
        "appliedHostIds": [40117, "40233", null] } }))
    .unwrap();
    let expected = [
        "2026-12-01T09:00Z",
        "2026-12-01T09:30Z",
        "2026-12-01T14:15Z",
        "2026-12-01T15:00Z",
        "2026-12-01T15:30Z",
        "2026-12-01T17:00Z",
        "2026-12-01T18:00Z",
        "2026-12-02T00:00Z",
        "2026-12-04T09:00Z",
    ];
    assert_eq!(read.slots, expected.map(at));
    assert_eq!(read.skipped, 12);
    assert_eq!(read.applied_host_ids, [40117, 40233]);
}

#[test]
fn no_map_of_days_is_unknown_and_an_empty_one_is_no_slots() {
    let empty = availability(&json!({"data": {"availabilities": {}}})).unwrap();
    assert_eq!(empty, Availability::default());
    for body in [
        json!({}),
        json!([]),
        json!({"data": null}),
        json!({"data": {"availabilities": []}}),
        json!({"data": {"availabilities": null}}),
        json!({"availabilities": {}}),
    ] {
        assert!(
            matches!(availability(&body), Err(CallError::Unknown { .. })),
            "{body}"
        );
    }
}

#[test]
fn a_booking_is_found_three_levels_down_and_in_the_other_places_in_order() {
    for (body, expected) in [
        (
            json!({"data": {"eventCall": {"data": {"id": 1}, "id": 2}, "id": 3}, "id": 4}),
            1,
        ),
        (
            json!({"data": {"eventCall": {"data": {}, "id": 2}, "id": 3}, "id": 4}),
            2,
        ),
        (json!({"data": {"eventCall": null, "id": "3"}, "id": 4}), 3),
        (json!({"eventCall": {"id": 5}, "id": 4}), 5),
        (json!({"id": 4}), 4),
    ] {
        assert_eq!(created_call(&body).unwrap().id, expected, "{body}");
    }
}

#[test]
fn a_booking_is_read_whole() {
    let body = json!({ "data": { "eventCall": { "message": "created", "status": 200, "data": {
        "id": 1_900_321, "startTime": "2026-12-01T15:00:00.000Z", "endTime": "2026-12-01T15:30:00.000Z",
        "closerId": 40117, "timeZone": "Europe/Oslo", "guestEmail": "kim@lead.example", "token": "t-0f3",
        "confirmationLink": "https://acme.example/c", "redirectUrl": "javascript:alert(1)" },
        "closerName": "Ida Moe" } } });
    let call = created_call(&body).unwrap();
    let expected = CreatedCall {
        id: 1_900_321,
        start_time: Some(at("2026-12-01T15:00Z")),
        end_time: Some(at("2026-12-01T15:30Z")),
        time_zone: Some("Europe/Oslo".to_owned()),
        closer_name: Some("Ida Moe".to_owned()),
        confirmation_link: Some("https://acme.example/c".to_owned()),
        redirect_url: None,
    };
    assert_eq!(call, expected);
    let shown = format!("{call:?}");
    assert!(!shown.contains("Ida") && !shown.contains("acme"), "{shown}");
}

#[test]
fn without_an_id_or_with_a_failure_inside_a_booking_is_unknown() {
    for body in [
        json!({}),
        json!(null),
        json!({"data": {"eventCall": {"status": 200}}}),
        json!({"data": {"eventCall": {"data": {"id": "contact_Qw"}}}}),
        json!({"data": {"eventCall": {"status": 409, "message": "taken"}}}),
        json!({"data": {"eventCall": {"status": "500", "data": {"id": 1}}}}),
        json!({"status": 400, "message": "no", "data": {"id": 1}}),
    ] {
        assert!(
            matches!(created_call(&body), Err(CallError::Unknown { .. })),
            "{body}"
        );
    }
    assert!(created_call(&json!({"data": {"id": 1, "status": "UPCOMING"}})).is_ok());
}

#[test]
fn contacts_are_read_and_a_missing_list_is_unknown() {
    let body = json!({"data": {"count": 2, "contacts": [
        {"id": 7, "email": "kim@lead.example", "phoneNumber": null, "status": "STRATEGY_CALL_BOOKED"},
        {"email": "no-id@lead.example"}, 3]}});
    let expected = ListedContact {
        id: 7,
        email: Some("kim@lead.example".to_owned()),
        phone_number: None,
        status: Some("STRATEGY_CALL_BOOKED".to_owned()),
    };
    assert!(!format!("{expected:?}").contains("kim"));
    assert_eq!(contacts(&body).unwrap(), [expected]);
    assert!(contacts(&json!({"data": []})).is_err());
}

#[test]
fn a_new_contact_must_be_named() {
    assert_eq!(
        contact_id(&json!({"data": {"contact": {"id": 7}, "id": 8}})),
        Ok(7)
    );
    assert_eq!(contact_id(&json!({"data": {"id": "8"}})), Ok(8));
    assert!(contact_id(&json!({"message": "ok", "status": 200})).is_err());
}

#[test]
fn only_a_literal_true_disqualifies_and_hosts_come_in_two_shapes() {
    for (data, disqualified, hosts) in [
        (
            json!({"isDisqualified": true, "conditionalUsers": [1, "2"]}),
            Some(true),
            Some("1,2"),
        ),
        (
            json!({"isDisqualified": false, "conditionalUsers": "1,2 "}),
            Some(false),
            Some("1,2"),
        ),
        (
            json!({"isDisqualified": "true", "conditionalUsers": []}),
            None,
            None,
        ),
        (
            json!({"isDisqualified": 1, "conditionalUsers": ""}),
            None,
            None,
        ),
        (json!(null), None, None),
    ] {
        let read = qualification(&json!({ "data": data })).unwrap();
        assert_eq!(read.disqualified, disqualified, "{data}");
        assert_eq!(read.conditional_users.as_deref(), hosts, "{data}");
    }
    assert!(qualification(&json!({"status": 500})).is_err());
}

#[test]
fn an_event_tells_its_status_and_the_questions_still_asked() {
    let body = json!({"data": {"id": 777, "name": "Intro", "status": "ACTIVATED", "inviteeQuestions": [
        {"id": 1, "statement": "Email", "required": true, "deletedAt": null},
        {"id": 2, "statement": "Old", "required": true, "deletedAt": "2026-01-01T00:00:00Z"},
        {"id": 3, "statement": "Budget?"}]}});
    let read = event_detail(&body).unwrap();
    assert_eq!(
        (read.id, read.name.as_deref(), read.status.as_deref()),
        (Some(777), Some("Intro"), Some("ACTIVATED"))
    );
    let questions: Vec<_> = read
        .questions
        .iter()
        .map(|one| (one.id, one.statement.as_str(), one.required))
        .collect();
    assert_eq!(questions, [(1, "Email", true), (3, "Budget?", false)]);
    assert!(event_detail(&json!({"data": []})).is_err());
}
