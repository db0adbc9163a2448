//! How long work takes.

use std::sync::Arc;
use std::time::Duration;

use super::meter::MeterCell;
use super::native::{Native, Read};
use super::recent::Recent;
use super::{Context, DistributionSettings, Handle, Instrument, Place, Requested, Unsuitable, sealed};
use crate::cell::{HistogramCells, WholeWord};
use crate::clock::Clock;
use crate::model::{HistogramValue, Kind, TimerValue, Value};
use crate::stat::Rates;

/// How long work takes, and how often it happens.
///
/// Units: seconds out; durations are added up in whole nanoseconds, exactly (584 years in all).
/// Shape: a histogram `<name>_seconds` for Prometheus (a summary where its definition says `.summary(…)`); in line
/// protocols what a [`Histogram`](super::Histogram) has, with `.sum` and the rates of a [`Meter`](super::Meter).
/// Range: never negative: time is monotonic. Quantiles as in a histogram.
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
    /// The sum is in nanoseconds. Empty where there are native buckets.
    cells: HistogramCells<WholeWord>,
    native: Option<Box<Native<WholeWord>>>,
    meter: MeterCell,
    recent: Recent,
}

impl Timer {
    /// Starts to time; the returned guard records when dropped, whatever ends its scope.
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
        Timing { started: self.0.cell().clock.now(), timer: Some(self.clone()) }
    }

    /// Times a closure; a panic inside is timed too.
    ///
    /// ```
    /// # let timer = tagmeter::Registry::new().timer("t");
    /// assert_eq!(timer.time(|| "done"), "done");
    /// ```
    pub fn time<T>(&self, work: impl FnOnce() -> T) -> T {
        let _timing = self.start();
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
        let cell = self.0.cell();
        let seconds = duration.as_secs_f64();
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        cell.meter.mark(1);
        let bucket = cell.settings.buckets.index_of(seconds);
        match &cell.native {
            Some(native) => native.record(bucket, seconds, 1, nanos),
            None => cell.cells.record(bucket, 1, nanos),
        }
        cell.recent.record(seconds, 1);
    }

    /// The durations recorded, in seconds.
    ///
    /// ```
    /// # let timer = tagmeter::Registry::new().timer("t");
    /// assert_eq!(timer.value().count(), 0);
    /// ```
    pub fn value(&self) -> HistogramValue {
        let cell = self.0.cell();
        let read = cell.native.as_ref().map_or_else(|| cell.cells.read().into(), |native| native.read());
        let Read { counts, sum: nanos, native, restarted } = read;
        HistogramValue {
            buckets: cell.settings.buckets.clone(),
            counts,
            sum: seconds(nanos),
            sum_can_fall: false,
            window: cell.recent.read(),
            native,
            restarted,
            shape: cell.settings.shape.clone(),
        }
    }

    /// How often durations are recorded, per second.
    ///
    /// ```
    /// # let timer = tagmeter::Registry::new().timer("t");
    /// assert_eq!(timer.rates().one_minute, 0.0);
    /// ```
    pub fn rates(&self) -> Rates {
        self.0.cell().meter.rates()
    }
}

/// Nanoseconds as seconds: the nearest float, so that 250 ms are 0.25.
fn seconds(nanos: u64) -> f64 {
    const NANOS_PER_SECOND: f64 = 1e9;
    nanos as f64 / NANOS_PER_SECOND
}

/// A running measurement of a [`Timer`]: records once, when stopped or dropped.
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
pub struct Timing {
    started: Duration,
    /// Gone once the timing has ended.
    timer: Option<Timer>,
}

impl Timing {
    /// Ends and records it, and tells how long it took.
    ///
    /// ```
    /// # let timer = tagmeter::Registry::new().timer("t");
    /// timer.start().stop();
    /// assert_eq!(timer.value().count(), 1);
    /// ```
    pub fn stop(mut self) -> Duration {
        self.end()
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
        match &self.timer {
            Some(timer) => timer.0.cell().clock.now().saturating_sub(self.started),
            None => Duration::ZERO,
        }
    }

    fn end(&mut self) -> Duration {
        let elapsed = self.elapsed();
        if let Some(timer) = self.timer.take() {
            timer.record(elapsed);
        }
        elapsed
    }
}

impl Drop for Timing {
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

    fn create(settings: &Self::Settings, context: &Context, place: Place) -> Self {
        let native = Native::of(settings, context);
        let (buckets, place_of_cells) = match &native {
            Some(_) => (0, Place::Shared),
            None => (settings.buckets.bounds().len() + 1, place),
        };
        Timer(Handle::of(TimerCell {
            clock: context.clock.clone(),
            settings: settings.clone(),
            cells: HistogramCells::new(buckets, place_of_cells),
            native,
            meter: MeterCell::new(&context.clock, place),
            recent: Recent::new(settings, context, place),
        }))
    }

    fn give_cells(&self) {
        let cell = self.0.cell();
        if cell.native.is_none() {
            cell.cells.give_cells();
        }
        cell.meter.give_cells();
    }

    fn read(&self) -> Option<Value> {
        Some(TimerValue { durations: self.value(), rates: self.rates() }.into())
    }

    fn is_held(&self) -> bool {
        self.0.is_held()
    }

    fn reset(&self) {
        let cell = self.0.cell();
        match &cell.native {
            Some(native) => native.reset(),
            None => cell.cells.reset(),
        }
        cell.meter.reset();
        cell.recent.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    fn timer() -> (Timer, ManualClock) {
        let manual = ManualClock::new();
        let context = Context { clock: manual.clone().into(), ..Context::default() };
        (Timer::create(&Timer::settings(&Requested::default()).unwrap(), &context, Place::Cells), manual)
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
