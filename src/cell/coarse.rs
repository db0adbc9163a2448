//! Clocks: coarse ones, that are read in three nanoseconds and tick a few hundred times a second, and an exact one.

use crate::nanos;

/// Nanoseconds since some moment of the past, monotonic, up to 10 ms late.
#[cfg(target_os = "linux")]
#[inline]
pub(crate) fn coarse_nanos() -> u64 {
    nanos(libc::CLOCK_MONOTONIC_COARSE)
}

/// Nanoseconds since the same moment, monotonic, exact. What `Instant` reads too, as a number: a third of the
/// instructions, for a measurement that is one difference.
#[cfg(target_os = "linux")]
#[inline]
pub(crate) fn exact_nanos() -> u64 {
    nanos(libc::CLOCK_MONOTONIC)
}

/// Wall time as nanoseconds since 1970, up to 10 ms late.
#[cfg(target_os = "linux")]
pub(crate) fn coarse_wall_nanos() -> u64 {
    let time = read(libc::CLOCK_REALTIME_COARSE);
    // A clock that is set to before 1970 shows 1970, and one beyond 2554 the end of what the number can hold.
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(nanos::PER_SECOND).saturating_add(time.tv_nsec as u64)
}

#[cfg(target_os = "linux")]
#[inline]
fn nanos(clock: libc::clockid_t) -> u64 {
    let time = read(clock);
    time.tv_sec as u64 * nanos::PER_SECOND + time.tv_nsec as u64
}

#[cfg(target_os = "linux")]
#[inline]
fn read(clock: libc::clockid_t) -> libc::timespec {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes one `timespec` to the pointer, which is that of a local one. It fails for unknown clocks
    // and bad pointers only, and then leaves the zeros; Linux has had these clocks since 2.6.32.
    #[allow(unsafe_code)]
    unsafe {
        libc::clock_gettime(clock, &mut time);
    }
    time
}

/// Elsewhere the ordinary clock does: exact, and some tens of nanoseconds slower.
#[cfg(not(target_os = "linux"))]
pub(crate) fn coarse_nanos() -> u64 {
    exact_nanos()
}

/// As above.
#[cfg(not(target_os = "linux"))]
pub(crate) fn exact_nanos() -> u64 {
    use std::sync::LazyLock;
    use std::time::Instant;

    static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    nanos::of(ORIGIN.elapsed())
}

/// As above.
#[cfg(not(target_os = "linux"))]
pub(crate) fn coarse_wall_nanos() -> u64 {
    use std::time::SystemTime;

    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    nanos::of(since_epoch)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn it_never_falls_and_keeps_up() {
        let (exact, coarse) = (std::time::Instant::now(), coarse_nanos());
        let readings: Vec<u64> = (0..100_000).map(|_| coarse_nanos()).collect();
        assert!(readings.is_sorted() && readings[0] >= coarse);
        let late = exact.elapsed().abs_diff(Duration::from_nanos(coarse_nanos() - coarse));
        assert!(late < Duration::from_millis(50), "{late:?}");
    }

    #[test]
    fn the_exact_clock_is_ahead_of_the_coarse_one_by_less_than_fifty_milliseconds() {
        let coarse = coarse_nanos();
        let readings: Vec<u64> = (0..1000).map(|_| exact_nanos()).collect();
        assert!(readings.is_sorted() && readings[0] >= coarse);
        // Of many tries one is not interrupted.
        let ahead = (0..1000).map(|_| {
            let coarse = coarse_nanos();
            exact_nanos() - coarse
        });
        assert!(ahead.min().is_some_and(|ahead| ahead < 50_000_000));
    }

    #[test]
    fn wall_time_is_that_of_the_system_and_not_ahead() {
        let coarse = SystemTime::UNIX_EPOCH + Duration::from_nanos(coarse_wall_nanos());
        assert!(coarse <= SystemTime::now());
        assert!(coarse.elapsed().is_ok_and(|late| late < Duration::from_secs(5)));
    }
}
