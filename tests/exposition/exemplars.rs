//! Exemplars and start times on pages: where they stand, that they are true, and that others read them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tagmeter::clock::ManualClock;
use tagmeter::encode::{Escaping, Options, openmetrics};
use tagmeter::model::{Exemplar, Kind, Number, SeriesList, Snapshot, Value};
use tagmeter::parse::{self, ParsedSample};
use tagmeter::stat::{Buckets, NativeBuckets};
use tagmeter::{Registry, model};

use crate::judges::{Format, python};

/// Pages that Python reads in one go.
const BATCH: usize = 300;
/// Source: OpenMetrics 1.0.0, "Exemplars".
const MOST_CHARACTERS: usize = 128;

const TRACE: [(&str, &str); 1] = [("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736")];

/// A registry whose clock stands at a minute and some.
fn registry() -> (Registry, ManualClock) {
    let clock = ManualClock::new();
    clock.advance(Duration::from_millis(60_250));
    (Registry::builder().clock(clock.clone()).build(), clock)
}

fn with_created(snapshot: &Snapshot, escaping: Escaping) -> String {
    let (mut page, options) = (Vec::new(), Options::default().with_created().escaping(escaping));
    openmetrics::encode_with(snapshot, &options, &mut page).unwrap();
    String::from_utf8(page).unwrap()
}

/// One of everything that can have exemplars.
fn exemplified() -> (Registry, ManualClock) {
    let (registry, clock) = registry();
    registry.define("orders").tags(["city"]).counters().unwrap().with(["Oslo"]).add_with_exemplar(3, TRACE);
    registry.float_counter("spent_joules").add_with_exemplar(0.5, TRACE);
    registry.counter("plain").inc_with_exemplar([("größe", "1")]);
    let bounds = || Buckets::new([0.1, 1.0]).unwrap();
    let waits = registry.define("wait").buckets(bounds()).timer().unwrap();
    waits.record_with_exemplar(Duration::from_millis(50), [("trace_id", "a \"b\"\\\n")]);
    waits.record_with_exemplar(Duration::from_millis(50), [("trace_id", "a \"b\"\\\n")]);
    waits.record_with_exemplar(Duration::from_secs(3), [("user", "é")]);
    let sizes = registry.define("sizes").native(NativeBuckets::default()).histogram().unwrap();
    sizes.record_with_exemplar(7.0, TRACE);
    let both =
        registry.define("both").native(NativeBuckets::default()).buckets(bounds()).histogram().unwrap();
    both.record_with_exemplar(0.5, TRACE);
    let summary = registry.define("summary").summary([0.5]).histogram().unwrap();
    summary.record_with_exemplar(0.5, TRACE);
    (registry, clock)
}

#[test]
fn each_stands_behind_its_count_with_its_time() {
    let (registry, _clock) = exemplified();
    insta::assert_snapshot!(registry.snapshot().to_openmetrics());
}

#[test]
fn start_times_come_last_where_they_are_asked_for() {
    let (registry, _clock) = exemplified();
    registry.gauge("depth").set(1.0);
    registry.meter("marks").mark();
    insta::assert_snapshot!(with_created(&registry.snapshot(), Escaping::AllowUtf8));
}

#[test]
fn text_has_neither() {
    let (registry, _clock) = exemplified();
    let page = registry.snapshot().to_text();
    assert!(!page.contains(" # ") && !page.contains("trace_id") && !page.contains("_created"), "{page}");
}

#[test]
fn json_has_them_as_they_are() {
    let (registry, _clock) = exemplified();
    let page: serde_json::Value = serde_json::from_str(&registry.snapshot().to_json()).unwrap();
    let orders = &page["families"][0]["series"][0];
    let expected = serde_json::json!([{ "labels": { "trace_id": TRACE[0].1 }, "value": 3, "time": 60.25 }]);
    assert_eq!(orders["exemplars"], expected);
    assert!(page["families"][2]["series"][0].get("exemplars").is_none(), "of none there is no word");
}

