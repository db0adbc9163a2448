//! Snapshots made of anything: names, tags, help texts and values that no one would choose.

use std::time::SystemTime;

use proptest::prelude::*;
use tagmeter::model::{
    Family, HistogramValue, Kind, MeterValue, Number, SeriesList, Shape, Snapshot, StateSetValue,
    SummaryValue, TimerValue, Value,
};
use tagmeter::stat::{Buckets, Rates};
use tagmeter::{Name, Tags, Unit};

/// Words that meet: alike once escaped, reserved, or made of a suffix.
const WORDS: &str =
    "(a|a[./]b|a_b|x_total|x_rate|x_created|x|le|quantile|window|__name__|x_seconds|9|_|_total|x_bucket)";

pub(crate) fn snapshots() -> impl Strategy<Value = Snapshot> {
    prop::collection::vec(family(), 0..6).prop_map(|families| {
        let mut families = families;
        // As the registry makes them: no name twice.
        families.sort_by(|a, b| a.name.cmp(&b.name));
        families.dedup_by(|a, b| a.name == b.name);
        Snapshot::new(SystemTime::UNIX_EPOCH, families)
    })
}

/// Anything, but often something that meets something else.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![WORDS, any::<String>(), r#"[\\"\n{},=# é🌲\r]{0,6}"#]
}

fn name() -> impl Strategy<Value = String> {
    text().prop_map(|name| if name.is_empty() { "empty".to_owned() } else { name })
}

pub(crate) fn tags() -> impl Strategy<Value = Tags> {
    prop::collection::vec((text(), text()), 0..4).prop_map(Tags::from)
}

pub(crate) fn unit() -> impl Strategy<Value = Unit> {
    prop_oneof![
        3 => Just(Unit::None),
        1 => Just(Unit::Seconds),
        1 => Just(Unit::Bytes),
        1 => text().prop_map(Unit::other),
    ]
}

fn family() -> impl Strategy<Value = Family> {
    kind().prop_flat_map(|kind| {
        let shape = shape();
        let series =
            shape.prop_flat_map(move |shape| prop::collection::vec((tags(), value(kind, shape)), 1..5));
        (name(), text(), unit(), series, prop::bool::weighted(0.2)).prop_map(
            move |(name, help, unit, series, exact)| Family {
                name: if exact { Name::exact(name) } else { name.into() },
                kind,
                help: help.into(),
                unit,
                series: distinct(series),
            },
        )
    })
}

/// As the registry makes them: no tags twice.
fn distinct(mut series: Vec<(Tags, Value)>) -> SeriesList {
    series.sort_by(|a, b| a.0.cmp(&b.0));
    series.dedup_by(|a, b| a.0 == b.0);
    let start = SystemTime::UNIX_EPOCH;
    series.into_iter().map(|(tags, value)| (tags, value, start)).collect()
}

pub(crate) fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![
        Kind::Counter,
        Kind::UpDownCounter,
        Kind::Gauge,
        Kind::Meter,
        Kind::Timer,
        Kind::Histogram,
        Kind::Info,
        Kind::StateSet,
        Kind::GaugeHistogram,
        Kind::Summary,
        Kind::Unknown,
    ])
}

pub(crate) fn value(kind: Kind, shape: Shape) -> BoxedStrategy<Value> {
    let rising = || prop::num::f64::POSITIVE | prop::num::f64::ZERO;
    let rates =
        (rising(), rising()).prop_map(|(mean, one_minute)| Rates { mean, one_minute, ..Rates::default() });
    match kind {
        Kind::Counter => prop_oneof![
            any::<u64>().prop_map(|n| Value::Counter(Number::Integer(n))),
            rising().prop_map(|x| Value::Counter(Number::Float(x.abs()))),
        ]
        .boxed(),
        Kind::UpDownCounter => any::<i64>().prop_map(Value::UpDownCounter).boxed(),
        Kind::Meter => {
            (any::<u64>(), rates).prop_map(|(count, rates)| MeterValue { count, rates }.into()).boxed()
        }
        Kind::Timer => (histogram(shape), rates)
            .prop_map(|(durations, rates)| TimerValue { durations, rates }.into())
            .boxed(),
        Kind::Histogram => histogram(shape).prop_map(Value::from).boxed(),
        Kind::GaugeHistogram => {
            histogram(Shape::Histogram).prop_map(|value| Value::GaugeHistogram(Box::new(value))).boxed()
        }
        Kind::Summary => summary().prop_map(Value::from).boxed(),
        Kind::Unknown => prop::num::f64::ANY.prop_map(Value::Unknown).boxed(),
        Kind::Info => tags().prop_map(|facts| Value::Info(Box::new(facts))).boxed(),
        Kind::StateSet => states().prop_map(Value::from).boxed(),
        _ => prop::num::f64::ANY.prop_map(Value::Gauge).boxed(),
    }
}

fn shape() -> impl Strategy<Value = Shape> {
    let quantiles =
        prop::collection::vec(0.0..=1.0, 0..4).prop_map(|quantiles| Shape::Summary(quantiles.into()));
    prop_oneof![Just(Shape::Histogram), quantiles]
}

fn histogram(shape: Shape) -> impl Strategy<Value = HistogramValue> {
    (buckets(), any::<bool>(), -1e9..1e9_f64).prop_flat_map(move |(buckets, sum_can_fall, sum)| {
        let shape = shape.clone();
        prop::collection::vec(0..u64::from(u32::MAX), buckets.bounds().len() + 1).prop_map(move |counts| {
            let sum = if sum_can_fall { sum } else { sum.abs() };
            let (buckets, shape) = (buckets.clone(), shape.clone());
            HistogramValue {
                buckets,
                counts,
                sum,
                sum_can_fall,
                window: None,
                native: None,
                restarted: None,
                shape,
            }
        })
    })
}

fn summary() -> impl Strategy<Value = SummaryValue> {
    let quantiles = prop::collection::vec((0.0..=1.0, prop::num::f64::ANY), 0..4);
    (any::<u32>(), -1e9..1e9_f64, quantiles).prop_map(
        |(count, sum, mut quantiles): (u32, f64, Vec<(f64, f64)>)| {
            quantiles.sort_by(|a, b| a.0.total_cmp(&b.0));
            quantiles.dedup_by(|a, b| a.0 == b.0);
            SummaryValue::new(count.into(), sum, quantiles).unwrap()
        },
    )
}

pub(crate) fn buckets() -> impl Strategy<Value = Buckets> {
    let bounds = prop::num::f64::NORMAL | prop::num::f64::NEGATIVE | prop::num::f64::POSITIVE;
    let finite = bounds.prop_filter("a finite bound", |bound| bound.is_finite());
    prop::collection::vec(finite, 1..6).prop_map(|mut bounds| {
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        Buckets::new(bounds).unwrap()
    })
}

fn states() -> impl Strategy<Value = StateSetValue> {
    prop::collection::btree_map(text(), any::<bool>(), 1..4).prop_map(|states| StateSetValue {
        states: states.keys().map(|state| state.as_str().into()).collect::<Vec<Box<str>>>().into(),
        on: states.values().copied().collect(),
    })
}
