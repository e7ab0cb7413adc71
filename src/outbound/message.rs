//! One message: what it says of a lead, and the signature under it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use sha2::Sha256;

use crate::lead::{
    Answer, Booking, Contact, EventType, Guest, Lead, LeadId, ReasonCode, Status, Tracking,
};
use crate::queue::notices::NoticeClaim;

/// The body of every message.
#[derive(Serialize)]
struct Message<'a> {
    r#type: EventType,
    timestamp: Timestamp,
    data: Data<'a>,
}

/// The lead. What is not known is left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    lead_id: LeadId,
    source: &'a str,
    account: &'a str,
    status: Status,
    #[serde(flatten)]
    record: Option<RecordData<'a>>,
}

/// What only a record tells that is there and not erased.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ReasonData<'a>>,
    received_at: Timestamp,
    test: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_of: Option<LeadId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform_id: Option<&'a str>,
    link_prefix: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    booking: Option<BookingData<'a>>,
    #[serde(skip_serializing_if = "<[Timestamp]>::is_empty")]
    alternatives: &'a [Timestamp],
    contact: ContactData<'a>,
    #[serde(skip_serializing_if = "<[Answer]>::is_empty")]
    answers: &'a [Answer],
    #[serde(skip_serializing_if = "<[Guest]>::is_empty")]
    additional_guests: &'a [Guest],
    tracking: &'a Tracking,
    #[serde(skip_serializing_if = "Option::is_none")]
    consent: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Value>,
}

#[derive(Serialize)]
struct ReasonData<'a> {
    code: ReasonCode,
    detail: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BookingData<'a> {
    /// As text: a number may have more digits than a reader keeps.
    event_call_id: String,
    start_time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<Timestamp>,
    time_zone: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    closer_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmation_link: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContactData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    company: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    postal_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<&'a str>,
}

/// What is posted: the event, when it happened, and the lead as it stands now. `lead` is `None` when its record is
/// gone; then, and for an erased lead, only what the notice itself knows is told.
pub fn body(claim: &NoticeClaim, lead: Option<&Lead>) -> Vec<u8> {
    let notice = &claim.notice;
    let data = Data {
        lead_id: notice.lead,
        source: &notice.source,
        account: &notice.account,
        status: lead.map_or(notice.status, |lead| lead.status),
        record: lead
            .filter(|lead| lead.status != Status::Erased)
            .map(RecordData::of),
    };
    let message = Message {
        r#type: notice.event,
        timestamp: claim.at,
        data,
    };
    // Nothing in it can fail to be written.
    serde_json::to_vec(&message).unwrap_or_default()
}

impl<'a> RecordData<'a> {
    fn of(lead: &'a Lead) -> Self {
        let reason = lead.reason.as_ref();
        Self {
            reason: reason.map(|reason| ReasonData {
                code: reason.code,
                detail: &reason.detail,
            }),
            received_at: lead.received_at,
            test: lead.test,
            duplicate_of: lead.duplicate_of,
            platform_id: lead.platform_id.as_deref(),
            link_prefix: &lead.link_prefix,
            booking: lead.booking.as_ref().map(BookingData::of),
            alternatives: &lead.alternatives,
            contact: ContactData::of(&lead.contact),
            answers: &lead.answers,
            additional_guests: &lead.additional_guests,
            tracking: &lead.tracking,
            consent: lead.consent.as_ref(),
            metadata: lead.metadata.as_ref(),
        }
    }
}

impl<'a> BookingData<'a> {
    fn of(booking: &'a Booking) -> Self {
        Self {
            event_call_id: booking.event_call_id.to_string(),
            start_time: booking.start_time,
            end_time: booking.end_time,
            time_zone: &booking.time_zone,
            closer_name: booking.closer_name.as_deref(),
            confirmation_link: booking.confirmation_link.as_deref(),
        }
    }
}

impl<'a> ContactData<'a> {
    fn of(contact: &'a Contact) -> Self {
        Self {
            email: contact.email.as_deref(),
            phone_number: contact.phone_number.as_deref(),
            first_name: contact.first_name.as_deref(),
            last_name: contact.last_name.as_deref(),
            name: contact.name.as_deref(),
            company: contact.company.as_deref(),
            job_title: contact.job_title.as_deref(),
            city: contact.city.as_deref(),
            region: contact.region.as_deref(),
            country: contact.country.as_deref(),
            postal_code: contact.postal_code.as_deref(),
            time_zone: contact.time_zone.as_deref(),
        }
    }
}

