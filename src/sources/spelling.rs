//! What people call the fields of their forms.
//!
//! Only spellings that leave no doubt are here: a guess that is wrong puts an answer into a contact field. Whatever
//! else a form calls its fields, the operator maps under `[sources.NAME.fields]`.

use crate::lead::tracking;

/// Spellings without case, spaces, dots, dashes, underscores and a trailing `*` or `:`.
const SPELLINGS: &[(&str, &[&str])] = &[
    (
        "email",
        &[
            "email",
            "emailaddress",
            "youremail",
            "mail",
            "workemail",
            "businessemail",
        ],
    ),
    (
        "phoneNumber",
        &[
            "phone",
            "phonenumber",
            "yourphone",
            "mobile",
            "mobilenumber",
            "mobilephone",
            "tel",
            "telephone",
            "cell",
            "cellphone",
            "whatsapp",
            "whatsappnumber",
            "whatsappphone",
            "workphone",
        ],
    ),
    ("firstName", &["firstname", "givenname", "fname", "vorname"]),
    (
        "lastName",
        &["lastname", "surname", "familyname", "lname", "nachname"],
    ),
    ("name", &["name", "fullname", "yourname"]),
    (
        "company",
        &[
            "company",
            "companyname",
            "organization",
            "organisation",
            "business",
            "businessname",
        ],
    ),
    ("jobTitle", &["jobtitle"]),
    ("city", &["city", "town"]),
    ("region", &["state", "region", "province", "stateprovince"]),
    ("country", &["country"]),
    (
        "postalCode",
        &["postalcode", "postcode", "zip", "zipcode", "zippostalcode"],
    ),
    ("timeZone", &["timezone"]),
    ("landingUrl", &["landingurl", "landingpage", "pageurl"]),
    ("referrerUrl", &["referrer", "referrerurl", "referer"]),
    ("dateTime", &["datetime"]),
    ("linkPrefix", &["linkprefix"]),
];

/// Leadgate's name for what a form calls `name`; `None` when there is any doubt.
pub fn field(name: &str) -> Option<String> {
    let trimmed = name.trim();
    if tracking::is_tracking_key(trimmed) {
        return Some(trimmed.to_owned());
    }
    let lower = trimmed.to_lowercase();
    let bare: String = lower
        .trim_end_matches(['*', ':', ' '])
        .chars()
        .filter(|letter| !matches!(letter, ' ' | '_' | '-' | '.'))
        .collect();
    SPELLINGS
        .iter()
        .find(|(_, spellings)| spellings.contains(&bare.as_str()))
        .map(|(ours, _)| (*ours).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_only_when_there_is_no_doubt() {
        for (name, ours) in [
            ("Email", Some("email")),
            ("E-mail address *", Some("email")),
            ("your-email", Some("email")),
            ("first_name", Some("firstName")),
            ("Full Name:", Some("name")),
            ("Phone Number", Some("phoneNumber")),
            ("UTM_Source", Some("UTM_Source")),
            ("gclid", Some("gclid")),
            ("Zip / Postal code", None),
            ("What is your email marketing budget?", None),
            ("Company size", None),
            ("Name of your dog", None),
            ("", None),
        ] {
            assert_eq!(field(name).as_deref(), ours, "{name}");
        }
    }

    #[test]
    fn every_spelling_leads_to_one_field() {
        let mut all: Vec<_> = SPELLINGS
            .iter()
            .flat_map(|(_, spellings)| *spellings)
            .collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
