//! Time as the crate reads it: monotonic for durations, rates and schedules, wall time for timestamps only.
//!
//! On Linux both readings of a timer are `CLOCK_MONOTONIC`, and ticks and windows may read `CLOCK_MONOTONIC_COARSE`, which
//! is the same clock as of the kernel's last tick: one time base, so that the end of a measurement also says which tick and
//! which slot it falls into. A measurement is two readings and nothing else of the system.
//!
//! **Why no processor counter.** Reading the time stamp counter by the crate `quanta` would take two fifths of the time (two
//! readings in 17 ns instead of 40; on a busy machine in 22 instead of 50 and more). What was found, with 0.12.6 on two
//! cores of an AMD EPYC under KVM whose kernel itself uses the counter, November 2026:
//!
//! | | `CLOCK_MONOTONIC` | `quanta` |
//! |---|---|---|
//! | two readings | 41 instructions | 35 instructions |
//! | a reading that another core handed over was ahead of the own | in 0 of 10 million | in 5201, by up to 391 ticks (150 ns): reads are not ordered |
//! | after 420 s | | 260 µs behind (0.62 ppm, steady): calibrated once, for 0.6 ms, and not corrected as the kernel's is; others saw 83 ppm against wall time ([#99]) |
//! | counters of cores that differ | the kernel finds them and takes another clock | not found ([#111]: 1.6 s apart on some laptops); a measurement whose thread moves is wrong by that, and stays in the sum |
//! | suspended | stops | by its page, does not see the time either; a difference below zero is shown as zero; not tried here |
//! | a virtual machine that moves to another host | goes on being corrected | keeps the rate of the first host; not tried here |
//!
//! So it would be a second time base, with rates and windows needing a reading of the first again, and it is wrong
//! without a sign where it is wrong. Who needs cheaper timing does not time every call.
//!
//! [#111]: https://github.com/metrics-rs/quanta/issues/111
//! [#99]: https://github.com/metrics-rs/quanta/issues/99

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use crate::cell::{coarse_nanos, coarse_wall_nanos, exact_nanos};
use crate::nanos;

/// Where time comes from.
///
/// Everything that reads the time takes a clock: the system's in programs, a [`ManualClock`] in tests.
///
/// ```
/// use std::time::Duration;
/// use tagmeter::clock::{Clock, ManualClock};
///
/// let manual = ManualClock::new();
/// let clock = Clock::from(manual.clone());
/// manual.advance(Duration::from_secs(5));
/// assert_eq!(clock.now(), Duration::from_secs(5));
/// ```
#[derive(Debug, Clone)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    /// When it was made, by the exact clock.
    System {
        origin: u64,
    },
    Manual(ManualClock),
}

impl Clock {
    /// The clock of the operating system, counting from now.
    ///
    /// ```
    /// let clock = tagmeter::clock::Clock::system();
    /// assert!(clock.now() <= clock.now());
    /// ```
    pub fn system() -> Self {
        Clock(Arc::new(Source::System { origin: exact_nanos() }))
    }

    /// Time since the clock was made. Never falls.
    ///
    /// ```
    /// let clock = tagmeter::clock::Clock::system();
    /// let start = clock.now();
    /// assert!(clock.now() >= start);
    /// ```
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.nanos())
    }

    /// Nanoseconds since the clock was made. Never falls.
    #[inline]
    pub(crate) fn nanos(&self) -> u64 {
        match &*self.0 {
            Source::System { origin } => exact_nanos().saturating_sub(*origin),
            Source::Manual(manual) => manual.nanos(),
        }
    }

    /// The same, read quickly and up to 10 ms late: for ticks of seconds. Never falls, but may be behind
    /// [`nanos`](Clock::nanos).
    #[inline]
    pub(crate) fn coarse_nanos(&self) -> u64 {
        match &*self.0 {
            Source::System { origin } => coarse_nanos().saturating_sub(*origin),
            Source::Manual(manual) => manual.nanos(),
        }
    }

    /// Wall time, for timestamps. May jump when somebody sets the machine's clock.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// assert!(tagmeter::clock::Clock::system().wall() > SystemTime::UNIX_EPOCH);
    /// ```
    pub fn wall(&self) -> SystemTime {
        match &*self.0 {
            Source::System { .. } => SystemTime::now(),
            Source::Manual(manual) => SystemTime::UNIX_EPOCH + manual.elapsed(),
        }
    }

    /// Wall time as nanoseconds since 1970, read quickly and up to 10 ms late: for when a series began. Before 1970 it is 0,
    /// beyond 2554 the greatest number.
    pub(crate) fn coarse_wall_nanos(&self) -> u64 {
        match &*self.0 {
            Source::System { .. } => coarse_wall_nanos(),
            Source::Manual(_) => {
                let since_epoch = self.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                nanos::of(since_epoch)
            }
        }
    }

    /// Whether it moves when told to.
    pub(crate) fn is_manual(&self) -> bool {
        matches!(*self.0, Source::Manual(_))
    }

    /// How long a thread can sleep before the clock shows `at`; `None`: until a watched clock is moved.
    pub(crate) fn until(&self, at: Duration) -> Option<Duration> {
        match &*self.0 {
            Source::System { .. } => Some(at.saturating_sub(self.now())),
            Source::Manual(_) => None,
        }
    }

    /// Has `moved` called after each move of a manual clock, until it returns `false`.
    pub(crate) fn watch(&self, moved: impl Fn() -> bool + Send + 'static) {
        if let Source::Manual(manual) = &*self.0 {
            manual.watchers.lock().push(Box::new(moved));
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Clock::system()
    }
}

