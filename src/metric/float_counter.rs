//! A count in fractions.

use super::{Common, Context, Handle, Instrument, Place, Requested, Unsuitable, sealed};
use std::sync::Arc;

use crate::cell::{FloatCount, FloatWord, RecordingProblem};
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
    total: FloatCount,
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
        if !amount.is_finite() {
            self.refuse(RecordingProblem::NotFinite);
        } else if amount < 0.0 {
            self.refuse(RecordingProblem::Negative);
        } else {
            self.0.add_known::<FloatWord>(amount, |cell, known| cell.total.add_elsewhere(amount, known));
        }
    }

    /// The count so far.
    ///
    /// ```
    /// # let counter = tagmeter::Registry::new().float_counter("c");
    /// assert_eq!(counter.get(), 0.0);
    /// ```
    pub fn get(&self) -> f64 {
        self.0.cell().total.get()
    }
}

impl FloatCounter {
    #[cold]
    fn refuse(&self, problem: RecordingProblem) {
        if let Some(cell) = self.0.recording() {
            cell.common.refused.note(problem);
        }
    }
}

impl sealed::Sealed for FloatCounter {}

impl Instrument for FloatCounter {
    type Settings = ();
    const KIND: Kind = Kind::Counter;

    fn settings(requested: &Requested) -> Result<(), Unsuitable> {
        requested.nothing(Self::KIND)
    }

    fn create((): &(), context: &Context, place: Place) -> Self {
        let cell = FloatCell { common: context.common.clone(), total: FloatCount::new(place) };
        FloatCounter(Handle::of(cell, place))
    }

    fn give_cells(&self) {
        self.0.cell().total.give_cells();
    }

    fn read(&self) -> Option<Value> {
        Some(Value::Counter(Number::Float(self.get())))
    }

    fn is_held(&self) -> bool {
        self.0.is_held()
    }

    fn reset(&self) {
        self.0.cell().total.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_counted_leaves_the_total_alone() {
        let counter = FloatCounter::create(&(), &Context::default(), Place::Cells);
        [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.5].into_iter().for_each(|amount| counter.add(amount));
        counter.add(0.25);
        assert_eq!(counter.get(), 0.25);
    }
}
