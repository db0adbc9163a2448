//! A histogram's buckets and sum: shared while they are quiet, in cells of each thread once they are fought over.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;

use super::buckets::BucketCells;
use super::count::{LOST_RACES, Place, promote};
use super::sequence::{self, HEADER};
use super::slot::{OwnCells, Slots};
use super::thread::KnownPlace;
use super::word::Word;

/// Buckets and their sum, readable only as a whole.
///
/// A thread's cells are written and read by the protocol of [`sequence`]. Where a reader does not get a whole record, it
/// takes the whole histogram as it read it last: older, never torn, never lower; the next reading catches up.
///
/// A histogram of more than 61 bounds does not fit into a page and stays in the shared buckets.
#[derive(Debug)]
pub(crate) struct HistogramCells<S: Word> {
    shared: BucketCells<S>,
    own: OnceLock<Slots>,
    /// Where its own cells are, once a thread has looked for them: all that a record needs to know of `own`.
    known: KnownPlace,
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
    last: Option<Box<Recorded<A>>>,
    /// What had been recorded when it was last reset.
    base: Option<Box<Recorded<A>>>,
}

impl<S: Word> HistogramCells<S> {
    pub(crate) fn new(buckets: usize, place: Place) -> Self {
        let own = match place {
            Place::Shared => OnceLock::new(),
            Place::Cells => Slots::acquire(HEADER + buckets).map_or_else(OnceLock::new, OnceLock::from),
        };
        HistogramCells {
            shared: BucketCells::new(buckets),
            own,
            known: KnownPlace::unknown(),
            lost: AtomicU32::new(0),
            reading: Mutex::new(Reading { last: None, base: None }),
        }
    }

    /// Counts a value in a bucket and adds `amount` to the sum, if this thread finds its cells at once.
    #[inline]
    pub(crate) fn record_in_own(&self, bucket: usize, amount: S::Amount) -> bool {
        let cells = OwnCells::near(self.known.get());
        if let Some(cells) = cells {
            sequence::record::<S>(|place| cells.at(place), bucket, 1, amount);
        }
        cells.is_some()
    }

    /// Counts `times` values in a bucket and adds `amount`, their sum.
    pub(crate) fn record(&self, bucket: usize, times: u64, amount: S::Amount) {
        let Some(slots) = self.own.get() else { return self.record_shared(bucket, times, amount) };
        self.known.set(slots.place());
        match slots.mine() {
            Some(cells) => sequence::record::<S>(|place| cells.at(place), bucket, times, amount),
            None => self.record_shared(bucket, times, amount),
        }
    }

    /// Records that were begun, ever. May be behind; waits for nobody.
    pub(crate) fn records(&self) -> u64 {
        let own = self.own.get().into_iter().flat_map(Slots::everybodys);
        // Relaxed: each is a number by itself. A sequence goes on by two a record.
        let own = own.filter_map(|cells| Some(cells.first()?.load(Ordering::Relaxed) / 2));
        own.fold(self.shared.records(), u64::wrapping_add)
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
        reading.base = Some(Box::new(self.recorded(&mut reading)));
    }

    /// Everything recorded since the beginning. Readers take turns, so that none gives less than another gave before.
    fn recorded(&self, reading: &mut Reading<S::Amount>) -> Recorded<S::Amount> {
        let (mut counts, mut sum) = self.shared.read();
        let Some(slots) = self.own.get() else { return Recorded { counts: counts.into(), sum } };
        for cells in slots.everybodys() {
            match sequence::read(cells, &mut counts) {
                Some(bits) => sum = S::sum(sum, S::amount(bits)),
                None => {
                    if let Some(last) = &reading.last {
                        return Recorded::clone(last);
                    }
                }
            }
        }
        let recorded = Recorded { counts: counts.into(), sum };
        reading.last = Some(Box::new(recorded.clone()));
        recorded
    }

    /// Gives it cells, if it has none and nobody else is at it.
    pub(crate) fn give_cells(&self) {
        promote(&self.own, HEADER + self.shared.len());
    }

    fn record_shared(&self, bucket: usize, times: u64, amount: S::Amount) {
        let contended = self.shared.record(bucket, times, amount);
        if contended && self.lost.fetch_add(1, Ordering::Relaxed) >= LOST_RACES {
            self.give_cells();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::super::word::{FloatWord, WholeWord};
    use super::*;

    #[test]
    fn reads_are_whole_and_never_fall_while_four_threads_write() {
        read_while_writing(Place::Shared);
        read_while_writing(Place::Cells);
    }

    fn read_while_writing(place: Place) {
        const EACH: u64 = 20_000;
        let cells = HistogramCells::<FloatWord>::new(3, place);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..EACH).for_each(|n| cells.record((n % 3) as usize, 1, 1.0))))
                .collect();
            scope.spawn(|| {
                let mut last = 0;
                while !done.load(Ordering::Relaxed) {
                    let (counts, sum) = cells.read();
                    let count: u64 = counts.iter().sum();
                    assert_eq!(sum, count as f64);
                    assert!(count >= last);
                    last = count;
                }
            });
            writers.into_iter().for_each(|writer| writer.join().unwrap());
            done.store(true, Ordering::Relaxed);
        });
        let (counts, sum) = cells.read();
        assert_eq!((counts.iter().sum::<u64>(), sum), (4 * EACH, (4 * EACH) as f64));
    }

    #[test]
    fn a_reset_forgets_the_past_only() {
        for place in [Place::Shared, Place::Cells] {
            let cells = HistogramCells::<WholeWord>::new(2, place);
            cells.record(0, 5, 50);
            cells.read();
            cells.record(1, 1, 7);
            cells.reset();
            assert_eq!(cells.read(), (vec![0, 0], 0));
            cells.record(1, 2, 9);
            assert_eq!(cells.read(), (vec![0, 2], 9));
        }
    }

    #[test]
    fn a_histogram_that_does_not_fit_into_a_page_stays_shared() {
        let cells = HistogramCells::<WholeWord>::new(500, Place::Cells);
        cells.record(499, 1, 3);
        assert_eq!(cells.read().1, 3);
        assert!(cells.own.get().is_none());
    }
}
