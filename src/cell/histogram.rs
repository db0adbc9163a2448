//! A histogram's buckets and sum: shared while they are quiet, in cells of each thread once they are fought over.

use std::sync::atomic::{AtomicU64, Ordering};

use super::buckets::{BucketCells, Readers, Recorded};
use super::count::Place;
use super::promotion::Promotion;
use super::sequence::{self, HEADER};
use super::slot::{OwnCells, everybodys};
use super::word::Word;

/// Buckets and their sum, readable only as a whole.
///
/// A thread's cells are written and read by the protocol of [`sequence`]. Where a reader does not get a whole record of
/// some thread, it takes what it read of that thread last: older, never torn, never lower; the next reading catches up.
/// The same with the shared [`buckets`](super::buckets). Where they keep two readers one after the other waiting, their
/// writer may never go on: it gets cells, so that it stops no other thread's records from being seen.
///
/// A histogram of more than 61 bounds does not fit into a page and stays in the shared buckets.
#[derive(Debug)]
pub(crate) struct HistogramCells<S: Word> {
    shared: BucketCells<S, Read<S::Amount>>,
    /// Races for the shared buckets, and its own cells.
    promotion: Promotion,
}

/// What readers keep.
#[derive(Debug)]
struct Read<A> {
    /// `[sum, buckets…]` of each thread that has cells, in the order of threads: what was last read of them.
    own: Vec<u64>,
    /// What had been recorded when it was last reset.
    base: Option<Recorded<A>>,
}

impl<A> Default for Read<A> {
    fn default() -> Self {
        Read { own: Vec::new(), base: None }
    }
}

impl<S: Word> HistogramCells<S> {
    pub(crate) fn new(buckets: usize, place: Place) -> Self {
        HistogramCells {
            shared: BucketCells::new(buckets),
            promotion: Promotion::new(place, HEADER + buckets),
        }
    }

    /// Counts a value in a bucket and adds `amount` to the sum, if this thread finds its cells at once.
    #[inline]
    pub(crate) fn record_in_own(&self, bucket: usize, amount: S::Amount) -> bool {
        let cells = OwnCells::near(self.promotion.known());
        if let Some(cells) = cells {
            sequence::record::<S>(|place| cells.at(place), bucket, amount);
        }
        cells.is_some()
    }

    /// Counts a value `times` times in a bucket and adds `amount`, their sum.
    pub(crate) fn record(&self, bucket: usize, times: u64, amount: S::Amount) {
        match self.own_cells() {
            _ if times != 1 => self.record_many([(bucket, times)].into_iter(), amount),
            Some(cells) => sequence::record::<S>(|place| cells.at(place), bucket, amount),
            None => self.note_race(self.shared.record(bucket, amount)),
        }
    }

    /// Counts many values, seen all at once: how many fell into which bucket, and their sum. Counts stop at 2^63.
    pub(crate) fn record_many(&self, counts: impl Iterator<Item = (usize, u64)>, amount: S::Amount) {
        match self.own_cells() {
            Some(cells) => sequence::record_many::<S>(|place| cells.at(place), counts, amount),
            None => self.note_race(self.shared.record_many(counts, amount)),
        }
    }

    fn own_cells(&self) -> Option<OwnCells> {
        self.promotion.cells().and_then(OwnCells::mine)
    }

    /// Records that were begun, ever. May be behind; waits for nobody.
    pub(crate) fn records(&self) -> u64 {
        let all = |place| everybodys(place, HEADER + self.shared.len());
        let own = self.promotion.cells().into_iter().flat_map(all);
        // Relaxed: each is a number by itself. A sequence goes on by two a record.
        let own = own.filter_map(|cells| Some(cells.first()?.load(Ordering::Relaxed) / 2));
        own.fold(self.shared.records(), u64::wrapping_add)
    }

    /// Counts by bucket, and the sum.
    pub(crate) fn read(&self) -> (Vec<u64>, S::Amount) {
        let mut readers = self.shared.readers();
        let recorded = self.recorded(&mut readers);
        self.since_reset(&mut readers, recorded)
    }

    /// The same, and forgets what it gives.
    pub(crate) fn take(&self) -> (Vec<u64>, S::Amount) {
        let mut readers = self.shared.readers();
        let recorded = self.recorded(&mut readers);
        let taken = self.since_reset(&mut readers, recorded.clone());
        readers.more().base = Some(recorded);
        taken
    }

