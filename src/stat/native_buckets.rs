//! What a definition says about native buckets.

use std::fmt;
use std::time::Duration;

use crate::stat::native::{InvalidSchema, Schema};

/// The growth that definitions have which do not say one: buckets at most a tenth wider than they begin.
const GROWTH: f64 = 1.1;
/// Magnitudes up to here count as zero where nothing else is said: 2^-128, as in Go's client.
const ZERO_THRESHOLD: f64 = f64::from_bits((1023 - 128) << 52);
/// As many as OpenTelemetry's: at a growth of 1.1 they span six decades.
const MAX_BUCKETS: usize = 160;
/// What a histogram may hold and a page should show: more are taken for this.
const MOST_BUCKETS: usize = 4096;

/// The buckets of a native histogram: made where values fall, as wide as a growth factor says.
///
/// There are no bounds to choose: a growth of 1.1 tells any value from one 10 % greater, whether it is a microsecond or
/// an hour, and quantiles are off by less than that. Where values spread over more than [`max_buckets`] buckets, the
/// histogram becomes coarser instead of longer.
///
/// Units: those of the values (seconds for timers).
/// Shape: `schema`, zero bucket, spans and deltas in protobuf for Prometheus; text formats have no words for it, and show a
/// histogram that has no classic [`Buckets`](crate::stat::Buckets) besides as its count and sum.
/// Range: growth above 1 (below 1.0027 as that), 1 to 4096 buckets.
/// Source: [Prometheus, "Native Histograms"](https://prometheus.io/docs/specs/native_histograms/).
///
/// ```
/// use tagmeter::stat::NativeBuckets;
///
/// let registry = tagmeter::Registry::new();
/// let sizes = registry.define("sizes").native(NativeBuckets::growth(1.05)?.max_buckets(100)).histogram()?;
/// sizes.record(3.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`max_buckets`]: NativeBuckets::max_buckets
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NativeBuckets {
    schema: Schema,
    zero_threshold: f64,
    widest_zero: f64,
    max_buckets: usize,
    reset_after: Option<Duration>,
}

/// The threshold of a zero bucket is negative, infinite or NaN.
///
/// ```
/// use tagmeter::stat::{InvalidThreshold, NativeBuckets};
///
/// let error = NativeBuckets::default().zero_threshold(-1.0).unwrap_err();
/// assert_eq!(error, InvalidThreshold(-1.0));
/// assert_eq!(error.to_string(), "threshold -1 of a zero bucket, expected zero or a positive number");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("threshold {0} of a zero bucket, expected zero or a positive number")]
pub struct InvalidThreshold(pub f64);

impl NativeBuckets {
    /// Buckets that grow by no more than a factor: the coarsest [`Schema`] that does.
    ///
    /// # Errors
    /// When the factor is not above 1.
    ///
    /// ```
    /// use tagmeter::stat::NativeBuckets;
    ///
    /// assert_eq!(NativeBuckets::growth(1.1)?.schema().get(), 3);
    /// assert!(NativeBuckets::growth(1.0).is_err());
    /// # Ok::<(), tagmeter::stat::InvalidSchema>(())
    /// ```
    pub fn growth(factor: f64) -> Result<Self, InvalidSchema> {
        Schema::for_growth(factor).map(NativeBuckets::with_schema)
    }

    /// The buckets of a schema.
    ///
    /// ```
    /// use tagmeter::stat::{NativeBuckets, Schema};
    ///
    /// assert_eq!(NativeBuckets::with_schema(Schema::new(3)?), NativeBuckets::default());
    /// # Ok::<(), tagmeter::stat::InvalidSchema>(())
    /// ```
    pub fn with_schema(schema: Schema) -> Self {
        NativeBuckets {
            schema,
            zero_threshold: ZERO_THRESHOLD,
            widest_zero: 0.0,
            max_buckets: MAX_BUCKETS,
            reset_after: None,
        }
    }

    /// What counts as zero: magnitudes not above this. Without it that is 2^-128; with 0 only zeros do.
    ///
    /// # Errors
    /// When the threshold is negative or not finite.
    ///
    /// ```
    /// # use tagmeter::stat::NativeBuckets;
    /// let buckets = NativeBuckets::default().zero_threshold(1e-9)?;
    /// # Ok::<(), tagmeter::stat::InvalidThreshold>(())
    /// ```
    pub fn zero_threshold(self, threshold: f64) -> Result<Self, InvalidThreshold> {
        // Adding zero makes -0.0 the zero it is.
        Ok(NativeBuckets { zero_threshold: checked(threshold)? + 0.0, ..self })
    }

