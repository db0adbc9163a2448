//! Snapshots made of bytes.

use std::collections::BTreeMap;
use std::time::SystemTime;

use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};
use tagmeter::model::{
    Family, HistogramValue, Kind, MeterValue, SeriesList, Shape, Snapshot, StateSetValue, Value,
};
use tagmeter::stat::{Buckets, Rates};
use tagmeter::{Tags, Unit};

const MOST_FAMILIES: usize = 4;
const MOST_SERIES: usize = 4;
const MOST_TAGS: usize = 3;
const KINDS: [Kind; 7] = [
    Kind::Counter,
    Kind::UpDownCounter,
    Kind::Gauge,
    Kind::Meter,
    Kind::Histogram,
    Kind::Info,
    Kind::StateSet,
];

/// As the registry could have made it: no name twice, no tags twice in a family.
#[derive(Debug)]
pub struct AnySnapshot(pub Snapshot);

impl<'a> Arbitrary<'a> for AnySnapshot {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let mut families = BTreeMap::new();
        for _ in 0..bytes.int_in_range(0..=MOST_FAMILIES)? {
            let family = family(bytes)?;
            families.insert(family.name.clone(), family);
        }
        Ok(AnySnapshot(Snapshot::new(SystemTime::UNIX_EPOCH, families.into_values().collect())))
    }
}

fn family(bytes: &mut Unstructured<'_>) -> Result<Family> {
    let (kind, is_summary) = (*bytes.choose(&KINDS)?, bytes.arbitrary()?);
    let mut series = BTreeMap::new();
    for _ in 0..bytes.int_in_range(1..=MOST_SERIES)? {
        series.insert(tags(bytes)?, value(kind, is_summary, bytes)?);
    }
    let start = SystemTime::UNIX_EPOCH;
    Ok(Family {
        name: text(bytes, "empty")?.into(),
        kind,
        help: text(bytes, "")?.into(),
        unit: if bytes.arbitrary()? { Unit::other(text(bytes, "")?) } else { Unit::None },
        series: series.into_iter().map(|(tags, value)| (tags, value, start)).collect::<SeriesList>(),
    })
}

fn text(bytes: &mut Unstructured<'_>, instead: &str) -> Result<String> {
    let length = bytes.int_in_range(0..=12)?;
    let text = String::from_utf8_lossy(bytes.bytes(length)?).into_owned();
    Ok(if text.is_empty() { instead.to_owned() } else { text })
}

fn tags(bytes: &mut Unstructured<'_>) -> Result<Tags> {
    let count = bytes.int_in_range(0..=MOST_TAGS)?;
    let pairs: Result<Vec<_>> = (0..count).map(|_| Ok((text(bytes, "")?, text(bytes, "")?))).collect();
    Ok(pairs?.into())
}

fn value(kind: Kind, is_summary: bool, bytes: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match kind {
        Kind::Counter => Value::Counter(bytes.arbitrary::<u64>()?.into()),
        Kind::UpDownCounter => Value::UpDownCounter(bytes.arbitrary()?),
        Kind::Meter => MeterValue { count: bytes.arbitrary()?, rates: Rates::default() }.into(),
        Kind::Histogram => histogram(is_summary, bytes)?.into(),
        Kind::Info => Value::Info(Box::new(tags(bytes)?)),
        Kind::StateSet => states(bytes)?.into(),
        _ => Value::Gauge(bytes.arbitrary()?),
    })
}

fn histogram(is_summary: bool, bytes: &mut Unstructured<'_>) -> Result<HistogramValue> {
    let mut bounds: Vec<f64> = bytes.arbitrary()?;
    bounds.retain(|bound| bound.is_finite());
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    let buckets = Buckets::new(bounds).unwrap_or_default();
    let counts: Result<Vec<u64>> =
        (0..=buckets.bounds().len()).map(|_| Ok(bytes.arbitrary::<u32>()?.into())).collect();
    let (sum, quantiles) = (f64::from(bytes.arbitrary::<i32>()?), bytes.arbitrary::<Vec<f64>>()?);
    Ok(HistogramValue {
        buckets,
        counts: counts?,
        sum,
        sum_can_fall: sum < 0.0,
        window: None,
        native: None,
        restarted: None,
        shape: if is_summary { Shape::Summary(quantiles.into()) } else { Shape::Histogram },
    })
}

fn states(bytes: &mut Unstructured<'_>) -> Result<StateSetValue> {
    let count = bytes.int_in_range(1..=MOST_TAGS)?;
    let states: Result<Vec<Box<str>>> = (0..count).map(|_| Ok(text(bytes, "")?.into())).collect();
    let on: Result<Vec<bool>> = (0..count).map(|_| bytes.arbitrary()).collect();
    Ok(StateSetValue { states: states?.into(), on: on? })
}
