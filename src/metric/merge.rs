//! What was counted elsewhere, into a histogram that goes on counting.

use super::Histogram;
use crate::model::{HistogramValue, InvalidHistogram};
use crate::stat::{Buckets, NativeCounts};

/// Why counts were not merged into a histogram. Nothing of them was.
///
/// ```
/// use tagmeter::{metric::MergeError, model::HistogramValue, stat::Buckets};
///
/// let sizes = tagmeter::Registry::new().histogram("sizes");
/// let counted = HistogramValue::of_counts(Buckets::new([1.0])?, [3, 0], 1.5)?;
/// assert!(matches!(sizes.merge(&counted), Err(MergeError::Bounds { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// What was counted is no histogram: its sum is NaN, say, or below zero where no value can be.
    #[error(transparent)]
    Invalid(#[from] InvalidHistogram),
    /// Some bucket of the histogram ends inside a bucket of what was counted: nobody knows how much of that is below.
    #[error("bucket bounds {theirs:?}, expected all of {ours:?} among them")]
    Bounds {
        /// Those of the histogram.
        ours: Buckets,
        /// Those of what was counted.
        theirs: Buckets,
    },
    /// The histogram has native buckets, and what was counted has none.
    #[error("no native buckets, expected some: the histogram has them")]
    NoNative,
}

impl Histogram {
    /// Adds what was counted elsewhere: the value of another histogram, or counts from somewhere else, as
    /// [`HistogramValue::of_counts`], [`of_cumulative`](HistogramValue::of_cumulative) and
    /// [`of_native`](HistogramValue::of_native) take them.
    ///
    /// Readers see all of it or nothing, like a record. Nothing is interpolated: classic buckets may be finer than those of
    /// the histogram, which then have all of their bounds. Native buckets may be finer or coarser; the histogram becomes as
    /// coarse as what is merged, its zero bucket as wide. Of a histogram that has classic and native buckets both are
    /// wanted; what the histogram has none of is not looked at.
    ///
    /// Quantiles, minimum, maximum and deviation of the last minute take in the window of what is merged, as if it was of
    /// this moment; where it has none, they do not show it. A bucket stops at 2^63, the sum at the greatest `f64`.
    ///
    /// **Cost**: that of one record for each bucket that is not empty; for native buckets a free lock and their memory.
    ///
    /// # Errors
    /// When what was counted is no histogram, or its buckets do not fit. The histogram is as before.
    ///
    /// ```
    /// use tagmeter::{Registry, model::HistogramValue, stat::Buckets};
    ///
    /// let registry = Registry::new();
    /// let sizes = registry.define("sizes").buckets(Buckets::new([1.0, 8.0])?).histogram()?;
    /// sizes.record(0.5);
    ///
    /// // Counted by a worker, a device, a file: 3 up to 1, 4 up to 2, none up to 8, 1 above.
    /// let counted = HistogramValue::of_counts(Buckets::new([1.0, 2.0, 8.0])?, [3, 4, 0, 1], 31.5)?;
    /// sizes.merge(&counted)?;
    /// assert_eq!((sizes.value().counts, sizes.value().sum), (vec![4, 4, 1], 32.0));
    ///
    /// // Another histogram, whole; `Snapshot::since` gives what is new in it.
    /// let elsewhere = Registry::new().define("sizes").buckets(Buckets::new([1.0, 8.0])?).histogram()?;
    /// elsewhere.record_n(3.0, 10);
    /// sizes.merge(&elsewhere.value())?;
    /// assert_eq!(sizes.value().count(), 19);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// From an HdrHistogram, whose values are whole microseconds here:
    ///
    /// ```
    /// use tagmeter::{Registry, model::HistogramValue, stat::{NativeBuckets, NativeCounts}};
    ///
    /// let mut hdr = hdrhistogram::Histogram::<u64>::new(3)?;
    /// [250, 250, 900, 31_000].iter().for_each(|micros| hdr.record(*micros).unwrap());
    ///
    /// let buckets = NativeBuckets::growth(1.1)?;
    /// let (mut native, mut sum) = (NativeCounts::new(&buckets), 0.0);
    /// for step in hdr.iter_recorded() {
    ///     let seconds = hdr.median_equivalent(step.value_iterated_to()) as f64 / 1e6;
    ///     native.record_n(seconds, step.count_at_value());
    ///     sum += seconds * step.count_at_value() as f64;
    /// }
    /// let latency = Registry::new().define("latency_seconds").native(buckets).histogram()?;
    /// latency.merge(&HistogramValue::of_native(native, sum)?)?;
    /// assert_eq!(latency.value().count(), 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn merge(&self, counted: &HistogramValue) -> Result<(), MergeError> {
        counted.check()?;
        check_sign(counted)?;
        let settings = self.0.cell().settings();
        if settings.native.is_some() && counted.native.is_none() {
            return Err(MergeError::NoNative);
        }
        let counts = fit(counted, &settings.buckets)?;
        if let Some(cell) = self.0.recording().filter(|_| counted.count() > 0) {
            cell.record_counted(counts, counted);
        }
        Ok(())
    }
}

