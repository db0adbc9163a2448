//! Exemplars and start times on real Prometheus: what it answers is what was recorded, and its `increase` sees the first
//! increment.
//!
//! The servers are started by `tests/backends.sh`; `tests/run` installs them.

#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

#[path = "support/backends.rs"]
#[allow(dead_code, reason = "pages are pulled; what is pushed is for other tests")]
mod backends;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime};

use backends::Prometheus;
use reqwest::Client;
use serde_json::Value;
use tagmeter::Registry;
use tagmeter::model::{self, Snapshot};
use tagmeter::stat::{Buckets, NativeBuckets};

/// How long a value may take to arrive: Prometheus looks for new targets every five seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);

const EXEMPLARS: &str = "exemplar-storage";
const NATIVE: &str = "exemplar-storage,native-histograms";
const START_TIMES: &str = "exemplar-storage,native-histograms,created-timestamp-zero-ingestion";

/// Bounds of the histograms that have some.
const BOUNDS: [f64; 3] = [0.01, 0.1, 1.0];
/// One in each bucket, that above all bounds among them, and doublings apart.
const SECONDS: [f64; 4] = [0.002, 0.05, 0.5, 30.0];

/// What is kept of an exemplar: its labels, its value, and when, in milliseconds, as Prometheus keeps it.
type Exemplar = (BTreeMap<String, String>, String, u64);
/// Exemplars by their series: the name, and of a bucket its bound, as Rust prints them.
type Exemplars = BTreeMap<(String, Option<String>), BTreeSet<Exemplar>>;

fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

/// Everything that can have exemplars, each of whose buckets has one.
fn registry() -> Registry {
    let registry = Registry::new();
    // No quotes, no backslashes: of exemplars in OpenMetrics neither Prometheus undoes the escapes.
    let trace = |n: usize| [("trace_id", format!("{n:032x}")), ("user", "é 日本".to_owned())];
    registry.counter("orders").add_with_exemplar(3, trace(1));
    registry.float_counter("spent_joules").add_with_exemplar(0.25, trace(2));
    registry.counter("unexemplified").inc();
    let native = || NativeBuckets::default().max_buckets(1000);
    let bounds = || Buckets::new(BOUNDS).unwrap();
    let waits = registry.define("wait").buckets(bounds()).timer().unwrap();
    let sizes = registry.define("sizes").buckets(bounds()).quantiles().histogram().unwrap();
    let natives = registry.define("natives").native(native()).histogram().unwrap();
    let both = registry.define("both").native(native()).buckets(bounds()).histogram().unwrap();
    for (n, seconds) in SECONDS.into_iter().enumerate() {
        waits.record_with_exemplar(Duration::from_secs_f64(seconds), trace(10 + n));
        sizes.record_with_exemplar(seconds, trace(20 + n));
        natives.record_with_exemplar(seconds, trace(30 + n));
        both.record_with_exemplar(seconds, trace(40 + n));
    }
    registry
}

fn kept(exemplar: &model::Exemplar) -> Exemplar {
    let labels = exemplar.labels().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let since = exemplar.time().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    (labels, exemplar.value().to_string(), since.as_millis() as u64)
}

/// What was recorded of a name: each of its exemplars in its series.
fn recorded(
    snapshot: &Snapshot,
    name: &str,
    series_of: impl Fn(&model::Exemplar) -> (String, Option<String>),
) -> Exemplars {
    let family = snapshot.families().iter().find(|family| family.name == name).unwrap();
    let mut exemplars = Exemplars::new();
    for exemplar in family.series.iter().flat_map(|series| series.exemplars().collect::<Vec<_>>()) {
        exemplars.entry(series_of(exemplar)).or_default().insert(kept(exemplar));
    }
    exemplars
}

/// Where an exemplar is in classic buckets.
fn bucket(name: &str) -> impl Fn(&model::Exemplar) -> (String, Option<String>) {
    let name = format!("{name}_bucket");
    move |exemplar| {
        let bound = BOUNDS.iter().find(|bound| exemplar.value() <= **bound).copied();
        (name.clone(), Some(bound.unwrap_or(f64::INFINITY).to_string()))
    }
}

fn whole(name: &str) -> impl Fn(&model::Exemplar) -> (String, Option<String>) {
    let name = name.to_owned();
    move |_| (name.clone(), None)
}

