//! What is wrong with one field of a delivery.

use serde::Serialize;

/// One fault, pointing at its place; never repeats what was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// RFC 6901 JSON pointer; empty for the whole body.
    pub pointer: String,
    /// A stable snake_case word.
    pub code: &'static str,
    /// A sentence for a person.
    pub detail: String,
}

impl Fault {
    /// A fault at a place.
    pub fn new(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            code,
            detail: detail.into(),
        }
    }
}
