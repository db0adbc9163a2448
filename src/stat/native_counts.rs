//! What fell into the buckets of a native histogram.

use crate::stat::native::Schema;
use crate::stat::native_buckets::NativeBuckets;

/// How many values fell into each bucket of a native histogram: those that are empty take no room.
///
/// Units: those of the values.
/// Shape: `schema`, zero bucket, spans and deltas in protobuf.
/// Range: finite values: [`record_n`](NativeCounts::record_n) leaves NaN out and takes infinities for the greatest numbers;
/// instruments refuse both.
/// Source: [Prometheus, "Native Histograms"](https://prometheus.io/docs/specs/native_histograms/).
///
/// ```
/// use tagmeter::stat::{NativeBuckets, NativeCounts};
///
/// let mut sizes = NativeCounts::new(&NativeBuckets::growth(2.0)?);
/// [0.0, 3.0, 4.0, 5.0, -1.0].map(|size| sizes.record_n(size, 1));
/// assert_eq!((sizes.count(), sizes.zero_count()), (5, 1));
/// assert_eq!(sizes.positive(), [(2, 2), (3, 1)]); // above 2 and up to 4, above 4 and up to 8
/// assert_eq!(sizes.negative(), [(0, 1)]);
/// # Ok::<(), tagmeter::stat::InvalidSchema>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NativeCounts {
    schema: Schema,
    zero_threshold: f64,
    zero_count: u64,
    negative: Occupied,
    positive: Occupied,
}

/// Why counts are none of native buckets.
///
/// ```
/// use tagmeter::stat::{InvalidNativeCounts, NativeBuckets, NativeCounts};
///
/// let refused = NativeCounts::from_counts(&NativeBuckets::default(), 0, [], [(2, 1), (2, 5)]);
/// assert_eq!(refused, Err(InvalidNativeCounts::NotRising { previous: 2, index: 2 }));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidNativeCounts {
    /// A bucket's index is not above the one before it.
    #[error("native bucket {index} follows {previous}, expected a greater index")]
    NotRising {
        /// The index before.
        previous: i32,
        /// The index that is not above it.
        index: i32,
    },
    /// No number falls into a bucket of that index.
    #[error("native bucket {0}, expected one that finite numbers fall into")]
    OutOfRange(i32),
    /// The counts add up to more than a `u64` holds.
    #[error("counts that add up to more than {max}", max = u64::MAX)]
    TooMany,
}

/// Indexes and counts of the buckets of one sign that are not empty, by index.
type Occupied = Vec<(i32, u64)>;

impl NativeCounts {
    /// No values yet.
    ///
    /// See the type's example.
    pub fn new(buckets: &NativeBuckets) -> Self {
        NativeCounts {
            schema: buckets.schema(),
            zero_threshold: buckets.threshold(),
            zero_count: 0,
            negative: Vec::new(),
            positive: Vec::new(),
        }
    }

