//! `[sources.*]`: where leads come from, and what is to happen to them.
//!
//! Owns what every source has. What only one kind has is in [`SourceKind`].

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use secrecy::SecretString;

use super::fault::Problem;
use super::kind::SourceKind;
use super::secret;
use super::section::{Section, one_of};
use crate::lead::{Lane, SlotPolicy};

/// One source of leads.
#[derive(Clone, Debug)]
pub struct Source {
    /// As in the settings, in lower case.
    pub name: String,
    /// Who delivers, and how it proves itself.
    pub kind: SourceKind,
    /// The name of an account in the settings.
    pub account: String,
    /// The event booked, as iClosed's `username/event-name`. Case counts.
    pub link_prefix: String,
    /// iClosed's number of that event.
    pub event_id: Option<i64>,
    /// Other events that a lead may name.
    pub allowed_events: Vec<String>,
    /// Which leads go first.
    pub lane: Lane,
    /// What to do when the lead names no time, or it is gone.
    pub slot: SlotPolicy,
    /// Never book sooner than this, 0 to 43 200 (30 days).
    pub min_notice_minutes: u32,
    /// Never book later than this, 1 to 365.
    pub max_days_ahead: u32,
    /// Hours that are taken before others, in the lead's time zone.
    pub preferred_hours: Option<PreferredHours>,
    /// Who counts as having come before.
    pub duplicates: Duplicates,
    /// How long an answer is held back for the booking when the caller does not say, at most 25 s.
    pub wait: Duration,
    /// What must stand in `?token=` or `X-Leadgate-Token`.
    pub token: Option<SecretString>,
    /// ISO 3166-1 alpha-2, in upper case: the country of phone numbers written without one.
    pub default_region: Option<String>,
    /// IANA name, for leads that do not tell theirs.
    pub time_zone: Option<String>,
    /// Whether the answers are put to iClosed's qualification before a time is chosen.
    pub qualify: bool,
    /// Whether iClosed is told the campaign marks and the referring page, by a contact made before the call.
    pub attribution: bool,
    /// The form's own field names, to leadgate's.
    pub fields: BTreeMap<String, String>,
}

/// Part of a day, in minutes since midnight. The start is before the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreferredHours {
    /// The first minute that is preferred.
    pub start_minute: u16,
    /// The first minute that is not any more, at most 1440.
    pub end_minute: u16,
}

/// When a lead is a repetition of an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duplicates {
    /// How far back one looks, 0 (not at all) to 3650.
    pub window_days: u32,
    /// The same address.
    pub by_email: bool,
    /// The same number.
    pub by_phone: bool,
}

const LANES: [(&str, Lane); 3] = [
    ("interactive", Lane::Interactive),
    ("normal", Lane::Normal),
    ("bulk", Lane::Bulk),
];

const SLOT_POLICIES: [(&str, SlotPolicy); 3] = [
    ("exact", SlotPolicy::Exact),
    ("nearest", SlotPolicy::Nearest),
    ("earliest", SlotPolicy::Earliest),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Email,
    Phone,
}

const MINUTES_IN_A_DAY: u16 = 24 * 60;

