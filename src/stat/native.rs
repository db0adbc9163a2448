//! Buckets of native (exponential) histograms.
//!
//! An index needs no logarithm: the exponent says the doubling, and one look into the [table of powers](crate::stat::powers)
//! with one comparison the step within it, for the finest schema. All others follow by a shift, since a bucket of a
//! coarser schema is a whole row of finer ones.

use crate::stat::powers::{STEPS, power, powers_below};

/// The schemas there are. Source: Prometheus, "Native Histograms", "Schema".
const LEAST: i8 = -4;
/// The finest: 256 buckets a doubling, as many as there are steps in the table of powers.
const FINEST: i8 = STEPS.ilog2() as i8;

/// Bits of the mantissa of `f64`.
const MANTISSA_BITS: u32 = 52;
const MANTISSA: u64 = (1 << MANTISSA_BITS) - 1;
/// Infinity's bits. Those of NaN are above, those of all other magnitudes below.
const INFINITY: u64 = f64::INFINITY.to_bits();
/// The exponent field of numbers from 1 to 2.
const BIAS: i32 = f64::MAX_EXP - 1;
/// The exponent of the least normal number.
const LEAST_EXPONENT: i64 = f64::MIN_EXP as i64 - 1;
/// Doublings that bring every number below the normal range into it.
const LIFT: i32 = 54;
/// The exponent after the last: 2^1024, to which the buckets of finite numbers reach.
const LIMIT: i64 = f64::MAX_EXP as i64;

/// How fine the buckets of a native histogram are.
///
/// The buckets of schema `n` grow by the factor 2^(2^−n): bucket `i` holds the magnitudes above that factor to the power
/// `i − 1` and not above it to the power `i`. So bucket 0 ends at 1, and there are 2^n buckets a doubling.
///
/// | schema | −4 | −1 | 0 | 1 | 2 | 3 | 4 | 5 | 8 |
/// |---|---|---|---|---|---|---|---|---|---|
/// | factor | 65536 | 4 | 2 | 1.414 | 1.189 | 1.091 | 1.044 | 1.022 | 1.0027 |
///
/// Shape: `schema` of Prometheus. OpenTelemetry calls it the scale, and its bucket indexes are less by one.
/// Range: −4 to 8.
/// Source: [Prometheus, "Native Histograms"](https://prometheus.io/docs/specs/native_histograms/#schema).
///
/// ```
/// use tagmeter::stat::Schema;
///
/// let schema = Schema::for_growth(1.1)?; // buckets at most 10 % wide
/// assert_eq!(schema.get(), 3);
/// let index = schema.index_of(0.25);
/// assert_eq!(index, -16); // 8 buckets a doubling
/// assert_eq!(schema.upper_bound(index), 0.25); // bounds are inclusive
/// # Ok::<(), tagmeter::stat::InvalidSchema>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Schema(i8);

/// Why there is no such schema.
///
/// ```
/// use tagmeter::stat::{InvalidSchema, Schema};
///
/// let error = Schema::new(9).unwrap_err();
/// assert_eq!(error, InvalidSchema::Number(9));
/// assert_eq!(error.to_string(), "schema 9 of a native histogram, expected -4 to 8");
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSchema {
    /// The number is no schema with exponential buckets.
    #[error("schema {0} of a native histogram, expected {LEAST} to {FINEST}")]
    Number(i32),
    /// Buckets do not grow by this factor.
    #[error("growth factor {0} of a native histogram, expected one above 1")]
    Growth(f64),
}

impl Schema {
    /// The schema with this number.
    ///
    /// # Errors
    /// When the number is not within −4 to 8.
    ///
    /// ```
    /// use tagmeter::stat::Schema;
    ///
    /// assert_eq!(Schema::new(0)?.upper_bound(1), 2.0);
    /// assert!(Schema::new(-5).is_err());
    /// # Ok::<(), tagmeter::stat::InvalidSchema>(())
    /// ```
    pub fn new(schema: i32) -> Result<Self, InvalidSchema> {
        let number = i8::try_from(schema).ok().filter(|number| (LEAST..=FINEST).contains(number));
        number.map(Schema).ok_or(InvalidSchema::Number(schema))
    }