#[test]
fn what_is_no_exemplar_is_counted_without_and_told() {
    let (registry, clock) = registry();
    let (orders, sizes) = (registry.counter("orders"), registry.histogram("sizes"));
    let waits = registry.timer("waits");
    let long = "x".repeat(121);
    orders.inc_with_exemplar([("trace_id", &long)]);
    clock.advance(Duration::from_millis(100));
    orders.inc_with_exemplar([("trace id", "1")]);
    orders.inc_with_exemplar([("in the same tenth of a second", "not looked at")]);
    sizes.record_with_exemplar(1.0, [("a", "1"), ("a", "2")]);
    waits.start().stop_with_exemplar([("trace_id", &long)]);
    assert_eq!((orders.get(), sizes.value().count(), waits.value().count()), (3, 1, 1));
    let page = registry.snapshot().to_openmetrics();
    assert!(!page.contains(" # {"), "{page}");
    assert!(page.contains("tagmeter_problems_total{reason=\"invalid_exemplar\"} 4\n"), "{page}");
    clock.advance(Duration::from_secs(1));
    assert_eq!(
        registry.value(("tagmeter_problems", [("reason", "invalid_exemplar")])),
        Some(4.0),
        "once each"
    );
    orders.inc_with_exemplar([("trace_id", &long[1..])]);
    assert!(registry.snapshot().to_openmetrics().contains(&format!("4 # {{trace_id=\"{}\"}}", &long[1..])));
}

#[test]
fn what_cannot_be_recorded_is_no_exemplar() {
    let (registry, _clock) = registry();
    registry.histogram("sizes").record_with_exemplar(f64::NAN, TRACE);
    registry.float_counter("joules").add_with_exemplar(-1.0, TRACE);
    assert!(!registry.snapshot().to_openmetrics().contains(" # {"));
}

#[test]
fn a_series_that_is_made_again_has_no_exemplar_and_a_new_start() {
    let (registry, clock) = registry();
    let lasting = registry.define("lasting").tags(["a"]).counters().unwrap();
    let going = registry.define("going").tags(["a"]).removable().counters().unwrap();
    lasting.with(["1"]).inc_with_exemplar(TRACE);
    going.with(["1"], |counter| counter.inc_with_exemplar(TRACE));
    let page = with_created(&registry.snapshot(), Escaping::default());
    assert_eq!(page.matches(" # {").count(), 2, "{page}");
    assert_eq!(page.matches("_created{a=\"1\"} 60.25\n").count(), 2, "{page}");

    clock.advance(Duration::from_secs(5));
    assert!(lasting.remove(["1"]) && going.remove(["1"]));
    lasting.with(["1"]).inc();
    going.with(["1"], |counter| counter.inc());
    let page = with_created(&registry.snapshot(), Escaping::default());
    assert!(!page.contains(" # {"), "{page}");
    assert_eq!(page.matches("_created{a=\"1\"} 65.25\n").count(), 2, "{page}");
}

#[test]
fn series_after_many_others_keep_their_own() {
    let (registry, _clock) = registry();
    let all = registry.define("all").tags(["n"]).counters().unwrap();
    (0..3000).for_each(|n| all.with([n.to_string()]).inc());
    let some = [0, 1023, 1024, 2999];
    some.iter().for_each(|n: &i32| all.with([n.to_string()]).inc_with_exemplar([("n", n.to_string())]));
    assert!(all.remove(["7"]));
    let snapshot = registry.snapshot();
    let of = |series: model::Series<'_>| {
        let own = series.exemplars().flat_map(Exemplar::labels).map(|(_, n)| n.to_owned());
        own.map(|n| (series.tags.get("n").unwrap().to_owned(), n)).collect::<Vec<_>>()
    };
    let found: Vec<(String, String)> = snapshot.families()[0].series.iter().flat_map(of).collect();
    assert_eq!(found, some.map(|n| (n.to_string(), n.to_string())));
}

