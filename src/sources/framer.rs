//! Framer's form webhooks (www.framer.com/help/articles/framer-form-webhook-setup): each is one flat object.

use sha2::{Digest, Sha256};

use super::placing::Given;
use super::sent::texts_of;
use super::signature::{check, hex, hmac_sha256};
use super::{Denied, Entry, Item, Kind, Own, Sample, Sent, Setting, Shape, Signed, Unreadable};

/// Framer.
pub struct Framer;

const SETTINGS: &[Setting] = &[Setting::optional("secret", Shape::Secret)];

const SUBMISSION: &str = "framer-webhook-submission-id";

impl Kind for Framer {
    fn name(&self) -> &'static str {
        "framer"
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
        let submission = sent.header(SUBMISSION).ok_or(Denied::Missing)?;
        check(
            sent.header("framer-signature"),
            &signature(secret, sent.body, submission),
        )
    }

    fn read(&self, sent: &Sent<'_>, own: &Own) -> Result<Vec<Item>, Unreadable> {
        let body = sent.json()?;
        let fields = body
            .as_object()
            .ok_or_else(|| Unreadable("the body is not an object".to_owned()))?;
        let mut entry = Entry {
            id: sent
                .header(SUBMISSION)
                .map(|id| id.trim().to_owned())
                .filter(|id| !id.is_empty()),
            ..Entry::default()
        };
        let given = fields.iter().map(|(name, value)| Given {
            name: name.clone(),
            label: name.clone(),
            values: texts_of(value),
        });
        entry.place(own, &[], given.collect());
        Ok(vec![Item::Lead(Box::new(entry))])
    }

    fn sign(&self, sample: Sample<'_>, own: &Own) -> Signed {
        let submission = submission_of(sample.body);
        let mut headers = Vec::new();
        if let Some(secret) = own.text("secret") {
            headers.push((
                "framer-signature".into(),
                signature(secret, sample.body, &submission),
            ));
        }
        headers.push((SUBMISSION.into(), submission));
        Signed {
            headers,
            body: sample.body.to_vec(),
        }
    }

    fn guide(&self) -> &'static [&'static str] {
        &[
            "Select the form in Framer, click Add next to Send To, and choose Webhook.",
            "Enter the address {url}.",
            "Enter a random text of at least 32 letters as the webhook's secret, and set the same text here as secret.",
            "Without a secret set token here and add it to the address: {url}?token=...",
            "Name the inputs plainly (Name, Email, Phone), or map their names under fields.",
        ]
    }
}

fn signature(secret: &str, body: &[u8], submission: &str) -> String {
    let mac = hmac_sha256(secret.as_bytes(), &[body, submission.as_bytes()]);
    format!("sha256={}", hex(&mac))
}

/// A submission id for a sample, in a UUID's shape: the same sample is the same submission.
fn submission_of(body: &[u8]) -> String {
    let digits = hex(&Sha256::digest(body)[..16]);
    [0..8, 8..12, 12..16, 16..20, 20..32]
        .map(|part| digits[part].to_owned())
        .join("-")
}

#[cfg(test)]
mod tests;
