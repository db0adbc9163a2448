//! A histogram's buckets and sum, readable only as a whole.

use super::behind;
use super::rare::Rare;
use super::sync::{AtomicU64, LOOKS, Mutex, MutexGuard, Ordering, yield_now};
use super::word::{MANY, WholeWord, Word};

/// Buckets and their sum, kept twice.
///
/// Writers use the hot half, named by the top bit of `started`; they never wait. A reader makes the resting half hot, and
/// once every record that began in the other, now cold, half has ended there, reads that, and pours it into the hot one.
/// So what it reads is all records that began before the turn and no others, and the hot half always ends up holding
/// everything: nothing a reader returns is torn or lower than before.
///
/// **A writer can be stopped inside a record**, for as long as its thread is not scheduled, and for ever in the child of a
/// fork. So a reader looks [`LOOKS`] times whether the cold half is complete. If it is not, the turn stays open: the reader
/// gives what was read last, writers go on in the hot half, and the next reader takes the turn up where it was left. It
/// ends when the last record has, and then nothing of it is missing: what was in the cold half is poured once, by whoever
/// finds it complete, and no half is emptied before.
///
/// The second half is made by the first reader, before it makes it hot: a series that nobody reads has one. `K` is what
/// else its readers keep, in the same box.
///
/// | field | written by | meaning |
/// |---|---|---|
/// | `started` low 63 bits | writers, +1 before a record | records begun, ever |
/// | `started` top bit | readers, under the lock | which half is hot |
/// | `finished` of a half | writers, +1 after a record; readers | records wholly in this half |
/// | a half at rest | its reader, before it makes it hot | what was read last |
#[derive(Debug)]
pub(crate) struct BucketCells<S: Word, K> {
    started: AtomicU64,
    first: Half<S>,
    rest: Rare<Rest<S, K>>,
}

#[derive(Debug)]
pub(super) struct Half<S> {
    counts: Box<[WholeWord]>,
    sum: S,
    finished: AtomicU64,
}

/// What only readers need, and writers once there has been one.
#[derive(Debug)]
struct Rest<S: Word, K> {
    second: Half<S>,
    readers: Mutex<Kept<S::Amount, K>>,
}

#[derive(Debug, Default)]
struct Kept<A, K> {
    open: Option<Turn<A>>,
    more: K,
}

/// A turn that has not ended.
#[derive(Debug)]
struct Turn<A> {
    /// Records that the cold half will hold.
    records: u64,
    /// What was read last. It was in the half that is hot now.
    last: Recorded<A>,
}

/// What was recorded up to some moment: counts by bucket, and the sum.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recorded<A> {
    pub(crate) counts: Vec<u64>,
    pub(crate) sum: A,
}

/// The top bit of `started`. Adding it turns the halves around: the carry falls off the word.
const HOT: u64 = 1 << 63;
/// Looks at an unfinished record before the reader lets its writer's thread have the processor.
const SPINS: u32 = 64;

impl<S: Word, K: Default + Send + Sync> BucketCells<S, K> {
    pub(crate) fn new(buckets: usize) -> Self {
        BucketCells { started: AtomicU64::new(0), first: Half::new(buckets), rest: Rare::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.first.counts.len()
    }

    /// Counts a value in a bucket and adds `amount`. Tells whether another thread was at it too.
    #[inline]
    pub(crate) fn record(&self, bucket: usize, amount: S::Amount) -> bool {
        let (half, contended) = self.begin();
        half.add(bucket, amount);
        half.finish();
        contended
    }

    /// Counts many values as one record: how many fell into which bucket, and their sum. Tells the same.
    pub(crate) fn record_many(&self, counts: impl Iterator<Item = (usize, u64)>, amount: S::Amount) -> bool {
        let (half, contended) = self.begin();
        counts.for_each(|(bucket, times)| half.counts[bucket].add_many(times.min(MANY)));
        half.sum.add(amount);
        half.finish();
        contended
    }

    /// Begins a record: the half for it, and whether another thread was at it too.
    #[inline]
    pub(super) fn begin(&self) -> (&Half<S>, bool) {
        let seen = self.started.load(Ordering::Relaxed);
        // Acquire, both: a record in a half that was just emptied comes after the emptying.
        let first =
            self.started.compare_exchange(seen, seen.wrapping_add(1), Ordering::Acquire, Ordering::Relaxed);
        let ticket = first.unwrap_or_else(|_| self.started.fetch_add(1, Ordering::Acquire));
        let half = if ticket < HOT { &self.first } else { &self.rest().second };
        (half, first.is_err())
    }

    /// Records that were begun, ever.
    pub(crate) fn records(&self) -> u64 {
        self.started.load(Ordering::Relaxed) & !HOT
    }

    /// Waits for the turn to read.
    pub(crate) fn readers(&self) -> Readers<'_, S, K> {
        let rest = self.rest();
        Readers { started: &self.started, halves: [&self.first, &rest.second], kept: rest.readers.lock() }
    }