#[test]
fn registries_that_are_shown_as_one_keep_theirs() {
    let ((shop, _), (billing, _)) = (registry(), registry());
    for (registry, n) in [(&shop, "1"), (&billing, "2")] {
        registry.define("orders").tags(["city"]).counters().unwrap().init([["Bergen"]]);
        registry.counter(("orders", [("city", n)])).inc_with_exemplar([("n", n)]);
    }
    let page =
        shop.view().and(billing.view().tags([("team", "billing")])).unwrap().snapshot().to_openmetrics();
    assert!(page.contains("orders_total{city=\"1\"} 1 # {n=\"1\"}"), "{page}");
    assert!(page.contains("orders_total{city=\"2\",team=\"billing\"} 1 # {n=\"2\"}"), "{page}");
    assert_eq!(page.matches(" # {").count(), 2, "{page}");
}

#[test]
fn a_registry_that_records_nothing_keeps_none() {
    let registry = Registry::noop();
    registry.counter("orders").inc_with_exemplar(TRACE);
    registry.float_counter("joules").add_with_exemplar(1.0, TRACE);
    registry.histogram("sizes").record_with_exemplar(1.0, TRACE);
    let waits = registry.define("waits").exemplars().timer().unwrap();
    waits.record_with_exemplar(Duration::from_secs(1), TRACE);
    waits.start().stop_with_exemplar(TRACE);
    assert_eq!((waits.value().count(), registry.snapshot().families().len()), (0, 0));
}

#[test]
fn a_difference_shows_no_exemplar_of_before() {
    let (registry, clock) = registry();
    let (orders, sizes) = (registry.counter("orders"), registry.histogram("sizes"));
    orders.add_with_exemplar(5, TRACE);
    sizes.record_with_exemplar(0.3, TRACE);
    let before = registry.snapshot();
    clock.advance(Duration::from_secs(1));
    orders.add(2);
    sizes.record_with_exemplar(0.7, TRACE);
    let change = registry.snapshot().since(&before);
    let values: Vec<f64> = change
        .families()
        .iter()
        .flat_map(|family| family.series.iter())
        .flat_map(|series| series.exemplars().map(Exemplar::value))
        .collect();
    assert_eq!(values, [0.7]);
}

/// The number before the sample's `le`, over all buckets of a series.
type Bounds = BTreeMap<String, Vec<(f64, f64)>>;

/// What must be true of a page's exemplars, whatever was recorded.
fn check(page: &str) {
    let families = parse::openmetrics::parse(page).unwrap_or_else(|error| panic!("{error} in\n{page}"));
    for family in &families {
        let mut bounds = Bounds::new();
        family.samples.iter().for_each(|sample| check_sample(sample, &mut bounds));
    }
}

fn check_sample(sample: &ParsedSample, bounds: &mut Bounds) {
    let le = sample.labels.iter().find(|(name, _)| name == "le").map(|(_, le)| le.parse::<f64>().unwrap());
    let others: Vec<_> = sample.labels.iter().filter(|(name, _)| name != "le").collect();
    let of_series = bounds.entry(format!("{}{others:?}", sample.name)).or_default();
    let (below, count_below) = of_series.last().copied().unwrap_or((f64::NEG_INFINITY, 0.0));
    of_series.extend(le.map(|le| (le, sample.value)));
    let Some(exemplar) = &sample.exemplar else { return };
    let length: usize =
        exemplar.labels.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum();
    assert!(length <= MOST_CHARACTERS, "{exemplar:?}");
    match le {
        Some(le) => {
            assert!(below < exemplar.value && exemplar.value <= le, "{exemplar:?} above {below} up to {le}");
            assert!(sample.value > count_below, "{exemplar:?} in an empty bucket");
        }
        None => assert!(exemplar.value <= sample.value, "{exemplar:?} of {}", sample.value),
    }
}

