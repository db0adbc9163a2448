//! One of the values that a series was made of, and whose it was.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{HistogramValue, Nanos, Value, nanos};

/// One of the values that a series was made of, with labels that say whose it was: as a rule those of a trace.
///
/// Units: the series' own; a counter's is the amount that was added.
/// Shape: behind the `_total` of a counter and the buckets of a histogram in OpenMetrics and protobuf, an entry of `exemplars`
/// in JSON; no other format has a place for it.
/// Range: labels of 128 characters at most, names and values together, whose names are those of labels in Prometheus; a
/// finite value.
/// Source: OpenMetrics 1.0.0, "Exemplars".
///
/// ```
/// use std::time::SystemTime;
/// use tagmeter::model::Exemplar;
///
/// let slow = Exemplar::new([("trace_id", "4bf92f3577b34da6")], 0.67, SystemTime::now())?;
/// assert_eq!(slow.labels().next(), Some(("trace_id", "4bf92f3577b34da6")));
/// assert_eq!(slow.value(), 0.67);
/// # Ok::<(), tagmeter::model::InvalidExemplar>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    labels: Labels,
    value: f64,
    time: Nanos,
}

/// Shared: a snapshot's copy is one addition.
type Labels = Arc<[(Box<str>, Box<str>)]>;

/// Most characters in the names and values of an exemplar's labels. Source: OpenMetrics 1.0.0, "Exemplars".
const MOST_CHARACTERS: usize = 128;

/// Why something is no exemplar.
///
/// ```
/// use std::time::SystemTime;
/// use tagmeter::model::{Exemplar, InvalidExemplar};
///
/// let long = "ü".repeat(121);
/// let refused = Exemplar::new([("trace_id", &long)], 1.0, SystemTime::now());
/// assert_eq!(refused, Err(InvalidExemplar::TooLong { characters: 129 }));
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidExemplar {
    /// The labels are too long to be shown.
    #[error("labels of {characters} characters, expected at most {MOST_CHARACTERS}")]
    TooLong {
        /// What the names and values have together, or enough of it to be too much.
        characters: usize,
    },
    /// A label's name is none.
    #[error("label name {name:?}, expected letters, digits and `_`, no digit first, and no `__` in front")]
    LabelName {
        /// What was given.
        name: Box<str>,
    },
    /// Two labels have the same name.
    #[error("label {name:?} is there twice")]
    LabelTwice {
        /// The name.
        name: Box<str>,
    },
    /// The value has no bucket.
    #[error("value {value}, expected a finite one")]
    NotFinite {
        /// The value.
        value: f64,
    },
}

impl Exemplar {
    /// An exemplar. A label with an empty value is an absent one.
    ///
    /// # Errors
    ///
    /// Labels that no format could show, and values that are not finite.
    ///
    /// See the type's example.
    pub fn new<K: AsRef<str>, V: AsRef<str>>(
        labels: impl IntoIterator<Item = (K, V)>,
        value: f64,
        time: SystemTime,
    ) -> Result<Self, InvalidExemplar> {
        Exemplar::at(labels, value, nanos(time))
    }

    pub(crate) fn at<K: AsRef<str>, V: AsRef<str>>(
        labels: impl IntoIterator<Item = (K, V)>,
        value: f64,
        time: Nanos,
    ) -> Result<Self, InvalidExemplar> {
        if !value.is_finite() {
            return Err(InvalidExemplar::NotFinite { value });
        }
        Ok(Exemplar { labels: checked(labels)?, value, time })
    }

    /// Names and values of its labels, in the order they were given in.
    ///
    /// See the type's example.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The value that was recorded.
    ///
    /// See the type's example.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// When it was recorded, by the wall clock.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// # use tagmeter::model::Exemplar;
    /// let exemplar = Exemplar::new([("trace_id", "1")], 1.0, SystemTime::UNIX_EPOCH)?;
    /// assert_eq!(exemplar.time(), SystemTime::UNIX_EPOCH);
    /// # Ok::<(), tagmeter::model::InvalidExemplar>(())
    /// ```
    pub fn time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.time)
    }

    pub(crate) fn nanos(&self) -> Nanos {
        self.time
    }
}

