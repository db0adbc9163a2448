//! Counts of values in log-linear bins: what quantiles are read from.
//!
//! Each doubling is cut into 128 bins of equal width, so that a bin is at most 1/128 of its values wide and its middle at
//! most 0.4 % from each of them. Negative numbers have bins like positive ones, zero has a bin of its own, numbers below
//! the normal range are doubled into it first. A bin has a *key*; keys rise with the values.
//!
//! Memory is given out a doubling at a time, for the doublings that were touched, and the cells of a set are as wide as
//! its largest count needs: one byte up to 255, two up to 65 535, and so on. Latencies spread over three decades (ten
//! doublings) take 1 300 bytes as long as no bin has more than 255 of them. Sorted pairs of key and count were the other
//! choice; they take eight bytes a touched bin, six times as much when the bins are in use.

use std::fmt;

/// Bins a doubling, and the bits of the mantissa that number them.
const BINS: usize = 1 << BIN_BITS;
const BIN_BITS: u32 = 7;
/// Bits of the mantissa below those: `f64` has 52.
const REST_BITS: u32 = 52 - BIN_BITS;
/// Doublings that bring every number below the normal range into it.
const LIFT: u32 = 54;
/// The key of the least positive number, one doubling above zero's. That number is 2^-1074; lifted it has the exponent
/// field 1023 − 1074 + 54.
const FIRST_KEY: i32 = BINS as i32;
const FIRST_FIELD: i32 = 1023 - 1074 + LIFT as i32;

/// How many values each bin holds.
#[derive(Clone, Default)]
pub(crate) struct Bins {
    /// The doublings that have cells, in rising order: keys divided by 128.
    doublings: Vec<i16>,
    /// 128 cells a doubling in the same order, little-endian, `width` bytes each.
    cells: Vec<u8>,
    width: usize,
}

impl Bins {
    /// Counts some values that are in one bin.
    pub(crate) fn add(&mut self, key: i32, count: u64) {
        let cell = self.cell(key);
        self.add_to(cell, count);
    }

    /// Counts everything another set holds.
    pub(crate) fn merge(&mut self, other: &Bins) {
        for (row, doubling) in other.doublings.iter().enumerate() {
            let first = self.cell(i32::from(*doubling) * BINS as i32);
            let counts = (0..BINS).map(|bin| other.get(row * BINS + bin)).enumerate();
            counts.filter(|(_, count)| *count > 0).for_each(|(bin, count)| self.add_to(first + bin, count));
        }
    }

    /// The bins that are not empty: key and count, in the order of their values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i32, u64)> + '_ {
        let keys = self.doublings.iter().flat_map(|doubling| {
            let first = i32::from(*doubling) * BINS as i32;
            first..first + BINS as i32
        });
        keys.enumerate().map(|(cell, key)| (key, self.get(cell))).filter(|(_, count)| *count > 0)
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        self.cells.capacity() + self.doublings.capacity() * size_of::<i16>()
    }

    fn add_to(&mut self, cell: usize, count: u64) {
        let sum = self.get(cell).saturating_add(count);
        if bytes_for(sum) > self.width {
            self.widen(bytes_for(sum));
        }
        self.set(cell, sum);
    }

    /// The number of a bin's cell, made if it is not there.
    fn cell(&mut self, key: i32) -> usize {
        // At most 2 099 either side of zero: 2 098 doublings of `f64` and zero's own.
        let doubling = key.div_euclid(BINS as i32) as i16;
        let row =
            self.doublings.binary_search(&doubling).unwrap_or_else(|row| self.insert_row(row, doubling));
        row * BINS + key.rem_euclid(BINS as i32) as usize
    }

    #[cold]
    fn insert_row(&mut self, row: usize, doubling: i16) -> usize {
        self.width = self.width.max(1);
        self.doublings.reserve_exact(1);
        self.doublings.insert(row, doubling);
        let bytes = BINS * self.width;
        self.cells.reserve_exact(bytes);
        self.cells.splice(row * bytes..row * bytes, std::iter::repeat_n(0, bytes));
        row
    }

    #[cold]
    fn widen(&mut self, width: usize) {
        let old = std::mem::take(self);
        let mut cells = vec![0; old.doublings.len() * BINS * width];
        for (wide, narrow) in cells.chunks_exact_mut(width).zip(old.cells.chunks_exact(old.width.max(1))) {
            wide.iter_mut().zip(narrow).for_each(|(to, from)| *to = *from);
        }
        *self = Bins { doublings: old.doublings, cells, width };
    }

    fn get(&self, cell: usize) -> u64 {
        let bytes = self.cells.iter().skip(cell * self.width).take(self.width);
        bytes.rev().fold(0, |count, byte| count << 8 | u64::from(*byte))
    }

    fn set(&mut self, cell: usize, count: u64) {
        let bytes = self.cells.iter_mut().skip(cell * self.width).take(self.width);
        bytes.zip(count.to_le_bytes()).for_each(|(cell, byte)| *cell = byte);
    }
}

