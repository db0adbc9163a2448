//! Which bound of a sorted row a number falls under, with one look into a table and usually one comparison.
//!
//! The bits of a number that is not negative, read as an integer, rise with it; so do their topmost bits alone, the
//! exponent and the first bits of the mantissa. They are the number's *cell*. A table says for each cell how many bounds
//! lie in cells before it, and what is left is to compare with the bounds of the cell itself. Mantissa bits are added
//! until no two bounds share a cell, or the table is full ([`MAX_CELLS`]). Then, for all numbers alike, the crowded cells
//! take a binary search, as deep as the fullest cell asks: all bounds in one cell would be a plain binary search. The
//! number of comparisons depends on the bounds alone, so unpredictable numbers cost no mispredicted branches.
//!
//! Octaves suit bounds that grow by factors. For bounds at equal distances, and those on both sides of zero, numbers are
//! first moved by an *origin*, to where one octave spans all bounds: there cells are equally wide. Both ways are tried
//! and the one with fewer comparisons is taken, then the one with fewer cells.
//!
//! Most rows are short and need one comparison: those are kept in arrays of fixed length ([`Direct`]), where no step has to
//! be checked and nothing is a pointer away.
//!
//! Why the answer is exact although the way to a cell rounds: every step of that way (clamping, the difference, its bits,
//! the shift) never puts a greater number before a smaller one. So a bound in a cell before the number's is below the
//! number, and a bound in a cell after it is above. The bounds in its own cell are compared with the number itself.

use std::hint::select_unpredictable;

/// Most cells of a table, so at most 4 KiB. `f64` has 2048 exponents without sign, so whole octaves always fit.
const MAX_CELLS: usize = 2048;
/// Bits of the mantissa of `f64`.
const MANTISSA_BITS: u32 = 52;
/// More bits than these cut one octave into more cells than there may be.
const MAX_CELL_BITS: u32 = MAX_CELLS.ilog2();

/// Bounds with the table that finds them.
pub(crate) struct Search {
    /// Instead of all below, where the bounds are fit for it.
    direct: Option<Direct>,
    /// Rising, finite, at least one.
    bounds: Box<[f64]>,
    /// The number after the last bound: what is above that bound, and NaN, is looked up as this.
    beyond: f64,
    cells: Cells,
    /// Where the search of a cell begins: the number of bounds in cells before it, but never so far that fewer than
    /// `crowd` bounds follow.
    starts: Box<[u16]>,
    /// Bounds in the fullest cell.
    crowd: usize,
}

impl Search {
    /// `bounds` are finite and rising; there is at least one, and a `u16` counts them.
    pub(crate) fn new(bounds: Box<[f64]>) -> Self {
        Search::by(Cells::fitting(&bounds), bounds)
    }

    fn by(cells: Cells, bounds: Box<[f64]>) -> Self {
        let crowd = cells.crowd(&bounds);
        let starts = cells.starts(&bounds, bounds.len().saturating_sub(crowd));
        let direct = Direct::new(&bounds, cells, crowd, &starts);
        // One of the two is enough.
        let starts = if direct.is_some() { Box::default() } else { starts };
        Search { direct, beyond: beyond(&bounds), bounds, cells, starts, crowd }
    }

    pub(crate) fn bounds(&self) -> &[f64] {
        &self.bounds
    }

    /// How many bounds are below a number; all, if it is NaN.
    #[inline]
    pub(crate) fn index_of(&self, value: f64) -> usize {
        self.direct(value).unwrap_or_else(|| self.among_many(value))
    }

    /// The same, where it takes one comparison.
    #[inline]
    pub(crate) fn direct(&self, value: f64) -> Option<usize> {
        self.direct.as_ref().map(|direct| direct.index_of(value))
    }

    fn among_many(&self, value: f64) -> usize {
        let value = if value < self.beyond { value } else { self.beyond };
        let mut index = self.start(value);
        let mut left = self.crowd;
        while left > 1 {
            let half = left / 2;
            index = select_unpredictable(self.is_below(index + half, value), index + half, index);
            left -= half;
        }
        index + usize::from(self.is_below(index, value))
    }

