//! The clock, without the time in which other programs had the core.

use std::time::{Duration, Instant};

/// How long this thread has been waiting for a core that others had, where Linux says so; else zero.
pub(crate) fn waited() -> Duration {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = schedule.split(' ').nth(1).and_then(|field| field.trim().parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

pub(crate) fn waited_since(before: Duration) -> Duration {
    waited().saturating_sub(before)
}

/// Times short pieces of work one by one.
///
/// From one that seems slow comes off what the thread waited for a core: asking for that takes longer than most pieces,
/// so it is asked for only then. Waiting for a lock is not waiting for a core, and stays.
#[derive(Debug)]
pub struct Stopwatch {
    waited: Duration,
}

impl Default for Stopwatch {
    fn default() -> Self {
        Stopwatch { waited: waited() }
    }
}

impl Stopwatch {
    /// Nanoseconds of this piece, two readings of the clock among them.
    pub fn nanos(&mut self, work: impl FnOnce()) -> f64 {
        /// Less than the shortest time for which a scheduler takes a core away.
        const SLOW: Duration = Duration::from_micros(20);
        let start = Instant::now();
        work();
        let mut taken = start.elapsed();
        if taken > SLOW {
            let waited = waited();
            taken = taken.saturating_sub(waited.saturating_sub(self.waited));
            self.waited = waited;
        }
        taken.as_nanos() as f64
    }
}

/// How long the work takes, without the time in which another program had the core.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let before = waited();
    let start = Instant::now();
    let made = work();
    let taken = start.elapsed();
    (made, taken.saturating_sub(waited_since(before)))
}

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The middle one; of an even number the greater of the two.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