impl From<ManualClock> for Clock {
    fn from(manual: ManualClock) -> Self {
        Clock(Arc::new(Source::Manual(manual)))
    }
}

/// A clock that moves when told to. Clones share the time; its wall time counts from 1970-01-01 UTC.
///
/// ```
/// use std::time::Duration;
/// use tagmeter::clock::ManualClock;
///
/// let clock = ManualClock::new();
/// clock.advance(Duration::from_millis(1500));
/// assert_eq!(clock.elapsed(), Duration::from_millis(1500));
/// ```
#[derive(Clone, Default)]
pub struct ManualClock {
    nanos: Arc<AtomicU64>,
    watchers: Arc<Mutex<Vec<Watcher>>>,
}

/// Told when the clock was moved; says whether it wants to be told again.
type Watcher = Box<dyn Fn() -> bool + Send>;

impl ManualClock {
    /// A clock that stands at zero.
    ///
    /// ```
    /// assert!(tagmeter::clock::ManualClock::new().elapsed().is_zero());
    /// ```
    pub fn new() -> Self {
        ManualClock::default()
    }

    /// Moves the time forward, by at most 584 years in all: there it stands still.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let clock = tagmeter::clock::ManualClock::new();
    /// clock.advance(Duration::from_secs(1));
    /// assert_eq!(clock.elapsed(), Duration::from_secs(1));
    /// ```
    pub fn advance(&self, by: Duration) {
        let by = nanos::of(by);
        // Relaxed: tests order clock moves by program order or by the channels they already use.
        let forward = |now: u64| Some(now.saturating_add(by));
        let _ = self.nanos.fetch_update(Ordering::Relaxed, Ordering::Relaxed, forward);
        self.watchers.lock().retain(|moved| moved());
    }

    /// Time moved so far.
    ///
    /// ```
    /// assert!(tagmeter::clock::ManualClock::new().elapsed().is_zero());
    /// ```
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.nanos())
    }

    fn nanos(&self) -> u64 {
        self.nanos.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ManualClock").field(&self.elapsed()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let manual = ManualClock::new();
        let clock = Clock::from(manual.clone());
        assert_eq!(clock.now(), Duration::ZERO);
        manual.advance(Duration::from_secs(7));
        assert_eq!(clock.now(), Duration::from_secs(7));
        assert_eq!(clock.wall(), SystemTime::UNIX_EPOCH + Duration::from_secs(7));
    }

    #[test]
    fn a_manual_clock_never_falls() {
        let manual = ManualClock::new();
        manual.advance(Duration::from_secs(7));
        manual.advance(Duration::MAX);
        assert_eq!(manual.elapsed(), Duration::from_nanos(u64::MAX));
    }

    #[test]
    fn who_watches_a_manual_clock_is_told_until_it_has_enough() {
        let manual = ManualClock::new();
        let (told, heard) = std::sync::mpsc::channel();
        Clock::from(manual.clone()).watch(move || told.send(()).is_ok());
        manual.advance(Duration::from_secs(1));
        assert!(heard.try_recv().is_ok());
        drop(heard);
        manual.advance(Duration::from_secs(1));
        assert!(manual.watchers.lock().is_empty());
    }

    #[test]
    fn the_system_clock_never_falls() {
        let clock = Clock::system();
        let readings: Vec<Duration> = (0..1000).map(|_| clock.now()).collect();
        assert!(readings.is_sorted());
    }
}
