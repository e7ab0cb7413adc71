//! leadgate: a lead-intake gateway for iClosed.
//!
//! A lead's story runs through three rooms. [`intake`] is act one, inside the request, and ends in one atomic write.
//! [`queue`] is the interval: what survives a crash. [`booking`] is act two, after the response. Follow a request from
//! [`api::leads`] through [`intake`] to [`booking::book`].

// The words everybody shares.
pub mod lead;

// Act one: inside the request.
pub mod intake;

// The interval: what survives.
pub mod queue;

// What a platform did not send whole.
pub mod fetching;

// Act two: after the response.
pub mod booking;

// Who is told of it.
pub mod outbound;

// How each platform delivers leads.
pub mod sources;

// When to try again.
pub mod retry;

// Which addresses are of the public internet.
pub mod address;

// Who tells people from robots.
pub mod captcha;

// The one place that speaks iClosed.
pub mod iclosed;

// The wire.
pub mod api;

// Who the doors prove to be.
pub mod tls;

// The operator's choices.
pub mod settings;

// Logs and traces.
pub mod telemetry;

// The only reading of time.
pub mod clock;

// What is plugged into what.
pub mod app;

// The commands.
pub mod cli;

// A pretend iClosed; imports nothing of the gateway.
pub mod sandbox;

// The real program under failure, counted from outside.
pub mod lab;
