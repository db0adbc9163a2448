//! How long work takes.

use std::borrow::Borrow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::recent::Recent;
use super::spread::{Read, Spread};
use super::{
    Context, DistributionSettings, Exemplified, Handle, Instrument, Place, Requested, Unsuitable, sealed,
};
use crate::cell::{Ticks, WholeWord};
use crate::clock::Clock;
use crate::model::{HistogramValue, Kind, TimerValue, Value};
use crate::nanos;
use crate::stat::Rates;

/// How long work takes, and how often it happens.
///
/// Units: seconds out; durations are added up in whole nanoseconds, exactly (584 years in all).
/// Shape: a histogram `<name>_seconds` for Prometheus (a summary where its definition says `.summary(…)`); in line
/// protocols what a [`Histogram`](super::Histogram) has, with `.sum` and the rates of a [`Meter`](super::Meter).
/// Range: never negative: time is monotonic. Quantiles as in a histogram.
/// Cost: two readings of the clock; [`sampled`](Timer::sampled) does without most of them.
///
/// ```
/// use std::time::Duration;
///
/// let registry = tagmeter::Registry::new();
/// let timer = registry.timer("handle_order");
///
/// let timing = timer.start(); // records when dropped
/// drop(timing);
/// let answer = timer.time(|| 6 * 7);
/// timer.record(Duration::from_millis(3));
/// assert_eq!((answer, timer.value().count()), (42, 3));
/// ```
#[derive(Debug, Clone)]
pub struct Timer(pub(crate) Handle<TimerCell>);

#[derive(Debug)]
pub(crate) struct TimerCell {
    clock: Clock,
    /// The family's.
    settings: Arc<DistributionSettings>,
    /// The sum is in nanoseconds.
    cells: Spread<WholeWord>,
    ticks: Ticks,
    /// Records there were when it was last reset, less the durations that stand for others besides themselves.
    base: AtomicU64,
    recent: Recent,
    exemplified: Exemplified,
}

impl Timer {
    /// Starts to time; the returned guard records when dropped, whatever ends its scope.
    ///
    /// The guard owns a handle of the timer, so that it can go anywhere and outlive this one. For that, its start and its
    /// end each write a word that all threads share, by one locked operation. Where that is too much, see
    /// [`start_scoped`](Timer::start_scoped).
    ///
    /// ```
    /// # let timer = tagmeter::Registry::new().timer("t");
    /// {
    ///     let _timing = timer.start();
    /// }
    /// assert_eq!(timer.value().count(), 1);
    /// ```
    #[inline]
    pub fn start(&self) -> Timing {
        Timing::of(self.clone())
    }

    /// Starts to time with a guard that borrows the timer: nothing is written that other threads write too.
    ///
    /// ```
    /// # let timer = tagmeter::Registry::new().timer("t");
    /// let timing = timer.start_scoped();
    /// timing.stop();
    /// assert_eq!(timer.value().count(), 1);
    /// ```
    #[inline]
    pub fn start_scoped(&self) -> Timing<&Timer> {
        Timing::of(self)
    }

    /// Times a closure; a panic inside is timed too.
    ///
    /// ```
    /// # let timer = tagmeter::Registry::new().timer("t");
    /// assert_eq!(timer.time(|| "done"), "done");
    /// ```
    #[inline]
    pub fn time<T>(&self, work: impl FnOnce() -> T) -> T {
        let _timing = self.start_scoped();
        work()
    }

    /// Records a duration measured elsewhere.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let timer = tagmeter::Registry::new().timer("t");
    /// timer.record(Duration::from_millis(250));
    /// assert_eq!(timer.value().sum, 0.25);
    /// ```
    #[inline]
    pub fn record(&self, duration: Duration) {
        if let Some(cell) = self.0.recording() {
            cell.record(cell.clock.coarse_nanos(), nanos::of(duration));
        }
    }

    /// Records a duration, and keeps it as an exemplar with these labels: see [exemplars](crate::metric#exemplars).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let timer = tagmeter::Registry::new().timer("t");
    /// timer.record_with_exemplar(Duration::from_millis(250), [("trace_id", "4bf92f3577b34da6")]);
    /// assert_eq!(timer.value().sum, 0.25);
    /// ```
    pub fn record_with_exemplar<K: AsRef<str>, V: AsRef<str>>(
        &self,
        duration: Duration,
        labels: impl IntoIterator<Item = (K, V)>,
    ) {
        if let Some(cell) = self.0.recording() {
            cell.record_with(cell.clock.coarse_nanos(), nanos::of(duration), labels);
        }
    }

