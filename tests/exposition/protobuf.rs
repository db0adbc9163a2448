//! Pages in Prometheus' protobuf format, decoded by the published schema: what they hold is what the text page of the same
//! snapshot holds, and native buckets and start times are those of the model.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tagmeter::Registry;
use tagmeter::clock::ManualClock;
use tagmeter::encode::protobuf;
use tagmeter::model::{HistogramValue, Snapshot, Value};
use tagmeter::parse::{self, ParsedKind};
use tagmeter::stat::{Buckets, NativeBuckets, Schema};

use crate::arbitrary::snapshots;
use crate::fixture::fixture;
use crate::hostile::hostile;
use crate::judges::{Samples, installed, number, run, samples_of, verdict};

/// Pages that are decoded in one go.
const BATCH: usize = 300;

/// What Python makes of pages, or why it refuses them.
pub(crate) fn decoded(pages: &[Vec<u8>]) -> Vec<Result<Samples, String>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/exposition/decode.py");
    let mut input = Vec::new();
    for page in pages {
        input.extend(u32::try_from(page.len()).unwrap().to_be_bytes());
        input.extend(page);
    }
    let (code, output) = run(Command::new(installed("venv/bin/python")).arg(script), &input);
    assert_eq!(code, 0, "{script} fails: {output}");
    let verdicts: Vec<_> = output.lines().map(|line| verdict(&serde_json::from_str(line).unwrap())).collect();
    assert_eq!(verdicts.len(), pages.len(), "one line a page: {output}");
    verdicts
}

/// The part of what was decoded that a text page has too.
fn of_text(decoded: Samples) -> Samples {
    let has_no_place = |name: &str| {
        ["/created", "/exemplar", "/schema", "/threshold", "/zero", "/negative", "/positive"]
            .iter()
            .any(|end| name.ends_with(end))
    };
    sorted(decoded.into_iter().filter(|(name, _, _)| !has_no_place(name)).collect())
}

/// What the text page of a snapshot holds, types and help texts among it.
fn text(snapshot: &Snapshot) -> Samples {
    let families = parse::text::parse(&snapshot.to_text()).unwrap();
    let mut samples = samples_of(&families);
    for family in &families {
        let one = |suffix: &str, key: &str, value: &str| {
            (
                format!("{}{suffix}", family.name),
                BTreeMap::from([(key.to_owned(), value.to_owned())]),
                number(1.0),
            )
        };
        samples.push(one("/type", word(family.kind), ""));
        if !family.help.is_empty() {
            samples.push(one("/help", "text", &family.help));
        }
    }
    sorted(samples)
}

fn word(kind: ParsedKind) -> &'static str {
    match kind {
        ParsedKind::Counter => "counter",
        ParsedKind::Gauge => "gauge",
        ParsedKind::Summary => "summary",
        ParsedKind::Histogram => "histogram",
        ParsedKind::Unknown => "untyped",
        other => panic!("no family of text 0.0.4 is a {other:?}"),
    }
}

/// Sorted, with bounds in one spelling.
fn sorted(mut samples: Samples) -> Samples {
    for (_, labels, _) in &mut samples {
        for key in ["le", "quantile"] {
            // A state set may be called so, too.
            if let Some((label, bound)) =
                labels.get_mut(key).and_then(|label| label.parse().ok().map(|bound| (label, bound)))
            {
                *label = number(bound);
            }
        }
    }
    samples.sort();
    samples
}

/// Where the two differ, for people.
fn assert_same(decoded: Samples, expected: Samples) {
    let lacks: Vec<_> =
        expected.iter().filter(|sample| decoded.binary_search(sample).is_err()).take(10).collect();
    let more: Vec<_> =
        decoded.iter().filter(|sample| expected.binary_search(sample).is_err()).take(10).collect();
    assert!(decoded == expected, "lacks {lacks:#?}\nhas instead {more:#?}");
}

#[test]
fn a_page_holds_what_the_text_page_holds() {
    for registry in [fixture(), hostile()] {
        let snapshot = registry.snapshot();
        assert_same(of_text(decoded(&[snapshot.to_protobuf()]).remove(0).unwrap()), text(&snapshot));
    }
}

#[test]
fn any_page_holds_what_the_text_page_holds() {
    let mut runner = TestRunner::deterministic();
    let snapshots: Vec<Snapshot> =
        (0..BATCH).map(|_| snapshots().new_tree(&mut runner).unwrap().current()).collect();
    let pages: Vec<Vec<u8>> = snapshots.iter().map(Snapshot::to_protobuf).collect();
    for (found, snapshot) in decoded(&pages).into_iter().zip(&snapshots) {
        let found = found.unwrap_or_else(|error| panic!("{error}: {snapshot:#?}"));
        assert_same(of_text(found), text(snapshot));
    }
}

/// What a series named `h` says of its native buckets.
fn native(histogram: &HistogramValue) -> Samples {
    let counts = histogram.native.as_ref().unwrap();
    let one = |name: &str, value: f64| (format!("h/{name}"), BTreeMap::new(), number(value));
    let side = |name: &str, buckets: &[(i32, u64)]| -> Samples {
        let of = |(index, count): &(i32, u64)| {
            let labels = BTreeMap::from([("index".to_owned(), index.to_string())]);
            (format!("h/{name}"), labels, number(*count as f64))
        };
        buckets.iter().map(of).collect()
    };
    let mut all = vec![
        one("schema", f64::from(counts.schema().get())),
        one("threshold", counts.zero_threshold()),
        one("zero", counts.zero_count() as f64),
    ];
    all.extend(side("negative", counts.negative()));
    all.extend(side("positive", counts.positive()));
    sorted(all)
}

