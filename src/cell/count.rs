//! Totals.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::slot::Slots;
use super::thread::KnownPlace;
use super::word::{FloatWord, WholeWord, Word, add_to_own};

/// A total: one shared word, and cells of its own for each thread where the word is fought over.
///
/// What was counted is `shared + cells − base`. Promotion to cells moves nothing, so it needs no handshake; it is not
/// undone. A float total never falls by rounding: every part only grows, parts are added in the same order each
/// time, and rounding keeps order.
#[derive(Debug)]
pub(crate) struct Total<W: Word> {
    shared: W,
    slot: OnceLock<Slots>,
    /// The total when it was last reset.
    base: AtomicU64,
    /// Races for the word that were lost since the last reading.
    lost: AtomicU32,
}

/// Lost races between two readings that make a word worth cells.
pub(crate) const LOST_RACES: u32 = 8;

/// Where a total begins its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In one word, 8 bytes: one of many series, most of them cold.
    Shared,
    /// In cells, 8 bytes a recording thread: one of few.
    Cells,
}

impl<W: Word> Total<W> {
    pub(crate) fn new(place: Place) -> Self {
        let slot = match place {
            Place::Shared => OnceLock::new(),
            Place::Cells => Slots::acquire(1).map_or_else(OnceLock::new, OnceLock::from),
        };
        Total { shared: W::default(), slot, base: AtomicU64::new(0), lost: AtomicU32::new(0) }
    }

    /// Adds. `known` is where a handle remembers this total's cells; it knows nothing yet, or its thread has no block.
    #[inline]
    pub(crate) fn add(&self, amount: W::Amount, known: &KnownPlace) {
        if !known.add_to_mine::<W>(amount) {
            self.add_slow(amount, known);
        }
    }

    #[cold]
    fn add_slow(&self, amount: W::Amount, known: &KnownPlace) {
        let Some(slot) = self.slot.get() else { return self.add_shared(amount) };
        known.set(slot.place());
        match slot.first_of_mine() {
            Some(cell) => add_to_own::<W>(cell, amount),
            None => self.shared.add(amount),
        }
    }

    pub(crate) fn get(&self) -> W::Amount {
        self.lost.store(0, Ordering::Relaxed);
        W::difference(self.raw(), W::amount(self.base.load(Ordering::Relaxed)))
    }

    /// Counts from zero again.
    pub(crate) fn reset(&self) {
        self.base.store(W::bits(self.raw()), Ordering::Relaxed);
    }

    fn raw(&self) -> W::Amount {
        let cells = self.slot.get().into_iter().flat_map(Slots::everybodys).flatten();
        // Relaxed: each cell is a number by itself.
        cells.fold(self.shared.get(), |total, cell| W::sum(total, W::amount(cell.load(Ordering::Relaxed))))
    }

    fn add_shared(&self, amount: W::Amount) {
        if !self.shared.try_add(amount) {
            self.add_contended(amount);
        }
    }

    #[cold]
    fn add_contended(&self, amount: W::Amount) {
        self.shared.add(amount);
        if self.lost.fetch_add(1, Ordering::Relaxed) >= LOST_RACES {
            promote(&self.slot, 1);
        }
    }
}

/// Gives a fought-over number cells. What loses a race for that goes back at once.
pub(crate) fn promote(slot: &OnceLock<Slots>, cells: usize) {
    if slot.get().is_none()
        && let Some(slots) = Slots::try_acquire(cells)
    {
        let _ = slot.set(slots);
    }
}

/// A whole count; wraps at 2^64.
pub(crate) type Count = Total<WholeWord>;
/// A float count; stops at the greatest `f64`.
pub(crate) type FloatCount = Total<FloatWord>;

#[cfg(test)]
mod tests {
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
