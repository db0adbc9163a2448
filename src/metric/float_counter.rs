//! A count in fractions.

use std::sync::Arc;

use super::{
    Common, Context, CounterSettings, Exemplified, Handle, Instrument, Place, Requested, Unsuitable, sealed,
};
use crate::cell::{FloatCount, FloatWord, KnownPlace, RecordingProblem};
use crate::model::{Kind, Number, Value};

/// A count that only grows and takes fractions: seconds of processor time, joules.
///
/// Units: whatever is counted. Shape: as [`Counter`](super::Counter).
/// Range: NaN, infinities and negative amounts are refused and counted; the total stops at the greatest `f64`.
///
/// ```
/// let registry = tagmeter::Registry::new();
/// let joules = registry.float_counter("spent_joules");
/// joules.add(0.5);
/// joules.add(-3.0); // refused
/// assert_eq!(joules.get(), 0.5);
/// ```
#[derive(Debug, Clone)]
pub struct FloatCounter(pub(crate) Handle<FloatCell>);

#[derive(Debug)]
pub(crate) struct FloatCell {
    common: Arc<Common>,
    count: FloatCount,
    exemplified: Exemplified,
}

impl FloatCounter {
    /// Counts `amount`.
    ///
    /// ```
    /// # let counter = tagmeter::Registry::new().float_counter("c");
    /// counter.add(1.5);
    /// assert_eq!(counter.get(), 1.5);
    /// ```
    #[inline]
    pub fn add(&self, amount: f64) {
        if self.takes(amount) {
            self.0.add_known::<FloatWord>(amount, |cell, known| cell.add_elsewhere(amount, known));
        }
    }

    /// Counts `amount`, and keeps it as an exemplar with these labels: see [exemplars](crate::metric#exemplars).
    ///
    /// ```
    /// # let counter = tagmeter::Registry::new().float_counter("c");
    /// counter.add_with_exemplar(1.5, [("trace_id", "4bf92f3577b34da6")]);
    /// assert_eq!(counter.get(), 1.5);
    /// ```
    pub fn add_with_exemplar<K: AsRef<str>, V: AsRef<str>>(
        &self,
        amount: f64,
        labels: impl IntoIterator<Item = (K, V)>,
    ) {
        if let Some(cell) = self.0.recording().filter(|_| self.takes(amount)) {
            cell.exemplified.add_with(cell.count.total(), amount, labels);
        }
    }

    /// The count so far.
    ///
    /// ```
    /// # let counter = tagmeter::Registry::new().float_counter("c");
    /// assert_eq!(counter.get(), 0.0);
    /// ```
    pub fn get(&self) -> f64 {
        self.0.cell().count.get()
    }
}

impl FloatCounter {
    /// Whether an amount can be counted; notes it where not.
    #[inline]
    fn takes(&self, amount: f64) -> bool {
        if !amount.is_finite() {
            self.refuse(RecordingProblem::NotFinite);
        } else if amount < 0.0 {
            self.refuse(RecordingProblem::Negative);
        } else {
            return true;
        }
        false
    }

    #[cold]
    fn refuse(&self, problem: RecordingProblem) {
        if let Some(cell) = self.0.recording() {
            cell.common.refused.note(problem);
        }
    }
}

impl FloatCell {
    #[inline]
    fn add_elsewhere(&self, amount: f64, known: &KnownPlace) {
        self.exemplified.add_elsewhere(self.count.total(), amount, known);
    }
}

impl sealed::Sealed for FloatCounter {}

impl Instrument for FloatCounter {
    type Settings = CounterSettings;
    const KIND: Kind = Kind::Counter;

    fn settings(requested: &Requested) -> Result<CounterSettings, Unsuitable> {
        requested.counter(Self::KIND)
    }

    fn describe(settings: &CounterSettings) -> String {
        settings.to_string()
    }

    fn create(settings: &CounterSettings, context: &Context, place: Place) -> Self {
        let place = settings.place(place);
        let cell = FloatCell {
            common: context.common.clone(),
            count: FloatCount::new(place),
            exemplified: Exemplified::of_total(settings, context, place),
        };
        FloatCounter(Handle::of(cell, place))
    }

    fn give_cells(&self) {
        self.0.cell().count.give_cells();
    }

    fn exemplified(&self) -> Option<&Exemplified> {
        Some(&self.0.cell().exemplified)
    }

    fn read(&self) -> Option<Value> {
        Some(Value::Counter(Number::Float(self.get())))
    }

    fn is_held(&self) -> bool {
        self.0.is_held()
    }

    fn reset(&self) {
        let cell = self.0.cell();
        cell.count.reset();
        cell.exemplified.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_counted_leaves_the_total_alone() {
        let counter = FloatCounter::create(&CounterSettings::default(), &Context::default(), Place::Cells);
        [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.5].into_iter().for_each(|amount| counter.add(amount));
        counter.add(0.25);
        assert_eq!(counter.get(), 0.25);
    }
}
