//! Time zones: which one a lead lives in, and how sure that is.
//!
//! Owns the tables from countries and area codes to zones; the clock rules themselves are the tz database's, bundled
//! with the program. Knows no wall time.

mod instant;
mod numbering;

use jiff::tz;
use serde::{Deserialize, Serialize};

use super::phone::Phone;

use super::country::{self, country_code};
pub use instant::{InstantFault, parse_instant};

/// How a lead's zone became known, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The lead, or its browser, named it.
    Lead,
    /// The phone number's area or country.
    Phone,
    /// The country field.
    Country,
    /// The source's settings.
    Source,
}

/// The lead's zone: its own word if that is a zone, else what its phone number says, else its country, else the
/// source's zone.
///
/// A country with several zones gives the one most of its people keep, when the number does not say more: a guess
/// people can see and correct serves them better than none.
pub fn resolve(
    lead: Option<&str>,
    phone: Option<&Phone>,
    country: Option<&str>,
    source: Option<&str>,
) -> Option<(String, Origin)> {
    let named = |zone: Option<&str>, origin| Some((zone.and_then(canonical)?, origin));
    let told = |zone: Option<&'static str>, origin| Some((zone?.to_owned(), origin));
    named(lead, Origin::Lead)
        .or_else(|| told(phone.and_then(of_phone), Origin::Phone))
        .or_else(|| {
            told(
                country
                    .and_then(country_code)
                    .and_then(|code| country::principal_zone(&code)),
                Origin::Country,
            )
        })
        .or_else(|| named(source, Origin::Source))
}

/// The tz database's own spelling of a zone name given in any case; nothing for what is not the name of a place.
///
/// `UTC`, `GMT` and `Z` in their several spellings all become `UTC`. Bare abbreviations such as `EST` are refused
/// although the database has some of them: they name an offset without summer time, which is not what people mean.
pub fn canonical(name: &str) -> Option<String> {
    const UTC: [&str; 12] = [
        "utc",
        "etc/utc",
        "gmt",
        "etc/gmt",
        "z",
        "zulu",
        "etc/zulu",
        "uct",
        "etc/uct",
        "universal",
        "etc/universal",
        "etc/greenwich",
    ];
    let name = name.trim();
    if UTC.iter().any(|utc| utc.eq_ignore_ascii_case(name)) {
        return Some("UTC".to_owned());
    }
    if !name.contains('/') {
        return None;
    }
    tz::db().get(name).ok()?.iana_name().map(str::to_owned)
}

fn of_phone(phone: &Phone) -> Option<&'static str> {
    numbering::zone(&phone.e164).or_else(|| country::principal_zone(phone.region.as_deref()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phone(text: &str) -> Phone {
        Phone::parse(text, None, None).unwrap()
    }

    #[test]
    fn a_name_is_taken_in_any_case_and_only_if_it_is_a_place() {
        for (name, expected) in [
            ("America/New_York", Some("America/New_York")),
            (" america/new_york ", Some("America/New_York")),
            ("EUROPE/OSLO", Some("Europe/Oslo")),
            (
                "America/Argentina/Buenos_Aires",
                Some("America/Argentina/Buenos_Aires"),
            ),
            ("Asia/Calcutta", Some("Asia/Calcutta")),
            ("US/Eastern", Some("US/Eastern")),
            ("utc", Some("UTC")),
            ("Etc/UTC", Some("UTC")),
            ("GMT", Some("UTC")),
            ("Z", Some("UTC")),
            ("EST", None),
            ("EST5EDT", None),
            ("PST8PDT,M3.2.0,M11.1.0", None),
            ("Eastern Time", None),
            ("America/Atlantis", None),
            ("Etc/Unknown", None),
            ("+02:00", None),
            ("../../etc/passwd", None),
            ("/etc/localtime", None),
            ("", None),
        ] {
            assert_eq!(canonical(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn the_lead_s_word_outweighs_its_number_its_country_and_the_source() {
        use Origin::*;
        let sf = phone("+14155552671");
        let unplaced = phone("+15555550100");
        for (lead, phone, country, source, expected) in [
            (
                Some("europe/oslo"),
                Some(&sf),
                Some("DE"),
                Some("Asia/Tokyo"),
                Some(("Europe/Oslo", Lead)),
            ),
            (
                Some("EST"),
                Some(&sf),
                Some("DE"),
                Some("Asia/Tokyo"),
                Some(("America/Los_Angeles", Phone)),
            ),
            (
                None,
                Some(&unplaced),
                Some("Germany"),
                Some("Asia/Tokyo"),
                Some(("Europe/Berlin", Country)),
            ),
            (
                None,
                None,
                Some("DEU"),
                None,
                Some(("Europe/Berlin", Country)),
            ),
            (
                None,
                None,
                Some("US"),
                None,
                Some(("America/New_York", Country)),
            ),
            (
                None,
                None,
                Some("Atlantis"),
                Some("asia/tokyo"),
                Some(("Asia/Tokyo", Source)),
            ),
            (Some(""), None, None, None, None),
        ] {
            let expected = expected.map(|(zone, origin)| (zone.to_owned(), origin));
            assert_eq!(
                resolve(lead, phone, country, source),
                expected,
                "{lead:?} {country:?} {source:?}"
            );
        }
    }

    #[test]
    fn a_number_tells_the_zone_of_its_area_where_it_has_one() {
        for (number, zone) in [
            ("+14155552671", "America/Los_Angeles"),
            ("+12125552671", "America/New_York"),
            ("+16025552671", "America/Phoenix"),
            ("+18085552671", "Pacific/Honolulu"),
            ("+16045550100", "America/Vancouver"),
            ("+17095550100", "America/St_Johns"),
            ("+17875550100", "America/Puerto_Rico"),
            ("+18762345678", "America/Jamaica"),
            ("+18005550100", "America/New_York"),
            ("+5511961234567", "America/Sao_Paulo"),
            ("+5592961234567", "America/Manaus"),
            ("+61892345678", "Australia/Perth"),
            ("+61889234567", "Australia/Darwin"),
            ("+61881234567", "Australia/Adelaide"),
            ("+61412345678", "Australia/Sydney"),
            ("+74951234567", "Europe/Moscow"),
            ("+73832345678", "Asia/Novosibirsk"),
            ("+79161234567", "Europe/Moscow"),
            ("+77012345678", "Asia/Almaty"),
            ("+526641234567", "America/Tijuana"),
            ("+525512345678", "America/Mexico_City"),
            ("+34928123456", "Atlantic/Canary"),
            ("+34912345678", "Europe/Madrid"),
            ("+442083661177", "Europe/London"),
            ("+919876543210", "Asia/Kolkata"),
        ] {
            assert_eq!(of_phone(&phone(number)), Some(zone), "{number}");
        }
        assert_eq!(of_phone(&phone("+80012345678")), None);
    }
}
