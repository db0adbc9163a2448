//! Histograms, summaries and states that something else counted: values made of plain numbers, checked where they come in.

use super::value::{HistogramValue, Shape, StateSetValue, SummaryValue};
use crate::stat::{Buckets, InvalidBuckets, NativeCounts};

/// Why counts are no histogram.
///
/// ```
/// use tagmeter::model::{HistogramValue, InvalidHistogram};
///
/// let error = HistogramValue::of_cumulative([(1.0, 5), (f64::INFINITY, 3)], 2.0).unwrap_err();
/// assert_eq!(error, InvalidHistogram::Falling { bound: f64::INFINITY, count: 3, before: 5 });
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidHistogram {
    /// The bounds are none.
    #[error(transparent)]
    Buckets(#[from] InvalidBuckets),
    /// There are more or fewer counts than buckets.
    #[error("{counts} counts for {bounds} bucket bounds, expected one more than there are bounds")]
    CountsLength {
        /// How many counts there are.
        counts: usize,
        /// How many bounds there are.
        bounds: usize,
    },
    /// A cumulative count is less than the one before it.
    #[error("a count of {count} up to {bound} after one of {before}, expected cumulative counts")]
    Falling {
        /// The bucket's bound.
        bound: f64,
        /// Its count.
        count: u64,
        /// The count of the bucket before.
        before: u64,
    },
    /// The last bucket has a bound: how many values there are in all is not known.
    #[error("the last bucket is not that of +Inf, expected one that counts all values")]
    NoInfinity,
    /// The counts add up to more than a `u64` holds.
    #[error("counts that add up to more than {max}", max = u64::MAX)]
    TooMany,
    /// The sum is not finite, or negative while it is said that it cannot fall.
    #[error("a sum of {0}, expected a finite number, and one not below zero where no value is")]
    Sum(f64),
    /// Native and classic buckets hold different numbers of values.
    #[error("{native} values in native buckets and {classic} in classic ones, expected as many")]
    NativeCount {
        /// Values in native buckets.
        native: u64,
        /// Values in classic buckets.
        classic: u64,
    },
}

/// Why numbers are no summary.
///
/// ```
/// use tagmeter::model::{InvalidSummary, SummaryValue};
/// assert_eq!(SummaryValue::new(1, 1.0, [(99.0, 1.0)]), Err(InvalidSummary::Quantile(99.0)));
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSummary {
    /// A quantile is not within 0 to 1.
    #[error("quantile {0}, expected 0 to 1")]
    Quantile(f64),
    /// A quantile is there twice.
    #[error("quantile {0} twice, expected each once")]
    QuantileTwice(f64),
    /// The sum is not finite, or negative while it is said that it cannot fall.
    #[error("a sum of {0}, expected a finite number, and one not below zero where no value is")]
    Sum(f64),
}

impl HistogramValue {
    /// A histogram of which each bucket's count is known: the last count is of what is above all bounds.
    ///
    /// Range: a sum below zero, or a bound, says that there were negative values; OpenMetrics then has no sum.
    ///
    /// # Errors
    /// Where there is not one count more than there are bounds, the counts do not fit a `u64`, or the sum is not finite.
    ///
    /// ```
    /// use tagmeter::{model::HistogramValue, stat::Buckets};
    ///
    /// let sizes = HistogramValue::of_counts(Buckets::new([1.0, 8.0])?, [3, 4, 1], 31.5)?;
    /// assert_eq!(sizes.count(), 8);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of_counts(
        buckets: Buckets,
        counts: impl Into<Vec<u64>>,
        sum: f64,
    ) -> Result<Self, InvalidHistogram> {
        let sum_can_fall = sum < 0.0 || buckets.bounds().first().is_some_and(|bound| *bound < 0.0);
        let histogram = HistogramValue {
            buckets,
            counts: counts.into(),
            sum,
            sum_can_fall,
            window: None,
            native: None,
            restarted: None,
            shape: Shape::Histogram,
        };
        histogram.check().map(|()| histogram)
    }

    /// A histogram of bounds and cumulative counts, as pages of Prometheus have them; the last bound is `+Inf`.
    ///
    /// # Errors
    /// Where the bounds do not rise up to `+Inf`, a count is below the one before it, or the sum is not finite.
    ///
    /// ```
    /// use tagmeter::model::HistogramValue;
    ///
    /// let sizes = HistogramValue::of_cumulative([(1.0, 3), (8.0, 7), (f64::INFINITY, 8)], 31.5)?;
    /// assert_eq!(sizes.counts, [3, 4, 1]);
    /// # Ok::<(), tagmeter::model::InvalidHistogram>(())
    /// ```
    pub fn of_cumulative(
        buckets: impl IntoIterator<Item = (f64, u64)>,
        sum: f64,
    ) -> Result<Self, InvalidHistogram> {
        let (mut bounds, mut counts, mut before) = (Vec::new(), Vec::new(), 0_u64);
        for (bound, count) in buckets {
            let in_bucket = count.checked_sub(before);
            counts.push(in_bucket.ok_or(InvalidHistogram::Falling { bound, count, before })?);
            bounds.push(bound);
            before = count;
        }
        match bounds.pop() {
            Some(f64::INFINITY) => {}
            _ => return Err(InvalidHistogram::NoInfinity),
        }
        let buckets = if bounds.is_empty() { Buckets::none() } else { Buckets::new(bounds)? };
        HistogramValue::of_counts(buckets, counts, sum)
    }

    /// A histogram of native buckets alone.
    ///
    /// # Errors
    /// Where the sum is not finite.
    ///
    /// ```
    /// use tagmeter::model::HistogramValue;
    /// use tagmeter::stat::{NativeBuckets, NativeCounts};
    ///
    /// let counts = NativeCounts::from_counts(&NativeBuckets::growth(2.0)?, 0, [], [(2, 5), (3, 1)])?;
    /// assert_eq!(HistogramValue::of_native(counts, 21.0)?.count(), 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of_native(native: NativeCounts, sum: f64) -> Result<Self, InvalidHistogram> {
        let below_zero = !native.negative().is_empty();
        let histogram = HistogramValue::of_counts(Buckets::none(), [native.count()], sum)?;
        let sum_can_fall = histogram.sum_can_fall || below_zero;
        Ok(HistogramValue { native: Some(native), sum_can_fall, ..histogram })
    }

    /// The same values in native buckets besides.
    ///
    /// # Errors
    /// Where those hold more or fewer values than the classic ones.
    ///
    /// ```
    /// use tagmeter::{model::HistogramValue, stat::{Buckets, NativeBuckets, NativeCounts}};
    ///
    /// let mut native = NativeCounts::new(&NativeBuckets::default());
    /// native.record_n(0.5, 3);
    /// let classic = HistogramValue::of_counts(Buckets::new([1.0])?, [3, 0], 1.5)?;
    /// assert!(classic.clone().with_native(native.clone()).is_ok());
    /// native.record_n(7.0, 1);
    /// assert!(classic.with_native(native).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_native(self, native: NativeCounts) -> Result<Self, InvalidHistogram> {
        let histogram = HistogramValue { native: Some(native), ..self };
        histogram.check().map(|()| histogram)
    }

    /// Whether it can be shown as it is. Its fields are for everyone to set.
    pub(crate) fn check(&self) -> Result<(), InvalidHistogram> {
        let (bounds, counts) = (self.buckets.bounds().len(), self.counts.len());
        if counts != bounds + 1 {
            return Err(InvalidHistogram::CountsLength { counts, bounds });
        }
        let classic = self.counts.iter().try_fold(0_u64, |sum, count| sum.checked_add(*count));
        let classic = classic.ok_or(InvalidHistogram::TooMany)?;
        if !is_sum(self.sum, self.sum_can_fall) {
            return Err(InvalidHistogram::Sum(self.sum));
        }
        match self.native.as_ref().map(NativeCounts::count) {
            Some(native) if native != classic => Err(InvalidHistogram::NativeCount { native, classic }),
            _ => Ok(()),
        }
    }
}

