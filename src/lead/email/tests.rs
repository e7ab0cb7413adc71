use super::*;
use proptest::prelude::*;

#[test]
fn an_address_is_sent_on_as_typed_without_what_surrounds_it() {
    for (text, typed) in [
        ("kim@lead.example", "kim@lead.example"),
        ("  Kim.Moe@Lead.Example\r\n", "Kim.Moe@Lead.Example"),
        (
            "\u{a0}\u{200b}kim@lead.example\u{feff}\u{3000}",
            "kim@lead.example",
        ),
        ("mailto:kim@lead.example", "kim@lead.example"),
        ("MAILTO:kim@lead.example?subject=Hi", "kim@lead.example"),
        ("<kim@lead.example>", "kim@lead.example"),
        ("< mailto:kim@lead.example >", "kim@lead.example"),
        ("kim@lead.example.", "kim@lead.example"),
        ("kim+ads@lead.example", "kim+ads@lead.example"),
        ("o'neil@lead.example", "o'neil@lead.example"),
        ("kim@bücher.example", "kim@xn--bcher-kva.example"),
        ("kim@xn--bcher-kva.example", "kim@xn--bcher-kva.example"),
        ("ｋｉｍ＠ｌｅａｄ．ｅｘａｍｐｌｅ", "kim@lead.example"),
        ("kim@lead。example", "kim@lead.example"),
        ("kim@mail.lead.co.uk", "kim@mail.lead.co.uk"),
        ("kim@fh-muenster.de", "kim@fh-muenster.de"),
        ("kim@brand.nevyet", "kim@brand.nevyet"),
    ] {
        assert_eq!(
            Email::parse(text).map(|e| e.typed),
            Ok(typed.to_owned()),
            "{text}"
        );
    }
}

#[test]
fn what_iclosed_would_refuse_is_refused_here_with_the_reason() {
    use EmailFault::*;
    let long = format!("{}@lead.example", "k".repeat(243));
    for (text, fault) in [
        ("", NotAnAddress),
        ("kim", NotAnAddress),
        ("@lead.example", NotAnAddress),
        ("kim@", NotAnAddress),
        ("kim@moe@lead.example", NotAnAddress),
        ("kim moe@lead.example", NotAnAddress),
        ("kim@lead..example", NotAnAddress),
        ("kim@xn--a.com", NotAnAddress),
        ("a@lead.example, b@lead.example", NotAnAddress),
        ("kim@localhost", NoRegistrableDomain),
        ("kim@co.uk", NoRegistrableDomain),
        ("kim@com", NoRegistrableDomain),
        ("kim@127.0.0.1", NoRegistrableDomain),
        ("kim@[127.0.0.1]", NoRegistrableDomain),
        ("kim@[IPv6:::1]", NoRegistrableDomain),
        ("ki\u{200b}m@lead.example", InvisibleCharacters),
        ("kim@le\u{ad}ad.example", InvisibleCharacters),
        ("ki\u{0}m@lead.example", InvisibleCharacters),
        ("kïm@lead.example", LocalPartNotAscii),
        ("用户@lead.example", LocalPartNotAscii),
        (".kim@lead.example", OutsideVendorPattern),
        ("kim.@lead.example", OutsideVendorPattern),
        ("kim'@lead.example", OutsideVendorPattern),
        ("k..m@lead.example", OutsideVendorPattern),
        ("k%m@lead.example", OutsideVendorPattern),
        ("k&m@lead.example", OutsideVendorPattern),
        ("\"k\"@lead.example", OutsideVendorPattern),
        ("kim@le_ad.example", OutsideVendorPattern),
        ("kim@-lead.example", OutsideVendorPattern),
        ("kim@правительство.рф", OutsideVendorPattern),
        (long.as_str(), TooLong),
    ] {
        assert_eq!(Email::parse(text), Err(fault), "{text}");
    }
    assert!(Email::parse(&long[1..]).is_ok());
}

#[test]
fn a_dot_is_ignored_only_at_gmail_and_proton_and_a_tag_only_where_the_provider_says_so() {
    for (one, folded) in [
        ("Kim.Moe+ads@Gmail.com", "kimmoe@gmail.com"),
        ("k.i.m.moe@googlemail.com", "kimmoe@gmail.com"),
        ("Kim.Moe+ads@outlook.com", "kim.moe@outlook.com"),
        ("kim.moe+ads@hotmail.co.uk", "kim.moe@hotmail.co.uk"),
        ("kim.moe+ads@live.nl", "kim.moe@live.nl"),
        ("kim+ads@live.example", "kim+ads@live.example"),
        ("kim.moe+ads@icloud.com", "kim.moe@icloud.com"),
        ("kim.moe+ads@fastmail.com", "kim.moe@fastmail.com"),
        ("kim.mo-e_x+ads@proton.me", "kimmoex@proton.me"),
        ("kim-ads@yahoo.com", "kim-ads@yahoo.com"),
        ("kim.moe+ads@yahoo.com", "kim.moe+ads@yahoo.com"),
        ("Kim.Moe+Ads@Lead.Example", "kim.moe+ads@lead.example"),
        ("+ads@gmail.com", "+ads@gmail.com"),
        ("-_-@proton.me", "-_-@proton.me"),
    ] {
        assert_eq!(Email::parse(one).unwrap().fold(), folded, "{one}");
    }
}

#[test]
fn debug_and_faults_show_nothing_of_the_address() {
    let email = Email::parse("kim@lead.example").unwrap();
    assert_eq!(format!("{email:?}"), "Email(hidden)");
    assert_eq!(
        EmailFault::TooLong.to_string(),
        EmailFault::TooLong.detail()
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,300}") {
        let _ = Email::parse(&text);
    }

    #[test]
    fn an_accepted_address_reads_back_as_itself_and_folds_to_a_fixed_point(
        text in "[A-Za-z0-9_'+.-]{1,12}@([A-Za-z0-9é-]{1,8}\\.){1,2}(com|de|example|co\\.uk)"
    ) {
        if let Ok(email) = Email::parse(&text) {
            prop_assert!(email.typed().is_ascii() && email.typed().len() <= MAX_EMAIL_UNITS);
            prop_assert_eq!(&Email::parse(email.typed()).unwrap(), &email);
            let folded = email.fold();
            prop_assert_eq!(Email::parse(&folded).unwrap().fold(), folded);
        }
    }

    #[test]
    fn gmail_spellings_of_one_inbox_fold_alike(name in "[a-z]{2,8}", dot in 1usize..8, tag in "[a-z0-9]{0,5}") {
        let mut dotted = name.clone();
        if dot < name.len() {
            dotted.insert(dot, '.');
        }
        let tagged = Email::parse(&format!("{}+{tag}@GoogleMail.com", dotted.to_uppercase())).unwrap();
        prop_assert_eq!(tagged.fold(), format!("{name}@gmail.com"));
    }
}
