//! When to try again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use super::delivery::Halt;

/// The longest wait before the first retry; each further one may wait twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(4);
/// The longest wait before any retry.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// No backend silences a reporter for longer, whatever it asks for.
const LONGEST_QUIET: Duration = Duration::from_secs(600);

/// Retries of what waits, between two reports.
///
/// Full jitter: the wait is any time up to a bound that doubles, so that reporters that failed together do not come back
/// together. The bounds are those of Apptuit's own client.
#[derive(Debug)]
pub(super) struct Retry {
    chance: Chance,
    /// Retries since the last report.
    tries: u32,
    at: Option<Duration>,
    quiet_until: Duration,
}

impl Retry {
    pub(super) fn new(chance: Chance) -> Self {
        Retry { chance, tries: 0, at: None, quiet_until: Duration::ZERO }
    }

    /// The time of the next retry, if there is to be one.
    pub(super) fn due(&self) -> Option<Duration> {
        self.at
    }

    /// Whether the backend asked to be left alone and that time is not over.
    pub(super) fn is_quiet(&self, now: Duration) -> bool {
        now < self.quiet_until
    }

    /// A new report: the waits are short again.
    pub(super) fn begin(&mut self) {
        (self.tries, self.at) = (0, None);
    }

    /// A round of pushes is over. Where it was not halted although points wait, they have their turn at once; no retry
    /// is begun after `until`.
    pub(super) fn plan(&mut self, halt: Option<Halt>, waiting: usize, now: Duration, until: Duration) {
        let wait = match halt {
            _ if waiting == 0 => None,
            None => Some(Duration::ZERO),
            Some(Halt::Retry(asked)) => Some(self.next_wait().max(self.quiet(asked, now))),
            Some(Halt::Wait | Halt::CutShort) => None,
        };
        self.at = wait.map(|wait| now.saturating_add(wait)).filter(|at| *at <= until);
    }

    fn next_wait(&mut self) -> Duration {
        let bound = FIRST_WAIT.saturating_mul(1 << self.tries.min(8)).min(LONGEST_WAIT);
        self.tries += 1;
        self.chance.up_to(bound)
    }

    fn quiet(&mut self, asked: Option<Duration>, now: Duration) -> Duration {
        let quiet = asked.unwrap_or_default().min(LONGEST_QUIET);
        self.quiet_until = now.saturating_add(quiet);
        quiet
    }
}

/// Random numbers that need not be good: SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    /// The same seed gives the same numbers.
    #[cfg(test)]
    pub(super) fn seeded(seed: u64) -> Self {
        Chance(seed)
    }

    /// Numbers of its own, also among processes that start at the same time.
    pub(super) fn new() -> Self {
        Chance(RandomState::new().hash_one(std::process::id()))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Any time below the bound.
    pub(super) fn up_to(&mut self, bound: Duration) -> Duration {
        let nanos = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
        let share = (u128::from(self.next()) * u128::from(nanos)) >> 64;
        Duration::from_nanos(u64::try_from(share).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGAIN: Option<Halt> = Some(Halt::Retry(None));
    const DAY: Duration = Duration::from_secs(86_400);

    fn retry(seed: u64) -> Retry {
        Retry::new(Chance::seeded(seed))
    }

    /// The longest wait before each of some retries, over many reporters.
    fn longest(tries: usize) -> Vec<Duration> {
        let mut longest = vec![Duration::ZERO; tries];
        for seed in 0..2_000 {
            let mut retry = retry(seed);
            for longest in &mut longest {
                retry.plan(AGAIN, 1, Duration::ZERO, DAY);
                *longest = retry.due().unwrap().max(*longest);
            }
        }
        longest
    }

    #[test]
    fn waits_are_anything_up_to_a_bound_that_doubles() {
        for (longest, bound) in longest(6).into_iter().zip([4, 8, 16, 30, 30, 30]) {
            let bound = Duration::from_secs(bound);
            assert!(longest < bound && longest > bound * 9 / 10, "{longest:?} of {bound:?}");
        }
    }

    #[test]
    fn no_retry_is_begun_too_late() {
        let mut retry = retry(1);
        retry.plan(AGAIN, 1, DAY, DAY);
        assert_eq!(retry.due(), None);
    }

    #[test]
    fn a_backend_that_asks_for_rest_gets_it_but_not_for_ever() {
        let mut retry = retry(1);
        let ask = |seconds| Some(Halt::Retry(Some(Duration::from_secs(seconds))));
        retry.plan(ask(120), 1, Duration::ZERO, DAY);
        assert!(retry.due() >= Some(Duration::from_secs(120)));
        assert!(retry.is_quiet(Duration::from_secs(119)) && !retry.is_quiet(Duration::from_secs(120)));
        retry.plan(ask(u64::MAX), 1, Duration::ZERO, DAY);
        assert!(!retry.is_quiet(LONGEST_QUIET));
    }

    #[test]
    fn what_has_to_be_mended_waits_for_the_next_report_and_nothing_waits_for_nothing() {
        let mut retry = retry(1);
        for (halt, waiting, due) in [
            (Some(Halt::Wait), 1, None),
            (AGAIN, 0, None),
            (None, 0, None),
            (None, 1, Some(Duration::from_secs(7))),
        ] {
            retry.plan(halt, waiting, Duration::from_secs(7), DAY);
            assert_eq!(retry.due(), due, "{halt:?}");
        }
    }
}
