//! Collectors that lie in every way there is: pages stay valid in every format, and what others bring stays on them.

use std::collections::BTreeSet;
use std::time::SystemTime;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tagmeter::model::{
    Family, HistogramValue, MeterValue, Shape, Snapshot, StateSetValue, SummaryValue, TimerValue, Value,
};
use tagmeter::registry::Families;
use tagmeter::stat::{NativeBuckets, NativeCounts, Rates};
use tagmeter::{Registry, Tags};

use crate::arbitrary::{buckets, kind, tags, text, unit, value};
use crate::judges::{Format, formats_and_schemes, promtool, python, samples_of};

/// Pages that the Python parsers read in one go.
const BATCH: usize = 300;
/// Pages that promtool reads, one at a time.
const FEW: usize = 20;

/// What a collector may come up with.
#[derive(Debug, Clone)]
enum Lie {
    /// A family made by hand.
    Family(Family),
    /// Totals, perhaps kept from falling.
    Totals { name: String, totals: Vec<(Tags, f64)>, is_monotone: bool },
    /// Bounds and cumulative counts.
    Cumulative { name: String, tags: Tags, buckets: Vec<(f64, u64)>, sum: f64 },
}

fn lies() -> impl Strategy<Value = Vec<Lie>> {
    let numbers = || prop::num::f64::ANY;
    let totals = (name(), prop::collection::vec((tags(), numbers()), 0..4), any::<bool>());
    let totals = totals.prop_map(|(name, totals, is_monotone)| Lie::Totals { name, totals, is_monotone });
    let counts = prop::collection::vec((prop_oneof![numbers(), Just(f64::INFINITY)], 0..9_u64), 0..4);
    let cumulative = (name(), tags(), counts, numbers())
        .prop_map(|(name, tags, buckets, sum)| Lie::Cumulative { name, tags, buckets, sum });
    prop::collection::vec(
        prop_oneof![3 => family().prop_map(Lie::Family), 1 => totals, 1 => cumulative],
        1..6,
    )
}

/// Anything, but often a name that somebody else has.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => text(),
        2 => "(hits|hits_total|well|well[.]|tagmeter_problems|tagmeter_collector_runs|same|)",
    ]
}

fn family() -> impl Strategy<Value = Family> {
    let series = || prop::collection::vec((tags(), any_value()), 0..5);
    (name(), kind(), text(), unit(), series()).prop_map(|(name, kind, help, unit, series)| {
        // One more time, so that tags are there twice.
        let again = series.first().cloned();
        let series =
            series.into_iter().chain(again).map(|(tags, value)| (tags, value, SystemTime::UNIX_EPOCH));
        Family { name: name.into(), kind, help: help.into(), unit, series: series.collect() }
    })
}

/// A value of any kind, possible or not.
fn any_value() -> impl Strategy<Value = Value> {
    let numbers = || prop::num::f64::ANY;
    let rates =
        (numbers(), numbers()).prop_map(|(mean, one_minute)| Rates { mean, one_minute, ..Rates::default() });
    let summary =
        (any::<u64>(), numbers(), any::<bool>(), prop::collection::vec((numbers(), numbers()), 0..4));
    let summary = summary.prop_map(|(count, sum, sum_can_fall, quantiles)| {
        Value::from(SummaryValue { count, sum, sum_can_fall, quantiles })
    });
    let states = (prop::collection::vec(text(), 0..4), prop::collection::vec(any::<bool>(), 0..4));
    let states = states.prop_map(|(states, on)| {
        let states: Vec<Box<str>> = states.into_iter().map(Box::from).collect();
        Value::from(StateSetValue { states: states.into(), on })
    });
    prop_oneof![
        4 => kind().prop_flat_map(|kind| value(kind, Shape::Histogram)),
        1 => numbers().prop_map(|total| Value::Counter(total.into())),
        1 => histogram().prop_map(Value::from),
        1 => histogram().prop_map(|histogram| Value::GaugeHistogram(Box::new(histogram))),
        1 => (histogram(), rates).prop_map(|(durations, rates)| TimerValue { durations, rates }.into()),
        1 => (any::<u64>(), numbers()).prop_map(|(count, mean)| {
            MeterValue { count, rates: Rates { mean, ..Rates::default() } }.into()
        }),
        1 => summary,
        1 => states,
    ]
}