fn checked<K: AsRef<str>, V: AsRef<str>>(
    given: impl IntoIterator<Item = (K, V)>,
) -> Result<Labels, InvalidExemplar> {
    let mut labels: Vec<(Box<str>, Box<str>)> = Vec::new();
    let mut characters = 0;
    for (name, value) in given {
        let (name, value) = (name.as_ref(), value.as_ref());
        check_name(name)?;
        if labels.iter().any(|(earlier, _)| **earlier == *name) {
            return Err(InvalidExemplar::LabelTwice { name: name.into() });
        }
        if value.is_empty() {
            continue;
        }
        characters += name.chars().count() + value.chars().count();
        // Before it is kept: however long it is, and however many there are.
        if characters > MOST_CHARACTERS {
            return Err(InvalidExemplar::TooLong { characters });
        }
        labels.push((name.into(), value.into()));
    }
    Ok(labels.into())
}

/// Prometheus keeps names in `__` to itself.
fn check_name(name: &str) -> Result<(), InvalidExemplar> {
    let legal = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
    let begins = name.bytes().next().is_some_and(|first| !first.is_ascii_digit());
    match begins && name.bytes().all(legal) && !name.starts_with("__") {
        true => Ok(()),
        false => Err(InvalidExemplar::LabelName { name: name.chars().take(MOST_CHARACTERS).collect() }),
    }
}

impl Value {
    /// Whether an exemplar can be one of the values that this was made of: what is shown beside a count is among it, though
    /// part of the count was taken away since, or is not yet seen.
    pub(crate) fn holds(&self, exemplar: &Exemplar) -> bool {
        match self {
            Value::Counter(total) => (0.0..=total.as_f64()).contains(&exemplar.value),
            Value::Timer(timer) => timer.durations.holds(exemplar.value),
            Value::Histogram(histogram) => histogram.holds(exemplar.value),
            _ => false,
        }
    }
}

impl HistogramValue {
    fn holds(&self, value: f64) -> bool {
        let bucket = self.counts.get(self.buckets.index_of(value));
        bucket.is_some_and(|count| *count > 0)
            && self.native.as_ref().is_none_or(|native| native.holds(value))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Number;

    fn exemplar(labels: &[(&str, &str)]) -> Result<Exemplar, InvalidExemplar> {
        Exemplar::at(labels.iter().copied(), 1.0, 0)
    }

    #[test]
    fn a_label_has_a_name_that_prometheus_takes_and_no_other_has_it() {
        for name in ["", "9", "a-b", "trace id", "größe", "__name__", "__", "a\0"] {
            assert_eq!(exemplar(&[(name, "1")]), Err(InvalidExemplar::LabelName { name: name.into() }));
        }
        assert_eq!(
            exemplar(&[("a", "1"), ("a", "2")]),
            Err(InvalidExemplar::LabelTwice { name: "a".into() })
        );
        for name in ["_", "a", "trace_id", "A9", "le"] {
            assert!(exemplar(&[(name, "1")]).is_ok(), "{name}");
        }
    }

    #[test]
    fn an_empty_value_is_an_absent_label() {
        let made = exemplar(&[("a", ""), ("b", "1")]).unwrap();
        assert_eq!(made.labels().collect::<Vec<_>>(), [("b", "1")]);
        assert_eq!(exemplar(&[]).unwrap().labels().count(), 0);
    }

    #[test]
    fn what_has_no_bucket_is_no_exemplar() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Exemplar::at([("a", "1")], value, 0).is_err());
        }
    }

    #[test]
    fn a_total_holds_what_is_not_more_than_it() {
        let of = |value| Exemplar::at([("a", "1")], value, 0).unwrap();
        let total = Value::Counter(Number::Integer(3));
        assert_eq!([-1.0, 0.0, 3.0, 3.5].map(|value| total.holds(&of(value))), [false, true, true, false]);
        assert!(!Value::Gauge(7.0).holds(&of(1.0)));
    }

    proptest! {
        #[test]
        fn labels_never_have_more_characters_than_may_be(
            labels in prop::collection::vec(("[a-z]{1,9}", ".{0,60}"), 0..6),
        ) {
            let characters: usize = labels
                .iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| name.chars().count() + value.chars().count())
                .sum();
            match Exemplar::at(labels, 1.0, 0) {
                Ok(_) => prop_assert!(characters <= MOST_CHARACTERS),
                Err(InvalidExemplar::TooLong { .. }) => prop_assert!(characters > MOST_CHARACTERS),
                Err(error) => {
                    let is_twice = matches!(error, InvalidExemplar::LabelTwice { .. });
                    prop_assert!(is_twice, "{}", error);
                }
            }
        }
    }
}
