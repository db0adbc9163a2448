//! Single words that amounts are added to.

use std::fmt::Debug;

use super::sync::{AtomicU64, Ordering, load_own};

/// A number in one word that amounts are added to by whoever comes.
pub(crate) trait Word: Default + Send + Sync {
    /// What is added.
    type Amount: Copy + Debug + Send + Sync;

    fn add(&self, amount: Self::Amount);
    fn get(&self) -> Self::Amount;
    /// Back to zero. Nobody else may be adding: without that no locked operation is needed.
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
        let total = self.get();
        self.0.store(0, Ordering::Relaxed);
        total
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

/// Where additions of many at once stop: what comes one by one from there needs centuries to the end of a word.
pub(crate) const MANY: u64 = 1 << 63;

/// A count and many more, up to [`MANY`], and never less than one of the two.
pub(crate) fn add_many(count: u64, more: u64) -> u64 {
    count.saturating_add(more).min(MANY).max(count).max(more)
}

impl WholeWord {
    /// Adds as many as there is room for.
    pub(crate) fn add_many(&self, more: u64) {
        let all = |count| Some(add_many(count, more));
        // Relaxed: as with one. It always gives something, so it never fails.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, all);
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
        let total = self.get();
        self.0.store(0, Ordering::Relaxed);
        total
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

/// Replaces bits by what `change` makes of them, unless another thread comes between.
#[inline]
fn try_update(bits: &AtomicU64, change: impl Fn(u64) -> u64) -> bool {
    let seen = bits.load(Ordering::Relaxed);
    bits.compare_exchange(seen, change(seen), Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

/// Replaces the bits of a float by what `change` makes of them, whoever else is at it; gives the new float.
#[inline]
pub(crate) fn update(bits: &AtomicU64, change: impl Fn(u64) -> u64) -> f64 {
    let mut seen = bits.load(Ordering::Relaxed);
    loop {
        let next = change(seen);
        match bits.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return f64::from_bits(next),
            Err(current) => seen = current,
        }
    }
}

/// Adds to a cell that no other thread writes.
#[inline]
pub(crate) fn add_to_own<W: Word>(cell: &AtomicU64, amount: W::Amount) {
    // Relaxed: readers need only some recent number.
    cell.store(W::add_bits(load_own(cell), amount), Ordering::Relaxed);
}
