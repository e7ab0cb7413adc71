//! What requests say: one struct for each, with the vendor's names and shapes. What is not known is left out, never
//! `null`, and nothing undocumented is sent.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

/// Which open slots: those of one event from a day on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventDates {
    /// `username/event-name`, case kept.
    pub link_prefix: String,
    /// The first day wanted, in UTC.
    pub current_date: Date,
    /// Only these hosts: comma-joined ids.
    pub conditional_users: Option<String>,
}

/// A call to book. At least one of contact id, email and phone is needed.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewCall {
    /// When it starts; sent in whole seconds of UTC.
    #[serde(serialize_with = "as_utc_seconds")]
    pub date_time: Timestamp,
    /// The invitee's IANA zone.
    pub time_zone: String,
    /// `username/event-name`, case kept.
    pub link_prefix: String,
    /// The invitee's contact at iClosed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<i64>,
    /// At most 255 characters of the vendor's pattern.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// E.164.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// At most 25 UTF-16 units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// At most 25 UTF-16 units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// Answers to the form's questions; sent even when there are none.
    pub secondary_questions_answer: Vec<SecondaryAnswer>,
    /// Only these hosts: comma-joined ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditional_users: Option<String>,
    /// Further people at the call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additional_guests: Vec<Guest>,
}

/// The answer to one question of the form.
#[derive(Clone, PartialEq)]
pub struct SecondaryAnswer {
    /// The custom field's numeric id, when all are digits, else its identifier.
    pub question: String,
    /// One text for each thing chosen or written.
    pub answer: Vec<String>,
}

/// One more person at a call.
#[derive(Clone, PartialEq, Serialize)]
pub struct Guest {
    /// The guest's address.
    pub email: String,
    /// The guest's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A contact to make.
#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewContact {
    /// At most 25 UTF-16 units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// At most 25 UTF-16 units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// At most 255 characters of the vendor's pattern.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// E.164, at most 20 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// Where the contact stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ContactStatus>,
    /// The event the contact came for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_prefix: Option<String>,
    /// `utm_source=meta&utm_medium=paid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utm: Option<String>,
    /// Two letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// IANA name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The contact's own address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// Where the contact came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrer_url: Option<String>,
}

/// Where a new contact stands; the statuses that may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ContactStatus {
    /// Left details, nothing more is known.
    Potential,
    /// Fits the event's rules.
    Qualified,
    /// Does not.
    Disqualified,
}

/// Form answers to save for a contact.
#[derive(Clone, PartialEq)]
pub struct InviteeAnswers {
    /// `username/event-name`, case kept.
    pub link_prefix: String,
    /// The contact at iClosed.
    pub contact_id: i64,
    /// As in [`NewCall`].
    pub email: Option<String>,
    /// As in [`NewCall`].
    pub phone_number: Option<String>,
    /// As in [`NewCall`].
    pub first_name: Option<String>,
    /// As in [`NewCall`].
    pub last_name: Option<String>,
    /// As in [`NewCall`].
    pub secondary_questions_answer: Vec<SecondaryAnswer>,
}

/// The call to call off.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallCancel {
    /// The vendor's id of the call.
    pub id: i64,
    /// Shown to the invitee.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<String>,
}

/// Which calls to list: past, coming and cancelled ones, the newest made first, 100 at most.
#[derive(Clone, Default, PartialEq)]
pub struct CallQuery {
    /// One call by its id.
    pub id: Option<i64>,
    /// The invitee's address, whole.
    pub invitee_email: Option<String>,
    /// Part of the invitee's name, address or phone.
    pub search: Option<String>,
    /// The first day of the call itself.
    pub date_from: Option<Date>,
    /// The last day of the call itself.
    pub date_to: Option<Date>,
    /// The earliest creation; sent in whole seconds of UTC. The vendor does not document its format.
    pub created_at_start: Option<Timestamp>,
    /// Comma-joined `scheduled_events`, `rescheduled_events`, `cancelled_events`.
    pub types: Option<String>,
}