    /// The durations recorded, in seconds.
    ///
    /// ```
    /// # let timer = tagmeter::Registry::new().timer("t");
    /// assert_eq!(timer.value().count(), 0);
    /// ```
    pub fn value(&self) -> HistogramValue {
        self.0.cell().value()
    }

    /// How often durations are recorded, per second.
    ///
    /// ```
    /// # let timer = tagmeter::Registry::new().timer("t");
    /// assert_eq!(timer.rates().one_minute, 0.0);
    /// ```
    pub fn rates(&self) -> Rates {
        self.0.cell().rates()
    }

    /// Now, by the timer's clock in nanoseconds.
    #[inline]
    pub(super) fn now(&self) -> u64 {
        self.0.cell().clock.nanos()
    }

    /// Records what began at a time of its clock, and tells how many nanoseconds it took.
    #[inline]
    pub(super) fn record_since(&self, started: u64) -> u64 {
        let Some(cell) = self.0.recording() else { return self.now().saturating_sub(started) };
        // The only reading: what ends now is also recorded now.
        let now = cell.clock.nanos();
        let nanos = now.saturating_sub(started);
        cell.record(now, nanos);
        nanos
    }

    /// The same for one that counts for so many.
    pub(super) fn record_since_n(&self, started: u64, times: u64) -> u64 {
        let Some(cell) = self.0.recording() else { return self.now().saturating_sub(started) };
        let now = cell.clock.nanos();
        let nanos = now.saturating_sub(started);
        cell.record_n(now, nanos, times);
        nanos
    }
}

impl TimerCell {
    /// Records a duration at a time of the clock, both in nanoseconds.
    #[inline]
    fn record(&self, now: u64, nanos: u64) {
        // Before the record: it belongs to the running tick, not to those that ended.
        self.ticks.catch_up(now, || self.total());
        let seconds = seconds(nanos);
        if !self.record_quickly(seconds, nanos) {
            return self.record_natively(now, seconds, nanos);
        }
        if self.recent.is_more_wanted() {
            self.record_more(now, seconds);
        }
    }

    /// Records among usual buckets, if this thread finds its cells at once.
    #[inline]
    fn record_quickly(&self, seconds: f64, nanos: u64) -> bool {
        let bucket = self.settings.buckets.direct_index_of(seconds);
        bucket.is_some_and(|bucket| self.cells.record_in_own(bucket, nanos))
    }

    /// Records in native buckets, if there are some and this thread finds its cells at once.
    #[inline(never)]
    fn record_natively(&self, now: u64, seconds: f64, nanos: u64) {
        if !self.cells.record_natively(seconds, nanos) {
            return self.record_slow(now, seconds, nanos);
        }
        if self.recent.is_more_wanted() {
            self.record_more(now, seconds);
        }
    }

    #[cold]
    fn record_slow(&self, now: u64, seconds: f64, nanos: u64) {
        self.record_in_buckets(seconds, nanos, 1);
        if self.recent.is_more_wanted() {
            self.record_more(now, seconds);
        }
    }

    /// Records a duration at a time of the clock so many times, at least once.
    fn record_n(&self, now: u64, nanos: u64, times: u64) {
        self.ticks.catch_up(now, || self.total());
        let seconds = seconds(nanos);
        self.record_in_buckets(seconds, nanos, times);
        self.record_exemplified(now, seconds, times);
        // Relaxed: as the records that it stands for.
        self.base.fetch_sub(times.wrapping_sub(1), Ordering::Relaxed);
    }

    fn record_in_buckets(&self, seconds: f64, nanos: u64, times: u64) {
        let bucket = self.settings.buckets.index_of(seconds);
        self.cells.record(bucket, seconds, times, nanos.saturating_mul(times));
    }

    /// What is wanted of a duration that was recorded, beyond its bucket and the sum.
    #[inline(never)]
    fn record_more(&self, now: u64, seconds: f64) {
        if self.settings.exemplars {
            return self.record_exemplified(now, seconds, 1);
        }
        // So it is quantiles that are wanted.
        self.recent.record(now, seconds);
    }

    #[cold]
    #[inline(never)]
    fn record_exemplified(&self, now: u64, seconds: f64, times: u64) {
        self.record_recent(now, seconds, times);
        self.exemplified.keep_recorded_span(&self.settings, seconds);
    }

    #[inline]
    fn record_recent(&self, now: u64, seconds: f64, times: u64) {
        if self.recent.is_wanted() {
            self.recent.record_n(now, seconds, times);
        }
    }

