//! A webhook response of Dialogflow CX (docs.cloud.google.com): what is said, chips to tap, session parameters.

use serde_json::{Map, Value, json};

use super::Told;
use crate::intake::bot::OURS;

pub(super) fn response(told: &Told) -> Value {
    let mut messages = vec![json!({"text": {"text": [told.text]}})];
    let mut parameters = Map::new();
    for (name, value) in &told.facts {
        parameters.insert(format!("{OURS}{name}"), value.clone());
    }
    if !told.times.is_empty() {
        let labels: Vec<&str> = told.times.iter().map(|slot| slot.label.as_str()).collect();
        let chips: Vec<Value> = labels.iter().map(|label| json!({"text": label})).collect();
        messages.push(json!({"payload": {"richContent": [[{"type": "chips", "options": chips}]]}}));
        let times: Vec<_> = told.times.iter().map(|slot| slot.date_time).collect();
        parameters.insert(format!("{OURS}times"), json!(times));
        parameters.insert(format!("{OURS}labels"), json!(labels));
    }
    // A parameter set to null is one the form asks for again.
    for name in &told.forget {
        parameters.insert(name.clone(), Value::Null);
    }
    json!({
        "fulfillment_response": {"messages": messages},
        "sessionInfo": {"parameters": parameters},
    })
}
