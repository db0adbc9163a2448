//! OpenTelemetry, set up as its documentation has it for Prometheus.

use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_sdk::metrics::{Aggregation, Instrument, SdkMeterProvider, Stream};

/// Its default is 2 000 series an instrument; more would go to one overflow series and measure nothing.
const CARDINALITY: usize = 2_000_000;

/// A provider, to be kept while its instruments live, a meter, and the registry that its Prometheus exporter fills.
pub struct Otel {
    /// Drop it last.
    pub provider: SdkMeterProvider,
    /// Makes instruments.
    pub meter: Meter,
    /// Gathers.
    pub registry: prometheus::Registry,
}

impl Otel {
    /// With the Prometheus exporter as reader, and limits out of the way.
    pub fn new() -> Self {
        Otel::with_aggregation(Aggregation::Default)
    }

    /// The same, with native buckets for histograms: 160 of them, as its specification has it, and not finer than eight
    /// a doubling.
    pub fn with_exponential_histograms() -> Self {
        let exponential =
            Aggregation::Base2ExponentialHistogram { max_size: 160, max_scale: 3, record_min_max: true };
        Otel::with_aggregation(exponential)
    }

    fn with_aggregation(aggregation: Aggregation) -> Self {
        let registry = prometheus::Registry::new();
        let Ok(exporter) = opentelemetry_prometheus::exporter().with_registry(registry.clone()).build()
        else {
            unreachable!("a fresh registry takes the exporter")
        };
        let unlimited = move |_: &Instrument| {
            let stream = Stream::builder().with_cardinality_limit(CARDINALITY);
            stream.with_aggregation(aggregation.clone()).build().ok()
        };
        let provider = SdkMeterProvider::builder().with_reader(exporter).with_view(unlimited).build();
        let meter = provider.meter("benches");
        Otel { provider, meter, registry }
    }

    /// Its page.
    pub fn gather(&self, page: &mut String) {
        page.clear();
        let _ = prometheus::TextEncoder::new().encode_utf8(&self.registry.gather(), page);
    }
}

impl Default for Otel {
    fn default() -> Self {
        Otel::new()
    }
}
