//! The flat view of a snapshot: every number a metric has, under a name of its own.
//!
//! Line protocols and Apptuit send `name.field = number`. Which fields a metric has, and in which order, follows
//! pyformance, so that charts made for it keep working:
//!
//! | metric | fields |
//! |---|---|
//! | counter, up-down counter | `count` |
//! | gauge, unknown, one state of a state set | `value` |
//! | meter | `count 15m_rate 5m_rate 1m_rate mean_rate` |
//! | timer, in seconds | `avg sum count max min std_dev 15m_rate 5m_rate 1m_rate mean_rate 50_ 75_ 95_ 99_ 999_percentile` |
//! | histogram | `avg count max min std_dev 75_ 95_ 99_ 999_percentile` |
//! | gauge histogram | as a histogram, whose `count` is no total |
//! | summary | `avg count`, and of `50_ 75_ 95_ 99_ 999_percentile` those it has |
//! | info | none |
//!
//! What is not known is left out: an empty timer has no `avg`, and `min`, `max` and `std_dev` exist only where
//! quantiles are recorded.

use crate::model::{HistogramValue, Nanos, Series, Snapshot, StateSetValue, SummaryValue, Value};
use crate::name::Name;
use crate::stat::Rates;
use crate::tag::Tags;

/// One number of one series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field<'a> {
    /// The metric's name.
    pub name: &'a Name,
    /// The series' tags; for a state of a state set, with the state under the metric's name.
    pub tags: &'a Tags,
    /// Which of the metric's numbers it is: `count`, `99_percentile`, ….
    pub field: &'static str,
    /// The number; finite.
    pub value: f64,
    /// Whether it is a total since the start, which only grows: a `count` or `sum` of what is counted.
    pub is_total: bool,
    /// When the series began to count.
    pub(crate) start: Nanos,
}

/// The fields that are totals, of metrics that have any.
const TOTALS: [&str; 2] = ["count", "sum"];

