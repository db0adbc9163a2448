//! Single numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that amounts are added to.
pub(crate) trait Total: Default + Send + Sync {
    /// What is added.
    type Amount: Copy;

    fn add(&self, amount: Self::Amount);
    fn get(&self) -> Self::Amount;
    /// Back to zero; what another thread adds meanwhile is either in the answer or stays.
    fn take(&self) -> Self::Amount;
}

/// A whole count; wraps at 2^64.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Total for Count {
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
}

/// A float total. Stays finite: it stops at the greatest `f64`.
#[derive(Debug, Default)]
pub(crate) struct FloatCount(AtomicU64);

impl Total for FloatCount {
    type Amount = f64;

    #[inline]
    fn add(&self, amount: f64) {
        debug_assert!(amount.is_finite(), "instruments refuse what is not finite");
        update(&self.0, |total| (f64::from_bits(total) + amount).clamp(f64::MIN, f64::MAX).to_bits());
    }

    fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    fn take(&self) -> f64 {
        f64::from_bits(self.0.swap(0, Ordering::Relaxed))
    }
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
        let total = FloatCount::default();
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
        let count = Count::default();
        count.add(u64::MAX);
        count.add(3);
        assert_eq!(count.get(), 2);
    }

    #[test]
    fn no_float_add_is_lost_between_threads() {
        let total = FloatCount::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| total.add(0.5)));
            }
        });
        assert_eq!(total.get(), 20_000.0);
    }
}
