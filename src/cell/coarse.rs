//! Clocks that are read in three nanoseconds and tick a few hundred times a second.

#[cfg(target_os = "linux")]
use std::time::Duration;
use std::time::SystemTime;

/// Nanoseconds since some moment of the past, monotonic, up to 10 ms late.
#[cfg(target_os = "linux")]
#[inline]
pub(crate) fn coarse_nanos() -> u64 {
    let time = coarse(libc::CLOCK_MONOTONIC_COARSE);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Wall time, up to 10 ms late.
#[cfg(target_os = "linux")]
pub(crate) fn coarse_wall() -> SystemTime {
    let time = coarse(libc::CLOCK_REALTIME_COARSE);
    // A clock that is set to before 1970 shows 1970.
    SystemTime::UNIX_EPOCH + Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), time.tv_nsec as u32)
}

#[cfg(target_os = "linux")]
#[inline]
fn coarse(clock: libc::clockid_t) -> libc::timespec {
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
    use std::sync::LazyLock;
    use std::time::Instant;

    static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(ORIGIN.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// As above.
#[cfg(not(target_os = "linux"))]
pub(crate) fn coarse_wall() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
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
    fn wall_time_is_that_of_the_system_and_not_ahead() {
        let coarse = coarse_wall();
        assert!(coarse <= SystemTime::now());
        assert!(coarse.elapsed().is_ok_and(|late| late < Duration::from_secs(5)));
    }
}
