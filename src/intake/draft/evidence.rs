//! Certificates of consent that forms put beside the consent itself.

use serde_json::{Map, Value};

/// What TrustedForm (activeprospect.com) and Jornaya's LeadiD (jornaya.com) put into a form, under the names in use.
const NAMES: [&str; 9] = [
    "xxTrustedFormCertUrl",
    "xxTrustedFormPingUrl",
    "xxTrustedFormToken",
    "trustedFormCertUrl",
    "trusted_form_cert_url",
    "leadid_token",
    "universal_leadid",
    "jornayaLeadId",
    "jornaya_lead_id",
];

/// Puts them with the consent, as they were sent. Consent that is no object stays as it is, and so do they; a name
/// that the consent holds already is not replaced.
pub(super) fn gather(consent: &mut Option<Value>, extra: &mut Map<String, Value>) {
    let holds = |consent: &Option<Value>, name: &str| match consent {
        None => false,
        Some(Value::Object(consent)) => consent.contains_key(name),
        Some(_) => true,
    };
    for name in NAMES {
        if holds(consent, name) {
            continue;
        }
        if let Some(value) = extra.shift_remove(name) {
            let consent = consent.get_or_insert_with(|| Value::Object(Map::new()));
            if let Some(consent) = consent.as_object_mut() {
                consent.insert(name.to_owned(), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn certificates_join_the_consent_and_replace_nothing() {
        for (consent, extra, together, left) in [
            (
                json!(null),
                json!({"leadid_token": " 7A "}),
                json!({"leadid_token": " 7A "}),
                json!({}),
            ),
            (
                json!({"terms": true}),
                json!({"trustedFormCertUrl": "https://cert.example/1", "budget": 5}),
                json!({"terms": true, "trustedFormCertUrl": "https://cert.example/1"}),
                json!({"budget": 5}),
            ),
            (
                json!({"leadid_token": "a"}),
                json!({"leadid_token": "b"}),
                json!({"leadid_token": "a"}),
                json!({"leadid_token": "b"}),
            ),
            (
                json!("yes"),
                json!({"leadid_token": "b"}),
                json!("yes"),
                json!({"leadid_token": "b"}),
            ),
        ] {
            let mut had = Some(consent.clone()).filter(|consent| !consent.is_null());
            let mut extra = extra.as_object().unwrap().clone();
            gather(&mut had, &mut extra);
            assert_eq!(
                (had, Value::Object(extra)),
                (Some(together), left),
                "{consent}"
            );
        }
    }
}
