//! The atomics of the protocols that a model checker runs too, with its own in this module's place: `tests/loom`.

pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU64, Ordering, fence};
pub(crate) use std::thread::yield_now;

use std::time::{Duration, Instant};

pub(crate) use parking_lot::{Mutex, MutexGuard};

/// Looks at a thread's cells before a reader gives up for this time. A writer in a tight loop fails about one in two.
pub(crate) const TRIES: u32 = 64;

/// Looks at a record in flight before a reader leaves it for the next: a millisecond, or more where its writer's thread
/// gets the processor meanwhile.
pub(crate) const LOOKS: u32 = 1024;

/// What is in a cell that only this thread writes.
#[inline]
pub(crate) fn load_own(cell: &AtomicU64) -> u64 {
    // Relaxed: this thread reads its own store.
    cell.load(Ordering::Relaxed)
}

/// Looks, without the processor to itself, until it sees what it waits for or it is too late. Tells which.
pub(crate) fn wait_until(until: Instant, mut look: impl FnMut() -> bool) -> bool {
    for looks in 0.. {
        if look() {
            return true;
        }
        match looks {
            0..TRIES => std::hint::spin_loop(),
            TRIES..LOOKS => yield_now(),
            _ if Instant::now() >= until => return false,
            _ => std::thread::sleep(PAUSE),
        }
    }
    false
}

/// Between two looks for somebody who needs the processor and did not get it by [`yield_now`].
const PAUSE: Duration = Duration::from_micros(50);