    fn record_with<K: AsRef<str>, V: AsRef<str>>(
        &self,
        now: u64,
        nanos: u64,
        labels: impl IntoIterator<Item = (K, V)>,
    ) {
        self.ticks.catch_up(now, || self.total());
        let seconds = seconds(nanos);
        self.record_in_buckets(seconds, nanos, 1);
        self.record_recent(now, seconds, 1);
        self.exemplified.keep_recorded(&self.settings, seconds, &self.clock, labels);
    }

    fn value(&self) -> HistogramValue {
        let Read { counts, sum: nanos, native, restarted } = self.cells.read(&self.clock);
        HistogramValue {
            buckets: self.settings.buckets.clone(),
            counts,
            sum: seconds(nanos),
            sum_can_fall: false,
            window: self.recent.read(self.clock.nanos()),
            native,
            restarted,
            shape: self.settings.shape.clone(),
        }
    }

    fn rates(&self) -> Rates {
        self.ticks.rates(self.clock.nanos(), self.total())
    }

    /// Durations recorded since it was last reset.
    fn total(&self) -> u64 {
        // Relaxed: a reset comes with ticks that begin anew, under their lock.
        self.cells.records().wrapping_sub(self.base.load(Ordering::Relaxed))
    }

    fn reset(&self) {
        self.cells.reset(&self.clock);
        self.base.store(self.cells.records(), Ordering::Relaxed);
        self.ticks.reset(self.clock.nanos());
        self.recent.reset();
        self.exemplified.reset();
    }
}

/// Nanoseconds as seconds: the nearest float, so that 250 ms are 0.25.
#[inline]
fn seconds(nanos: u64) -> f64 {
    nanos as f64 / nanos::PER_SECOND as f64
}

/// A running measurement of a [`Timer`]: records once, when stopped or dropped.
///
/// `T` says whether it has a timer of its own or borrows one, by [`start_scoped`](Timer::start_scoped). Both read the clock
/// twice: at the start and at the end.
///
/// ```
/// let timer = tagmeter::Registry::new().timer("t");
/// let elapsed = timer.start().stop();
/// assert_eq!(timer.value().sum, elapsed.as_secs_f64());
/// timer.start().discard();
/// assert_eq!(timer.value().count(), 1);
/// ```
#[derive(Debug)]
#[must_use = "a timing that is dropped at once measures nothing"]
pub struct Timing<T: Borrow<Timer> = Timer> {
    /// By the timer's clock, in nanoseconds.
    started: u64,
    /// Gone once the timing has ended.
    timer: Option<T>,
}

impl<T: Borrow<Timer>> Timing<T> {
    #[inline]
    fn of(timer: T) -> Self {
        Timing { started: timer.borrow().now(), timer: Some(timer) }
    }

    /// Ends and records it, and tells how long it took.
    ///
    /// ```
    /// # let timer = tagmeter::Registry::new().timer("t");
    /// timer.start().stop();
    /// assert_eq!(timer.value().count(), 1);
    /// ```
    #[inline]
    pub fn stop(mut self) -> Duration {
        Duration::from_nanos(self.end())
    }

    /// As [`stop`](Timing::stop), and keeps the duration as an exemplar with these labels.
    ///
    /// ```
    /// # let timer = tagmeter::Registry::new().timer("t");
    /// let elapsed = timer.start().stop_with_exemplar([("trace_id", "4bf92f3577b34da6")]);
    /// assert_eq!(timer.value().sum, elapsed.as_secs_f64());
    /// ```
    pub fn stop_with_exemplar<K: AsRef<str>, V: AsRef<str>>(
        mut self,
        labels: impl IntoIterator<Item = (K, V)>,
    ) -> Duration {
        let Some(timer) = self.timer.take() else { return Duration::ZERO };
        let timer = timer.borrow();
        let now = timer.now();
        let nanos = now.saturating_sub(self.started);
        if let Some(cell) = timer.0.recording() {
            cell.record_with(now, nanos, labels);
        }
        Duration::from_nanos(nanos)
    }

    /// Ends it without a record.
    ///
    /// ```
    /// # let timer = tagmeter::Registry::new().timer("t");
    /// timer.start().discard();
    /// assert_eq!(timer.value().count(), 0);
    /// ```
    pub fn discard(mut self) {
        self.timer = None;
    }