/// `webhook-signature`: one for each key, separated by spaces. `None` when a key cannot be used.
pub fn signatures(
    keys: &[Vec<u8>],
    id: &str,
    timestamp_seconds: i64,
    body: &[u8],
) -> Option<String> {
    let each = keys.iter().map(|key| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
        mac.update(format!("{id}.{timestamp_seconds}.").as_bytes());
        mac.update(body);
        let signed = STANDARD.encode(mac.finalize().into_bytes());
        Some(format!("v1,{signed}"))
    });
    let all: Option<Vec<String>> = each.collect();
    Some(all?.join(" "))
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue};
    use serde_json::json;

    use super::*;
    use crate::clock::Clock;
    use crate::lead::MessageId;
    use crate::queue::notices::Notice;
    use crate::settings::SigningKey;

    const ONE: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const TWO: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    fn lead() -> Lead {
        serde_json::from_value(json!({
            "id": "ld_3V9F6Q0T2KX8M4C7RZB1HDN5WA",
            "account": "main",
            "source": "landing",
            "linkPrefix": "acme/strategy-call",
            "lane": "normal",
            "receivedAt": "2026-09-01T08:00:00Z",
            "status": "booked",
            "contact": { "email": "kim@lead.example", "name": "Kim Ek", "phoneTyped": "12 34" },
            "slot": "nearest",
            "booking": {
                "eventCallId": 9_007_199_254_740_993_u64,
                "startTime": "2026-09-02T10:00:00Z",
                "timeZone": "Europe/Oslo",
            },
            "metadata": { "order": 7 },
            "raw": "email=kim@lead.example",
            "sender": { "address": "192.0.2.7" },
        }))
        .unwrap()
    }

    fn claim(lead: &Lead, event: EventType) -> NoticeClaim {
        NoticeClaim {
            notice: Notice {
                id: MessageId::from_bytes([7; 16]),
                receiver: "crm".to_owned(),
                event,
                lead: lead.id,
                account: lead.account.clone(),
                source: lead.source.clone(),
                status: lead.status,
            },
            at: "2026-09-01T08:00:03.5Z".parse().unwrap(),
            tries: 0,
            fence: 1,
        }
    }

    fn told(claim: &NoticeClaim, lead: Option<&Lead>) -> Value {
        serde_json::from_slice(&body(claim, lead)).unwrap()
    }

    #[test]
    fn a_message_tells_the_lead_as_it_stands() {
        let lead = lead();
        let told = told(&claim(&lead, EventType::Booked), Some(&lead));
        let wanted = json!({
            "type": "lead.booked",
            "timestamp": "2026-09-01T08:00:03.5Z",
            "data": {
                "leadId": "ld_3V9F6Q0T2KX8M4C7RZB1HDN5WA",
                "source": "landing",
                "account": "main",
                "status": "booked",
                "receivedAt": "2026-09-01T08:00:00Z",
                "test": false,
                "linkPrefix": "acme/strategy-call",
                "booking": {
                    "eventCallId": "9007199254740993",
                    "startTime": "2026-09-02T10:00:00Z",
                    "timeZone": "Europe/Oslo",
                },
                "contact": { "email": "kim@lead.example", "name": "Kim Ek" },
                "tracking": {},
                "metadata": { "order": 7 },
            },
        });
        assert_eq!(told, wanted);
    }

    #[test]
    fn of_a_lead_that_is_erased_or_gone_only_words_are_told() {
        let mut lead = lead();
        let claim = claim(&lead, EventType::Received);
        lead.status = Status::Erased;
        for (found, status) in [(Some(&lead), "erased"), (None, "booked")] {
            let wanted = json!({
                "leadId": "ld_3V9F6Q0T2KX8M4C7RZB1HDN5WA",
                "source": "landing",
                "account": "main",
                "status": status,
            });
            assert_eq!(told(&claim, found)["data"], wanted);
        }
    }

    #[test]
    fn every_key_signs_as_others_verify() {
        let keys: Vec<Vec<u8>> = [ONE, TWO]
            .iter()
            .map(|text| SigningKey::parse(text).unwrap().bytes())
            .collect();
        let (id, body) = ("msg_1", br#"{"type":"lead.booked"}"#.as_slice());
        let now = Clock::system().now().as_second();
        let verified = |keys: &[Vec<u8>], secret: &str, body: &[u8]| {
            let mut headers = HeaderMap::new();
            let mut put = |name: &'static str, value: &str| {
                headers.insert(name, HeaderValue::from_str(value).unwrap());
            };
            put("webhook-id", id);
            put("webhook-timestamp", &now.to_string());
            put(
                "webhook-signature",
                &signatures(keys, id, now, br#"{"type":"lead.booked"}"#).unwrap(),
            );
            let webhook = standardwebhooks::Webhook::new(secret).unwrap();
            webhook.verify(body, &headers).is_ok()
        };
        assert!(verified(&keys, ONE, body) && verified(&keys, TWO, body));
        assert!(verified(&keys[..1], ONE, body) && !verified(&keys[..1], TWO, body));
        assert!(!verified(&keys, ONE, b"{}"));
    }

    #[test]
    fn a_signature_is_the_one_of_the_specification() {
        // The example of github.com/standard-webhooks/standard-webhooks, made with openssl as well:
        // printf '%s' ID.TIMESTAMP.BODY | openssl dgst -sha256 -mac HMAC -macopt hexkey:KEY -binary | base64
        let key = SigningKey::parse(ONE).unwrap().bytes();
        let signed = signatures(
            &[key],
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        let wanted = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signed.as_deref(), Some(wanted));
    }
}
