//! A count that only grows.

use super::{
    Context, CounterSettings, Exemplified, Handle, Instrument, Place, Requested, Unsuitable, sealed,
};
use crate::cell::{Count, KnownPlace, WholeWord};
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
pub struct Counter(pub(crate) Handle<CounterCell>);

#[derive(Debug)]
pub(crate) struct CounterCell {
    count: Count,
    exemplified: Exemplified,
}

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
        self.0.add_known::<WholeWord>(n, |cell, known| cell.add_elsewhere(n, known));
    }

    /// Counts one, and keeps it as an exemplar with these labels: see [exemplars](crate::metric#exemplars).
    ///
    /// ```
    /// # let counter = tagmeter::Registry::new().counter("c");
    /// counter.inc_with_exemplar([("trace_id", "4bf92f3577b34da6")]);
    /// assert_eq!(counter.get(), 1);
    /// ```
    pub fn inc_with_exemplar<K: AsRef<str>, V: AsRef<str>>(&self, labels: impl IntoIterator<Item = (K, V)>) {
        self.add_with_exemplar(1, labels);
    }

    /// Counts `n`, and keeps it as an exemplar with these labels.
    ///
    /// ```
    /// # let counter = tagmeter::Registry::new().counter("c");
    /// counter.add_with_exemplar(512, [("trace_id", "4bf92f3577b34da6")]);
    /// assert_eq!(counter.get(), 512);
    /// ```
    pub fn add_with_exemplar<K: AsRef<str>, V: AsRef<str>>(
        &self,
        n: u64,
        labels: impl IntoIterator<Item = (K, V)>,
    ) {
        if let Some(cell) = self.0.recording() {
            cell.exemplified.add_with(&cell.count, n, labels);
        }
    }

    /// The count so far.
    ///
    /// ```
    /// # let counter = tagmeter::Registry::new().counter("c");
    /// assert_eq!(counter.get(), 0);
    /// ```
    pub fn get(&self) -> u64 {
        self.0.cell().count.get()
    }
}

impl CounterCell {
    #[inline]
    fn add_elsewhere(&self, n: u64, known: &KnownPlace) {
        self.exemplified.add_elsewhere(&self.count, n, known);
    }

    #[cfg(test)]
    pub(crate) fn has_cells(&self) -> bool {
        self.count.has_cells()
    }
}

impl sealed::Sealed for Counter {}

impl Instrument for Counter {
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
        let exemplified = Exemplified::of_total(settings, context, place);
        Counter(Handle::of(CounterCell { count: Count::new(place), exemplified }, place))
    }

    fn give_cells(&self) {
        self.0.cell().count.give_cells();
    }

    fn exemplified(&self) -> Option<&Exemplified> {
        Some(&self.0.cell().exemplified)
    }

    fn read(&self) -> Option<Value> {
        Some(Value::Counter(Number::Integer(self.get())))
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
    fn clones_share_the_count() {
        let counter = Counter::create(&CounterSettings::default(), &Context::default(), Place::Cells);
        let clone = counter.clone();
        std::thread::scope(|scope| {
            scope.spawn(|| (0..1000).for_each(|_| clone.inc()));
            (0..1000).for_each(|_| counter.inc());
        });
        assert_eq!(counter.get(), 2000);
    }
}
