//! When to try again.

use std::time::Duration;

use super::delivery::Halt;
use crate::backoff::{Backoff, Chance};

/// No backend silences a reporter for longer, whatever it asks for.
const LONGEST_QUIET: Duration = Duration::from_secs(600);

/// Retries of what waits, between two reports.
#[derive(Debug)]
pub(super) struct Retry {
    /// The waits since the last report.
    backoff: Backoff,
    at: Option<Duration>,
    quiet_until: Duration,
}

impl Retry {
    pub(super) fn new(chance: Chance) -> Self {
        Retry { backoff: Backoff::new(chance), at: None, quiet_until: Duration::ZERO }
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
        self.backoff.begin();
        self.at = None;
    }

    /// A round of pushes is over. Where it was not halted although points wait, they have their turn at once; no retry
    /// is begun after `until`.
    pub(super) fn plan(&mut self, halt: Option<Halt>, waiting: usize, now: Duration, until: Duration) {
        let wait = match halt {
            _ if waiting == 0 => None,
            None => Some(Duration::ZERO),
            Some(Halt::Retry(asked)) => Some(self.backoff.next().max(self.quiet(asked, now))),
            Some(Halt::Wait | Halt::CutShort) => None,
        };
        self.at = wait.map(|wait| now.saturating_add(wait)).filter(|at| *at <= until);
    }

    fn quiet(&mut self, asked: Option<Duration>, now: Duration) -> Duration {
        let quiet = asked.unwrap_or_default().min(LONGEST_QUIET);
        self.quiet_until = now.saturating_add(quiet);
        quiet
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