    /// How wide the zero bucket may become, before buckets do, where there are too many. Without it, not at all.
    ///
    /// # Errors
    /// When the threshold is negative or not finite.
    ///
    /// ```
    /// # use tagmeter::stat::NativeBuckets;
    /// // Nobody needs to know what was faster than a microsecond.
    /// let buckets = NativeBuckets::default().widest_zero(1e-6)?;
    /// # Ok::<(), tagmeter::stat::InvalidThreshold>(())
    /// ```
    pub fn widest_zero(self, threshold: f64) -> Result<Self, InvalidThreshold> {
        Ok(NativeBuckets { widest_zero: checked(threshold)? + 0.0, ..self })
    }

    /// How many buckets there may be, the zero bucket not counted; 160 without it.
    ///
    /// Where values fall into more, the zero bucket takes in its neighbours, if
    /// [`widest_zero`](NativeBuckets::widest_zero) allows; then neighbouring buckets are made one, as often as needed.
    /// Nothing recorded is lost by that. It begins anew and fine again where [`reset_after`](NativeBuckets::reset_after)
    /// says so. At the coarsest schema there can be up to 260, whatever is said here.
    ///
    /// ```
    /// # use tagmeter::stat::NativeBuckets;
    /// let buckets = NativeBuckets::default().max_buckets(40);
    /// ```
    #[must_use]
    pub fn max_buckets(self, most: usize) -> Self {
        NativeBuckets { max_buckets: most.clamp(1, MOST_BUCKETS), ..self }
    }

    /// Lets the histogram begin anew when it has too many buckets, if it was not begun within this time; without it,
    /// never.
    ///
    /// Where a reading finds it so, the next one is the last before it begins anew, so that nothing is lost to a single
    /// reader; of several, one may miss what came after its last reading. Then it counts from zero, with a new start time, which Prometheus takes for a restart of the program. A
    /// histogram with classic buckets besides begins anew in those as well.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tagmeter::stat::NativeBuckets;
    /// let buckets = NativeBuckets::default().reset_after(Duration::from_secs(3600));
    /// ```
    #[must_use]
    pub fn reset_after(self, time: Duration) -> Self {
        NativeBuckets { reset_after: Some(time), ..self }
    }

    /// How fine they are while there are not too many.
    ///
    /// ```
    /// # use tagmeter::stat::NativeBuckets;
    /// assert_eq!(NativeBuckets::default().schema().get(), 3);
    /// ```
    pub fn schema(&self) -> Schema {
        self.schema
    }

    /// The greatest magnitude that counts as zero from the start.
    pub(crate) fn threshold(&self) -> f64 {
        self.zero_threshold
    }

    /// The greatest that may come to count as zero.
    pub(crate) fn widest_threshold(&self) -> f64 {
        self.widest_zero
    }

    pub(crate) fn most_buckets(&self) -> usize {
        self.max_buckets
    }

    pub(crate) fn resets_after(&self) -> Option<Duration> {
        self.reset_after
    }
}

/// Buckets that grow by no more than 1.1, at most 160.
impl Default for NativeBuckets {
    fn default() -> Self {
        NativeBuckets::growth(GROWTH).expect("it is above 1")
    }
}

/// What tells one definition from another.
impl fmt::Display for NativeBuckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NativeBuckets { schema, zero_threshold, widest_zero, max_buckets, reset_after } = self;
        write!(
            f,
            "at most {max_buckets} native buckets of schema {}, zero up to {zero_threshold:e}",
            schema.get()
        )?;
        if *widest_zero > *zero_threshold {
            write!(f, " or {widest_zero:e}")?;
        }
        reset_after.map_or(Ok(()), |time| write!(f, ", reset after {time:?}"))
    }
}

fn checked(threshold: f64) -> Result<f64, InvalidThreshold> {
    if threshold.is_finite() && threshold >= 0.0 { Ok(threshold) } else { Err(InvalidThreshold(threshold)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_as_in_other_clients() {
        let buckets = NativeBuckets::default();
        assert_eq!(buckets.threshold(), 2.938735877055719e-39);
        assert_eq!(
            buckets.to_string(),
            "at most 160 native buckets of schema 3, zero up to 2.938735877055719e-39"
        );
    }

    #[test]
    fn thresholds_are_magnitudes() {
        for odd in [f64::NAN, f64::INFINITY, -1e-9] {
            assert!(NativeBuckets::default().zero_threshold(odd).is_err());
            assert!(NativeBuckets::default().widest_zero(odd).is_err());
        }
        let zero = NativeBuckets::default().zero_threshold(-0.0).unwrap();
        assert!(zero.threshold().is_sign_positive());
    }

    #[test]
    fn definitions_that_differ_never_read_the_same() {
        let default = NativeBuckets::default;
        let all = [
            default(),
            NativeBuckets::growth(2.0).unwrap(),
            default().zero_threshold(1e-9).unwrap(),
            default().widest_zero(1e-9).unwrap(),
            default().max_buckets(40),
            default().reset_after(Duration::from_secs(60)),
        ];
        let texts: std::collections::BTreeSet<String> = all.iter().map(NativeBuckets::to_string).collect();
        assert_eq!(texts.len(), all.len(), "{texts:?}");
    }
}