/// What every Prometheus has of it by every protocol.
fn of_classic_buckets(snapshot: &Snapshot) -> Exemplars {
    let mut all = recorded(snapshot, "orders", whole("orders_total"));
    all.extend(recorded(snapshot, "spent_joules", whole("spent_joules_total")));
    all.extend(recorded(snapshot, "wait", bucket("wait_seconds")));
    all.extend(recorded(snapshot, "sizes", bucket("sizes")));
    assert_eq!(all.len(), 2 + 2 * SECONDS.len());
    all
}

/// The same and what it has of native histograms in OpenMetrics: classic buckets, or one for all values.
fn of_openmetrics(snapshot: &Snapshot) -> Exemplars {
    let mut all = of_classic_buckets(snapshot);
    all.extend(recorded(snapshot, "both", bucket("both")));
    let of_infinity = |_: &model::Exemplar| ("natives_bucket".to_owned(), Some("inf".to_owned()));
    let mut natives = recorded(snapshot, "natives", of_infinity);
    natives.values_mut().for_each(|all| all.retain(|(_, value, _)| *value == SECONDS[3].to_string()));
    all.extend(natives);
    all
}

/// What Prometheus has of a job.
async fn scraped(prometheus: &Prometheus, job: &str) -> Exemplars {
    let mut all = Exemplars::new();
    for series in prometheus.exemplars(&format!("{{job={job:?}}}")).await {
        let labels = &series["seriesLabels"];
        let bound = |le: &Value| le.as_str().unwrap().parse::<f64>().unwrap().to_string();
        let own = (text(&labels["__name__"]), labels.get("le").map(bound));
        let exemplars = series["exemplars"].as_array().unwrap().iter().map(|exemplar| {
            let labels = exemplar["labels"].as_object().unwrap().iter();
            let labels = labels.map(|(name, value)| (name.clone(), text(value))).collect();
            let value = text(&exemplar["value"]).parse::<f64>().unwrap().to_string();
            (labels, value, (exemplar["timestamp"].as_f64().unwrap() * 1000.0).round() as u64)
        });
        all.entry(own).or_default().extend(exemplars);
    }
    all
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Looks until it sees something.
async fn until<T>(prometheus: &Prometheus, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(began.elapsed() < PATIENCE, "{} never had {what}", prometheus.name());
        tokio::time::sleep(PAUSE).await;
    }
}

