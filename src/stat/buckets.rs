//! Bucket bounds of histograms.

use std::fmt;
use std::sync::{Arc, LazyLock};

use crate::stat::search::Search;

/// More bounds than this are refused: every bound is a cell of memory and a line of text for every series.
const MAX_BOUNDS: usize = 1024;

/// Bounds for latencies in seconds, those of the Python client of Prometheus: 5 ms to 10 s.
const LATENCIES: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Shared by everybody who does not ask for bounds.
static DEFAULT: LazyLock<Buckets> = LazyLock::new(|| Buckets(Arc::new(Search::new(Box::new(LATENCIES)))));

static NONE: LazyLock<Buckets> = LazyLock::new(|| Buckets(Arc::new(Search::new(Box::default()))));

/// The upper bounds of a histogram's buckets.
///
/// A bucket holds the values that are not above its bound and above the bound before it. A last bucket without a bound
/// (`+Inf`) takes what is above all of them; it is implied and never written here. A clone shares the bounds and the table that finds them.
///
/// Units: those of the values (seconds for timers).
/// Shape: one cumulative `_bucket{le="…"}` line a bound, and `le="+Inf"`.
/// Range: 1 to 1024 bounds, finite, each above the one before; negative bounds are fine, `-0.0` becomes `0.0`.
/// Source: [OpenMetrics 1.0, "Histogram"](https://prometheus.io/docs/specs/om/open_metrics_spec/#histogram).
///
/// ```
/// use tagmeter::stat::Buckets;
///
/// let buckets = Buckets::new([0.1, 1.0, 10.0])?;
/// assert_eq!(buckets.index_of(1.0), 1); // bounds are inclusive
/// assert_eq!(buckets.index_of(99.0), 3); // the bucket without a bound
/// # Ok::<(), tagmeter::stat::InvalidBuckets>(())
/// ```
#[derive(Clone)]
pub struct Buckets(Arc<Search>);

/// Why bounds were refused.
///
/// ```
/// use tagmeter::stat::{Buckets, InvalidBuckets};
///
/// let error = Buckets::new([1.0, 1.0]).unwrap_err();
/// assert_eq!(error, InvalidBuckets::NotIncreasing { previous: 1.0, bound: 1.0 });
/// assert_eq!(error.to_string(), "bucket bound 1 follows 1, expected a greater one");
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBuckets {
    /// There are no bounds. A histogram of one bucket is a count and a sum; most likely a setting is missing.
    #[error("no bucket bounds, expected at least one")]
    Empty,
    /// There are too many bounds.
    #[error("{0} bucket bounds, expected at most {MAX_BOUNDS}")]
    TooMany(usize),
    /// A bound is NaN or infinite. `+Inf` is implied and must not be given.
    #[error("bucket bound {0} is not finite, expected a number (+Inf is implied)")]
    NotFinite(f64),
    /// A bound is not above the one before it.
    #[error("bucket bound {bound} follows {previous}, expected a greater one")]
    NotIncreasing {
        /// The bound before.
        previous: f64,
        /// The bound that is not above it.
        bound: f64,
    },
}

impl Buckets {
    /// Buckets with these upper bounds.
    ///
    /// # Errors
    /// When there are none or more than 1024, or one is not finite or not above the one before it.
    ///
    /// ```
    /// use tagmeter::stat::Buckets;
    ///
    /// assert_eq!(Buckets::new([0.5, 1.0])?.bounds(), [0.5, 1.0]);
    /// assert!(Buckets::new([1.0, 0.5]).is_err());
    /// assert!(Buckets::new([1.0, f64::INFINITY]).is_err());
    /// # Ok::<(), tagmeter::stat::InvalidBuckets>(())
    /// ```
    pub fn new(bounds: impl AsRef<[f64]>) -> Result<Self, InvalidBuckets> {
        let bounds = bounds.as_ref();
        check_count(bounds.len())?;
        if let Some(bound) = bounds.iter().find(|bound| !bound.is_finite()) {
            return Err(InvalidBuckets::NotFinite(*bound));
        }
        if let Some((previous, bound)) = bounds.iter().zip(bounds.iter().skip(1)).find(|(a, b)| a >= b) {
            return Err(InvalidBuckets::NotIncreasing { previous: *previous, bound: *bound });
        }
        // Adding zero turns -0.0, which would print as le="-0", into 0.0 and leaves every other number alone.
        Ok(Buckets(Arc::new(Search::new(bounds.iter().map(|bound| bound + 0.0).collect()))))
    }

