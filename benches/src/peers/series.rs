//! Families of many series behind one trait: what creation, memory, encoding and stalls work on.
//!
//! The virtual call is a nanosecond of a hundred, and the same for all.

use std::borrow::Cow;
use std::sync::Mutex;

use fast_telemetry::PrometheusExport;
use fastmetrics::format::text::{self as fastmetrics_text, TextProfile};
use measured::MetricGroup;
use measured::text::BufferedTextEncoder;
use metrics::Recorder;
use opentelemetry::KeyValue;

use super::labels::{self, Any, OwnedText};
use super::otel::Otel;
use crate::inputs::{BOUNDS, BOUNDS_NANOS};

/// A family with two tags.
pub trait Series: Send + Sync {
    /// Finds or makes the series and records into it once.
    fn touch(&self, route: &str, user: &str);
    /// The page of the whole registry, as bytes; the buffer is used again where the crate lets one.
    fn scrape(&self, page: &mut String);
}

/// A family of one crate.
pub struct Peer {
    /// The crate.
    pub name: &'static str,
    /// The type.
    pub what: &'static str,
    /// An empty family in a registry of its own.
    pub make: fn() -> Box<dyn Series>,
    /// Whether it has a text exposition.
    pub has_page: bool,
    /// Whether touching a series again finds it.
    pub finds: bool,
}

const fn peer(name: &'static str, what: &'static str, make: fn() -> Box<dyn Series>) -> Peer {
    Peer { name, what, make, has_page: true, finds: true }
}

/// Room for every series that a bench makes.
const MANY: usize = 2_000_000;

/// Families of counters.
pub fn counters() -> Vec<Peer> {
    vec![
        peer("tagmeter", "Family<Counter, 2>", tagmeter_counters),
        peer("prometheus", "IntCounterVec", prometheus_counters),
        peer("prometheus-client", "Family<struct of String, Counter>", client_counters),
        peer("metrics", "register_counter, exporter", metrics_counters),
        peer("measured", "CounterVec (interned)", measured_counters),
        peer("opentelemetry", "Counter::add(1, [KeyValue; 2])", otel_counters),
        Peer { finds: false, ..peer("metriken", "CounterFamily::member", metriken_counters) },
        peer("fastmetrics", "Family<struct of String, Counter>", fastmetrics_counters),
        peer("metrics-lib", "Registry::counter_with", metrics_lib_counters),
        peer("fast-telemetry", "DynamicCounter", fast_telemetry_counters),
        Peer { has_page: false, ..peer("metriki-core", "counter_with_tags", metriki_counters) },
    ]
}

/// Families of histograms with 14 bounds.
pub fn histograms() -> Vec<Peer> {
    vec![
        peer("tagmeter", "Family<Histogram, 2>", tagmeter_histograms),
        peer("prometheus", "HistogramVec", prometheus_histograms),
        peer("prometheus-client", "Family<struct of String, Histogram>", client_histograms),
        peer("metrics", "register_histogram, exporter", metrics_histograms),
        peer("measured", "HistogramVec (interned)", measured_histograms),
        peer("opentelemetry", "Histogram::record(x, [KeyValue; 2])", otel_histograms),
        peer("fastmetrics", "Family<struct of String, Histogram>", fastmetrics_histograms),
        peer("metrics-lib", "Registry::histogram_with", metrics_lib_histograms),
        peer("fast-telemetry", "DynamicHistogram", fast_telemetry_histograms),
    ]
}

/// A family from two functions.
struct Both<T, P>(T, P);

impl<T: Fn(&str, &str) + Send + Sync, P: Fn(&mut String) + Send + Sync> Series for Both<T, P> {
    fn touch(&self, route: &str, user: &str) {
        (self.0)(route, user);
    }

    fn scrape(&self, page: &mut String) {
        (self.1)(page);
    }
}

fn both(
    touch: impl Fn(&str, &str) + Send + Sync + 'static,
    scrape: impl Fn(&mut String) + Send + Sync + 'static,
) -> Box<dyn Series> {
    Box::new(Both(touch, scrape))
}

