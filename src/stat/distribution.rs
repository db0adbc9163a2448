//! What a set of values looks like.

use crate::stat::bins::{self, Bins};
use crate::stat::moments::Moments;

/// Count, extremes, moments and quantiles of values.
///
/// Count, least, greatest, mean and standard deviation are exact; quantiles come from bins, 64 to every doubling.
///
/// Units: those of the values (seconds for timers).
/// Shape: `min`, `max`, `std_dev`, `50_percentile` … in line protocols; `{quantile="0.5"}` of a Prometheus summary.
/// Range: every answer is `None` when there are no values. Values may be negative, zero or as small and as large as `f64`
/// goes; those that are not finite are left out. Memory is taken a doubling at a time: 88 bytes, more where a bin holds
/// more than 255 values.
/// Source: positions of quantiles are those of pyformance and of Coda Hale's `metrics`; mean and variance by the methods of
/// Welford and of Chan, Golub and LeVeque; bins as in HdrHistogram, but by the bits of an `f64`.
///
/// ```
/// use tagmeter::stat::Distribution;
///
/// let sizes = Distribution::from_values((1..=1000).map(f64::from));
/// assert_eq!((sizes.count(), sizes.min(), sizes.max(), sizes.mean()), (1000, Some(1.0), Some(1000.0), Some(500.5)));
/// let median = sizes.quantile(0.5).unwrap();
/// assert!((median - 500.5).abs() < 5.0);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Distribution {
    moments: Moments,
    bins: Bins,
}

impl Distribution {
    /// The distribution of these values.
    ///
    /// ```
    /// let one = tagmeter::stat::Distribution::from_values([2.5]);
    /// assert_eq!(one.quantile(0.99), Some(2.5));
    /// ```
    pub fn from_values(values: impl IntoIterator<Item = f64>) -> Self {
        let mut distribution = Distribution::default();
        values.into_iter().for_each(|value| distribution.record(value));
        distribution
    }

    /// Adds a value. One that is not finite is left out; whoever must count those does so before.
    ///
    /// ```
    /// let mut distribution = tagmeter::stat::Distribution::default();
    /// distribution.record(-3.0);
    /// distribution.record(f64::NAN);
    /// assert_eq!(distribution.count(), 1);
    /// ```
    pub fn record(&mut self, value: f64) {
        self.record_n(value, 1);
    }

    /// Adds a value `times` times.
    ///
    /// ```
    /// let mut distribution = tagmeter::stat::Distribution::default();
    /// distribution.record_n(7.0, 1000);
    /// assert_eq!((distribution.count(), distribution.mean()), (1000, Some(7.0)));
    /// ```
    pub fn record_n(&mut self, value: f64, times: u64) {
        if value.is_finite() && times > 0 {
            self.moments.record_n(value, times);
            self.bins.add(bins::key(value), times);
        }
    }

    /// Adds finite values, faster than one by one.
    pub(crate) fn record_all(&mut self, values: &[f64]) {
        self.moments.record_all(values);
        values.iter().for_each(|value| self.bins.add(bins::key(*value), 1));
    }

    /// Adds all values of another distribution. The result is that of recording them one by one, but for rounding in the
    /// last digits of mean and standard deviation.
    ///
    /// ```
    /// use tagmeter::stat::Distribution;
    ///
    /// let mut all = Distribution::from_values([1.0, 2.0]);
    /// all.merge(&Distribution::from_values([6.0]));
    /// assert_eq!((all.count(), all.max(), all.mean()), (3, Some(6.0), Some(3.0)));
    /// ```
    pub fn merge(&mut self, other: &Distribution) {
        self.moments.merge(&other.moments);
        self.bins.merge(&other.bins);
    }

    /// How many values there are.
    ///
    /// ```
    /// assert_eq!(tagmeter::stat::Distribution::default().count(), 0);
    /// ```
    pub fn count(&self) -> u64 {
        self.moments.count
    }

    /// Least value; `None` when empty.
    ///
    /// ```
    /// assert_eq!(tagmeter::stat::Distribution::from_values([4.0, -1.0]).min(), Some(-1.0));
    /// ```
    pub fn min(&self) -> Option<f64> {
        self.if_any(self.moments.min)
    }

    /// Greatest value; `None` when empty.
    ///
    /// ```
    /// assert_eq!(tagmeter::stat::Distribution::from_values([4.0, -1.0]).max(), Some(4.0));
    /// ```
    pub fn max(&self) -> Option<f64> {
        self.if_any(self.moments.max)
    }

