//! A count that goes up and down.

use std::sync::atomic::{AtomicI64, Ordering};

use super::{Context, Handle, Instrument, Place, Requested, Unsuitable, sealed};
use crate::model::{Kind, Value};

/// A count that goes up and down: jobs running, connections open.
///
/// Units: whole things. Shape: a gauge `<name>` for Prometheus, `<name>.count` in line protocols.
/// Range: −2^63 to 2^63 − 1, then it wraps.
///
/// ```
/// let registry = tagmeter::Registry::new();
/// let jobs = registry.up_down("jobs_running");
/// jobs.inc();
/// jobs.inc();
/// jobs.dec();
/// assert_eq!(jobs.get(), 1);
/// ```
#[derive(Debug, Clone)]
pub struct UpDownCounter(pub(crate) Handle<AtomicI64>);

impl UpDownCounter {
    /// One more.
    ///
    /// ```
    /// # let jobs = tagmeter::Registry::new().up_down("jobs");
    /// jobs.inc();
    /// assert_eq!(jobs.get(), 1);
    /// ```
    #[inline]
    pub fn inc(&self) {
        self.add(1);
    }

    /// One less.
    ///
    /// ```
    /// # let jobs = tagmeter::Registry::new().up_down("jobs");
    /// jobs.dec();
    /// assert_eq!(jobs.get(), -1);
    /// ```
    #[inline]
    pub fn dec(&self) {
        self.add(-1);
    }

    /// `n` more, or less where `n` is negative.
    ///
    /// ```
    /// # let jobs = tagmeter::Registry::new().up_down("jobs");
    /// jobs.add(-5);
    /// assert_eq!(jobs.get(), -5);
    /// ```
    #[inline]
    pub fn add(&self, n: i64) {
        if let Some(level) = self.0.recording() {
            // Relaxed: the count orders nothing else.
            level.fetch_add(n, Ordering::Relaxed);
        }
    }

    /// The level now.
    ///
    /// ```
    /// # let jobs = tagmeter::Registry::new().up_down("jobs");
    /// assert_eq!(jobs.get(), 0);
    /// ```
    pub fn get(&self) -> i64 {
        self.0.cell().load(Ordering::Relaxed)
    }

    /// One more until the guard is dropped, by return, error, panic or cancellation alike.
    ///
    /// ```
    /// # let jobs = tagmeter::Registry::new().up_down("jobs");
    /// {
    ///     let _job = jobs.in_progress();
    ///     assert_eq!(jobs.get(), 1);
    /// }
    /// assert_eq!(jobs.get(), 0);
    /// ```
    pub fn in_progress(&self) -> InProgress {
        self.inc();
        InProgress(self.clone())
    }
}

/// Keeps an [`UpDownCounter`] one higher while it lives.
///
/// ```
/// let jobs = tagmeter::Registry::new().up_down("jobs");
/// let job = jobs.in_progress();
/// drop(job);
/// assert_eq!(jobs.get(), 0);
/// ```
#[derive(Debug)]
#[must_use = "dropping the guard ends what it stands for"]
pub struct InProgress(UpDownCounter);

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl sealed::Sealed for UpDownCounter {}

impl Instrument for UpDownCounter {
    type Settings = ();
    const KIND: Kind = Kind::UpDownCounter;

    fn settings(requested: &Requested) -> Result<(), Unsuitable> {
        requested.nothing(Self::KIND)
    }

    fn create((): &(), _context: &Context, place: Place) -> Self {
        UpDownCounter(Handle::of(AtomicI64::new(0), place))
    }

    fn read(&self) -> Option<Value> {
        Some(Value::UpDownCounter(self.get()))
    }

    fn is_held(&self) -> bool {
        self.0.is_held()
    }

    fn reset(&self) {
        self.0.cell().store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_what_is_in_progress() {
        let jobs = UpDownCounter::create(&(), &Context::default(), Place::Cells);
        let job = jobs.clone();
        let result = std::thread::spawn(move || {
            let _job = job.in_progress();
            panic!("the job failed");
        });
        assert!(result.join().is_err());
        assert_eq!(jobs.get(), 0);
    }
}