/// What a histogram series is touched with: not all the same bucket.
fn some_seconds(user: &str) -> f64 {
    0.003 * f64::from(u32::from(user.as_bytes().last().copied().unwrap_or(0)))
}

/// The page of a tagmeter registry, which writes bytes, in a buffer of text that is used again.
fn tagmeter_page(registry: &tagmeter::Registry, page: &mut String) {
    let mut bytes = std::mem::take(page).into_bytes();
    bytes.clear();
    let _ = tagmeter::encode::text::encode_into(&registry.snapshot(), &mut bytes);
    // SAFETY: the encoder makes its chunks as `String`. Looking at every byte again would be in the figures.
    *page = unsafe { String::from_utf8_unchecked(bytes) };
}

fn tagmeter_counters() -> Box<dyn Series> {
    let registry = tagmeter::Registry::new();
    let definition = registry.define("requests").help("Requests served.").tags(["route", "user"]);
    let family = definition.max_series(MANY).counters().expect("the name is free");
    both(move |route, user| family.with([route, user]).inc(), move |page| tagmeter_page(&registry, page))
}

fn tagmeter_histograms() -> Box<dyn Series> {
    let registry = tagmeter::Registry::new();
    let definition = registry.define("request_seconds").help("Time to answer.").tags(["route", "user"]);
    let family = definition.max_series(MANY).histograms().expect("the name is free");
    let touch = move |route: &str, user: &str| family.with([route, user]).record(some_seconds(user));
    both(touch, move |page| tagmeter_page(&registry, page))
}

fn prometheus_page(registry: &prometheus::Registry, page: &mut String) {
    page.clear();
    let _ = prometheus::TextEncoder::new().encode_utf8(&registry.gather(), page);
}

fn prometheus_counters() -> Box<dyn Series> {
    let registry = prometheus::Registry::new();
    let opts = prometheus::Opts::new("requests_total", "Requests served.");
    let family = prometheus::IntCounterVec::new(opts, &["route", "user"]).expect("the name is good");
    registry.register(Box::new(family.clone())).expect("the name is free");
    both(
        move |route, user| family.with_label_values(&[route, user]).inc(),
        move |page| prometheus_page(&registry, page),
    )
}

fn prometheus_histograms() -> Box<dyn Series> {
    let registry = prometheus::Registry::new();
    let opts = prometheus::HistogramOpts::new("request_seconds", "Time to answer.").buckets(BOUNDS.to_vec());
    let family = prometheus::HistogramVec::new(opts, &["route", "user"]).expect("the name is good");
    registry.register(Box::new(family.clone())).expect("the name is free");
    both(
        move |route, user| family.with_label_values(&[route, user]).observe(some_seconds(user)),
        move |page| prometheus_page(&registry, page),
    )
}

fn client_page(registry: &prometheus_client::registry::Registry, page: &mut String) {
    page.clear();
    let _ = prometheus_client::encoding::text::encode(page, registry);
}

fn owned(route: &str, user: &str) -> OwnedText {
    OwnedText { route: route.to_owned(), status: user.to_owned() }
}

fn client_counters() -> Box<dyn Series> {
    use prometheus_client::metrics::{counter::Counter, family::Family};
    let mut registry = prometheus_client::registry::Registry::default();
    let family = Family::<OwnedText, Counter>::default();
    registry.register("requests", "Requests served.", family.clone());
    both(
        move |route, user| {
            family.get_or_create(&owned(route, user)).inc();
        },
        move |page| client_page(&registry, page),
    )
}

fn client_histograms() -> Box<dyn Series> {
    use prometheus_client::metrics::{family::Family, histogram::Histogram};
    let mut registry = prometheus_client::registry::Registry::default();
    let make: fn() -> Histogram = || Histogram::new(BOUNDS);
    let family = Family::<OwnedText, Histogram>::new_with_constructor(make);
    registry.register("request_seconds", "Time to answer.", family.clone());
    both(
        move |route, user| family.get_or_create(&owned(route, user)).observe(some_seconds(user)),
        move |page| client_page(&registry, page),
    )
}

