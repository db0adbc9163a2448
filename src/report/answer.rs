//! What an answer over HTTP means, where a backend says no more than its status.

use super::sink::{Outcome, PushError, Rejection};
use crate::transport::{Answer, TransportError};

/// What a push over HTTP came to.
#[cfg_attr(docsrs, doc(cfg(feature = "apptuit")))]
impl Outcome {
    /// Of an answer to so many points: any 2xx is success, everything else is about all of them, with the beginning of the
    /// body as the reason.
    ///
    /// # Errors
    ///
    /// There is no answer, or its status is not a 2xx.
    ///
    /// ```
    /// use tagmeter::report::{Outcome, PushError};
    /// use tagmeter::transport::TransportError;
    ///
    /// let error = TransportError::Unavailable { reason: "no thread".into() };
    /// assert!(matches!(Outcome::of(Err(error), 3), Err(PushError::Unreachable { points: 3, .. })));
    /// ```
    pub fn of(answer: Result<Answer, TransportError>, points: usize) -> Result<Outcome, PushError> {
        let answer = answer.map_err(|error| PushError::Unreachable { points, reason: error.to_string() })?;
        let (status, retry_after) = (answer.status, answer.retry_after);
        match status {
            200..=299 => Ok(Outcome { status: Some(status), ..Outcome::all(points) }),
            _ => Err(PushError::Rejected(Rejection {
                status,
                successful: 0,
                failed: points,
                errors: Vec::new(),
                reason: answer.excerpt(),
                retry_after,
            })),
        }
    }
}
