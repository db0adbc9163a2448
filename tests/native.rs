//! Native histograms on real Prometheus: what it has after a scrape is what was recorded, bucket by bucket, and the quantiles it
//! computes are as near to the true ones as the buckets are wide.
//!
//! The servers are started by `tests/backends.sh`; `tests/run` installs them.

#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

#[path = "support/backends.rs"]
#[allow(dead_code, reason = "pages are pulled; what is pushed is for other tests")]
mod backends;

use std::time::{Duration, Instant};

use backends::Prometheus;
use reqwest::Client;
use serde_json::Value;
use tagmeter::Registry;
use tagmeter::model;
use tagmeter::stat::{Buckets, NativeBuckets, NativeCounts};

/// How long a value may take to arrive: Prometheus looks for new targets every five seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);
/// How much Prometheus' bounds, computed with rounding of their own, may differ from ours.
const ROUNDING: f64 = 1e-12;
/// How wide the buckets of the definition that says nothing else are.
const GROWTH: f64 = 1.1;

/// Log-uniform from a tenth of a millisecond to ten seconds, by a generator that always gives the same.
fn latencies() -> Vec<f64> {
    let mut state = 7_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..10_000).map(|_| 1e-4 * 1e5_f64.powf(random())).collect()
}

/// Histograms in native buckets alone, in both kinds, with buckets on both sides of zero, with more than there may be, with
/// nothing in them, and one of a collector, of what there is now.
fn registry() -> Registry {
    let registry = Registry::new();
    let native = NativeBuckets::default;
    let timer = registry.define("request").help("Time to answer.").native(native()).timer().unwrap();
    let both = registry.define("both").native(native()).buckets(Buckets::default()).histogram().unwrap();
    let coarse = registry.define("coarse").native(native().max_buckets(20)).histogram().unwrap();
    for latency in latencies() {
        timer.record(Duration::from_secs_f64(latency));
        both.record(latency);
        coarse.record(latency);
    }
    let signed = registry.define("signed").native(native().zero_threshold(1e-3).unwrap()).tags(["side"]);
    let signed = signed.histograms().unwrap();
    (-50..=50).for_each(|n| signed.with(["both"]).record(f64::from(n) / 100.0));
    signed.init([["none"]]);
    registry.collector("mirror", |families| {
        let buckets = NativeBuckets::growth(2.0).unwrap();
        let counts = NativeCounts::from_counts(&buckets, 2, [], [(-3, 7), (0, 1), (9, 4)]);
        let ages = model::HistogramValue::of_native(counts.unwrap(), 1234.5);
        families.gauge_histogram("ages", "Of what there is now.").try_set((), ages);
    });
    registry.define("empty").native(native().zero_threshold(0.0).unwrap()).histogram().unwrap();
    registry
}

fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

/// The elements of a query's answer, once there are some.
async fn answer(prometheus: &Prometheus, query: &str) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let elements = prometheus.query(query).await;
        if !elements.is_empty() {
            return elements;
        }
        assert!(began.elapsed() < PATIENCE, "{} never had {query}", prometheus.name());
        tokio::time::sleep(PAUSE).await;
    }
}

/// The number that a query answers.
async fn number(prometheus: &Prometheus, query: &str) -> f64 {
    let elements = answer(prometheus, query).await;
    assert_eq!(elements.len(), 1, "{query}: {elements:?}");
    parsed(&elements[0]["value"][1])
}

fn parsed(number: &Value) -> f64 {
    number.as_str().unwrap().parse().unwrap()
}

/// Lower bound, upper bound and count of each bucket that is not empty, in the order of values.
type Rows = Vec<(f64, f64, f64)>;

/// What Prometheus has of a histogram: buckets, count and sum.
async fn scraped(prometheus: &Prometheus, selector: &str) -> (Rows, f64, f64) {
    let elements = answer(prometheus, selector).await;
    assert_eq!(elements.len(), 1, "{selector}: {elements:?}");
    let histogram = &elements[0]["histogram"][1];
    let row = |row: &Value| (parsed(&row[1]), parsed(&row[2]), parsed(&row[3]));
    let rows = histogram["buckets"].as_array().map_or_else(Vec::new, |rows| rows.iter().map(row).collect());
    (rows, parsed(&histogram["count"]), parsed(&histogram["sum"]))
}

/// What was recorded.
fn rows(counts: &NativeCounts) -> Rows {
    let row = |(index, count): &(i32, u64)| {
        let [lower, upper] = [index - 1, *index].map(|index| counts.schema().upper_bound(index));
        (lower, upper, *count as f64)
    };
    let below = counts.negative().iter().rev().map(row).map(|(lower, upper, count)| (-upper, -lower, count));
    let width = counts.zero_threshold();
    let zero = (counts.zero_count() > 0).then_some((-width, width, counts.zero_count() as f64));
    below.chain(zero).chain(counts.positive().iter().map(row)).collect()
}

fn is_near(a: f64, b: f64) -> bool {
    (a - b).abs() <= ROUNDING * a.abs().max(b.abs())
}

fn durations(registry: &Registry, name: &str, tags: &[(&str, &str)]) -> model::HistogramValue {
    match registry.snapshot().get((name, tags.to_vec())) {
        Some(model::Value::Timer(timer)) => timer.durations.clone(),
        Some(model::Value::Histogram(histogram) | model::Value::GaugeHistogram(histogram)) => {
            (**histogram).clone()
        }
        other => panic!("{name} is no distribution: {other:?}"),
    }
}

