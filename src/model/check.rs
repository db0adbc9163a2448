//! What a value must be for every format to have a place for it.

use super::value::{Number, Value};
use super::{InvalidHistogram, InvalidSummary, Kind};

/// Why a value can be shown nowhere.
///
/// ```
/// use tagmeter::model::{InvalidValue, Number, Value};
///
/// let refused = Value::Counter(Number::Float(-1.0)).check();
/// assert_eq!(refused, Err(InvalidValue::Count(-1.0)));
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidValue {
    /// A counter's total is negative or not finite.
    #[error("a total of {0}, expected a number that is finite and not negative")]
    Count(f64),
    /// The buckets are no histogram.
    #[error(transparent)]
    Histogram(#[from] InvalidHistogram),
    /// The quantiles are no summary.
    #[error(transparent)]
    Summary(#[from] InvalidSummary),
    /// A state set has more or fewer states than it says are on or off.
    #[error("{states} states of which {on} are on or off, expected as many")]
    States {
        /// How many states there are.
        states: usize,
        /// Of how many it is said whether they are on.
        on: usize,
    },
    /// It is a value of another kind than its family.
    #[error("a value of a {found} in a family of the kind {family}")]
    OtherKind {
        /// The value's kind.
        found: Kind,
        /// The family's.
        family: Kind,
    },
}

impl Value {
    /// Whether it can be shown: what instruments give always can, what is made by hand or comes from outside need not.
    ///
    /// # Errors
    /// Where no format has a place for it.
    ///
    /// ```
    /// use tagmeter::model::Value;
    /// assert!(Value::Gauge(f64::NAN).check().is_ok());
    /// ```
    pub fn check(&self) -> Result<(), InvalidValue> {
        match self {
            Value::Counter(Number::Float(total)) if !total.is_finite() || *total < 0.0 => {
                Err(InvalidValue::Count(*total))
            }
            Value::Timer(timer) => Ok(timer.durations.check()?),
            Value::Histogram(histogram) | Value::GaugeHistogram(histogram) => Ok(histogram.check()?),
            Value::Summary(summary) => Ok(summary.check()?),
            Value::StateSet(set) if set.states.len() != set.on.len() => {
                Err(InvalidValue::States { states: set.states.len(), on: set.on.len() })
            }
            Value::Counter(_)
            | Value::UpDownCounter(_)
            | Value::Gauge(_)
            | Value::Meter(_)
            | Value::Info(_)
            | Value::StateSet(_)
            | Value::Unknown(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StateSetValue;

    #[test]
    fn totals_are_finite_and_not_negative() {
        let check = |total: f64| Value::Counter(total.into()).check();
        assert!([-1.0, f64::NAN, f64::INFINITY].iter().all(|total| check(*total).is_err()));
        assert_eq!(check(0.5), Ok(()));
    }

    #[test]
    fn a_state_is_on_or_off() {
        let half = StateSetValue { states: ["on".into(), "off".into()].into(), on: vec![true] };
        assert_eq!(Value::from(half).check(), Err(InvalidValue::States { states: 2, on: 1 }));
    }
}