impl EventDates {
    /// Slots are asked for in UTC, where no clock changes.
    pub(super) fn body(&self) -> Value {
        let mut body = json!({
            "linkPrefix": self.link_prefix,
            "timeZone": "UTC",
            "currentDate": self.current_date.to_string(),
        });
        if let Some(hosts) = &self.conditional_users {
            body["conditionalUsers"] = hosts.as_str().into();
        }
        body
    }
}

impl Serialize for SecondaryAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut item = serializer.serialize_map(Some(2))?;
        match custom_field_id(&self.question) {
            Some(id) => item.serialize_entry("customFieldId", &id)?,
            None => item.serialize_entry("identifier", &self.question)?,
        }
        item.serialize_entry("answer", &self.answer)?;
        item.end()
    }
}

fn custom_field_id(question: &str) -> Option<i64> {
    let is_number = question.bytes().all(|byte| byte.is_ascii_digit());
    question.parse().ok().filter(|_| is_number)
}

impl InviteeAnswers {
    pub(super) fn body(&self) -> Value {
        let typed = [
            ("EMAIL", &self.email),
            ("PHONE_NO", &self.phone_number),
            ("FIRST_NAME", &self.first_name),
            ("LAST_NAME", &self.last_name),
        ];
        let typed = typed.into_iter().filter_map(|(kind, answer)| {
            answer
                .as_ref()
                .map(|answer| json!({ "type": kind, "answer": answer }))
        });
        json!({
            "linkPrefix": self.link_prefix,
            "contactId": self.contact_id,
            "inviteeQuestionAnswers": typed.collect::<Vec<_>>(),
            "secondaryQuestionsAnswer": self.secondary_questions_answer,
        })
    }
}

impl CallQuery {
    /// The list's defaults are not documented, so everything that has one is said.
    pub(super) fn pairs(&self) -> Vec<(&'static str, String)> {
        let asked = [
            ("ids", self.id.map(|id| id.to_string())),
            ("inviteeEmails", self.invitee_email.clone()),
            ("search", self.search.clone()),
            ("dateFrom", self.date_from.map(|day| day.to_string())),
            ("dateTo", self.date_to.map(|day| day.to_string())),
            ("createdAtStart", self.created_at_start.map(utc_seconds)),
            ("types", self.types.clone()),
        ];
        let asked = asked
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| (name, value)));
        let always = [
            ("eventType", "ALL"),
            ("orderColumn", "createdAt"),
            ("orderBy", "desc"),
            ("limit", "100"),
            ("page", "0"),
        ];
        asked
            .chain(always.map(|(name, value)| (name, value.to_owned())))
            .collect()
    }
}

/// `2026-12-01T15:00:00.000Z`: the vendor's pattern takes no numeric offset.
fn utc_seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

