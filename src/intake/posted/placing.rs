//! Where a field belongs: by the operator's names, by leadgate's own, and by those people use in their forms.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::intake::draft::{Draft, camel_case};
use crate::sources::spelling;

/// Puts a value under a name: alone, or behind those that are there.
pub fn push(fields: &mut Map<String, Value>, name: &str, value: Value) {
    let Some(there) = fields.get_mut(name) else {
        fields.insert(name.to_owned(), value);
        return;
    };
    let mut all = listed(there.take());
    all.extend(listed(value));
    *there = Value::Array(all);
}

/// The values of a list; of anything else itself.
fn listed(value: Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values,
        one => vec![one],
    }
}

/// Fields that found their place.
#[derive(Default)]
pub struct Placed {
    /// By leadgate's names where they are known.
    pub fields: Map<String, Value>,
    /// Second values of fields that hold one, by the sender's names.
    pub repeats: Map<String, Value>,
}

impl Placed {
    /// Puts what the operator's map names where the map says; the rest is returned as it was sent.
    pub fn by_map(
        body: Map<String, Value>,
        renames: &BTreeMap<String, String>,
    ) -> (Self, Map<String, Value>) {
        let mut reading = Reading::default();
        let mut rest = Map::new();
        for (name, value) in body {
            match renames.get(&name) {
                Some(ours) => reading.put(ours, &name, value),
                None => {
                    rest.insert(name, value);
                }
            }
        }
        (reading.done(), rest)
    }

    /// Adds a field under the name it was sent by. What is there already stays: objects and lists are joined, and a
    /// second text is a repeat.
    pub fn beside(&mut self, name: &str, value: Value) {
        let camel = camel_case(name);
        let is_camel = self.fields.contains_key(&*camel);
        let key = if is_camel { &*camel } else { name };
        let Some(there) = self.fields.get_mut(key) else {
            self.fields.insert(key.to_owned(), value);
            return;
        };
        match (there.as_object_mut(), value) {
            (_, value) if is_blank(&value) => {}
            (Some(there), Value::Object(more)) => {
                for (member, value) in more {
                    push(there, &member, value);
                }
            }
            (_, value) if Draft::holds_text(key) => push(&mut self.repeats, name, value),
            (_, value) => push(&mut self.fields, key, value),
        }
    }
}

/// Whether nothing stands there.
fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// The fields of a body as they are put together.
#[derive(Default)]
pub struct Reading {
    fields: Map<String, Value>,
    repeats: Map<String, Value>,
    under: BTreeMap<&'static str, Map<String, Value>>,
    wishes: Vec<Value>,
    guests: Vec<Value>,
    numbered_guests: Map<String, Value>,
}

