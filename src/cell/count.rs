//! Totals.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::promotion::Promotion;
use super::slot::everybodys;
use super::thread::{self, CellPlace, KnownPlace};
use super::word::{FloatWord, WholeWord, Word, add_to_own};

/// A total: one shared word, and cells of its own for each thread where the word is fought over.
///
/// What was counted is `shared + cells`. Promotion to cells moves nothing, so it needs no handshake; it is not undone. A
/// float total never falls by rounding: every part only grows, parts are added in the same order each time, and
/// rounding keeps order.
#[derive(Debug)]
pub(crate) struct Total<W: Word> {
    shared: W,
    promotion: Promotion,
}

/// Where a total begins its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In one word, 8 bytes: one of many series, most of them cold.
    Shared,
    /// In cells, 8 bytes a recording thread: one of few.
    Cells,
    /// In a word that is not written: of what records nothing.
    Nowhere,
}

impl<W: Word> Total<W> {
    pub(crate) fn new(place: Place) -> Self {
        Total { shared: W::default(), promotion: Promotion::new(place, 1) }
    }

    /// Adds. `known` is where a handle remembers this total's cells; it knows nothing yet, or its thread has no block.
    #[inline]
    pub(crate) fn add(&self, amount: W::Amount, known: &KnownPlace) {
        if !known.add_to_mine::<W>(amount) {
            self.call_add_elsewhere(amount, known);
        }
    }

    #[inline(never)]
    fn call_add_elsewhere(&self, amount: W::Amount, known: &KnownPlace) {
        self.add_elsewhere(amount, known);
    }

    /// The same, for who has found that `known` does not lead to a cell: in most cases the word is all there is.
    #[inline]
    pub(crate) fn add_elsewhere(&self, amount: W::Amount, known: &KnownPlace) {
        match self.cells() {
            None => self.add_shared(amount),
            Some(place) => self.add_in_cells(amount, place, known),
        }
    }

    /// Adds to this thread's cell at its place, which `known` is told.
    #[cold]
    pub(crate) fn add_in_cells(&self, amount: W::Amount, place: CellPlace, known: &KnownPlace) {
        known.set(place);
        match thread::mine(place.page()) {
            Some(block) => add_to_own::<W>(&block.cells[place.at()], amount),
            None => self.shared.add(amount),
        }
    }

    pub(crate) fn get(&self) -> W::Amount {
        self.promotion.forget_races();
        let shared = self.shared.get();
        // With `Count::reset`: who sees less in the word sees the cells that were taken off it.
        fence(Ordering::Acquire);
        let cells = self.cells().into_iter().flat_map(|place| everybodys(place, 1)).flatten();
        // Relaxed: each cell is a number by itself.
        cells.fold(shared, |total, cell| W::sum(total, W::amount(cell.load(Ordering::Relaxed))))
    }

    /// Where its cells are, if it has some.
    #[inline]
    pub(crate) fn cells(&self) -> Option<CellPlace> {
        self.promotion.cells()
    }

    /// Adds to the shared word.
    #[inline]
    pub(crate) fn add_shared(&self, amount: W::Amount) {
        if !self.shared.try_add(amount) {
            self.add_contended(amount);
        }
    }

    #[cold]
    fn add_contended(&self, amount: W::Amount) {
        self.shared.add(amount);
        self.promotion.lose(1);
    }

    /// Gives it cells, if it has none and nobody else is at it.
    pub(crate) fn give_cells(&self) {
        self.promotion.give(1);
    }

    #[cfg(test)]
    pub(crate) fn has_cells(&self) -> bool {
        self.cells().is_some()
    }
}

impl<W: Word> Drop for Total<W> {
    fn drop(&mut self) {
        self.promotion.end(1);
    }
}

/// A whole count; wraps at 2^64.
pub(crate) type Count = Total<WholeWord>;

impl Count {
    /// Counts from zero again. One thread at a time: two would both take the same away.
    pub(crate) fn reset(&self) {
        let total = self.get();
        // See `get`.
        fence(Ordering::Release);
        self.shared.add(total.wrapping_neg());
    }
}

