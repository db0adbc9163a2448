//! Timing that tells how the work ended.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use super::timer::Timer;

/// How work ended; the value of the tag `outcome`.
///
/// ```
/// assert_eq!(tagmeter::metric::Outcome::Cancelled.to_string(), "cancelled");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It returned what it should.
    Ok,
    /// It returned an error.
    Error,
    /// It panicked.
    Panic,
    /// It was dropped before its end.
    Cancelled,
}

impl Outcome {
    pub(crate) const ALL: [Outcome; 4] = [Outcome::Ok, Outcome::Error, Outcome::Panic, Outcome::Cancelled];
    /// The tag's key.
    pub(crate) const KEY: &'static str = "outcome";

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Error => "error",
            Outcome::Panic => "panic",
            Outcome::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A timer for each way work can end, told apart by the tag `outcome`.
///
/// Made by a definition with `.outcome()`. All four series exist from the start, so the first error is visible to `rate`.
/// Shape: four [`Timer`] series.
///
/// ```
/// let registry = tagmeter::Registry::new();
/// let timer = registry.define("save").outcome().timer()?;
///
/// let saved: Result<(), &str> = timer.time(|| Err("disk full"));
/// assert!(saved.is_err());
/// assert_eq!(registry.value(("save", [("outcome", "error")])), Some(1.0));
/// assert_eq!(registry.value(("save", [("outcome", "ok")])), Some(0.0));
/// # Ok::<(), tagmeter::registry::RegisterError>(())
/// ```
#[derive(Debug, Clone)]
pub struct OutcomeTimer {
    /// Shared, so that a handle is cloned by one addition.
    timers: Arc<[Timer; Outcome::ALL.len()]>,
}

impl OutcomeTimer {
    pub(crate) fn new(timer_of: impl FnMut(Outcome) -> Timer) -> Self {
        OutcomeTimer { timers: Arc::new(Outcome::ALL.map(timer_of)) }
    }

    /// Times work that can fail.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// # let timer = registry.define("t").outcome().timer()?;
    /// let parsed = timer.time(|| "17".parse::<u32>());
    /// assert_eq!(parsed, Ok(17));
    /// assert_eq!(registry.value(("t", [("outcome", "ok")])), Some(1.0));
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn time<T, E>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let timing = self.start_scoped();
        let result = work();
        timing.finish(&result);
        result
    }

    /// Starts to time. Dropped without a word, the timing counts as a panic while the thread panics and as cancelled
    /// otherwise.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// # let timer = registry.define("t").outcome().timer()?;
    /// drop(timer.start());
    /// assert_eq!(registry.value(("t", [("outcome", "cancelled")])), Some(1.0));
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn start(&self) -> OutcomeTiming {
        OutcomeTiming::of(self.clone())
    }

    /// As [`start`](OutcomeTimer::start), with a guard that borrows the timer: nothing is written that other threads
    /// write too.
    ///
    /// ```
    /// # use tagmeter::metric::Outcome;
    /// # let registry = tagmeter::Registry::new();
    /// # let timer = registry.define("t").outcome().timer()?;
    /// timer.start_scoped().end(Outcome::Ok);
    /// assert_eq!(timer.of(Outcome::Ok).value().count(), 1);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn start_scoped(&self) -> OutcomeTiming<&OutcomeTimer> {
        OutcomeTiming::of(self)
    }

    /// The timer of one outcome.
    ///
    /// ```
    /// # use tagmeter::metric::Outcome;
    /// # let registry = tagmeter::Registry::new();
    /// let timer = registry.define("t").outcome().timer()?;
    /// timer.start().end(Outcome::Ok);
    /// assert_eq!(timer.of(Outcome::Ok).value().count(), 1);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn of(&self, outcome: Outcome) -> &Timer {
        &self.timers[outcome as usize]
    }
}

/// A running measurement of an [`OutcomeTimer`].
///
/// ```
/// # use tagmeter::metric::Outcome;
/// # let registry = tagmeter::Registry::new();
/// let timer = registry.define("t").outcome().timer()?;
/// let timing = timer.start();
/// timing.end(Outcome::Error);
/// assert_eq!(timer.of(Outcome::Error).value().count(), 1);
/// # Ok::<(), tagmeter::registry::RegisterError>(())
/// ```
#[derive(Debug)]
#[must_use = "a timing that is dropped at once counts as cancelled"]
pub struct OutcomeTiming<T: Borrow<OutcomeTimer> = OutcomeTimer> {
    timer: T,
    /// By the timers' clock, in nanoseconds. Gone once the timing has ended.
    started: Option<u64>,
}

impl<T: Borrow<OutcomeTimer>> OutcomeTiming<T> {
    fn of(timer: T) -> Self {
        // One registry's timers, and one clock.
        let started = timer.borrow().of(Outcome::Cancelled).now();
        OutcomeTiming { timer, started: Some(started) }
    }

    /// Ends and records it.
    ///
    /// ```
    /// # use tagmeter::metric::Outcome;
    /// # let registry = tagmeter::Registry::new();
    /// # let timer = registry.define("t").outcome().timer()?;
    /// timer.start().end(Outcome::Ok);
    /// assert_eq!(timer.of(Outcome::Ok).value().count(), 1);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn end(mut self, outcome: Outcome) {
        self.record(outcome);
    }

    /// Ends it by how a result looks.
    ///
    /// ```
    /// # use tagmeter::metric::Outcome;
    /// # let registry = tagmeter::Registry::new();
    /// # let timer = registry.define("t").outcome().timer()?;
    /// timer.start().finish(&Err::<(), _>("no"));
    /// assert_eq!(timer.of(Outcome::Error).value().count(), 1);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn finish<V, E>(self, result: &Result<V, E>) {
        self.end(if result.is_ok() { Outcome::Ok } else { Outcome::Error });
    }

    fn record(&mut self, outcome: Outcome) {
        if let Some(started) = self.started.take() {
            self.timer.borrow().of(outcome).record_since(started);
        }
    }
}

impl<T: Borrow<OutcomeTimer>> Drop for OutcomeTiming<T> {
    fn drop(&mut self) {
        self.record(if std::thread::panicking() { Outcome::Panic } else { Outcome::Cancelled });
    }
}
