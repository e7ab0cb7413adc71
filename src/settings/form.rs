//! What only sources of kind `form` have: whose pages may post, where a visitor goes next, and what keeps robots out.

use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;

use super::fault::Problem;
use super::secret;
use super::section::{Section, one_of};
use crate::sources::spelling;

/// The settings that no other kind has.
pub(super) const KEYS: [&str; 5] = [
    "allowed_origins",
    "redirect_urls",
    "honeypot",
    "min_fill_seconds",
    "captcha",
];

/// The usual name of the field that only robots fill in.
const HONEYPOT: &str = "_gotcha";

/// A page in a browser. It can keep no secret; it is known by the origin the browser names.
#[derive(Clone, Debug)]
pub struct Form {
    /// `scheme://host[:port]` as a browser writes it, or `*` for every page there is.
    pub allowed_origins: Vec<String>,
    /// Where a form that is posted without a script may send its visitor; the first, when it names none of them.
    pub redirect_urls: Vec<String>,
    /// The field that nobody sees and only robots fill in.
    pub honeypot: Option<String>,
    /// Whoever is quicker is taken for a robot, 0 (nobody is) to 60 s.
    pub min_fill: Duration,
    /// Who tells people from robots, when the form asks somebody.
    pub captcha: Option<Captcha>,
}

/// A captcha's provider, and what its answers must say.
#[derive(Clone, Debug)]
pub struct Captcha {
    /// Whose widget is on the page.
    pub provider: CaptchaProvider,
    /// Shown to the provider and to nobody else.
    pub secret: SecretString,
    /// Where tokens are checked.
    pub verify_url: String,
    /// The least that reCAPTCHA v3 must give, 0 to 1. Its version 2 gives no score.
    pub min_score: f64,
    /// What the widget was told it is for, when that must match.
    pub action: Option<String>,
    /// What becomes of leads while the provider does not answer.
    pub when_down: WhenDown,
}

/// Who checks a captcha.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptchaProvider {
    /// Cloudflare's (developers.cloudflare.com/turnstile).
    Turnstile,
    /// docs.hcaptcha.com.
    HCaptcha,
    /// Google's, version 2 or 3 (developers.google.com/recaptcha).
    ReCaptcha,
}

/// What becomes of leads while a captcha cannot be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenDown {
    /// They are taken as if it had been solved.
    Accept,
    /// They are kept for a person to look at.
    Park,
    /// They are refused, to be posted again.
    Refuse,
}

const PROVIDERS: [(&str, CaptchaProvider); 3] = [
    ("turnstile", CaptchaProvider::Turnstile),
    ("hcaptcha", CaptchaProvider::HCaptcha),
    ("recaptcha", CaptchaProvider::ReCaptcha),
];

const WHEN_DOWN: [(&str, WhenDown); 3] = [
    ("accept", WhenDown::Accept),
    ("park", WhenDown::Park),
    ("refuse", WhenDown::Refuse),
];

impl CaptchaProvider {
    fn verify_url(self) -> &'static str {
        match self {
            Self::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/siteverify",
            Self::HCaptcha => "https://api.hcaptcha.com/siteverify",
            Self::ReCaptcha => "https://www.google.com/recaptcha/api/siteverify",
        }
    }

    /// The field in which its widget puts the token.
    pub fn token_field(self) -> &'static str {
        match self {
            Self::Turnstile => "cf-turnstile-response",
            Self::HCaptcha => "h-captcha-response",
            Self::ReCaptcha => "g-recaptcha-response",
        }
    }
}

impl Form {
    pub(super) fn read(section: &Section<'_>) -> Self {
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
        let redirect_urls = section.list("redirect_urls", page_address);
        let honeypot = section.parsed("honeypot", honeypot);
        let min_fill_seconds = section.number("min_fill_seconds", 0..=60, 0);
        let captcha = section.section("captcha");
        let captcha = match section.has("captcha") {
            true => Captcha::read(&captcha),
            false => None,
        };
        Self {
            allowed_origins,
            redirect_urls: redirect_urls.unwrap_or_default(),
            honeypot: honeypot.unwrap_or_else(|| Some(HONEYPOT.to_owned())),
            min_fill: Duration::from_secs(min_fill_seconds),
            captcha,
        }
    }
}

impl Captcha {
    fn read(section: &Section<'_>) -> Option<Self> {
        let provider = section.required("provider", |text| one_of(text, &PROVIDERS));
        let secret = section.required("secret", secret::any);
        let verify_url = section.parsed("verify_url", web_address);
        let min_score = section.decimal("min_score", |score| match (0.0..=1.0).contains(&score) {
            true => Ok(score),
            false => Err(Problem::from("must be from 0 to 1")),
        });
        let action = section.parsed("action", |text| match text.trim() {
            "" => Err(Problem::from("must not be empty")),
            text => Ok(text.to_owned()),
        });
        let when_down = section.word("when_down", &WHEN_DOWN, WhenDown::Accept);
        section.close(|_| None);
        let provider = provider?;
        if min_score.is_some() && provider != CaptchaProvider::ReCaptcha {
            section.fault("min_score", "only recaptcha gives a score");
        }
        if action.is_some() && provider == CaptchaProvider::HCaptcha {
            section.fault("action", "hcaptcha knows no actions");
        }
        Some(Self {
            provider,
            secret: secret?,
            verify_url: verify_url.unwrap_or_else(|| provider.verify_url().to_owned()),
            // Google's own advice (developers.google.com/recaptcha/docs/v3).
            min_score: min_score.unwrap_or(0.5),
            action,
            when_down,
        })
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

/// A whole address, kept as it is written: a form names it letter by letter. It goes into a header, so nothing may
/// stand in it that an address would have to encode.
fn page_address(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    let wrong = || Problem::from("must be a page's address, such as https://acme.example/thanks");
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_page = matches!(url.scheme(), "http" | "https") && text.contains("://");
    if !is_page || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong());
    }
    match text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    {
        true => Ok(text.to_owned()),
        false => Err(wrong().hint(format!("encoded it is {url}"))),
    }
}

/// `None` when it is turned off.
fn honeypot(text: &str) -> Result<Option<String>, Problem> {
    let name = text.trim();
    match spelling::field(name) {
        Some(_) => Err(Problem::from("is a field that people fill in")
            .hint("give it a name of its own, such as _gotcha")),
        None => Ok(Some(name.to_owned()).filter(|name| !name.is_empty())),
    }
}

/// An address without a slash at its end.
pub(super) fn web_address(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err(Problem::from(
            "must be an address that begins with https://",
        )),
    }
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

    #[test]
    fn a_page_to_go_to_is_a_whole_address_and_kept_as_written() {
        for text in [
            "https://acme.example",
            "https://acme.example/thanks?from=form#top",
            "http://127.0.0.1:3000/danke.html",
        ] {
            assert_eq!(page_address(&format!(" {text}\n")), Ok(text.to_owned()));
        }
        for bad in [
            "",
            "/thanks",
            "//acme.example/thanks",
            "acme.example/thanks",
            "https:acme.example",
            "https://user:word@acme.example/",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://acme.example\\@other.example",
            "https://acme.example/a b",
            "https://acme.example/a\r\nSet-Cookie: x",
            "https://acme.example/schön",
        ] {
            assert!(page_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_trap_is_no_field_that_people_fill_in() {
        assert_eq!(honeypot(" website "), Ok(Some("website".to_owned())));
        assert_eq!(honeypot(""), Ok(None));
        for bad in ["email", "Company", "full_name", "utm_source"] {
            assert!(honeypot(bad).is_err(), "{bad}");
        }
    }
}
