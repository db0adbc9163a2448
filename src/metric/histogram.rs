//! A distribution of values.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::recent::Recent;
use super::spread::{Read, Spread};
use super::{
    Context, DistributionSettings, Exemplified, Handle, Instrument, Place, Requested, Unsuitable, sealed,
};
use crate::cell::{FloatWord, RecordingProblem};
use crate::clock::Clock;
use crate::model::{HistogramValue, Kind, Value};

/// How large things are: response bytes, batch sizes.
///
/// Units: those of its definition.
/// Shape: a histogram `<name>` with exact buckets for Prometheus (native ones where its definition says `.native(…)`, a
/// summary where it says `.summary(…)`); `<name>.count`, `.avg`, `.min`, `.max`, `.std_dev` and percentiles in line protocols.
/// What was counted elsewhere is added by [`merge`](Histogram::merge).
/// Range: NaN and infinities are refused and counted. Count is the sum of the buckets and never falls; every snapshot
/// is true in itself. Quantiles, minimum, maximum and deviation describe the last minute and are recorded only where
/// the definition, the registry or an attached reporter asks for them; without that, quantiles are interpolated.
///
/// ```
/// let registry = tagmeter::Registry::new();
/// let sizes = registry.histogram("response_bytes");
/// sizes.record(512.0);
/// sizes.record_n(64.0, 3);
/// assert_eq!(sizes.value().count(), 4);
/// assert_eq!(sizes.value().sum, 704.0);
/// ```
#[derive(Debug, Clone)]
pub struct Histogram(pub(crate) Handle<HistogramCell>);

#[derive(Debug)]
pub(crate) struct HistogramCell {
    clock: Clock,
    /// The family's.
    settings: Arc<DistributionSettings>,
    cells: Spread<FloatWord>,
    went_negative: AtomicBool,
    recent: Recent,
    exemplified: Exemplified,
}

impl Histogram {
    /// Records a value.
    ///
    /// ```
    /// # let histogram = tagmeter::Registry::new().histogram("h");
    /// histogram.record(0.3);
    /// assert_eq!(histogram.value().count(), 1);
    /// ```
    #[inline]
    pub fn record(&self, value: f64) {
        if let Some(cell) = self.0.recording() {
            cell.record(value);
        }
    }

    /// Records a value `times` times.
    ///
    /// ```
    /// # let histogram = tagmeter::Registry::new().histogram("h");
    /// histogram.record_n(0.3, 1000);
    /// assert_eq!(histogram.value().count(), 1000);
    /// ```
    pub fn record_n(&self, value: f64, times: u64) {
        if let Some(cell) = self.0.recording() {
            cell.record_slow(value, times);
        }
    }

    /// Records a value, and keeps it as an exemplar with these labels: see [exemplars](crate::metric#exemplars).
    ///
    /// ```
    /// # let histogram = tagmeter::Registry::new().histogram("h");
    /// histogram.record_with_exemplar(0.3, [("trace_id", "4bf92f3577b34da6")]);
    /// assert_eq!(histogram.value().count(), 1);
    /// ```
    pub fn record_with_exemplar<K: AsRef<str>, V: AsRef<str>>(
        &self,
        value: f64,
        labels: impl IntoIterator<Item = (K, V)>,
    ) {
        if let Some(cell) = self.0.recording() {
            cell.record_with(value, labels);
        }
    }

    /// What was recorded.
    ///
    /// ```
    /// # let histogram = tagmeter::Registry::new().histogram("h");
    /// histogram.record(0.3);
    /// assert_eq!(histogram.value().sum, 0.3);
    /// ```
    pub fn value(&self) -> HistogramValue {
        self.0.cell().value()
    }
}

impl HistogramCell {
    /// Calls come last, so that the compiler need not keep anything over them.
    #[inline]
    fn record(&self, value: f64) {
        if !self.record_quickly(value) {
            return self.record_natively(value);
        }
        if self.recent.is_more_wanted() {
            self.record_more(value);
        }
    }

    /// Records a usual value in native buckets, if there are some and this thread finds its cells at once.
    #[inline(never)]
    fn record_natively(&self, value: f64) {
        if !(is_usual(value) && self.cells.record_natively(value, value)) {
            return self.record_slow(value, 1);
        }
        if self.recent.is_more_wanted() {
            self.record_more(value);
        }
    }

    /// Records a usual value among usual buckets, if this thread finds its cells at once.
    #[inline]
    fn record_quickly(&self, value: f64) -> bool {
        let bucket = if is_usual(value) { self.settings.buckets.direct_index_of(value) } else { None };
        bucket.is_some_and(|bucket| self.cells.record_in_own(bucket, value))
    }

    /// Records anything, or notes why it cannot.
    #[cold]
    fn record_slow(&self, value: f64, times: u64) {
        if self.record_in_buckets(value, times) {
            self.record_exemplified(value, times);
        }
    }

    /// Whether there was something to record.
    fn record_in_buckets(&self, value: f64, times: u64) -> bool {
        if !value.is_finite() {
            self.recent.refused().note(RecordingProblem::NotFinite);
        }
        if !value.is_finite() || times == 0 {
            return false;
        }
        if value < 0.0 {
            // Relaxed: the flag is only ever raised, and the sum it speaks of is read later.
            self.went_negative.store(true, Ordering::Relaxed);
        }
        let sum = (value * times as f64).clamp(f64::MIN, f64::MAX);
        self.cells.record(self.settings.buckets.index_of(value), value, times, sum);
        true
    }