/// That a Prometheus which has scraped a job several times has exactly these exemplars of it.
async fn has_exactly(prometheus: &Prometheus, job: &str, expected: &Exemplars) {
    let scrapes = format!("count_over_time(up{{job={job:?}}}[5m])");
    until(prometheus, "three scrapes", async || {
        let count = prometheus.query(&scrapes).await;
        count.first().filter(|count| text(&count["value"][1]).parse::<f64>().unwrap() >= 3.0).map(|_| ())
    })
    .await;
    let found = scraped(prometheus, job).await;
    assert_eq!(&found, expected, "{} by {job}", prometheus.name());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_2_answers_with_the_exemplars_that_were_recorded() {
    let registry = registry();
    let server = tagmeter::serve("127.0.0.1:0", &registry).unwrap();
    let snapshot = registry.snapshot();
    let prometheus = Prometheus::start_with("prometheus:exemplars", &client(), EXEMPLARS);
    prometheus.scrape("om", &server.addr().to_string());
    has_exactly(&prometheus, "om", &of_openmetrics(&snapshot)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_2_with_native_histograms_answers_with_those_of_counters_and_classic_buckets() {
    let registry = registry();
    let server = tagmeter::serve("127.0.0.1:0", &registry).unwrap();
    let snapshot = registry.snapshot();
    let prometheus = Prometheus::start_with("prometheus:exemplars-native", &client(), NATIVE);
    prometheus.scrape("proto", &server.addr().to_string());
    let mut expected = of_classic_buckets(&snapshot);
    // Of a native histogram it takes no notice of the list, and one exemplar of the classic buckets: the first.
    let mut both = recorded(&snapshot, "both", whole("both"));
    both.values_mut().for_each(|all| all.retain(|(_, value, _)| *value == SECONDS[0].to_string()));
    expected.extend(both);
    has_exactly(&prometheus, "proto", &expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_3_answers_with_the_exemplars_that_were_recorded() {
    let registry = registry();
    let server = tagmeter::serve("127.0.0.1:0", &registry).unwrap();
    let (snapshot, address) = (registry.snapshot(), server.addr().to_string());
    let prometheus = Prometheus::start_with("prometheus3:exemplars", &client(), NATIVE);
    for protocol in ["any", "proto", "om"] {
        prometheus.scrape_by(protocol, &address, "/metrics", protocol);
    }
    has_exactly(&prometheus, "om", &of_openmetrics(&snapshot)).await;
    let mut expected = of_classic_buckets(&snapshot);
    expected.extend(recorded(&snapshot, "both", whole("both")));
    expected.extend(recorded(&snapshot, "natives", whole("natives")));
    has_exactly(&prometheus, "any", &expected).await;
    has_exactly(&prometheus, "proto", &expected).await;

    let increase = prometheus.query("increase(orders_total{job=\"proto\"}[5m])").await;
    assert_eq!(text(&increase[0]["value"][1]), "0", "without start times the first increment is not seen");
}

/// Raw values of a series, with their times in milliseconds, once there are so many.
async fn values(prometheus: &Prometheus, selector: &str, least: usize) -> Vec<(u64, String)> {
    until(prometheus, selector, async || {
        let series = prometheus.query(&format!("{selector}[5m]")).await;
        let values = series.first()?["values"].as_array()?.iter();
        let values: Vec<_> = values
            .map(|value| ((value[0].as_f64().unwrap() * 1000.0).round() as u64, text(&value[1])))
            .collect();
        (values.len() >= least).then_some(values)
    })
    .await
}

/// When a counter of these tags began, in milliseconds.
fn start(registry: &Registry, name: &str) -> u64 {
    let snapshot = registry.snapshot();
    let family = snapshot.families().iter().find(|family| family.name == name).unwrap();
    let start = family.series.first().unwrap().start();
    start.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_3_sees_the_first_increment_by_start_times() {
    let prometheus = Prometheus::start_with("prometheus3:start-times", &client(), START_TIMES);
    let registry = Registry::new();
    registry.counter("orders").add(5);
    registry.histogram("sizes").record(0.3);
    let sessions = registry.define("sessions").tags(["peer"]).counters().unwrap();
    sessions.with(["a"]).add(3);
    let first = start(&registry, "sessions");
    let server = tagmeter::serve("127.0.0.1:0", &registry).unwrap();
    let address = server.addr().to_string();
    prometheus.scrape_by("proto", &address, "/metrics", "proto");
    prometheus.scrape_by("om", &address, "/metrics?created=true", "om");
    for job in ["proto", "om"] {
        let orders = values(&prometheus, &format!("orders_total{{job={job:?}}}"), 3).await;
        assert_eq!(orders[0], (start(&registry, "orders"), "0".to_owned()), "{job}");
        assert!(orders[1..].iter().all(|(_, value)| value == "5"), "{job}: {orders:?}");
        let increase = prometheus.query(&format!("increase(orders_total{{job={job:?}}}[5m])")).await;
        assert!(text(&increase[0]["value"][1]).parse::<f64>().unwrap() >= 5.0, "{job}: {increase:?}");
        let buckets = values(&prometheus, &format!("sizes_count{{job={job:?}}}"), 2).await;
        assert_eq!(buckets[0].1, "0", "{job}");
        let created = prometheus.query(&format!("{{job={job:?},__name__=~\".+_created\"}}")).await;
        assert!(created.is_empty(), "{job}: {created:?}");
        values(&prometheus, &format!("sessions_total{{job={job:?}}}"), 3).await;
    }

    assert!(sessions.remove(["a"]));
    sessions.with(["a"]).add(2);
    let again = start(&registry, "sessions");
    assert!(again > first);
    for job in ["proto", "om"] {
        let selector = format!("sessions_total{{job={job:?}}}");
        let now = until(&prometheus, "the series that was made again", async || {
            let all = values(&prometheus, &selector, 5).await;
            all.last().is_some_and(|(_, value)| value == "2").then_some(all)
        })
        .await;
        assert!(now.contains(&(first, "0".to_owned())), "{job}: {now:?}");
        assert!(now.contains(&(again, "0".to_owned())), "{job}: {now:?}");
    }
}
