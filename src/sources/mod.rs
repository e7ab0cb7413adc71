//! How each kind of platform delivers leads: how it proves itself, what its deliveries hold, how it is set up.
//!
//! A kind is one file that knows nothing of the others; adding one is that file, a line in [`KINDS`] and a folder of
//! fixtures. Knows no HTTP server, no store and no settings file, and keeps nothing. Forms and chatbots that post
//! leadgate's own body are not here: they need no translation.

mod ask;
#[cfg(test)]
mod delivery;
mod elementor;
pub mod entry;
mod framer;
mod gohighlevel;
mod google_ads;
mod gravity_forms;
mod hubspot;
mod jotform;
mod leaves;
mod linkedin;
mod mapped;
mod meta;
pub mod multipart;
pub mod own;
mod placing;
pub mod sent;
pub mod signature;
pub mod spelling;
mod tally;
#[cfg(test)]
mod test_server;
mod tiktok;
mod typeform;
mod unbounce;
mod webflow;
mod wpforms;

use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use entry::Entry;
pub use own::{Own, Setting, Shape};
pub use sent::Sent;

/// Every kind, in the order they are listed to people.
pub const KINDS: &[&dyn Kind] = &[
    &google_ads::GoogleAds,
    &meta::Meta,
    &tiktok::TikTok,
    &linkedin::LinkedIn,
    &typeform::Typeform,
    &tally::Tally,
    &jotform::Jotform,
    &webflow::Webflow,
    &framer::Framer,
    &elementor::Elementor,
    &gravity_forms::GravityForms,
    &wpforms::WpForms,
    &unbounce::Unbounce,
    &gohighlevel::GoHighLevel,
    &hubspot::HubSpot,
    &mapped::Mapped,
];

/// The kind of this name in the settings.
pub fn kind(name: &str) -> Option<&'static dyn Kind> {
    KINDS.iter().copied().find(|kind| kind.name() == name)
}

/// One platform.
pub trait Kind: Sync {
    /// The word in the settings, such as `google_ads`.
    fn name(&self) -> &'static str;

    /// The settings that only this kind has.
    fn settings(&self) -> &'static [Setting];

    /// Whether a delivery shows by itself who sent it. Of a kind that does not, the door asks for `token`.
    fn is_signed(&self, own: &Own) -> bool;

    /// What is wrong with settings that are all there, by key: words that mean nothing, halves of a whole.
    fn faults(&self, own: &Own) -> Vec<(&'static str, String)> {
        let _ = own;
        Vec::new()
    }

    /// Checks that the delivery comes from the platform: over the bytes received, before anything is parsed for its
    /// content.
    ///
    /// # Errors
    /// It does not, or it does not say.
    fn verify(&self, sent: &Sent<'_>, own: &Own) -> Result<(), Denied>;

    /// What the delivery holds, in its order. Empty for a delivery that is none of ours to act on (a ping, another
    /// kind of notice): it is acknowledged and nothing is kept.
    ///
    /// # Errors
    /// It is not of the platform's shape and never will be.
    fn read(&self, sent: &Sent<'_>, own: &Own) -> Result<Vec<Item>, Unreadable>;

    /// Answers the platform's subscription handshake (a GET). `None`: this kind has none.
    fn shake(&self, sent: &Sent<'_>, own: &Own) -> Option<Result<Reply, Denied>> {
        let _ = (sent, own);
        None
    }

    /// Signs a sample as the platform would: the headers to send, and the body where the proof stands in it.
    fn sign(&self, sample: Sample<'_>, own: &Own) -> Signed {
        let _ = own;
        Signed {
            headers: Vec::new(),
            body: sample.body.to_vec(),
        }
    }

    /// Fetches the leads of which the platform sends only ids. `None`: deliveries of this kind are whole.
    fn fetcher(&self) -> Option<&'static dyn Fetcher> {
        None
    }

    /// What to do at the platform, step by step; `{url}` stands for the address to paste.
    fn guide(&self) -> &'static [&'static str];
}

/// One thing a delivery holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A whole lead.
    Lead(Box<Entry>),
    /// A lead of which only ids came: to be kept first and fetched afterwards.
    Fetch(Fetch),
    /// The person took the lead back at the platform.
    Withdraw {
        /// The id the lead was delivered under.
        id: String,
    },
}

/// A lead still to be fetched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fetch {
    /// The platform's id of the lead; a redelivery has the same.
    pub id: String,
    /// What else the notice says and the fetch needs, ids as text.
    pub about: Map<String, Value>,
}

/// What a handshake is answered with: always status 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Such as `text/plain`.
    pub content_type: &'static str,
    /// The whole body.
    pub body: String,
}

/// A sample about to be signed.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The whole address it is posted to.
    pub url: &'a str,
    /// Such as `application/json`.
    pub content_type: &'a str,
    /// The bytes of the file.
    pub body: &'a [u8],
    /// Now.
    pub at: Timestamp,
}

/// A sample as its platform would send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Beside the content type.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// Differs from the sample only where the proof stands in the body.
    pub body: Vec<u8>,
}

/// A delivery that does not prove where it comes from. Says nothing of what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No signature, key or token at all.
    #[error("the delivery is not signed")]
    Missing,
    /// There is one, and it is wrong.
    #[error("the delivery's signature or key is wrong")]
    Wrong,
    /// It is right, but the delivery is too old to be believed, or from the future.
    #[error("the delivery's time stamp is too far from now")]
    Stale,
}

/// A delivery that is not of its platform's shape. The text names the place and quotes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

/// Asks a platform for a lead.
#[async_trait]
pub trait Fetcher: Send + Sync {
    /// Fetches one lead.
    ///
    /// # Errors
    /// A variant is a reaction.
    async fn fetch(
        &self,
        http: &reqwest::Client,
        fetch: &Fetch,
        own: &Own,
    ) -> Result<Entry, FetchError>;

    /// Names the leads a form holds at the platform since `since`, a page at once, to fill a gap after an outage.
    ///
    /// # Errors
    /// As for [`Fetcher::fetch`].
    async fn list(
        &self,
        http: &reqwest::Client,
        page: &ListPage,
        own: &Own,
    ) -> Result<Listed, FetchError>;
}

/// Which leads to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPage {
    /// The platform's id of the form.
    pub form: String,
    /// Leads made at the platform at or after this.
    pub since: Timestamp,
    /// Where the last page ended.
    pub after: Option<String>,
}

/// One page of a form's leads.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// In the platform's order, whole where the platform lists whole leads.
    pub items: Vec<Item>,
    /// Where the next page begins; `None`: this was the last.
    pub next: Option<String>,
}

/// Why a lead could not be fetched. The texts hold no content of the lead and no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Throttled, or the platform is in trouble: try again.
    #[error("{why}")]
    Later {
        /// For the timeline.
        why: String,
        /// What the platform asks for; `None`: as the retry policy has it.
        delay: Option<Duration>,
    },
    /// The platform does not take the token, or the token may not read this lead: a person has to act.
    #[error("{why}")]
    Forbidden {
        /// Names the platform's error code.
        why: String,
    },
    /// The platform has no such lead.
    #[error("{why}")]
    Gone {
        /// Names the platform's error code.
        why: String,
    },
}

#[cfg(test)]
mod tests;
