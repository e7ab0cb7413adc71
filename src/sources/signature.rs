//! The arithmetic of signed deliveries: keyed hashes over the bytes received, compared in constant time.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

use super::Denied;

/// How old a stamped signature may be, either way: the five minutes that Webflow (developers.webflow.com), HubSpot
/// (developers.hubspot.com) and Standard Webhooks (www.standardwebhooks.com) name.
pub const STAMP_TOLERANCE_SECONDS: i64 = 300;

/// HMAC-SHA-256 of the parts, one after the other.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // RFC 2104: a key longer than the block is replaced by its hash, a shorter one is filled up with zeros.
    let mut block = [0; 64];
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let mut mac = Hmac::<Sha256>::new(&block.into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// HMAC-SHA-512 of the parts, one after the other.
pub fn hmac_sha512(key: &[u8], parts: &[&[u8]]) -> [u8; 64] {
    let mut block = [0; 128];
    if key.len() > block.len() {
        block[..64].copy_from_slice(&Sha512::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let mut mac = Hmac::<Sha512>::new(&block.into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// HMAC-SHA-1 of the parts, one after the other, for senders that know no better: as a keyed hash it still holds.
pub fn hmac_sha1(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    let mut block = [0; 64];
    if key.len() > block.len() {
        block[..20].copy_from_slice(&sha1(&[key]));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let (inner, outer) = (block.map(|byte| byte ^ 0x36), block.map(|byte| byte ^ 0x5c));
    let inner = sha1(&[&[&inner[..]], parts].concat());
    sha1(&[&outer, &inner])
}

fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    let mut hash = sha1_smol::Sha1::new();
    for part in parts {
        hash.update(part);
    }
    hash.digest().bytes()
}

/// SHA-256 of the parts, one after the other.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|half| char::from(DIGITS[usize::from(half)]))
        .collect()
}

/// Standard base64 with padding (RFC 4648, section 4).
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Standard base64, with or without padding. `None`: it is not.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

/// Whether two texts are the same, in a time that tells nothing of where they differ.
pub fn same(shown: &str, wanted: &str) -> bool {
    shown.as_bytes().ct_eq(wanted.as_bytes()).into()
}

/// Compares a signature that was shown with the one wanted.
///
/// # Errors
/// None was shown, or another one.
pub fn check(shown: Option<&str>, wanted: &str) -> Result<(), Denied> {
    let shown = shown.map(str::trim).filter(|shown| !shown.is_empty());
    match shown {
        None => Err(Denied::Missing),
        Some(shown) if same(shown, wanted) => Ok(()),
        Some(_) => Err(Denied::Wrong),
    }
}

/// Whether a stamp in seconds is close enough to now.
///
/// # Errors
/// More than [`STAMP_TOLERANCE_SECONDS`] away.
pub fn check_stamp(stamp_seconds: i64, now: jiff::Timestamp) -> Result<(), Denied> {
    let apart = now.as_second().saturating_sub(stamp_seconds);
    if apart.unsigned_abs() <= STAMP_TOLERANCE_SECONDS.unsigned_abs() {
        Ok(())
    } else {
        Err(Denied::Stale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_rfc_4231() {
        // RFC 4231, test cases 1, 2 and 6 (a key longer than the block).
        for (key, data, wanted) in [
            (
                &[0x0b; 20][..],
                &b"Hi There"[..],
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            let (first, second) = data.split_at(3);
            assert_eq!(hex(&hmac_sha256(key, &[first, second])), wanted);
        }
    }

    #[test]
    fn the_longer_and_the_older_hash_are_those_of_rfc_4231_and_rfc_2202() {
        // Test case 2 of both, and the one with a key longer than the block.
        let jefe = (&b"Jefe"[..], &b"what do ya want for nothing?"[..]);
        let long = b"Test Using Larger Than Block-Size Key - Hash Key First";
        for ((key, data), sha512, sha1) in [
            (
                jefe,
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554",
                "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
            ),
            (
                (&[0xaa; 131][..], &long[..]),
                "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352",
                "90d0dace1c1bdc957339307803160335bde6df2b",
            ),
        ] {
            let (first, second) = data.split_at(5);
            assert_eq!(hex(&hmac_sha512(key, &[first, second])[..32]), sha512);
            assert_eq!(hex(&hmac_sha1(key, &[first, second])), sha1);
        }
        assert_eq!(sha256(&[b"a", b"bc"]), sha256(&[b"abc"]));
    }

    #[test]
    fn a_signature_is_wanted_and_compared_whole() {
        for (shown, wanted) in [
            (None, Err(Denied::Missing)),
            (Some(" "), Err(Denied::Missing)),
            (Some("abc"), Ok(())),
            (Some(" abc "), Ok(())),
            (Some("abcd"), Err(Denied::Wrong)),
            (Some("ab"), Err(Denied::Wrong)),
        ] {
            assert_eq!(check(shown, "abc"), wanted, "{shown:?}");
        }
    }

    #[test]
    fn a_stamp_is_believed_for_five_minutes_either_way() {
        let now = jiff::Timestamp::from_second(1_000_000).unwrap();
        for (stamp, wanted) in [
            (1_000_000, Ok(())),
            (999_700, Ok(())),
            (999_699, Err(Denied::Stale)),
            (1_000_301, Err(Denied::Stale)),
            (i64::MIN, Err(Denied::Stale)),
        ] {
            assert_eq!(check_stamp(stamp, now), wanted, "{stamp}");
        }
    }

    #[test]
    fn base64_is_read_with_and_without_padding() {
        assert_eq!(base64(b"lead"), "bGVhZA==");
        for text in ["bGVhZA==", "bGVhZA"] {
            assert_eq!(from_base64(text).unwrap(), b"lead");
        }
        assert_eq!(from_base64("no, not this"), None);
    }
}
