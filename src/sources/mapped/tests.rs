use std::collections::BTreeMap;

use super::*;
use crate::sources::delivery::{Delivery, answers, own};

const SECRET: &str = "secret-of-a-test";
const BODY: &str = r#"{"greeting":"grüße"}"#;

fn signed(entries: &[(&str, &str)]) -> Own {
    let mut own = Own::default();
    let table = entries
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).into()));
    own.set_table(SIGNATURE, table.collect::<BTreeMap<_, _>>());
    own
}

#[test]
fn every_algorithm_and_encoding_is_checked_against_openssl() {
    // printf '%s' BODY | openssl dgst -ALGORITHM -hmac SECRET [-binary | base64]
    for (algorithm, encoding, wanted) in [
        (
            "sha256",
            "hex",
            "9048deb926839eef628ae012f86cace3532d423f08092c8fdbb6c7cf42174397",
        ),
        (
            "sha256",
            "base64",
            "kEjeuSaDnu9iiuAS+Gys41MtQj8ICSyP27bHz0IXQ5c=",
        ),
        ("sha1", "hex", "bf3574e28b34c777ba74a1326a8d16de0aae4f71"),
        ("sha1", "base64", "vzV04os0x3e6dKEyao0W3gquT3E="),
        (
            "sha512",
            "hex",
            "5f7e350dd344dec4478679cb52a5b0fc7b91e3d1370b727fc05361a0a90e0a3f69a0273529d362db7244ee5e3c6b48d27e9744a504b6147de0adaad6f4542d84",
        ),
        (
            "sha512",
            "base64",
            "X341DdNE3sRHhnnLUqWw/HuR49E3C3J/wFNhoKkOCj9poCc1KdNi23JE7l48a0jSfpdEpQS2FH3grarW9FQthA==",
        ),
    ] {
        let own = signed(&[
            ("header", "X-Hub-Signature"),
            ("algorithm", algorithm),
            ("encoding", encoding),
            ("prefix", "v="),
            ("secret", SECRET),
        ]);
        assert!(Mapped.is_signed(&own));
        let shown = format!("v={wanted}");
        for (header, body, result) in [
            (shown.as_str(), BODY, Ok(())),
            (shown.trim_end_matches('='), BODY, Ok(())),
            (shown.as_str(), "{}", Err(Denied::Wrong)),
            (wanted, BODY, Err(Denied::Wrong)),
            ("v=", BODY, Err(Denied::Wrong)),
            ("", BODY, Err(Denied::Missing)),
        ] {
            let delivery = Delivery::json(body).with("x-hub-signature", header);
            assert_eq!(
                Mapped.verify(&delivery.sent(), &own),
                result,
                "{algorithm} {encoding} {header}"
            );
        }
    }
}

#[test]
fn a_scheme_needs_a_header_a_secret_and_known_words() {
    for (entries, is_signed) in [
        (&[("header", "X-Sig"), ("secret", SECRET)][..], true),
        (&[("header", "X-Sig")], false),
        (&[("secret", SECRET)], false),
        (&[("header", "X-Sig"), ("secret", "")], false),
        (
            &[
                ("header", "X-Sig"),
                ("secret", SECRET),
                ("algorithm", "md5"),
            ],
            false,
        ),
        (
            &[
                ("header", "X-Sig"),
                ("secret", SECRET),
                ("encoding", "rot13"),
            ],
            false,
        ),
    ] {
        let own = signed(entries);
        assert_eq!(Mapped.is_signed(&own), is_signed, "{entries:?}");
        assert_eq!(Mapped.faults(&own).is_empty(), is_signed, "{entries:?}");
        let unsigned = Mapped.verify(&Delivery::json(BODY).sent(), &own);
        assert!(unsigned.is_err(), "{entries:?}");
    }
    let faults = Mapped.faults(&signed(&[("algorithm", "md5")]));
    let texts: Vec<_> = faults.iter().map(|(_, text)| text.as_str()).collect();
    let known = "algorithm must be one of sha256, sha1, sha512";
    assert_eq!(texts, ["header is missing", "secret is missing", known]);
    assert!(!Mapped.is_signed(&Own::default()));
    assert!(Mapped.faults(&Own::default()).is_empty());
    assert_eq!(
        Mapped.verify(&Delivery::json(BODY).sent(), &Own::default()),
        Ok(())
    );
}

