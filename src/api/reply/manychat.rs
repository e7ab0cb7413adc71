//! ManyChat's dynamic block, version 2 (manychat.github.io): messages, buttons that call back, and fields to set.

use serde_json::{Value, json};

use super::Told;
use crate::intake::bot::OURS;
use crate::settings::Channel;

/// At most 11 quick replies (help.manychat.com).
pub(super) const MOST_BUTTONS: usize = 11;

/// At most 5 actions (help.manychat.com).
const MOST_ACTIONS: usize = 5;

pub(super) fn block(told: &Told, channel: Channel, address: &str) -> Value {
    let lead = told.lead.filter(|_| channel == Channel::Messenger);
    let mut text = told.text.clone();
    let mut facts = told.facts.clone();
    let mut buttons = Vec::new();
    for (index, slot) in told.times.iter().enumerate() {
        let number = index + 1;
        match lead {
            Some(lead) => buttons.push(json!({
                "type": "dynamic_block_callback",
                "caption": slot.label,
                "url": format!("{address}/v1/leads/{lead}/time"),
                "method": "post",
                "payload": {"dateTime": slot.date_time},
            })),
            // Without buttons the visitor names a number, and the author's flow takes the field of that number.
            None => {
                text.push_str(&format!("\n{number}. {}", slot.label));
                facts.push((format!("time_{number}"), json!(slot.date_time)));
            }
        }
    }
    if lead.is_none() && !told.times.is_empty() {
        facts.retain(|(name, _)| name == "lead_id" || name.starts_with("time_"));
    }
    buttons.truncate(MOST_BUTTONS);
    let actions: Vec<Value> = facts
        .into_iter()
        .take(MOST_ACTIONS)
        .map(|(name, value)| {
            json!({"action": "set_field_value", "field_name": format!("{OURS}{name}"), "value": value})
        })
        .collect();
    let mut content = json!({
        "messages": [{"type": "text", "text": text}],
        "actions": actions,
        "quick_replies": buttons,
    });
    if let Some(name) = named(channel) {
        content["type"] = json!(name);
    }
    json!({"version": "v2", "content": content})
}

/// Messenger is the one that is not named.
fn named(channel: Channel) -> Option<&'static str> {
    match channel {
        Channel::Messenger => None,
        Channel::Instagram => Some("instagram"),
        Channel::WhatsApp => Some("whatsapp"),
        Channel::Telegram => Some("telegram"),
    }
}