impl Source {
    pub(super) fn read(name: &str, section: &Section<'_>, accounts: &[&str]) -> Option<Self> {
        let kind = SourceKind::read(section);
        let (usual_lane, usual_wait) = kind.as_ref().map_or((Lane::Normal, 0), SourceKind::pace);

        let account = account(section, accounts);
        let link_prefix = section.parsed("link_prefix", event);
        if !section.has("link_prefix") {
            section.fault(
                "link_prefix",
                match section.has("event_id") {
                    // POST /v1/events/eventDates takes only linkPrefix (www.iclosed.io/api).
                    true => {
                        Problem::from("is missing: iClosed finds no free times by event_id alone")
                    }
                    false => Problem::from("is missing"),
                }
                .hint("it is what follows /e/ in the event's link, such as acme/strategy-call"),
            );
        }
        let event_id = section.optional_number("event_id", 1..=i64::MAX);
        let allowed_events = section.list("allowed_events", event);
        let lane = section.word("lane", &LANES, usual_lane);
        let slot = section.word("slot", &SLOT_POLICIES, SlotPolicy::Earliest);
        let min_notice_minutes = section.number("min_notice_minutes", 0..=43_200, 60);
        let max_days_ahead = section.number("max_days_ahead", 1..=365, 14);
        if min_notice_minutes >= max_days_ahead * u32::from(MINUTES_IN_A_DAY) {
            section.fault(
                "min_notice_minutes",
                "leaves no time to book in: max_days_ahead is over by then",
            );
        }
        let preferred_hours = section.parsed("preferred_hours", hours);
        let duplicates = Duplicates::read(&section.section("duplicates"));
        let wait_seconds = section.number("wait_seconds", 0..=25, usual_wait);
        let token = section.parsed("token", secret::any);
        if token.as_ref().is_some_and(secret::is_guessable) {
            section.warn(
                "token",
                Problem::from("is short enough to guess").hint(secret::HOW_TO_MAKE),
            );
        }
        let default_region = section.parsed("default_region", region);
        let time_zone = section.parsed("time_zone", time_zone);
        let qualify = section.flag("qualify", false);
        let attribution = section.flag("attribution", false);
        let fields = section.section("fields").texts();
        let kind = kind.map(|kind| kind.with_fields(&fields));
        section.close(SourceKind::where_it_belongs);
        Some(Source {
            name: name.to_owned(),
            kind: kind?,
            account,
            link_prefix: link_prefix?,
            event_id,
            allowed_events: allowed_events.unwrap_or_default(),
            lane,
            slot,
            min_notice_minutes,
            max_days_ahead,
            preferred_hours,
            duplicates,
            wait: Duration::from_secs(wait_seconds),
            token,
            default_region,
            time_zone,
            qualify,
            attribution,
            fields,
        })
    }
}

impl Duplicates {
    fn read(section: &Section<'_>) -> Self {
        let window_days = section.number("window_days", 0..=3650, 30);
        let by = section.list("by", |text| {
            one_of(text, &[("email", By::Email), ("phone", By::Phone)])
        });
        if by.as_ref().is_some_and(Vec::is_empty) && window_days > 0 {
            section.fault(
                "by",
                Problem::from("must name email, phone or both")
                    .hint("window_days = 0 turns the search off"),
            );
        }
        section.close(|_| None);
        let by = by.unwrap_or_else(|| vec![By::Email, By::Phone]);
        Self {
            window_days,
            by_email: by.contains(&By::Email),
            by_phone: by.contains(&By::Phone),
        }
    }
}

/// The account named, or `main`; it must be among `accounts`.
fn account(section: &Section<'_>, accounts: &[&str]) -> String {
    let account = section
        .parsed("account", |text| Ok(text.trim().to_ascii_lowercase()))
        .unwrap_or_else(|| "main".to_owned());
    if !accounts.contains(&account.as_str()) {
        let problem = match section.has("account") {
            true => Problem::from("there is no account of that name"),
            false => Problem::from("is missing, and there is no account main to fall back on"),
        };
        section.fault(
            "account",
            problem.hint(match accounts {
                [] => "add [accounts.main], or set ICLOSED_API_KEY".to_owned(),
                accounts => format!("accounts are {}", accounts.join(", ")),
            }),
        );
    }
    account
}

/// `username/event-name`, also from a link pasted whole. Case counts and is kept.
fn event(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    let text = text.split(['?', '#']).next().unwrap_or_default();
    let text = text
        .strip_prefix("https://")
        .map_or(Some(text), |link| link.strip_prefix("app.iclosed.io/e/"));
    let parts: Vec<&str> = text
        .unwrap_or_default()
        .trim_end_matches('/')
        .split('/')
        .collect();
    match parts.as_slice() {
        [user, event] if is_path_segment(user) && is_path_segment(event) => {
            Ok(format!("{user}/{event}"))
        }
        _ => Err(Problem::from("must be username/event-name")
            .hint("it is what follows /e/ in the event's link")),
    }
}

/// The characters RFC 3986 lets stand in a path as they are, without those that a form or a log would trip over.
fn is_path_segment(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~' | b'%'))
}

