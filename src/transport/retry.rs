//! Requests that are tried again.

use std::time::{Duration, Instant};

use super::{Answer, Request, Transport, TransportError};
use crate::backoff::{Backoff, Chance};

/// How often a request is tried, and until when.
///
/// | outcome | |
/// |---|---|
/// | no credentials, no connection, no answer in time, 408, 429, 5xx | tried again: it may pass by itself |
/// | everything else | the answer |
///
/// `Retry-After` makes a wait longer. A retry that would begin after the end is not made.
#[derive(Debug, Clone)]
pub(crate) struct Tries {
    retries_left: u32,
    backoff: Backoff,
    until: Instant,
}

impl Tries {
    pub(crate) fn new(retries: u32, until: Instant) -> Self {
        Tries { retries_left: retries, backoff: Backoff::new(Chance::new()), until }
    }

    /// How long to wait before the next attempt, if there is to be one.
    fn wait_after(&mut self, answer: &Result<Answer, TransportError>, now: Instant) -> Option<Duration> {
        let asked = may_pass(answer)?;
        self.retries_left = self.retries_left.checked_sub(1)?;
        let wait = self.backoff.next().max(asked);
        (now.checked_add(wait)? < self.until).then_some(wait)
    }

    /// The request with no more time than there is.
    fn limited(&self, request: &Request) -> Request {
        let left = self.until.saturating_duration_since(Instant::now());
        Request { timeout: request.timeout.min(left), ..request.clone() }
    }
}

/// The rest a server asked for, at least none, where trying again makes sense.
fn may_pass(answer: &Result<Answer, TransportError>) -> Option<Duration> {
    match answer {
        Ok(Answer { status: 408 | 429 | 500..=599, retry_after, .. }) => {
            Some(retry_after.unwrap_or_default())
        }
        Ok(_) | Err(TransportError::Unavailable { .. }) => None,
        Err(_) => Some(Duration::ZERO),
    }
}

impl Transport {
    /// Sends a request until it succeeds or the tries are used up, and gives the last answer.
    pub(crate) fn send_until(&self, request: &Request, mut tries: Tries) -> Result<Answer, TransportError> {
        loop {
            let answer = self.send(tries.limited(request));
            match tries.wait_after(&answer, Instant::now()) {
                Some(wait) => self.wait(wait),
                None => return answer,
            }
        }
    }

    /// As [`send_until`](Transport::send_until), without holding up the thread.
    pub(crate) async fn send_until_async(
        &self,
        request: &Request,
        mut tries: Tries,
    ) -> Result<Answer, TransportError> {
        loop {
            let answer = self.send_async(tries.limited(request)).await;
            match tries.wait_after(&answer, Instant::now()) {
                Some(wait) => self.wait_async(wait).await,
                None => return answer,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16) -> Result<Answer, TransportError> {
        Ok(Answer::new(status, ""))
    }

    fn tries(retries: u32, seconds: u64) -> (Tries, Instant) {
        let now = Instant::now();
        (Tries::new(retries, now + Duration::from_secs(seconds)), now)
    }

    #[test]
    fn waits_are_anything_up_to_a_bound_that_doubles() {
        let mut longest = [Duration::ZERO; 6];
        for _ in 0..1_000 {
            let (mut tries, now) = tries(6, 3_600);
            for longest in &mut longest {
                *longest = tries.wait_after(&status(503), now).unwrap().max(*longest);
            }
            assert_eq!(tries.wait_after(&status(503), now), None);
        }
        for (longest, bound) in longest.into_iter().zip([4, 8, 16, 30, 30, 30]) {
            let bound = Duration::from_secs(bound);
            assert!(longest < bound && longest > bound * 9 / 10, "{longest:?} of {bound:?}");
        }
    }

    #[test]
    fn what_will_not_pass_is_not_tried_again() {
        for code in [200, 204, 301, 400, 401, 403, 404, 413, 422, 600] {
            let (mut tries, now) = tries(3, 3_600);
            assert_eq!(tries.wait_after(&status(code), now), None, "{code}");
        }
        let unavailable = Err(TransportError::Unavailable { reason: "no thread".into() });
        let (mut tries, now) = tries(3, 3_600);
        assert_eq!(tries.wait_after(&unavailable, now), None);
    }

    #[test]
    fn a_server_that_asks_for_rest_gets_it_or_is_left() {
        let asking = |seconds| {
            let mut answer = Answer::new(429, "");
            answer.retry_after = Some(Duration::from_secs(seconds));
            Ok(answer)
        };
        let (mut tries, now) = tries(3, 60);
        assert!(tries.wait_after(&asking(40), now) >= Some(Duration::from_secs(40)));
        assert_eq!(tries.wait_after(&asking(60), now), None);
        assert_eq!(tries.wait_after(&asking(u64::MAX), now), None);
    }
}
