//! How long short work takes, measured now and then.

use std::borrow::Borrow;
use std::sync::Arc;
use std::time::Duration;

use super::Timer;
use crate::cell::Sampling;

/// A timer that reads the clock for one call in so many, which then counts for all of them.
///
/// Made by [`Timer::sampled`]; what it measures goes into that timer. For work of some nanoseconds: reading the clock twice
/// takes forty. Keep it where the work is; clones share the choice of calls.
///
/// Units: those of the timer.
/// Shape: that of the timer: buckets, count and sum agree, on every page.
/// Range: of every `n` calls of a thread one is timed, a random one, and recorded `n` times. Buckets, count, sum and rates
/// are estimates without bias, whatever rhythm the work has: `count = n × timed`, `sum = n × Σ durations`. For each thread the
/// count is wrong by less than `n`. The sum of `c` calls is wrong by `d × √((n − 1) / c)`, where `d` is the durations'
/// standard deviation by their mean: by 0.6 % for `n = 32`, `d = 1` and a million calls. A bucket with few values may show
/// none of them, or each as `n`. Quantiles, minimum and maximum are those of timed calls. Threads beyond the 256 that record
/// at the same time have each call timed with probability `1 / n`.
/// Source: the Horvitz–Thompson estimator over strata of `n` calls (W. G. Cochran, Sampling Techniques,
/// chapter 5).
///
/// ```
/// let timer = tagmeter::Registry::new().timer("find");
/// let find = timer.sampled(32);
/// let found: Vec<bool> = (0..3200).map(|n| find.time(|| n % 7 == 0)).collect();
/// assert_eq!((found.len(), timer.value().count()), (3200, 3200)); // a hundred of them timed
/// ```
#[derive(Debug, Clone)]
pub struct SampledTimer {
    timer: Timer,
    sampling: Arc<Sampling>,
}

impl Timer {
    /// Times one call in `one_in`, and has it count for all of them; 0 is as 1. See [`SampledTimer`].
    ///
    /// Takes some memory, and a lock: to be made once, and kept.
    ///
    /// ```
    /// let timer = tagmeter::Registry::new().timer("find");
    /// let find = timer.sampled(4);
    /// (0..4).for_each(|_| find.time(|| ()));
    /// assert_eq!(timer.value().count(), 4);
    /// ```
    pub fn sampled(&self, one_in: u32) -> SampledTimer {
        SampledTimer { timer: self.clone(), sampling: Arc::new(Sampling::new(one_in)) }
    }
}

impl SampledTimer {
    /// Times a closure, or just runs it. A panic inside is timed too.
    ///
    /// ```
    /// # let timer = tagmeter::Registry::new().timer("t");
    /// assert_eq!(timer.sampled(32).time(|| "done"), "done");
    /// ```
    #[inline]
    pub fn time<T>(&self, work: impl FnOnce() -> T) -> T {
        if !self.sampling.draws() {
            return work();
        }
        let _timing = SampledTiming::begin(self);
        work()
    }

    /// Starts to time, or does not; the returned guard records when dropped.
    ///
    /// ```
    /// # let timer = tagmeter::Registry::new().timer("t");
    /// let sampled = timer.sampled(1);
    /// drop(sampled.start());
    /// assert_eq!(timer.value().count(), 1);
    /// ```
    #[inline]
    pub fn start(&self) -> SampledTiming {
        SampledTiming::of(self, SampledTimer::clone)
    }

    /// The same with a guard that borrows the timer: nothing is written that other threads write too.
    ///
    /// ```
    /// # let timer = tagmeter::Registry::new().timer("t");
    /// let sampled = timer.sampled(1);
    /// assert!(sampled.start_scoped().stop().is_some());
    /// ```
    #[inline]
    pub fn start_scoped(&self) -> SampledTiming<&SampledTimer> {
        SampledTiming::of(self, |timer| timer)
    }

    /// The timer that it records into.
    ///
    /// ```
    /// # let timer = tagmeter::Registry::new().timer("t");
    /// assert_eq!(timer.sampled(32).timer().value().count(), 0);
    /// ```
    pub fn timer(&self) -> &Timer {
        &self.timer
    }
}

/// A measurement of a [`SampledTimer`], which in most cases is none.
///
/// `T` says whether it has a timer of its own or borrows one, as with [`Timing`](super::Timing).
///
/// ```
/// let timer = tagmeter::Registry::new().timer("t");
/// let sampled = timer.sampled(1000);
/// let timed = (0..1000).filter_map(|_| sampled.start().stop()).count();
/// assert_eq!((timed, timer.value().count()), (1, 1000));
/// ```
#[derive(Debug)]
#[must_use = "a timing that is dropped at once measures nothing"]
pub struct SampledTiming<T: Borrow<SampledTimer> = SampledTimer> {
    /// By the timer's clock, in nanoseconds.
    started: u64,
    /// Gone once the timing has ended, or from the start.
    timer: Option<T>,
}