    /// How long it has been running.
    ///
    /// ```
    /// # let timer = tagmeter::Registry::new().timer("t");
    /// let timing = timer.start();
    /// assert!(timing.elapsed() <= timing.elapsed());
    /// ```
    pub fn elapsed(&self) -> Duration {
        let nanos = self.timer.as_ref().map(|timer| timer.borrow().now().saturating_sub(self.started));
        Duration::from_nanos(nanos.unwrap_or(0))
    }

    #[inline]
    fn end(&mut self) -> u64 {
        self.timer.take().map_or(0, |timer| timer.borrow().record_since(self.started))
    }
}

impl<T: Borrow<Timer>> Drop for Timing<T> {
    #[inline]
    fn drop(&mut self) {
        self.end();
    }
}

impl sealed::Sealed for Timer {}

impl Instrument for Timer {
    type Settings = Arc<DistributionSettings>;
    const KIND: Kind = Kind::Timer;

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
        let cell = TimerCell {
            clock: context.clock.clone(),
            settings: settings.clone(),
            cells: Spread::new(settings, &context.clock, place),
            ticks: Ticks::new(context.clock.nanos()),
            base: AtomicU64::new(0),
            recent: Recent::new(settings, context, place),
            exemplified: Exemplified::of_distribution(settings, context, place),
        };
        Timer(Handle::of(cell, place))
    }

    fn give_cells(&self) {
        self.0.cell().cells.give_cells();
    }

    fn read(&self) -> Option<Value> {
        Some(TimerValue { durations: self.value(), rates: self.rates() }.into())
    }

    fn exemplified(&self) -> Option<&Exemplified> {
        Some(&self.0.cell().exemplified)
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
    use crate::clock::ManualClock;

    fn timer() -> (Timer, ManualClock) {
        timer_in(Place::Cells)
    }

    fn timer_in(place: Place) -> (Timer, ManualClock) {
        let manual = ManualClock::new();
        let context = Context { clock: manual.clone().into(), ..Context::default() };
        (Timer::create(&Timer::settings(&Requested::default()).unwrap(), &context, place), manual)
    }

    #[test]
    fn a_stopped_timing_records_once() {
        let (timer, clock) = timer();
        let timing = timer.start();
        clock.advance(Duration::from_millis(500));
        assert_eq!(timing.stop(), Duration::from_millis(500));
        assert_eq!((timer.value().count(), timer.value().sum), (1, 0.5));
    }

    #[test]
    fn a_timing_that_borrows_its_timer_is_one_that_owns_it() {
        let (timer, clock) = timer();
        let (borrowing, owning) = (timer.start_scoped(), timer.start());
        clock.advance(Duration::from_millis(250));
        assert_eq!((borrowing.elapsed(), owning.elapsed()), (borrowing.stop(), owning.stop()));
        assert_eq!((timer.value().count(), timer.value().sum), (2, 0.5));
        timer.start_scoped().discard();
        assert_eq!(timer.value().count(), 2);
    }

    #[test]
    fn what_is_timed_counts_in_the_tick_it_ends_in() {
        for place in [Place::Shared, Place::Cells] {
            let (timer, clock) = timer_in(place);
            (0..10).for_each(|_| timer.time(|| ()));
            let timing = timer.start();
            clock.advance(Duration::from_secs(5));
            timing.stop();
            let rates = timer.rates();
            assert_eq!((rates.one_minute, rates.mean), (2.0, 2.2), "{place:?}");
        }
    }

    #[test]
    fn a_reset_begins_everything_anew() {
        for place in [Place::Shared, Place::Cells] {
            let (timer, clock) = timer_in(place);
            (0..10).for_each(|_| timer.record(Duration::from_secs(1)));
            clock.advance(Duration::from_secs(5));
            Instrument::reset(&timer);
            assert_eq!((timer.value().count(), timer.rates()), (0, Rates::default()), "{place:?}");
            (0..5).for_each(|_| timer.record(Duration::from_secs(1)));
            clock.advance(Duration::from_secs(5));
            let rates = timer.rates();
            assert_eq!((rates.one_minute, rates.mean), (1.0, 1.0), "{place:?}");
        }
    }

    #[test]
    fn a_panic_is_timed() {
        let (timer, _clock) = timer();
        let panicked =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| timer.time(|| panic!("late"))));
        assert!(panicked.is_err());
        assert_eq!(timer.value().count(), 1);
    }

    #[test]
    fn the_longest_duration_does_no_harm() {
        let (timer, _clock) = timer();
        timer.record(Duration::MAX);
        assert_eq!(timer.value().count(), 1);
    }
}
