//! Whole-program tests: the real binary, the real client, a real store, against the sandbox.
//!
//! A test's name is the claim it checks. Waiting is always for a condition.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should say so at once"
)]

mod support;

mod admin;
mod canary;
mod chat;
mod cli;
mod commands;
mod compose;
mod console;
mod contract;
mod crashes;
mod doors;
mod duplicates;
mod evidence;
mod guides;
mod hooks;
mod imports;
mod lab;
mod links;
mod lost_answers;
mod metrics;
mod operations;
mod operator;
mod outbound;
mod pacing;
mod qualifying;
mod replicas;
mod runbook;
mod settings_page;
mod sources;
mod store;
mod threats;
mod tls;
mod tracing;
mod walls;
mod wishes;
