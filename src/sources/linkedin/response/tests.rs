use super::*;
use serde_json::json;

fn form() -> Value {
    json!({
        "id": 42, "name": "Spring form", "creationLocale": {"country": "DE", "language": "de"},
        "hiddenFields": [
            {"name": "utm_source", "value": "linkedin"}, {"name": "UTM_Campaign", "value": "spring"},
            {"name": "region_code", "value": "EU"}, {"name": "size", "value": "M"}, {"name": "none"},
        ],
        "content": {"questions": [
            {"questionId": 1, "name": "First name", "predefinedField": "FIRST_NAME",
                "question": {"localized": {"de_DE": "Vorname"}}},
            {"questionId": 2, "name": "Work email", "predefinedField": "WORK_EMAIL",
                "question": {"localized": {"de_DE": "Geschäftlich"}}},
            {"questionId": "3", "name": "Email", "predefinedField": "EMAIL"},
            {"questionId": 6955637458260688897_u64, "name": "roof",
                "question": {"localized": {"en_US": "Roof?", "de_DE": "Welches Dach?"}},
                "questionDetails": {"multipleChoiceQuestionDetails": {"options": [
                    {"id": 1, "text": {"localized": {"de_DE": "Flach"}}},
                    {"id": 2, "text": {"localized": {"fr_FR": "Pentu"}}}]}}},
            {"questionId": 5, "predefinedField": "SENIORITY", "name": "Seniority"},
        ]},
    })
}

fn read(response: &Value, form: &Value) -> Entry {
    let mut own = Own::default();
    own.fields
        .insert("size".into(), "answers.company_size".into());
    entry(
        "urn:li:leadGenFormResponse:7",
        &Map::new(),
        response,
        form,
        &own,
    )
}

fn answers(entry: &Entry) -> Vec<(&str, String)> {
    let answers = entry.answers.iter();
    answers
        .map(|answer| (answer.question.as_str(), answer.values.join("|")))
        .collect()
}

#[test]
fn answers_find_their_questions_and_choices_their_texts() {
    let text = |id: Value, answer: &str| json!({"questionId": id, "answerDetails": {"textQuestionAnswer": {"answer": answer}}});
    let response = json!({
        "testLead": true, "submittedAt": 1_770_000_000_000_u64, "leadType": "SPONSORED",
        "owner": {"sponsoredAccount": "urn:li:sponsoredAccount:1"}, "submitter": "urn:li:person:x",
        "versionedLeadGenFormUrn": "urn:li:versionedLeadGenForm:(urn:li:leadGenForm:42,1)",
        "leadMetadata": {"sponsoredLeadMetadata": {"campaign": "urn:li:sponsoredCampaign:5"}},
        "associatedEntity": {"associatedCreative": "urn:li:sponsoredCreative:9"},
        "formResponse": {
            "answers": [
                text(json!(2), "w@lead.example"), text(json!(1), "José"), text(json!(3), "e@lead.example"),
                {"questionId": 6955637458260688897_u64, "answerDetails": {"multipleChoiceAnswer": {"options": [1, 2, 9]}}},
                text(json!(5), "Director"), text(json!(99), "lost"),
                {"questionId": 98, "name": "named", "answerDetails": {"textQuestionAnswer": {"answer": "x"}}},
                {"questionId": 1, "answerDetails": {}},
            ],
            "consentResponses": [{"consentId": 4, "accepted": true}],
        },
    });
    let entry = read(&response, &form());
    assert!(entry.test);
    assert_eq!(entry.id.as_deref(), Some("urn:li:leadGenFormResponse:7"));
    assert_eq!(entry.fields["firstName"], "José");
    assert_eq!(entry.fields["email"], "e@lead.example");
    assert_eq!(
        answers(&entry),
        [
            ("Geschäftlich", "w@lead.example".to_owned()),
            ("Welches Dach?", "Flach|Pentu|9".to_owned()),
            ("Seniority", "Director".to_owned()),
            ("99", "lost".to_owned()),
            ("named", "x".to_owned()),
            ("company_size", "M".to_owned()),
        ]
    );
    let mark = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        entry.marks,
        [
            mark("utm_source", "linkedin"),
            mark("UTM_Campaign", "spring")
        ]
    );
    for (name, value) in [
        ("region_code", "EU"),
        ("submittedAt", "1770000000000"),
        ("owner", "urn:li:sponsoredAccount:1"),
        ("campaign", "urn:li:sponsoredCampaign:5"),
        ("associatedEntity", "urn:li:sponsoredCreative:9"),
        ("formName", "Spring form"),
    ] {
        assert_eq!(entry.metadata[name], value, "{name}");
    }
    assert_eq!(entry.consent["consentResponses"][0]["accepted"], true);
}

#[test]
fn without_its_form_a_response_keeps_every_answer() {
    let response = json!({"formResponse": {"answers": [
        {"questionId": 1, "name": "email", "answerDetails": {"textQuestionAnswer": {"answer": "e@lead.example"}}},
        {"questionId": 2, "answerDetails": {"multipleChoiceAnswer": {"options": [7]}}},
        null, {"answerDetails": {"textQuestionAnswer": {"answer": "orphan"}}},
    ]}});
    let entry = read(&response, &Value::Null);
    assert!(!entry.test);
    assert_eq!(entry.fields["email"], "e@lead.example");
    assert_eq!(
        answers(&entry),
        [("2", "7".to_owned()), ("", "orphan".to_owned())]
    );
    assert_eq!(answers(&read(&Value::Null, &Value::Null)), []);
}

#[test]
fn a_forms_number_stands_in_every_spelling_of_its_urn() {
    for (urn, wanted) in [
        (
            "urn:li:versionedLeadGenForm:(urn:li:leadGenForm:42,1)",
            Some("42"),
        ),
        (
            "urn:li:leadGenForm:6955637458260688897",
            Some("6955637458260688897"),
        ),
        ("urn:li:leadGenForm:", None),
        ("urn:li:leadGenForm:x/../y", None),
        ("42", None),
    ] {
        assert_eq!(form_number(urn).as_deref(), wanted, "{urn}");
    }
}

#[test]
fn a_response_has_one_urn_however_the_api_names_it() {
    for id in ["a-1", "urn:li:leadGenFormResponse:a-1"] {
        assert_eq!(response_urn(id), "urn:li:leadGenFormResponse:a-1");
    }
}
