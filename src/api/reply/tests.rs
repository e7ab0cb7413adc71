use serde_json::json;

use super::*;
use crate::settings::Channel;

fn told(lead: bool) -> Told {
    let zone = TimeZone::get("Europe/Oslo").unwrap();
    let times = ["2026-11-24T09:30:00Z", "2026-11-25T08:00:00Z"];
    let mut told = Told {
        text: "Which?".to_owned(),
        times: times.map(|at| Slot::new(at.parse().unwrap(), &zone)).into(),
        lead: lead.then(|| "ld_00000000000000000000000000".parse().unwrap()),
        forget: vec!["mail".to_owned()],
        ..Told::default()
    };
    told.fact("lead_id", "ld_0");
    told.fact("estimated_start_at", "soon");
    told
}

#[test]
fn a_visitor_is_told_of_a_problem_where_the_platform_would_be_silent() {
    let manychat = Reply::ManyChat(Channel::Messenger);
    for (code, by_manychat, by_dialogflow) in [
        (Code::ValidationFailed, true, true),
        (Code::NotWaitingForTime, true, true),
        (Code::TooManyRequests, true, false),
        (Code::QueueFull, true, false),
        (Code::SlotsUnavailable, true, false),
        (Code::Internal, true, false),
        (Code::Unauthorized, false, false),
        (Code::BadQuery, false, false),
        (Code::UnreadableBody, false, false),
        (Code::IdempotencyKeyReused, false, false),
    ] {
        assert_eq!(is_said(manychat, code), by_manychat, "{code:?}");
        assert_eq!(
            is_said(Reply::DialogflowCx, code),
            by_dialogflow,
            "{code:?}"
        );
        assert!(!is_said(Reply::Flat, code), "{code:?}");
    }
}

#[test]
fn messenger_has_buttons_and_the_other_channels_have_numbers() {
    let block = manychat::block(
        &told(true),
        Channel::Messenger,
        "https://leads.acme.example",
    );
    assert_eq!(
        block["content"]["quick_replies"][0],
        json!({
            "type": "dynamic_block_callback", "caption": "Tue 24 Nov, 10:30", "method": "post",
            "url": "https://leads.acme.example/v1/leads/ld_00000000000000000000000000/time",
            "payload": {"dateTime": "2026-11-24T09:30:00Z"},
        })
    );
    assert_eq!(block["content"]["messages"][0]["text"], "Which?");
    assert_eq!(block["content"].get("type"), None);
    for (lead, channel, kind) in [
        (false, Channel::Messenger, None),
        (true, Channel::Instagram, Some("instagram")),
        (true, Channel::WhatsApp, Some("whatsapp")),
        (true, Channel::Telegram, Some("telegram")),
    ] {
        let block = manychat::block(&told(lead), channel, "");
        let content = &block["content"];
        assert_eq!(content.get("type").and_then(Value::as_str), kind);
        assert_eq!(content["quick_replies"], json!([]));
        assert_eq!(
            content["messages"][0]["text"],
            "Which?\n1. Tue 24 Nov, 10:30\n2. Wed 25 Nov, 09:00"
        );
        let set = |field: &str, value: &str| json!({"action": "set_field_value", "field_name": field, "value": value});
        assert_eq!(
            content["actions"],
            json!([
                set("leadgate_lead_id", "ld_0"),
                set("leadgate_time_1", "2026-11-24T09:30:00Z"),
                set("leadgate_time_2", "2026-11-25T08:00:00Z"),
            ])
        );
    }
}

#[test]
fn a_block_has_no_more_of_anything_than_manychat_takes() {
    let mut long = told(true);
    let slot = long.times[0].clone();
    long.times = vec![slot; 30];
    for number in 0..9 {
        long.fact(&format!("fact_{number}"), number);
    }
    for channel in [Channel::Messenger, Channel::WhatsApp] {
        let content = &manychat::block(&long, channel, "")["content"];
        assert!(content["quick_replies"].as_array().unwrap().len() <= 11);
        assert_eq!(content["actions"].as_array().unwrap().len(), 5);
    }
}

#[test]
fn dialogflow_is_told_by_parameters_and_forgets_what_is_wrong() {
    let response = dialogflow_cx::response(&told(true));
    let messages = &response["fulfillment_response"]["messages"];
    assert_eq!(messages[0], json!({"text": {"text": ["Which?"]}}));
    assert_eq!(
        messages[1]["payload"]["richContent"][0][0]["options"][1]["text"],
        "Wed 25 Nov, 09:00"
    );
    assert_eq!(
        response["sessionInfo"]["parameters"],
        json!({
            "leadgate_lead_id": "ld_0", "leadgate_estimated_start_at": "soon", "mail": null,
            "leadgate_times": ["2026-11-24T09:30:00Z", "2026-11-25T08:00:00Z"],
            "leadgate_labels": ["Tue 24 Nov, 10:30", "Wed 25 Nov, 09:00"],
        })
    );
}

#[test]
fn a_flat_answer_has_one_level_only() {
    assert_eq!(
        flat::object(&told(true)),
        json!({
            "leadId": "ld_0", "estimatedStartAt": "soon", "message": "Which?",
            "time1": "2026-11-24T09:30:00Z", "label1": "Tue 24 Nov, 10:30",
            "time2": "2026-11-25T08:00:00Z", "label2": "Wed 25 Nov, 09:00",
        })
    );
}
