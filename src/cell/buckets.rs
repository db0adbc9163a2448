//! A histogram's buckets and sum, readable only as a whole.

use std::sync::OnceLock;

use super::sync::{AtomicU64, Mutex, Ordering, yield_now};
use super::word::{WholeWord, Word};

/// Buckets and their sum, kept twice.
///
/// Writers use the hot half, named by the top bit of `started`; they never wait. A reader makes the cold half hot, waits
/// until every record that began in the now cold half has ended there, reads it, and pours it into the hot half.
/// So what it reads is all records that began before the turn and no others, and the hot half always ends up
/// holding everything: nothing a reader returns is torn or lower than before.
///
/// The second half is made by the first reader, before it makes it hot: a series that nobody reads has one.
///
/// | field | written by | meaning |
/// |---|---|---|
/// | `started` low 63 bits | writers, +1 before a record | records begun, ever |
/// | `started` top bit | readers, under `reading` | which half is hot |
/// | `finished` of a half | writers, +1 after a record; readers | records wholly in this half |
#[derive(Debug)]
pub(crate) struct BucketCells<S> {
    started: AtomicU64,
    first: Half<S>,
    second: OnceLock<Box<Half<S>>>,
    reading: Mutex<()>,
}

#[derive(Debug)]
struct Half<S> {
    counts: Box<[WholeWord]>,
    sum: S,
    finished: AtomicU64,
}

/// The top bit of `started`. Adding it turns the halves around: the carry falls off the word.
const HOT: u64 = 1 << 63;
/// Looks at an unfinished record before the reader lets its writer's thread have the processor.
const SPINS: u32 = 64;

impl<S: Word> BucketCells<S> {
    pub(crate) fn new(buckets: usize) -> Self {
        BucketCells {
            started: AtomicU64::new(0),
            first: Half::new(buckets),
            second: OnceLock::new(),
            reading: Mutex::new(()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.first.counts.len()
    }

    /// Counts `times` values in a bucket and adds `amount`, their sum. Tells whether another thread was at it too.
    #[inline]
    pub(crate) fn record(&self, bucket: usize, times: u64, amount: S::Amount) -> bool {
        let seen = self.started.load(Ordering::Relaxed);
        // Acquire, both: a record in a half that was just emptied comes after the emptying.
        let first =
            self.started.compare_exchange(seen, seen.wrapping_add(1), Ordering::Acquire, Ordering::Relaxed);
        let ticket = first.unwrap_or_else(|_| self.started.fetch_add(1, Ordering::Acquire));
        let half = if ticket < HOT { &self.first } else { self.second() };
        half.counts[bucket].add(times);
        half.sum.add(amount);
        // Release: who sees this record finished sees its counts and sum.
        half.finished.fetch_add(1, Ordering::Release);
        first.is_err()
    }

    /// Records that were begun, ever.
    pub(crate) fn records(&self) -> u64 {
        self.started.load(Ordering::Relaxed) & !HOT
    }

    /// Counts by bucket, and the sum.
    pub(crate) fn read(&self) -> (Vec<u64>, S::Amount) {
        let _reading = self.reading.lock();
        let (cold, hot, records) = self.turn();
        // Nobody else is in the cold half: its writers have finished, new ones go to the hot one, readers have the lock.
        let counts: Vec<u64> = cold.counts.iter().map(WholeWord::take).collect();
        let sum = cold.sum.take();
        cold.finished.store(0, Ordering::Relaxed);
        // Most buckets of most histograms are empty, and an addition costs as much as all else that is done for one.
        for (count, cell) in counts.iter().zip(&hot.counts).filter(|(count, _)| **count > 0) {
            cell.add(*count);
        }
        hot.sum.add(sum);
        // Relaxed: the next reader comes after us by the lock; writers only add.
        hot.finished.fetch_add(records, Ordering::Relaxed);
        (counts, sum)
    }

    /// There is one once it has been hot, so writers never make it.
    #[inline]
    fn second(&self) -> &Half<S> {
        self.second.get_or_init(|| Box::new(Half::new(self.len())))
    }

    /// Makes the other half hot and waits until the cold one is complete: the cold half, the hot one, and how many
    /// records the cold one holds. The caller holds `reading`.
    fn turn(&self) -> (&Half<S>, &Half<S>, u64) {
        let (first, second) = (&self.first, self.second());
        // Release: writers of the new hot half see it made, or emptied. Acquire is the loads' below.
        let before = self.started.fetch_add(HOT, Ordering::Release);
        let (cold, hot) = if before >= HOT { (second, first) } else { (first, second) };
        let (records, mut spins) = (before & !HOT, 0);
        // Acquire: with every record finished, their counts and sums are visible.
        while cold.finished.load(Ordering::Acquire) != records {
            spins += 1;
            if spins < SPINS { std::hint::spin_loop() } else { yield_now() }
        }
        (cold, hot, records)
    }
}

impl<S: Word> Half<S> {
    fn new(buckets: usize) -> Self {
        let counts = (0..buckets).map(|_| WholeWord::default()).collect();
        Half { counts, sum: S::default(), finished: AtomicU64::new(0) }
    }
}