/// Values, negative ones among them, and labels of any text, most short enough.
fn records() -> impl Strategy<Value = Vec<(f64, Vec<(String, String)>)>> {
    let value = prop_oneof![4 => -3.0..20.0_f64, 1 => prop::num::f64::ANY];
    let name = prop_oneof![4 => "[a-zA-Z_][a-zA-Z0-9_]{0,8}", 1 => ".{0,4}"];
    let text = prop_oneof![4 => ".{0,30}", 1 => "[é日🦀x]{100,140}"];
    let labels = prop::collection::vec((name, text), 0..4);
    prop::collection::vec((value, labels), 1..12)
}

/// The page of everything that took these records.
fn page_of(records: &[(f64, Vec<(String, String)>)], bounds: &Buckets) -> String {
    with_created(&snapshot_of(records, bounds), Escaping::default())
}

fn snapshot_of(records: &[(f64, Vec<(String, String)>)], bounds: &Buckets) -> Snapshot {
    let (registry, clock) = registry();
    let (orders, joules) = (registry.counter("orders"), registry.float_counter("joules"));
    let sizes = registry.define("sizes").buckets(bounds.clone()).histogram().unwrap();
    let natives = registry.define("natives").native(NativeBuckets::default()).histogram().unwrap();
    let both = registry.define("both").native(NativeBuckets::default()).buckets(bounds.clone());
    let both = both.quantiles().histogram().unwrap();
    let waits = registry.define("waits").buckets(bounds.clone()).timer().unwrap();
    for (value, labels) in records {
        let labels = || labels.iter().map(|(name, value)| (name, value));
        orders.add_with_exemplar(value.abs().min(9.0) as u64, labels());
        joules.add_with_exemplar(*value, labels());
        for histogram in [&sizes, &natives, &both] {
            histogram.record_with_exemplar(*value, labels());
        }
        if let Ok(duration) = Duration::try_from_secs_f64(*value) {
            waits.record_with_exemplar(duration, labels());
        }
        clock.advance(Duration::from_millis(60));
    }
    registry.snapshot()
}

fn bounds() -> impl Strategy<Value = Buckets> {
    prop::collection::btree_set(-2..20_i32, 1..6)
        .prop_map(|bounds| Buckets::new(bounds.into_iter().map(f64::from).collect::<Vec<_>>()).unwrap())
}

proptest! {
    #[test]
    fn an_exemplar_is_short_and_lies_in_its_bucket_which_is_not_empty(records in records(), bounds in bounds()) {
        check(&page_of(&records, &bounds));
    }

    #[test]
    fn so_is_one_of_a_snapshot_that_was_made_by_hand(
        counts in prop::collection::vec(0..3_u64, 6),
        values in prop::collection::vec(-3.0..20.0_f64, 0..9),
        bounds in bounds(),
    ) {
        let registry = Registry::new();
        let mut histogram = registry.define("h").buckets(bounds).histogram().unwrap().value();
        histogram.counts.iter_mut().zip(counts).for_each(|(own, count)| *own = count);
        let mut list = SeriesList::new();
        list.push([("a", "1")], histogram.into(), SystemTime::UNIX_EPOCH);
        list.exemplify(values.iter().map(|value| Exemplar::new(TRACE, *value, SystemTime::UNIX_EPOCH).unwrap()));
        let (kind, help, unit) = (Kind::Histogram, "".into(), tagmeter::Unit::None);
        let family = model::Family { name: "h".into(), kind, help, unit, series: list };
        check(&Snapshot::new(SystemTime::UNIX_EPOCH, vec![family]).to_openmetrics());
    }
}