impl SummaryValue {
    /// A summary of quantiles and the values at them, in any order.
    ///
    /// Range: of the values any, NaN where there were none; OpenMetrics leaves negative ones out.
    ///
    /// # Errors
    /// Where a quantile is not within 0 to 1 or there twice, or the sum is not finite.
    ///
    /// ```
    /// use tagmeter::model::SummaryValue;
    ///
    /// let waits = SummaryValue::new(12, 3.5, [(0.99, 1.1), (0.5, 0.2)])?;
    /// assert_eq!(waits.quantiles[0], (0.5, 0.2));
    /// # Ok::<(), tagmeter::model::InvalidSummary>(())
    /// ```
    pub fn new(
        count: u64,
        sum: f64,
        quantiles: impl IntoIterator<Item = (f64, f64)>,
    ) -> Result<Self, InvalidSummary> {
        // Adding zero makes -0.0 the zero it is.
        let mut quantiles: Vec<(f64, f64)> =
            quantiles.into_iter().map(|(q, value)| (q + 0.0, value)).collect();
        quantiles.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let summary = SummaryValue { count, sum, sum_can_fall: sum < 0.0, quantiles };
        summary.check().map(|()| summary)
    }

    /// Whether it can be shown as it is.
    pub(super) fn check(&self) -> Result<(), InvalidSummary> {
        let quantiles = || self.quantiles.iter().map(|(q, _)| *q);
        if let Some(q) = quantiles().find(|q| !(0.0..=1.0).contains(q)) {
            return Err(InvalidSummary::Quantile(q));
        }
        if let Some((_, q)) = quantiles().zip(quantiles().skip(1)).find(|(a, b)| a >= b) {
            return Err(InvalidSummary::QuantileTwice(q));
        }
        if is_sum(self.sum, self.sum_can_fall) { Ok(()) } else { Err(InvalidSummary::Sum(self.sum)) }
    }
}

