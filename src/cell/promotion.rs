//! Whether what threads share has cells of its own for each: where, or how often it was fought over. In four bytes.

use std::sync::atomic::{AtomicU32, Ordering};

use super::count::Place;
use super::slot::Slots;
use super::thread::CellPlace;

/// | number | means |
/// |---|---|
/// | below [`CELLS`](super::thread::CELLS) | no cells; so many races were lost since the last reading |
/// | otherwise | the [`CellPlace`] of the first cell; page 0 is nobody's |
///
/// How many cells there are is its owner's to know, and to say each time. Cells, once given, are not taken away.
#[derive(Debug)]
pub(crate) struct Promotion(AtomicU32);

/// Lost races between two readings that make what is shared worth cells.
pub(crate) const LOST_RACES: u32 = 8;

impl Promotion {
    pub(crate) fn new(place: Place, len: usize) -> Self {
        let place = match place {
            Place::Shared | Place::Nowhere => None,
            Place::Cells => Slots::acquire(len).map(Slots::into_place),
        };
        Promotion(AtomicU32::new(place.map_or(0, CellPlace::number)))
    }

    /// Where the cells are.
    pub(crate) fn cells(&self) -> Option<CellPlace> {
        CellPlace::numbered(self.known().number())
    }

    /// Where the cells are; where there are none, a place that is nobody's.
    #[inline]
    pub(crate) fn known(&self) -> CellPlace {
        // Acquire: the page of these cells is there, and what they held for another owner is not.
        CellPlace::of(self.0.load(Ordering::Acquire))
    }

    /// After a lost race: gives cells, if it was one too many.
    #[cold]
    pub(crate) fn lose(&self, len: usize) {
        let lost = self.0.load(Ordering::Relaxed);
        if lost >= LOST_RACES {
            return self.give(len);
        }
        // Fails where another race was lost at this moment: one of the two counts.
        let _ = self.0.compare_exchange(lost, lost + 1, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Counts lost races from zero.
    pub(crate) fn forget_races(&self) {
        let lost = self.0.load(Ordering::Relaxed);
        if lost != 0 && CellPlace::numbered(lost).is_none() {
            // Fails where a race was lost, or cells were given, at this moment: the next reading is soon enough.
            let _ = self.0.compare_exchange(lost, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Gives it cells, if it has none and nobody else is at it. What loses a race for that goes back at once.
    pub(crate) fn give(&self, len: usize) {
        let lost = self.0.load(Ordering::Relaxed);
        if CellPlace::numbered(lost).is_some() {
            return;
        }
        let Some(place) = Slots::try_acquire(len).map(Slots::into_place) else { return };
        // Release: see `known`.
        let given = self.0.compare_exchange(lost, place.number(), Ordering::Release, Ordering::Relaxed);
        if given.is_err() {
            drop(Slots::from_place(place, len));
        }
    }

    /// Takes the cells back, as many as were given. Nobody records any more.
    pub(crate) fn end(&mut self, len: usize) {
        let number = std::mem::take(self.0.get_mut());
        if let Some(place) = CellPlace::numbered(number) {
            drop(Slots::from_place(place, len));
        }
    }
}