#[test]
fn pythons_parser_accepts_them_all() {
    let (mut runner, strategy) = (TestRunner::deterministic(), (records(), bounds()));
    // It takes an escaped quote in an exemplar for the end of the value, as one of its own tests shows.
    let plain = |text: &mut String| *text = text.replace(['"', '\\'], "'");
    let mut pages: Vec<String> = (0..BATCH)
        .map(|_| {
            let (mut records, bounds) = strategy.new_tree(&mut runner).unwrap().current();
            records.iter_mut().flat_map(|(_, labels)| labels).for_each(|(_, text)| plain(text));
            page_of(&records, &bounds)
        })
        .collect();
    let snapshot = exemplified().0.snapshot();
    let own = [snapshot.to_openmetrics(), with_created(&snapshot, Escaping::AllowUtf8)];
    pages.extend(own.map(|page| page.replace(r#"\""#, "'")));
    assert!(pages.iter().map(|page| page.matches(" # {").count()).sum::<usize>() > BATCH);
    for (page, verdict) in pages.iter().zip(python(Format::OpenMetrics, &pages)) {
        if let Err(error) = verdict {
            panic!("{error}\nfor the page\n{page}");
        }
    }
}

#[test]
fn a_page_with_exemplars_and_start_times_is_written_again_as_it_was() {
    let page = with_created(&exemplified().0.snapshot(), Escaping::default());
    let families = parse::openmetrics::parse(&page).unwrap();
    let again = parse::openmetrics::page(&families);
    assert_eq!(parse::openmetrics::parse(&again).unwrap(), families);
    assert_eq!(again.matches(" # {").count(), page.matches(" # {").count());
}

#[test]
fn a_total_of_two_series_with_equal_labels_keeps_the_exemplar_of_the_first() {
    let (registry, _clock) = registry();
    registry.counter(("hits", [("a.b", "1")])).inc_with_exemplar(TRACE);
    registry.counter(("hits", [("a/b", "1")])).inc_with_exemplar([("trace_id", "other")]);
    let page = registry.snapshot().to_openmetrics();
    assert!(page.contains("hits_total{a_b=\"1\"} 2 # {trace_id=\"4bf92f35"), "{page}");
    assert_eq!(registry.snapshot().value(("hits", [("a.b", "1")])), Some(1.0));
}

#[test]
fn a_counter_holds_no_exemplar_greater_than_itself() {
    let mut list = SeriesList::new();
    list.push([("a", "1")], Value::Counter(Number::Integer(2)), SystemTime::UNIX_EPOCH);
    list.exemplify([2.0, 3.0].map(|value| Exemplar::new(TRACE, value, SystemTime::UNIX_EPOCH).unwrap()));
    assert_eq!(list.first().unwrap().exemplars().map(Exemplar::value).collect::<Vec<_>>(), [2.0]);
}

#[test]
fn exemplars_are_true_while_threads_record_and_others_read() {
    let registry = Registry::new();
    let sizes = registry.define("sizes").buckets(Buckets::linear(1.0, 1.0, 60).unwrap()).histogram().unwrap();
    let natives = registry.define("natives").native(NativeBuckets::default()).histogram().unwrap();
    let orders = registry.counter("orders");
    let begun = AtomicBool::new(true);
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (sizes, natives, orders) = (&sizes, &natives, &orders);
            scope.spawn(move || {
                for n in 0..6000 {
                    let value = f64::from(1 + (n * 7 + thread) % 70) - 0.5;
                    sizes.record_with_exemplar(value, TRACE);
                    natives.record_with_exemplar(value, TRACE);
                    orders.inc_with_exemplar(TRACE);
                }
            });
        }
        let reader = scope.spawn(|| {
            let mut pages = 0;
            while begun.load(Ordering::Relaxed) {
                check(&registry.snapshot().to_openmetrics());
                pages += 1;
                begun.store(orders.get() < 12_000, Ordering::Relaxed);
            }
            pages
        });
        assert!(reader.join().unwrap() > 0);
    });
    check(&registry.snapshot().to_openmetrics());
    assert_eq!((orders.get(), sizes.value().count(), natives.value().count()), (12_000, 12_000, 12_000));
}

