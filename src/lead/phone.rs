//! Phone numbers: from what people, forms and spreadsheets write to E.164.
//!
//! Owns the cleaning and the choice of region; lengths and calling codes are libphonenumber's. Calls nobody: whether a
//! number rings is not known here.

mod clean;
#[cfg(test)]
mod tests;

use std::fmt;

use rlibphonenumber::{
    NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, Region,
};
use serde::{Deserialize, Serialize};

use super::country;
use clean::Written;

/// iClosed's limit for a phone number, the plus included; its pattern is `^\+?\d+$` (www.iclosed.io/api).
pub const MAX_PHONE_CHARS: usize = 20;

/// A number that can be dialled from anywhere. `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Phone {
    /// `+` and digits, at most [`MAX_PHONE_CHARS`].
    pub e164: String,
    /// ISO 3166-1 alpha-2, when the number or the caller's hint tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// Why a text is not a phone number that can be sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.detail())]
pub enum PhoneFault {
    /// Something other than a number, or a number with words around it.
    NotANumber,
    /// Written without a country code, and no country is known.
    NeedsRegion,
    /// Too few or too many digits, or a country code nobody has.
    NotPossible,
}

impl PhoneFault {
    /// A sentence for a person; repeats nothing of what was typed.
    pub fn detail(self) -> &'static str {
        match self {
            PhoneFault::NotANumber => "This is not a phone number.",
            PhoneFault::NeedsRegion => {
                "The phone number has no country code: write it with + and the country code, or send the country."
            }
            PhoneFault::NotPossible => {
                "A phone number of this country does not have this many digits."
            }
        }
    }
}

