//! One lead as a platform delivered it, under leadgate's names. Nothing is judged here and nothing is lost: what has
//! no place of its own is an answer.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::own::Own;
use super::spelling;
use crate::lead::{Answer, tracking};

/// A lead of a platform. `Debug` shows which fields are there, never what they hold.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Entry {
    /// The platform's id of the lead, as text; a redelivery has the same.
    pub id: Option<String>,
    /// A trial delivery: kept and shown, never booked.
    pub test: bool,
    /// Under the names of the neutral body that hold text (`email`, `phoneNumber`, `timeZone`, …), each once.
    pub fields: Map<String, Value>,
    /// In the order they came; two may have the same question.
    pub answers: Vec<Answer>,
    /// Campaign marks and click ids, by their own names.
    pub marks: Vec<(String, String)>,
    /// What the person agreed to, as sent.
    pub consent: Map<String, Value>,
    /// The platform's own ids and words for where the lead came from, as text.
    pub metadata: Map<String, Value>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("test", &self.test)
            .field("fields", &self.fields.keys())
            .field("answers", &self.answers.len())
            .finish_non_exhaustive()
    }
}

/// The neutral body's fields that hold one text.
pub const TEXT_FIELDS: [&str; 17] = [
    "email",
    "phoneNumber",
    "firstName",
    "lastName",
    "name",
    "company",
    "jobTitle",
    "city",
    "region",
    "country",
    "postalCode",
    "timeZone",
    "linkPrefix",
    "slot",
    "dateTime",
    "referrerUrl",
    "landingUrl",
];

impl Entry {
    /// Puts a value where it belongs by the operator's own map: by the field's machine name or by its label. Returns
    /// whether the map knew it. In the map a value is one of [`TEXT_FIELDS`], a campaign mark, or `answers.NAME`.
    pub fn by_map(&mut self, own: &Own, name: &str, label: &str, values: &[String]) -> bool {
        let Some(ours) = own.fields.get(name).or_else(|| own.fields.get(label)) else {
            return false;
        };
        if let Some(question) = ours.strip_prefix("answers.") {
            self.answer(question, values.to_vec());
        } else if !self.known(ours, label, values) {
            self.answer(ours, values.to_vec());
        }
        true
    }

    /// Puts a value under one of leadgate's own names. A second value of a field becomes an answer to `label`: the
    /// first stays, and neither is lost. Returns `false`, with nothing done, when the name is none of leadgate's.
    pub fn known(&mut self, ours: &str, label: &str, values: &[String]) -> bool {
        if tracking::is_tracking_key(ours) {
            for value in values {
                self.mark(ours, value);
            }
            return true;
        }
        if !TEXT_FIELDS.contains(&ours) {
            return false;
        }
        let Some((first, more)) = values.split_first() else {
            return true;
        };
        if self.fields.contains_key(ours) {
            self.answer(label, values.to_vec());
        } else {
            self.fields
                .insert(ours.to_owned(), Value::String(first.clone()));
            self.answer(label, more.to_vec());
        }
        true
    }

    /// Puts a value where it belongs: by the operator's map, by a name that people's forms use, else as an answer to
    /// `label`. Empty values are left out.
    pub fn put(&mut self, own: &Own, name: &str, label: &str, values: Vec<String>) {
        let values: Vec<String> = values
            .into_iter()
            .filter(|value| !value.trim().is_empty())
            .collect();
        if values.is_empty() || self.by_map(own, name, label, &values) {
            return;
        }
        let guess = spelling::field(name).or_else(|| spelling::field(label));
        if guess.is_some_and(|ours| self.known(&ours, label, &values)) {
            return;
        }
        self.answer(if label.trim().is_empty() { name } else { label }, values);
    }

    /// Adds an answer. No values, no answer.
    pub fn answer(&mut self, question: &str, values: Vec<String>) {
        if !values.is_empty() {
            self.answers.push(Answer {
                question: question.to_owned(),
                values,
            });
        }
    }

    /// Adds a campaign mark or click id.
    pub fn mark(&mut self, name: &str, value: &str) {
        if !value.trim().is_empty() {
            self.marks.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Adds one of the platform's ids or words; absent ones are left out.
    pub fn about(&mut self, name: &str, value: Option<String>) {
        if let Some(value) = value {
            self.metadata.insert(name.to_owned(), Value::String(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_second_value_of_a_field_is_kept_as_an_answer() {
        let mut entry = Entry::default();
        let own = Own::default();
        entry.put(&own, "email", "E-mail", texts(&["one@lead.example"]));
        entry.put(
            &own,
            "work_email",
            "Work email",
            texts(&["two@lead.example"]),
        );
        assert_eq!(entry.fields["email"], "one@lead.example");
        assert_eq!(entry.answers[0].question, "Work email");
        assert_eq!(entry.answers[0].values, ["two@lead.example"]);
    }

    #[test]
    fn the_operators_map_goes_before_every_guess() {
        let mut own = Own::default();
        own.fields
            .insert("email".into(), "answers.billing_email".into());
        own.fields.insert("Wie heißt du?".into(), "name".into());
        let mut entry = Entry::default();
        entry.put(&own, "email", "E-mail", texts(&["one@lead.example"]));
        entry.put(&own, "q7", "Wie heißt du?", texts(&["Jo Ek"]));
        assert_eq!(entry.answers[0].question, "billing_email");
        assert_eq!(entry.fields["name"], "Jo Ek");
    }

    #[test]
    fn what_has_no_place_is_an_answer_and_empty_values_are_nothing() {
        let mut entry = Entry::default();
        let own = Own::default();
        entry.put(&own, "q1", "Roof?", texts(&["Flat", " ", "Steep"]));
        entry.put(&own, "q2", "", texts(&["x"]));
        entry.put(&own, "email", "E-mail", texts(&[""]));
        entry.put(&own, "utm_source", "", texts(&["news"]));
        assert_eq!(entry.answers[0].values, ["Flat", "Steep"]);
        assert_eq!(entry.answers[1].question, "q2");
        assert!(entry.fields.is_empty());
        assert_eq!(entry.marks, [("utm_source".to_owned(), "news".to_owned())]);
    }
}
