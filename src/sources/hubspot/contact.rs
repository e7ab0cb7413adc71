//! A contact of HubSpot's, in the three ways it is written: by the API, by a workflow, and by the operator's own choice
//! of properties.

use serde_json::Value;

use crate::sources::placing::Given;
use crate::sources::sent::{id_of, texts_of};
use crate::sources::{Entry, Own, spelling};

/// The contact properties that have a place of their own (developers.hubspot.com, default contact properties); where
/// two lead to one place the first outweighs.
pub const PROPERTIES: [(&str, &str); 11] = [
    ("email", "email"),
    ("phone", "phoneNumber"),
    ("mobilephone", "phoneNumber"),
    ("firstname", "firstName"),
    ("lastname", "lastName"),
    ("company", "company"),
    ("jobtitle", "jobTitle"),
    ("city", "city"),
    ("state", "region"),
    ("country", "country"),
    ("zip", "postalCode"),
];

/// HubSpot's own names of two click ids.
pub const CLICK_IDS: [(&str, &str); 2] = [
    ("hs_google_click_id", "gclid"),
    ("hs_facebook_click_id", "fbclid"),
];

/// Where the contact came from, in HubSpot's words.
pub const ORIGIN: [&str; 5] = [
    "createdate",
    "hs_analytics_source",
    "hs_analytics_source_data_1",
    "hs_analytics_source_data_2",
    "first_conversion_event_name",
];

/// Beginnings of the names of what HubSpot counts and keeps for itself.
const BOOKKEEPING: [&str; 10] = [
    "hs_",
    "hubspot_",
    "num_",
    "notes_",
    "ip_",
    "first_conversion_",
    "recent_conversion_",
    "currentlyin",
    "lastmodified",
    "lifecyclestage",
];

/// A contact under leadgate's names.
pub fn entry(contact: &Value, own: &Own) -> Entry {
    let properties = match &contact["properties"] {
        Value::Object(properties) => Some(properties),
        _ => contact.as_object(),
    };
    let id = ["vid", "id", "objectId", "hs_object_id"]
        .iter()
        .find_map(|key| id_of(contact.get(key)))
        .or_else(|| id_of(properties?.get("hs_object_id").map(current)));
    let mut entry = Entry {
        id,
        ..Entry::default()
    };
    let is_flat = contact["properties"].is_null();
    let mut given = Vec::new();
    for (name, value) in properties.into_iter().flatten() {
        let values = texts_of(current(value));
        let is_mapped = own.fields.contains_key(name);
        let click_id = CLICK_IDS.iter().find(|(theirs, _)| theirs == name);
        let is_id = is_flat && matches!(name.as_str(), "vid" | "id" | "objectId");
        if let Some((_, mark)) = click_id.filter(|_| !is_mapped) {
            values.iter().for_each(|value| entry.mark(mark, value));
        } else if is_mapped || !(is_id || is_bookkeeping(name)) {
            given.push(Given {
                name: name.clone(),
                label: name.clone(),
                values,
            });
        } else if ORIGIN.contains(&name.as_str()) {
            entry.about(name, values.into_iter().next());
        }
    }
    entry.place(own, &PROPERTIES, given);
    entry.about("portalId", id_of(contact.get("portal-id")));
    entry
}

/// Workflows send a property with its history: `{"value": …, "versions": […]}`.
fn current(property: &Value) -> &Value {
    match property {
        Value::Object(parts) => parts.get("value").unwrap_or(property),
        plain => plain,
    }
}

fn is_bookkeeping(name: &str) -> bool {
    let is_theirs = BOOKKEEPING.iter().any(|start| name.starts_with(start)) || name == "createdate";
    is_theirs && spelling::field(name).is_none()
}
