//! The kinds of source, and the settings that only one kind has.
//!
//! A new kind is a variant of [`SourceKind`] and a line in [`KINDS`].

use reqwest::Url;
use secrecy::SecretString;

use super::fault::Problem;
use super::secret;
use super::section::{Section, one_of};
use crate::lead::Lane;

/// Who delivers a source's leads, and how it proves itself.
#[derive(Clone, Debug)]
pub enum SourceKind {
    /// A page in a browser. It can keep no secret; it is known by the origin the browser names.
    Form {
        /// `scheme://host[:port]` as a browser writes it, or `*` for every page there is.
        allowed_origins: Vec<String>,
    },
    /// A program of the operator's, which holds a key.
    Chatbot {
        /// At least one, each of 16 characters or more.
        api_keys: Vec<SecretString>,
    },
}

struct Kind {
    name: &'static str,
    /// Settings no other kind has.
    keys: &'static [&'static str],
    read: fn(&Section<'_>) -> SourceKind,
}

const KINDS: [Kind; 2] = [
    Kind {
        name: "form",
        keys: &["allowed_origins"],
        read: form,
    },
    Kind {
        name: "chatbot",
        keys: &["api_keys"],
        read: chatbot,
    },
];

impl SourceKind {
    /// The kind as written in the settings.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Form { .. } => "form",
            Self::Chatbot { .. } => "chatbot",
        }
    }

    /// `None` when the kind is missing or unknown.
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let kinds = KINDS.each_ref().map(|kind| (kind.name, kind));
        let known = KINDS.each_ref().map(|kind| kind.name).join(", ");
        let kind = section.required("kind", |text| {
            one_of(text, &kinds).map_err(|problem| Problem {
                text: format!("unknown kind: known kinds are {known}"),
                ..problem
            })
        })?;
        Some((kind.read)(section))
    }

    /// The lane, and the seconds an answer is held back, where the settings do not say: behind a chatbot somebody
    /// waits for its next sentence.
    pub(super) fn pace(&self) -> (Lane, u64) {
        match self {
            Self::Form { .. } => (Lane::Normal, 0),
            Self::Chatbot { .. } => (Lane::Interactive, 4),
        }
    }

    /// A hint for a key that another kind has.
    pub(super) fn where_it_belongs(key: &str) -> Option<String> {
        let kind = KINDS.iter().find(|kind| kind.keys.contains(&key))?;
        Some(format!("only sources of kind {} have it", kind.name))
    }
}

fn form(section: &Section<'_>) -> SourceKind {
    let allowed_origins = section.list("allowed_origins", origin).unwrap_or_default();
    if allowed_origins.is_empty() {
        section.warn(
            "allowed_origins",
            Problem::from("is empty: browsers can post no lead from another origin")
                .hint("list the origins of your pages, such as https://acme.example"),
        );
    }
    if allowed_origins.iter().any(|origin| origin == "*") {
        section.warn(
            "allowed_origins",
            "lets every page on the web post leads here",
        );
    }
    SourceKind::Form { allowed_origins }
}

fn chatbot(section: &Section<'_>) -> SourceKind {
    let api_keys = section.list("api_keys", secret::strong);
    if !section.has("api_keys") || api_keys.as_ref().is_some_and(Vec::is_empty) {
        section.fault(
            "api_keys",
            Problem::from("must hold at least one key").hint(secret::HOW_TO_MAKE),
        );
    }
    SourceKind::Chatbot {
        api_keys: api_keys.unwrap_or_default(),
    }
}

/// An origin the way a browser writes it (RFC 6454): lower case, no default port, no path.
fn origin(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    if text == "*" {
        return Ok(text.to_owned());
    }
    let wrong = || Problem::from("must be an origin, such as https://acme.example");
    let url = Url::parse(text).map_err(|_| match text.contains("://") {
        true => wrong(),
        false => wrong().hint("it begins with https://"),
    })?;
    if url.host_str().is_some_and(|host| host.contains('*')) {
        return Err(wrong().hint("list each origin; only * alone stands for all"));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong().hint("leave out what follows the host"));
    }
    let is_web = matches!(url.scheme(), "http" | "https");
    if !is_web || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong());
    }
    Ok(url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_the_way_browsers_write_it() {
        for (text, expected) in [
            ("https://acme.example", "https://acme.example"),
            ("HTTPS://Acme.Example:443/", "https://acme.example"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("*", "*"),
        ] {
            assert_eq!(origin(text), Ok(expected.into()));
        }
        for bad in [
            "",
            "null",
            "acme.example",
            "https://acme.example/page",
            "https://acme.example?x",
            "https://*.acme.example",
            "https://u@acme.example",
            "ftp://acme.example",
            "file:///page.html",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }
}