#[test]
fn pointers_and_names_are_mapped_and_the_rest_is_kept() {
    let map = [
        ("/contact/mail", "email"),
        ("contact.call", "phoneNumber"),
        ("Wer", "name"),
        ("/tags/1", "answers.second tag"),
        ("/order", "answers.order"),
    ];
    let body = r#"{"email":"office@lead.example","contact":{"mail":"a@lead.example","call":4366000000123,"note":"later"},
        "Wer":"李小龙","tags":["x","y"],"order":{"id":1},"utm_source":"zap","deep":[{"a":null},{"a":true}]}"#;
    let entry = Delivery::json(body).lead(&Mapped, &own(&[], &map));
    assert_eq!(entry.fields["email"], "a@lead.example");
    assert_eq!(entry.fields["phoneNumber"], "4366000000123");
    assert_eq!(entry.fields["name"], "李小龙");
    assert_eq!(
        answers(&entry),
        [
            "email = office@lead.example",
            "contact.note = later",
            "tags.0 = x",
            "second tag = y",
            r#"order = {"id":1}"#,
            "deep.1.a = true",
        ]
    );
    assert_eq!(entry.marks[0].1, "zap");
}

#[test]
fn the_id_and_the_test_mark_are_found_by_pointer_name_or_path() {
    for (id, test) in [("/meta/id", "/meta/trial"), ("meta.id", "meta.trial")] {
        let own = own(&[("id", id), ("test", test)], &[]);
        let body = r#"{"meta":{"id":7000000000000000123,"trial":"Test","other":1}}"#;
        let entry = Delivery::json(body).lead(&Mapped, &own);
        assert_eq!(entry.id.as_deref(), Some("7000000000000000123"));
        assert!(entry.test);
        assert_eq!(answers(&entry), ["meta.other = 1"]);
    }
    let own = own(&[("id", "lead id"), ("test", "test")], &[]);
    let entry = Delivery::form(&[
        ("lead id", "0012"),
        ("test", "no"),
        ("email", "a@lead.example"),
    ]);
    let entry = entry.lead(&Mapped, &own);
    assert_eq!(entry.id.as_deref(), Some("0012"));
    assert!(!entry.test);
    assert!(entry.answers.is_empty());
}

#[test]
fn yes_has_several_spellings() {
    for (mark, wanted) in [
        ("true", true),
        ("1", true),
        (r#""TRUE""#, true),
        (r#"" yes ""#, true),
        (r#""test""#, true),
        ("false", false),
        ("0", false),
        (r#""production""#, false),
        ("null", false),
        ("[]", false),
        (r#"{"a":1}"#, false),
    ] {
        let own = own(&[("test", "t")], &[]);
        let entry = Delivery::json(&format!(r#"{{"t":{mark}}}"#)).lead(&Mapped, &own);
        assert_eq!(entry.test, wanted, "{mark}");
    }
}

#[test]
fn a_list_holds_several_leads_and_anything_else_is_refused() {
    for (content_type, body, leads) in [
        ("application/json", "[{},{}]", Some(2)),
        ("application/json", "[]", Some(0)),
        ("text/plain", r#"{"email":"a@lead.example"}"#, Some(1)),
        (
            "application/x-www-form-urlencoded",
            r#" {"email":"a@lead.example"}"#,
            Some(1),
        ),
        ("application/x-www-form-urlencoded", "a=1&a=2", Some(1)),
        ("application/json", "[{},1]", None),
        ("application/json", "7", None),
        ("", "a=1", None),
    ] {
        let delivery = Delivery::new(content_type, body);
        let items = Mapped.read(&delivery.sent(), &Own::default());
        assert_eq!(items.ok().map(|items| items.len()), leads, "{body}");
    }
}
