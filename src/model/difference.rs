//! What happened between two snapshots.

use std::collections::HashMap;

use super::{Family, HistogramValue, Nanos, Number, Snapshot, Value};
use crate::name::Name;
use crate::tag::Tags;

impl Snapshot {
    /// What was counted since an earlier snapshot of the same registry.
    ///
    /// Counts, sums and buckets are differences; levels, rates, windows, facts and states are those of this snapshot.
    /// A series that is new since then, or was removed and made again, is as it is; so is one whose counts fell, as a sum
    /// over [scopes](crate::Registry::scope) does when one of them goes. A counter that wrapped does not fall, as long as it
    /// counted less than 2^63 in between.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// let sizes = registry.histogram("sizes");
    /// sizes.record(1.0);
    /// let before = registry.snapshot();
    /// sizes.record(2.0);
    /// registry.gauge("depth").set(4.0);
    ///
    /// let change = registry.snapshot().since(&before);
    /// assert_eq!(change.value("sizes"), Some(1.0));
    /// assert_eq!(change.value("depth"), Some(4.0));
    /// ```
    #[must_use]
    pub fn since(mut self, before: &Snapshot) -> Snapshot {
        let mut earlier: HashMap<(&Name, &Tags, Nanos), &Value> = HashMap::new();
        for family in &before.families {
            let series = family.series.iter();
            earlier.extend(series.map(|series| ((&family.name, series.tags, series.start), series.value)));
        }
        for Family { name, series, .. } in &mut self.families {
            for (tags, value, start) in series.iter_mut() {
                if let Some(earlier) = earlier.get(&(&*name, tags, start)) {
                    value.subtract(earlier);
                }
            }
        }
        self
    }
}

impl Value {
    /// Takes an earlier value of the same series away.
    fn subtract(&mut self, earlier: &Value) {
        match (self, earlier) {
            (Value::Counter(total), Value::Counter(earlier)) => total.subtract(*earlier),
            (Value::Meter(own), Value::Meter(earlier)) => own.count = counted(own.count, earlier.count),
            (Value::Timer(own), Value::Timer(earlier)) => own.durations.subtract(&earlier.durations),
            (Value::Histogram(own), Value::Histogram(earlier)) => own.subtract(earlier),
            (Value::Summary(own), Value::Summary(earlier)) if own.count >= earlier.count => {
                own.count -= earlier.count;
                own.sum = (own.sum - earlier.sum).clamp(f64::MIN, f64::MAX);
            }
            _ => {}
        }
    }
}

impl Number {
    fn subtract(&mut self, earlier: Number) {
        match (self, earlier) {
            (Number::Integer(total), Number::Integer(earlier)) => *total = counted(*total, earlier),
            (Number::Float(total), Number::Float(earlier)) if *total >= earlier => *total -= earlier,
            _ => {}
        }
    }
}

/// What a count that wraps at 2^64 counted since it was `earlier`: everything, where it fell by other ways.
fn counted(now: u64, earlier: u64) -> u64 {
    let difference = now.wrapping_sub(earlier);
    // One that wrapped has little behind the end. More than half the range is a fall that looks like it.
    if now < earlier && difference > u64::MAX / 2 { now } else { difference }
}

impl HistogramValue {
    /// What began anew or fell between the two is as it is.
    fn subtract(&mut self, earlier: &HistogramValue) {
        let native =
            self.native.as_ref().zip(earlier.native.as_ref()).map(|(own, earlier)| own.since(earlier));
        if !self.goes_on_from(earlier) || native == Some(None) {
            return;
        }
        for (count, earlier) in self.counts.iter_mut().zip(&earlier.counts) {
            *count -= earlier;
        }
        self.sum = (self.sum - earlier.sum).clamp(f64::MIN, f64::MAX);
        self.native = native.flatten().or_else(|| self.native.take());
    }

