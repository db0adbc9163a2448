//! The same records through the `prometheus-client` crate: its page and ours must hold the same samples.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use proptest::prelude::*;
use std::sync::atomic::AtomicU64;
use tagmeter::parse::{ParsedKind, openmetrics};
use tagmeter::stat::Buckets;

use crate::judges::samples_of;

/// None negative: the other crate shows sums beside negative buckets, which OpenMetrics forbids. None from a million on:
/// it writes them as `1000000.0`, where we keep to the canonical `1e+06`.
const BOUNDS: [f64; 5] = [0.0, 0.005, 0.1, 1.0, 1e5];

/// What both record.
#[derive(Debug, Clone)]
struct Records {
    counts: Vec<(String, u32)>,
    levels: Vec<(String, f64)>,
    values: Vec<(String, f64)>,
    facts: String,
}

fn records() -> impl Strategy<Value = Records> {
    let level = || prop_oneof![-1e9..1e9, Just(0.0), Just(1.5e300), Just(f64::INFINITY)];
    (
        prop::collection::vec((label(), any::<u32>()), 1..8),
        prop::collection::vec((label(), level()), 1..8),
        prop::collection::vec((label(), 0.0..1e7), 1..20),
        label(),
    )
        .prop_map(|(counts, levels, values, facts)| Records { counts, levels, values, facts })
}

/// A value that is not empty: for us that would be an absent label.
fn label() -> impl Strategy<Value = String> {
    r#"[a-c\\"\n é🌲]{1,3}"#
}

fn theirs(records: &Records) -> String {
    type Labels = Vec<(&'static str, String)>;
    let labels = |value: &String| -> Labels { vec![("key", value.clone())] };
    let counters = Family::<Labels, Counter>::default();
    let gauges = Family::<Labels, Gauge<f64, AtomicU64>>::default();
    let histograms = Family::<Labels, Histogram>::new_with_constructor(|| Histogram::new(BOUNDS));
    records.counts.iter().for_each(|(key, n)| _ = counters.get_or_create(&labels(key)).inc_by(u64::from(*n)));
    records.levels.iter().for_each(|(key, x)| _ = gauges.get_or_create(&labels(key)).set(*x));
    records.values.iter().for_each(|(key, x)| histograms.get_or_create(&labels(key)).observe(*x));

    let mut registry = prometheus_client::registry::Registry::default();
    registry.register("requests", "Requests served", counters);
    registry.register("depth", "Jobs waiting", gauges);
    registry.register("size", "Sizes", histograms);
    registry.register("build", "What runs", Info::new(labels(&records.facts)));
    let mut page = String::new();
    encode(&mut page, &registry).unwrap();
    page
}

fn ours(records: &Records) -> String {
    let registry = tagmeter::Registry::new();
    let counters = registry.define("requests").help("Requests served.").tags(["key"]).counters().unwrap();
    let gauges = registry.define("depth").help("Jobs waiting.").tags(["key"]).gauges().unwrap();
    let histograms = registry.define("size").help("Sizes.").buckets(Buckets::new(BOUNDS).unwrap());
    let histograms = histograms.tags(["key"]).histograms().unwrap();
    records.counts.iter().for_each(|(key, n)| counters.with([key]).add(u64::from(*n)));
    records.levels.iter().for_each(|(key, x)| gauges.with([key]).set(*x));
    records.values.iter().for_each(|(key, x)| histograms.with([key]).record(*x));
    registry.define("build").help("What runs.").info().unwrap().set([("key", &records.facts)]);
    registry.snapshot().to_openmetrics()
}

/// What a page says about families, without their order.
fn families(page: &str) -> Vec<(String, ParsedKind, String)> {
    let families = openmetrics::parse(page).unwrap_or_else(|error| panic!("{error}\n{page}")).into_iter();
    let mut families: Vec<_> = families.map(|family| (family.name, family.kind, family.help)).collect();
    families.sort_by(|a, b| a.0.cmp(&b.0));
    families
}

proptest! {
    #[test]
    fn both_show_the_same_families_and_samples(records in records()) {
        let (ours, theirs) = (ours(&records), theirs(&records));
        prop_assert_eq!(families(&ours), families(&theirs));
        let samples = |page: &str| samples_of(&openmetrics::parse(page).unwrap());
        prop_assert_eq!(samples(&ours), samples(&theirs));
    }
}
