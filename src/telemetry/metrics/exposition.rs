//! Everything measured in this process, as Prometheus reads it.

use std::sync::LazyLock;

use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Registry, TextEncoder};

/// Of the text (prometheus.io/docs/instrumenting/exposition_formats).
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) static EXPOSITION: LazyLock<Exposition> = LazyLock::new(Exposition::new);

pub(super) struct Exposition {
    pub meter: Meter,
    registry: Registry,
    // The meter's instruments count for nobody once this is gone.
    _provider: SdkMeterProvider,
}

impl Exposition {
    fn new() -> Self {
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .without_target_info()
            .scope_info_enabled(false)
            .build();
        let provider = SdkMeterProvider::builder().with_resource(Resource::builder().build());
        let provider = match exporter {
            Ok(exporter) => provider.with_reader(exporter).build(),
            Err(error) => {
                tracing::error!(%error, "nothing can be measured");
                provider.build()
            }
        };
        Self {
            meter: provider.meter("leadgate"),
            registry,
            _provider: provider,
        }
    }
}

/// What was measured until now, in Prometheus's text format.
///
/// # Errors
/// When two metrics share a name.
pub fn text() -> Result<String, String> {
    let encoded = TextEncoder::new().encode_to_string(&EXPOSITION.registry.gather());
    encoded.map_err(|error| error.to_string())
}