/// Where a field belongs.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// One text: the first stays.
    Text(String),
    /// A member of one of leadgate's objects.
    Under(&'static str, String),
    /// A member of a guest.
    Guest(String, String),
    /// A guest's address, or several.
    Guests,
    /// A wished time.
    Wish,
    /// Leadgate takes anything here.
    Free(&'static str),
    /// One of leadgate's objects, which a text is not.
    Whole(&'static str),
    /// Nothing leadgate knows.
    Unknown,
}

impl Reading {
    /// Takes one field, by the name it was typed under.
    pub fn take(&mut self, typed: &str, text: String, renames: &BTreeMap<String, String>) {
        // PHP's mark for a field that may come more than once.
        let bare = typed.strip_suffix("[]").unwrap_or(typed);
        let name = renames
            .get(typed)
            .or_else(|| renames.get(bare))
            .map_or(bare, String::as_str);
        self.put(name, bare, Value::String(text));
    }

    /// Puts a value under a name of leadgate's; `sent_as` is the sender's own.
    fn put(&mut self, name: &str, sent_as: &str, value: Value) {
        match (place(name), value) {
            (_, Value::Null) => {}
            (Place::Text(_) | Place::Wish | Place::Guests | Place::Guest(..), value)
                if is_blank(&value) => {}
            (Place::Text(ours), value) if !self.fields.contains_key(&ours) => {
                self.fields.insert(ours, value);
            }
            (Place::Free(object) | Place::Whole(object), Value::Object(members)) => {
                let there = self.under.entry(object).or_default();
                for (key, value) in members {
                    push(there, &key, value);
                }
            }
            (Place::Text(_) | Place::Whole(_), value) => push(&mut self.repeats, sent_as, value),
            (Place::Under(object, key), value) => {
                push(self.under.entry(object).or_default(), &key, value);
            }
            (Place::Guest(number, key), value) => {
                let guest = self
                    .numbered_guests
                    .entry(number)
                    .or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(guest) = guest {
                    guest.entry(key).or_insert(value);
                }
            }
            (Place::Guests, Value::String(text)) => {
                let each = text.split([',', ';', '\n']).map(str::trim);
                let each = each.filter(|one| !one.is_empty()).map(Value::from);
                self.guests.extend(each);
            }
            (Place::Guests, value) => self.guests.extend(listed(value)),
            (Place::Wish, value) => self.wishes.extend(listed(value)),
            (Place::Free(ours), value) => push(&mut self.fields, ours, value),
            (Place::Unknown, value) => push(&mut self.fields, name, value),
        }
    }

    /// All fields, put together.
    pub fn done(mut self) -> Placed {
        for (object, members) in self.under {
            // A field beside its own members says something of its own.
            if let Some(beside) = self.fields.shift_remove(object) {
                self.repeats.insert(object.to_owned(), beside);
            }
            self.fields
                .insert(object.to_owned(), Value::Object(members));
        }
        let mut guests: Vec<Value> = self
            .numbered_guests
            .into_iter()
            .map(|(_, guest)| guest)
            .collect();
        guests.append(&mut self.guests);
        for (name, list) in [("wishes", self.wishes), ("additionalGuests", guests)] {
            if !list.is_empty() {
                self.fields.insert(name.to_owned(), Value::Array(list));
            }
        }
        Placed {
            fields: self.fields,
            repeats: self.repeats,
        }
    }
}

/// Where a field of this name belongs.
fn place(name: &str) -> Place {
    if let Some((object, member)) = member_of(name) {
        match &*camel_case(object) {
            "answers" => return Place::Under("answers", member.to_owned()),
            "consent" => return Place::Under("consent", member.to_owned()),
            "metadata" => return Place::Under("metadata", member.to_owned()),
            "utm" if member.starts_with("utm_") => return Place::Text(member.to_owned()),
            "utm" => return Place::Text(format!("utm_{member}")),
            "additionalGuests" => {
                let parts = member.split_once("][").or_else(|| member.split_once('.'));
                return match parts {
                    Some((number, key)) => Place::Guest(number.to_owned(), key.to_owned()),
                    None => Place::Guests,
                };
            }
            _ => {}
        }
    }
    let camel = camel_case(name);
    match &*camel {
        "wishes" => Place::Wish,
        "additionalGuests" => Place::Guests,
        "consent" => Place::Free("consent"),
        "metadata" => Place::Free("metadata"),
        "answers" => Place::Whole("answers"),
        "utm" => Place::Whole("utm"),
        _ if Draft::holds_text(&camel) => Place::Text(camel.into_owned()),
        _ => spelling::field(name).map_or(Place::Unknown, Place::Text),
    }
}

/// `answers[goal]` and `answers.goal` as object and member.
fn member_of(name: &str) -> Option<(&str, &str)> {
    let (object, rest) = name.split_at(name.find(['[', '.'])?);
    let member = match rest.strip_prefix('[') {
        Some(inside) => inside.strip_suffix(']')?,
        None => &rest[1..],
    };
    (!member.is_empty()).then_some((object, member))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(object) => object,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_map_loses_no_value() {
        let renames = [
            ("q1", "email"),
            ("q2", "email"),
            ("budget", "answers.Your budget"),
            ("more", "answers"),
            ("slot1", "wishes"),
            ("friend", "additionalGuests"),
            ("terms", "consent.terms"),
            ("note", "remark"),
        ];
        let renames = renames.map(|(theirs, ours)| (theirs.to_owned(), ours.to_owned()));
        for (sent, fields, repeats) in [
            (
                json!({"q1": " ", "q2": "kim@lead.example"}),
                json!({"email": "kim@lead.example"}),
                json!({}),
            ),
            (
                json!({"q1": "kim@lead.example", "q2": null}),
                json!({"email": "kim@lead.example"}),
                json!({}),
            ),
            (
                json!({"email": "own@lead.example", "q1": "kim@lead.example", "q2": "ida@lead.example"}),
                json!({"email": "kim@lead.example"}),
                json!({"email": "own@lead.example", "q2": "ida@lead.example"}),
            ),
            (
                json!({"email": "own@lead.example", "q1": ""}),
                json!({"email": "own@lead.example"}),
                json!({}),
            ),
            (
                json!({"budget": ["5k", "10k"], "answers": {"Your budget": 9, "goal": true}, "more": {"x": 1}}),
                json!({"answers": {"Your budget": ["5k", "10k", 9], "x": 1, "goal": true}}),
                json!({}),
            ),
            (
                json!({"slot1": "2031-12-02T16:00:00Z", "wishes": ["2031-12-01T16:00:00Z"]}),
                json!({"wishes": ["2031-12-02T16:00:00Z", "2031-12-01T16:00:00Z"]}),
                json!({}),
            ),
            (
                json!({"friend": {"email": "a@lead.example"}, "additional_guests": ["b@lead.example"]}),
                json!({"additionalGuests": [{"email": "a@lead.example"}, "b@lead.example"]}),
                json!({}),
            ),
            (
                json!({"terms": true, "consent": {"news": false}}),
                json!({"consent": {"terms": true, "news": false}}),
                json!({}),
            ),
            (
                json!({"note": "a", "remark": "b"}),
                json!({"remark": ["a", "b"]}),
                json!({}),
            ),
            // What the map does not name stays as it was sent, for the draft to judge.
            (
                json!({"wishes": "now", "first_name": 5, "q9": null}),
                json!({"wishes": "now", "first_name": 5, "q9": null}),
                json!({}),
            ),
        ] {
            let renames = BTreeMap::from(renames.clone());
            let (mut placed, rest) = Placed::by_map(object(sent.clone()), &renames);
            for (name, value) in rest {
                placed.beside(&name, value);
            }
            assert_eq!(Value::Object(placed.fields), fields, "{sent}");
            assert_eq!(Value::Object(placed.repeats), repeats, "{sent}");
        }
    }

    #[test]
    fn a_name_has_one_place() {
        let under = |object, member: &str| Place::Under(object, member.to_owned());
        let text = |name: &str| Place::Text(name.to_owned());
        for (name, wanted) in [
            ("first_name", text("firstName")),
            ("link_prefix", text("linkPrefix")),
            ("slot", text("slot")),
            ("gclid", text("gclid")),
            ("_fbp", text("_fbp")),
            ("utm.source", text("utm_source")),
            ("utm[utm_source]", text("utm_source")),
            ("answers[a[b]]", under("answers", "a[b]")),
            ("answers.a.b", under("answers", "a.b")),
            ("answers[]", Place::Whole("answers")),
            ("answers[a", Place::Unknown),
            ("other[a]", Place::Unknown),
            ("", Place::Unknown),
            ("[a]", Place::Unknown),
            ("consent", Place::Free("consent")),
            ("utm", Place::Whole("utm")),
            ("wishes", Place::Wish),
        ] {
            let bare = name.strip_suffix("[]").unwrap_or(name);
            assert_eq!(place(bare), wanted, "{name}");
        }
    }
}