/// That a Prometheus which takes native histograms has all of the registry in a job.
async fn has_all(prometheus: &Prometheus, registry: &Registry, job: &str) {
    type Tags = &'static [(&'static str, &'static str)];
    let histograms: [(&str, Tags, &str); 6] = [
        ("request", &[], "request_seconds"),
        ("both", &[], "both"),
        ("coarse", &[], "coarse"),
        ("ages", &[], "ages"),
        ("signed", &[("side", "both")], "signed{side=\"both\"}"),
        ("signed", &[("side", "none")], "signed{side=\"none\"}"),
    ];
    for (name, tags, selector) in histograms {
        let selector = match selector.strip_suffix('}') {
            Some(open) => format!("{open},job={job:?}}}"),
            None => format!("{selector}{{job={job:?}}}"),
        };
        let recorded = durations(registry, name, tags);
        let (found, count, sum) = scraped(prometheus, &selector).await;
        let expected = rows(recorded.native.as_ref().unwrap());
        assert_eq!((count, sum), (recorded.count() as f64, recorded.sum), "{selector}");
        assert_eq!(found.len(), expected.len(), "{selector}: {found:?} instead of {expected:?}");
        for (found, expected) in found.iter().zip(&expected) {
            let same = is_near(found.0, expected.0) && is_near(found.1, expected.1) && found.2 == expected.2;
            assert!(same, "{selector}: {found:?} instead of {expected:?}");
        }
    }
    has_quantiles(prometheus, registry, job).await;
    let classic = prometheus.query(&format!("both_bucket{{job={job:?}}}")).await;
    assert!(classic.is_empty(), "of two kinds it takes the native: {classic:?}");
}

/// That quantiles computed there are near the true ones.
async fn has_quantiles(prometheus: &Prometheus, registry: &Registry, job: &str) {
    let mut values = latencies();
    values.sort_by(f64::total_cmp);
    for q in [0.01, 0.5, 0.9, 0.99, 0.999] {
        let exact = values[(q * values.len() as f64) as usize - 1];
        for (name, growth) in
            [("request_seconds", GROWTH), ("both", GROWTH), ("coarse", coarse_growth(registry))]
        {
            let query = format!("histogram_quantile({q}, {name}{{job={job:?}}})");
            let quantile = number(prometheus, &query).await;
            let ratio = (quantile / exact).max(exact / quantile);
            assert!(ratio <= growth, "{query} is {quantile} and truly {exact}");
        }
    }
}

/// How wide the buckets have become where there were too many.
fn coarse_growth(registry: &Registry) -> f64 {
    let schema = durations(registry, "coarse", &[]).native.unwrap().schema();
    assert!(schema.get() < NativeBuckets::default().schema().get());
    schema.upper_bound(1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_3_has_native_histograms_by_protobuf_and_classic_ones_by_openmetrics() {
    let registry = registry();
    let server = tagmeter::serve("127.0.0.1:0", &registry).unwrap();
    let address = server.addr().to_string();
    let prometheus = Prometheus::start("prometheus3:native", &client());
    for protocol in ["any", "proto", "om"] {
        prometheus.scrape_by(protocol, &address, "/metrics", protocol);
    }
    for job in ["any", "proto"] {
        has_all(&prometheus, &registry, job).await;
        assert_eq!(number(&prometheus, &format!("histogram_count(empty{{job={job:?}}})")).await, 0.0);
    }
    has_classic(&prometheus, &registry, "om").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_2_has_native_histograms() {
    let registry = registry();
    let server = tagmeter::serve("127.0.0.1:0", &registry).unwrap();
    let prometheus = Prometheus::start("prometheus:native", &client());
    prometheus.scrape_by("native", &server.addr().to_string(), "/metrics", "any");
    has_all(&prometheus, &registry, "native").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_2_without_native_histograms_has_the_classic_ones() {
    let registry = registry();
    let server = tagmeter::serve("127.0.0.1:0", &registry).unwrap();
    let prometheus = Prometheus::start("prometheus:classic", &client());
    prometheus.scrape_by("classic", &server.addr().to_string(), "/metrics", "any");
    has_classic(&prometheus, &registry, "classic").await;
}

/// That it has classic buckets where there are some, and count and sum where there are not.
async fn has_classic(prometheus: &Prometheus, registry: &Registry, job: &str) {
    for (name, exposed) in [("request", "request_seconds"), ("both", "both"), ("coarse", "coarse")] {
        let recorded = durations(registry, name, &[]);
        let of = |suffix: &str| format!("{exposed}_{suffix}{{job={job:?}}}");
        assert_eq!(number(prometheus, &of("count")).await, recorded.count() as f64);
        assert_eq!(number(prometheus, &of("sum")).await, recorded.sum);
        let buckets = answer(prometheus, &of("bucket")).await;
        let mut found: Vec<(f64, f64)> = buckets
            .iter()
            .map(|bucket| (parsed(&bucket["metric"]["le"]), parsed(&bucket["value"][1])))
            .collect();
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        let expected: Vec<(f64, f64)> =
            recorded.cumulative().map(|(bound, count)| (bound, count as f64)).collect();
        assert_eq!(found, expected, "{exposed}");
    }
    assert!(prometheus.query(&format!("{{__name__=~\"both|coarse\",job={job:?}}}")).await.is_empty());
}
