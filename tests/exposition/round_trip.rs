//! Any snapshot becomes a page that parsers accept and that says what the snapshot said.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::SystemTime;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tagmeter::Unit;
use tagmeter::encode::{Escaping, text};
use tagmeter::model::{Family, HistogramValue, Kind, Series, Shape, Snapshot, Value};
use tagmeter::parse::{self, ParsedFamily, ParsedKind, ParsedSample};

use crate::arbitrary::snapshots;
use crate::judges::{Format, formats_and_schemes, python, samples_of};

/// Pages that the Python parsers read in one go.
const BATCH: usize = 300;

/// The numbers of a family that nothing keeps off a page, by a way of its own: no names, no labels.
fn numbers(family: &Family) -> Vec<f64> {
    family.series.iter().flat_map(numbers_of).collect()
}

fn numbers_of(series: Series<'_>) -> Vec<f64> {
    match series.value {
        Value::Meter(meter) => {
            let rates = &meter.rates;
            vec![meter.count as f64, rates.mean, rates.one_minute, rates.five_minutes, rates.fifteen_minutes]
        }
        Value::Timer(timer) => numbers_of_histogram(&timer.durations),
        Value::Histogram(histogram) | Value::GaugeHistogram(histogram) => numbers_of_histogram(histogram),
        Value::Summary(summary) => {
            let values = summary.quantiles.iter().map(|(_, value)| *value);
            values.chain([summary.sum, summary.count as f64]).collect()
        }
        Value::StateSet(set) => set.on.iter().map(|on| f64::from(u8::from(*on))).collect(),
        other => other.number().into_iter().collect(),
    }
}

fn numbers_of_histogram(h: &HistogramValue) -> Vec<f64> {
    match &h.shape {
        Shape::Histogram => {
            let buckets = h.cumulative().map(|(_, count)| count as f64);
            buckets.chain([h.sum, h.count() as f64]).collect()
        }
        Shape::Summary(quantiles) => {
            let mut quantiles: Vec<f64> = quantiles.to_vec();
            quantiles.sort_by(f64::total_cmp);
            quantiles.dedup();
            let values = quantiles.iter().map(|q| h.quantile(*q).map_or(f64::NAN, |found| found.value()));
            values.chain([h.sum, h.count() as f64]).collect()
        }
    }
}

/// A page with this family alone.
fn alone(family: &Family) -> Snapshot {
    Snapshot::new(SystemTime::UNIX_EPOCH, vec![family.clone()])
}

/// What numbers are, whatever their order, the sign of zero and the kind of NaN.
fn bits(numbers: impl IntoIterator<Item = f64>) -> Vec<u64> {
    let canonical = |number: f64| match number {
        _ if number == 0.0 => 0.0,
        _ if number.is_nan() => f64::NAN,
        _ => number,
    };
    let mut bits: Vec<u64> = numbers.into_iter().map(|number| canonical(number).to_bits()).collect();
    bits.sort();
    bits
}

