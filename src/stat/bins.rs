//! Counts of values in log-linear bins: what quantiles are read from.
//!
//! Each doubling is cut into 64 bins of equal width, so that a bin is at most 1/64 of its values wide and its middle at
//! most 0.8 % from each of them. Negative numbers have bins like positive ones, zero has a bin of its own, numbers below
//! the normal range are doubled into it first. A bin has a *key*; keys rise with the values.
//!
//! Memory is given out a doubling at a time, for the doublings that were touched, and the counts of a doubling are as wide
//! as its largest one needs: one byte up to 255, two up to 65 535, and so on. Latencies spread over three decades (ten
//! doublings) take 900 bytes as long as no bin has more than 255 of them. Sorted pairs of key and count were another
//! choice; they take eight bytes a touched bin. So were bins half as wide: they halve an error that is within 1 % already,
//! and a window of six slots no longer fits into 8 KiB.

use std::fmt;

/// Bins a doubling, and the bits of the mantissa that number them.
const BINS: usize = 1 << BIN_BITS;
const BIN_BITS: u32 = 6;
/// Bits of the mantissa below those: `f64` has 52.
const REST_BITS: u32 = 52 - BIN_BITS;
/// Doublings that bring every number below the normal range into it.
const LIFT: u32 = 54;
/// The key of the least positive number, one doubling above zero's. That number is 2^-1074; lifted it has the exponent
/// field 1023 − 1074 + 54.
const FIRST_KEY: i32 = BINS as i32;
const FIRST_FIELD: i32 = 1023 - 1074 + LIFT as i32;
/// From bins counted from 2^-1023 to keys.
const BELOW_FIRST: i32 = (FIRST_FIELD - LIFT as i32) * BINS as i32 - FIRST_KEY;
/// Places to remember rows in: more than the doublings that most values lie in.
const GUESSES: usize = 32;

/// How many values each bin holds.
#[derive(Clone, Default)]
pub(crate) struct Bins {
    /// The doublings that were touched, in rising order.
    rows: Vec<Row>,
    /// Where the row of a doubling was when it was last looked for, by the low bits of the doubling. May be wrong.
    guesses: [u8; GUESSES],
}

/// The counts of one doubling.
#[derive(Clone)]
struct Row {
    /// Its keys divided by [`BINS`]: at most 2 099 either side of zero, which are 2 098 doublings of `f64` and zero's own.
    doubling: i16,
    counts: Counts,
}

/// Counts as wide as the largest of them needs. With every width in between, those that grow would be copied eight times.
#[derive(Clone)]
enum Counts {
    One(Box<[u8; BINS]>),
    Two(Box<[u16; BINS]>),
    Four(Box<[u32; BINS]>),
    Eight(Box<[u64; BINS]>),
}

impl Bins {
    /// Counts some values that are in one bin.
    #[inline]
    pub(crate) fn add(&mut self, key: i32, count: u64) {
        self.row(key.div_euclid(BINS as i32) as i16).add(key.rem_euclid(BINS as i32) as usize, count);
    }

    /// Counts everything another set holds.
    pub(crate) fn merge(&mut self, other: &Bins) {
        for row in &other.rows {
            let into = self.row(row.doubling);
            let counts = (0..BINS).map(|bin| (bin, row.get(bin))).filter(|(_, count)| *count > 0);
            counts.for_each(|(bin, count)| into.add(bin, count));
        }
    }

    /// The bins that are not empty: key and count, in the order of their values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i32, u64)> + '_ {
        let all = self.rows.iter().flat_map(|row| {
            let first = i32::from(row.doubling) * BINS as i32;
            (0..BINS).map(move |bin| (first + bin as i32, row.get(bin)))
        });
        all.filter(|(_, count)| *count > 0)
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        let counts: usize = self.rows.iter().map(|row| BINS * row.width()).sum();
        self.rows.capacity() * size_of::<Row>() + counts
    }

    /// The row of a doubling, made if it is not there.
    #[inline]
    fn row(&mut self, doubling: i16) -> &mut Row {
        let guess = usize::from(self.guesses[doubling as usize % GUESSES]);
        let right = self.rows.get(guess).is_some_and(|row| row.doubling == doubling);
        let place = if right { guess } else { self.seek(doubling) };
        &mut self.rows[place]
    }

    #[cold]
    fn seek(&mut self, doubling: i16) -> usize {
        let found = self.rows.binary_search_by_key(&doubling, |row| row.doubling);
        let place = found.unwrap_or_else(|place| {
            self.rows.reserve_exact(1);
            self.rows.insert(place, Row { doubling, counts: Counts::One(Box::new([0; BINS])) });
            place
        });
        // Cut short beyond 256 rows, and wrong then; the next value seeks again.
        self.guesses[doubling as usize % GUESSES] = place as u8;
        place
    }
}

impl Row {
    /// Stops at the greatest count.
    #[inline]
    fn add(&mut self, bin: usize, count: u64) {
        while !self.try_add(bin, count) {
            self.widen();
        }
    }