    /// Counts that something else kept: of zeros, and, by rising index, of the buckets below and above zero.
    ///
    /// Of the definition, schema and zero threshold count.
    ///
    /// # Errors
    /// Where indexes do not rise or no number has them, or the counts do not fit a `u64`.
    ///
    /// ```
    /// use tagmeter::stat::{NativeBuckets, NativeCounts};
    ///
    /// let sizes = NativeCounts::from_counts(&NativeBuckets::growth(2.0)?, 1, [(0, 1)], [(2, 2), (3, 1)])?;
    /// assert_eq!(sizes.count(), 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_counts(
        buckets: &NativeBuckets,
        zero_count: u64,
        negative: impl IntoIterator<Item = (i32, u64)>,
        positive: impl IntoIterator<Item = (i32, u64)>,
    ) -> Result<Self, InvalidNativeCounts> {
        let schema = buckets.schema();
        let negative = occupied(schema, negative)?;
        let positive = occupied(schema, positive)?;
        let counts = NativeCounts { zero_count, negative, positive, ..NativeCounts::new(buckets) };
        let mut all = counts.rising().map(|(_, count)| count);
        all.try_fold(0_u64, u64::checked_add).ok_or(InvalidNativeCounts::TooMany)?;
        drop(all);
        Ok(counts)
    }

    /// How fine the buckets are.
    ///
    /// ```
    /// # use tagmeter::stat::{NativeBuckets, NativeCounts};
    /// assert_eq!(NativeCounts::new(&NativeBuckets::default()).schema().get(), 3);
    /// ```
    pub fn schema(&self) -> Schema {
        self.schema
    }

    /// The greatest magnitude in the zero bucket. Where the zero bucket was widened, the bucket next to it may begin below.
    ///
    /// ```
    /// # use tagmeter::stat::{NativeBuckets, NativeCounts};
    /// let counts = NativeCounts::new(&NativeBuckets::default().zero_threshold(0.5)?);
    /// assert_eq!(counts.zero_threshold(), 0.5);
    /// # Ok::<(), tagmeter::stat::InvalidThreshold>(())
    /// ```
    pub fn zero_threshold(&self) -> f64 {
        self.zero_threshold
    }

    /// Values in the zero bucket.
    ///
    /// See the type's example.
    pub fn zero_count(&self) -> u64 {
        self.zero_count
    }

    /// The buckets above zero that are not empty, by [index](Schema::index_of): index and count.
    ///
    /// See the type's example.
    pub fn positive(&self) -> &[(i32, u64)] {
        &self.positive
    }

    /// The buckets below zero, by the index of their magnitudes.
    ///
    /// See the type's example.
    pub fn negative(&self) -> &[(i32, u64)] {
        &self.negative
    }

    /// How many values there are: the sum of all buckets.
    ///
    /// See the type's example.
    pub fn count(&self) -> u64 {
        let buckets = self.negative.iter().chain(&self.positive);
        buckets.fold(self.zero_count, |total, (_, count)| total.saturating_add(*count))
    }

    /// Counts a value some times.
    ///
    /// See the type's example.
    pub fn record_n(&mut self, value: f64, times: u64) {
        if times > 0 && !value.is_nan() {
            let finite = value.clamp(f64::MIN, f64::MAX);
            self.add(Bucket::of(finite, self.schema, self.zero_threshold), times);
        }
    }

    /// Whether there is something in the bucket of a value.
    pub(crate) fn holds(&self, value: f64) -> bool {
        let is_in = |side: &Occupied, index: i32| side.binary_search_by_key(&index, |(own, _)| *own).is_ok();
        match Bucket::of(value, self.schema, self.zero_threshold) {
            Bucket::Zero => self.zero_count > 0,
            Bucket::Above(index) => is_in(&self.positive, index),
            Bucket::Below(index) => is_in(&self.negative, index),
        }
    }

    /// The value below which the share `q` of the values lies.
    ///
    /// Range: `None` when there are none or `q` is not within 0 to 1. Within a bucket values are taken to lie evenly on a
    /// logarithmic scale, within the zero bucket on a straight line; so it is off by less than a bucket is wide.
    /// Source: `histogram_quantile` of Prometheus 3.
    ///
    /// ```
    /// use tagmeter::stat::{NativeBuckets, NativeCounts};
    ///
    /// let mut sizes = NativeCounts::new(&NativeBuckets::growth(1.1)?);
    /// (1..=1000).for_each(|size| sizes.record_n(f64::from(size), 1));
    /// assert!(sizes.quantile(0.9).is_some_and(|size| (size / 900.0 - 1.0).abs() < 0.1));
    /// # Ok::<(), tagmeter::stat::InvalidSchema>(())
    /// ```
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let total = self.rising().map(|(_, count)| count as f64).sum::<f64>();
        if total == 0.0 || !(0.0..=1.0).contains(&q) {
            return None;
        }
        let (rank, mut below) = (q * total, 0.0);
        let mut last = None;
        for (bucket, count) in self.rising() {
            let count = count as f64;
            if below + count >= rank {
                return Some(self.within(bucket, ((rank - below) / count).clamp(0.0, 1.0)));
            }
            below += count;
            last = Some(bucket);
        }
        // Not reached: the last sum is the total, added up in the same order.
        last.map(|bucket| self.within(bucket, 1.0))
    }

    /// Counts in a bucket of this schema.
    fn add(&mut self, bucket: Bucket, times: u64) {
        match bucket {
            Bucket::Zero => self.zero_count = self.zero_count.saturating_add(times),
            Bucket::Above(index) => add_at(&mut self.positive, (index, times)),
            Bucket::Below(index) => add_at(&mut self.negative, (index, times)),
        }
    }

    /// Counts in the bucket above zero of this index.
    pub(crate) fn add_above(&mut self, index: i32, times: u64) {
        self.add(Bucket::Above(index), times);
    }

    /// Counts everything that another counted; both become as coarse as the coarser.
    pub(crate) fn merge(&mut self, mut other: NativeCounts) {
        self.meet(&mut other);
        self.zero_count = self.zero_count.saturating_add(other.zero_count);
        add_all(&mut self.positive, other.positive);
        add_all(&mut self.negative, other.negative);
    }

    /// What was counted since an earlier time, as coarse as the coarser of the two; `None` where a bucket fell.
    pub(crate) fn since(&self, earlier: &NativeCounts) -> Option<NativeCounts> {
        let (mut own, mut earlier) = (self.clone(), earlier.clone());
        own.meet(&mut earlier);
        own.zero_count = own.zero_count.checked_sub(earlier.zero_count)?;
        own.positive = difference(own.positive, earlier.positive)?;
        own.negative = difference(own.negative, earlier.negative)?;
        Some(own)
    }

    /// Whether there are more buckets than there may be.
    fn is_over(&self, buckets: &NativeBuckets) -> bool {
        self.positive.len() + self.negative.len() > buckets.most_buckets()
    }

    /// Whether what it holds made it coarser than defined, or its zero bucket wider.
    pub(crate) fn is_coarser_than(&self, buckets: &NativeBuckets) -> bool {
        self.schema < buckets.schema() || self.zero_threshold > buckets.threshold()
    }

    /// Makes buckets fewer where there are too many.
    ///
    /// What comes out depends on what was counted and not on when: so it can be done to each part, and to the whole at
    /// each reading, and only ever becomes coarser.
    pub(crate) fn limit(&mut self, buckets: &NativeBuckets) {
        while self.is_over(buckets) && (self.widen_zero(buckets) || self.halve()) {}
    }

    /// Takes the buckets next to zero into the zero bucket, unless that would become wider than it may. Then it becomes as
    /// wide as it can: what follows makes buckets wider, and must not find other values near zero than it would have
    /// found earlier.
    fn widen_zero(&mut self, buckets: &NativeBuckets) -> bool {
        let widest = buckets.widest_threshold();
        if self.schema < buckets.schema() || widest <= self.zero_threshold {
            return false;
        }
        let first = |side: &Occupied| side.first().map(|(index, _)| *index);
        let least = first(&self.positive).into_iter().chain(first(&self.negative)).min();
        let threshold = least.map_or(f64::INFINITY, |index| self.schema.upper_bound(index));
        let last = self.schema.upper_bound(self.schema.index_of(widest.next_up()) - 1);
        let before = self.zero_threshold;
        self.set_threshold(threshold.min(last));
        self.zero_threshold > before
    }

    /// Makes two neighbouring buckets one, everywhere.
    fn halve(&mut self) -> bool {
        let Some(coarser) = self.schema.coarser() else { return false };
        self.schema = coarser;
        halve_all(&mut self.positive);
        halve_all(&mut self.negative);
        true
    }

    /// Makes thresholds and schemas equal; thresholds first, while it can still be told what is below them.
    fn meet(&mut self, other: &mut NativeCounts) {
        let threshold = self.zero_threshold.max(other.zero_threshold);
        self.set_threshold(threshold);
        other.set_threshold(threshold);
        while self.schema > other.schema && self.halve() {}
        while other.schema > self.schema && other.halve() {}
    }

    fn set_threshold(&mut self, threshold: f64) {
        if threshold > self.zero_threshold {
            self.zero_threshold = threshold;
            let schema = self.schema;
            for side in [&mut self.positive, &mut self.negative] {
                let inside = side.partition_point(|(index, _)| schema.upper_bound(*index) <= threshold);
                let taken: u64 = side.drain(..inside).fold(0, |sum, (_, count)| sum.saturating_add(count));
                self.zero_count = self.zero_count.saturating_add(taken);
            }
        }
    }

    /// The buckets that are not empty, in the order of their values.
    fn rising(&self) -> impl Iterator<Item = (Bucket, u64)> + '_ {
        let below = self.negative.iter().rev().map(|(index, count)| (Bucket::Below(*index), *count));
        let zero = (self.zero_count > 0).then_some((Bucket::Zero, self.zero_count));
        let above = self.positive.iter().map(|(index, count)| (Bucket::Above(*index), *count));
        below.chain(zero).chain(above)
    }

    /// The point of a bucket that has a share of its values below it.
    fn within(&self, bucket: Bucket, share: f64) -> f64 {
        let magnitude = |index: i32, share: f64| {
            let [lower, upper] = [index.saturating_sub(1), index].map(|index| self.schema.upper_bound(index));
            between(lower, upper.min(f64::MAX), share)
        };
        match bucket {
            Bucket::Below(index) => -magnitude(index, 1.0 - share),
            Bucket::Above(index) => magnitude(index, share),
            Bucket::Zero => {
                let lower = if self.negative.is_empty() { 0.0 } else { -self.zero_threshold };
                let upper = if self.positive.is_empty() { 0.0 } else { self.zero_threshold };
                // With values of zero alone there is nothing on either side.
                if lower == upper { 0.0 } else { lower * (1.0 - share) + upper * share }
            }
        }
    }
}

