//! HubSpot (developers.hubspot.com): an app's subscriptions, which tell of contacts by id, and workflow webhooks, which
//! send the contact.

mod contact;
mod fetch;

use serde_json::Value;

use super::sent::{id_of, text_of};
use super::signature::{base64, check, check_stamp, hex, hmac_sha256, sha256};
use super::{
    Denied, Fetch, Fetcher, Item, Kind, Own, Sample, Sent, Setting, Shape, Signed, Unreadable,
};

/// HubSpot.
pub struct HubSpot;

const SETTINGS: &[Setting] = &[
    Setting::optional("secret", Shape::Secret),
    Setting::optional("access_token", Shape::Secret),
    Setting::optional("api_url", Shape::Url),
];

impl Kind for HubSpot {
    fn name(&self) -> &'static str {
        "hubspot"
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    fn is_signed(&self, own: &Own) -> bool {
        own.text("secret").is_some()
    }

    fn verify(&self, sent: &Sent<'_>, own: &Own) -> Result<(), Denied> {
        let Some(secret) = own.text("secret") else {
            return Ok(());
        };
        if let Some(shown) = sent.header("x-hubspot-signature-v3") {
            let stamp = sent
                .header("x-hubspot-request-timestamp")
                .ok_or(Denied::Missing)?;
            let wanted = |url: &str| version_3(secret, sent.method, url, sent.body, stamp);
            check(Some(shown), &wanted(&decoded(sent.url)))
                .or_else(|_| check(Some(shown), &wanted(sent.url)))?;
            let milliseconds: i64 = stamp.trim().parse().map_err(|_| Denied::Stale)?;
            return check_stamp(milliseconds / 1000, sent.now);
        }
        let shown = sent.header("x-hubspot-signature");
        let wanted = match sent.header("x-hubspot-signature-version") {
            Some("v2") => version_2(secret, sent.method, sent.url, sent.body),
            Some("v1") | None => version_1(secret, sent.body),
            Some(_) => return Err(Denied::Wrong),
        };
        check(shown, &wanted)
    }

    fn read(&self, sent: &Sent<'_>, own: &Own) -> Result<Vec<Item>, Unreadable> {
        match sent.json()? {
            Value::Array(events) => Ok(events_of(&events)),
            event if event.get("subscriptionType").is_some() => Ok(events_of(&[event])),
            contact @ Value::Object(_) => {
                Ok(vec![Item::Lead(Box::new(contact::entry(&contact, own)))])
            }
            _ => Err(Unreadable(
                "the body is neither a list of events nor a contact".to_owned(),
            )),
        }
    }

    fn sign(&self, sample: Sample<'_>, own: &Own) -> Signed {
        let mut headers = Vec::new();
        if let Some(secret) = own.text("secret") {
            let stamp = sample.at.as_millisecond().to_string();
            let url = decoded(sample.url);
            headers.push((
                "x-hubspot-signature-v3".into(),
                version_3(secret, "POST", &url, sample.body, &stamp),
            ));
            headers.push(("x-hubspot-request-timestamp".into(), stamp));
        }
        Signed {
            headers,
            body: sample.body.to_vec(),
        }
    }

    fn fetcher(&self) -> Option<&'static dyn Fetcher> {
        Some(&fetch::Contacts)
    }

    fn guide(&self) -> &'static [&'static str] {
        &[
            "For every new contact: create an app in HubSpot with the scope crm.objects.contacts.read.",
            "Under the app's Webhooks enter the target URL {url} and subscribe to contact.creation.",
            "Set the app's client secret here as secret, and its access token as access_token.",
            "For the contacts of one workflow instead: add the action Send a webhook, method POST, to {url}, and leave access_token out.",
            "Let the action sign its request with the app, or set token here, leave secret out, and enter {url}?token=...",
            "Map your own contact properties by their internal names under fields; those named there are fetched too.",
        ]
    }
}

fn version_1(secret: &str, body: &[u8]) -> String {
    hex(&sha256(&[secret.as_bytes(), body]))
}

fn version_2(secret: &str, method: &str, url: &str, body: &[u8]) -> String {
    let parts = [secret, method, url].map(str::as_bytes);
    hex(&sha256(&[parts[0], parts[1], parts[2], body]))
}

fn version_3(secret: &str, method: &str, url: &str, body: &[u8], stamp: &str) -> String {
    let parts = [method.as_bytes(), url.as_bytes(), body, stamp.as_bytes()];
    base64(&hmac_sha256(secret.as_bytes(), &parts))
}

/// The address as the third version signs it: these characters are written plainly in the path
/// (developers.hubspot.com, "Validating requests").
fn decoded(url: &str) -> String {
    const PLAIN: [(&str, &str); 12] = [
        ("%3A", ":"),
        ("%2F", "/"),
        ("%3F", "?"),
        ("%40", "@"),
        ("%21", "!"),
        ("%24", "$"),
        ("%27", "'"),
        ("%28", "("),
        ("%29", ")"),
        ("%2A", "*"),
        ("%2C", ","),
        ("%3B", ";"),
    ];
    let (path, query) = match url.find('?') {
        Some(at) => url.split_at(at),
        None => (url, ""),
    };
    let path = PLAIN.iter().fold(path.to_owned(), |path, (coded, plain)| {
        path.replace(coded, plain)
            .replace(&coded.to_ascii_lowercase(), plain)
    });
    path + query
}

/// New contacts are to be fetched; a contact erased for privacy is taken back. The rest is not ours to act on.
fn events_of(events: &[Value]) -> Vec<Item> {
    let mut items = Vec::new();
    for event in events {
        let Some(id) = id_of(event.get("objectId")) else {
            continue;
        };
        // Subscriptions of the newer kind name the sort of object by its number.
        let is_contact = event["objectTypeId"] == "0-1";
        let item = match text_of(&event["subscriptionType"]).as_deref() {
            Some("contact.creation") => new_contact(id, event),
            Some("object.creation") if is_contact => new_contact(id, event),
            Some("contact.privacyDeletion") => Item::Withdraw { id },
            Some("object.privacyDeletion") if is_contact => Item::Withdraw { id },
            _ => continue,
        };
        items.push(item);
    }
    items
}

fn new_contact(id: String, event: &Value) -> Item {
    let about = ["eventId", "portalId", "occurredAt", "changeSource"]
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), id_of(event.get(key))?.into())));
    Item::Fetch(Fetch {
        id,
        about: about.collect(),
    })
}

#[cfg(test)]
mod tests;
