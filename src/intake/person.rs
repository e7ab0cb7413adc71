//! When two leads are the same person asking for the same thing, and when two deliveries are the same: keyed hashes.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::queue::Digest;

/// Hashes under the store's own key. What goes in cannot be found again, nor tried out, without it.
#[derive(Clone)]
pub struct Hasher {
    key: [u8; 32],
}

impl Hasher {
    /// Hashes under this key.
    pub fn new(key: &[u8; 32]) -> Self {
        Self { key: *key }
    }

    /// The digest of `parts`, which cannot run into each other. `purpose` keeps digests of different things apart.
    pub fn digest(&self, purpose: &str, parts: &[&[u8]]) -> Digest {
        // HMAC takes a key of any length, so this cannot fail; a key of the block's size needs no check.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&self.key);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        for part in std::iter::once(&purpose.as_bytes()).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        let full = mac.finalize().into_bytes();
        let mut digest = Digest::default();
        digest.copy_from_slice(&full[..16]);
        digest
    }

    /// One digest for each way of being this person for this event.
    pub fn person(
        &self,
        account: &str,
        event: &str,
        email: Option<&str>,
        phone: Option<&str>,
    ) -> Vec<Digest> {
        let of = |way: &str, value: &str| {
            self.digest(
                "person",
                &[
                    account.as_bytes(),
                    event.as_bytes(),
                    way.as_bytes(),
                    value.as_bytes(),
                ],
            )
        };
        email
            .map(|email| of("email", email))
            .into_iter()
            .chain(phone.map(|phone| of("phone", phone)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_told_apart_by_account_event_and_way() {
        let hasher = Hasher::new(&[1; 32]);
        let one = hasher.person(
            "main",
            "acme/call",
            Some("kim@lead.example"),
            Some("+4790000000"),
        );
        assert_eq!(one.len(), 2);
        assert_eq!(
            one,
            hasher.person(
                "main",
                "acme/call",
                Some("kim@lead.example"),
                Some("+4790000000")
            )
        );
        for other in [
            hasher.person("other", "acme/call", Some("kim@lead.example"), None),
            hasher.person("main", "acme/other", Some("kim@lead.example"), None),
            hasher.person("main", "acme/call", None, Some("kim@lead.example")),
            hasher.person("mainacme", "/call", Some("kim@lead.example"), None),
            Hasher::new(&[2; 32]).person("main", "acme/call", Some("kim@lead.example"), None),
        ] {
            assert!(!one.contains(&other[0]));
        }
    }
}
