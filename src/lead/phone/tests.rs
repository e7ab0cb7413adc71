use super::*;
use proptest::prelude::*;

fn e164(text: &str, country: Option<&str>, default: Option<&str>) -> Result<String, PhoneFault> {
    Phone::parse(text, country, default).map(|phone| phone.e164)
}

#[test]
fn an_international_number_needs_no_region() {
    for (text, number, region) in [
        ("+14155552671", "+14155552671", Some("US")),
        ("+1 (415) 555-2671", "+14155552671", Some("US")),
        ("＋1 415 555 2671", "+14155552671", Some("US")),
        ("+1 604 555 0100", "+16045550100", Some("CA")),
        ("0044 20 8366 1177", "+442083661177", Some("GB")),
        ("+44 (0)20 8366 1177", "+442083661177", Some("GB")),
        ("+49 (0) 30 123456", "+4930123456", Some("DE")),
        ("+39 06 1234 5678", "+390612345678", Some("IT")),
        ("(+47) 22 12 34 56", "+4722123456", Some("NO")),
        ("p:+14155552671", "+14155552671", Some("US")),
        ("tel:+1-415-555-2671", "+14155552671", Some("US")),
        ("whatsapp:+14155552671", "+14155552671", Some("US")),
        ("WhatsApp: tel:+14155552671", "+14155552671", Some("US")),
        ("'+14155552671", "+14155552671", Some("US")),
        (
            "\u{202a}+1\u{a0}415\u{2011}555\u{2011}2671\u{202c}",
            "+14155552671",
            Some("US"),
        ),
        ("+14155552671.0", "+14155552671", Some("US")),
        ("+1.415.555.2671", "+14155552671", Some("US")),
        ("+1 415 555 2671 ext 5", "+14155552671", Some("US")),
        ("+1 415 555 2671 Ext. 505", "+14155552671", Some("US")),
        ("+1 415 555 2671x5", "+14155552671", Some("US")),
        ("tel:+1-415-555-2671;ext=5", "+14155552671", Some("US")),
        ("+٩٧١ ٥٠ ١٢٣ ٤٥٦٧", "+971501234567", Some("AE")),
        ("+९१ ९८७६५ ४३२१०", "+919876543210", Some("IN")),
        ("+52 1 55 1234 5678", "+525512345678", Some("MX")),
        ("+52 55 1234 5678", "+525512345678", Some("MX")),
        ("+54 9 11 2345 6789", "+5491123456789", Some("AR")),
        ("+7 701 234 5678", "+77012345678", Some("KZ")),
        ("+7 495 123 45 67", "+74951234567", Some("RU")),
        ("+44 1534 456789", "+441534456789", Some("JE")),
        ("+383 44 123 456", "+38344123456", Some("XK")),
        ("+800 1234 5678", "+80012345678", None),
    ] {
        let expected = Phone {
            e164: number.to_owned(),
            region: region.map(str::to_owned),
        };
        let read = Phone::parse(text, None, None);
        assert!(
            read.as_ref() == Ok(&expected),
            "{text}: {:?}",
            read.map(|p| (p.e164, p.region))
        );
    }
}

#[test]
fn a_local_number_is_read_in_the_lead_s_country_and_only_then_in_the_source_s() {
    for (text, country, default, expected) in [
        ("(415) 555-2671", Some("US"), Some("DE"), Ok("+14155552671")),
        ("415.555.2671", None, Some("us"), Ok("+14155552671")),
        ("4155552671.0", None, Some("US"), Ok("+14155552671")),
        ("14155552671", None, Some("US"), Ok("+14155552671")),
        ("030/123456", Some("Germany"), None, Ok("+4930123456")),
        ("020 8366 1177", Some("UK"), Some("US"), Ok("+442083661177")),
        ("020 8366 1177", Some("GBR"), None, Ok("+442083661177")),
        (
            "06 12 34 56 78",
            Some("Atlantis"),
            Some("FR"),
            Ok("+33612345678"),
        ),
        ("４１５５５５２６７１", Some("US"), None, Ok("+14155552671")),
        ("011 49 30 123456", Some("US"), None, Ok("+4930123456")),
        ("0011 49 30 123456", Some("AU"), None, Ok("+4930123456")),
        ("+4930123456", Some("US"), None, Ok("+4930123456")),
        ("4155552671", None, None, Err(PhoneFault::NeedsRegion)),
        (
            "4155552671",
            Some("Atlantis"),
            None,
            Err(PhoneFault::NeedsRegion),
        ),
        ("555-2671", Some("US"), None, Err(PhoneFault::NotPossible)),
    ] {
        assert_eq!(
            e164(text, country, default),
            expected.map(str::to_owned),
            "{text} {country:?} {default:?}"
        );
    }
}

