//! A histogram's record by one writer, which readers see as a whole or not at all.
//!
//! A thread's cells are `[sequence, sum, buckets…]`. Its thread makes the sequence odd, changes sum and bucket, and makes it
//! even again; a reader that finds it odd, or other than before, tries again. Writers never wait and never retry.
//!
//! | writer | reader |
//! |---|---|
//! | sequence odd, relaxed | sequence, acquire: not odd |
//! | fence, release | sum and buckets, relaxed |
//! | sum and bucket, relaxed | fence, acquire |
//! | sequence even, release | sequence, relaxed: the same |
//!
//! Why no half of a record is seen: a reader that sees a changed sum or bucket sees, by the two fences, the odd sequence
//! stored before it, so its second look at the sequence differs from the first. A reader that sees an even sequence sees,
//! by release and acquire, all that was changed before it.
//!
//! A writer can be stopped inside a record for as long as its thread is not scheduled, and for ever in the child of a fork,
//! so a reader gives up after [`TRIES`], or when its [patience](super::behind) ends, and goes on with what it read of this
//! thread last.

use super::behind;
use super::sync::{AtomicU64, Ordering, TRIES, fence, load_own};
use super::word::{MANY, WholeWord, Word, add_many, add_to_own};

/// Cells before the buckets: sequence and sum.
pub(crate) const HEADER: usize = 2;
/// The most cells there can be: a page.
const MOST: usize = 64;

/// Records into this thread's own cells.
#[inline]
pub(crate) fn record<'a, S: Word>(cell: impl Fn(usize) -> &'a AtomicU64, bucket: usize, amount: S::Amount) {
    let [sequence, sum] = [cell(0), cell(1)];
    let even = begin(sequence);
    add_to_own::<WholeWord>(cell(HEADER + bucket), 1);
    add_to_own::<S>(sum, amount);
    end(sequence, even);
}

/// Records many values as one record: how many fell into which bucket, and their sum.
pub(crate) fn record_many<'a, S: Word>(
    cell: impl Fn(usize) -> &'a AtomicU64,
    counts: impl Iterator<Item = (usize, u64)>,
    amount: S::Amount,
) {
    let [sequence, sum] = [cell(0), cell(1)];
    let even = begin(sequence);
    for (bucket, times) in counts {
        let bucket = cell(HEADER + bucket);
        bucket.store(add_many(load_own(bucket), times.min(MANY)), Ordering::Relaxed);
    }
    add_to_own::<S>(sum, amount);
    end(sequence, even);
}

/// Begins a record: the sequence before it.
#[inline]
pub(super) fn begin(sequence: &AtomicU64) -> u64 {
    let even = load_own(sequence);
    sequence.store(even.wrapping_add(1), Ordering::Relaxed);
    fence(Ordering::Release);
    even
}

/// Ends a record that began with this sequence.
#[inline]
pub(super) fn end(sequence: &AtomicU64, even: u64) {
    sequence.store(even.wrapping_add(2), Ordering::Release);
}

/// Reads a thread's `[sum, buckets…]` over what was read there before; leaves that where they cannot be read as a whole.
pub(crate) fn read(cells: &[AtomicU64], last: &mut [u64]) {
    let Some((sequence, cells)) = cells.split_first() else { return };
    let mut seen = [0; MOST];
    let seen = &mut seen[..cells.len()];
    let mut look = || {
        let before = sequence.load(Ordering::Acquire);
        seen.iter_mut().zip(cells).for_each(|(seen, cell)| *seen = cell.load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        before % 2 == 0 && sequence.load(Ordering::Relaxed) == before
    };
    for _ in 0..TRIES {
        if look() {
            return last.copy_from_slice(seen);
        }
        std::hint::spin_loop();
    }
    if behind::look_again(look) {
        last.copy_from_slice(seen);
    }
}