/// Counts that need not fit their bounds, each other or a number, and sums that are none.
fn histogram() -> impl Strategy<Value = HistogramValue> {
    let counts = prop::collection::vec(prop_oneof![0..9_u64, any::<u64>()], 0..6);
    let native =
        prop::option::of(prop::collection::vec(prop_oneof![-3.0..3.0_f64, prop::num::f64::ANY], 0..4));
    let quantiles = prop::option::of(prop::collection::vec(prop::num::f64::ANY, 0..3));
    (buckets(), counts, prop_oneof![0.0..9.0, prop::num::f64::ANY], any::<bool>(), native, quantiles)
        .prop_map(|(buckets, counts, sum, sum_can_fall, native, quantiles)| HistogramValue {
            buckets,
            counts,
            sum,
            sum_can_fall,
            window: None,
            native: native.map(|values| {
                let mut counts = NativeCounts::new(&NativeBuckets::default());
                values.iter().for_each(|value| counts.record_n(*value, 1));
                counts
            }),
            restarted: None,
            shape: quantiles.map_or(Shape::Histogram, |quantiles| Shape::Summary(quantiles.into())),
        })
}

fn tell(families: &mut Families<'_>, lies: &[Lie]) {
    for lie in lies {
        match lie.clone() {
            Lie::Family(family) => families.push(family),
            Lie::Totals { name, totals, is_monotone } => {
                let rows = families.counter(name, "Told.");
                let rows = if is_monotone { rows.monotone() } else { rows };
                totals.into_iter().fold(rows, |rows, (tags, total)| rows.set(tags, total));
            }
            Lie::Cumulative { name, tags, buckets, sum } => {
                let counts = HistogramValue::of_cumulative(buckets, sum);
                families.histogram(name, "Told.").try_set(tags, counts);
            }
        }
    }
}

/// What a registry shows to which somebody tells lies, in whatever way, besides others who do not.
fn lied_to(lies: Vec<Lie>) -> Snapshot {
    let registry = Registry::new();
    registry.counter("hits").inc();
    registry.collector("honest", |families| _ = families.gauge("well", "All is well.").set((), 1.0));
    let [again, staged] = [lies.clone(), lies.clone()];
    registry.define_collector("first").collect(move |families| tell(families, &lies));
    registry
        .define_collector("again")
        .cached(std::time::Duration::MAX)
        .collect(move |families| tell(families, &again));
    let set = registry.staged("set");
    set.publish(|families| tell(families, &staged));
    registry.snapshot();
    registry.snapshot()
}

/// What the honest ones say is there.
fn is_well(page: &str, samples: [&str; 2]) -> bool {
    samples.iter().all(|sample| page.lines().any(|line| line == *sample))
}

proptest! {
    #[test]
    fn every_page_is_valid_and_has_what_the_others_say(lies in lies()) {
        let snapshot = lied_to(lies);
        for (format, scheme) in formats_and_schemes() {
            let (page, _) = format.page(&snapshot, scheme);
            let families = format.read(&page);
            prop_assert!(families.is_ok(), "{format:?} by {scheme}: {}\n{page}", families.unwrap_err());
            let samples = samples_of(&families.unwrap());
            let series: BTreeSet<_> = samples.iter().map(|(name, labels, _)| (name, labels)).collect();
            prop_assert_eq!(series.len(), samples.len());
        }
        prop_assert!(is_well(&snapshot.to_text(), ["hits_total 1", "well 1"]));
        prop_assert!(is_well(&snapshot.to_openmetrics(), ["hits_total 1", "well 1.0"]));
        let names: BTreeSet<_> = snapshot.families().iter().map(|family| &family.name).collect();
        prop_assert_eq!(names.len(), snapshot.families().len());
        let json: serde_json::Value = serde_json::from_str(&snapshot.to_json()).unwrap();
        prop_assert_eq!(json["families"].as_array().unwrap().len(), snapshot.families().len());
    }
}

fn batch() -> Vec<Snapshot> {
    let mut runner = TestRunner::deterministic();
    (0..BATCH).map(|_| lied_to(lies().new_tree(&mut runner).unwrap().current())).collect()
}

#[test]
fn the_judges_accept_what_liars_leave() {
    let snapshots = batch();
    for format in Format::BOTH {
        let pages: Vec<String> =
            snapshots.iter().map(|snapshot| format.page(snapshot, Default::default()).0).collect();
        for (verdict, page) in python(format, &pages).into_iter().zip(&pages) {
            let theirs = verdict.unwrap_or_else(|error| panic!("{format:?}: {error}\n{page}"));
            assert_eq!(theirs, samples_of(&format.read(page).unwrap()));
        }
    }
    snapshots.iter().take(FEW).for_each(|snapshot| _ = promtool(&snapshot.to_text()));
}

#[cfg(feature = "protobuf")]
#[test]
fn what_liars_leave_can_be_decoded() {
    let pages: Vec<Vec<u8>> = batch().iter().map(Snapshot::to_protobuf).collect();
    crate::protobuf::decoded(&pages).into_iter().for_each(|samples| assert!(!samples.unwrap().is_empty()));
}
