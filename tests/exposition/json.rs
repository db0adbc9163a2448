//! JSON pages, read by another reader: everything comes back.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use serde_json::{Map, Value as Json};
use tagmeter::model::{
    Family, HistogramValue, Kind, MeterValue, Number, SeriesList, Shape, Snapshot, StateSetValue,
    SummaryValue, TimerValue, Value,
};
use tagmeter::stat::{Buckets, NativeBuckets, Rates};
use tagmeter::{Tags, Unit};

use crate::arbitrary::snapshots;
use crate::fixture::fixture;
use crate::hostile::odd;

/// The snapshot that a page tells of.
fn read(page: &str) -> Snapshot {
    let page: Json = serde_json::from_str(page).unwrap();
    assert_eq!(page["schema"], 1);
    Snapshot::new(time(&page["taken_at"]), list(&page["families"]).iter().map(family).collect())
}

fn family(family: &Json) -> Family {
    let kind = kind(text(&family["kind"]));
    let series = list(&family["series"])
        .iter()
        .map(|series| (tags(&series["tags"]), value(kind, &series["value"]), time(&series["start"])));
    Family {
        name: text(&family["name"]).into(),
        kind,
        help: text(&family["help"]).into(),
        unit: unit(text(&family["unit"])),
        series: series.collect::<SeriesList>(),
    }
}

fn kind(word: &str) -> Kind {
    match word {
        "counter" => Kind::Counter,
        "up_down_counter" => Kind::UpDownCounter,
        "gauge" => Kind::Gauge,
        "meter" => Kind::Meter,
        "timer" => Kind::Timer,
        "histogram" => Kind::Histogram,
        "info" => Kind::Info,
        "state_set" => Kind::StateSet,
        "gauge_histogram" => Kind::GaugeHistogram,
        "summary" => Kind::Summary,
        "unknown" => Kind::Unknown,
        other => panic!("no such kind: {other}"),
    }
}

fn unit(word: &str) -> Unit {
    match word {
        "" => Unit::None,
        "seconds" => Unit::Seconds,
        "bytes" => Unit::Bytes,
        other => Unit::other(other.to_owned()),
    }
}

fn value(kind: Kind, value: &Json) -> Value {
    match kind {
        Kind::Counter => {
            Value::Counter(value.as_u64().map_or_else(|| Number::Float(float(value)), Number::Integer))
        }
        Kind::UpDownCounter => Value::UpDownCounter(value.as_i64().unwrap()),
        Kind::Gauge => Value::Gauge(float(value)),
        Kind::Meter => MeterValue { count: value["count"].as_u64().unwrap(), rates: rates(value) }.into(),
        Kind::Timer => TimerValue { durations: histogram(value), rates: rates(value) }.into(),
        Kind::Histogram => histogram(value).into(),
        Kind::GaugeHistogram => Value::GaugeHistogram(Box::new(histogram(value))),
        Kind::Summary => summary(value).into(),
        Kind::Unknown => Value::Unknown(float(value)),
        Kind::Info => Value::Info(Box::new(tags(value))),
        Kind::StateSet => StateSetValue {
            states: object(value).keys().map(|state| state.as_str().into()).collect::<Vec<Box<str>>>().into(),
            on: object(value).values().map(|on| on.as_bool().unwrap()).collect(),
        }
        .into(),
        other => panic!("nothing is known of {other}"),
    }
}

fn rates(value: &Json) -> Rates {
    let rates = &value["rates"];
    Rates {
        mean: float(&rates["mean"]),
        one_minute: float(&rates["1m"]),
        five_minutes: float(&rates["5m"]),
        fifteen_minutes: float(&rates["15m"]),
    }
}

fn histogram(value: &Json) -> HistogramValue {
    let bounds: Vec<f64> = list(&value["bounds"]).iter().map(float).collect();
    let quantiles = object(&value["quantiles"]).keys().map(|q| q.parse().unwrap());
    let histogram = HistogramValue {
        buckets: Buckets::new(bounds).unwrap(),
        counts: list(&value["counts"]).iter().map(|count| count.as_u64().unwrap()).collect(),
        sum: float(&value["sum"]),
        sum_can_fall: value["sum_can_fall"].as_bool().unwrap(),
        window: None,
        native: None,
        restarted: None,
        shape: match text(&value["shape"]) {
            "summary" => Shape::Summary(quantiles.collect::<Vec<f64>>().into()),
            _ => Shape::Histogram,
        },
    };
    assert_eq!(value["count"], histogram.count());
    histogram
}