/// What its macros hand over.
pub const METADATA: metrics::Metadata<'static> =
    metrics::Metadata::new("benches", metrics::Level::INFO, Some("benches"));

fn metrics_key(name: &'static str, route: &str, user: &str) -> metrics::Key {
    let labels =
        vec![metrics::Label::new("route", route.to_owned()), metrics::Label::new("user", user.to_owned())];
    metrics::Key::from_parts(name, labels)
}

fn metrics_page(handle: &metrics_exporter_prometheus::PrometheusHandle, page: &mut String) {
    *page = handle.render();
}

fn metrics_counters() -> Box<dyn Series> {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    both(
        move |route, user| {
            recorder.register_counter(&metrics_key("requests", route, user), &METADATA).increment(1)
        },
        move |page| metrics_page(&handle, page),
    )
}

fn metrics_histograms() -> Box<dyn Series> {
    let builder =
        metrics_exporter_prometheus::PrometheusBuilder::new().set_buckets(&BOUNDS).expect("not empty");
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    both(
        move |route, user| {
            let key = metrics_key("request_seconds", route, user);
            recorder.register_histogram(&key, &METADATA).record(some_seconds(user));
        },
        move |page| metrics_page(&handle, page),
    )
}

fn measured_counters() -> Box<dyn Series> {
    let group = std::sync::Arc::new(labels::MeasuredCounters {
        requests: measured::CounterVec::with_label_set(labels::any_set()),
    });
    let touched = group.clone();
    let encoder = Mutex::new(BufferedTextEncoder::new());
    both(
        move |route, user| touched.requests.inc(Any { route, user }),
        move |page| {
            let Ok(mut encoder) = encoder.lock() else { return };
            let _ = group.collect_group_into(&mut *encoder);
            // Its buffer is split off, not copied: looking at the length is all that is left to do.
            page.clear();
            std::hint::black_box(encoder.finish());
        },
    )
}

fn measured_histograms() -> Box<dyn Series> {
    use measured::metric::histogram::Thresholds;
    let bounds = Thresholds::<14>::with_buckets(BOUNDS);
    let group = std::sync::Arc::new(labels::MeasuredHistograms {
        request_seconds: measured::HistogramVec::with_label_set_and_metadata(labels::any_set(), bounds),
    });
    let touched = group.clone();
    let encoder = Mutex::new(BufferedTextEncoder::new());
    both(
        move |route, user| touched.request_seconds.observe(Any { route, user }, some_seconds(user)),
        move |page| {
            let Ok(mut encoder) = encoder.lock() else { return };
            let _ = group.collect_group_into(&mut *encoder);
            page.clear();
            std::hint::black_box(encoder.finish());
        },
    )
}

fn key_values(route: &str, user: &str) -> [KeyValue; 2] {
    [KeyValue::new("route", route.to_owned()), KeyValue::new("user", user.to_owned())]
}

fn otel_counters() -> Box<dyn Series> {
    let otel = Otel::new();
    let counter = otel.meter.u64_counter("requests").build();
    both(move |route, user| counter.add(1, &key_values(route, user)), move |page| otel.gather(page))
}

fn otel_histograms() -> Box<dyn Series> {
    let otel = Otel::new();
    let histogram = otel.meter.f64_histogram("request_seconds").with_boundaries(BOUNDS.to_vec()).build();
    both(
        move |route, user| histogram.record(some_seconds(user), &key_values(route, user)),
        move |page| otel.gather(page),
    )
}

fn metriken_counters() -> Box<dyn Series> {
    // Members borrow their family and leave it when dropped.
    let family = metriken::MetricBuilder::new("requests").build(metriken::CounterFamily::new());
    let family: &'static metriken::CounterFamily = Box::leak(Box::new(family));
    let members = Mutex::new(Vec::new());
    both(
        move |route, user| {
            let member = family.member([("route", route.to_owned()), ("user", user.to_owned())]);
            member.increment();
            if let Ok(mut members) = members.lock() {
                members.push(member);
            }
        },
        |page| {
            *page = metriken_exposition::prometheus_text(&metriken_exposition::PrometheusOptions::default())
        },
    )
}