/// Buckets given by rising index; the empty ones go.
fn occupied(
    schema: Schema,
    given: impl IntoIterator<Item = (i32, u64)>,
) -> Result<Occupied, InvalidNativeCounts> {
    let range = schema.index_of(0.0)..=schema.index_of(f64::MAX);
    let (mut side, mut before): (Occupied, Option<i32>) = (Vec::new(), None);
    for (index, count) in given {
        if let Some(previous) = before.filter(|previous| *previous >= index) {
            return Err(InvalidNativeCounts::NotRising { previous, index });
        }
        if !range.contains(&index) {
            return Err(InvalidNativeCounts::OutOfRange(index));
        }
        before = Some(index);
        side.extend((count > 0).then_some((index, count)));
    }
    Ok(side)
}

/// Where a value belongs in a native histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bucket {
    /// The one around zero.
    Zero,
    /// Above zero.
    Above(i32),
    /// Below zero, by the index of its magnitudes.
    Below(i32),
}

impl Bucket {
    /// The bucket of a value.
    #[inline]
    fn of(value: f64, schema: Schema, zero_threshold: f64) -> Self {
        if value.abs() <= zero_threshold {
            Bucket::Zero
        } else if value > 0.0 {
            Bucket::Above(schema.index_of(value))
        } else {
            Bucket::Below(schema.index_of(value))
        }
    }
}

