//! Webhooks: what happened, to which call, to whom. Nothing else of a delivery is read, because nothing of it is
//! believed: whoever acts on one asks the API.
//!
//! The vendor's pages name each happening in several ways (its documents, its landing page, its FAQ at
//! www.iclosed.io/api, and the payload's own `hookType`), and show the body as an array where receivers in use read
//! an object. All of it is taken.

use std::fmt;

use serde_json::Value;

use super::read;

/// What happened, as far as it is of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HookKind {
    /// A call was made.
    Booked,
    /// A call was moved.
    Rescheduled,
    /// A call was called off.
    Cancelled,
    /// Somebody noted what came of a call, or that it took place.
    Outcome,
    /// A contact was made or changed.
    Contact,
    /// Anything else.
    Unknown,
}

impl HookKind {
    /// The word for logs.
    pub fn as_str(self) -> &'static str {
        match self {
            HookKind::Booked => "booked",
            HookKind::Rescheduled => "rescheduled",
            HookKind::Cancelled => "cancelled",
            HookKind::Outcome => "outcome",
            HookKind::Contact => "contact",
            HookKind::Unknown => "unknown",
        }
    }
}

/// One happening. `Debug` shows whether there is a person, never who.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Hook {
    /// What happened.
    pub kind: HookKind,
    /// The vendor's id of the call.
    pub call_id: Option<i64>,
    /// The invitee's address, as the vendor has it.
    pub email: Option<String>,
    /// The invitee's number, as the vendor has it.
    pub phone: Option<String>,
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook")
            .field("kind", &self.kind)
            .field("call_id", &self.call_id)
            .field("email", &self.email.is_some())
            .field("phone", &self.phone.is_some())
            .finish()
    }
}

/// Where a happening is named. `event_type` and `event` are groups in the vendor's own shape and words in others.
const NAMES: [&str; 10] = [
    "hookType",
    "hook_type",
    "event_type",
    "eventType",
    "trigger",
    "triggerId",
    "trigger_id",
    "triggerType",
    "event",
    "type",
];

/// Groups that may stand around the happening's own fields.
const WRAPPERS: [&str; 3] = ["data", "payload", "body"];

/// The happenings of a body, in order: an array, or one object. `None`: it is neither.
pub fn hooks(body: &[u8]) -> Option<Vec<Hook>> {
    match read::json(body)? {
        Value::Array(items) => Some(
            items
                .iter()
                .filter(|item| item.is_object())
                .map(hook)
                .collect(),
        ),
        item @ Value::Object(_) => Some(vec![hook(&item)]),
        _ => None,
    }
}