fn summary(value: &Json) -> SummaryValue {
    let quantiles = object(&value["quantiles"]).iter().map(|(q, value)| (q.parse().unwrap(), float(value)));
    let summary =
        SummaryValue::new(value["count"].as_u64().unwrap(), float(&value["sum"]), quantiles).unwrap();
    assert_eq!(value["sum_can_fall"], summary.sum_can_fall);
    summary
}

fn tags(value: &Json) -> Tags {
    object(value).iter().map(|(key, value)| (key.clone(), text(value).to_owned())).collect::<Vec<_>>().into()
}

/// Seconds with as many decimals as there are, exactly.
fn time(value: &Json) -> SystemTime {
    let text = value.to_string();
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let nanos: u32 = format!("{decimals:0<9}").parse().unwrap();
    SystemTime::UNIX_EPOCH + Duration::new(whole.parse().unwrap(), nanos)
}

fn float(value: &Json) -> f64 {
    value.as_f64().unwrap_or_else(|| text(value).parse().unwrap())
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap()
}

fn list(value: &Json) -> &Vec<Json> {
    value.as_array().unwrap()
}

fn object(value: &Json) -> &Map<String, Json> {
    value.as_object().unwrap()
}

#[test]
fn golden() {
    let page = fixture().snapshot().to_json();
    insta::assert_snapshot!(page);
}

#[test]
fn a_snapshot_of_odd_things_is_read() {
    let snapshot = odd().snapshot();
    let families = read(&snapshot.to_json());
    let names = |snapshot: &Snapshot| {
        snapshot.families().iter().map(|family| family.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&families), names(&snapshot));
}

#[test]
fn a_window_is_told_by_its_moments_and_quantiles() {
    let registry = tagmeter::Registry::new();
    let sizes = registry.define("size").quantiles().histogram().unwrap();
    let window = || {
        let page: Json = serde_json::from_str(&registry.snapshot().to_json()).unwrap();
        page["families"][0]["series"][0]["value"]["window"].clone()
    };
    assert_eq!((&window()["count"], &window()["p50"]), (&Json::from(0), &Json::Null));
    [1.0, 2.0, 3.0].iter().for_each(|size| sizes.record(*size));
    let number = |key: &str| window()[key].as_f64().unwrap();
    assert_eq!(["count", "min", "max", "mean"].map(number), [3.0, 1.0, 3.0, 2.0]);
}

/// The quantiles of a summary as a page has them.
fn with_quantiles_in_order(snapshot: &Snapshot) -> Snapshot {
    let families = snapshot.families().iter().map(|family| {
        let series = family.series.iter().map(|series| (series.tags, in_order(series.value), series.start()));
        Family { series: series.collect(), ..family.clone() }
    });
    Snapshot::new(snapshot.taken_at(), families.collect())
}

fn in_order(value: &Value) -> Value {
    let mut value = value.clone();
    let shape = match &mut value {
        Value::Histogram(histogram) => &mut histogram.shape,
        Value::Timer(timer) => &mut timer.durations.shape,
        _ => return value,
    };
    if let Shape::Summary(quantiles) = shape {
        let mut rising = quantiles.to_vec();
        rising.sort_by(f64::total_cmp);
        rising.dedup();
        *quantiles = rising.into();
    }
    value
}

#[test]
fn native_buckets_are_told_by_index() {
    let registry = tagmeter::Registry::new();
    let sizes = registry.define("size").native(NativeBuckets::growth(2.0).unwrap()).histogram().unwrap();
    [0.0, 3.0, 4.0, 5.0, -1.0].iter().for_each(|size| sizes.record(*size));
    let page: Json = serde_json::from_str(&registry.snapshot().to_json()).unwrap();
    let value = &page["families"][0]["series"][0]["value"];
    assert_eq!((&value["count"], &value["restarted"]), (&Json::from(5), &Json::Null));
    let native = &value["native"];
    assert_eq!((&native["schema"], &native["zero_count"]), (&Json::from(0), &Json::from(1)));
    assert_eq!(native["positive"].to_string(), "[[2,2],[3,1]]");
    assert_eq!(native["negative"].to_string(), "[[0,1]]");
}

proptest! {
    #[test]
    fn everything_comes_back(snapshot in snapshots()) {
        let again = read(&snapshot.to_json());
        // As text: NaN is not equal to itself.
        prop_assert_eq!(format!("{again:?}"), format!("{:?}", with_quantiles_in_order(&snapshot)));
    }
}