    #[inline]
    fn try_add(&mut self, bin: usize, count: u64) -> bool {
        match &mut self.counts {
            Counts::One(counts) => try_add(&mut counts[bin], count),
            Counts::Two(counts) => try_add(&mut counts[bin], count),
            Counts::Four(counts) => try_add(&mut counts[bin], count),
            Counts::Eight(counts) => try_add(&mut counts[bin], count),
        }
    }

    #[cold]
    fn widen(&mut self) {
        self.counts = match &self.counts {
            Counts::One(counts) => Counts::Two(Box::new(counts.map(u16::from))),
            Counts::Two(counts) => Counts::Four(Box::new(counts.map(u32::from))),
            Counts::Four(counts) => Counts::Eight(Box::new(counts.map(u64::from))),
            Counts::Eight(counts) => Counts::Eight(counts.clone()),
        };
    }

    fn get(&self, bin: usize) -> u64 {
        match &self.counts {
            Counts::One(counts) => counts[bin].into(),
            Counts::Two(counts) => counts[bin].into(),
            Counts::Four(counts) => counts[bin].into(),
            Counts::Eight(counts) => counts[bin],
        }
    }

    #[cfg(test)]
    fn width(&self) -> usize {
        match self.counts {
            Counts::One(_) => 1,
            Counts::Two(_) => 2,
            Counts::Four(_) => 4,
            Counts::Eight(_) => 8,
        }
    }
}

/// Adds where the sum fits.
#[inline]
fn try_add<C: Copy + Into<u64> + TryFrom<u64>>(cell: &mut C, count: u64) -> bool {
    let sum = C::try_from((*cell).into().saturating_add(count));
    sum.map(|sum| *cell = sum).is_ok()
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
#[inline]
pub(crate) fn key(value: f64) -> i32 {
    if !value.is_normal() {
        return key_below_normal(value);
    }
    signed(steps(value.abs()) - BELOW_FIRST, value)
}

#[cold]
fn key_below_normal(value: f64) -> i32 {
    if value == 0.0 { 0 } else { signed(steps(value.abs() * lift()) - lifted_steps() - BELOW_FIRST, value) }
}

/// The key of a value from that of its magnitude.
fn signed(key: i32, value: f64) -> i32 {
    // `!key` is `-key - 1`: a negative doubling begins where its mirror image ends, on a multiple of 64.
    if value.is_sign_negative() { !key } else { key }
}

/// The middle of a bin.
pub(crate) fn middle(key: i32) -> f64 {
    match key {
        i32::MIN..0 => -middle(!key),
        0..FIRST_KEY => 0.0,
        FIRST_KEY.. => {
            let steps = key + BELOW_FIRST;
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
    fn a_doubling_has_64_bins() {
        assert_eq!(key(2.0) - key(1.0), 64);
        assert_eq!(key(-1.0) - key(-2.0), 64);
        assert_eq!(key(1.0).rem_euclid(64), 0);
        assert_eq!(key(-1.0).rem_euclid(64), 63);
    }

    #[test]
    fn counts_widen_where_they_are_large() {
        let mut bins = Bins::default();
        bins.add(7, 255);
        bins.add(300, 1);
        let widths = |bins: &Bins| bins.rows.iter().map(Row::width).collect::<Vec<_>>();
        assert_eq!(widths(&bins), [1, 1]);
        bins.add(7, 1);
        assert_eq!(widths(&bins), [2, 1]);
        bins.add(7, 1 << 40);
        assert_eq!(widths(&bins), [8, 1]);
        assert_eq!(bins.iter().collect::<Vec<_>>(), [(7, (1 << 40) + 256), (300, 1)]);
        bins.add(7, u64::MAX);
        assert_eq!(bins.iter().next(), Some((7, u64::MAX)), "and stop there");
    }

    #[test]
    fn three_decades_take_little_memory() {
        let mut bins = Bins::default();
        (0..640).for_each(|step| bins.add(key(1.0 / 1024.0) + step, 255));
        assert_eq!(bins.heap_bytes(), 10 * (64 + size_of::<Row>()));
    }

    #[test]
    fn rows_that_share_a_guess_and_rows_beyond_all_guesses_are_found() {
        let mut bins = Bins::default();
        let keys: Vec<i32> = (-300..300).map(|doubling| doubling * BINS as i32).collect();
        for _ in 0..3 {
            keys.iter().rev().for_each(|key| bins.add(*key, 1));
        }
        assert_eq!(bins.iter().collect::<Vec<_>>(), keys.iter().map(|key| (*key, 3)).collect::<Vec<_>>());
    }

    fn finite() -> impl Strategy<Value = f64> {
        use prop::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
        NORMAL | SUBNORMAL | ZERO | POSITIVE | NEGATIVE
    }

    proptest! {
        #[test]
        fn the_middle_of_a_bin_is_near_its_values(value in finite()) {
            // Half a bin, and half of the least number, to which tiny middles are rounded.
            let allowed = value.abs() / 128.0 + 5e-324;
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
