//! How long to wait before something is tried again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::nanos;

/// The longest wait before the first retry; each further one may be twice as long. As Apptuit's own client has it.
const FIRST_WAIT: Duration = Duration::from_secs(4);
/// The longest wait before any retry.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Waits before retries.
///
/// Full jitter: a wait is any time up to a bound that doubles (4, 8, 16, then 30 seconds), so that those who failed together
/// do not come back together.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    chance: Chance,
    waits: u32,
}

impl Backoff {
    pub(crate) fn new(chance: Chance) -> Self {
        Backoff { chance, waits: 0 }
    }

    /// Waits are short again.
    pub(crate) fn begin(&mut self) {
        self.waits = 0;
    }

    /// The wait before the next retry.
    pub(crate) fn next(&mut self) -> Duration {
        let bound = FIRST_WAIT.saturating_mul(1 << self.waits.min(8)).min(LONGEST_WAIT);
        self.waits = self.waits.saturating_add(1);
        self.chance.up_to(bound)
    }
}

/// Random numbers that need not be good: SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The same seed gives the same numbers.
    #[cfg(test)]
    pub(crate) fn seeded(seed: u64) -> Self {
        Chance(seed)
    }

    /// Numbers of its own, also among processes that start at the same time.
    pub(crate) fn new() -> Self {
        Chance(RandomState::new().hash_one(std::process::id()))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Any time below the bound.
    pub(crate) fn up_to(&mut self, bound: Duration) -> Duration {
        let nanos = nanos::of(bound);
        let share = (u128::from(self.next()) * u128::from(nanos)) >> 64;
        Duration::from_nanos(u64::try_from(share).unwrap_or(u64::MAX))
    }
}