fn fastmetrics_page(registry: &fastmetrics::registry::Registry, page: &mut String) {
    page.clear();
    let _ = fastmetrics_text::encode(page, registry, TextProfile::PrometheusV0_0_4);
}

fn fastmetrics_counters() -> Box<dyn Series> {
    use fastmetrics::metrics::{counter::Counter, family::Family};
    let mut registry = fastmetrics::registry::Registry::default();
    let family = Family::<OwnedText, Counter>::default();
    registry.register("requests", "Requests served.", family.clone()).expect("the name is free");
    both(
        move |route, user| family.with_or_new(&owned(route, user), |counter| counter.inc()),
        move |page| fastmetrics_page(&registry, page),
    )
}

fn fastmetrics_histograms() -> Box<dyn Series> {
    use fastmetrics::metrics::{family::Family, histogram::Histogram};
    let mut registry = fastmetrics::registry::Registry::default();
    let family = Family::<OwnedText, Histogram>::new(|| Histogram::new(BOUNDS));
    registry.register("request_seconds", "Time to answer.", family.clone()).expect("the name is free");
    both(
        move |route, user| {
            family.with_or_new(&owned(route, user), |histogram| histogram.observe(some_seconds(user)));
        },
        move |page| fastmetrics_page(&registry, page),
    )
}

fn label_set(route: &str, user: &str) -> metrics_lib::LabelSet {
    metrics_lib::LabelSet::from([
        ("route", Cow::<'static, str>::Owned(route.to_owned())),
        ("user", Cow::Owned(user.to_owned())),
    ])
}

fn metrics_lib_page(registry: &metrics_lib::Registry, page: &mut String) {
    page.clear();
    metrics_lib::exporters::prometheus::render_into(page, registry);
}

fn metrics_lib_counters() -> Box<dyn Series> {
    let registry = std::sync::Arc::new(metrics_lib::Registry::with_cardinality_cap(MANY));
    let touched = registry.clone();
    both(
        move |route, user| touched.counter_with("requests", &label_set(route, user)).inc(),
        move |page| metrics_lib_page(&registry, page),
    )
}

fn metrics_lib_histograms() -> Box<dyn Series> {
    let registry = std::sync::Arc::new(metrics_lib::Registry::with_cardinality_cap(MANY));
    let _ = registry.configure_histogram("request_seconds", BOUNDS);
    let touched = registry.clone();
    both(
        move |route, user| {
            touched.histogram_with("request_seconds", &label_set(route, user)).observe(some_seconds(user));
        },
        move |page| metrics_lib_page(&registry, page),
    )
}

/// Its examples size shards by the cores.
pub fn shards() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn fast_telemetry_counters() -> Box<dyn Series> {
    let family = std::sync::Arc::new(fast_telemetry::DynamicCounter::with_max_series(shards(), MANY));
    let touched = family.clone();
    both(
        move |route, user| touched.inc(&[("route", route), ("user", user)]),
        move |page| {
            page.clear();
            family.export_prometheus(page, "requests_total", "Requests served.");
        },
    )
}

fn fast_telemetry_histograms() -> Box<dyn Series> {
    let family = fast_telemetry::DynamicHistogram::with_limits(&BOUNDS_NANOS, shards(), MANY);
    let family = std::sync::Arc::new(family);
    let touched = family.clone();
    both(
        move |route, user| {
            touched.record(&[("route", route), ("user", user)], (some_seconds(user) * 1e9) as u64)
        },
        move |page| {
            page.clear();
            family.export_prometheus(page, "request_seconds", "Time to answer.");
        },
    )
}

fn metriki_counters() -> Box<dyn Series> {
    let registry = metriki_core::MetricsRegistry::new();
    both(
        move |route, user| {
            let tags =
                vec![metriki_core::key::Tag::new("route", route), metriki_core::key::Tag::new("user", user)];
            registry.counter_with_tags("requests", tags).inc(1);
        },
        |_| {},
    )
}
