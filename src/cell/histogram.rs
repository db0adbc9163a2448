//! A histogram's buckets and sum: shared while they are quiet, in cells of each thread once they are fought over.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use parking_lot::Mutex;

use super::buckets::BucketCells;
use super::count::{LOST_RACES, Place, WholeWord, Word, add_to_own, promote};
use super::slot::{OwnCells, Slots};

/// Buckets and their sum, readable only as a whole.
///
/// A thread's cells are `[sequence, sum, buckets…]`. Its thread makes the sequence odd, changes sum and bucket, and makes it
/// even again; a reader that finds it odd, or other than before, tries again. Writers never wait and never retry.
///
/// | writer | reader |
/// |---|---|
/// | sequence odd, relaxed | sequence, acquire: not odd |
/// | fence, release | sum and buckets, relaxed |
/// | sum and bucket, relaxed | fence, acquire |
/// | sequence even, release | sequence, relaxed: the same |
///
/// Why no half of a record is seen: a reader that sees a changed sum or bucket sees, by the two fences, the odd sequence
/// stored before it, so its second look at the sequence differs from the first. A reader that sees an even sequence sees,
/// by release and acquire, all that was changed before it.
///
/// A writer can be stopped inside a record for as long as its thread is not scheduled. After [`TRIES`] a reader takes
/// the whole histogram as it read it last: older, never torn, never lower; the next reading catches up.
///
/// A histogram of more than 61 bounds does not fit into a page and stays in the shared buckets.
#[derive(Debug)]
pub(crate) struct HistogramCells<S: Word> {
    shared: BucketCells<S>,
    own: OnceLock<Slots>,
    /// Races for the shared buckets that were lost since the last reading.
    lost: AtomicU32,
    reading: Mutex<Reading<S::Amount>>,
}

/// What was recorded up to some moment.
#[derive(Debug, Clone)]
struct Recorded<A> {
    counts: Box<[u64]>,
    sum: A,
}

#[derive(Debug)]
struct Reading<A> {
    /// What the last reading of thread cells gave.
    last: Option<Recorded<A>>,
    /// What had been recorded when it was last reset.
    base: Option<Recorded<A>>,
}

/// Cells before the buckets: sequence and sum.
const HEADER: usize = 2;
/// Looks at a thread's cells before a reader gives up for this time. A writer in a tight loop fails about one in two.
const TRIES: u32 = 64;

impl<S: Word> HistogramCells<S> {
    pub(crate) fn new(buckets: usize, place: Place) -> Self {
        let own = match place {
            Place::Shared => OnceLock::new(),
            Place::Cells => Slots::acquire(HEADER + buckets).map_or_else(OnceLock::new, OnceLock::from),
        };
        HistogramCells {
            shared: BucketCells::new(buckets),
            own,
            lost: AtomicU32::new(0),
            reading: Mutex::new(Reading { last: None, base: None }),
        }
    }

    /// Counts `times` values in a bucket and adds `amount`, their sum.
    #[inline]
    pub(crate) fn record(&self, bucket: usize, times: u64, amount: S::Amount) {
        match self.own.get().and_then(Slots::mine) {
            Some(cells) => record_own::<S>(cells, bucket, times, amount),
            None => self.record_shared(bucket, times, amount),
        }
    }

    /// Counts by bucket, and the sum.
    pub(crate) fn read(&self) -> (Vec<u64>, S::Amount) {
        let mut reading = self.reading.lock();
        self.lost.store(0, Ordering::Relaxed);
        let recorded = self.recorded(&mut reading);
        let Some(base) = &reading.base else { return (recorded.counts.into(), recorded.sum) };
        let counts = recorded.counts.iter().zip(&base.counts).map(|(now, then)| now.wrapping_sub(*then));
        (counts.collect(), S::difference(recorded.sum, base.sum))
    }

    /// Forgets everything recorded before now.
    pub(crate) fn reset(&self) {
        let mut reading = self.reading.lock();
        reading.base = Some(self.recorded(&mut reading));
    }

    /// Everything recorded since the beginning. Readers take turns, so that none gives less than another gave before.
    fn recorded(&self, reading: &mut Reading<S::Amount>) -> Recorded<S::Amount> {
        let (mut counts, mut sum) = self.shared.read();
        let Some(slots) = self.own.get() else { return Recorded { counts: counts.into(), sum } };
        for cells in slots.everybodys() {
            match read_own(cells, &mut counts) {
                Some(bits) => sum = S::sum(sum, S::amount(bits)),
                None => {
                    if let Some(last) = &reading.last {
                        return last.clone();
                    }
                }
            }
        }
        let recorded = Recorded { counts: counts.into(), sum };
        reading.last = Some(recorded.clone());
        recorded
    }

    fn record_shared(&self, bucket: usize, times: u64, amount: S::Amount) {
        let contended = self.shared.record(bucket, times, amount);
        if contended && self.lost.fetch_add(1, Ordering::Relaxed) >= LOST_RACES {
            promote(&self.own, HEADER + self.shared.len());
        }
    }
}

/// Records into this thread's own cells.
#[inline]
fn record_own<S: Word>(cells: OwnCells, bucket: usize, times: u64, amount: S::Amount) {
    let [sequence, sum] = [cells.at(0), cells.at(1)];
    // Relaxed: nobody else writes it.
    let even = sequence.load(Ordering::Relaxed);
    sequence.store(even.wrapping_add(1), Ordering::Relaxed);
    fence(Ordering::Release);
    add_to_own::<WholeWord>(cells.at(HEADER + bucket), times);
    add_to_own::<S>(sum, amount);
    sequence.store(even.wrapping_add(2), Ordering::Release);
}

/// Adds a thread's buckets to `counts` and gives its sum; changes nothing where they cannot be read as a whole.
fn read_own(cells: &[AtomicU64], counts: &mut [u64]) -> Option<u64> {
    let [sequence, sum, own @ ..] = cells else { return None };
    for _ in 0..TRIES {
        let before = sequence.load(Ordering::Acquire);
        let read: Vec<u64> = own.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let sum = sum.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        if before % 2 == 0 && sequence.load(Ordering::Relaxed) == before {
            for (count, read) in counts.iter_mut().zip(read) {
                *count = count.wrapping_add(read);
            }
            return Some(sum);
        }
        std::hint::spin_loop();
    }
    None
}
