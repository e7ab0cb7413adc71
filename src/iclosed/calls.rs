//! Calls as the vendor lists them, and whether one of them is the call somebody asked for.

use std::fmt;

use jiff::{Timestamp, ToSpan};
use serde_json::Value;

use super::error::CallError;
use super::read;

/// So many equal last digits make two phones one; the vendor keeps numbers as typed, some with a trunk zero.
const SAME_DIGITS: usize = 8;

/// One call of a list. `Debug` shows its id and time only.
#[derive(Clone, PartialEq)]
pub struct ListedCall {
    /// The vendor's id of the call.
    pub id: i64,
    starts_at: Option<Timestamp>,
    minutes: Option<i64>,
    invitee_email: Option<String>,
    invitee_phone: Option<String>,
    link_prefix: Option<String>,
    event_id: Option<i64>,
    host_name: Option<String>,
    cancelled: bool,
    outcome: Option<&'static str>,
}

/// The calls of a list; items without an id are left out.
pub(super) fn calls(body: &Value) -> Result<Vec<ListedCall>, CallError> {
    let data = &body["data"];
    let Some(items) = data["eventCalls"].as_array().or_else(|| data.as_array()) else {
        return Err(CallError::unknown("the calls are not a list"));
    };
    Ok(items.iter().filter_map(ListedCall::read).collect())
}

impl ListedCall {
    /// `email`, `firstName` and `lastName` are the host's, and `dateTime` is in a zone that nothing names, so the
    /// invitee's own fields and `dateTimeUTC` are read. The event stands flat or nested; both were seen.
    fn read(item: &Value) -> Option<Self> {
        let event = &item["event"];
        let first = |values: [&Value; 2]| values.into_iter().find_map(read::text);
        let names: Vec<String> = [&item["firstName"], &item["lastName"]]
            .into_iter()
            .filter_map(read::text)
            .collect();
        let cancelled = ["cancelledBy", "cancelReason", "deletedAt"];
        Some(Self {
            id: read::id(&item["id"]).or_else(|| read::id(&item["callId"]))?,
            starts_at: item["dateTimeUTC"].as_str().and_then(read::utc_instant),
            minutes: minutes(&item["duration"], &item["durationUnit"]),
            invitee_email: read::text(&item["inviteeEmail"]),
            invitee_phone: read::text(&item["phoneNumber"]),
            link_prefix: first([&item["linkPrefix"], &event["linkPrefix"]]),
            event_id: read::id(&item["eventId"]).or_else(|| read::id(&event["id"])),
            host_name: (!names.is_empty()).then(|| names.join(" ")),
            cancelled: cancelled.iter().any(|name| !read::is_blank(&item[*name])),
            outcome: outcome(item),
        })
    }

    /// Whether this is the call of that invitee, at that instant (to the second), of that event, and not cancelled.
    /// The phone decides only where one side has no email.
    pub fn matches(
        &self,
        email: Option<&str>,
        phone: Option<&str>,
        instant: Timestamp,
        link_prefix: &str,
        event_id: Option<i64>,
    ) -> bool {
        let is_same_time = self
            .starts_at
            .is_some_and(|at| at.as_second() == instant.as_second());
        !self.cancelled
            && is_same_time
            && self.is_of_invitee(email, phone)
            && self.is_of_event(link_prefix, event_id)
    }

    fn is_of_invitee(&self, email: Option<&str>, phone: Option<&str>) -> bool {
        match (&self.invitee_email, email) {
            (Some(theirs), Some(ours)) => theirs.eq_ignore_ascii_case(ours.trim()),
            _ => match (&self.invitee_phone, phone) {
                (Some(theirs), Some(ours)) => is_same_phone(theirs, ours),
                _ => false,
            },
        }
    }

    /// What cannot be compared is accepted: the invitee and the instant have matched already.
    fn is_of_event(&self, link_prefix: &str, event_id: Option<i64>) -> bool {
        let by_link = self
            .link_prefix
            .as_deref()
            .map(|theirs| theirs.eq_ignore_ascii_case(link_prefix));
        let by_id = self
            .event_id
            .zip(event_id)
            .map(|(theirs, ours)| theirs == ours);
        match (by_link, by_id) {
            (None, None) => true,
            (by_link, by_id) => by_link == Some(true) || by_id == Some(true),
        }
    }

    /// When the call ends, if its length is told in minutes or hours.
    pub fn end_time(&self) -> Option<Timestamp> {
        self.starts_at?.checked_add(self.minutes?.minutes()).ok()
    }

    /// When the call begins.
    pub fn start_time(&self) -> Option<Timestamp> {
        self.starts_at
    }

