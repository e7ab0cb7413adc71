//! Logs, traces and metrics: start, flush, and the bridge by which later work joins the trace of the request that
//! caused it.

mod environment;
pub mod events;
mod exchange;
pub mod metrics;
mod seldom;
mod store;
mod waits;

use std::collections::HashMap;
use std::io::IsTerminal;

use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::{FilterExt, FilterFn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

pub use exchange::{Exchange, why_lost};
pub use store::Measured;
pub use waits::{claimed, permitted};

const TRACEPARENT: &str = "traceparent";

/// What must be flushed before the process ends.
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Starts logging to standard error: for people when it is a terminal, as JSON lines otherwise; `RUST_LOG`
    /// decides what, and `default_filter` when it is not set. Traces go to an OpenTelemetry collector when the standard
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` (or its traces variant) is set; they are not thinned out by `RUST_LOG`, but by the
    /// standard `OTEL_TRACES_SAMPLER`.
    ///
    /// # Errors
    /// When `RUST_LOG` cannot be read, or the exporter's settings cannot be used.
    pub fn start(default_filter: &str) -> Result<Self, String> {
        let variable = |name: &str| std::env::var_os(name)?.into_string().ok();
        let filter = environment::filter(std::env::var_os("RUST_LOG"), default_filter)?;
        let log = if std::io::stderr().is_terminal() {
            let people = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
            people
                .with_target(false)
                .with_filter(filter.and(events_only()))
                .boxed()
        } else {
            json_lines(std::io::stderr, filter).boxed()
        };
        let traces = environment::wants_traces(variable)
            .then(|| exporter(environment::service_name(variable)))
            .transpose()?;
        let trace_layer = traces.as_ref().map(|provider| {
            let tracer = provider.tracer("leadgate");
            // A process starts its telemetry once.
            waits::TRACER.set(tracer.clone()).ok();
            tracing_opentelemetry::layer()
                .with_tracer(tracer)
                .with_filter(EnvFilter::new("leadgate=info"))
        });
        tracing_subscriber::registry()
            .with(trace_layer)
            .with(log)
            .try_init()
            .map_err(|error| error.to_string())?;
        Ok(Self { traces })
    }

    /// Sends what is not sent yet. Blocks, bounded by the exporter's own timeout.
    pub fn flush(self) {
        if let Some(Err(error)) = self.traces.map(|traces| traces.shutdown()) {
            tracing::warn!(%error, "traces could not be flushed");
        }
    }
}

/// The log for machines: one JSON object a line.
pub fn json_lines<S, W>(writer: W, filter: EnvFilter) -> impl Layer<S>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .json()
        .flatten_event(true);
    lines
        .with_current_span(false)
        .with_span_list(false)
        .with_filter(filter.and(events_only()))
}

/// Every line names its lead itself, so the log needs no spans; without a collector nobody then pays for them.
fn events_only() -> FilterFn {
    FilterFn::new(|metadata| metadata.is_event())
}

fn exporter(service_name: String) -> Result<SdkTracerProvider, String> {
    let exporter = SpanExporter::builder()
        .with_http()
        .build()
        .map_err(|error| error.to_string())?;
    let resource = Resource::builder().with_service_name(service_name).build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}

/// The W3C `traceparent` of the span, to be kept with a lead. `None` when nothing traces.
pub fn traceparent(span: &Span) -> Option<String> {
    if span.is_disabled() {
        return None;
    }
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&span.context(), &mut carrier);
    carrier.remove(TRACEPARENT)
}

/// Makes the span part of the trace named by a W3C `traceparent`. Does nothing when there is none or nothing traces.
pub fn join_trace(span: &Span, traceparent: Option<&str>) {
    // A span that nothing records refuses a parent, and then has no use for one.
    if traceparent.is_some() && !span.is_disabled() {
        span.set_parent(context(traceparent)).ok();
    }
}

/// Where a W3C `traceparent` says that its trace stands; nowhere without one.
fn context(traceparent: Option<&str>) -> Context {
    let carrier = traceparent.map(|parent| (TRACEPARENT.to_owned(), parent.to_owned()));
    // Not what this thread is at: a lead's trace is its own.
    let carrier: HashMap<String, String> = carrier.into_iter().collect();
    TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier)
}