impl Phone {
    /// Reads a number. One with `+` or `00` tells its own region; a local one is read in `country`, else in
    /// `default_region`. Both take what [`country::country_code`] takes.
    ///
    /// A number is accepted when its length is *possible* for its country, not only when libphonenumber knows its
    /// range: ranges are opened faster than metadata is shipped, the invented numbers of tests and films are in
    /// none, and a wrong refusal loses a lead, while a wrong number costs one failed call. A local number must also
    /// be complete: seven digits without an area code cannot be called from elsewhere.
    ///
    /// # Errors
    /// [`PhoneFault`].
    pub fn parse(
        text: &str,
        country: Option<&str>,
        default_region: Option<&str>,
    ) -> Result<Self, PhoneFault> {
        let written = clean::read(text).ok_or(PhoneFault::NotANumber)?;
        let hint = country
            .and_then(region_of)
            .or_else(|| default_region.and_then(region_of));
        let as_written = match &written {
            Written::International(digits) => as_written(&modern_mexican(digits)),
            Written::ZeroZero(_) | Written::Local(_) => None,
        };
        let is_known = as_written.is_some();
        let (number, own) = match (as_written, &written) {
            (Some((number, own)), _) => (number, Some(own)),
            (None, Written::International(digits)) => with_region(international(digits)?),
            (None, Written::ZeroZero(digits)) => with_region(zero_zero(digits, hint)?),
            (None, Written::Local(digits)) => with_region(local(digits, hint)?),
        };
        let is_known = is_known || own.is_some_and(|own| number.is_valid_for_region(own));
        let e164 = number.format_as(PhoneNumberFormat::E164).into_owned();
        let fits = e164.len() <= MAX_PHONE_CHARS && e164[1..].bytes().all(|b| b.is_ascii_digit());
        if !fits || !(is_known || reads_back(&e164)) {
            return Err(PhoneFault::NotPossible);
        }
        Ok(Phone {
            region: region(&number, own, hint),
            e164,
        })
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Phone")
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// Loads the numbering plans, some milliseconds of work, so that the first lead need not wait for it.
pub fn warm() {
    let _ = Phone::parse("+442083661177", None, None);
}

fn region_of(country: &str) -> Option<Region> {
    country::country_code(country)?.parse().ok()
}

/// The number that stands there and its region, when libphonenumber knows its range: reading it would only give it back, and is the
/// dearest thing done to a lead. One with a zero after the country code is left to be read: the zero may belong to it or not.
fn as_written(digits: &str) -> Option<(PhoneNumber, Region)> {
    let of_code = |length: usize| {
        let (code, national) = digits.split_at_checked(length)?;
        let country_code = code.parse().ok()?;
        // No country code begins with another one.
        let main = PHONE_NUMBER_UTIL.get_region_for_country_code(country_code)?;
        Some((country_code, main, national))
    };
    let (country_code, main, national) = (1..=3).find_map(of_code)?;
    let number = PhoneNumber {
        country_code,
        national_number: national.parse().ok()?,
        ..PhoneNumber::default()
    };
    if national.starts_with('0') {
        return None;
    }
    // Most numbers are of the code's main region, which is the first that would be tried.
    if number.is_valid_for_region(main) {
        return Some((number, main));
    }
    let (number, own) = with_region(number);
    let own = own.filter(|own| *own != main && number.is_valid_for_region(*own))?;
    Some((number, own))
}

/// With the region that has the number's range.
fn with_region(number: PhoneNumber) -> (PhoneNumber, Option<Region>) {
    let own = number.get_region_code();
    (number, own)
}

fn international(digits: &str) -> Result<PhoneNumber, PhoneFault> {
    let number = read_in(&format!("+{}", modern_mexican(digits)), None)?;
    number
        .is_possible_with_reason()
        .map(|_| number)
        .map_err(|_| PhoneFault::NotPossible)
}

/// `00` stands for the plus nearly everywhere, also on the keyboards of countries that dial something else; but a
/// number that is known to exist as its own country dials it, such as Australia's `0011 49 30 …`, is that.
fn zero_zero(digits: &str, hint: Option<Region>) -> Result<PhoneNumber, PhoneFault> {
    match local(digits, hint) {
        Ok(number) if number.is_valid() => Ok(number),
        as_dialled => international(&digits[2..]).or_else(|fault| as_dialled.map_err(|_| fault)),
    }
}

fn local(digits: &str, region: Option<Region>) -> Result<PhoneNumber, PhoneFault> {
    let number = read_in(digits, Some(region.ok_or(PhoneFault::NeedsRegion)?))?;
    match number.is_possible_with_reason() {
        Ok(NumberLengthType::IsPossible) => Ok(number),
        Ok(NumberLengthType::IsPossibleLocalOnly) | Err(_) => Err(PhoneFault::NotPossible),
    }
}

/// Whether the written number is itself: rows of zeros and the like lose a digit each time they are read.
fn reads_back(e164: &str) -> bool {
    international(&e164[1..]).is_ok_and(|number| number.format_as(PhoneNumberFormat::E164) == e164)
}

fn read_in(digits: &str, region: Option<Region>) -> Result<PhoneNumber, PhoneFault> {
    PHONE_NUMBER_UTIL
        .parse(digits, region)
        .map_err(|_| PhoneFault::NotPossible)
}

/// Until 2019 a Mexican mobile was called from abroad with a 1 after the country code; address books still have it,
/// and WhatsApp still writes it. The numbering plan no longer does (www.ift.org.mx).
fn modern_mexican(digits: &str) -> String {
    match digits.strip_prefix("521") {
        Some(ten) if ten.len() == 10 => format!("52{ten}"),
        _ => digits.to_owned(),
    }
}

/// The number's own region where its range is known, else the hint if it shares the number's country code.
fn region(number: &PhoneNumber, own: Option<Region>, hint: Option<Region>) -> Option<String> {
    let shares_code = |hint: &Region| {
        PHONE_NUMBER_UTIL.get_country_code_for_region(*hint) == Some(number.country_code)
    };
    let region = own.or_else(|| hint.filter(shares_code))?;
    Some(region.to_string()).filter(|code| code.bytes().all(|b| b.is_ascii_uppercase()))
}