    /// Made before the second half is hot, so writers never make it.
    #[inline]
    fn rest(&self) -> &Rest<S, K> {
        self.rest.get_or_make(|| Rest {
            second: Half::new(self.len()),
            readers: Mutex::new(Kept { open: None, more: K::default() }),
        })
    }
}

/// The right to read, which one thread has.
pub(crate) struct Readers<'c, S: Word, K> {
    started: &'c AtomicU64,
    halves: [&'c Half<S>; 2],
    kept: MutexGuard<'c, Kept<S::Amount, K>>,
}

impl<S: Word, K> Readers<'_, S, K> {
    /// Everything recorded, or, where a writer is stopped inside a record, what was read last.
    pub(crate) fn read(&mut self) -> Recorded<S::Amount> {
        if let Some(left) = self.kept.open.take() {
            let recorded = self.end(left);
            if self.is_kept_waiting() {
                return recorded;
            }
            // What was recorded since that turn is in the other half.
        }
        let turn = self.turn();
        self.end(turn)
    }

    /// Ends a turn: what is recorded. Leaves it open where the cold half is not complete.
    fn end(&mut self, mut turn: Turn<S::Amount>) -> Recorded<S::Amount> {
        let [cold, hot] = self.cold_and_hot();
        if !cold.holds(turn.records) {
            let last = turn.last.clone();
            self.kept.open = Some(turn);
            return last;
        }
        // Nobody else is in the cold half: its writers have finished, new ones go to the hot one, readers have the lock.
        cold.read(&mut turn.last);
        hot.pour(&turn.last, turn.records);
        turn.last
    }

    /// Whether the last reading was kept from the newest records by a writer that is stopped.
    pub(crate) fn is_kept_waiting(&self) -> bool {
        self.kept.open.is_some()
    }

    /// What else readers keep.
    pub(crate) fn more(&mut self) -> &mut K {
        &mut self.kept.more
    }

    /// Makes the half at rest hot.
    fn turn(&self) -> Turn<S::Amount> {
        let [rested, _] = self.cold_and_hot();
        let last = rested.empty();
        // Release: writers of the new hot half see it made, or emptied.
        let before = self.started.fetch_add(HOT, Ordering::Release);
        Turn { records: before & !HOT, last }
    }

    fn cold_and_hot(&self) -> [&Half<S>; 2] {
        let [first, second] = self.halves;
        // Relaxed: the top bit is only changed by who has the lock.
        if self.started.load(Ordering::Relaxed) < HOT { [second, first] } else { [first, second] }
    }
}

impl<S: Word> Half<S> {
    fn new(buckets: usize) -> Self {
        let counts = (0..buckets).map(|_| WholeWord::default()).collect();
        Half { counts, sum: S::default(), finished: AtomicU64::new(0) }
    }

    #[inline]
    pub(super) fn add(&self, bucket: usize, amount: S::Amount) {
        self.counts[bucket].add(1);
        self.sum.add(amount);
    }

    /// Ends a record.
    #[inline]
    pub(super) fn finish(&self) {
        // Release: who sees this record finished sees its counts and sum.
        self.finished.fetch_add(1, Ordering::Release);
    }

    /// Whether it holds so many records; waits some time for those in flight.
    fn holds(&self, records: u64) -> bool {
        // Acquire: with every record finished, their counts and sums are visible.
        let are_finished = || self.finished.load(Ordering::Acquire) == records;
        for look in 0..LOOKS {
            if are_finished() {
                return true;
            }
            if look < SPINS { std::hint::spin_loop() } else { yield_now() }
        }
        behind::look_again(are_finished)
    }

    fn read(&self, into: &mut Recorded<S::Amount>) {
        into.counts.iter_mut().zip(&self.counts).for_each(|(count, cell)| *count = cell.get());
        into.sum = self.sum.get();
    }

    /// Adds so many records, which have been read elsewhere.
    fn pour(&self, recorded: &Recorded<S::Amount>, records: u64) {
        // Most buckets of most histograms are empty, and an addition costs as much as all else that is done for one.
        for (count, cell) in recorded.counts.iter().zip(&self.counts).filter(|(count, _)| **count > 0) {
            // What the other half holds is at most `MANY`, too.
            if *count < MANY / 2 { cell.add(*count) } else { cell.add_many(*count) }
        }
        self.sum.add(recorded.sum);
        // Relaxed: the next reader comes after us by the lock; writers only add.
        self.finished.fetch_add(records, Ordering::Relaxed);
    }

    /// Takes out what it holds. It is at rest: nobody else is there.
    fn empty(&self) -> Recorded<S::Amount> {
        // Relaxed: who writes there next comes after the turn.
        self.finished.store(0, Ordering::Relaxed);
        Recorded { counts: self.counts.iter().map(WholeWord::take).collect(), sum: self.sum.take() }
    }
}
