//! Ids of leads and of messages: `ld_` or `msg_`, and 26 characters of Crockford base32 over 128 random bits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const PREFIX: &str = "ld_";
const MESSAGE_PREFIX: &str = "msg_";
const DIGITS: usize = 26;

/// A lead's name. Unguessable: whoever knows it may see the lead's status.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeadId([u8; 16]);

/// The text is not a lead id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a lead id: `ld_` and 26 characters of Crockford base32 are wanted")]
pub struct NotALeadId;

impl LeadId {
    /// The id made of these 16 bytes, which must be random.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes behind the text.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A new id from the system's randomness.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }
}

fn spell(f: &mut fmt::Formatter<'_>, prefix: &str, bytes: [u8; 16]) -> fmt::Result {
    let value = u128::from_be_bytes(bytes);
    let mut digits = [0; DIGITS];
    for (place, digit) in digits.iter_mut().rev().enumerate() {
        *digit = ALPHABET[usize::from((value >> (place * 5)) as u8 & 31)];
    }
    f.write_str(prefix)?;
    f.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
}

fn read(text: &str, prefix: &str) -> Option<[u8; 16]> {
    let digits = text.strip_prefix(prefix)?.as_bytes();
    if digits.len() != DIGITS {
        return None;
    }
    let mut value: u128 = 0;
    for (place, digit) in digits.iter().enumerate() {
        let five = ALPHABET.iter().position(|a| a == digit)?;
        if place == 0 && five > 7 {
            return None;
        }
        value = (value << 5) | five as u128;
    }
    Some(value.to_be_bytes())
}

impl fmt::Display for LeadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        spell(f, PREFIX, self.0)
    }
}

impl fmt::Debug for LeadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for LeadId {
    type Err = NotALeadId;

    fn from_str(text: &str) -> Result<Self, NotALeadId> {
        read(text, PREFIX).map(Self).ok_or(NotALeadId)
    }
}

impl Serialize for LeadId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LeadId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The name of a message to a receiver, the same in every try. Unguessable, so that nobody can name one beforehand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId([u8; 16]);

/// The text is not a message's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a message id: `msg_` and 26 characters of Crockford base32 are wanted")]
pub struct NotAMessageId;

impl MessageId {
    /// The id made of these 16 bytes, which must be random.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes behind the text.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A new id from the system's randomness.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        spell(f, MESSAGE_PREFIX, self.0)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MessageId {
    type Err = NotAMessageId;

    fn from_str(text: &str) -> Result<Self, NotAMessageId> {
        read(text, MESSAGE_PREFIX).map(Self).ok_or(NotAMessageId)
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_reads_back_as_itself(bytes: [u8; 16]) {
            let id = LeadId::from_bytes(bytes);
            let text = id.to_string();
            prop_assert_eq!(text.len(), 29);
            prop_assert_eq!(text.parse::<LeadId>(), Ok(id));
            let id = MessageId::from_bytes(bytes);
            let text = id.to_string();
            prop_assert_eq!(text.len(), 30);
            prop_assert_eq!(text.parse::<MessageId>(), Ok(id));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text: String) {
            let _ = text.parse::<LeadId>();
        }
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for text in [
            "",
            "ld_",
            "ld_8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
            "xx_0123456789ABCDEFGHJKMNPQRS",
            "ld_0123456789abcdefghjkmnpqrs",
        ] {
            assert_eq!(text.parse::<LeadId>(), Err(NotALeadId), "{text}");
        }
    }
}