/// Equal when the same bins hold the same counts, however wide their cells are.
impl PartialEq for Bins {
    fn eq(&self, other: &Bins) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for Bins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(key, count)| (middle(key), count))).finish()
    }
}

/// The key of the bin of a finite number.
pub(crate) fn key(value: f64) -> i32 {
    let magnitude = value.abs();
    if magnitude == 0.0 {
        return 0;
    }
    let steps =
        if magnitude.is_normal() { steps(magnitude) } else { steps(magnitude * lift()) - lifted_steps() };
    let key = steps - (FIRST_FIELD - LIFT as i32) * BINS as i32 + FIRST_KEY;
    // `!key` is `-key - 1`: a negative doubling begins where its mirror image ends, on a multiple of 128.
    if value < 0.0 { !key } else { key }
}

/// The middle of a bin.
pub(crate) fn middle(key: i32) -> f64 {
    match key {
        i32::MIN..0 => -middle(!key),
        0..FIRST_KEY => 0.0,
        FIRST_KEY.. => {
            let steps = key - FIRST_KEY + (FIRST_FIELD - LIFT as i32) * BINS as i32;
            if steps >= BINS as i32 { at(steps) } else { at(steps + lifted_steps()) / lift() }
        }
    }
}

/// The bits of a positive normal number down to those that number the bin: bins counted from 2^-1023.
fn steps(value: f64) -> i32 {
    (value.to_bits() >> REST_BITS) as i32
}

/// The number in the middle of a bin of normal numbers: its bits with the first of those below set.
fn at(steps: i32) -> f64 {
    f64::from_bits((steps as u64) << REST_BITS | 1 << (REST_BITS - 1))
}

fn lift() -> f64 {
    (1_u64 << LIFT) as f64
}

fn lifted_steps() -> i32 {
    LIFT as i32 * BINS as i32
}

fn bytes_for(count: u64) -> usize {
    // Widths of 1, 2, 4 and 8 bytes: with every width in between, a set that fills would be copied eight times.
    (64 - count.leading_zeros() as usize).div_ceil(8).max(1).next_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn zero_and_the_ends_of_the_range_have_bins() {
        assert_eq!(middle(key(0.0)), 0.0);
        assert_eq!(key(-0.0), key(0.0));
        assert_eq!(key(5e-324), FIRST_KEY);
        assert_eq!(middle(key(5e-324)), 5e-324);
        assert_eq!(middle(key(-5e-324)), -5e-324);
        assert!(middle(key(f64::MAX)).is_finite());
        assert_eq!(key(f64::MIN_POSITIVE), key(f64::MIN_POSITIVE.next_down()) + 1);
    }

    #[test]
    fn a_doubling_has_128_bins() {
        assert_eq!(key(2.0) - key(1.0), 128);
        assert_eq!(key(-1.0) - key(-2.0), 128);
        assert_eq!(key(1.0).rem_euclid(128), 0);
        assert_eq!(key(-1.0).rem_euclid(128), 127);
    }

    #[test]
    fn cells_widen_with_their_counts() {
        let mut bins = Bins::default();
        bins.add(7, 255);
        bins.add(300, 1);
        assert_eq!(bins.width, 1);
        bins.add(7, 1);
        assert_eq!(bins.width, 2);
        bins.add(7, 1 << 40);
        assert_eq!(bins.iter().collect::<Vec<_>>(), [(7, (1 << 40) + 256), (300, 1)]);
        bins.add(7, u64::MAX);
        assert_eq!(bins.iter().next(), Some((7, u64::MAX)));
    }

    #[test]
    fn three_decades_take_little_memory() {
        let mut bins = Bins::default();
        (0..1280).for_each(|step| bins.add(key(1.0 / 1024.0) + step, 255));
        assert_eq!(bins.heap_bytes(), 10 * (128 + size_of::<i16>()));
    }

    fn finite() -> impl Strategy<Value = f64> {
        use prop::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
        NORMAL | SUBNORMAL | ZERO | POSITIVE | NEGATIVE
    }

    proptest! {
        #[test]
        fn the_middle_of_a_bin_is_near_its_values(value in finite()) {
            // Half a bin, and half of the least number, to which tiny middles are rounded.
            let allowed = value.abs() / 256.0 + 5e-324;
            prop_assert!((middle(key(value)) - value).abs() <= allowed);
        }

        #[test]
        fn keys_and_middles_rise_with_the_values(a in finite(), b in finite()) {
            let (low, high) = if a <= b { (a, b) } else { (b, a) };
            prop_assert!(key(low) <= key(high));
            prop_assert!(middle(key(low)) <= middle(key(high)));
        }

        #[test]
        fn bins_count_like_a_map(adds in prop::collection::vec((-1000_i32..1000, 0_u64..100_000), 0..200)) {
            let (mut bins, mut map) = (Bins::default(), BTreeMap::new());
            for (key, count) in adds.into_iter().filter(|(_, count)| *count > 0) {
                bins.add(key, count);
                *map.entry(key).or_insert(0) += count;
            }
            prop_assert_eq!(bins.iter().collect::<Vec<_>>(), map.into_iter().collect::<Vec<_>>());
        }
    }
}
