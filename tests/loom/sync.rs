//! The model checker's atomics and locks, in the place of those of `src/cell/sync.rs`.

use std::time::{Duration, Instant};

pub(crate) use loom::sync::MutexGuard;
pub(crate) use loom::sync::atomic::{AtomicPtr, AtomicU8, AtomicU64, Ordering, fence};
pub(crate) use loom::thread::yield_now;

/// Two looks are all that differ: the first that fails, and one after it.
pub(crate) const TRIES: u32 = 2;

/// As few: the reader leaves the record to the next reading.
pub(crate) const LOOKS: u32 = 2;

/// As a read-modify-write, which of a thread's own last store gives the same. Of a plain load the checker would
/// remember no earlier access to the cell but this, and never try the reader's loads later than it did at first.
pub(crate) fn load_own(cell: &AtomicU64) -> u64 {
    cell.fetch_add(0, Ordering::Relaxed)
}

/// Patience is a number of looks.
pub(crate) fn wait_until(_until: Instant, mut look: impl FnMut() -> bool) -> bool {
    (0..LOOKS).any(|_| {
        look() || {
            yield_now();
            false
        }
    })
}

/// A lock as parking_lot's: never poisoned. Its holders never go away, so that patience never ends.
#[derive(Debug)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Mutex(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
        self.0.lock().expect("no thread panics with the lock")
    }

    pub(crate) fn try_lock(&self) -> Option<loom::sync::MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }

    pub(crate) fn try_lock_for(&self, _patience: Duration) -> Option<loom::sync::MutexGuard<'_, T>> {
        Some(self.lock())
    }
}
