//! When a meter's averages move on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::nanos;
use crate::stat::{Averages, Rates};

/// A meter's averages, advanced by whoever first notices that a tick has ended; the others pass by.
#[derive(Debug)]
pub(crate) struct Ticks {
    /// When the running tick ends: lets marks skip the lock. All times here are nanoseconds of the clock.
    ends_at: AtomicU64,
    averages: Mutex<Averages>,
}

impl Ticks {
    pub(crate) fn new(now: u64) -> Self {
        let averages = Averages::new(Duration::from_nanos(now));
        Ticks { ends_at: AtomicU64::new(nanos::of(averages.next_tick())), averages: Mutex::new(averages) }
    }

    /// Ends the ticks that lie before `now`. `total` is the count without what happens at `now`.
    #[inline]
    pub(crate) fn catch_up(&self, now: u64, total: impl FnOnce() -> u64) {
        // Relaxed: a stale value costs one look at the lock; the lock orders the rest.
        if now >= self.ends_at.load(Ordering::Relaxed) {
            self.advance(now, total);
        }
    }

    /// Rates at `now`, with `total` events counted.
    pub(crate) fn rates(&self, now: u64, total: u64) -> Rates {
        let now = Duration::from_nanos(now);
        let mut averages = self.averages.lock();
        averages.advance(now, total);
        self.ends_at.store(nanos::of(averages.next_tick()), Ordering::Relaxed);
        averages.rates(now, total)
    }

    /// Starts anew.
    pub(crate) fn reset(&self, now: u64) {
        let mut averages = self.averages.lock();
        *averages = Averages::new(Duration::from_nanos(now));
        self.ends_at.store(nanos::of(averages.next_tick()), Ordering::Relaxed);
    }

    #[cold]
    fn advance(&self, now: u64, total: impl FnOnce() -> u64) {
        // Whoever holds the lock is doing this already.
        if let Some(mut averages) = self.averages.try_lock() {
            averages.advance(Duration::from_nanos(now), total());
            self.ends_at.store(nanos::of(averages.next_tick()), Ordering::Relaxed);
        }
    }
}
