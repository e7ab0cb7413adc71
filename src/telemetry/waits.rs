//! Waits that are over when somebody learns of them, as spans with the times they had: in the queue, for a permit.

use std::sync::OnceLock;
use std::time::SystemTime;

use jiff::Timestamp;
use opentelemetry::KeyValue;
use opentelemetry::trace::{Span, SpanBuilder, Tracer};
use opentelemetry_sdk::trace::SdkTracer;

use super::{context, metrics};
use crate::queue::Claim;

/// Set when traces are sent.
pub(super) static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// A worker took a lead at `now`, by the store's clock. Call it once for each claim.
pub fn claimed(claim: &Claim, now: Timestamp) {
    let waited = now.duration_since(claim.due_at);
    let waited = waited.try_into().unwrap_or_default();
    metrics::claimed(claim.lead.lane, claim.step, waited);
    let facts = [
        KeyValue::new("step", claim.step.as_str()),
        KeyValue::new("lane", claim.lead.lane.as_str()),
    ];
    show("queue.wait", claim, (claim.due_at, now), facts);
}

/// The permit this lead is worked on with was waited for between these times. Others may have waited longest for it:
/// the lead did not before it was due.
pub fn permitted(claim: &Claim, endpoint: &'static str, (from, until): (Timestamp, Timestamp)) {
    let from = from.max(claim.due_at);
    if from < until {
        let facts = [KeyValue::new("endpoint", endpoint)];
        show("permit.wait", claim, (from, until), facts);
    }
}

fn show<const N: usize>(
    name: &'static str,
    claim: &Claim,
    (from, until): (Timestamp, Timestamp),
    facts: [KeyValue; N],
) {
    let Some(tracer) = TRACER.get() else { return };
    let lead = [
        KeyValue::new("lead.id", claim.lead.id.to_string()),
        KeyValue::new("lead.source", claim.lead.source.clone()),
    ];
    let span = SpanBuilder::from_name(name)
        .with_start_time(SystemTime::from(from))
        .with_attributes(lead.into_iter().chain(facts));
    let parent = context(claim.lead.trace.as_deref());
    tracer
        .build_with_context(span, &parent)
        .end_with_timestamp(SystemTime::from(until.max(from)));
}