    fn start(&self, value: f64) -> usize {
        // There is a start for every cell. Were there none, a search from the first bound would still be in range.
        self.starts.get(self.cells.cell_of(value)).map_or(0, |start| usize::from(*start))
    }

    fn is_below(&self, index: usize, value: f64) -> bool {
        // There is a bound at every index that a search comes by. Looked up apart from the comparison, which then is data
        // and not a branch.
        self.bounds.get(index).copied().unwrap_or(f64::INFINITY) < value
    }
}

/// A row of few bounds, at least one, no two of which share a cell.
struct Direct {
    beyond: f64,
    floor: f64,
    origin: f64,
    shift: u32,
    /// The start of a cell, found by the last bits of its number.
    starts: [u8; DIRECT_CELLS],
    /// Followed by infinities.
    bounds: [f64; DIRECT_BOUNDS],
}

/// Room of a [`Direct`]: the usual rows of bounds fit, as the tests show. Powers of two, so that remainders are cheap.
const DIRECT_CELLS: usize = 128;
const DIRECT_BOUNDS: usize = 64;

impl Direct {
    fn new(bounds: &[f64], cells: Cells, crowd: usize, starts: &[u16]) -> Option<Self> {
        let few = 1..=DIRECT_BOUNDS;
        if crowd > 1 || !few.contains(&bounds.len()) || starts.len() > DIRECT_CELLS {
            return None;
        }
        let Cells { floor, origin, shift, first } = cells;
        let mut direct = Direct {
            beyond: beyond(bounds),
            floor,
            origin,
            shift,
            starts: [0; DIRECT_CELLS],
            bounds: [f64::INFINITY; DIRECT_BOUNDS],
        };
        direct.bounds[..bounds.len()].copy_from_slice(bounds);
        for (cell, start) in starts.iter().enumerate() {
            direct.starts[(first as usize + cell) % DIRECT_CELLS] = *start as u8;
        }
        Some(direct)
    }

    #[inline]
    fn index_of(&self, value: f64) -> usize {
        let within = if value < self.beyond { value } else { self.beyond };
        let within = if within > self.floor { within } else { self.floor };
        let cell = (within - self.origin).to_bits() >> self.shift;
        let start = usize::from(self.starts[cell as usize % DIRECT_CELLS]);
        // Remainders instead of checks: the cell is one of at most as many in a row, and starts are numbers of bounds.
        let bound = self.bounds[start % DIRECT_BOUNDS];
        #[expect(clippy::neg_cmp_op_on_partial_ord, reason = "NaN is above all bounds")]
        let is_above = !(bound >= value);
        start + usize::from(is_above)
    }
}

/// The way from numbers to cells.
#[derive(Clone, Copy)]
struct Cells {
    /// Numbers up to here share the first cell.
    floor: f64,
    /// Not above `floor`, so that differences are not negative.
    origin: f64,
    /// Bits below those that make a cell.
    shift: u32,
    /// The topmost bits of the first cell.
    first: u64,
}

impl Cells {
    fn new(origin: f64, floor: f64, shift: u32) -> Self {
        Cells { floor, origin, shift, first: (floor - origin).to_bits() >> shift }
    }

    /// One cell for all numbers.
    fn one() -> Self {
        Cells::new(0.0, 0.0, u64::BITS - 1)
    }

    /// Cells of which few comparisons are left, or else few cells.
    fn fitting(bounds: &[f64]) -> Self {
        let shifts = (0..=MAX_CELL_BITS).map(|bits| MANTISSA_BITS - bits);
        shifts
            .flat_map(|shift| [Cells::by_factor(bounds, shift), Cells::by_distance(bounds, shift)])
            .flatten()
            .chain([Cells::one()])
            .filter(|cells| cells.count(bounds) <= MAX_CELLS)
            .min_by_key(|cells| (halvings(cells.crowd(bounds)), cells.count(bounds)))
            .unwrap_or_else(Cells::one)
    }