#[test]
fn a_possible_number_is_taken_even_when_no_range_is_known_for_it() {
    for (text, expected) in [
        ("+15555550100", "+15555550100"),
        ("+1 555 555 0100", "+15555550100"),
        ("+1 555 0100", "+15550100"),
        ("+12025550173", "+12025550173"),
        ("+447700900123", "+447700900123"),
    ] {
        assert_eq!(e164(text, None, None), Ok(expected.to_owned()), "{text}");
    }
    let invented = Phone::parse("+15555550100", Some("CA"), None).unwrap();
    assert_eq!(invented.region.as_deref(), Some("CA"));
    assert_eq!(
        Phone::parse("+15555550100", Some("DE"), None)
            .unwrap()
            .region,
        None
    );
}

#[test]
fn what_is_not_a_number_is_refused() {
    use PhoneFault::*;
    for (text, fault) in [
        ("", NotANumber),
        ("+", NotANumber),
        ("n/a", NotANumber),
        ("call me at 415 555 2671", NotANumber),
        ("415 555 2671 after six", NotANumber),
        ("1-800-FLOWERS", NotANumber),
        ("4.15555E+09", NotANumber),
        ("+1 415 555 2671 +1 415 555 2672", NotANumber),
        ("kim@lead.example", NotANumber),
        ("½⅓¼ 415 555", NotANumber),
        ("+1 415 555", NotPossible),
        ("+1 415 555 2671 0000", NotPossible),
        ("+999 123 456 789", NotPossible),
        ("+44 20 8366 1177 / +44 20 8366 1178", NotANumber),
        ("+99999999999999999999999", NotPossible),
        ("+9999999999999999999999999", NotANumber),
    ] {
        assert_eq!(e164(text, Some("US"), None), Err(fault), "{text}");
    }
    assert_eq!(e164("000000", Some("DE"), None), Err(NotPossible));
}

#[test]
fn debug_shows_the_region_and_no_digit() {
    let phone = Phone::parse("+14155552671", None, None).unwrap();
    assert_eq!(format!("{phone:?}"), r#"Phone { region: Some("US"), .. }"#);
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,60}", region in proptest::option::of("[A-Z]{2}")) {
        let _ = Phone::parse(&text, region.as_deref(), None);
    }

    #[test]
    fn what_comes_out_goes_in_again_unchanged(
        text in "(\\+|00|\\+1|\\+521|\\+44 \\(0\\)|\\+49|)[0-9 ().-]{4,16}(x[0-9])?", region in "US|GB|DE|MX|IT|AR|BR|IN"
    ) {
        if let Ok(phone) = Phone::parse(&text, Some(&region), None) {
            prop_assert!(phone.e164.len() <= MAX_PHONE_CHARS && phone.e164.starts_with('+'));
            prop_assert!(phone.e164[1..].bytes().all(|b| b.is_ascii_digit()));
            prop_assert_eq!(Phone::parse(&phone.e164, Some(&region), None), Ok(phone));
        }
    }
}

/// Digits that repeat from run to run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[test]
fn a_number_that_is_known_as_written_is_what_reading_it_gives() {
    let mut dice = Dice(7);
    let mut known = 0;
    for code in PHONE_NUMBER_UTIL.get_supported_calling_codes() {
        for _ in 0..40 {
            let length = 6 + dice.below(6);
            let national: String = (0..length).map(|_| dice.below(10).to_string()).collect();
            let digits = format!("{code}{national}");
            if let Some((number, own)) = as_written(&digits) {
                known += 1;
                let read = international(&digits).unwrap();
                assert!(read.is_valid(), "+{digits}");
                assert_eq!(read.get_region_code(), Some(own), "+{digits}");
                assert_eq!(number, read, "+{digits}");
            }
        }
    }
    assert!(known > 300, "{known}");
}