    /// Bounds that grow by a factor: `start`, `start·factor`, `start·factor²`, … `count` of them.
    ///
    /// # Errors
    /// When what comes out is not a row of bounds: `factor` not above 1, `start` not above 0, too large a `count`.
    ///
    /// ```
    /// use tagmeter::stat::Buckets;
    ///
    /// assert_eq!(Buckets::exponential(0.5, 2.0, 4)?.bounds(), [0.5, 1.0, 2.0, 4.0]);
    /// assert!(Buckets::exponential(0.5, 1.0, 4).is_err());
    /// # Ok::<(), tagmeter::stat::InvalidBuckets>(())
    /// ```
    pub fn exponential(start: f64, factor: f64, count: usize) -> Result<Self, InvalidBuckets> {
        check_count(count)?;
        // Powers by repeated multiplication: `powi` may differ in the last digit from machine to machine, and a bound
        // is part of the name of a series.
        let powers = std::iter::successors(Some(1.0), |power| Some(power * factor));
        Buckets::new(powers.take(count).map(|power| start * power).collect::<Vec<_>>())
    }

    /// Bounds at equal distances: `start`, `start + width`, `start + 2·width`, … `count` of them.
    ///
    /// # Errors
    /// When what comes out is not a row of bounds: `width` not above 0, too large a `count`.
    ///
    /// ```
    /// use tagmeter::stat::Buckets;
    ///
    /// assert_eq!(Buckets::linear(-10.0, 10.0, 3)?.bounds(), [-10.0, 0.0, 10.0]);
    /// assert!(Buckets::linear(0.0, 0.0, 3).is_err());
    /// # Ok::<(), tagmeter::stat::InvalidBuckets>(())
    /// ```
    pub fn linear(start: f64, width: f64, count: usize) -> Result<Self, InvalidBuckets> {
        check_count(count)?;
        Buckets::new((0..count).map(|i| start + width * i as f64).collect::<Vec<_>>())
    }

    /// Bounds for bytes and counts: `first`, `first·base`, `first·base²`, … `count` of them.
    ///
    /// # Errors
    /// When what comes out is not a row of bounds: `base` below 2, `first` 0, too large a `count`.
    ///
    /// ```
    /// use tagmeter::stat::Buckets;
    ///
    /// assert_eq!(Buckets::powers(4, 64, 4)?.bounds(), [64.0, 256.0, 1024.0, 4096.0]);
    /// assert!(Buckets::powers(1, 64, 4).is_err());
    /// # Ok::<(), tagmeter::stat::InvalidBuckets>(())
    /// ```
    pub fn powers(base: u64, first: u64, count: usize) -> Result<Self, InvalidBuckets> {
        Buckets::exponential(first as f64, base as f64, count)
    }

    /// One bucket for everything: a histogram's that has native buckets alone.
    pub(crate) fn none() -> Self {
        NONE.clone()
    }

    /// The bounds, in rising order, without `+Inf`.
    ///
    /// ```
    /// assert_eq!(tagmeter::stat::Buckets::default().bounds().len(), 14);
    /// ```
    pub fn bounds(&self) -> &[f64] {
        self.0.bounds()
    }

    /// The bucket of a value: the first whose bound is not below it.
    ///
    /// Range: `0..=bounds().len()`, the last for values above all bounds. NaN, which no bound is above, goes there too.
    /// One look into a table and one comparison for the usual rows of bounds; never more than a binary search.
    ///
    /// ```
    /// use tagmeter::stat::Buckets;
    ///
    /// let buckets = Buckets::new([1.0, 2.0])?;
    /// assert_eq!([0.5, 1.0, 1.5, 2.5].map(|value| buckets.index_of(value)), [0, 0, 1, 2]);
    /// # Ok::<(), tagmeter::stat::InvalidBuckets>(())
    /// ```
    #[inline]
    pub fn index_of(&self, value: f64) -> usize {
        self.0.index_of(value)
    }

    /// The bucket of a value where it is found quickly, as it is among the usual rows of bounds.
    #[inline]
    pub(crate) fn direct_index_of(&self, value: f64) -> Option<usize> {
        self.0.direct(value)
    }

