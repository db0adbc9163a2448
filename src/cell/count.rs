//! Single numbers.

use std::fmt::Debug;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::slot::Slots;
use super::thread::KnownPlace;

/// A number in one word that amounts are added to by whoever comes.
pub(crate) trait Word: Default + Send + Sync {
    /// What is added.
    type Amount: Copy + Debug;

    fn add(&self, amount: Self::Amount);
    fn get(&self) -> Self::Amount;
    /// Back to zero; what another thread adds meanwhile is either in the answer or stays.
    fn take(&self) -> Self::Amount;

    /// Adds, unless another thread comes between.
    fn try_add(&self, amount: Self::Amount) -> bool;
    /// The bits of a sum, from those of one of its parts.
    fn add_bits(bits: u64, amount: Self::Amount) -> u64;
    /// The bits of a number.
    fn bits(amount: Self::Amount) -> u64;
    /// The number of some bits.
    fn amount(bits: u64) -> Self::Amount;
    fn sum(a: Self::Amount, b: Self::Amount) -> Self::Amount;
    fn difference(a: Self::Amount, b: Self::Amount) -> Self::Amount;
}

/// A whole number; wraps at 2^64.
#[derive(Debug, Default)]
pub(crate) struct WholeWord(AtomicU64);

impl Word for WholeWord {
    type Amount = u64;

    #[inline]
    fn add(&self, n: u64) {
        // Relaxed: the count orders nothing else; a reader needs only some recent total.
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn take(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }

    #[inline]
    fn try_add(&self, n: u64) -> bool {
        try_update(&self.0, |bits| bits.wrapping_add(n))
    }

    #[inline]
    fn add_bits(bits: u64, n: u64) -> u64 {
        bits.wrapping_add(n)
    }

    fn bits(amount: u64) -> u64 {
        amount
    }

    fn amount(bits: u64) -> u64 {
        bits
    }

    fn sum(a: u64, b: u64) -> u64 {
        a.wrapping_add(b)
    }

    fn difference(a: u64, b: u64) -> u64 {
        a.wrapping_sub(b)
    }
}

/// A float, which reads as finite: it stops at the greatest `f64`. In the word it may become infinite, never NaN, since
/// only finite numbers are added; bringing it back at each addition would double the time of an addition.
#[derive(Debug, Default)]
pub(crate) struct FloatWord(AtomicU64);

impl Word for FloatWord {
    type Amount = f64;

    #[inline]
    fn add(&self, amount: f64) {
        debug_assert!(amount.is_finite(), "instruments refuse what is not finite");
        update(&self.0, |total| Self::add_bits(total, amount));
    }

    fn get(&self) -> f64 {
        Self::amount(self.0.load(Ordering::Relaxed))
    }

    fn take(&self) -> f64 {
        Self::amount(self.0.swap(0, Ordering::Relaxed))
    }

    #[inline]
    fn try_add(&self, amount: f64) -> bool {
        try_update(&self.0, |total| Self::add_bits(total, amount))
    }

    #[inline]
    fn add_bits(bits: u64, amount: f64) -> u64 {
        (f64::from_bits(bits) + amount).to_bits()
    }

    fn bits(amount: f64) -> u64 {
        amount.to_bits()
    }

    fn amount(bits: u64) -> f64 {
        f64::from_bits(bits).clamp(f64::MIN, f64::MAX)
    }

    #[inline]
    fn sum(a: f64, b: f64) -> f64 {
        (a + b).clamp(f64::MIN, f64::MAX)
    }

    fn difference(a: f64, b: f64) -> f64 {
        (a - b).clamp(f64::MIN, f64::MAX)
    }
}

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
    if slot.get().is_none() {
        if let Some(slots) = Slots::acquire(cells) {
            let _ = slot.set(slots);
        }
    }
}

/// A whole count; wraps at 2^64.
pub(crate) type Count = Total<WholeWord>;
/// A float count; stops at the greatest `f64`.
pub(crate) type FloatCount = Total<FloatWord>;

/// Adds to a cell that no other thread writes.
#[inline]
pub(crate) fn add_to_own<W: Word>(cell: &AtomicU64, amount: W::Amount) {
    // Relaxed: this thread reads its own store; readers need only some recent number.
    cell.store(W::add_bits(cell.load(Ordering::Relaxed), amount), Ordering::Relaxed);
}

/// A level that is set: any `f64`; 0 before that.
#[derive(Debug)]
pub(crate) struct Level(AtomicU64);

/// A level that was never set: a NaN that no arithmetic gives, so that the first maximum or minimum has nothing to beat.
const UNSET: u64 = 0x7ff8_7461_676d_6574;

impl Level {
    pub(crate) const fn new() -> Self {
        Level(AtomicU64::new(UNSET))
    }

    #[inline]
    pub(crate) fn set(&self, value: f64) {
        // Relaxed, here and below: a level orders nothing else.
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> f64 {
        level_of(self.0.load(Ordering::Relaxed)).unwrap_or(0.0)
    }

    /// Replaces the level by what `change` makes of it, and gives the new one. `None` is a level that was never set.
    pub(crate) fn update(&self, change: impl Fn(Option<f64>) -> f64) -> f64 {
        update(&self.0, |bits| change(level_of(bits)).to_bits())
    }

    pub(crate) fn reset(&self) {
        self.0.store(UNSET, Ordering::Relaxed);
    }
}

fn level_of(bits: u64) -> Option<f64> {
    (bits != UNSET).then(|| f64::from_bits(bits))
}

/// Replaces bits by what `change` makes of them, unless another thread comes between.
#[inline]
fn try_update(bits: &AtomicU64, change: impl Fn(u64) -> u64) -> bool {
    let seen = bits.load(Ordering::Relaxed);
    bits.compare_exchange(seen, change(seen), Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

/// Replaces the bits of a float by what `change` makes of them, whoever else is at it; gives the new float.
#[inline]
fn update(bits: &AtomicU64, change: impl Fn(u64) -> u64) -> f64 {
    let mut seen = bits.load(Ordering::Relaxed);
    loop {
        let next = change(seen);
        match bits.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return f64::from_bits(next),
            Err(current) => seen = current,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_float_total_stops_at_the_greatest_float() {
        let total = FloatCount::new(Place::Shared);
        total.add(f64::MAX);
        total.add(f64::MAX);
        assert_eq!(total.get(), f64::MAX);
        total.add(f64::MIN);
        total.add(f64::MIN);
        total.add(f64::MIN);
        assert_eq!(total.get(), f64::MIN);
    }

    #[test]
    fn a_count_wraps() {
        let count = Count::new(Place::Cells);
        count.add(u64::MAX);
        count.add(3);
        assert_eq!(count.get(), 2);
    }

    #[test]
    fn no_float_add_is_lost_between_threads() {
        let total = FloatCount::new(Place::Shared);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| total.add(0.5)));
            }
        });
        assert_eq!(total.get(), 20_000.0);
    }
}