/// The same exemplars in protobuf, decoded by the published schema: where they are in OpenMetrics, and in a list of their own
/// with native buckets.
#[cfg(feature = "protobuf")]
mod protobuf {
    use std::collections::BTreeSet;

    use super::*;
    use crate::judges::number;

    /// Name of the sample, labels with those of the exemplar, value.
    type Found = BTreeSet<(String, Vec<(String, String)>, String)>;

    fn of_openmetrics(snapshot: &Snapshot) -> Found {
        let families = parse::openmetrics::parse(&snapshot.to_openmetrics()).unwrap();
        let samples = families.iter().flat_map(|family| &family.samples);
        samples
            .filter_map(|sample| {
                let exemplar = sample.exemplar.as_ref()?;
                let own = sample.labels.iter().map(|(name, value)| match name.as_str() {
                    "le" => ("le".to_owned(), le(value.parse().unwrap())),
                    _ => (name.clone(), value.clone()),
                });
                let theirs = exemplar.labels.iter().map(|(name, value)| (format!("#{name}"), value.clone()));
                let time = ("time".to_owned(), number(exemplar.timestamp.unwrap()));
                let mut labels: Vec<_> = own.chain(theirs).chain([time]).collect();
                labels.sort();
                Some((sample.name.clone(), labels, number(exemplar.value)))
            })
            .collect()
    }

    /// As Python writes it.
    fn le(bound: f64) -> String {
        if bound.is_finite() { number(bound) } else { "inf".to_owned() }
    }

    fn of_protobuf(snapshots: &[Snapshot]) -> Vec<Found> {
        let pages: Vec<Vec<u8>> = snapshots.iter().map(Snapshot::to_protobuf).collect();
        let decoded = crate::protobuf::decoded(&pages).into_iter();
        decoded
            .map(|samples| {
                let exemplars = samples.unwrap().into_iter().filter_map(|(name, labels, value)| {
                    Some((name.strip_suffix("/exemplar")?.to_owned(), labels.into_iter().collect(), value))
                });
                exemplars.collect()
            })
            .collect()
    }

    #[test]
    fn they_are_where_openmetrics_has_them_and_all_of_them_with_native_buckets() {
        let snapshot = exemplified().0.snapshot();
        let [found] = of_protobuf(std::slice::from_ref(&snapshot)).try_into().unwrap();
        let mut expected = of_openmetrics(&snapshot);
        assert_eq!(expected.len(), 6);
        // Native buckets alone have no bucket to stand at, and those of both kinds stand in either place.
        let time = ("time".to_owned(), "60.25".to_owned());
        let labels = vec![("#trace_id".to_owned(), TRACE[0].1.to_owned()), time];
        expected.retain(|(name, _, _)| name != "sizes_bucket");
        expected.insert(("sizes".to_owned(), labels.clone(), number(7.0)));
        expected.insert(("both".to_owned(), labels, number(0.5)));
        assert_eq!(found, expected);
    }

    #[test]
    fn so_are_those_of_arbitrary_records() {
        let (mut runner, strategy) = (TestRunner::deterministic(), (records(), bounds()));
        let mut snapshots = Vec::new();
        for _ in 0..BATCH {
            let (records, bounds) = strategy.new_tree(&mut runner).unwrap().current();
            snapshots.push(snapshot_of(&records, &bounds));
        }
        let is_native = |name: &str| name.starts_with("natives") || name == "both";
        let mut all = 0;
        for (snapshot, mut found) in snapshots.iter().zip(of_protobuf(&snapshots)) {
            let mut expected = of_openmetrics(snapshot);
            expected.retain(|(name, _, _)| !is_native(name));
            found.retain(|(name, _, _)| !is_native(name));
            assert_eq!(found, expected);
            all += found.len();
        }
        assert!(all > BATCH);
    }
}