    /// The quantile `q` of values of which only the buckets are known.
    ///
    /// `counts` says how many values each bucket holds: not cumulative, one number more than there are bounds. Numbers
    /// that are missing count as zero, numbers too many are not looked at.
    ///
    /// Units: those of the bounds.
    /// Range: `None` when all counts are zero or `q` is not within 0 to 1. Values are taken to lie evenly within their
    /// bucket, the first of which begins at zero if its bound is positive and is a single point, its bound, if not. From
    /// the bucket without a bound comes the last bound. The error can be as large as the bucket is wide.
    /// Source: `histogram_quantile` of Prometheus, except that an empty bucket is never chosen.
    ///
    /// ```
    /// use tagmeter::stat::Buckets;
    ///
    /// let buckets = Buckets::new([1.0, 2.0, 4.0])?;
    /// assert_eq!(buckets.interpolate(&[0, 10, 10, 0], 0.75), Some(3.0));
    /// assert_eq!(buckets.interpolate(&[0, 0, 0, 7], 0.5), Some(4.0));
    /// assert_eq!(buckets.interpolate(&[0, 0, 0, 0], 0.5), None);
    /// # Ok::<(), tagmeter::stat::InvalidBuckets>(())
    /// ```
    pub fn interpolate(&self, counts: &[u64], q: f64) -> Option<f64> {
        let counts = counts.get(..=self.bounds().len()).unwrap_or(counts);
        let total: f64 = counts.iter().map(|count| *count as f64).sum();
        if total == 0.0 || !(0.0..=1.0).contains(&q) {
            return None;
        }
        let rank = q * total;
        let mut below = 0.0;
        for (bucket, count) in counts.iter().map(|count| *count as f64).enumerate() {
            if count > 0.0 && below + count >= rank {
                return self.within(bucket, (rank - below) / count);
            }
            below += count;
        }
        // Not reached: the last `below + count` is `total`, added up in the same order, and `q` is at most 1.
        self.bounds().last().copied()
    }

    /// The point of a bucket that has the share `share` of its width below it.
    fn within(&self, bucket: usize, share: f64) -> Option<f64> {
        let Some(upper) = self.bounds().get(bucket).copied() else { return self.bounds().last().copied() };
        let lower = match bucket.checked_sub(1) {
            Some(before) => self.bounds().get(before).copied()?,
            None => upper.min(0.0),
        };
        // Weights rather than `lower + share·width`: the width of two far bounds may not be finite.
        Some((lower * (1.0 - share) + upper * share).clamp(lower, upper))
    }
}

/// Bounds for latencies in seconds.
///
/// ```
/// let buckets = tagmeter::stat::Buckets::default();
/// assert_eq!(buckets.bounds().first(), Some(&0.005));
/// assert_eq!(buckets.bounds().last(), Some(&10.0));
/// ```
impl Default for Buckets {
    fn default() -> Self {
        DEFAULT.clone()
    }
}

/// Equal when the bounds are.
impl PartialEq for Buckets {
    fn eq(&self, other: &Buckets) -> bool {
        self.bounds() == other.bounds()
    }
}

impl fmt::Debug for Buckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Buckets").field(&self.bounds()).finish()
    }
}