proptest! {
    #[test]
    fn every_page_is_valid(snapshot in snapshots()) {
        for (format, scheme) in formats_and_schemes() {
            let (page, _) = format.page(&snapshot, scheme);
            let families = format.read(&page);
            prop_assert!(families.is_ok(), "{format:?} by {scheme}: {}\n{page}", families.unwrap_err());
        }
    }

    #[test]
    fn no_family_and_no_series_is_there_twice(snapshot in snapshots()) {
        for (format, scheme) in formats_and_schemes() {
            let families = format.read(&format.page(&snapshot, scheme).0).unwrap();
            let names: BTreeSet<&str> = families.iter().map(|family| family.name.as_str()).collect();
            prop_assert_eq!(names.len(), families.len());
            let samples = samples_of(&families);
            let series: BTreeSet<_> = samples.iter().map(|(name, labels, _)| (name, labels)).collect();
            prop_assert_eq!(series.len(), samples.len());
        }
    }

    #[test]
    fn values_and_help_come_back(snapshot in snapshots()) {
        for family in snapshot.families().iter().map(without_clashes) {
            let families = parse::text::parse(&alone(&family).to_text()).unwrap();
            let read = families.iter().flat_map(|family| &family.samples).map(|sample| sample.value);
            prop_assert_eq!(bits(read), bits(numbers(&family)));
            prop_assert!(families.iter().all(|read| read.help == *family.help));
        }
    }

    #[test]
    fn names_and_tags_come_back_as_they_were(snapshot in snapshots()) {
        let gauges = snapshot.families().iter().filter(|family| family.kind == Kind::Gauge && family.unit == Unit::None);
        for family in gauges {
            let (page, left_out) = Format::OpenMetrics.page(&alone(family), Escaping::AllowUtf8);
            let read = Format::OpenMetrics.read(&page).unwrap();
            let readable = |name: &str| name.replace('\0', "_");
            prop_assert_eq!(&read[0].name, &readable(family.name.as_str()));
            let mut keys: BTreeSet<String> = family.series.iter().flat_map(|series| series.tags.iter().map(|tag| readable(tag.0))).collect();
            keys.retain(|key| !["le", "quantile", ""].contains(&key.as_str()) && !key.starts_with("__"));
            let labels: BTreeSet<String> = read[0].samples.iter().flat_map(|sample| &sample.labels).map(|label| label.0.clone()).collect();
            prop_assert!(keys.is_subset(&labels), "{keys:?} {labels:?} {left_out:?}");
        }
    }

    #[test]
    fn tags_come_back(snapshot in snapshots()) {
        let families = snapshot.families().iter().filter(|family| !matches!(family.kind, Kind::Info | Kind::StateSet));
        for family in families.map(without_clashes) {
            let read = parse::openmetrics::parse(&alone(&family).to_openmetrics()).unwrap();
            let labels = |sample: &ParsedSample| {
                let own = |key: &str| ["le", "quantile", "window"].contains(&key);
                sample.labels.iter().filter(|(key, _)| !own(key)).cloned().collect::<BTreeMap<_, _>>()
            };
            let read: BTreeSet<_> = read.iter().flat_map(|family| &family.samples).map(labels).collect();
            let given: BTreeSet<_> = family.series.iter().map(|series| exposed(&series, family.kind)).collect();
            prop_assert_eq!(read, given);
        }
    }
}

/// The family, or its first series alone where some have labels in common.
fn without_clashes(family: &Family) -> Family {
    let clashes = !text::encode_into(&alone(family), &mut io::sink()).unwrap().is_empty();
    let shown = if clashes { 1 } else { family.series.len() };
    let series = family.series.iter().take(shown);
    let series = series.map(|series| (series.tags, series.value.clone(), series.start()));
    Family { series: series.collect(), ..family.clone() }
}

/// The labels that tags become, the plain way.
fn exposed(series: &Series<'_>, kind: Kind) -> BTreeMap<String, String> {
    let legal = |(at, c): (usize, char)| match c {
        '0'..='9' if at > 0 => c,
        'a'..='z' | 'A'..='Z' => c,
        _ => '_',
    };
    let key = |key: &str| {
        let legal: String =
            if key.is_empty() { "_".into() } else { key.chars().enumerate().map(legal).collect() };
        match legal.as_str() {
            "le" | "quantile" => legal + "_",
            "window" if kind == Kind::Meter => legal + "_",
            _ if legal.starts_with("__") => "key".to_owned() + &legal,
            _ => legal,
        }
    };
    let own = |key: &str| ["le", "quantile", "window"].contains(&key);
    let labels = series.tags.iter().map(|(name, value)| (key(name), value.to_owned()));
    labels.filter(|(key, _)| !own(key)).collect()
}

/// Python's parser adds `_total` to the samples of counters that come without it, as those of exact names do.
fn with_totals(mut families: Vec<ParsedFamily>) -> Vec<ParsedFamily> {
    for family in families.iter_mut().filter(|family| family.kind == ParsedKind::Counter) {
        let bare = family.samples.iter_mut().filter(|sample| !sample.name.ends_with("_total"));
        bare.for_each(|sample| sample.name += "_total");
    }
    families
}

#[test]
fn the_python_parsers_read_what_ours_do() {
    let mut runner = TestRunner::deterministic();
    let snapshots = snapshots();
    let snapshots: Vec<Snapshot> =
        (0..BATCH).map(|_| snapshots.new_tree(&mut runner).unwrap().current()).collect();
    for (format, scheme) in formats_and_schemes() {
        let pages: Vec<String> = snapshots.iter().map(|snapshot| format.page(snapshot, scheme).0).collect();
        for (page, theirs) in pages.iter().zip(python(format, &pages)) {
            let ours = samples_of(&with_totals(format.read(page).unwrap()));
            assert_eq!(theirs, Ok(ours), "{format:?} by {scheme}\n{page}");
        }
    }
}