    /// Cells for positive bounds; the first holds everything before the cell of the least of these.
    fn by_factor(bounds: &[f64], shift: u32) -> Option<Self> {
        let least = bounds.iter().find(|bound| **bound > 0.0)?;
        let bottom = least.to_bits() >> shift << shift;
        Some(Cells::new(0.0, f64::from_bits(bottom.saturating_sub(1)), shift))
    }

    /// Cells of equal width: bounds moved to where one octave is at least as wide as all of them.
    fn by_distance(bounds: &[f64], shift: u32) -> Option<Self> {
        let (least, last) = (*bounds.first()?, *bounds.last()?);
        let width = power_of_two_from(last - least);
        let origin = least - width;
        (width.is_finite() && origin.is_finite()).then(|| Cells::new(origin, least, shift))
    }

    /// The cell of a number that is not NaN.
    #[inline]
    fn cell_of(&self, value: f64) -> usize {
        let value = if value > self.floor { value } else { self.floor };
        (((value - self.origin).to_bits() >> self.shift) - self.first) as usize
    }

    fn count(&self, bounds: &[f64]) -> usize {
        self.cell_of(beyond(bounds)) + 1
    }

    fn crowd(&self, bounds: &[f64]) -> usize {
        bounds.chunk_by(|a, b| self.cell_of(*a) == self.cell_of(*b)).map(<[f64]>::len).max().unwrap_or(0)
    }

    fn starts(&self, bounds: &[f64], last: usize) -> Box<[u16]> {
        let start = |cell| bounds.partition_point(|bound| self.cell_of(*bound) < cell).min(last);
        (0..self.count(bounds)).map(|cell| start(cell) as u16).collect()
    }
}

fn beyond(bounds: &[f64]) -> f64 {
    bounds.last().map_or(f64::INFINITY, |last| last.next_up())
}

/// Halvings until one bound of a crowd is left. The comparison with that one always follows.
fn halvings(crowd: usize) -> u32 {
    crowd.next_power_of_two().ilog2()
}