impl StateSetValue {
    /// States and whether each is on; of a state that is said twice, the first is meant.
    ///
    /// ```
    /// use tagmeter::model::StateSetValue;
    ///
    /// let link = StateSetValue::new([("up", true), ("down", false)]);
    /// assert_eq!(link.on, [true, false]);
    /// ```
    pub fn new<S: Into<Box<str>>>(states: impl IntoIterator<Item = (S, bool)>) -> Self {
        let (states, on): (Vec<Box<str>>, Vec<bool>) =
            states.into_iter().map(|(state, on)| (state.into(), on)).unzip();
        StateSetValue { states: states.into(), on }
    }
}

fn is_sum(sum: f64, can_fall: bool) -> bool {
    sum.is_finite() && (can_fall || sum >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stat::NativeBuckets;

    const INFINITY: f64 = f64::INFINITY;

    fn refused(buckets: &[(f64, u64)], sum: f64) -> InvalidHistogram {
        HistogramValue::of_cumulative(buckets.iter().copied(), sum).unwrap_err()
    }

    #[test]
    fn cumulative_counts_that_lie_are_refused() {
        assert_eq!(refused(&[], 0.0), InvalidHistogram::NoInfinity);
        assert_eq!(refused(&[(1.0, 2)], 0.0), InvalidHistogram::NoInfinity);
        assert_eq!(refused(&[(INFINITY, 2), (1.0, 2)], 0.0), InvalidHistogram::NoInfinity);
        let falling = InvalidHistogram::Falling { bound: 2.0, count: 1, before: 2 };
        assert_eq!(refused(&[(1.0, 2), (2.0, 1), (INFINITY, 2)], 0.0), falling);
        for bounds in [[2.0, 1.0], [1.0, 1.0], [f64::NAN, 1.0], [1.0, INFINITY]] {
            let buckets = bounds.map(|bound| (bound, 1));
            assert!(
                matches!(
                    refused(&[buckets[0], buckets[1], (INFINITY, 1)], 0.0),
                    InvalidHistogram::Buckets(_)
                ),
                "{bounds:?}"
            );
        }
        assert!(matches!(refused(&[(INFINITY, 2)], f64::NAN), InvalidHistogram::Sum(_)));
        assert_eq!(refused(&[(INFINITY, 2)], INFINITY), InvalidHistogram::Sum(INFINITY));
    }

    #[test]
    fn counts_must_fit_their_buckets_and_a_number() {
        let buckets = || Buckets::new([1.0]).unwrap();
        let refused = |counts: &[u64]| HistogramValue::of_counts(buckets(), counts, 0.0).unwrap_err();
        assert_eq!(refused(&[1]), InvalidHistogram::CountsLength { counts: 1, bounds: 1 });
        assert_eq!(refused(&[u64::MAX, 1]), InvalidHistogram::TooMany);
        assert_eq!(HistogramValue::of_cumulative([(INFINITY, 3)], 1.0).unwrap().counts, [3]);
    }

    #[test]
    fn what_may_be_negative_says_so() {
        let of = |bound, sum| HistogramValue::of_cumulative([(bound, 1), (INFINITY, 1)], sum).unwrap();
        assert_eq!(
            [of(1.0, 1.0), of(1.0, -1.0), of(-1.0, 1.0)].map(|it| it.sum_can_fall),
            [false, true, true]
        );
        let mut native = NativeCounts::new(&NativeBuckets::default());
        native.record_n(-2.0, 1);
        assert!(HistogramValue::of_native(native, 0.0).unwrap().sum_can_fall);
        let lying = HistogramValue { sum: -1.0, ..of(1.0, 1.0) };
        assert_eq!(lying.check(), Err(InvalidHistogram::Sum(-1.0)));
    }

    #[test]
    fn a_summary_has_each_quantile_once() {
        let refused =
            |quantiles: &[(f64, f64)]| SummaryValue::new(1, 1.0, quantiles.iter().copied()).unwrap_err();
        assert_eq!(refused(&[(0.5, 1.0), (0.5, 2.0)]), InvalidSummary::QuantileTwice(0.5));
        assert_eq!(refused(&[(-0.0, 1.0), (0.0, 2.0)]), InvalidSummary::QuantileTwice(0.0));
        assert_eq!(refused(&[(1.1, 1.0)]), InvalidSummary::Quantile(1.1));
        assert!(matches!(refused(&[(f64::NAN, 1.0)]), InvalidSummary::Quantile(_)));
        assert_eq!(SummaryValue::new(1, INFINITY, []), Err(InvalidSummary::Sum(INFINITY)));
    }
}
