//! One object of plain values, for platforms that map an answer to variables by its top level (Botpress, Voiceflow).

use serde_json::{Map, Value, json};

use super::Told;
use crate::intake::draft::camel_case;

pub(super) fn object(told: &Told) -> Value {
    let mut object = Map::new();
    for (name, value) in &told.facts {
        object.insert(camel_case(name).into_owned(), value.clone());
    }
    object.insert("message".to_owned(), json!(told.text));
    for (index, slot) in told.times.iter().enumerate() {
        let number = index + 1;
        object.insert(format!("time{number}"), json!(slot.date_time));
        object.insert(format!("label{number}"), json!(slot.label));
    }
    Value::Object(object)
}
