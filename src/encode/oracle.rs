//! The page written the plain way, each line from nothing, to hold against the one that keeps what lines have in common.

use std::time::SystemTime;

use proptest::prelude::*;

use crate::encode::exposed::{Exposed, make_labels};
use crate::encode::samples::{Rules, Sample, SampleValue, Sampler, Samples};
use crate::encode::{Escaping, Options, text};
use crate::model::{
    Family, HistogramValue, Kind, MeterValue, Number, Series, SeriesList, Shape, Snapshot, StateSetValue,
    SummaryValue, TimerValue, Value,
};
use crate::number;
use crate::stat::{Buckets, Rates};
use crate::tag::Tags;
use crate::unit::Unit;

/// The lines of a page that are no comments.
fn plainly(snapshot: &Snapshot, options: &Options) -> String {
    let rules = Rules { claims: |_| &[], ..text::RULES };
    let samples = Samples::of(snapshot, options, &rules);
    samples.families.iter().map(plain_family).collect()
}

fn plain_family(family: &Exposed<'_>) -> String {
    let mut shown: Vec<(String, Value)> = Vec::new();
    for series in family.family.series.iter() {
        let labels = make_labels(&mut String::new(), family.keys(), series).inner().to_owned();
        match shown.iter_mut().find(|(earlier, _)| *earlier == labels) {
            Some((_, Value::Counter(total))) => add(total, series),
            Some(_) => {}
            None => shown.push((labels, series.value.clone())),
        }
    }
    let mut lines = String::new();
    for (labels, value) in &shown {
        let mut sampler = Sampler::new(Rules { claims: |_| &[], ..text::RULES });
        sampler.samples(family, value, &[], |sample| {
            lines += &plain_line(&family.name, family.is_quoted(), labels, sample)
        });
    }
    lines
}

fn add(total: &mut Number, series: Series<'_>) {
    match (*total, series.value) {
        (Number::Integer(a), Value::Counter(Number::Integer(b))) => *total = a.wrapping_add(*b).into(),
        (a, Value::Counter(b)) => *total = (a.as_f64() + b.as_f64()).into(),
        _ => {}
    }
}

fn plain_line(name: &str, is_quoted: bool, labels: &str, sample: Sample<'_>) -> String {
    let name = format!("{name}{}", sample.suffix);
    let quoted = if is_quoted { format!("{name:?}") } else { String::new() };
    let all: Vec<&str> =
        [&quoted, labels, sample.extra.unwrap_or("")].into_iter().filter(|part| !part.is_empty()).collect();
    let braces = if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) };
    let value = match sample.value {
        SampleValue::Unsigned(n) => n.to_string(),
        SampleValue::Signed(n) => n.to_string(),
        SampleValue::Float(x) => {
            let mut text = String::new();
            number::push_f64(&mut text, x);
            text
        }
    };
    format!("{}{braces} {value}\n", if is_quoted { "" } else { &name })
}

fn tags() -> impl Strategy<Value = Tags> {
    let key = "(route|status|a[./_]b|le|quantile|window|x|9|__a|é)?";
    prop::collection::vec((key, r#"[a-c"\\{},=é\n]{0,2}"#), 0..4).prop_map(Tags::from)
}

fn value(kind: Kind, n: u32) -> Value {
    let number = f64::from(n) / 8.0;
    let rates = Rates { mean: number, ..Rates::default() };
    let histogram = HistogramValue {
        buckets: Buckets::new([0.5, f64::from(n % 3) + 1.0]).unwrap_or_default(),
        counts: vec![u64::from(n), 0, 7],
        sum: number,
        sum_can_fall: false,
        window: None,
        native: None,
        restarted: None,
        shape: if n.is_multiple_of(2) { Shape::Histogram } else { Shape::Summary([0.5].into()) },
    };
    match kind {
        Kind::Counter if n.is_multiple_of(2) => Value::Counter(u64::from(n).into()),
        Kind::Counter => Value::Counter(number.into()),
        Kind::UpDownCounter => Value::UpDownCounter(-i64::from(n)),
        Kind::Gauge => Value::Gauge(-number),
        Kind::Meter => MeterValue { count: u64::from(n), rates }.into(),
        Kind::Timer => TimerValue { durations: histogram, rates }.into(),
        Kind::Histogram => histogram.into(),
        Kind::GaugeHistogram => Value::GaugeHistogram(Box::new(histogram)),
        Kind::Summary => SummaryValue::new(n.into(), number, [(0.5, number)]).unwrap().into(),
        Kind::Unknown => Value::Unknown(-number),
        Kind::Info => Value::Info(Box::new([("a.b", n.to_string())].into())),
        Kind::StateSet => {
            let states = ["on".into(), "of\"f".into()].into();
            StateSetValue { states, on: vec![true, n.is_multiple_of(2)] }.into()
        }
    }
}

fn snapshots() -> impl Strategy<Value = Snapshot> {
    let kinds = [
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
    ];
    let series = prop::collection::btree_map(tags(), any::<u32>(), 1..8);
    let families = prop::collection::vec((prop::sample::select(kinds.to_vec()), series), 1..4);
    families.prop_map(|families| {
        let start = SystemTime::UNIX_EPOCH;
        let family = |(at, (kind, series)): (usize, (Kind, std::collections::BTreeMap<Tags, u32>))| Family {
            // `x` meets the key of a state set's own label.
            name: ["x", "y.y", "z"].get(at).copied().unwrap_or("w").into(),
            kind,
            help: "".into(),
            unit: Unit::None,
            series: series.into_iter().map(|(tags, n)| (tags, value(kind, n), start)).collect::<SeriesList>(),
        };
        Snapshot::new(start, families.into_iter().enumerate().map(family).collect())
    })
}

fn schemes() -> impl Strategy<Value = Escaping> {
    prop::sample::select(vec![Escaping::Underscores, Escaping::AllowUtf8, Escaping::Dots, Escaping::Values])
}

proptest! {
    #[test]
    fn a_page_is_what_it_is_the_plain_way(snapshot in snapshots(), scheme in schemes()) {
        let options = Options::default().escaping(scheme);
        let mut page = Vec::new();
        text::encode_with(&snapshot, &options, &mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        let lines: String = page.split_inclusive('\n').filter(|line| !line.starts_with('#')).collect();
        prop_assert_eq!(lines, plainly(&snapshot, &options));
    }
}
