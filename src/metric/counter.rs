//! A count that only grows.

use super::{Context, Handle, Instrument, Place, Requested, Unsuitable, sealed};
use crate::cell::{Count, WholeWord};
use crate::model::{Kind, Number, Value};

/// A count that only grows: requests answered, bytes sent.
///
/// Units: whatever is counted, in whole numbers ([`FloatCounter`](super::FloatCounter) takes fractions).
/// Shape: `<name>_total` for Prometheus, `<name>.count` in line protocols.
/// Range: 0 to 2^64 − 1, then it wraps to 0, which a database takes for a restart.
///
/// ```
/// let registry = tagmeter::Registry::new();
/// let orders = registry.counter("orders");
/// orders.inc();
/// orders.add(2);
/// assert_eq!(orders.get(), 3);
/// ```
#[derive(Debug, Clone)]
pub struct Counter(pub(crate) Handle<Count>);

impl Counter {
    /// Counts one.
    ///
    /// ```
    /// # let counter = tagmeter::Registry::new().counter("c");
    /// counter.inc();
    /// assert_eq!(counter.get(), 1);
    /// ```
    #[inline]
    pub fn inc(&self) {
        self.add(1);
    }

    /// Counts `n`.
    ///
    /// ```
    /// # let counter = tagmeter::Registry::new().counter("c");
    /// counter.add(512);
    /// assert_eq!(counter.get(), 512);
    /// ```
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.add_known::<WholeWord>(n, |count, known| count.add_elsewhere(n, known));
    }

    /// The count so far.
    ///
    /// ```
    /// # let counter = tagmeter::Registry::new().counter("c");
    /// assert_eq!(counter.get(), 0);
    /// ```
    pub fn get(&self) -> u64 {
        self.0.cell().get()
    }
}

impl sealed::Sealed for Counter {}

impl Instrument for Counter {
    type Settings = ();
    const KIND: Kind = Kind::Counter;

    fn settings(requested: &Requested) -> Result<(), Unsuitable> {
        requested.nothing(Self::KIND)
    }

    fn create((): &(), _context: &Context, place: Place) -> Self {
        Counter(Handle::of(Count::new(place), place))
    }

    fn give_cells(&self) {
        self.0.cell().give_cells();
    }

    fn read(&self) -> Option<Value> {
        Some(Value::Counter(Number::Integer(self.get())))
    }

    fn is_held(&self) -> bool {
        self.0.is_held()
    }

    fn reset(&self) {
        self.0.cell().reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_count() {
        let counter = Counter::create(&(), &Context::default(), Place::Cells);
        let clone = counter.clone();
        std::thread::scope(|scope| {
            scope.spawn(|| (0..1000).for_each(|_| clone.inc()));
            (0..1000).for_each(|_| counter.inc());
        });
        assert_eq!(counter.get(), 2000);
    }
}
