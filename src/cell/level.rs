//! Levels that are set.

use std::sync::atomic::{AtomicU64, Ordering};

use super::word::update;

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