    /// Whether the call was called off.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled
    }

    /// What came of the call, one of the vendor's own words; `other` for a word that is not known.
    pub fn outcome(&self) -> Option<&'static str> {
        self.outcome
    }

    /// The host's first and last name.
    pub fn host_name(&self) -> Option<String> {
        self.host_name.clone()
    }
}

/// The words by which the vendor lists calls by their outcome.
const OUTCOMES: [&str; 8] = [
    "WON",
    "NO_SALE",
    "QUALIFIED",
    "UNQUALIFIED",
    "PENDING",
    "APPROVED",
    "REJECTED",
    "PENDING_OUTCOME",
];

/// The newest task that has an outcome tells it. A word of the account's own may hold anything, so it is not repeated.
fn outcome(item: &Value) -> Option<&'static str> {
    let word = match &item["task"] {
        Value::Array(tasks) => tasks
            .iter()
            .rev()
            .find_map(|task| read::text(&task["outcome"])),
        task => read::text(&task["outcome"]),
    }?;
    let known = OUTCOMES
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(&word));
    Some(known.unwrap_or("other"))
}

/// A length of one minute to one week.
fn minutes(duration: &Value, unit: &Value) -> Option<i64> {
    let in_unit = match unit.as_str()?.trim().to_ascii_lowercase().as_str() {
        "minute" | "minutes" => 1,
        "hour" | "hours" => 60,
        _ => return None,
    };
    let minutes = read::id(duration)?.checked_mul(in_unit)?;
    (minutes <= 7 * 24 * 60).then_some(minutes)
}

fn is_same_phone(one: &str, other: &str) -> bool {
    let reversed = |phone: &str| {
        phone
            .bytes()
            .rev()
            .filter(u8::is_ascii_digit)
            .collect::<Vec<u8>>()
    };
    let (one, other) = (reversed(one), reversed(other));
    let same = one
        .iter()
        .zip(&other)
        .take_while(|(one, other)| one == other)
        .count();
    same >= SAME_DIGITS || (same > 0 && one == other)
}

