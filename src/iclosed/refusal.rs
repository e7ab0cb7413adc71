//! Telling refusals apart. Which words the vendor uses for a taken slot, a disqualified invitee or a repeated booking
//! is not documented (www.iclosed.io/api), so the words are data, and an operator's come first.

use std::fmt;

use super::complaint::{Complaint, comparable};

/// A request that was understood and not granted. It changed nothing at the vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status, 400 to 499.
    pub status: u16,
    /// What the refusal is about.
    pub kind: RefusalKind,
    /// The vendor's word for programs.
    pub code: Option<String>,
    /// The vendor's words for people: at most 200 characters, addresses and numbers masked.
    pub message: Option<String>,
    /// The names of the request's fields that are blamed.
    pub fields: Vec<String>,
}

impl Refusal {
    /// Whether this may be how a refused key looks to a request that writes: a bare 403. A firewall that dislikes what
    /// one lead typed answers the same, so only another request can tell.
    pub fn may_be_the_key(&self) -> bool {
        self.status == 403 && self.kind == RefusalKind::Fields
    }
}

/// What a refusal is about. A variant is a reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// Who the invitee is or what was answered: the same fields are refused again at any time.
    Fields,
    /// The time, or nothing that is explained: another time may do.
    Slot,
    /// The event's rules turn the invitee away.
    Disqualified,
    /// The event is unknown or deactivated.
    EventGone,
    /// The vendor says that the call exists already.
    Duplicate,
}

/// Words that say plainly what a refusal is about, in the order they are looked for.
const RULES: [(&str, RefusalKind); 18] = [
    ("disqualif", RefusalKind::Disqualified),
    ("unqualified", RefusalKind::Disqualified),
    ("not qualified", RefusalKind::Disqualified),
    ("does not qualify", RefusalKind::Disqualified),
    ("event not found", RefusalKind::EventGone),
    ("event does not exist", RefusalKind::EventGone),
    ("event is deactivated", RefusalKind::EventGone),
    ("event deactivated", RefusalKind::EventGone),
    ("event is inactive", RefusalKind::EventGone),
    ("event inactive", RefusalKind::EventGone),
    ("event is not active", RefusalKind::EventGone),
    ("already has a call", RefusalKind::Duplicate),
    ("already have a call", RefusalKind::Duplicate),
    ("already booked a call", RefusalKind::Duplicate),
    ("existing call", RefusalKind::Duplicate),
    ("call already exists", RefusalKind::Duplicate),
    ("duplicate call", RefusalKind::Duplicate),
    ("duplicate booking", RefusalKind::Duplicate),
];

/// Fields that do not get better at another time.
const OF_THE_INVITEE: [&str; 8] = [
    "email",
    "phoneNumber",
    "firstName",
    "lastName",
    "contactId",
    "secondaryQuestionsAnswer",
    "additionalGuests",
    "timeZone",
];

/// Fields that name the event.
const OF_THE_EVENT: [&str; 2] = ["linkPrefix", "eventId"];

/// What a refusal is about: by an operator's words, else by the plain words known here, else by the fields blamed.
/// What nobody explains is about the slot.
pub(super) fn kind(complaint: &Complaint, rules: &[(String, RefusalKind)]) -> RefusalKind {
    let blames = |names: &[&str]| {
        complaint
            .fields
            .iter()
            .any(|field| names.contains(&field.as_str()))
    };
    ruled(complaint, rules)
        .or_else(|| plain(complaint))
        .unwrap_or_else(|| {
            if blames(&OF_THE_INVITEE) {
                RefusalKind::Fields
            } else if blames(&OF_THE_EVENT) {
                RefusalKind::EventGone
            } else {
                RefusalKind::Slot
            }
        })
}

/// What an operator's words say of it. A rule holds when its text stands anywhere in what was said, whatever the case.
pub(super) fn ruled(complaint: &Complaint, rules: &[(String, RefusalKind)]) -> Option<RefusalKind> {
    let holds = |text: &str| {
        let text = comparable(text);
        !text.trim().is_empty() && complaint.words.contains(&text)
    };
    rules
        .iter()
        .find(|(text, _)| holds(text))
        .map(|(_, kind)| *kind)
}