    fn since_reset(
        &self,
        readers: &mut Readers<'_, S, Read<S::Amount>>,
        mut recorded: Recorded<S::Amount>,
    ) -> (Vec<u64>, S::Amount) {
        self.promotion.forget_races();
        if let Some(base) = &readers.more().base {
            let counts = recorded.counts.iter_mut().zip(&base.counts);
            counts.for_each(|(now, then)| *now = now.wrapping_sub(*then));
            recorded.sum = S::difference(recorded.sum, base.sum);
        }
        (recorded.counts, recorded.sum)
    }

    /// Forgets everything recorded before now. A record that is stopped half-way just then is not forgotten.
    pub(crate) fn reset(&self) {
        let mut readers = self.shared.readers();
        readers.more().base = Some(self.recorded(&mut readers));
    }

    /// Everything recorded since the beginning. Readers take turns, so that none gives less than another gave before.
    fn recorded(&self, readers: &mut Readers<'_, S, Read<S::Amount>>) -> Recorded<S::Amount> {
        let waited = readers.is_kept_waiting();
        let mut recorded = readers.read();
        if waited && readers.is_kept_waiting() {
            self.give_cells();
        }
        if let Some(place) = self.promotion.cells() {
            let all = everybodys(place, HEADER + self.shared.len());
            readers.more().add_own::<S>(all, &mut recorded);
        }
        recorded
    }

    /// Gives it cells, if it has none and nobody else is at it.
    pub(crate) fn give_cells(&self) {
        self.promotion.give(HEADER + self.shared.len());
    }

    fn note_race(&self, lost: bool) {
        if lost {
            self.promotion.lose(HEADER + self.shared.len());
        }
    }
}

impl<A: Copy> Read<A> {
    /// Reads the threads' cells, and adds what is known of them.
    fn add_own<'a, S: Word<Amount = A>>(
        &mut self,
        all: impl Iterator<Item = &'a [AtomicU64]>,
        recorded: &mut Recorded<A>,
    ) {
        let each = 1 + recorded.counts.len();
        for (thread, cells) in all.enumerate() {
            let end = (thread + 1) * each;
            self.own.resize(self.own.len().max(end), 0);
            let own = &mut self.own[end - each..end];
            sequence::read(cells, own);
            recorded.sum = S::sum(recorded.sum, S::amount(own[0]));
            let counts = recorded.counts.iter_mut().zip(&own[1..]);
            counts.for_each(|(count, own)| *count = count.saturating_add(*own));
        }
    }
}

impl<S: Word> Drop for HistogramCells<S> {
    fn drop(&mut self) {
        let len = HEADER + self.shared.len();
        self.promotion.end(len);
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
    fn who_comes_after_a_writer_that_never_goes_on_is_seen_all_the_same() {
        let cells = HistogramCells::<WholeWord>::new(2, Place::Shared);
        cells.record(0, 1, 10);
        cells.read();
        let (stopped, _) = cells.shared.begin();
        cells.read();
        cells.record(1, 1, 1);
        // Gives it cells; another test may hold the room at the moment.
        while cells.promotion.cells().is_none() {
            assert_eq!(cells.read(), (vec![1, 0], 10));
        }
        cells.record(1, 2, 40);
        assert_eq!(cells.read(), (vec![1, 2], 50));
        stopped.finish();
        assert_eq!(cells.read(), (vec![1, 3], 51));
    }

    #[test]
    fn a_thread_stopped_in_its_own_cells_hides_nothing_of_the_others() {
        let cells = HistogramCells::<WholeWord>::new(1, Place::Cells);
        cells.record(0, 1, 10);
        cells.read();
        let sequence = OwnCells::mine(cells.promotion.known()).unwrap().at(0);
        let even = sequence::begin(sequence);
        std::thread::scope(|scope| scope.spawn(|| cells.record(0, 1, 5)).join().unwrap());
        assert_eq!(cells.read(), (vec![2], 15));
        sequence::end(sequence, even);
        assert_eq!(cells.read(), (vec![2], 15));
    }

    #[test]
    fn a_histogram_that_does_not_fit_into_a_page_stays_shared() {
        let cells = HistogramCells::<WholeWord>::new(500, Place::Cells);
        cells.record(499, 1, 3);
        assert_eq!(cells.read().1, 3);
        assert!(cells.promotion.cells().is_none());
    }
}
