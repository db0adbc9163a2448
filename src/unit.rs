//! What a metric's numbers are measured in.

use std::borrow::Cow;
use std::fmt;

/// The unit of a metric: base units only, as Prometheus asks for, so that no dashboard has to convert.
///
/// Shape: the suffix of the exposed name (`request` in seconds is `request_seconds`), added once and only where the
/// name does not end in it already; `# UNIT` in OpenMetrics.
/// Source: OpenMetrics 1.0, "Units and base units".
///
/// ```
/// use tagmeter::Unit;
///
/// assert_eq!(Unit::Seconds.suffix(), Some("seconds"));
/// assert_eq!(Unit::other("orders").suffix(), Some("orders"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unit {
    /// No unit: the number counts things, or its name says it all.
    #[default]
    None,
    /// Seconds, never milliseconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Joules.
    Joules,
    /// Grams.
    Grams,
    /// Meters.
    Meters,
    /// A share of one, never a percentage.
    Ratio,
    /// Volts.
    Volts,
    /// Amperes.
    Amperes,
    /// Degrees Celsius.
    Celsius,
    /// Any other word. See [`Unit::other`].
    Other(Cow<'static, str>),
}

impl Unit {
    /// A unit of your own; the empty text is [`Unit::None`].
    ///
    /// ```
    /// # use tagmeter::Unit;
    /// assert_eq!(Unit::other(""), Unit::None);
    /// ```
    pub fn other(word: impl Into<Cow<'static, str>>) -> Self {
        match word.into() {
            word if word.is_empty() => Unit::None,
            word => Unit::Other(word),
        }
    }

    /// The word at the end of exposed names, without its underscore.
    ///
    /// ```
    /// # use tagmeter::Unit;
    /// assert_eq!(Unit::None.suffix(), None);
    /// ```
    pub fn suffix(&self) -> Option<&str> {
        Some(match self {
            Unit::None => return None,
            Unit::Seconds => "seconds",
            Unit::Bytes => "bytes",
            Unit::Joules => "joules",
            Unit::Grams => "grams",
            Unit::Meters => "meters",
            Unit::Ratio => "ratio",
            Unit::Volts => "volts",
            Unit::Amperes => "amperes",
            Unit::Celsius => "celsius",
            Unit::Other(word) => word,
        })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.suffix().unwrap_or("no unit"))
    }
}