fn check_count(count: usize) -> Result<(), InvalidBuckets> {
    match count {
        0 => Err(InvalidBuckets::Empty),
        1..=MAX_BOUNDS => Ok(()),
        _ => Err(InvalidBuckets::TooMany(count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_default_bounds_are_bounds() {
        let buckets = Buckets::default();
        assert_eq!(Buckets::new(buckets.bounds()).unwrap(), buckets);
    }

    #[test]
    fn bounds_that_are_none_are_refused() {
        let refused = |bounds: &[f64]| Buckets::new(bounds).unwrap_err();
        assert_eq!(refused(&[]), InvalidBuckets::Empty);
        assert_eq!(refused(&[0.0; 1025]), InvalidBuckets::TooMany(1025));
        assert_eq!(refused(&[1.0, f64::INFINITY]), InvalidBuckets::NotFinite(f64::INFINITY));
        assert!(matches!(refused(&[f64::NAN]), InvalidBuckets::NotFinite(_)));
        assert_eq!(refused(&[2.0, 1.0]), InvalidBuckets::NotIncreasing { previous: 2.0, bound: 1.0 });
        assert_eq!(refused(&[-0.0, 0.0]), InvalidBuckets::NotIncreasing { previous: -0.0, bound: 0.0 });
    }

    #[test]
    fn without_bounds_everything_is_in_one_bucket() {
        let buckets = Buckets::none();
        for value in [0.0, -1.0, f64::MAX, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!((buckets.index_of(value), buckets.direct_index_of(value).unwrap_or(0)), (0, 0));
        }
        assert_eq!((buckets.interpolate(&[7], 0.5), buckets.bounds()), (None, &[][..]));
    }

    #[test]
    fn negative_zero_becomes_zero() {
        let buckets = Buckets::new([-1.0, -0.0]).unwrap();
        assert!(buckets.bounds()[1].is_sign_positive());
        assert_eq!(buckets.index_of(-0.0), 1);
    }

    #[test]
    fn rows_that_overflow_or_stand_still_are_refused() {
        assert_eq!(Buckets::exponential(1.0, 10.0, 400), Err(InvalidBuckets::NotFinite(f64::INFINITY)));
        assert!(matches!(Buckets::exponential(f64::NAN, 2.0, 2), Err(InvalidBuckets::NotFinite(_))));
        assert!(matches!(Buckets::exponential(0.0, 2.0, 2), Err(InvalidBuckets::NotIncreasing { .. })));
        assert!(matches!(Buckets::linear(1e300, 1.0, 2), Err(InvalidBuckets::NotIncreasing { .. })));
        assert!(matches!(Buckets::powers(0, 1, 3), Err(InvalidBuckets::NotIncreasing { .. })));
        assert_eq!(Buckets::linear(0.0, 1.0, usize::MAX), Err(InvalidBuckets::TooMany(usize::MAX)));
        assert_eq!(Buckets::powers(2, 1, 0), Err(InvalidBuckets::Empty));
    }

    #[test]
    fn a_quantile_lies_on_a_straight_line_within_its_bucket() {
        let buckets = Buckets::new([10.0, 20.0]).unwrap();
        assert_eq!(buckets.interpolate(&[4, 4, 0], 0.0), Some(0.0));
        assert_eq!(buckets.interpolate(&[4, 4, 0], 0.25), Some(5.0));
        assert_eq!(buckets.interpolate(&[4, 4, 0], 0.5), Some(10.0));
        assert_eq!(buckets.interpolate(&[4, 4, 0], 1.0), Some(20.0));
        assert_eq!(buckets.interpolate(&[0, 4, 0], 0.0), Some(10.0));
    }

    #[test]
    fn a_first_bucket_below_zero_is_a_point() {
        let buckets = Buckets::new([-5.0, 5.0]).unwrap();
        assert_eq!(buckets.interpolate(&[2, 0, 0], 0.5), Some(-5.0));
        assert_eq!(buckets.interpolate(&[0, 2, 0], 0.5), Some(0.0));
    }

    #[test]
    fn counts_of_another_length_are_read_as_far_as_they_go() {
        let buckets = Buckets::new([1.0, 2.0]).unwrap();
        assert_eq!(buckets.interpolate(&[], 0.5), None);
        assert_eq!(buckets.interpolate(&[0, 2], 0.5), Some(1.5));
        assert_eq!(buckets.interpolate(&[0, 2, 0, 99], 0.5), Some(1.5));
        assert_eq!(buckets.interpolate(&[1, 2, 3], f64::NAN), None);
        assert_eq!(buckets.interpolate(&[1, 2, 3], 1.1), None);
    }

    #[test]
    fn counts_and_bounds_at_the_end_of_the_range_stay_finite() {
        let buckets = Buckets::new([-f64::MAX, f64::MAX]).unwrap();
        let middle = buckets.interpolate(&[0, u64::MAX, u64::MAX], 0.25).unwrap();
        assert!(middle.abs() < f64::MAX);
        assert_eq!(buckets.interpolate(&[0, u64::MAX, u64::MAX], 1.0), Some(f64::MAX));
    }

    fn any_bounds() -> impl Strategy<Value = Vec<f64>> {
        use prop::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
        prop::collection::vec(NORMAL | SUBNORMAL | ZERO | POSITIVE | NEGATIVE, 1..40).prop_map(
            |mut bounds| {
                bounds.sort_by(f64::total_cmp);
                bounds.dedup_by(|a, b| a == b);
                bounds
            },
        )
    }

    fn scan(bounds: &[f64], value: f64) -> usize {
        bounds.iter().position(|bound| value <= *bound).unwrap_or(bounds.len())
    }

    proptest! {
        #[test]
        fn the_bucket_is_the_one_a_scan_finds(bounds in any_bounds(), value in prop::num::f64::ANY, pick: prop::sample::Index) {
            let buckets = Buckets::new(&bounds).unwrap();
            let bound = bounds[pick.index(bounds.len())];
            for value in [value, bound, bound.next_up(), bound.next_down(), f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                prop_assert_eq!(buckets.index_of(value), scan(&bounds, value));
            }
        }

        #[test]
        fn quantiles_of_buckets_rise_and_are_finite(
            bounds in any_bounds(),
            counts in prop::collection::vec(prop::num::u64::ANY, 0..45),
            mut shares in prop::collection::vec(0.0..=1.0, 2..9),
        ) {
            let buckets = Buckets::new(&bounds).unwrap();
            shares.sort_by(f64::total_cmp);
            let quantiles: Vec<f64> = shares.iter().filter_map(|q| buckets.interpolate(&counts, *q)).collect();
            prop_assert!(quantiles.iter().all(|value| value.is_finite()));
            prop_assert!(quantiles.is_sorted());
        }
    }
}
