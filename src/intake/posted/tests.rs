use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::settings;

/// A form source with these lines in its table.
fn source(lines: &str) -> Source {
    let text = format!(
        "[accounts.main]\napi_key = \"iclosed_x\"\n[sources.landing]\nkind = \"form\"\n\
         link_prefix = \"acme/call\"\nallowed_origins = [\"*\"]\n{lines}"
    );
    let mut settings = settings::parse(&text, "test", &|_| None).unwrap();
    settings.sources.remove("landing").unwrap()
}

fn urlencoded(source: &Source, body: &str) -> Posted {
    read(&Format::Urlencoded, body.as_bytes(), source)
        .ok()
        .unwrap()
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

/// A form with one field, in parts.
fn in_parts(source: &Source, boundary: &str, name: &str, value: &str) -> Posted {
    let format = Format::Multipart(format!("multipart/form-data; boundary={boundary}"));
    let part = format!("Content-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}");
    let body = format!("--{boundary}\r\n{part}\r\n--{boundary}--\r\n");
    read(&format, body.as_bytes(), source).ok().unwrap()
}

#[test]
fn a_plain_form_is_read_by_the_names_people_use() {
    let posted = urlencoded(
        &source(""),
        &encoded(&[
            ("your-email", "kim@lead.example"),
            ("Full Name", "Kim Ek"),
            ("tel", "+47 900 00 000"),
            ("utm_source", "meta"),
            ("utm[medium]", "paid"),
            ("message", "a+b & c"),
            ("Company size", "9"),
        ]),
    );
    assert_eq!(
        Value::Object(posted.fields),
        json!({
            "email": "kim@lead.example", "name": "Kim Ek", "phoneNumber": "+47 900 00 000",
            "utm_source": "meta", "utm_medium": "paid", "message": "a+b & c", "Company size": "9",
        })
    );
    assert_eq!(posted.repeats, Map::new());
}

#[test]
fn every_value_of_a_repeated_field_is_kept_in_its_order() {
    let posted = urlencoded(
        &source(""),
        &encoded(&[
            ("email", " "),
            ("email", "first@lead.example"),
            ("interest", "ads"),
            ("your-email", "second@lead.example"),
            ("email", "third@lead.example"),
            ("interest", "calls"),
            ("email", "fourth@lead.example"),
            ("topics[]", "a"),
            ("topics[]", "b"),
            ("wishes", "2031-12-02T16:00:00Z"),
            ("wishes[]", ""),
            ("wishes[]", "2031-12-01T16:00:00Z"),
            ("answers[goal]", "more"),
            ("answers.goal", "fewer"),
            ("answers[Q. 1?][]", "yes"),
            ("answers", "loose"),
            ("consent", "on"),
            ("metadata[page]", "7"),
        ]),
    );
    assert_eq!(
        Value::Object(posted.fields),
        json!({
            "email": "first@lead.example", "interest": ["ads", "calls"], "topics": ["a", "b"], "consent": "on",
            "answers": {"goal": ["more", "fewer"], "Q. 1?": "yes"}, "metadata": {"page": "7"},
            "wishes": ["2031-12-02T16:00:00Z", "2031-12-01T16:00:00Z"],
        })
    );
    assert_eq!(
        Value::Object(posted.repeats),
        json!({
            "your-email": "second@lead.example", "email": ["third@lead.example", "fourth@lead.example"],
            "answers": "loose",
        })
    );
}

#[test]
fn guests_are_written_in_three_ways() {
    let posted = urlencoded(
        &source(""),
        &encoded(&[
            ("additionalGuests", "a@lead.example, b@lead.example;\r\n"),
            ("additional_guests[]", "c@lead.example"),
            ("additionalGuests[0][email]", "d@lead.example"),
            ("additionalGuests[0][name]", "Dee"),
            ("additionalGuests.1.email", ""),
            ("additionalGuests.1.name", ""),
        ]),
    );
    assert_eq!(
        posted.fields["additionalGuests"],
        json!([
            {"email": "d@lead.example", "name": "Dee"}, "a@lead.example", "b@lead.example", "c@lead.example",
        ])
    );
}

#[test]
fn the_operators_names_go_before_everybodys() {
    let source = source(
        "[sources.landing.fields]\nq1 = \"email\"\n\"budget\" = \"answers.Your budget\"\nemail = \"newsletter\"",
    );
    let posted = urlencoded(
        &source,
        "q1=kim%40lead.example&budget=5k&budget=10k&email=yes",
    );
    assert_eq!(
        Value::Object(posted.fields),
        json!({"email": "kim@lead.example", "newsletter": "yes", "answers": {"Your budget": ["5k", "10k"]}})
    );
}

#[test]
fn the_operators_names_hold_however_a_body_is_written() {
    let source = source(
        "[sources.landing.fields]\nq1 = \"email\"\nq2 = \"email\"\nbudget = \"answers.Your budget\"",
    );
    let sent = [("q1", " "), ("q2", "kim@lead.example"), ("budget", "5k")];
    let as_json = json!(BTreeMap::from(sent)).to_string();
    let of_json = read(&Format::Json, as_json.as_bytes(), &source)
        .ok()
        .unwrap();
    for posted in [urlencoded(&source, &encoded(&sent)), of_json] {
        assert_eq!(
            Value::Object(posted.fields),
            json!({"email": "kim@lead.example", "answers": {"Your budget": "5k"}})
        );
        assert_eq!(posted.repeats, Map::new());
    }
}

#[test]
fn what_is_said_to_the_door_is_in_no_field() {
    let source = source("honeypot = \"website\"");
    let spoken = [
        ("_charset_", "UTF-8"),
        ("_next", "https://acme.example/danke"),
        ("_elapsedMs", "1234.5"),
        ("_loadedAt", "1700000000000"),
        ("website", "http://spam.example"),
        ("captchaToken", "XtokenX"),
        ("email", "kim@lead.example"),
        ("_gotcha", "a field like any other here"),
    ];
    let object: BTreeMap<_, _> = spoken.into_iter().collect();
    let json = serde_json::to_vec(&object).unwrap();
    let of_json = read(&Format::Json, &json, &source).ok().unwrap();
    for posted in [urlencoded(&source, &encoded(&spoken)), of_json] {
        let asides = &posted.asides;
        assert!(asides.trap_filled);
        assert_eq!(asides.elapsed_ms, Some(1234));
        assert_eq!(asides.loaded_at_ms, Some(1_700_000_000_000));
        assert_eq!(asides.captcha_token.as_deref(), Some("XtokenX"));
        assert_eq!(
            asides.redirect.as_deref(),
            Some("https://acme.example/danke")
        );
        let mut names: Vec<_> = posted.fields.keys().collect();
        names.sort();
        assert_eq!(names, ["_gotcha", "email"]);
        assert!(!posted.raw.contains("XtokenX"), "{}", posted.raw);
        assert!(posted.raw.contains("spam.example"), "{}", posted.raw);
    }
}

#[test]
fn a_trap_holds_only_what_was_put_into_it() {
    let source = source("");
    for (trap, filled) in [
        (json!(null), false),
        (json!(""), false),
        (json!(" \n"), false),
        (json!(false), false),
        (json!([""]), false),
        (json!("x"), true),
        (json!(true), true),
        (json!(0), true),
        (json!(["", "x"]), true),
    ] {
        let body = json!({"_gotcha": trap}).to_string();
        let posted = read(&Format::Json, body.as_bytes(), &source).ok().unwrap();
        assert_eq!(posted.asides.trap_filled, filled, "{trap}");
        assert!(!posted.fields.contains_key("_gotcha"));
    }
}

#[test]
fn the_widgets_own_token_goes_first_and_every_token_goes() {
    let source = source("captcha = { provider = \"hcaptcha\", secret = \"s\" }");
    let posted = urlencoded(
        &source,
        "g-recaptcha-response=other&h-captcha-response=own&email=kim%40lead.example",
    );
    assert_eq!(posted.asides.captcha_token.as_deref(), Some("own"));
    assert_eq!(posted.raw, "email=kim%40lead.example");
    assert_eq!(posted.fields.len(), 1);
    // The second is empty where the first is used, and the other way round.
    let posted = urlencoded(&source, "g-recaptcha-response=other&h-captcha-response=");
    assert_eq!(posted.asides.captcha_token.as_deref(), Some("other"));
    assert_eq!((posted.raw.as_str(), posted.fields.len()), ("", 0));
}

#[test]
fn json_is_known_by_its_brace_whatever_a_script_calls_it() {
    let source = source("");
    let body = b" {\"email\": \"kim@lead.example\"}";
    let posted = read(&Format::Urlencoded, body, &source).ok().unwrap();
    assert_eq!(posted.fields["email"], "kim@lead.example");
    let text = read(&Format::Json, b"email=kim@lead.example", &source);
    assert!(matches!(text, Err(Refused::Unreadable(_))));
}

#[test]
fn a_file_is_a_fault_and_a_field_without_one_is_not() {
    let body = "--XX\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\nkim@lead.example\r\n\
        --XX\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n\
        --XX\r\nContent-Disposition: form-data; name=\"c/v\"; filename=\"me.pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n\
        --XX--\r\n";
    let format = Format::Multipart("multipart/form-data; boundary=XX".to_owned());
    let posted = read(&format, body.as_bytes(), &source("")).ok().unwrap();
    let faults: Vec<_> = posted
        .faults
        .iter()
        .map(|fault| (fault.pointer.as_str(), fault.code))
        .collect();
    assert_eq!(faults, [("/c~1v", "file_not_taken")]);
    assert_eq!(
        Value::Object(posted.fields),
        json!({"email": "kim@lead.example"})
    );
}

#[test]
fn a_form_in_parts_is_the_same_whatever_its_boundary() {
    let source = source("");
    let first = in_parts(&source, "XX", "email", "kim@lead.example");
    for (boundary, name, value, same) in [
        ("YY", "email", "kim@lead.example", true),
        ("XX", "email", "ida@lead.example", false),
        ("XX", "mail", "kim@lead.example", false),
    ] {
        let other = in_parts(&source, boundary, name, value);
        let is_same = other.essence() == first.essence();
        assert_eq!(is_same, same, "{boundary} {name} {value}");
        assert!(other.raw.contains(boundary), "kept as it came");
    }
    assert_eq!(urlencoded(&source, "email=x").essence(), "email=x");
}