    /// The coarsest schema whose buckets grow by no more than a factor.
    ///
    /// Range: a factor below that of schema 8, the finest there is, gives schema 8.
    ///
    /// # Errors
    /// When the factor is not above 1.
    ///
    /// ```
    /// use tagmeter::stat::Schema;
    ///
    /// assert_eq!(Schema::for_growth(2.0)?.get(), 0);
    /// assert_eq!(Schema::for_growth(1.999)?.get(), 1);
    /// assert!(Schema::for_growth(1.0).is_err());
    /// # Ok::<(), tagmeter::stat::InvalidSchema>(())
    /// ```
    pub fn for_growth(factor: f64) -> Result<Self, InvalidSchema> {
        if factor.is_nan() || factor <= 1.0 {
            return Err(InvalidSchema::Growth(factor));
        }
        let mut rising = (LEAST..=FINEST).map(Schema);
        Ok(rising.find(|schema| schema.upper_bound(1) <= factor).unwrap_or(Schema(FINEST)))
    }

    /// The number of the schema.
    ///
    /// ```
    /// assert_eq!(tagmeter::stat::Schema::for_growth(1e9)?.get(), -4);
    /// # Ok::<(), tagmeter::stat::InvalidSchema>(())
    /// ```
    pub fn get(self) -> i32 {
        i32::from(self.0)
    }

    /// The bucket of a magnitude, exact to the last bit. The sign is not looked at: what is below zero has buckets of its
    /// own with the same indexes.
    ///
    /// Range: finite magnitudes end in the bucket that ends at 2^1024; infinity has the one after it. Zero and NaN belong
    /// to no bucket and must be told apart before: here zero goes with the least number above it, NaN with infinity.
    ///
    /// ```
    /// use tagmeter::stat::Schema;
    ///
    /// let schema = Schema::new(1)?;
    /// assert_eq!([0.5, 1.0, 1.4, 1.5, 2.0, -2.0].map(|value| schema.index_of(value)), [-2, 0, 1, 2, 2, 2]);
    /// assert_eq!(schema.index_of(f64::MAX), 2048);
    /// assert_eq!(schema.index_of(f64::INFINITY), 2049);
    /// # Ok::<(), tagmeter::stat::InvalidSchema>(())
    /// ```
    #[inline]
    pub fn index_of(self, value: f64) -> i32 {
        // Buckets of a coarser schema are whole rows of finer ones, each row ending where its last ends.
        ((finest_index(value) - 1) >> self.halvings()) + 1
    }

    /// The greatest number of a bucket: the growth factor to the power `index`, rounded down where that is no `f64`.
    ///
    /// Units: those of the values.
    /// Range: `f64::MAX` for the bucket that ends at 2^1024, infinite after it, zero where buckets end before the least
    /// number above zero. Prometheus computes its bounds with rounding of its own; they differ by some units in the last
    /// place.
    ///
    /// ```
    /// use tagmeter::stat::Schema;
    ///
    /// let schema = Schema::new(1)?;
    /// assert_eq!([-2, 0, 2].map(|index| schema.upper_bound(index)), [0.5, 1.0, 2.0]);
    /// assert!(schema.upper_bound(1).powi(2) <= 2.0);
    /// # Ok::<(), tagmeter::stat::InvalidSchema>(())
    /// ```
    pub fn upper_bound(self, index: i32) -> f64 {
        let steps = i64::from(index) << self.halvings();
        let (exponent, step) = (steps >> FINEST, (steps & (STEPS as i64 - 1)) as u8);
        match exponent {
            LIMIT if step == 0 => f64::MAX,
            LIMIT.. => f64::INFINITY,
            _ => rounded_down(exponent, power(step)),
        }
    }