impl<T: Borrow<SampledTimer>> SampledTiming<T> {
    #[inline]
    fn of<'t>(timer: &'t SampledTimer, take: impl FnOnce(&'t SampledTimer) -> T) -> Self {
        match timer.sampling.draws() {
            true => SampledTiming::begin(take(timer)),
            false => SampledTiming { started: 0, timer: None },
        }
    }

    /// One that is timed.
    #[cold]
    fn begin(timer: T) -> Self {
        SampledTiming { started: timer.borrow().timer.now(), timer: Some(timer) }
    }

    /// Ends it: how long it took, if that was measured.
    ///
    /// ```
    /// # let timer = tagmeter::Registry::new().timer("t");
    /// assert!(timer.sampled(1).start().stop().is_some());
    /// ```
    #[inline]
    pub fn stop(mut self) -> Option<Duration> {
        self.end()
    }

    /// Ends it without a record. Discard by what the work came to, and what is recorded is an estimate of the calls that were
    /// not discarded.
    ///
    /// ```
    /// # let timer = tagmeter::Registry::new().timer("t");
    /// timer.sampled(1).start().discard();
    /// assert_eq!(timer.value().count(), 0);
    /// ```
    pub fn discard(mut self) {
        self.timer = None;
    }

    #[inline]
    fn end(&mut self) -> Option<Duration> {
        let timer = self.timer.take()?;
        Some(record(timer.borrow(), self.started))
    }
}

#[cold]
fn record(sampled: &SampledTimer, started: u64) -> Duration {
    Duration::from_nanos(sampled.timer.record_since_n(started, sampled.sampling.one_in()))
}

impl<T: Borrow<SampledTimer>> Drop for SampledTiming<T> {
    #[inline]
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Instrument, Place, Requested};
    use super::*;
    use crate::clock::ManualClock;

    fn timer(requested: &Requested) -> (Timer, ManualClock) {
        let manual = ManualClock::new();
        let context = Context { clock: manual.clone().into(), ..Context::default() };
        (Timer::create(&Timer::settings(requested).unwrap(), &context, Place::Cells), manual)
    }

    #[test]
    fn count_and_sum_are_those_of_all_calls_where_they_take_the_same_time() {
        let native = Requested { native: Some(Default::default()), ..Requested::default() };
        let quantiles = Requested { quantiles: true, ..Requested::default() };
        for requested in [Requested::default(), native, quantiles] {
            let (timer, clock) = timer(&requested);
            let sampled = timer.sampled(32);
            (0..3200).for_each(|_| sampled.time(|| clock.advance(Duration::from_millis(3))));
            let value = timer.value();
            assert_eq!((value.count(), value.sum), (3200, 9.6));
            assert!(value.native.is_none_or(|native| native.count() == 3200));
            assert!(value.window.is_none_or(|window| window.count() == 3200));
        }
    }

    #[test]
    fn rates_are_those_of_all_calls_also_after_a_reset() {
        let (timer, clock) = timer(&Requested::default());
        let sampled = timer.sampled(10);
        for _ in 0..2 {
            (0..100).for_each(|_| drop(sampled.start_scoped()));
            clock.advance(Duration::from_secs(5));
            assert_eq!((timer.rates().one_minute, timer.rates().mean), (20.0, 20.0));
            timer.reset();
        }
    }

    /// Work with a rhythm, of which every 32nd call takes a hundred times as long as the others.
    fn work(n: u64) -> Duration {
        Duration::from_nanos(if n.is_multiple_of(32) { 100_000 } else { 1000 })
    }

    #[test]
    fn the_sum_of_work_with_the_samplings_own_rhythm_has_no_bias() {
        const CALLS: u64 = 640_000;
        let (timer, clock) = timer(&Requested::default());
        let sampled = timer.sampled(32);
        (0..CALLS).for_each(|n| sampled.time(|| clock.advance(work(n))));
        let value = timer.value();
        let truth: f64 = (0..CALLS).map(|n| work(n).as_secs_f64()).sum();
        // One draw in each of 20 000 blocks, of which one call in 32 is long: the standard deviation is 3.0 % of the sum.
        // Twelve of them: the seed is the system's.
        assert_eq!(value.count(), CALLS);
        assert!((value.sum / truth - 1.0).abs() < 0.36, "{} instead of {truth}", value.sum);
    }

    #[test]
    fn none_and_one_time_every_call_and_the_most_next_to_none() {
        let (timer, _clock) = timer(&Requested::default());
        for every in [0, 1].map(|one_in| timer.sampled(one_in)) {
            assert!((0..5).all(|_| every.start().stop().is_some()));
        }
        assert_eq!(timer.value().count(), 10);
        let rare = timer.sampled(u32::MAX);
        (0..5).for_each(|_| rare.start().discard());
        assert_eq!(timer.value().count(), 10);
    }

    #[test]
    fn a_panic_is_timed() {
        let (timer, _clock) = timer(&Requested::default());
        let sampled = timer.sampled(1);
        let late = std::panic::AssertUnwindSafe(|| sampled.time(|| panic!("late")));
        assert!(std::panic::catch_unwind(late).is_err());
        assert_eq!(timer.value().count(), 1);
    }
}