    fn goes_on_from(&self, earlier: &HistogramValue) -> bool {
        let is_same = self.buckets == earlier.buckets && self.restarted == earlier.restarted;
        is_same && self.counts.iter().zip(&earlier.counts).all(|(count, earlier)| count >= earlier)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::model::{Kind, MeterValue, Shape, SummaryValue};
    use crate::stat::{Buckets, NativeBuckets, NativeCounts, Rates};
    use crate::unit::Unit;

    /// A snapshot of one series that began to count this long after 1970.
    fn snapshot(kind: Kind, value: Value, start: Duration) -> Snapshot {
        let start = SystemTime::UNIX_EPOCH + start;
        let series = [(Tags::new(), value, start)].into_iter().collect();
        let family = Family { name: "x".into(), kind, help: "".into(), unit: Unit::None, series };
        Snapshot::new(start, vec![family])
    }

    /// What became of a value between two snapshots.
    fn change(kind: Kind, before: Value, after: Value) -> Value {
        let taken = |value| snapshot(kind, value, Duration::ZERO);
        taken(after).since(&taken(before)).get("x").unwrap().clone()
    }

    fn histogram(counts: [u64; 2], sum: f64) -> HistogramValue {
        let buckets = Buckets::new([1.0]).unwrap();
        let (counts, shape) = (counts.to_vec(), Shape::Histogram);
        let (native, restarted) = (None, None);
        HistogramValue { buckets, counts, sum, sum_can_fall: false, window: None, native, restarted, shape }
    }

    #[test]
    fn counts_are_differences_and_levels_are_not() {
        let counter = |n| Value::Counter(Number::Integer(n));
        assert_eq!(change(Kind::Counter, counter(5), counter(7)), counter(2));
        assert_eq!(change(Kind::Counter, counter(u64::MAX), counter(1)), counter(2), "it wrapped between");
        let float = |x| Value::Counter(Number::Float(x));
        assert_eq!(change(Kind::Counter, float(0.5), float(2.0)), float(1.5));
        let meter = |count, mean| {
            Value::Meter(Box::new(MeterValue { count, rates: Rates { mean, ..Rates::default() } }))
        };
        assert_eq!(change(Kind::Meter, meter(3, 1.0), meter(4, 2.0)), meter(1, 2.0));
        assert_eq!(change(Kind::Gauge, Value::Gauge(3.0), Value::Gauge(4.0)), Value::Gauge(4.0));
        let level = Value::UpDownCounter;
        assert_eq!(change(Kind::UpDownCounter, level(3), level(4)), level(4));
    }

    #[test]
    fn buckets_are_subtracted_one_by_one() {
        let value = |counts, sum| Value::Histogram(Box::new(histogram(counts, sum)));
        assert_eq!(change(Kind::Histogram, value([1, 2], 5.0), value([4, 2], 6.5)), value([3, 0], 1.5));
    }

    #[test]
    fn what_fell_is_as_it_is() {
        let counter = |n| Value::Counter(Number::Integer(n));
        assert_eq!(change(Kind::Counter, counter(7), counter(5)), counter(5));
        assert_eq!(change(Kind::Counter, counter(0), counter(u64::MAX)), counter(u64::MAX), "it rose");
        let float = |x| Value::Counter(Number::Float(x));
        assert_eq!(change(Kind::Counter, float(2.0), float(0.5)), float(0.5));
        let meter = |count| Value::Meter(Box::new(MeterValue { count, rates: Rates::default() }));
        assert_eq!(change(Kind::Meter, meter(4), meter(3)), meter(3));
        let value = |counts, sum| Value::Histogram(Box::new(histogram(counts, sum)));
        assert_eq!(change(Kind::Histogram, value([1, 3], 9.0), value([4, 2], 6.5)), value([4, 2], 6.5));
        let summary = |count, sum| Value::from(SummaryValue::new(count, sum, []).unwrap());
        assert_eq!(change(Kind::Summary, summary(3, 4.0), summary(5, 7.0)), summary(2, 3.0));
        assert_eq!(change(Kind::Summary, summary(5, 7.0), summary(3, 4.0)), summary(3, 4.0));
    }

    #[test]
    fn native_buckets_of_which_one_fell_are_as_they_are() {
        let native = |values: [f64; 2]| {
            let mut counts = NativeCounts::new(&NativeBuckets::default());
            values.iter().for_each(|value| counts.record_n(*value, 1));
            Value::from(HistogramValue { native: Some(counts), ..histogram([2, 0], 9.0) })
        };
        let (before, after) = (native([1.0, 7.0]), native([1.0, 9.0]));
        assert_eq!(change(Kind::Histogram, before, after.clone()), after);
    }

    #[test]
    fn native_buckets_are_subtracted_unless_they_began_anew() {
        let mut counts = NativeCounts::new(&NativeBuckets::default());
        counts.record_n(7.0, 2);
        let before = HistogramValue { native: Some(counts.clone()), ..histogram([2, 0], 14.0) };
        counts.record_n(9.0, 1);
        let mut after = HistogramValue { native: Some(counts.clone()), ..histogram([3, 0], 23.0) };
        let difference = |before: &HistogramValue, after: &HistogramValue| match change(
            Kind::Histogram,
            before.clone().into(),
            after.clone().into(),
        ) {
            Value::Histogram(change) => (change.count(), change.native.unwrap().count()),
            other => panic!("it stays a histogram: {other:?}"),
        };
        assert_eq!(difference(&before, &after), (1, 1));
        after.restarted = Some(SystemTime::UNIX_EPOCH);
        assert_eq!(difference(&before, &after), (3, 3));
    }

    #[test]
    fn the_sum_of_a_difference_is_finite() {
        let value = |sum| Value::Histogram(Box::new(histogram([1, 0], sum)));
        let Value::Histogram(change) = change(Kind::Histogram, value(f64::MIN), value(f64::MAX)) else {
            panic!("it stays a histogram")
        };
        assert_eq!(change.sum, f64::MAX);
    }

    #[test]
    fn a_series_that_was_made_again_is_as_it_is() {
        let counter = |n, start| snapshot(Kind::Counter, Value::Counter(Number::Integer(n)), start);
        let before = counter(5, Duration::ZERO);
        let again = counter(2, Duration::from_secs(1));
        assert_eq!(again.since(&before).value("x"), Some(2.0));
    }
}