/// Refuses a sum that no values of these buckets have: below zero where all of them are above, or any where there are none.
fn check_sign(counted: &HistogramValue) -> Result<(), InvalidHistogram> {
    let lowest_is_empty = counted.counts.first().is_none_or(|count| *count == 0);
    let has_negative = |native: &NativeCounts| !native.negative().is_empty() || native.zero_count() > 0;
    let can_be_negative = counted.native.as_ref().map_or(!lowest_is_empty, has_negative);
    let can_be_positive = counted.count() > 0;
    match counted.sum {
        sum if sum < 0.0 && !can_be_negative || sum > 0.0 && !can_be_positive => {
            Err(InvalidHistogram::Sum(sum))
        }
        _ => Ok(()),
    }
}

/// The counts in the buckets of a histogram.
fn fit(counted: &HistogramValue, ours: &Buckets) -> Result<Vec<u64>, MergeError> {
    let theirs = counted.buckets.bounds();
    if theirs == ours.bounds() {
        return Ok(counted.counts.clone());
    }
    if !ours.bounds().iter().all(|bound| theirs.binary_search_by(|their| their.total_cmp(bound)).is_ok()) {
        return Err(MergeError::Bounds { ours: ours.clone(), theirs: counted.buckets.clone() });
    }
    let mut counts = vec![0; ours.bounds().len() + 1];
    let bounds = theirs.iter().copied().chain([f64::INFINITY]);
    for (bound, count) in bounds.zip(&counted.counts) {
        counts[ours.index_of(bound)] += count;
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use proptest::prelude::*;

    use super::super::{Context, Instrument, Place, Requested};
    use super::*;
    use crate::stat::NativeBuckets;

    fn histogram(requested: &Requested, place: Place) -> Histogram {
        Histogram::create(&Histogram::settings(requested).unwrap(), &Context::default(), place)
    }

    fn bounds(bounds: &[f64]) -> Buckets {
        Buckets::new(bounds).unwrap()
    }

    fn classic(of: &[f64]) -> Requested {
        Requested { buckets: Some(bounds(of)), ..Requested::default() }
    }

    fn native(growth: f64) -> Requested {
        Requested { native: Some(NativeBuckets::growth(growth).unwrap()), ..Requested::default() }
    }

    /// One of each kind, and how to tell two of them apart.
    fn kinds() -> [Requested; 4] {
        let both = Requested { native: native(1.1).native, ..classic(&[1.0, 8.0]) };
        let quantiles = Requested { quantiles: true, ..classic(&[1.0, 8.0]) };
        [classic(&[1.0, 8.0]), native(1.1), both, quantiles]
    }

    proptest! {
        #[test]
        fn two_that_are_merged_hold_what_one_would_hold(
            values in prop::collection::vec((-5_i32..50, 0..4_u64, any::<bool>()), 0..40),
            shared: bool,
        ) {
            let place = if shared { Place::Shared } else { Place::Cells };
            for kind in kinds() {
                let [ours, theirs, all] = [(); 3].map(|()| histogram(&kind, place));
                for (value, times, is_ours) in &values {
                    // Whole numbers, whose sums do not round.
                    let value = f64::from(*value);
                    (if *is_ours { &ours } else { &theirs }).record_n(value, *times);
                    all.record_n(value, *times);
                }
                ours.merge(&theirs.value()).unwrap();
                let [merged, expected] = [ours.value(), all.value()];
                prop_assert_eq!((&merged.counts, merged.sum), (&expected.counts, expected.sum));
                prop_assert_eq!((&merged.native, merged.sum_can_fall), (&expected.native, expected.sum_can_fall));
                let [merged, expected] = [merged, expected].map(|value| value.window.unwrap_or_default());
                prop_assert_eq!((merged.count(), merged.min()), (expected.count(), expected.min()));
                prop_assert_eq!(merged.quantile(0.9), expected.quantile(0.9));
            }
        }
    }

    #[test]
    fn finer_buckets_are_made_one_and_others_refused() {
        let ours = histogram(&classic(&[1.0, 8.0]), Place::Cells);
        let counted =
            |of: &[f64], counts: &[u64]| HistogramValue::of_counts(bounds(of), counts, 1.0).unwrap();
        ours.merge(&counted(&[0.5, 1.0, 2.0, 8.0, 9.0], &[1, 2, 3, 4, 5, 6])).unwrap();
        assert_eq!(ours.value().counts, [3, 7, 11]);
        for coarser in [counted(&[1.0], &[1, 0]), counted(&[0.0, 8.0], &[0, 1, 0])] {
            let (ours, theirs) = (bounds(&[1.0, 8.0]), coarser.buckets.clone());
            let refused = histogram(&classic(&[1.0, 8.0]), Place::Cells).merge(&coarser).unwrap_err();
            assert_eq!(refused, MergeError::Bounds { ours, theirs });
        }
        assert_eq!(ours.value().count(), 21, "refused is not merged");
    }

    #[test]
    fn native_buckets_become_as_coarse_as_what_is_merged_and_no_coarser() {
        let finest = |one: f64, other: f64| {
            let [ours, theirs] = [one, other].map(|growth| histogram(&native(growth), Place::Cells));
            theirs.record_n(5.0, 2);
            ours.record(5.0);
            ours.merge(&theirs.value()).unwrap();
            ours.record(5.0);
            let native = ours.value().native.unwrap();
            assert_eq!((native.count(), ours.value().sum), (4, 20.0));
            native.schema().get()
        };
        assert_eq!([finest(1.1, 1.1), finest(1.1, 2.0), finest(2.0, 1.1)], [3, 0, 0]);
        let classic_alone = HistogramValue::of_counts(bounds(&[1.0]), [1, 0], 0.5).unwrap();
        assert_eq!(histogram(&native(1.1), Place::Cells).merge(&classic_alone), Err(MergeError::NoNative));
    }

    #[test]
    fn sums_that_cannot_be_are_refused() {
        let ours = histogram(&classic(&[1.0, 8.0]), Place::Cells);
        let counted = |counts: [u64; 3]| HistogramValue::of_counts(bounds(&[1.0, 8.0]), counts, 0.0).unwrap();
        let sums = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0];
        for sum in sums {
            let wrong = HistogramValue { sum, ..counted([0, 1, 0]) };
            assert!(
                matches!(ours.merge(&wrong), Err(MergeError::Invalid(InvalidHistogram::Sum(_)))),
                "{sum}"
            );
            // Even where it says that there are negative values: there are none.
            let wrong = HistogramValue { sum_can_fall: true, ..wrong };
            assert!(
                matches!(ours.merge(&wrong), Err(MergeError::Invalid(InvalidHistogram::Sum(_)))),
                "{sum}"
            );
        }
        let of_nothing = HistogramValue { sum: 1.0, ..counted([0, 0, 0]) };
        assert!(ours.merge(&of_nothing).is_err());
        let short = HistogramValue { counts: vec![1], ..counted([1, 0, 0]) };
        assert!(matches!(
            ours.merge(&short),
            Err(MergeError::Invalid(InvalidHistogram::CountsLength { .. }))
        ));
        assert_eq!((ours.value().count(), ours.value().sum), (0, 0.0));
        let negative = HistogramValue { sum: -3.0, sum_can_fall: true, ..counted([2, 0, 0]) };
        ours.merge(&negative).unwrap();
        assert_eq!((ours.value().sum, ours.value().sum_can_fall), (-3.0, true));
    }

    #[test]
    fn counts_and_sums_stop_at_their_ends_and_never_fall() {
        const MOST: u64 = u64::MAX;
        for kind in [classic(&[1.0, 8.0]), Requested { native: native(1.1).native, ..classic(&[1.0, 8.0]) }] {
            for place in [Place::Shared, Place::Cells] {
                let ours = histogram(&kind, place);
                let theirs = histogram(&kind, Place::Shared);
                theirs.record_n(0.5, MOST);
                let counted = HistogramValue { sum: f64::MAX, ..theirs.value() };
                let mut last = 0;
                for _ in 0..5 {
                    ours.merge(&counted).unwrap();
                    ours.record_n(0.5, MOST);
                    std::thread::scope(|scope| scope.spawn(|| ours.merge(&counted)).join().unwrap()).unwrap();
                    ours.record(0.5);
                    let value = ours.value();
                    assert!(value.counts[0] >= last && value.counts[0] >= 1 << 63, "{value:?}");
                    last = value.counts[0];
                }
                assert_eq!(ours.value().sum, f64::MAX);
            }
        }
    }

    #[test]
    fn a_reader_sees_no_half_of_what_three_threads_merge() {
        const EACH: u64 = 3000;
        for kind in kinds() {
            for place in [Place::Shared, Place::Cells] {
                let (ours, theirs) = (histogram(&kind, place), histogram(&kind, Place::Shared));
                // As many in each bucket, and their sum a multiple.
                [0.5, 4.0, 11.5].iter().for_each(|value| theirs.record_n(*value, 2));
                let counted = HistogramValue { window: None, ..theirs.value() };
                let done = AtomicBool::new(false);
                std::thread::scope(|scope| {
                    let merge = || (0..EACH).for_each(|_| ours.merge(&counted).unwrap());
                    let writers: Vec<_> = (0..3).map(|_| scope.spawn(merge)).collect();
                    scope.spawn(|| {
                        while !done.load(Ordering::Relaxed) {
                            let value = ours.value();
                            let count = value.count();
                            assert!(value.counts.iter().all(|of| of * value.counts.len() as u64 == count));
                            assert_eq!(value.sum, count as f64 / 6.0 * 32.0);
                            assert!(value.native.is_none_or(|native| native.count() == count));
                        }
                    });
                    writers.into_iter().for_each(|writer| writer.join().unwrap());
                    done.store(true, Ordering::Relaxed);
                });
                assert_eq!(ours.value().count(), 3 * EACH * 6);
            }
        }
    }
}
