//! When a point was measured, as time-series databases write it.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970-01-01 UTC, sent as given: whole, or with a fraction.
///
/// Units: seconds. Databases of the OpenTSDB family read a whole number of thirteen digits as milliseconds.
/// Range: any integer; a float has to be finite where a point is made.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use tagmeter::report::Timestamp;
///
/// assert_eq!(Timestamp::from(SystemTime::UNIX_EPOCH + Duration::from_millis(2900)), Timestamp::from(2));
/// assert_eq!(Timestamp::from(1600000000.75).to_string(), "1600000000.75");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timestamp(Seconds);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Seconds {
    Whole(i64),
    Fraction(f64),
}

impl Timestamp {
    /// The seconds as a float.
    ///
    /// ```
    /// assert_eq!(tagmeter::report::Timestamp::from(2).as_f64(), 2.0);
    /// ```
    pub fn as_f64(self) -> f64 {
        match self.0 {
            Seconds::Whole(seconds) => seconds as f64,
            Seconds::Fraction(seconds) => seconds,
        }
    }

    /// The seconds, if they were given whole.
    ///
    /// ```
    /// use tagmeter::report::Timestamp;
    ///
    /// assert_eq!(Timestamp::from(2).as_whole(), Some(2));
    /// assert_eq!(Timestamp::from(2.5).as_whole(), None);
    /// ```
    pub fn as_whole(self) -> Option<i64> {
        match self.0 {
            Seconds::Whole(seconds) => Some(seconds),
            Seconds::Fraction(_) => None,
        }
    }
}

/// The whole second that had begun.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let seconds = match time.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            Err(before) => {
                let before = before.duration();
                let begun = before.as_secs() + u64::from(before.subsec_nanos() > 0);
                i64::try_from(begun).map_or(i64::MIN, |seconds| -seconds)
            }
        };
        Timestamp(Seconds::Whole(seconds))
    }
}

impl From<i32> for Timestamp {
    fn from(seconds: i32) -> Self {
        Timestamp(Seconds::Whole(seconds.into()))
    }
}

impl From<i64> for Timestamp {
    fn from(seconds: i64) -> Self {
        Timestamp(Seconds::Whole(seconds))
    }
}

impl From<u32> for Timestamp {
    fn from(seconds: u32) -> Self {
        Timestamp(Seconds::Whole(seconds.into()))
    }
}

/// Beyond `i64::MAX`: `i64::MAX`, which is 292 billion years from now.
impl From<u64> for Timestamp {
    fn from(seconds: u64) -> Self {
        Timestamp(Seconds::Whole(i64::try_from(seconds).unwrap_or(i64::MAX)))
    }
}

impl From<f64> for Timestamp {
    fn from(seconds: f64) -> Self {
        Timestamp(Seconds::Fraction(seconds))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Seconds::Whole(seconds) => seconds.fmt(f),
            Seconds::Fraction(seconds) => seconds.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_time_is_the_second_that_had_begun() {
        assert_eq!(Timestamp::from(UNIX_EPOCH), Timestamp::from(0));
        assert_eq!(Timestamp::from(UNIX_EPOCH + Duration::from_millis(1999)), Timestamp::from(1));
        assert_eq!(Timestamp::from(UNIX_EPOCH - Duration::from_millis(1)), Timestamp::from(-1));
        assert_eq!(Timestamp::from(UNIX_EPOCH - Duration::from_secs(1)), Timestamp::from(-1));
    }

    #[test]
    fn milliseconds_and_fractions_stay_as_given() {
        assert_eq!(Timestamp::from(1_600_000_000_123_i64).to_string(), "1600000000123");
        assert_eq!(Timestamp::from(1600000000.75).as_f64(), 1600000000.75);
    }
}