/// A point between the bounds of a bucket, on a logarithmic scale.
fn between(lower: f64, upper: f64, share: f64) -> f64 {
    if lower == 0.0 {
        return upper * share;
    }
    let [low, high] = [lower, upper].map(f64::log2);
    (low + (high - low) * share).exp2().clamp(lower, upper)
}

fn add_at(side: &mut Occupied, (index, times): (i32, u64)) {
    match side.binary_search_by_key(&index, |(own, _)| *own) {
        Ok(place) => side[place].1 = side[place].1.saturating_add(times),
        Err(place) => side.insert(place, (index, times)),
    }
}

/// Adds two rows of buckets one by one; those that end empty go.
fn add_all(side: &mut Occupied, other: Occupied) {
    other.into_iter().for_each(|bucket| add_at(side, bucket));
    side.retain(|(_, count)| *count > 0);
}

/// A row of buckets less an earlier one, without those that end empty; `None` where one of them fell.
fn difference(mut side: Occupied, earlier: Occupied) -> Option<Occupied> {
    for (index, times) in earlier.into_iter().filter(|(_, times)| *times > 0) {
        let place = side.binary_search_by_key(&index, |(own, _)| *own).ok()?;
        side[place].1 = side[place].1.checked_sub(times)?;
    }
    side.retain(|(_, count)| *count > 0);
    Some(side)
}