/// What the plain words known here say of it.
pub(super) fn plain(complaint: &Complaint) -> Option<RefusalKind> {
    RULES
        .iter()
        .find(|(text, _)| complaint.words.contains(text))
        .map(|(_, kind)| *kind)
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.status)?;
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        if let Some(code) = &self.code {
            write!(f, " [{code}]")?;
        }
        if !self.fields.is_empty() {
            write!(f, " (fields: {})", self.fields.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(words: &str, fields: &[&str]) -> Complaint {
        Complaint {
            words: comparable(words),
            fields: fields.iter().map(|&field| field.to_owned()).collect(),
            ..Complaint::default()
        }
    }

    #[test]
    fn words_go_before_fields_and_the_unexplained_is_the_slots() {
        for (words, fields, expected) in [
            ("", &[][..], RefusalKind::Slot),
            ("Bad request", &[], RefusalKind::Slot),
            ("Slot no longer available", &[], RefusalKind::Slot),
            ("Slot already booked", &[], RefusalKind::Slot),
            ("Invalid request", &["dateTime"], RefusalKind::Slot),
            ("Invalid request", &["somethingNew"], RefusalKind::Slot),
            ("Invalid request", &["email"], RefusalKind::Fields),
            (
                "Invalid request",
                &["dateTime", "timeZone"],
                RefusalKind::Fields,
            ),
            (
                "Invalid request",
                &["linkPrefix", "phoneNumber"],
                RefusalKind::Fields,
            ),
            ("Invalid request", &["linkPrefix"], RefusalKind::EventGone),
            (
                "Invitee is Disqualified",
                &["email"],
                RefusalKind::Disqualified,
            ),
            ("x\nINVITEE_DISQUALIFIED", &[], RefusalKind::Disqualified),
            ("This event is not active.", &[], RefusalKind::EventGone),
            ("EVENT_NOT_FOUND", &[], RefusalKind::EventGone),
            (
                "Contact already has a call at this time",
                &[],
                RefusalKind::Duplicate,
            ),
            ("EXISTING_CALL", &[], RefusalKind::Duplicate),
        ] {
            assert_eq!(
                kind(&said(words, fields), &[]),
                expected,
                "{words} {fields:?}"
            );
        }
    }

    #[test]
    fn every_invitee_field_alone_is_a_matter_of_fields() {
        for field in OF_THE_INVITEE {
            assert_eq!(
                kind(&said("", &[field]), &[]),
                RefusalKind::Fields,
                "{field}"
            );
        }
    }

    #[test]
    fn an_operators_words_go_before_all_and_an_empty_rule_never_holds() {
        let rules = [
            (" ".to_owned(), RefusalKind::EventGone),
            ("Calendar Full".to_owned(), RefusalKind::Disqualified),
            ("disqualified".to_owned(), RefusalKind::Slot),
        ];
        let kind = |words| kind(&said(words, &["email"]), &rules);
        assert_eq!(kind("CALENDAR_FULL today"), RefusalKind::Disqualified);
        assert_eq!(kind("disqualified"), RefusalKind::Slot);
        assert_eq!(kind("something else"), RefusalKind::Fields);
    }

    #[test]
    fn every_known_rule_is_written_in_the_form_it_is_compared_in_and_can_be_reached() {
        for (text, expected) in RULES {
            assert_eq!(text, comparable(text));
            assert_eq!(plain(&said(text, &[])), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_refusal_is_shown_with_all_it_knows() {
        let mut refusal = Refusal {
            status: 400,
            kind: RefusalKind::Fields,
            code: Some("INVALID".to_owned()),
            message: Some("Invalid request".to_owned()),
            fields: vec!["email".to_owned(), "timeZone".to_owned()],
        };
        let shown = "status 400: Invalid request [INVALID] (fields: email, timeZone)";
        assert_eq!(refusal.to_string(), shown);
        (refusal.code, refusal.message, refusal.fields) = (None, None, Vec::new());
        assert_eq!(refusal.to_string(), "status 400");
    }
}
