//! What happened between two snapshots.

use std::collections::HashMap;

use super::{Family, HistogramValue, Nanos, Number, Snapshot, Value};
use crate::name::Name;
use crate::tag::Tags;

impl Snapshot {
    /// What was counted since an earlier snapshot of the same registry.
    ///
    /// Counts, sums and buckets are differences; levels, rates, windows, facts and states are those of this snapshot.
    /// A series that is new since then, or was removed and made again, is as it is.
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
            (Value::Meter(own), Value::Meter(earlier)) => own.count = own.count.wrapping_sub(earlier.count),
            (Value::Timer(own), Value::Timer(earlier)) => own.durations.subtract(&earlier.durations),
            (Value::Histogram(own), Value::Histogram(earlier)) => own.subtract(earlier),
            _ => {}
        }
    }
}

impl Number {
    fn subtract(&mut self, earlier: Number) {
        match (self, earlier) {
            (Number::Integer(total), Number::Integer(earlier)) => *total = total.wrapping_sub(earlier),
            (Number::Float(total), Number::Float(earlier)) => *total -= earlier,
            _ => {}
        }
    }
}

impl HistogramValue {
    fn subtract(&mut self, earlier: &HistogramValue) {
        if self.buckets == earlier.buckets {
            for (count, earlier) in self.counts.iter_mut().zip(&earlier.counts) {
                *count = count.wrapping_sub(*earlier);
            }
            self.sum -= earlier.sum;
        }
    }
}
