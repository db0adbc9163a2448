//! Times as whole nanoseconds, which are what cells, clocks and formats count in.

use std::time::Duration;

/// Nanoseconds of a second.
pub(crate) const PER_SECOND: u64 = 1_000_000_000;

/// A time in nanoseconds; what is longer than 584 years is as long as that.
#[inline]
pub(crate) fn of(time: Duration) -> u64 {
    // Not `as_nanos`, whose 128 bits would cost each recorded duration a comparison more.
    time.as_secs().saturating_mul(PER_SECOND).saturating_add(time.subsec_nanos().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_time_is_the_greatest_number() {
        assert_eq!(of(Duration::from_millis(1_500)), PER_SECOND * 3 / 2);
        assert_eq!(of(Duration::from_nanos(u64::MAX)), u64::MAX);
        assert_eq!(of(Duration::MAX), u64::MAX);
    }
}