/// `08:00-20:00`.
fn hours(text: &str) -> Result<PreferredHours, Problem> {
    let hours = text.split_once('-').and_then(|(start, end)| {
        Some(PreferredHours {
            start_minute: minute_of_day(start.trim())?,
            end_minute: minute_of_day(end.trim())?,
        })
    });
    match hours {
        None => Err(Problem::from(
            "must be two times of day, such as 08:00-20:00",
        )),
        Some(hours) if hours.start_minute >= hours.end_minute => {
            Err(Problem::from("must begin before they end").hint("the end of the day is 24:00"))
        }
        Some(hours) => Ok(hours),
    }
}

/// `HH:MM`, up to and with 24:00.
fn minute_of_day(text: &str) -> Option<u16> {
    let two_digits = |text: &str| match text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())
    {
        true => text.parse::<u16>().ok(),
        false => None,
    };
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute) = (two_digits(hour)?, two_digits(minute)?);
    let minutes = hour * 60 + minute;
    (minute < 60 && minutes <= MINUTES_IN_A_DAY).then_some(minutes)
}

fn region(text: &str) -> Result<String, Problem> {
    let region = text.trim().to_ascii_uppercase();
    if region == "UK" {
        // ISO 3166-1 reserves UK and assigns GB.
        return Err(Problem::from("is no country code").hint("did you mean GB?"));
    }
    match region.len() == 2 && region.bytes().all(|b| b.is_ascii_uppercase()) {
        true => Ok(region),
        false => Err(Problem::from(
            "must be a country code of two letters (ISO 3166-1), such as DE",
        )),
    }
}

fn time_zone(text: &str) -> Result<String, Problem> {
    TimeZone::get(text.trim())
        .ok()
        .and_then(|zone| zone.iana_name().map(str::to_owned))
        .ok_or_else(|| Problem::from("must be an IANA time zone, such as Europe/Berlin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_named_by_user_and_event_or_by_its_link() {
        for (text, expected) in [
            ("acme/strategy-call", "acme/strategy-call"),
            ("Acme/Call_1", "Acme/Call_1"),
            (" acme/call/ ", "acme/call"),
            ("https://app.iclosed.io/e/acme/call", "acme/call"),
            (
                "https://app.iclosed.io/e/acme/call/?utm_source=x",
                "acme/call",
            ),
        ] {
            assert_eq!(event(text), Ok(expected.into()));
        }
        for bad in [
            "",
            "/",
            "acme",
            "acme/",
            "/call",
            "a/b/c",
            "https://acme.example/e/a/b",
            "http://app.iclosed.io/e/a/b",
            "a b/c",
            "acme/çall",
        ] {
            assert!(event(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn preferred_hours_lie_within_one_day() {
        for (text, start_minute, end_minute) in [
            ("08:00-20:00", 480, 1200),
            ("00:00-24:00", 0, 1440),
            ("09:30 - 09:31", 570, 571),
        ] {
            let expected = PreferredHours {
                start_minute,
                end_minute,
            };
            assert_eq!(hours(text), Ok(expected));
        }
        for bad in [
            "",
            "8-20",
            "8:00-20:00",
            "08:00",
            "20:00-08:00",
            "08:00-08:00",
            "08:60-09:00",
            "08:00-24:01",
            "+8:00-20:00",
            "08:00-20:00-21:00",
        ] {
            assert!(hours(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_region_is_two_letters() {
        assert_eq!(region(" de "), Ok("DE".into()));
        assert_eq!(
            region("uk").unwrap_err().hint.as_deref(),
            Some("did you mean GB?")
        );
        for bad in ["", "D", "DEU", "D1", "ÄÖ"] {
            assert!(region(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_zone_is_one_the_tz_database_knows() {
        assert_eq!(time_zone("europe/berlin"), Ok("Europe/Berlin".into()));
        assert_eq!(time_zone("UTC"), Ok("UTC".into()));
        for bad in ["", "Mars/Base", "+02:00", "CEST", "../../etc/passwd"] {
            assert!(time_zone(bad).is_err(), "{bad}");
        }
    }
}