fn as_utc_seconds<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&utc_seconds(*at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(question: &str) -> SecondaryAnswer {
        SecondaryAnswer {
            question: question.to_owned(),
            answer: vec!["5k+".to_owned()],
        }
    }

    #[test]
    fn an_instant_is_written_in_utc_with_z() {
        for (at, expected) in [
            ("2026-12-01T16:00:00+01:00", "2026-12-01T15:00:00.000Z"),
            ("2026-12-01T15:00:00.999Z", "2026-12-01T15:00:00.000Z"),
            ("0987-02-03T04:05:06Z", "0987-02-03T04:05:06.000Z"),
        ] {
            assert_eq!(utc_seconds(at.parse().unwrap()), expected);
        }
    }

    #[test]
    fn a_bare_call_leaves_out_what_it_does_not_know() {
        let mut call = NewCall {
            date_time: "2026-12-01T15:00:00Z".parse().unwrap(),
            time_zone: "Europe/Oslo".to_owned(),
            link_prefix: "acme/Intro".to_owned(),
            contact_id: None,
            email: Some("kim@lead.example".to_owned()),
            phone_number: None,
            first_name: None,
            last_name: None,
            secondary_questions_answer: Vec::new(),
            conditional_users: None,
            additional_guests: Vec::new(),
        };
        let bare = json!({ "dateTime": "2026-12-01T15:00:00.000Z", "timeZone": "Europe/Oslo",
            "linkPrefix": "acme/Intro", "email": "kim@lead.example", "secondaryQuestionsAnswer": [] });
        assert_eq!(serde_json::to_value(&call).unwrap(), bare);

        call.contact_id = Some(4_600_012);
        call.phone_number = Some("+4790000000".to_owned());
        call.first_name = Some("Kim".to_owned());
        call.last_name = Some("Ek".to_owned());
        call.secondary_questions_answer = vec![answer("42"), answer("budget")];
        call.conditional_users = Some("1,2".to_owned());
        call.additional_guests = vec![Guest {
            email: "bo@lead.example".to_owned(),
            name: None,
        }];
        let full = json!({ "dateTime": "2026-12-01T15:00:00.000Z", "timeZone": "Europe/Oslo",
            "linkPrefix": "acme/Intro", "contactId": 4_600_012, "email": "kim@lead.example",
            "phoneNumber": "+4790000000", "firstName": "Kim", "lastName": "Ek",
            "secondaryQuestionsAnswer": [{"customFieldId": 42, "answer": ["5k+"]},
                {"identifier": "budget", "answer": ["5k+"]}],
            "conditionalUsers": "1,2", "additionalGuests": [{"email": "bo@lead.example"}] });
        assert_eq!(serde_json::to_value(&call).unwrap(), full);
    }

    #[test]
    fn a_question_of_digits_is_a_custom_field_and_any_other_an_identifier() {
        for (question, expected) in [
            ("42", Some(42)),
            ("+42", None),
            ("4 2", None),
            ("", None),
            ("q42", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(custom_field_id(question), expected, "{question}");
        }
    }

    #[test]
    fn an_unknown_contact_detail_is_left_out() {
        let contact = NewContact {
            phone_number: Some("+4790000000".to_owned()),
            status: Some(ContactStatus::Potential),
            ..NewContact::default()
        };
        let expected = json!({ "phoneNumber": "+4790000000", "status": "POTENTIAL" });
        assert_eq!(serde_json::to_value(&contact).unwrap(), expected);
    }

    #[test]
    fn invitee_answers_are_typed_items() {
        let answers = InviteeAnswers {
            link_prefix: "acme/intro".to_owned(),
            contact_id: 7,
            email: Some("kim@lead.example".to_owned()),
            phone_number: None,
            first_name: Some("Kim".to_owned()),
            last_name: None,
            secondary_questions_answer: vec![answer("budget")],
        };
        let expected = json!({ "linkPrefix": "acme/intro", "contactId": 7,
            "inviteeQuestionAnswers": [{"type": "EMAIL", "answer": "kim@lead.example"},
                {"type": "FIRST_NAME", "answer": "Kim"}],
            "secondaryQuestionsAnswer": [{"identifier": "budget", "answer": ["5k+"]}] });
        assert_eq!(answers.body(), expected);
    }

    #[test]
    fn slots_are_asked_for_in_utc() {
        let mut asked = EventDates {
            link_prefix: "acme/intro".to_owned(),
            current_date: "2026-12-01".parse().unwrap(),
            conditional_users: None,
        };
        let mut expected =
            json!({ "linkPrefix": "acme/intro", "timeZone": "UTC", "currentDate": "2026-12-01" });
        assert_eq!(asked.body(), expected);
        asked.conditional_users = Some("1,2".to_owned());
        expected["conditionalUsers"] = json!("1,2");
        assert_eq!(asked.body(), expected);
    }
}
