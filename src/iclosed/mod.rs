//! The one place that speaks iClosed: requests in, facts or reactions out, over the public REST API v1.
//!
//! Owns the wire: what each endpoint is asked, how its answers are read, and what each failure means for the next
//! step. Knows no leads, queue, retries or pacing, and sends exactly one request for each call of a method.

mod answer;
mod calls;
mod client;
mod complaint;
mod endpoint;
mod error;
mod mask;
mod read;
mod refusal;
mod webhook;
mod wire;

#[cfg(test)]
mod client_tests;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod tolerance_tests;

pub use answer::{Availability, CreatedCall, EventDetail, ListedContact, Qualification, Question};
pub use calls::ListedCall;
pub use client::{BuildError, Client, Options};
pub use endpoint::Endpoint;
pub use error::CallError;
pub use refusal::{Refusal, RefusalKind};
pub use webhook::{Hook, HookKind, hooks};
pub use wire::{
    CallCancel, CallQuery, ContactStatus, EventDates, Guest, InviteeAnswers, NewCall, NewContact,
    SecondaryAnswer,
};