    /// The schema with half as many buckets, unless this is the coarsest. [`halve`](Schema::halve) takes indexes there.
    ///
    /// ```
    /// use tagmeter::stat::Schema;
    ///
    /// assert_eq!(Schema::new(3)?.coarser(), Some(Schema::new(2)?));
    /// assert_eq!(Schema::new(-4)?.coarser(), None);
    /// # Ok::<(), tagmeter::stat::InvalidSchema>(())
    /// ```
    pub fn coarser(self) -> Option<Self> {
        (self.0 > LEAST).then(|| Schema(self.0 - 1))
    }

    /// The index in the next coarser schema of the bucket that holds all of this one: half of it, rounded up.
    ///
    /// ```
    /// use tagmeter::stat::Schema;
    ///
    /// let (fine, coarse) = (Schema::new(3)?, Schema::new(2)?);
    /// assert_eq!(Schema::halve(fine.index_of(0.3)), coarse.index_of(0.3));
    /// assert_eq!([-3, -2, 1, 2].map(Schema::halve), [-1, -1, 1, 1]);
    /// # Ok::<(), tagmeter::stat::InvalidSchema>(())
    /// ```
    pub fn halve(index: i32) -> i32 {
        (index >> 1) + (index & 1)
    }

    /// How often the finest schema must be halved to get this one.
    #[inline]
    fn halvings(self) -> u32 {
        (FINEST - self.0) as u32
    }
}

/// The bucket of a magnitude in schema 8.
#[inline]
fn finest_index(value: f64) -> i32 {
    let bits = value.abs().to_bits();
    // With the bit, infinity is above 2^1024 like the bucket it has.
    let bits = if bits < INFINITY { bits } else { INFINITY + 1 };
    if bits > MANTISSA { index_of_normal(bits) } else { index_of_subnormal(bits) }
}

#[inline]
fn index_of_normal(bits: u64) -> i32 {
    let exponent = (bits >> MANTISSA_BITS) as i32 - BIAS;
    (exponent << FINEST) + powers_below(bits & MANTISSA)
}

#[cold]
fn index_of_subnormal(bits: u64) -> i32 {
    let lifted = f64::from_bits(bits.max(1)) * f64::from_bits(((LIFT + BIAS) as u64) << MANTISSA_BITS);
    index_of_normal(lifted.to_bits()) - (LIFT << FINEST)
}