/// What a name means, whichever of the vendor's vocabularies it is from: compared in lower case, without spaces,
/// dots, `_` and `-`.
pub fn kind(name: &str) -> HookKind {
    let plain: String = name
        .chars()
        .filter(|letter| !matches!(letter, ' ' | '.' | '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect();
    match plain.as_str() {
        "newcallscheduled" | "callscheduled" | "callbooked" => HookKind::Booked,
        "callrescheduled" => HookKind::Rescheduled,
        "callcancelled" | "callcanceled" => HookKind::Cancelled,
        "calloutcome" | "calloutcomeadded" | "outcomeadded" | "outcomerecorded"
        | "callcompleted" => HookKind::Outcome,
        "newcontactcreated"
        | "contactcreated"
        | "contactdetailchanged"
        | "contactupdated"
        | "contactbystatus"
        | "contactstatuschanged" => HookKind::Contact,
        _ => HookKind::Unknown,
    }
}

fn hook(item: &Value) -> Hook {
    let wrapped = WRAPPERS.iter().map(|name| match &item[*name] {
        Value::Array(items) => items.first().unwrap_or(&Value::Null),
        other => other,
    });
    let layers: Vec<&Value> = std::iter::once(item)
        .chain(wrapped)
        .filter(|layer| layer.is_object())
        .collect();
    let kind = layers
        .iter()
        .flat_map(|layer| NAMES.iter().filter_map(|name| layer[*name].as_str()))
        .map(kind)
        .find(|kind| *kind != HookKind::Unknown)
        .unwrap_or(HookKind::Unknown);
    let first = |pointers: &[&str]| {
        let values = layers
            .iter()
            .flat_map(|layer| pointers.iter().filter_map(|pointer| layer.pointer(pointer)));
        values
            .filter(|value| !read::is_blank(value))
            .collect::<Vec<_>>()
    };
    let call = first(&[
        "/event/uuid",
        "/eventCallId",
        "/event_call_id",
        "/callId",
        "/call_id",
        "/call/id",
        "/uuid",
        "/id",
    ]);
    let email = first(&[
        "/invitee/email",
        "/inviteeEmail",
        "/contact/email",
        "/email",
    ]);
    let phone = first(&[
        "/invitee/phoneNumber",
        "/invitee/text_reminder_number",
        "/contact/phoneNumber",
        "/phoneNumber",
        "/phone",
    ]);
    Hook {
        kind,
        call_id: match kind {
            // There `id` is the contact's.
            HookKind::Contact | HookKind::Unknown => None,
            _ => call.into_iter().find_map(read::id),
        },
        email: email.into_iter().find_map(read::text),
        phone: phone.into_iter().find_map(read::text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_spelling_of_every_vocabulary_is_known() {
        for (kind_of, spellings) in [
            (
                HookKind::Booked,
                &[
                    "newCallScheduled",
                    "callBooked",
                    "call.booked",
                    "Call booked",
                    "CALL_BOOKED",
                ][..],
            ),
            (
                HookKind::Cancelled,
                &[
                    "callCancelled",
                    "call.cancelled",
                    "Call canceled",
                    "call-canceled",
                    "CallCanceled",
                ],
            ),
            (
                HookKind::Rescheduled,
                &["callRescheduled", "call.rescheduled", "Call rescheduled"],
            ),
            (
                HookKind::Outcome,
                &[
                    "callOutcome",
                    "outcomeAdded",
                    "call.outcome_added",
                    "outcome.recorded",
                    "Outcome added",
                    "call.completed",
                ],
            ),
            (
                HookKind::Contact,
                &[
                    "newContactCreated",
                    "contact.created",
                    "Contact created",
                    "contactDetailChanged",
                    "contactUpdated",
                    "contact.updated",
                    "Contact updated",
                    "contactByStatus",
                    "contact.status_changed",
                ],
            ),
            (
                HookKind::Unknown,
                &[
                    "",
                    "deal.created",
                    "transaction.updated",
                    "call",
                    "callBookedTwice",
                    "🎉",
                ],
            ),
        ] {
            for spelling in spellings {
                assert_eq!(kind(spelling), kind_of, "{spelling}");
            }
        }
    }

    #[test]
    fn a_name_is_found_wherever_it_stands() {
        for item in [
            json!({"hookType": "Call canceled"}),
            json!({"event_type": "callCancelled"}),
            json!({"event_type": {"uuid": "7", "type": "STRATEGY_EVENT"}, "hookType": "Call canceled"}),
            json!({"event": "call.cancelled", "data": {"id": 7}}),
            json!({"data": [{"hookType": "Call canceled"}]}),
            json!({"type": "STRATEGY_EVENT", "trigger": "callCancelled"}),
        ] {
            assert_eq!(hook(&item).kind, HookKind::Cancelled, "{item}");
        }
    }

    #[test]
    fn a_call_is_named_by_number_or_text_and_never_by_the_contact() {
        for (item, expected) in [
            (
                json!({"hookType": "Call booked", "event": {"uuid": "1900321"}}),
                Some(1_900_321),
            ),
            (
                json!({"hookType": "Call booked", "event": {"uuid": 1_900_321}}),
                Some(1_900_321),
            ),
            (
                json!({"hookType": "Outcome added", "uuid": "1900321", "eventId": 7}),
                Some(1_900_321),
            ),
            (
                json!({"event": "call.booked", "data": {"id": 1_900_321}}),
                Some(1_900_321),
            ),
            (
                json!({"hookType": "Call booked", "event": {"uuid": "a-b-c"}}),
                None,
            ),
            (json!({"hookType": "Call booked"}), None),
            (
                json!({"hookType": "Contact updated", "id": 4_600_012}),
                None,
            ),
        ] {
            assert_eq!(hook(&item).call_id, expected, "{item}");
        }
    }

    #[test]
    fn an_array_of_any_length_and_an_object_are_bodies() {
        let one = json!({"hookType": "Call booked", "invitee": {"email": "kim@lead.example"}});
        let read = |body: Value| hooks(body.to_string().as_bytes());
        assert_eq!(read(one.clone()).unwrap().len(), 1);
        assert_eq!(
            read(json!([one.clone(), 7, null, one.clone()]))
                .unwrap()
                .len(),
            2
        );
        assert_eq!(read(json!(vec![one; 500])).unwrap().len(), 500);
        assert_eq!(read(json!([])), Some(Vec::new()));
        for body in [&b"7"[..], b"null", b"", b"{", b"\"Call booked\""] {
            assert_eq!(hooks(body), None);
        }
    }

    #[test]
    fn what_is_shown_of_a_hook_names_nobody() {
        let item = json!({"hookType": "Call booked", "email": "kim@lead.example", "phoneNumber": "+4790000000"});
        let shown = format!("{:?}", hook(&item));
        assert!(!shown.contains("kim") && !shown.contains("479"), "{shown}");
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            hooks(&body);
        }

        #[test]
        fn no_values_are_too_strange(
            name in ".*", id in any::<i64>(), text in ".*",
            pointer in proptest::sample::select(vec!["event", "invitee", "data", "uuid", "id", "hookType"]),
        ) {
            let mut item = json!({"hookType": name, "uuid": id, "email": text});
            item[pointer] = json!([text, id, {"uuid": text, "email": id}]);
            let found = hooks(item.to_string().as_bytes()).unwrap();
            prop_assert!(found.iter().all(|hook| hook.call_id.is_none_or(|id| id > 0)));
        }
    }
}
