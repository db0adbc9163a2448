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
            Some(Halt::Retry(asked)) => {
                self.rest(asked, now);
                Some(self.backoff.next())
            }
            Some(Halt::Wait | Halt::CutShort) => None,
        };
        let at = wait.map(|wait| now.saturating_add(wait).max(self.quiet_until));
        self.at = at.filter(|at| *at <= until);
    }

    /// What was asked for before holds, whatever came after it.
    fn rest(&mut self, asked: Option<Duration>, now: Duration) {
        let quiet = asked.unwrap_or_default().min(LONGEST_QUIET);
        self.quiet_until = self.quiet_until.max(now.saturating_add(quiet));
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
    fn a_rest_that_was_asked_for_outlasts_every_later_answer() {
        let mut retry = retry(1);
        let (ask, now) =
            (|seconds| Some(Halt::Retry(Some(Duration::from_secs(seconds)))), Duration::from_secs(10));
        let end = Duration::from_secs(120);
        retry.plan(ask(120), 1, Duration::ZERO, DAY);
        for later in [AGAIN, ask(1), None, Some(Halt::Wait)] {
            retry.begin();
            retry.plan(later, 1, now, DAY);
            assert!(retry.is_quiet(end - Duration::from_nanos(1)) && !retry.is_quiet(end), "{later:?}");
            assert!(retry.due().is_none_or(|at| at >= end), "{later:?}");
        }
        retry.plan(ask(120), 1, now, DAY);
        assert!(retry.is_quiet(end), "a later request that is for longer counts from when it was made");
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
