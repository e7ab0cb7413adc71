use super::*;
use crate::lead::{Lane, SlotPolicy};
use crate::settings::{Channel, parse};

fn source(reply: Reply, fields: &[(&str, &str)]) -> Source {
    let word = match reply {
        Reply::Neutral => "neutral",
        Reply::ManyChat(_) => "manychat",
        Reply::DialogflowCx => "dialogflow_cx",
        Reply::Flat => "flat",
    };
    let text = format!(
        "[accounts.main]\napi_key = \"iclosed_abc\"\n[sources.bot]\nkind = \"chatbot\"\nlink_prefix = \"acme/call\"\n\
         api_keys = [\"0123456789abcdef\"]\nreply = \"{word}\"\n"
    );
    let mut source = parse(&text, "leadgate.toml", &|_| None).unwrap().sources["bot"].clone();
    assert_eq!(
        (source.lane, source.slot),
        (Lane::Interactive, SlotPolicy::Earliest)
    );
    for (theirs, ours) in fields {
        source
            .fields
            .insert((*theirs).to_owned(), (*ours).to_owned());
    }
    source
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other}"),
    }
}

#[test]
fn a_bots_own_names_lead_to_leadgates() {
    let manychat = source(
        Reply::ManyChat(Channel::Messenger),
        &[("budget", "answers.team-size"), ("Nummer", "phoneNumber")],
    );
    for (sent, read) in [
        (
            json!({"first_name": "Kim", "phone": "+4790000000", "email": "kim@lead.example"}),
            json!({"firstName": "Kim", "phoneNumber": "+4790000000", "email": "kim@lead.example"}),
        ),
        // A name of leadgate's own goes before a guess, and the operator's map before both.
        (
            json!({"mail": "a@lead.example", "email": "b@lead.example"}),
            json!({"email": "b@lead.example", "mail": "a@lead.example"}),
        ),
        (
            json!({"phone": "+4790000001", "Nummer": 4_790_000_000_u64}),
            json!({"phoneNumber": "4790000000", "phone": "+4790000001"}),
        ),
        (
            json!({"budget": "12", "answers": {"goal": "more"}}),
            json!({"answers": {"team-size": "12", "goal": "more"}}),
        ),
        (
            json!({"timezone": "UTC+02", "time_zone": "Europe/Oslo"}),
            json!({"timeZone": "Europe/Oslo", "timezone": "UTC+02"}),
        ),
        (
            json!({"phone": 0, "email": "{email}", "children": 0}),
            json!({"children": 0}),
        ),
        (json!({"timezone": "UTC+02"}), json!({"timezone": "UTC+02"})),
        (
            json!({"timezone": "Europe/Oslo"}),
            json!({"timeZone": "Europe/Oslo"}),
        ),
        (
            json!({"email": null, "custom_fields": {"E-mail": "kim@lead.example", "utm_source": "news", "Shoe": "42"}}),
            json!({"email": "kim@lead.example", "utm_source": "news", "custom_fields": {"Shoe": "42"}}),
        ),
    ] {
        assert_eq!(
            Value::Object(fields(&manychat, object(sent.clone())).fields),
            read,
            "{sent}"
        );
    }
}

#[test]
fn a_second_value_of_a_field_is_a_repeat() {
    let flat = source(Reply::Flat, &[("a", "email"), ("b", "email")]);
    let sent =
        json!({"email": "own@lead.example", "a": "kim@lead.example", "b": "ida@lead.example"});
    let placed = fields(&flat, object(sent));
    assert_eq!(
        Value::Object(placed.fields),
        json!({"email": "kim@lead.example"})
    );
    assert_eq!(
        Value::Object(placed.repeats),
        json!({"b": "ida@lead.example", "email": "own@lead.example"})
    );
}

#[test]
fn a_variable_nobody_filled_in_is_absent() {
    for (value, unset) in [
        (json!(null), true),
        (json!(0), true),
        (json!(0.0), true),
        (json!("0"), true),
        (json!(""), true),
        (json!(" undefined "), true),
        (json!("{email}"), true),
        (json!("{{user.email}}"), true),
        (json!("{\"a\": 1}"), false),
        (json!(false), false),
        (json!(12), false),
        (json!("Kim"), false),
        (json!([]), false),
    ] {
        assert_eq!(is_unset(&value), unset, "{value}");
    }
}