fn halve_all(side: &mut Occupied) {
    side.iter_mut().for_each(|(index, _)| *index = Schema::halve(*index));
    side.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            kept.1 = kept.1.saturating_add(later.1);
        }
        same
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn growing(factor: f64) -> NativeBuckets {
        NativeBuckets::growth(factor).unwrap()
    }

    fn counted(buckets: &NativeBuckets, values: &[f64]) -> NativeCounts {
        let mut counts = NativeCounts::new(buckets);
        values.iter().for_each(|value| counts.record_n(*value, 1));
        counts
    }

    #[test]
    fn too_many_buckets_become_coarser_and_lose_nothing() {
        let buckets = growing(2.0).max_buckets(4);
        let mut counts = counted(&buckets, &[1.0, 2.0, 4.0, 8.0, 16.0, -1.0]);
        counts.limit(&buckets);
        assert_eq!((counts.schema().get(), counts.count()), (-1, 6));
        assert_eq!((counts.positive(), counts.negative()), (&[(0, 1), (1, 2), (2, 2)][..], &[(0, 1)][..]));
    }

    #[test]
    fn the_zero_bucket_widens_first_where_it_may() {
        let buckets = growing(2.0).max_buckets(2).widest_zero(2.0).unwrap();
        let mut counts = counted(&buckets, &[0.0, 1.0, -1.0, 2.0, 4.0, 8.0]);
        counts.limit(&buckets);
        assert_eq!((counts.zero_threshold(), counts.zero_count(), counts.schema().get()), (2.0, 4, 0));
        assert_eq!((counts.positive(), counts.negative()), (&[(2, 1), (3, 1)][..], &[][..]));
        counts.record_n(1e9, 1);
        counts.limit(&buckets);
        assert_eq!(
            (counts.zero_threshold(), counts.schema().get(), counts.count()),
            (2.0, -2, 7),
            "then not further"
        );
    }

    #[test]
    fn the_coarsest_schema_has_no_end() {
        let buckets = growing(2.0).max_buckets(1);
        let mut counts = counted(&buckets.zero_threshold(0.0).unwrap(), &[5e-324, f64::MAX, f64::MIN]);
        counts.limit(&buckets);
        assert_eq!((counts.schema().get(), counts.positive().len(), counts.negative().len()), (-4, 2, 1));
    }

    #[test]
    fn what_is_not_finite_does_no_harm() {
        let counts = counted(&growing(2.0), &[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
        assert_eq!(
            (counts.count(), counts.positive(), counts.negative()),
            (2, &[(1024, 1)][..], &[(1024, 1)][..])
        );
        assert_eq!(counts.quantile(1.0), Some(f64::MAX));
    }

    #[test]
    fn zeros_alone_have_the_quantile_zero() {
        let counts = counted(&growing(2.0).zero_threshold(1.0).unwrap(), &[0.0, 0.5]);
        assert_eq!(
            (counts.quantile(0.5), counts.quantile(1.1), counts.quantile(f64::NAN)),
            (Some(0.0), None, None)
        );
        assert_eq!(NativeCounts::new(&growing(2.0)).quantile(0.5), None);
    }

    #[test]
    fn counts_that_lie_are_refused() {
        let buckets = growing(2.0);
        let refused = |above: &[(i32, u64)]| {
            NativeCounts::from_counts(&buckets, 1, [], above.iter().copied()).unwrap_err()
        };
        assert_eq!(refused(&[(2, 1), (1, 1)]), InvalidNativeCounts::NotRising { previous: 2, index: 1 });
        assert_eq!(refused(&[(1025, 1)]), InvalidNativeCounts::OutOfRange(1025));
        assert_eq!(refused(&[(i32::MIN, 1)]), InvalidNativeCounts::OutOfRange(i32::MIN));
        assert_eq!(refused(&[(1, u64::MAX)]), InvalidNativeCounts::TooMany);
        let kept = NativeCounts::from_counts(&buckets, 1, [(0, 1)], [(1, 0), (2, 3)]).unwrap();
        assert_eq!(kept, counted(&buckets, &[0.0, -1.0, 3.0, 3.0, 4.0]));
    }

    fn values() -> impl Strategy<Value = Vec<f64>> {
        use prop::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
        let any = NORMAL | SUBNORMAL | ZERO | POSITIVE | NEGATIVE;
        prop::collection::vec(prop_oneof![1 => any, 3 => -1e3..1e3, 3 => 1e-3..1e1], 0..120)
    }

    fn definitions() -> impl Strategy<Value = NativeBuckets> {
        let thresholds = || prop_oneof![Just(0.0), Just(1e-6), 0.0..2.0];
        (-4..=8_i32, thresholds(), thresholds(), 1..60_usize).prop_map(|(schema, zero, widest, most)| {
            let buckets = NativeBuckets::with_schema(Schema::new(schema).unwrap()).max_buckets(most);
            buckets.zero_threshold(zero).and_then(|buckets| buckets.widest_zero(widest)).unwrap()
        })
    }

    fn naive(values: &[f64], schema: Schema, threshold: f64) -> Vec<(Bucket, u64)> {
        let mut counts: Vec<(Bucket, u64)> = Vec::new();
        for value in values {
            let bucket = Bucket::of(*value, schema, threshold);
            match counts.iter_mut().find(|(own, _)| *own == bucket) {
                Some((_, count)) => *count += 1,
                None => counts.push((bucket, 1)),
            }
        }
        counts
    }

    proptest! {
        #[test]
        fn each_value_is_in_its_bucket(values in values(), buckets in definitions()) {
            let counts = counted(&buckets, &values);
            for (bucket, count) in naive(&values, buckets.schema(), buckets.threshold()) {
                prop_assert!(counts.rising().any(|own| own == (bucket, count)), "{:?} {}", bucket, count);
            }
            prop_assert_eq!(counts.count(), values.len() as u64);
        }

        #[test]
        fn a_limit_is_kept_and_keeps_every_value(values in values(), buckets in definitions()) {
            let mut counts = counted(&buckets, &values);
            counts.limit(&buckets);
            prop_assert_eq!(counts.count(), values.len() as u64);
            prop_assert!(!counts.is_over(&buckets) || counts.schema().get() == -4);
            let widest = buckets.threshold().max(buckets.widest_threshold());
            prop_assert!(counts.zero_threshold() <= widest);
            // What cannot have become zero is in the bucket of the schema, however that was reached.
            let beyond: Vec<f64> = values.iter().copied().filter(|value| value.abs() > widest).collect();
            for (bucket, count) in naive(&beyond, counts.schema(), counts.zero_threshold()) {
                prop_assert!(counts.rising().any(|(own, has)| own == bucket && has >= count));
            }
        }

        #[test]
        fn parts_that_were_limited_make_the_same_whole(
            values in values(),
            buckets in definitions(),
            cut: prop::sample::Index,
        ) {
            let (first, second) = values.split_at(cut.index(values.len() + 1));
            let mut whole = counted(&buckets, &values);
            whole.limit(&buckets);
            let mut parts = counted(&buckets, first);
            parts.limit(&buckets);
            parts.merge(counted(&buckets, second));
            parts.limit(&buckets);
            prop_assert_eq!(parts, whole);
        }

        #[test]
        fn more_values_never_make_it_finer(values in values(), more in values(), buckets in definitions()) {
            let mut before = counted(&buckets, &values);
            let mut after = counted(&buckets, &[values, more].concat());
            before.limit(&buckets);
            after.limit(&buckets);
            prop_assert!(after.schema() <= before.schema());
            prop_assert!(after.zero_threshold() >= before.zero_threshold());
        }

        #[test]
        fn what_is_taken_away_leaves_the_rest(values in values(), more in values(), buckets in definitions()) {
            let (before, both) = (counted(&buckets, &values), counted(&buckets, &[values.as_slice(), &more].concat()));
            prop_assert_eq!(both.since(&before), Some(counted(&buckets, &more)));
            prop_assert_eq!(before.since(&both).is_some(), before == both);
        }

        #[test]
        fn a_quantile_is_within_the_bucket_of_its_value(
            mut values in prop::collection::vec(prop_oneof![-1e9..-1e-9, 1e-9..1e9], 1..200),
            q in 0.0..=1.0_f64,
        ) {
            let counts = counted(&growing(1.1), &values);
            values.sort_by(f64::total_cmp);
            let place = ((q * values.len() as f64).ceil() as usize).clamp(1, values.len()) - 1;
            let (quantile, exact) = (counts.quantile(q).unwrap(), values[place]);
            // A tenth, and some rounding of logarithms.
            prop_assert!((quantile - exact).abs() <= exact.abs() * 0.1001, "{} instead of {}", quantile, exact);
        }
    }
}
