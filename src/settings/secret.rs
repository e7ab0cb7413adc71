//! Secrets in settings: when one is given, and when one is too easy to guess.

use secrecy::{ExposeSecret, SecretString};

use super::fault::Problem;

/// Said beside a secret that is too short.
pub(super) const HOW_TO_MAKE: &str = "make one with: openssl rand -hex 24";

/// 16 characters of hex are 64 random bits, out of reach of guessing over a network.
const LEAST_CHARACTERS: usize = 16;

/// A secret, without the white space around it: a file or a command it was read from often ends in a line break.
pub(super) fn any(text: &str) -> Result<SecretString, Problem> {
    match text.trim() {
        "" => Err(Problem::from("must not be empty")),
        text => Ok(SecretString::from(text)),
    }
}

/// As [`any`], and long enough not to be guessed.
pub(super) fn strong(text: &str) -> Result<SecretString, Problem> {
    let secret = any(text)?;
    if is_guessable(&secret) {
        return Err(
            Problem::from("is too easy to guess: at least 16 characters").hint(HOW_TO_MAKE),
        );
    }
    Ok(secret)
}

/// Whether a secret has fewer than 16 characters.
pub(super) fn is_guessable(secret: &SecretString) -> bool {
    secret.expose_secret().chars().count() < LEAST_CHARACTERS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_secret_is_too_easy_to_guess() {
        assert!(strong("").is_err());
        assert!(strong(" 123456789012345 ").is_err());
        assert_eq!(
            strong(" 1234567890123456\n").unwrap().expose_secret(),
            "1234567890123456"
        );
        assert_eq!(any("x\n").unwrap().expose_secret(), "x");
        assert!(any(" \n").is_err());
    }
}