/// The least power of two, of those `f64` has in its normal range, that is not below a positive number.
fn power_of_two_from(number: f64) -> f64 {
    let mantissa = (1 << MANTISSA_BITS) - 1;
    f64::from_bits((number.to_bits() + mantissa) & !mantissa)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn search(bounds: &[f64]) -> Search {
        Search::new(bounds.into())
    }

    fn bytes(search: &Search) -> usize {
        size_of::<Search>() + size_of_val(&*search.bounds) + size_of_val(&*search.starts)
    }

    fn naive(bounds: &[f64], value: f64) -> usize {
        bounds.iter().position(|bound| value <= *bound).unwrap_or(bounds.len())
    }

    /// Every bound and its neighbours, and the ends of all classes of `f64`.
    fn corners(bounds: &[f64]) -> impl Iterator<Item = f64> {
        let ends = [0.0, f64::MIN_POSITIVE, f64::MAX, f64::INFINITY, f64::NAN];
        let ends = ends.into_iter().chain([5e-324, f64::MIN_POSITIVE.next_down(), 1.0]);
        let near = bounds.iter().flat_map(|bound| [bound.next_down(), *bound, bound.next_up(), -bound]);
        near.chain(ends.flat_map(|end| [end, -end]))
    }

    fn assert_exact(bounds: &[f64]) {
        let search = search(bounds);
        for value in corners(bounds) {
            assert_eq!(search.index_of(value), naive(bounds, value), "{value:e} among {bounds:?}");
        }
    }

    fn rising(mut bounds: Vec<f64>) -> Vec<f64> {
        bounds.iter_mut().for_each(|bound| *bound += 0.0);
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        bounds
    }

    fn latencies() -> Vec<f64> {
        crate::stat::Buckets::default().bounds().to_vec()
    }

    fn row(count: usize, bound: impl Fn(f64) -> f64) -> Vec<f64> {
        (0..count).map(|i| bound(i as f64)).collect()
    }

    #[test]
    fn usual_bounds_take_one_comparison_and_little_memory() {
        let usual = [
            latencies(),
            row(20, |i| 2_f64.powf(i)),
            row(12, |i| 0.001 * 4_f64.powf(i)),
            row(50, |i| i),
            row(41, |i| i - 20.0),
            vec![0.0, 1.0, 2.0, 5.0, 10.0, 100.0, 1000.0],
            vec![-1.0],
        ];
        for bounds in usual {
            let search = search(&bounds);
            assert!(search.direct.is_some(), "{bounds:?}");
            assert_exact(&bounds);
        }
        assert!(bytes(&search(&latencies())) <= 1024, "{}", bytes(&search(&latencies())));
    }

    #[test]
    fn no_table_is_larger_than_four_kibibytes() {
        let neighbours = |first: f64| std::iter::successors(Some(first), |bound| Some(bound.next_up()));
        let hard = [
            row(1024, |i| i),
            row(1024, |i| i * 0.1 - 40.0),
            row(1024, |i| (i - 512.0).powi(3)),
            row(1024, |i| 1.0001_f64.powf(i)),
            row(1024, |i| 5e-324 * i),
            row(1024, |i| 5e-324 * i.exp2()),
            vec![5e-324, f64::MAX],
            vec![-f64::MAX, f64::MAX],
            vec![f64::MAX.next_down(), f64::MAX],
            vec![-f64::MAX, -f64::MAX / 2.0],
            neighbours(1.0).take(1024).collect(),
            neighbours(1.0).take(500).chain(neighbours(1e9).take(524)).collect(),
        ];
        for bounds in hard {
            let search = search(&bounds);
            assert!(size_of_val(&*search.starts) <= 4096, "{} cells", search.starts.len());
            assert_exact(&bounds);
        }
    }

    #[test]
    fn bounds_at_equal_distances_need_two_comparisons_at_most() {
        assert!(halvings(search(&row(1024, |i| i)).crowd) <= 1);
        assert!(halvings(search(&row(1024, |i| i * 0.1 - 40.0)).crowd) <= 1);
    }

    fn any_finite() -> impl Strategy<Value = f64> {
        use prop::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
        NORMAL | SUBNORMAL | ZERO | POSITIVE | NEGATIVE
    }

    /// Numbers of the same size, so that many share a cell: a few bits of mantissa, high or low.
    fn alike() -> impl Strategy<Value = f64> {
        let bits = (0_u64..64, prop::sample::select(vec![0, 20, 46]), any::<bool>());
        bits.prop_map(|(bits, place, negative)| {
            let number = f64::from_bits(1.0_f64.to_bits() + (bits << place));
            if negative { -number } else { number }
        })
    }

    fn any_bounds() -> impl Strategy<Value = Vec<f64>> {
        let scattered = prop::collection::vec(any_finite(), 1..40);
        let crowded = prop::collection::vec(alike(), 1..100);
        let decimal = prop::collection::vec((-1000..1000).prop_map(|i| f64::from(i) / 8.0), 1..200);
        prop_oneof![scattered, crowded, decimal].prop_map(rising)
    }

    proptest! {
        #[test]
        fn the_index_is_the_one_a_scan_finds(
            bounds in any_bounds(),
            values in prop::collection::vec(prop_oneof![prop::num::f64::ANY, alike(), -200.0..200.0], 0..50),
        ) {
            let search = search(&bounds);
            for value in values.into_iter().chain(corners(&bounds)) {
                prop_assert_eq!(search.index_of(value), naive(&bounds, value), "{:e} among {:?}", value, bounds);
            }
        }

        #[test]
        fn every_way_to_cells_is_exact_not_only_the_best(bounds in any_bounds(), bits in 0..=MAX_CELL_BITS) {
            let shift = MANTISSA_BITS - bits;
            let ways = [Some(Cells::one()), Cells::by_factor(&bounds, shift), Cells::by_distance(&bounds, shift)];
            for cells in ways.into_iter().flatten().filter(|cells| cells.count(&bounds) <= 1 << 16) {
                let search = Search::by(cells, bounds.clone().into());
                for value in corners(&bounds) {
                    prop_assert_eq!(search.index_of(value), naive(&bounds, value), "{:e} among {:?}", value, bounds);
                }
            }
        }
    }
}
