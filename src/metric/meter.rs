//! A count with its rates.

use super::{Context, Handle, Instrument, Place, Requested, Unsuitable, sealed};
use crate::cell::{Count, KnownPlace, Ticks};
use crate::clock::Clock;
use crate::model::{Kind, MeterValue, Value};
use crate::stat::Rates;

/// A count and how fast it grows: the mean since the start and averages over 1, 5 and 15 minutes.
///
/// Units: events in, events per second out.
/// Shape: counter `<name>_total` and gauge `<name>_rate{window="mean|1m|5m|15m"}` for Prometheus; `<name>.count`,
/// `.15m_rate`, `.5m_rate`, `.1m_rate`, `.mean_rate` in line protocols.
/// Range: rates are finite and not negative; the averages are 0 until the first five seconds have passed.
/// Source: Dropwizard's EWMA over ticks of five seconds; see [`stat`](crate::stat). The ticks depend neither on who
/// reads nor on who reports.
///
/// ```
/// let registry = tagmeter::Registry::new();
/// let orders = registry.meter("order_rate");
/// orders.mark();
/// orders.mark_n(2);
/// assert_eq!(orders.count(), 3);
/// ```
#[derive(Debug, Clone)]
pub struct Meter(pub(crate) Handle<MeterCell>);

/// A count with its ticks, also inside a timer.
#[derive(Debug)]
pub(crate) struct MeterCell {
    clock: Clock,
    count: Count,
    known: KnownPlace,
    ticks: Ticks,
}

impl MeterCell {
    pub(crate) fn new(clock: &Clock, place: Place) -> Self {
        MeterCell {
            clock: clock.clone(),
            count: Count::new(place),
            known: KnownPlace::default(),
            ticks: Ticks::new(clock.coarse_nanos()),
        }
    }

    #[inline]
    pub(crate) fn mark(&self, n: u64) {
        // Before the count: what is marked now belongs to the running tick, not to those that ended.
        self.ticks.catch_up(self.clock.coarse_nanos(), || self.count.get());
        self.count.add(n, &self.known);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.get()
    }

    pub(crate) fn rates(&self) -> Rates {
        self.ticks.rates(self.clock.coarse_nanos(), self.count.get())
    }

    pub(crate) fn give_cells(&self) {
        self.count.give_cells();
    }

    pub(crate) fn reset(&self) {
        self.count.reset();
        self.ticks.reset(self.clock.coarse_nanos());
    }
}

impl Meter {
    /// One event.
    ///
    /// ```
    /// # let meter = tagmeter::Registry::new().meter("m");
    /// meter.mark();
    /// assert_eq!(meter.count(), 1);
    /// ```
    #[inline]
    pub fn mark(&self) {
        self.mark_n(1);
    }

    /// `n` events.
    ///
    /// ```
    /// # let meter = tagmeter::Registry::new().meter("m");
    /// meter.mark_n(10);
    /// assert_eq!(meter.count(), 10);
    /// ```
    #[inline]
    pub fn mark_n(&self, n: u64) {
        if let Some(cell) = self.0.recording() {
            cell.mark(n);
        }
    }

    /// Events so far; wraps at 2^64.
    ///
    /// ```
    /// # let meter = tagmeter::Registry::new().meter("m");
    /// assert_eq!(meter.count(), 0);
    /// ```
    pub fn count(&self) -> u64 {
        self.0.cell().count()
    }

    /// The rates now, in events per second.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tagmeter::{Registry, clock::ManualClock};
    ///
    /// let clock = ManualClock::new();
    /// let registry = Registry::builder().clock(clock.clone()).build();
    /// let meter = registry.meter("hits");
    /// meter.mark_n(10);
    /// clock.advance(Duration::from_secs(5));
    /// assert_eq!(meter.rates().one_minute, 2.0);
    /// assert_eq!(meter.rates().mean, 2.0);
    /// ```
    pub fn rates(&self) -> Rates {
        self.0.cell().rates()
    }
}

impl sealed::Sealed for Meter {}

impl Instrument for Meter {
    type Settings = ();
    const KIND: Kind = Kind::Meter;

    fn settings(requested: &Requested) -> Result<(), Unsuitable> {
        requested.nothing(Self::KIND)
    }

    fn create((): &(), context: &Context, place: Place) -> Self {
        Meter(Handle::of(MeterCell::new(&context.clock, place), place))
    }

    fn give_cells(&self) {
        self.0.cell().give_cells();
    }

    fn read(&self) -> Option<Value> {
        Some(MeterValue { count: self.count(), rates: self.rates() }.into())
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
    use std::time::Duration;

    use super::*;
    use crate::clock::ManualClock;

    fn meter() -> (Meter, ManualClock) {
        let manual = ManualClock::new();
        let context = Context { clock: manual.clone().into(), ..Context::default() };
        (Meter::create(&(), &context, Place::Cells), manual)
    }

    #[test]
    fn a_mark_belongs_to_the_tick_it_falls_into() {
        let (meter, clock) = meter();
        meter.mark_n(10);
        clock.advance(Duration::from_secs(5));
        meter.mark_n(1000);
        assert_eq!(meter.rates().one_minute, 2.0);
    }

    #[test]
    fn rates_do_not_depend_on_who_reads() {
        let (watched, watched_clock) = meter();
        let (left_alone, other_clock) = meter();
        for second in 0..300 {
            watched.mark_n(second % 7);
            left_alone.mark_n(second % 7);
            watched_clock.advance(Duration::from_secs(1));
            other_clock.advance(Duration::from_secs(1));
            watched.rates();
        }
        let (a, b) = (watched.rates(), left_alone.rates());
        assert!((a.one_minute - b.one_minute).abs() < 1e-12, "{a:?} {b:?}");
        assert!((a.fifteen_minutes - b.fifteen_minutes).abs() < 1e-12, "{a:?} {b:?}");
    }

    #[test]
    fn no_mark_is_lost_between_threads() {
        let (meter, _clock) = meter();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..5000).for_each(|_| meter.mark()));
            }
        });
        assert_eq!(meter.count(), 20_000);
    }
}