/// A float count; stops at the greatest `f64`.
#[derive(Debug)]
pub(crate) struct FloatCount {
    total: Total<FloatWord>,
    /// The total when it was last reset: taken off the word, rounding would leave something behind.
    base: AtomicU64,
}

impl FloatCount {
    pub(crate) fn new(place: Place) -> Self {
        FloatCount { total: Total::new(place), base: AtomicU64::new(0) }
    }

    #[cfg(test)]
    pub(crate) fn add(&self, amount: f64, known: &KnownPlace) {
        self.total.add(amount, known);
    }

    /// What amounts are added to.
    #[inline]
    pub(crate) fn total(&self) -> &Total<FloatWord> {
        &self.total
    }

    pub(crate) fn give_cells(&self) {
        self.total.give_cells();
    }

    pub(crate) fn get(&self) -> f64 {
        FloatWord::difference(self.total.get(), FloatWord::amount(self.base.load(Ordering::Relaxed)))
    }

    /// Counts from zero again.
    pub(crate) fn reset(&self) {
        self.base.store(FloatWord::bits(self.total.get()), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::promotion::LOST_RACES;
    use super::*;

    #[test]
    fn a_float_total_stops_at_the_greatest_float() {
        let total = FloatCount::new(Place::Shared);
        total.add(f64::MAX, &KnownPlace::unknown());
        total.add(f64::MAX, &KnownPlace::unknown());
        assert_eq!(total.get(), f64::MAX);
        total.add(f64::MIN, &KnownPlace::unknown());
        assert_eq!(total.get(), f64::MAX, "and stays there");
    }

    #[test]
    fn a_count_wraps() {
        let count = Count::new(Place::Cells);
        count.add(u64::MAX, &KnownPlace::unknown());
        count.add(3, &KnownPlace::unknown());
        assert_eq!(count.get(), 2);
    }

    #[test]
    fn a_count_that_is_given_cells_stays_what_it_is() {
        let (count, known) = (Count::new(Place::Shared), KnownPlace::unknown());
        count.add(2, &known);
        (0..2).for_each(|_| count.give_cells());
        count.add(3, &known);
        assert_eq!((count.get(), count.shared.get()), (5, 2));
    }

    #[test]
    fn a_total_is_two_words() {
        assert_eq!(size_of::<Count>(), 16);
    }

    #[test]
    fn a_reset_begins_at_zero() {
        for place in [Place::Shared, Place::Cells] {
            let (count, total) = (Count::new(place), FloatCount::new(place));
            for n in 1..4 {
                (0..n).for_each(|_| count.add(u64::MAX / 3, &KnownPlace::unknown()));
                (0..n).for_each(|_| total.add(0.1, &KnownPlace::unknown()));
                count.reset();
                total.reset();
                assert_eq!((count.get(), total.get()), (0, 0.0));
            }
            count.add(5, &KnownPlace::unknown());
            assert_eq!(count.get(), 5);
        }
    }

    #[test]
    fn lost_races_are_forgotten_at_each_reading_and_end_in_cells() {
        let count = Count::new(Place::Shared);
        for _ in 0..LOST_RACES {
            count.add_contended(1);
        }
        assert_eq!((count.get(), count.cells()), (8, None));
        for _ in 0..=LOST_RACES {
            assert_eq!(count.cells(), None);
            count.add_contended(1);
        }
        // Another test may hold the room at the moment.
        while count.cells().is_none() {
            count.add_contended(0);
        }
        count.add(3, &KnownPlace::unknown());
        assert_eq!((count.get(), count.shared.get()), (20, 17), "what was added before stays in the word");
    }

    #[test]
    fn no_float_add_is_lost_between_threads() {
        let total = FloatCount::new(Place::Shared);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| total.add(0.5, &KnownPlace::unknown())));
            }
        });
        assert_eq!(total.get(), 20_000.0);
    }
}
