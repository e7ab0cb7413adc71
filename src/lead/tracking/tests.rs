use super::*;
use proptest::prelude::*;

fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    fields(pairs).into_iter().collect()
}

#[test]
fn a_field_outweighs_the_landing_page_and_that_the_referring_page() {
    let fields = fields(&[
        ("utm_source", "field"),
        ("UTM_Medium", "Paid"),
        ("email", "kim@lead.example"),
        ("utm_id", ""),
    ]);
    let landing = "https://acme.example/?utm_source=landing&utm_campaign=a&utm_campaign=b&utm_id=7&fbclid=Ab-1&x=1#y?gclid=no";
    let referrer = "https://ads.example/?utm_campaign=referrer&utm_term=t&sccid=S";
    let tracking = collect(&fields, Some(landing), Some(referrer));
    assert_eq!(
        tracking.utm,
        map(&[
            ("utm_source", "field"),
            ("utm_medium", "Paid"),
            ("utm_campaign", "a"),
            ("utm_id", "7"),
            ("utm_term", "t")
        ])
    );
    assert_eq!(
        tracking.click_ids,
        map(&[("fbclid", "Ab-1"), ("ScCid", "S")])
    );
    assert_eq!(tracking.landing_url.as_deref(), Some(landing));
    assert_eq!(tracking.referrer_url.as_deref(), Some(referrer));
    assert_eq!(collect(&[], Some(""), None), Tracking::default());
}

#[test]
fn a_value_is_decoded_once_and_otherwise_untouched() {
    for (query, value) in [
        ("utm_term=a+b", "a b"),
        ("utm_term=a%20b", "a b"),
        ("utm_term=a%2Bb", "a+b"),
        ("utm_term=a%2520b", "a%20b"),
        ("utm_term=%7Bkeyword%7D", "{keyword}"),
        ("utm_term=%C3%A9t%c3%a9", "été"),
        ("utm_term= MiXed ", " MiXed "),
        ("utm_term=100%", "100%"),
        ("utm_term=100%zz", "100%zz"),
        ("utm_term=%2", "%2"),
        ("utm_term=%+1", "% 1"),
        ("utm_term=%ff%20", "%ff%20"),
        ("utm_term=a=b", "a=b"),
        ("utm%5Fterm=a", "a"),
    ] {
        let tracking = collect(&[], Some(&format!("https://acme.example/p?{query}")), None);
        assert_eq!(
            tracking.utm.get("utm_term").map(String::as_str),
            Some(value),
            "{query}"
        );
    }
}

#[test]
fn only_campaign_marks_and_click_ids_are_kept() {
    for (key, kept) in [
        ("utm_source", true),
        ("UTM_SOURCE", true),
        ("utm_creative_format", true),
        ("gclid", true),
        ("ScCid", true),
        ("sccid", true),
        ("_fbp", true),
        ("utm_", false),
        ("utm", false),
        ("utmé", false),
        ("fbp", false),
        ("source", false),
        ("", false),
    ] {
        assert_eq!(is_tracking_key(key), kept, "{key}");
    }
}

#[test]
fn the_vendor_gets_the_usual_marks_first_and_percent_encoded() {
    let tracking = Tracking {
        utm: map(&[
            ("utm_zone", "ü"),
            ("utm_medium", "paid & social"),
            ("utm_source", "meta"),
            ("utm_ad", "1=2+3"),
        ]),
        ..Tracking::default()
    };
    assert_eq!(
        tracking.vendor_utm(),
        "utm_source=meta&utm_medium=paid%20%26%20social&utm_ad=1%3D2%2B3&utm_zone=%C3%BC"
    );
    assert_eq!(Tracking::default().vendor_utm(), "");
}

#[test]
fn the_record_leaves_out_what_is_empty_and_debug_shows_no_value() {
    assert_eq!(serde_json::to_string(&Tracking::default()).unwrap(), "{}");
    let tracking = collect(
        &fields(&[("gclid", "Cj0")]),
        Some("https://acme.example/?email=kim"),
        None,
    );
    let json = r#"{"clickIds":{"gclid":"Cj0"},"landingUrl":"https://acme.example/?email=kim"}"#;
    assert_eq!(serde_json::to_string(&tracking).unwrap(), json);
    assert_eq!(serde_json::from_str::<Tracking>(json).unwrap(), tracking);
    let shown = format!("{tracking:?}");
    assert!(!shown.contains("kim") && !shown.contains("Cj0"), "{shown}");
}

#[test]
fn a_device_is_told_by_the_words_of_its_agent() {
    use Device::*;
    for (agent, expected) in [
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1",
            Some(Mobile),
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36",
            Some(Mobile),
        ),
        (
            "Mozilla/5.0 (Linux; Android 9; CUBOT_X18) AppleWebKit/537.36 Chrome/99 Mobile Safari/537.36",
            Some(Mobile),
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36",
            Some(Tablet),
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
            Some(Tablet),
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36",
            Some(Desktop),
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15",
            Some(Desktop),
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0",
            Some(Desktop),
        ),
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            Some(Bot),
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/130.0.0.0 Safari/537.36",
            Some(Bot),
        ),
        ("facebookexternalhit/1.1", Some(Bot)),
        ("curl/8.5.0", Some(Bot)),
        ("acme-app/1.0", None),
        ("", None),
    ] {
        assert_eq!(device(agent), expected, "{agent}");
    }
}

#[test]
fn the_best_liked_language_is_taken_as_sent() {
    for (header, expected) in [
        ("de-CH", Some("de-CH")),
        ("en;q=0.8, de-DE, fr;q=0.9", Some("de-DE")),
        ("en;q=0.8,fr;q=0.9", Some("fr")),
        ("en;q=0.5,fr;q=0.5", Some("en")),
        ("*, zh-Hant-TW;q=0.3", Some("zh-Hant-TW")),
        ("en;q=0, *;q=1", None),
        ("en_US, x y, pt-BR;q=0.1", Some("pt-BR")),
        ("en;q=2, fr;q=abc", None),
        ("*", None),
        ("", None),
    ] {
        assert_eq!(locale(header).as_deref(), expected, "{header}");
    }
}

proptest! {
    #[test]
    fn what_the_vendor_gets_decodes_to_the_same_marks(values in proptest::collection::btree_map("utm_[a-z]{1,6}", ".{1,12}", 0..5)) {
        let tracking = Tracking { utm: values.clone(), ..Tracking::default() };
        let again = collect(&[], Some(&format!("https://acme.example/?{}", tracking.vendor_utm())), None);
        prop_assert_eq!(again.utm, values);
    }

    #[test]
    fn no_url_and_no_header_makes_a_reader_panic(text in ".{0,80}", coded in "[%+?&=#a-f0-9é]{0,40}") {
        for url in [&text, &coded] {
            let _ = collect(&[], Some(url), Some(url));
            let _ = (device(url), locale(url));
        }
    }
}
