//! Looking through leads, the newest first: what is wanted of them, and where a page ended.
//!
//! Owns the words of a listing and the judgement of one lead. How leads are walked is each store's own.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use super::{Digest, Stored};
use crate::lead::{LeadId, ReasonCode, Status};

/// Leads that one call of [`super::Store::list`] looks at, at most.
pub const LOOKED_AT: usize = 2000;

/// What a lead must be to be listed. Every part that is given must hold; the default takes every lead.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Where the lead stands, as [`super::Store::get`] tells it.
    pub status: Option<Status>,
    /// The source's name.
    pub source: Option<String>,
    /// The account's name.
    pub account: Option<String>,
    /// One of these is kept with the lead. Empty: whoever it is.
    pub person: Vec<Digest>,
    /// Why the lead stands where it stands.
    pub reason: Option<ReasonCode>,
    /// Accepted at this moment or later.
    pub from: Option<Timestamp>,
    /// Accepted before this moment.
    pub until: Option<Timestamp>,
}

/// One piece of a listing.
#[derive(Debug)]
pub struct Page {
    /// The newest first.
    pub leads: Vec<Stored>,
    /// Where to go on; `None` at the end.
    pub next: Option<Cursor>,
}

/// The place of one lead in the order of acceptance. Only the store that made it can read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// Raised from lead to lead, by the store's own count.
    pub(super) place: u64,
    /// Tells leads of the same place apart.
    pub(super) id: LeadId,
}

/// The text is not a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor: the one of the page before is wanted")]
pub struct NotACursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{}", self.place, self.id)
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let (place, id) = text.split_once('.').ok_or(NotACursor)?;
        // No store counts further than a signed number does.
        let place = i64::from_str_radix(place, 16).map_err(|_| NotACursor)?;
        Ok(Self {
            place: u64::try_from(place).map_err(|_| NotACursor)?,
            id: id.parse().map_err(|_| NotACursor)?,
        })
    }
}

/// The digests of a filter, for quick comparison with those of many leads.
pub struct Wanted(HashSet<Digest>);

impl Filter {
    /// The persons wanted.
    pub(super) fn wanted(&self) -> Wanted {
        Wanted(self.person.iter().copied().collect())
    }

    /// Whether a lead is wanted, its person aside.
    pub fn takes(&self, stored: &Stored) -> bool {
        let lead = &stored.lead;
        let reason = lead.reason.as_ref().map(|reason| reason.code);
        self.status.is_none_or(|status| status == lead.status)
            && self
                .source
                .as_ref()
                .is_none_or(|source| *source == lead.source)
            && self
                .account
                .as_ref()
                .is_none_or(|account| *account == lead.account)
            && self.reason.is_none_or(|wanted| reason == Some(wanted))
            && self.from.is_none_or(|from| from <= lead.received_at)
            && self.until.is_none_or(|until| lead.received_at < until)
    }
}

impl Wanted {
    /// Whether a lead with these digests, one after the other, is wanted.
    pub fn takes(&self, person: &[u8]) -> bool {
        let mut digests = person.as_chunks::<16>().0.iter();
        self.0.is_empty() || digests.any(|digest| self.0.contains(digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_reads_back_as_itself(place in 0..i64::MAX as u64, id: [u8; 16]) {
            let cursor = Cursor { place, id: LeadId::from_bytes(id) };
            prop_assert_eq!(cursor.to_string().parse::<Cursor>(), Ok(cursor));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text: String) {
            let _ = text.parse::<Cursor>();
        }
    }

    #[test]
    fn what_is_not_a_cursor_is_refused() {
        let id = LeadId::from_bytes([1; 16]);
        for text in [
            String::new(),
            "1".to_owned(),
            format!(".{id}"),
            format!("-1.{id}"),
            format!("ffffffffffffffff.{id}"),
            "1.ld_".to_owned(),
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(NotACursor), "{text}");
        }
    }

    #[test]
    fn one_digest_in_common_is_enough_and_no_filter_takes_everybody() {
        let filter = |person: &[Digest]| Filter {
            person: person.to_vec(),
            ..Filter::default()
        };
        for (wanted, person, taken) in [
            (&[][..], &[][..], true),
            (&[], &[[1; 16]], true),
            (&[[1; 16]], &[], false),
            (&[[1; 16]], &[[2; 16], [1; 16]], true),
            (&[[1; 16], [3; 16]], &[[2; 16]], false),
        ] {
            let person: Vec<u8> = person.concat();
            assert_eq!(filter(wanted).wanted().takes(&person), taken);
        }
    }
}
