//! A clock that is read in three nanoseconds and ticks a few hundred times a second.

/// Nanoseconds since some moment of the past, monotonic, up to 10 ms late.
#[cfg(target_os = "linux")]
#[inline]
pub(crate) fn coarse_nanos() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes one `timespec` to the pointer, which is that of a local one. It fails for unknown clocks
    // and bad pointers only, and then leaves the zeros; Linux has had this clock since 2.6.32.
    #[allow(unsafe_code)]
    unsafe {
        libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &mut time);
    }
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Elsewhere the ordinary clock does: exact, and some tens of nanoseconds slower.
#[cfg(not(target_os = "linux"))]
pub(crate) fn coarse_nanos() -> u64 {
    use std::sync::LazyLock;
    use std::time::Instant;

    static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(ORIGIN.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_never_falls_and_keeps_up() {
        let (exact, coarse) = (std::time::Instant::now(), coarse_nanos());
        let readings: Vec<u64> = (0..100_000).map(|_| coarse_nanos()).collect();
        assert!(readings.is_sorted() && readings[0] >= coarse);
        let late = exact.elapsed().abs_diff(Duration::from_nanos(coarse_nanos() - coarse));
        assert!(late < Duration::from_millis(50), "{late:?}");
    }
}