impl fmt::Debug for ListedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListedCall")
            .field("id", &self.id)
            .field("starts_at", &self.starts_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item() -> Value {
        json!({
            "id": 1_900_321, "firstName": "Ida", "lastName": "Moe", "email": "ida@host.example",
            "inviteeEmail": "Kim@Lead.example", "phoneNumber": "+49 (0)151 2345 6789",
            "dateTime": "2026-12-01 16:00:00.000", "dateTimeUTC": "2026-12-01T15:00:00.000Z",
            "duration": 30, "durationUnit": "MINUTES", "linkPrefix": "acme/intro", "eventId": 777,
            "rescheduledBy": null, "cancelledBy": null, "cancelReason": "", "deletedAt": null,
        })
    }

    fn changed(changes: Value) -> ListedCall {
        let mut item = item();
        for (name, value) in changes.as_object().unwrap() {
            item[name] = value.clone();
        }
        ListedCall::read(&item).unwrap()
    }

    #[test]
    fn a_call_is_known_by_invitee_instant_and_event() {
        for (changes, expected) in [
            (json!({}), true),
            (json!({"inviteeEmail": "bo@lead.example"}), false),
            (
                json!({"inviteeEmail": "bo@lead.example", "email": "kim@lead.example"}),
                false,
            ),
            (json!({"inviteeEmail": null}), true),
            (json!({"inviteeEmail": null, "phoneNumber": null}), false),
            (json!({"dateTimeUTC": "2026-12-01T15:00:00.400Z"}), true),
            (json!({"dateTimeUTC": "2026-12-01T15:30:00.000Z"}), false),
            (json!({"dateTimeUTC": "2026-12-01 15:00:00.000"}), true),
            (
                json!({"dateTimeUTC": null, "dateTime": "2026-12-01T15:00:00Z"}),
                false,
            ),
            (json!({"linkPrefix": "Acme/Intro", "eventId": null}), true),
            (json!({"linkPrefix": "acme/other", "eventId": null}), false),
            (json!({"linkPrefix": "acme/renamed"}), true),
            (json!({"linkPrefix": null, "eventId": 778}), false),
            (json!({"linkPrefix": null, "eventId": null}), true),
            (
                json!({"linkPrefix": null, "eventId": null, "event": {"linkPrefix": "acme/intro"}}),
                true,
            ),
            (
                json!({"linkPrefix": null, "eventId": null, "event": {"linkPrefix": "acme/other"}}),
                false,
            ),
            (json!({"cancelledBy": "kim"}), false),
            (json!({"cancelledBy": {"id": 4}}), false),
            (json!({"cancelReason": "ill"}), false),
            (json!({"deletedAt": "2026-11-30T00:00:00Z"}), false),
            (json!({"rescheduledBy": "kim"}), true),
        ] {
            let call = changed(changes.clone());
            let instant = "2026-12-01T15:00:00Z".parse().unwrap();
            let phone = Some("+4915123456789");
            let matches = call.matches(
                Some("kim@lead.example"),
                phone,
                instant,
                "acme/intro",
                Some(777),
            );
            assert_eq!(matches, expected, "{changes}");
        }
    }

    #[test]
    fn a_lead_without_email_is_known_by_phone() {
        let call = changed(json!({}));
        let instant = "2026-12-01T15:00:00Z".parse().unwrap();
        let matches = |phone| call.matches(None, phone, instant, "acme/intro", None);
        assert!(matches(Some("+4915123456789")));
        assert!(!matches(Some("+4915123456780")));
        assert!(!matches(None));
    }

    #[test]
    fn an_event_known_by_nothing_comparable_is_accepted() {
        let call = changed(json!({"linkPrefix": null}));
        assert!(call.is_of_event("acme/intro", None));
    }

    #[test]
    fn phones_are_compared_from_the_end() {
        for (one, other, expected) in [
            ("+49 0151 23456789", "+4915123456789", true),
            ("0151 23456789", "+4915123456789", true),
            ("23456789", "+4915123456789", true),
            ("3456789", "+4915123456789", false),
            ("+683 4000", "6834000", true),
            ("4000", "6834000", false),
            ("", "", false),
            ("n/a", "n/a", false),
        ] {
            assert_eq!(is_same_phone(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn the_end_is_told_by_a_length_with_a_unit() {
        for (changes, expected) in [
            (json!({}), Some("2026-12-01T15:30:00Z")),
            (json!({"duration": "45"}), Some("2026-12-01T15:45:00Z")),
            (
                json!({"duration": 1, "durationUnit": "HOURS"}),
                Some("2026-12-01T16:00:00Z"),
            ),
            (json!({"durationUnit": "DAYS"}), None),
            (json!({"durationUnit": null}), None),
            (json!({"duration": 0}), None),
            (json!({"duration": i64::MAX, "durationUnit": "hours"}), None),
            (json!({"dateTimeUTC": null}), None),
        ] {
            let expected: Option<Timestamp> = expected.map(|at| at.parse().unwrap());
            assert_eq!(changed(changes.clone()).end_time(), expected, "{changes}");
        }
    }

    #[test]
    fn an_outcome_is_one_of_the_vendors_words_or_other() {
        for (changes, expected) in [
            (json!({}), None),
            (json!({"task": []}), None),
            (json!({"task": [{"id": 5, "outcome": null}]}), None),
            (json!({"task": [{"outcome": "WON"}]}), Some("WON")),
            (
                json!({"task": [{"outcome": "no_sale"}, {"outcome": ""}]}),
                Some("NO_SALE"),
            ),
            (json!({"task": {"outcome": "QUALIFIED"}}), Some("QUALIFIED")),
            (
                json!({"task": [{"outcome": "Kim was rude"}]}),
                Some("other"),
            ),
            (json!({"task": 7}), None),
        ] {
            assert_eq!(changed(changes.clone()).outcome(), expected, "{changes}");
        }
    }

    #[test]
    fn the_names_are_the_hosts() {
        assert_eq!(changed(json!({})).host_name().as_deref(), Some("Ida Moe"));
        assert_eq!(
            changed(json!({"firstName": " "})).host_name().as_deref(),
            Some("Moe")
        );
        assert_eq!(
            changed(json!({"firstName": null, "lastName": null})).host_name(),
            None
        );
    }

    #[test]
    fn a_list_is_read_and_anything_else_is_unknown_not_empty() {
        let body = json!({"data": {"eventCalls": [item(), {"callId": "5"}, {}, null], "count": 4}});
        let ids: Vec<_> = calls(&body).unwrap().iter().map(|call| call.id).collect();
        assert_eq!(ids, [1_900_321, 5]);
        assert_eq!(calls(&json!({"data": []})), Ok(Vec::new()));
        for body in [
            json!({}),
            json!([]),
            json!({"data": {}}),
            json!({"data": {"eventCalls": null}}),
        ] {
            assert!(
                matches!(calls(&body), Err(CallError::Unknown { .. })),
                "{body}"
            );
        }
    }

    #[test]
    fn what_is_shown_of_a_call_names_nobody() {
        let shown = format!("{:?}", changed(json!({})));
        assert!(
            !shown.to_lowercase().contains("kim") && !shown.contains("Moe"),
            "{shown}"
        );
    }
}