/// The greatest number not above 2^exponent times 1.mantissa, for exponents of finite numbers or less.
fn rounded_down(exponent: i64, mantissa: u64) -> f64 {
    if exponent >= LEAST_EXPONENT {
        return f64::from_bits(((exponent + i64::from(BIAS)) as u64) << MANTISSA_BITS | mantissa);
    }
    let lost_bits = (LEAST_EXPONENT - exponent).min(i64::from(MANTISSA_BITS) + 1);
    f64::from_bits((mantissa + MANTISSA + 1) >> lost_bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stat::whole::Whole;
    use proptest::prelude::*;

    fn schemas() -> impl Iterator<Item = Schema> {
        (LEAST..=FINEST).map(Schema)
    }

    /// The least index whose bound is not below the number, by whole numbers: the number is odd·2^exponent, and
    /// log2(number)·2^n is log2(odd^(2^n)) + exponent·2^n.
    fn true_index(schema: Schema, value: f64) -> i32 {
        let bits = value.abs().to_bits();
        let (field, mantissa) = ((bits >> 52) as i32, bits & MANTISSA);
        let (whole, exponent) =
            if field == 0 { (mantissa, -1074) } else { (mantissa + MANTISSA + 1, field - 1075) };
        let odd = whole >> whole.trailing_zeros();
        let exponent = exponent + whole.trailing_zeros() as i32;
        let finer = u32::try_from(schema.get()).unwrap_or(0);
        // ⌈log2⌉ of an odd number is its length in bits, except for 1.
        let length = if odd == 1 { 0 } else { Whole::from(odd).squared(finer).bits() as i32 };
        let index = length + (exponent << finer);
        let coarser = 1 << (-schema.get()).max(0);
        index.div_euclid(coarser) + i32::from(index.rem_euclid(coarser) > 0)
    }

    fn assert_exact(value: f64) {
        for schema in schemas() {
            assert_eq!(schema.index_of(value), true_index(schema, value), "{value:e} in {schema:?}");
        }
    }

    #[test]
    fn borders_of_every_schema_are_exact() {
        // The borders of schema 8 are those of all others too.
        let octaves = [-1074, -1060, -1023, -1022, -1, 0, 1, 1023];
        let indexes = octaves.into_iter().flat_map(|octave| 256 * octave..=256 * (octave + 1));
        // All borders of one octave and some of the others: the whole numbers grow long.
        for index in indexes.filter(|index| (0..=256).contains(index) || index % 16 == 0) {
            let border = Schema(FINEST).upper_bound(index);
            for value in [border.next_down(), border, border.next_up()] {
                if value > 0.0 && value.is_finite() {
                    assert_exact(value);
                }
            }
        }
    }

    #[test]
    fn every_bucket_ends_with_its_upper_bound() {
        for schema in schemas() {
            for index in schema.index_of(f64::MIN_POSITIVE)..=schema.index_of(f64::MAX) {
                let bound = schema.upper_bound(index);
                assert_eq!((schema.index_of(bound), schema.index_of(bound.next_up())), (index, index + 1));
            }
        }
    }

    #[test]
    fn bounds_below_the_normal_range_are_rounded_down_too() {
        for schema in schemas() {
            for index in schema.index_of(5e-324) - 3..=schema.index_of(f64::MIN_POSITIVE) {
                let bound = schema.upper_bound(index);
                assert!(bound == 0.0 || schema.index_of(bound) <= index);
                assert!(schema.index_of(bound.next_up()) > index);
            }
        }
    }

    #[test]
    fn the_ends_of_the_range_have_their_buckets() {
        for schema in schemas() {
            let last = schema.index_of(f64::MAX);
            assert_eq!(i64::from(last) << schema.halvings(), LIMIT << FINEST);
            assert_eq!(schema.index_of(f64::INFINITY), last + 1);
            assert_eq!(schema.index_of(f64::NEG_INFINITY), last + 1);
            assert_eq!([schema.index_of(f64::NAN), schema.index_of(-f64::NAN)], [last + 1; 2]);
            assert_eq!([schema.index_of(0.0), schema.index_of(-0.0)], [schema.index_of(5e-324); 2]);
            assert_eq!([last, last + 1].map(|index| schema.upper_bound(index)), [f64::MAX, f64::INFINITY]);
            assert_eq!([i32::MIN, i32::MAX].map(|index| schema.upper_bound(index)), [0.0, f64::INFINITY]);
        }
    }

    #[test]
    fn halving_the_greatest_index_does_not_overflow() {
        assert_eq!([i32::MIN, i32::MAX].map(Schema::halve), [i32::MIN / 2, 1 << 30]);
    }

    #[test]
    fn a_growth_factor_takes_the_coarsest_schema_within_it() {
        for schema in schemas() {
            let factor = schema.upper_bound(1);
            assert_eq!(Schema::for_growth(factor), Ok(schema));
            assert_eq!(Schema::for_growth(factor.next_down()), Ok(Schema((schema.0 + 1).min(FINEST))));
        }
        assert_eq!(Schema::for_growth(1.0_f64.next_up()), Ok(Schema(FINEST)));
        assert_eq!(Schema::for_growth(f64::INFINITY), Ok(Schema(LEAST)));
        assert!(Schema::for_growth(f64::NAN).is_err() && Schema::for_growth(-2.0).is_err());
    }

    proptest! {
        #[test]
        fn any_number_has_its_true_index(value in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL) {
            assert_exact(value);
        }

        #[test]
        fn halving_leads_to_the_coarser_schema(value in prop::num::f64::ANY, number in LEAST + 1..=FINEST) {
            let schema = Schema(number);
            let coarser = schema.coarser().map(|coarser| coarser.index_of(value));
            prop_assert_eq!(coarser, Some(Schema::halve(schema.index_of(value))));
        }
    }
}