fn values() -> impl Strategy<Value = Vec<f64>> {
    use prop::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    let any = NORMAL | SUBNORMAL | ZERO | POSITIVE | NEGATIVE;
    prop::collection::vec(prop_oneof![1 => any, 2 => -1e3..1e3, 3 => 1e-3..1e1], 0..100)
}

/// A histogram of these values, with classic buckets too where they are asked for.
fn recorded(schema: i32, threshold: f64, classic: bool, values: &[f64]) -> Registry {
    let registry = Registry::new();
    let buckets = NativeBuckets::with_schema(Schema::new(schema).unwrap()).zero_threshold(threshold).unwrap();
    let definition = registry.define("h").native(buckets);
    let definition = if classic { definition.buckets(Buckets::default()) } else { definition };
    let histogram = definition.histogram().unwrap();
    values.iter().for_each(|value| histogram.record(*value));
    registry
}

#[test]
fn native_buckets_are_those_of_the_model() {
    let mut runner = TestRunner::deterministic();
    let definitions = (-4..=8_i32, prop_oneof![Just(0.0), 0.0..1.0], any::<bool>(), values());
    let snapshots: Vec<Snapshot> = (0..BATCH)
        .map(|_| {
            let (schema, threshold, classic, values) = definitions.new_tree(&mut runner).unwrap().current();
            recorded(schema, threshold, classic, &values).snapshot()
        })
        .collect();
    let pages: Vec<Vec<u8>> = snapshots.iter().map(Snapshot::to_protobuf).collect();
    for (found, snapshot) in decoded(&pages).into_iter().zip(&snapshots) {
        let found = found.unwrap_or_else(|error| panic!("{error}: {snapshot:#?}"));
        assert_same(of_text(found.clone()), text(snapshot));
        let parts = found.into_iter().filter(|(name, _, _)| name.starts_with("h/"));
        let parts = parts.filter(|(name, _, _)| !["h/type", "h/created"].contains(&name.as_str())).collect();
        let Some(Value::Histogram(histogram)) = snapshot.get("h") else { panic!("it is a histogram") };
        assert_same(sorted(parts), native(histogram));
    }
}

#[test]
fn series_tell_when_they_began_and_began_anew() {
    let clock = ManualClock::new();
    let registry = Registry::builder().clock(clock.clone()).build();
    clock.advance(Duration::from_millis(1_500));
    registry.counter(("orders", [("city", "Oslo")])).inc();
    registry.meter("marks").mark();
    clock.advance(Duration::from_nanos(3));
    registry.define("wait").summary([0.5]).timer().unwrap();
    registry.counter(("orders", [("city", "Bergen")])).inc();
    let buckets = NativeBuckets::default().max_buckets(1).reset_after(Duration::from_secs(60));
    let sizes = registry.define("sizes").native(buckets).histogram().unwrap();
    [1.0, 9.0].iter().for_each(|size| sizes.record(*size));
    clock.advance(Duration::from_secs(60));
    let created = |registry: &Registry| -> BTreeMap<String, u64> {
        let found = decoded(&[registry.snapshot().to_protobuf()]).remove(0).unwrap();
        let created = found.into_iter().filter(|(name, _, _)| name.ends_with("/created"));
        let at = |nanos: String| nanos.parse::<f64>().unwrap() as u64;
        created
            .map(|(name, labels, nanos)| (name + &labels.into_values().collect::<String>(), at(nanos)))
            .collect()
    };
    let (first, second) = (1_500_000_000, 1_500_000_003);
    let began = [
        ("marks_total/created", first),
        ("orders_total/createdBergen", second),
        ("orders_total/createdOslo", first),
        ("sizes/created", second),
        ("wait_seconds/created", second),
    ];
    let mut began = BTreeMap::from(began.map(|(name, time)| (name.to_owned(), time)));
    assert_eq!(created(&registry), began);
    assert_eq!(created(&registry), began, "it was too coarse and old enough: this was the last reading");
    began.insert("sizes/created".to_owned(), second + 60_000_000_000);
    assert_eq!(created(&registry), began);
}

#[test]
fn a_family_too_large_for_the_buffer_is_the_same_in_pieces() {
    let registry = Registry::new();
    let sizes = registry.define("sizes").tags(["n"]).histograms().unwrap();
    (0..6_000).for_each(|n| sizes.with([&format!("{n:0>30}")]).record(f64::from(n)));
    let snapshot = registry.snapshot();
    let mut largest = Largest::default();
    protobuf::encode_into(&snapshot, &mut largest).unwrap();
    let page = snapshot.to_protobuf();
    assert_eq!(largest.all, page.len());
    assert!(page.len() > 1 << 20 && largest.one <= 1 << 16, "{} of {}", largest.one, page.len());
    assert_same(of_text(decoded(&[page]).remove(0).unwrap()), text(&snapshot));
}

/// Remembers how much came at a time.
#[derive(Default)]
struct Largest {
    one: usize,
    all: usize,
}

impl std::io::Write for Largest {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.one = self.one.max(bytes.len());
        self.all += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_page_that_is_cut_short_is_refused() {
    let page = fixture().snapshot().to_protobuf();
    assert!(decoded(&[page[..page.len() - 1].to_vec()]).remove(0).is_err());
    assert_eq!(decoded(&[Snapshot::new(SystemTime::UNIX_EPOCH, vec![]).to_protobuf()]), [Ok(vec![])]);
}