/// Hands every field of a snapshot to `take`, in the order of the snapshot and of the table above, and says how many
/// were left out because they were not finite.
///
/// ```
/// use std::time::SystemTime;
/// use tagmeter::encode::fields;
/// use tagmeter::Unit;
/// use tagmeter::model::{Family, Kind, Snapshot, Value};
///
/// let start = SystemTime::UNIX_EPOCH;
/// let series = [((), Value::Gauge(7.5), start)].into_iter().collect();
/// let depth = Family { name: "queue.depth".into(), kind: Kind::Gauge, help: "".into(), unit: Unit::None, series };
/// let mut lines = Vec::new();
/// fields::each(&Snapshot::new(start, vec![depth]), |field| {
///     lines.push(format!("{}.{} {}", field.name, field.field, field.value));
/// });
/// assert_eq!(lines, ["queue.depth.value 7.5"]);
/// ```
pub fn each(snapshot: &Snapshot, take: impl FnMut(Field<'_>)) -> usize {
    let mut lowering = Lowering { take, not_finite: 0 };
    for family in snapshot.families() {
        for series in family.series.iter() {
            lowering.series(&family.name, series);
        }
    }
    lowering.not_finite
}

struct Lowering<F> {
    take: F,
    not_finite: usize,
}

impl<F: FnMut(Field<'_>)> Lowering<F> {
    fn series(&mut self, name: &Name, Series { tags, value, start, .. }: Series<'_>) {
        let counts = !matches!(value, Value::UpDownCounter(_) | Value::GaugeHistogram(_));
        let mut emit = |field, value| {
            let is_total = counts && TOTALS.contains(&field);
            self.emit(Field { name, tags, field, value, is_total, start });
        };
        match value {
            Value::Counter(total) => emit("count", total.as_f64()),
            Value::UpDownCounter(level) => emit("count", *level as f64),
            Value::Gauge(level) | Value::Unknown(level) => emit("value", *level),
            Value::Meter(meter) => {
                emit("count", meter.count as f64);
                rate_fields(&meter.rates, emit);
            }
            Value::Timer(timer) => timer_fields(&timer.durations, &timer.rates, emit),
            Value::Histogram(histogram) | Value::GaugeHistogram(histogram) => {
                histogram_fields(histogram, emit)
            }
            Value::Summary(summary) => summary_fields(summary, emit),
            Value::Info(_) => {}
            Value::StateSet(states) => self.states(name, tags, start, states),
        }
    }

    fn states(&mut self, name: &Name, tags: &Tags, start: Nanos, set: &StateSetValue) {
        for (state, on) in set.states.iter().zip(&set.on) {
            let tags = Tags::from([(name.as_str(), &**state)]).over(tags);
            let value = f64::from(u8::from(*on));
            self.emit(Field { name, tags: &tags, field: "value", value, is_total: false, start });
        }
    }

    fn emit(&mut self, field: Field<'_>) {
        if field.value.is_finite() {
            (self.take)(field);
        } else {
            self.not_finite += 1;
        }
    }
}

fn timer_fields(durations: &HistogramValue, rates: &Rates, mut emit: impl FnMut(&'static str, f64)) {
    if let Some(mean) = durations.mean() {
        emit("avg", mean);
    }
    emit("sum", durations.sum);
    emit("count", durations.count() as f64);
    spread_fields(durations, &mut emit);
    rate_fields(rates, &mut emit);
    percentile_fields(durations, &MEDIAN, &mut emit);
    percentile_fields(durations, &UPPER_PERCENTILES, emit);
}

fn histogram_fields(histogram: &HistogramValue, mut emit: impl FnMut(&'static str, f64)) {
    if let Some(mean) = histogram.mean() {
        emit("avg", mean);
    }
    emit("count", histogram.count() as f64);
    spread_fields(histogram, &mut emit);
    percentile_fields(histogram, &UPPER_PERCENTILES, emit);
}

fn summary_fields(summary: &SummaryValue, mut emit: impl FnMut(&'static str, f64)) {
    if summary.count > 0 {
        emit("avg", summary.sum / summary.count as f64);
    }
    emit("count", summary.count as f64);
    for (field, share) in MEDIAN.iter().chain(&UPPER_PERCENTILES) {
        let given = summary.quantiles.iter().find(|(q, value)| q == share && !value.is_nan());
        given.into_iter().for_each(|(_, value)| emit(field, *value));
    }
}

fn spread_fields(histogram: &HistogramValue, emit: &mut impl FnMut(&'static str, f64)) {
    let Some(window) = &histogram.window else { return };
    for (field, value) in [("max", window.max()), ("min", window.min()), ("std_dev", window.std_dev())] {
        if let Some(value) = value {
            emit(field, value);
        }
    }
}

fn rate_fields(rates: &Rates, mut emit: impl FnMut(&'static str, f64)) {
    emit("15m_rate", rates.fifteen_minutes);
    emit("5m_rate", rates.five_minutes);
    emit("1m_rate", rates.one_minute);
    emit("mean_rate", rates.mean);
}

const MEDIAN: [(&str, f64); 1] = [("50_percentile", 0.5)];

/// Percentiles of timers and histograms alike; `999` is 99.9 %.
const UPPER_PERCENTILES: [(&str, f64); 4] =
    [("75_percentile", 0.75), ("95_percentile", 0.95), ("99_percentile", 0.99), ("999_percentile", 0.999)];

fn percentile_fields(
    histogram: &HistogramValue,
    percentiles: &[(&'static str, f64)],
    mut emit: impl FnMut(&'static str, f64),
) {
    for (field, share) in percentiles {
        if let Some(quantile) = histogram.quantile(*share) {
            emit(field, quantile.value());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Family, Kind, MeterValue, Number, Shape, TimerValue};
    use crate::stat::{Buckets, Window};
    use crate::unit::Unit;
    use std::time::{Duration, SystemTime};

    fn fields_of(kind: Kind, value: Value) -> (Vec<(String, f64)>, usize) {
        let start = SystemTime::UNIX_EPOCH;
        let series = [([("city", "Oslo")], value, start)].into_iter().collect();
        let family = Family { name: "m".into(), kind, help: "".into(), unit: Unit::None, series };
        let mut fields = Vec::new();
        let left_out = each(&Snapshot::new(start, vec![family]), |field| {
            fields.push((format!("{}{}.{}", field.name, field.tags, field.field), field.value));
        });
        (fields, left_out)
    }

    fn names_of(kind: Kind, value: Value) -> Vec<String> {
        let (fields, _) = fields_of(kind, value);
        fields.into_iter().map(|(name, _)| name.replace("m{city=\"Oslo\"}.", "")).collect()
    }

    fn recorded(values: &[f64], quantiles: bool) -> HistogramValue {
        let buckets = Buckets::default();
        let mut counts = vec![0; buckets.bounds().len() + 1];
        let mut window = Window::new(1, Duration::from_secs(10));
        for value in values {
            counts[buckets.index_of(*value)] += 1;
            window.record(Duration::ZERO, *value);
        }
        HistogramValue {
            buckets,
            counts,
            sum: values.iter().sum(),
            sum_can_fall: false,
            window: quantiles.then(|| window.read(Duration::ZERO)),
            native: None,
            restarted: None,
            shape: Shape::default(),
        }
    }

    #[test]
    fn counts_and_levels_are_one_number() {
        let one = |field: &str, value| (vec![(format!("m{{city=\"Oslo\"}}.{field}"), value)], 0);
        assert_eq!(fields_of(Kind::Counter, Value::Counter(Number::Integer(3))), one("count", 3.0));
        assert_eq!(fields_of(Kind::Counter, Value::Counter(Number::Float(0.5))), one("count", 0.5));
        assert_eq!(fields_of(Kind::UpDownCounter, Value::UpDownCounter(-4)), one("count", -4.0));
        assert_eq!(fields_of(Kind::Gauge, Value::Gauge(7.5)), one("value", 7.5));
    }

    #[test]
    fn totals_are_told_from_levels() {
        let totals = |kind, value| {
            let start = SystemTime::UNIX_EPOCH;
            let series = [((), value, start)].into_iter().collect();
            let family = Family { name: "m".into(), kind, help: "".into(), unit: Unit::None, series };
            let mut totals = Vec::new();
            each(&Snapshot::new(start, vec![family]), |field| {
                totals.extend(field.is_total.then_some(field.field))
            });
            totals
        };
        let timer = TimerValue { durations: recorded(&[1.0], true), rates: Rates::default() };
        assert_eq!(totals(Kind::Timer, timer.into()), ["sum", "count"]);
        assert_eq!(totals(Kind::Histogram, recorded(&[1.0], true).into()), ["count"]);
        assert_eq!(totals(Kind::Counter, Value::Counter(Number::Integer(3))), ["count"]);
        assert_eq!(totals(Kind::UpDownCounter, Value::UpDownCounter(3)), [""; 0]);
        assert_eq!(totals(Kind::Gauge, Value::Gauge(3.0)), [""; 0]);
    }

    #[test]
    fn what_is_not_finite_is_left_out_and_counted() {
        assert_eq!(fields_of(Kind::Gauge, Value::Gauge(f64::NAN)), (vec![], 1));
        assert_eq!(fields_of(Kind::Gauge, Value::Gauge(f64::NEG_INFINITY)), (vec![], 1));
        let mut overflowed = recorded(&[], false);
        overflowed.sum = f64::INFINITY;
        let timer = TimerValue { durations: overflowed, rates: Rates::default() }.into();
        assert_eq!(fields_of(Kind::Timer, timer).1, 1);
    }

    #[test]
    fn a_meter_has_its_rates_slowest_first() {
        let rates = Rates { mean: 1.0, one_minute: 2.0, five_minutes: 3.0, fifteen_minutes: 4.0 };
        let (fields, _) = fields_of(Kind::Meter, MeterValue { count: 10, rates }.into());
        let values: Vec<f64> = fields.iter().map(|(_, value)| *value).collect();
        assert_eq!(values, [10.0, 4.0, 3.0, 2.0, 1.0]);
        let names = names_of(Kind::Meter, MeterValue { count: 10, rates }.into());
        assert_eq!(names, ["count", "15m_rate", "5m_rate", "1m_rate", "mean_rate"]);
    }

    #[test]
    fn an_empty_timer_has_no_averages_and_no_extremes() {
        let timer = TimerValue { durations: recorded(&[], true), rates: Rates::default() }.into();
        let names = names_of(Kind::Timer, timer);
        assert_eq!(names, ["sum", "count", "15m_rate", "5m_rate", "1m_rate", "mean_rate"]);
        assert_eq!(names_of(Kind::Histogram, recorded(&[], true).into()), ["count"]);
    }

    #[test]
    fn without_quantiles_there_are_no_extremes() {
        let names = names_of(Kind::Histogram, recorded(&[1.0, 2.0], false).into());
        assert!(names.starts_with(&["avg".to_owned(), "count".to_owned()]), "{names:?}");
        assert!(!names.iter().any(|name| name == "max" || name == "min" || name == "std_dev"), "{names:?}");
    }

    #[test]
    fn a_state_set_has_one_value_a_state() {
        let set = StateSetValue { states: ["on".into(), "off".into()].into(), on: vec![true, false] };
        let (fields, _) = fields_of(Kind::StateSet, set.into());
        let expected = [("m{city=\"Oslo\",m=\"on\"}.value", 1.0), ("m{city=\"Oslo\",m=\"off\"}.value", 0.0)];
        assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value)));
    }

    #[test]
    fn an_info_is_not_sent() {
        assert_eq!(fields_of(Kind::Info, Value::Info(Box::new([("version", "1")].into()))), (vec![], 0));
    }
}