#[test]
fn what_dialogflow_tells_in_parts_is_one_text() {
    for (told, read) in [
        (
            json!({"name": "Kim Ek", "original": "kim ek"}),
            json!("Kim Ek"),
        ),
        (json!({"original": "kim ek"}), json!("kim ek")),
        (
            json!({"year": 2026.0, "month": 12.0, "day": 1.0}),
            json!("2026-12-01"),
        ),
        (
            json!({"year": 2026, "month": 12, "day": 1, "hours": 9, "minutes": 30, "seconds": 0, "nanos": 0}),
            json!("2026-12-01T09:30:00"),
        ),
        (
            json!({"year": -1, "month": 12, "day": 1}),
            json!({"year": -1, "month": 12, "day": 1}),
        ),
        (json!(12.0), json!("12")),
        (json!("x"), json!("x")),
        (json!(true), json!(true)),
    ] {
        assert_eq!(plain(told.clone()), read, "{told}");
    }
}

fn request(session: &str, tag: &str, parameters: Value) -> Map<String, Value> {
    object(json!({
        "detectIntentResponseId": "r-1", "languageCode": "de", "text": "ja",
        "fulfillmentInfo": {"tag": tag},
        "sessionInfo": {"session": session, "parameters": parameters},
    }))
}

#[test]
fn a_turn_is_the_lead_its_conversation_gathered() {
    let dialogflow = source(Reply::DialogflowCx, &[]);
    let body = request(
        "s/1",
        "lead",
        json!({"person": "x", "name": {"name": "Kim Ek"}, "email": "kim@lead.example", "leadgate_status": "queued"}),
    );
    assert_eq!(
        Value::Object(fields(&dialogflow, body).fields),
        json!({
            "email": "kim@lead.example", "name": "Kim Ek", "person": "x",
            "metadata": {"session": "s/1", "tag": "lead", "languageCode": "de"},
        })
    );
    // A flexible webhook posts what its author composes.
    let composed = object(json!({"e-mail": "kim@lead.example"}));
    let composed = fields(&dialogflow, composed).fields;
    assert_eq!(composed["email"], "kim@lead.example");
}

#[test]
fn the_same_values_in_one_place_of_one_conversation_are_one_lead() {
    let hasher = Hasher::new(&[7; 32]);
    let key = |session: &str, tag: &str, parameters: Value| {
        Turn::read(&request(session, tag, parameters))
            .unwrap()
            .key(&hasher, "bot")
    };
    let first = key(
        "s/1",
        "lead",
        json!({"email": "a@lead.example", "name": "Kim"}),
    );
    for (session, tag, parameters, same) in [
        (
            "s/1",
            "lead",
            json!({"name": "Kim", "email": "a@lead.example"}),
            true,
        ),
        (
            "s/1",
            "lead",
            json!({"name": "Kim", "email": "a@lead.example", "leadgate_status": "queued"}),
            true,
        ),
        (
            "s/1",
            "lead",
            json!({"name": "Kim", "email": "b@lead.example"}),
            false,
        ),
        (
            "s/2",
            "lead",
            json!({"name": "Kim", "email": "a@lead.example"}),
            false,
        ),
        (
            "s/1",
            "again",
            json!({"name": "Kim", "email": "a@lead.example"}),
            false,
        ),
    ] {
        assert_eq!(
            key(session, tag, parameters.clone()) == first,
            same,
            "{session} {tag} {parameters}"
        );
    }
}

#[test]
fn a_turn_asks_for_times_by_its_parameters() {
    let turn = Turn::read(&request(
        "s/1",
        "slots",
        json!({"part": "morning", "limit": 3.0, "per_day": 2, "from": {"year": 2026, "month": 12, "day": 1}, "email": "x"}),
    ))
    .unwrap();
    let mut asked: Vec<_> = query(&turn).collect();
    asked.sort();
    let wanted = [
        ("from", "2026-12-01"),
        ("limit", "3"),
        ("part", "morning"),
        ("perDay", "2"),
    ];
    assert_eq!(
        asked,
        wanted.map(|(name, text)| (name.to_owned(), text.to_owned()))
    );
}
