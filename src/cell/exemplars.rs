//! Some of what was recorded, one for each bucket: beside the numbers, never among them.
//!
//! A record is counted first and offered afterwards. A reader takes the list first and the counts afterwards, so the count of
//! everything on the list is among them: who gets the lock sees what was written before it was given back.
//!
//! Writers wait for nobody: a bucket takes one exemplar a tick, of who comes first, which one load tells all others; and who
//! finds the list held goes on without. The tick is taken before the exemplar is made, so that an allocator that records does
//! not make another; one that then turns out to be none has used it up. A reader waits for [`PATIENCE`], since in the child of
//! a fork who holds the list may be gone.

use std::time::Duration;

use super::sync::{AtomicU64, Mutex, Ordering};

/// An exemplar of each bucket, the first of its newest tick, of as many buckets as it was made for.
#[derive(Debug)]
pub(crate) struct Exemplars<E> {
    /// In which tick a bucket was given an exemplar, from 1 on; 0 before. Buckets beyond share these.
    ticks: Box<[AtomicU64]>,
    /// Bucket and exemplar, the newest last; at most as many as there are ticks.
    pub(super) kept: Mutex<Vec<(i32, E)>>,
}

/// A bucket gets no second exemplar in the same tenth of a second: a scrape, at most one a second, sees a new one each time, and
/// a hot path makes ten a second.
pub(super) const TICK_NANOS: u64 = 100_000_000;
/// How long a reader waits for a writer, which needs the list for some instructions.
const PATIENCE: Duration = Duration::from_millis(20);

impl<E: Clone> Exemplars<E> {
    pub(crate) fn new(buckets: usize) -> Self {
        let ticks = (0..buckets.max(1)).map(|_| AtomicU64::new(0)).collect();
        Exemplars { ticks, kept: Mutex::new(Vec::new()) }
    }

    /// Whether a bucket takes an exemplar at a time in nanoseconds.
    pub(crate) fn is_due(&self, bucket: i32, now: u64) -> bool {
        // Relaxed, here and below: whose turn it is orders nothing; the list's lock does.
        self.tick_of(bucket).is_some_and(|tick| tick.load(Ordering::Relaxed) != tick_at(now))
    }

    /// Whether it takes one from the caller, and from nobody else in this tick.
    pub(crate) fn take_turn(&self, bucket: i32, now: u64) -> bool {
        let swapped = |tick: &AtomicU64| tick.swap(tick_at(now), Ordering::Relaxed) != tick_at(now);
        self.is_due(bucket, now) && self.tick_of(bucket).is_some_and(swapped)
    }

    /// Keeps an exemplar in place of its bucket's last, unless somebody else is at the list.
    pub(crate) fn keep(&self, bucket: i32, exemplar: E) {
        let Some(mut kept) = self.kept.try_lock() else { return };
        let oldest = if kept.len() >= self.ticks.len() { Some(0) } else { None };
        if let Some(gone) = kept.iter().position(|(own, _)| *own == bucket).or(oldest) {
            kept.remove(gone);
        }
        kept.push((bucket, exemplar));
    }

    /// What is kept, the oldest first; nothing where the list is held for too long.
    pub(crate) fn read(&self) -> Vec<E> {
        let kept = self.kept.try_lock_for(PATIENCE);
        kept.map_or_else(Vec::new, |kept| kept.iter().map(|(_, exemplar)| exemplar.clone()).collect())
    }

    /// Forgets all of them.
    pub(crate) fn reset(&self) {
        if let Some(mut kept) = self.kept.try_lock_for(PATIENCE) {
            kept.clear();
            self.ticks.iter().for_each(|tick| tick.store(0, Ordering::Relaxed));
        }
    }

    fn tick_of(&self, bucket: i32) -> Option<&AtomicU64> {
        // There is one at least, and not more than an `i32` can tell apart.
        self.ticks.get(bucket.rem_euclid(self.ticks.len() as i32) as usize)
    }
}

/// The number of the tick of a time, from 1 on.
fn tick_at(now: u64) -> u64 {
    now / TICK_NANOS + 1
}