    /// Mean; `None` when empty. Never outside the extremes.
    ///
    /// ```
    /// assert_eq!(tagmeter::stat::Distribution::from_values([4.0, -1.0]).mean(), Some(1.5));
    /// ```
    pub fn mean(&self) -> Option<f64> {
        self.if_any(self.moments.mean())
    }

    /// Sample standard deviation (n − 1); `0.0` for one value, `None` when empty.
    ///
    /// `None`, too, when values lie so far apart (about 10^154) that the squares of their distances do not fit in an `f64`.
    ///
    /// ```
    /// use tagmeter::stat::Distribution;
    ///
    /// assert_eq!(Distribution::from_values([-1.0, 5.0]).std_dev(), Some(18.0_f64.sqrt()));
    /// assert_eq!(Distribution::from_values([5.0]).std_dev(), Some(0.0));
    /// ```
    pub fn std_dev(&self) -> Option<f64> {
        self.if_any(self.moments.variance().sqrt()).filter(|std_dev| std_dev.is_finite())
    }

    /// The value below which the share `q` of all values lies; `None` when empty or `q` is outside 0 to 1.
    ///
    /// Of the `n` values in order, the one nearest to position `q·(n + 1)` is meant, counting from 1. The answer is the
    /// middle of its bin, less than 1 % from it; the first and the last value are exact. Quantiles rise with `q` and never
    /// leave the extremes.
    ///
    /// ```
    /// use tagmeter::stat::Distribution;
    ///
    /// let times = Distribution::from_values([0.1, 0.2, 0.4, 0.8, 30.0]);
    /// assert!((times.quantile(0.5).unwrap() / 0.4 - 1.0).abs() < 0.01);
    /// assert_eq!(times.quantile(0.95), Some(30.0));
    /// assert_eq!(times.quantile(95.0), None);
    /// ```
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let Moments { count, min, max, .. } = self.moments;
        if count == 0 || !(0.0..=1.0).contains(&q) {
            return None;
        }
        // A position of 0.5 or n + 0.5 is beyond the first or last value already.
        let rank = (q * (count as f64 + 1.0)).round() as u64;
        match rank {
            0 | 1 => Some(min),
            rank if rank >= count => Some(max),
            rank => Some(self.at(rank).clamp(min, max)),
        }
    }

    /// The middle of the bin that holds the value of a rank, counted from 1.
    fn at(&self, rank: u64) -> f64 {
        let mut below = 0_u64;
        let bin = self.bins.iter().find(|(_, count)| {
            below = below.saturating_add(*count);
            below >= rank
        });
        bin.map_or(self.moments.max, |(key, _)| bins::middle(key))
    }

    fn if_any(&self, value: f64) -> Option<f64> {
        (self.moments.count > 0).then_some(value)
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        self.bins.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The two values in order around position `q·(n + 1)`, the first or last at the ends.
    fn around(sorted: &[f64], q: f64) -> [f64; 2] {
        let position = q * (sorted.len() as f64 + 1.0);
        let at = |rank: f64| sorted[(rank.max(1.0) as usize).min(sorted.len()) - 1];
        [at(position.floor()), at(position.floor() + 1.0)]
    }

    fn within_one_percent(answer: f64, values: [f64; 2]) -> bool {
        // The least number stands for rounding among numbers below the normal range.
        values.iter().any(|value| (answer - value).abs() <= value.abs() * 0.01 + 5e-324)
    }

    #[test]
    fn nothing_is_known_of_no_values() {
        let empty = Distribution::from_values([f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
        assert_eq!(empty, Distribution::default());
        assert_eq!((empty.count(), empty.min(), empty.max(), empty.mean()), (0, None, None, None));
        assert_eq!((empty.std_dev(), empty.quantile(0.5)), (None, None));
    }

    #[test]
    fn one_value_is_everything() {
        let one = Distribution::from_values([-7.3]);
        assert_eq!(
            (one.min(), one.max(), one.mean(), one.std_dev()),
            (Some(-7.3), Some(-7.3), Some(-7.3), Some(0.0))
        );
        assert_eq!([0.0, 0.3, 1.0].map(|q| one.quantile(q)), [Some(-7.3); 3]);
    }

    #[test]
    fn a_share_outside_zero_to_one_has_no_quantile() {
        let some = Distribution::from_values([1.0, 2.0]);
        for q in [-0.1, 1.0 + f64::EPSILON, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(some.quantile(q), None);
        }
    }

    #[test]
    fn squares_that_do_not_fit_are_absent() {
        let wide = Distribution::from_values([-1e200, 1e200]);
        assert_eq!((wide.mean(), wide.std_dev()), (Some(0.0), None));
    }

    #[test]
    fn whole_numbers_agree_with_hdrhistogram() {
        let mut oracle = hdrhistogram::Histogram::<u64>::new(3).unwrap();
        let mut ours = Distribution::default();
        let mut state = 1_u64;
        for _ in 0..20_000 {
            // A generator of Lehmer's; the cube makes a long tail.
            state = state * 48_271 % 2_147_483_647;
            let value = (state % 1000).pow(3) / 1000 + 1;
            oracle.record(value).unwrap();
            ours.record(value as f64);
        }
        for step in 0..=1000 {
            let q = f64::from(step) / 1000.0;
            let (expected, answer) = (oracle.value_at_quantile(q) as f64, ours.quantile(q).unwrap());
            // Positions differ by at most one rank; the neighbours of a rank may lie further apart than a bin is wide.
            let near = |q: f64| oracle.value_at_quantile(q.clamp(0.0, 1.0)) as f64;
            let (low, high) = (near(q - 1e-4).min(expected), near(q + 1e-4).max(expected));
            assert!(answer >= low * 0.99 && answer <= high * 1.01, "{q}: {answer} instead of {expected}");
        }
        assert!((ours.mean().unwrap() / oracle.mean() - 1.0).abs() < 0.001);
        assert!((ours.std_dev().unwrap() / oracle.stdev() - 1.0).abs() < 0.001);
    }

    /// Skewed, of two modes, constant, negative, and of all sizes.
    fn values() -> impl Strategy<Value = Vec<f64>> {
        let skewed = (0.0..1.0_f64).prop_map(|u: f64| -(1.0 - u).ln() * 0.05);
        let two_modes = prop_oneof![0.010..0.012, 3.0..3.1];
        let negative = -1000.0..-0.001;
        let mixed = -100.0..100.0;
        use prop::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
        let any = NORMAL | SUBNORMAL | ZERO | POSITIVE | NEGATIVE;
        let many = |one: BoxedStrategy<f64>| prop::collection::vec(one, 1..400);
        prop_oneof![
            many(skewed.boxed()),
            many(two_modes.boxed()),
            many(negative.boxed()),
            many(mixed.boxed()),
            many(any.boxed()),
            (any, 1..50_usize).prop_map(|(value, count)| vec![value; count]),
        ]
    }

    proptest! {
        #[test]
        fn quantiles_are_within_one_percent_of_a_neighbour(values in values(), shares in prop::collection::vec(0.0..=1.0, 1..9)) {
            let distribution = Distribution::from_values(values.iter().copied());
            let mut sorted = values;
            sorted.sort_by(f64::total_cmp);
            for q in shares.into_iter().chain([0.0, 0.5, 0.75, 0.95, 0.99, 0.999, 1.0]) {
                let answer = distribution.quantile(q).unwrap();
                let neighbours = around(&sorted, q);
                prop_assert!(within_one_percent(answer, neighbours), "{}: {} near {:?}", q, answer, neighbours);
            }
        }

        #[test]
        fn quantiles_rise_and_stay_within_the_extremes(values in values()) {
            let distribution = Distribution::from_values(values);
            let quantiles: Vec<f64> = (0..=100).filter_map(|percent| distribution.quantile(f64::from(percent) / 100.0)).collect();
            prop_assert_eq!(quantiles.len(), 101);
            prop_assert!(quantiles.is_sorted());
            prop_assert_eq!((quantiles.first().copied(), quantiles.last().copied()), (distribution.min(), distribution.max()));
        }

        #[test]
        fn merged_parts_are_the_whole(values in values(), cut: prop::sample::Index) {
            let (head, tail) = values.split_at(cut.index(values.len()));
            let mut merged = Distribution::from_values(head.iter().copied());
            merged.merge(&Distribution::from_values(tail.iter().copied()));
            let whole = Distribution::from_values(values.iter().copied());
            prop_assert_eq!(&merged.bins, &whole.bins);
            prop_assert_eq!((merged.count(), merged.min(), merged.max()), (whole.count(), whole.min(), whole.max()));
            let mut at_once = Distribution::from_values(head.iter().copied());
            at_once.record_all(tail);
            prop_assert_eq!(&at_once.bins, &whole.bins);
            prop_assert_eq!((at_once.count(), at_once.min(), at_once.max()), (whole.count(), whole.min(), whole.max()));
        }
    }
}
