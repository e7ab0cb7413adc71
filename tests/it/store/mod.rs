//! The stores, each held to the same contract.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a claim fails by panicking"
)]

#[macro_use]
mod contract;
mod embedded;
mod redis;
