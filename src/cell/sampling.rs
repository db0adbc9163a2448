//! Which of many calls are measured: one in so many, at places that nobody can foretell.
//!
//! A thread's calls are cut into *blocks* of `one_in`, and in each block one call is drawn, all of them alike, by a draw of
//! the block's own. So every call is drawn with probability `1 / one_in`, whatever rhythm the work has: neither the first
//! calls nor every hundredth is drawn more often than others. What counts `one_in` times for each call that is drawn has
//! the right expectation (D. G. Horvitz and D. J. Thompson, A generalization of sampling without replacement from a finite
//! universe, 1952), and the count itself is right with every block that ends (a sample of one from each stratum:
//! W. G. Cochran, Sampling Techniques, chapter 5).
//!
//! Drawn by the toss of a coin for each call, the count would be wrong by `sqrt(one_in × calls)`; every 32nd call would
//! meet the same one of 32 tenants each time. Both were considered. A count that is exact could not be the sum of the
//! buckets.
//!
//! A thread's cells are `[left, rest, random]`, which it alone writes: calls up to the next that is drawn, itself included;
//! calls of that one's block after it; the generator's state. All zero in the beginning. Threads without cells toss
//! the coin.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use super::slot::{OwnCells, Slots};
use super::sync::load_own;

/// A choice of calls, made by each thread for itself.
#[derive(Debug)]
pub(crate) struct Sampling {
    one_in: u64,
    /// `None` where there was no room.
    slots: Option<Slots>,
    /// The generator of threads without cells.
    random: AtomicU64,
}

/// Cells of a thread.
const CELLS: usize = 3;

impl Sampling {
    /// One in so many; zero is as one: all of them.
    pub(crate) fn new(one_in: u32) -> Self {
        Sampling {
            one_in: u64::from(one_in.max(1)),
            slots: Slots::acquire(CELLS),
            random: AtomicU64::new(seed()),
        }
    }

    pub(crate) fn one_in(&self) -> u64 {
        self.one_in
    }

    /// Counts a call, and tells whether it is one to measure.
    #[inline]
    pub(crate) fn draws(&self) -> bool {
        match self.slots.as_ref().and_then(|slots| OwnCells::near(slots.place())) {
            Some(cells) => draws(|place| cells.at(place), self.one_in),
            None => self.draws_far(),
        }
    }

    #[cold]
    fn draws_far(&self) -> bool {
        match self.slots.as_ref().and_then(|slots| OwnCells::mine(slots.place())) {
            Some(cells) => draws(|place| cells.at(place), self.one_in),
            // Relaxed: the number is all that is taken.
            None => below(self.random.fetch_add(STEP, Ordering::Relaxed), self.one_in) == 0,
        }
    }
}

/// Counts a call in this thread's cells, and tells whether it is drawn.
#[inline]
fn draws<'a>(cell: impl Fn(usize) -> &'a AtomicU64, one_in: u64) -> bool {
    let left = load_own(cell(0));
    if left > 1 {
        cell(0).store(left - 1, Ordering::Relaxed);
        return false;
    }
    draws_slow(cell, one_in, left)
}

#[cold]
fn draws_slow<'a>(cell: impl Fn(usize) -> &'a AtomicU64, one_in: u64, left: u64) -> bool {
    begin_block(&cell, one_in);
    // In the beginning there was no block, and this call is the first of one.
    left == 1 || draws(cell, one_in)
}

/// Draws a call of the next block.
fn begin_block<'a>(cell: impl Fn(usize) -> &'a AtomicU64, one_in: u64) {
    let random = match load_own(cell(2)) {
        0 => seed(),
        random => random.wrapping_add(STEP),
    };
    let before = below(random, one_in);
    let next = [load_own(cell(1)) + before + 1, one_in - 1 - before, random];
    // Relaxed: nobody else looks at them.
    next.into_iter().enumerate().for_each(|(place, value)| cell(place).store(value, Ordering::Relaxed));
}

/// What no other program and no other thread begins with.
fn seed() -> u64 {
    // The standard library's hasher is keyed by the operating system's random numbers, each one differently.
    RandomState::new().build_hasher().finish()
}

/// The step of the generator SplitMix64 (G. L. Steele, D. Lea and C. H. Flood, Fast splittable pseudorandom number
/// generators, 2014), as its other constants.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A number below `end`, of the generator's state: all of them alike, but for one part in `2^64 / end`.
fn below(state: u64, end: u64) -> u64 {
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let random = mixed ^ (mixed >> 31);
    ((u128::from(random) * u128::from(end)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thread's cells, with a generator that begins here.
    fn cells(seed: u64) -> [AtomicU64; CELLS] {
        [0, 0, seed].map(AtomicU64::new)
    }

    fn drawn(cells: &[AtomicU64; CELLS], one_in: u64, calls: usize) -> Vec<bool> {
        (0..calls).map(|_| draws(|place| &cells[place], one_in)).collect()
    }

    #[test]
    fn of_each_block_of_calls_one_is_drawn() {
        for one_in in [1, 2, 7, 32] {
            let drawn = drawn(&cells(5), one_in as u64, 100 * one_in);
            assert!(drawn.chunks(one_in).all(|block| block.iter().filter(|drawn| **drawn).count() == 1));
        }
    }

    #[test]
    fn every_call_is_drawn_as_often_as_any_other_whatever_the_rhythm() {
        const BLOCKS: usize = 100_000;
        const ONE_IN: usize = 32;
        let drawn = drawn(&cells(1), ONE_IN as u64, BLOCKS * ONE_IN);
        for period in [2, 3, 31, 32, 33, 64, 100] {
            for phase in 0..period {
                let of_phase = drawn.iter().skip(phase).step_by(period);
                let (calls, times) =
                    of_phase.fold((0, 0), |(calls, times), is| (calls + 1, times + u32::from(*is)));
                let expected = f64::from(calls) / ONE_IN as f64;
                // Six standard deviations of a coin's tosses; the draw is the same in each run.
                let error = (f64::from(times) - expected).abs();
                assert!(error < 6.0 * expected.sqrt(), "{times} of {expected} at {phase} of {period}");
            }
        }
    }

    #[test]
    fn threads_without_cells_draw_one_in_as_many() {
        let drawn = (0..320_000_u64).filter(|n| below(n.wrapping_mul(STEP), 32) == 0).count();
        assert!(drawn.abs_diff(10_000) < 600, "{drawn}");
    }

    #[test]
    fn threads_begin_at_places_of_their_own() {
        let sampling = Sampling::new(1 << 20);
        let first_drawn = || (0..1 << 21).position(|_| sampling.draws());
        let places: Vec<_> =
            (0..3).map(|_| std::thread::scope(|scope| scope.spawn(first_drawn).join().unwrap())).collect();
        assert!(places.iter().any(|place| *place != places[0]), "{places:?}");
    }
}
