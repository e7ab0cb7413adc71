//! Where a field belongs: by the operator's names, by leadgate's own, and by those people use in their forms.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::intake::draft::{Draft, camel_case};
use crate::sources::spelling;

/// Puts a value under a name: alone, or behind those that are there.
pub fn push(fields: &mut Map<String, Value>, name: &str, value: Value) {
    match fields.get_mut(name) {
        None => {
            fields.insert(name.to_owned(), value);
        }
        Some(Value::Array(values)) => values.push(value),
        Some(one) => *one = Value::Array(vec![one.take(), value]),
    }
}

/// The fields of a form's post as they are put together.
#[derive(Default)]
pub struct Reading {
    fields: Map<String, Value>,
    repeats: Map<String, Value>,
    under: BTreeMap<&'static str, Map<String, Value>>,
    wishes: Vec<Value>,
    guests: Vec<Value>,
    numbered_guests: Map<String, Value>,
}

/// Where a form's field belongs.
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
    /// A name leadgate has another use for.
    Taken,
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
        let is_blank = text.trim().is_empty();
        let value = Value::String(text);
        match place(name) {
            Place::Text(_) | Place::Wish | Place::Guests | Place::Guest(..) if is_blank => {}
            Place::Text(ours) if !self.fields.contains_key(&ours) => {
                self.fields.insert(ours, value);
            }
            Place::Text(_) | Place::Taken => push(&mut self.repeats, bare, value),
            Place::Under(object, key) => push(self.under.entry(object).or_default(), &key, value),
            Place::Guest(number, key) => {
                let guest = self
                    .numbered_guests
                    .entry(number)
                    .or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(guest) = guest {
                    guest.entry(key).or_insert(value);
                }
            }
            Place::Guests => {
                let text = value.as_str().unwrap_or_default();
                let each = text.split([',', ';', '\n']).map(str::trim);
                let each = each.filter(|one| !one.is_empty()).map(Value::from);
                self.guests.extend(each);
            }
            Place::Wish => self.wishes.push(value),
            Place::Free(ours) => push(&mut self.fields, ours, value),
            Place::Unknown => push(&mut self.fields, name, value),
        }
    }

    /// The fields by leadgate's names, and second values of fields that hold one, by the form's.
    pub fn done(mut self) -> (Map<String, Value>, Map<String, Value>) {
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
        (self.fields, self.repeats)
    }
}

/// Where a field of this name belongs.
fn place(name: &str) -> Place {
    if let Some((object, member)) = member_of(name) {
        match camel_case(object).as_str() {
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
    match camel.as_str() {
        "wishes" => Place::Wish,
        "additionalGuests" => Place::Guests,
        "consent" => Place::Free("consent"),
        "metadata" => Place::Free("metadata"),
        "answers" | "utm" => Place::Taken,
        _ if Draft::holds_text(&camel) => Place::Text(camel),
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
    use super::*;

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
            ("answers[]", Place::Taken),
            ("answers[a", Place::Unknown),
            ("other[a]", Place::Unknown),
            ("", Place::Unknown),
            ("[a]", Place::Unknown),
            ("consent", Place::Free("consent")),
            ("utm", Place::Taken),
            ("wishes", Place::Wish),
        ] {
            let bare = name.strip_suffix("[]").unwrap_or(name);
            assert_eq!(place(bare), wanted, "{name}");
        }
    }
}
