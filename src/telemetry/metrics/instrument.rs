//! What a metric is made of: its name, its labels, and the instrument that counts. Knows no metric.

use std::sync::OnceLock;

use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, UpDownCounter};
use opentelemetry::{KeyValue, Value};

/// What a metric tells of itself.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// As OpenTelemetry spells it: words with dots.
    pub name: &'static str,
    /// How it grows.
    pub kind: Kind,
    /// By the Unified Code for Units of Measure, such as `s`; in braces what is counted.
    pub unit: &'static str,
    /// What it means, for an operator.
    pub about: &'static str,
}

/// How a metric grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only up.
    Counter,
    /// Up and down.
    UpDownCounter,
    /// As it stands.
    Gauge,
    /// How often which size, with the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

/// One metric with `N` labels. Its instrument is made at the first use.
pub struct Metric<I, const N: usize> {
    facts: Facts,
    labels: [&'static str; N],
    instrument: OnceLock<I>,
}

/// Any metric, to be listed.
pub trait Described: Sync {
    /// What it tells of itself.
    fn facts(&self) -> &Facts;
    /// The names of its labels.
    fn labels(&self) -> &[&'static str];
}

impl<I: Send + Sync, const N: usize> Described for Metric<I, N> {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn labels(&self) -> &[&'static str] {
        &self.labels
    }
}

impl<I, const N: usize> Metric<I, N> {
    pub(super) const fn new(facts: Facts, labels: [&'static str; N]) -> Self {
        Self {
            facts,
            labels,
            instrument: OnceLock::new(),
        }
    }

    fn with(&self, values: [Value; N]) -> [KeyValue; N] {
        let mut names = self.labels.iter();
        values.map(|value| KeyValue::new(names.next().copied().unwrap_or_default(), value))
    }
}

impl<const N: usize> Metric<Counter<u64>, N> {
    /// Counts one more of these.
    pub fn count(&self, values: [Value; N]) {
        self.add(1, values);
    }

    /// Counts so many more; none makes the series known, so that the first one shows as a rise.
    pub fn add(&self, more: u64, values: [Value; N]) {
        let make = || {
            let facts = self.facts;
            let builder = meter().u64_counter(facts.name).with_unit(facts.unit);
            builder.with_description(facts.about).build()
        };
        self.instrument
            .get_or_init(make)
            .add(more, &self.with(values));
    }
}

impl<const N: usize> Metric<UpDownCounter<i64>, N> {
    /// Moves it by so many.
    pub fn add(&self, by: i64, values: [Value; N]) {
        let make = || {
            let facts = self.facts;
            let builder = meter()
                .i64_up_down_counter(facts.name)
                .with_unit(facts.unit);
            builder.with_description(facts.about).build()
        };
        self.instrument
            .get_or_init(make)
            .add(by, &self.with(values));
    }
}

impl<const N: usize> Metric<Gauge<f64>, N> {
    /// It stands here now.
    pub fn set(&self, value: f64, values: [Value; N]) {
        let make = || {
            let facts = self.facts;
            let builder = meter().f64_gauge(facts.name).with_unit(facts.unit);
            builder.with_description(facts.about).build()
        };
        self.instrument
            .get_or_init(make)
            .record(value, &self.with(values));
    }
}

impl<const N: usize> Metric<Histogram<f64>, N> {
    /// It was this large once more.
    pub fn record(&self, value: f64, values: [Value; N]) {
        let make = || {
            let facts = self.facts;
            let bounds = match facts.kind {
                Kind::Histogram(bounds) => bounds.to_vec(),
                Kind::Counter | Kind::UpDownCounter | Kind::Gauge => Vec::new(),
            };
            let builder = meter().f64_histogram(facts.name).with_unit(facts.unit);
            let builder = builder.with_description(facts.about);
            builder.with_boundaries(bounds).build()
        };
        self.instrument
            .get_or_init(make)
            .record(value, &self.with(values));
    }
}

fn meter() -> &'static Meter {
    &super::exposition::EXPOSITION.meter
}