    /// What is wanted of a value that was recorded, beyond its bucket and the sum.
    #[inline(never)]
    fn record_more(&self, value: f64) {
        if self.settings.exemplars {
            return self.record_exemplified(value, 1);
        }
        // So it is quantiles that are wanted.
        self.recent.record(self.clock.coarse_nanos(), value);
    }

    #[cold]
    #[inline(never)]
    fn record_exemplified(&self, value: f64, times: u64) {
        self.record_recent(value, times);
        self.exemplified.keep_recorded_span(&self.settings, value);
    }

    fn record_recent(&self, value: f64, times: u64) {
        if self.recent.is_wanted() {
            self.recent.record_n(self.clock.coarse_nanos(), value, times);
        }
    }

    fn record_with<K: AsRef<str>, V: AsRef<str>>(
        &self,
        value: f64,
        labels: impl IntoIterator<Item = (K, V)>,
    ) {
        if self.record_in_buckets(value, 1) {
            self.record_recent(value, 1);
            self.exemplified.keep_recorded(&self.settings, value, &self.clock, labels);
        }
    }

    /// The family's buckets, and native ones if it has some.
    pub(super) fn settings(&self) -> &DistributionSettings {
        &self.settings
    }

    /// Records what was counted elsewhere, in buckets of this cell.
    pub(super) fn record_counted(&self, counts: Vec<u64>, counted: &HistogramValue) {
        if counted.sum_can_fall {
            // Relaxed: as above.
            self.went_negative.store(true, Ordering::Relaxed);
        }
        let native = counted.native.as_ref().filter(|_| self.settings.native.is_some());
        self.cells.record_many(counts, native.cloned(), counted.sum);
        if let Some(window) = counted.window.as_ref().filter(|_| self.recent.is_wanted()) {
            self.recent.merge(self.clock.coarse_nanos(), window);
        }
    }

    fn value(&self) -> HistogramValue {
        let Read { counts, sum, native, restarted } = self.cells.read(&self.clock);
        HistogramValue {
            buckets: self.settings.buckets.clone(),
            counts,
            sum,
            sum_can_fall: self.went_negative.load(Ordering::Relaxed),
            window: self.recent.read(self.clock.coarse_nanos()),
            native,
            restarted,
            shape: self.settings.shape.clone(),
        }
    }
}

/// Whether a value is finite and its sign is plus. One comparison: the bits of infinity are the least of all others'.
#[inline]
fn is_usual(value: f64) -> bool {
    value.to_bits() < f64::INFINITY.to_bits()
}

impl sealed::Sealed for Histogram {}

impl Instrument for Histogram {
    type Settings = Arc<DistributionSettings>;
    const KIND: Kind = Kind::Histogram;

    fn settings(requested: &Requested) -> Result<Self::Settings, Unsuitable> {
        requested.distribution(Self::KIND)
    }

    fn describe(settings: &Self::Settings) -> String {
        settings.to_string()
    }

    fn distribution(settings: &Self::Settings) -> Option<&DistributionSettings> {
        Some(settings)
    }

    fn create(settings: &Self::Settings, context: &Context, place: Place) -> Self {
        let cell = HistogramCell {
            clock: context.clock.clone(),
            settings: settings.clone(),
            cells: Spread::new(settings, &context.clock, place),
            went_negative: AtomicBool::new(false),
            recent: Recent::new(settings, context, place),
            exemplified: Exemplified::of_distribution(settings, context, place),
        };
        Histogram(Handle::of(cell, place))
    }

    fn give_cells(&self) {
        self.0.cell().cells.give_cells();
    }

    fn read(&self) -> Option<Value> {
        Some(self.value().into())
    }

    fn exemplified(&self) -> Option<&Exemplified> {
        Some(&self.0.cell().exemplified)
    }

    fn is_held(&self) -> bool {
        self.0.is_held()
    }

    fn reset(&self) {
        let cell = self.0.cell();
        cell.cells.reset(&cell.clock);
        cell.went_negative.store(false, Ordering::Relaxed);
        cell.recent.reset();
        cell.exemplified.reset();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn histogram() -> Histogram {
        let settings = Histogram::settings(&Requested::default()).unwrap();
        Histogram::create(&settings, &Context::default(), Place::Cells)
    }

    proptest! {
        #[test]
        fn every_finite_value_lands_in_one_bucket(values in prop::collection::vec(prop::num::f64::ANY, 0..200)) {
            let histogram = histogram();
            values.iter().for_each(|value| histogram.record(*value));
            let finite = values.iter().filter(|value| value.is_finite()).count();
            let value = histogram.value();
            prop_assert_eq!(value.count(), finite as u64);
            prop_assert_eq!(value.cumulative().last(), Some((f64::INFINITY, finite as u64)));
            prop_assert!(value.sum.is_finite());
        }
    }

    #[test]
    fn a_negative_value_makes_the_sum_able_to_fall() {
        let histogram = histogram();
        histogram.record(1.0);
        assert!(!histogram.value().sum_can_fall);
        histogram.record(-1.0);
        assert!(histogram.value().sum_can_fall);
    }

    #[test]
    fn zero_times_is_nothing() {
        let histogram = histogram();
        histogram.record_n(1.0, 0);
        assert_eq!(histogram.value().count(), 0);
    }
}
