//! What becomes of points that were not delivered.

use super::sink::PushError;

/// What is done about a push that failed. [`Fate::of`] is the table; a sink with rules of its own says so in
/// [`Sink::fate`](super::Sink::fate).
///
/// ```
/// use tagmeter::report::Fate;
///
/// assert_eq!(Fate::of_status(503), Fate::Retry);
/// assert_eq!(Fate::of_status(401), Fate::Wait);
/// assert_eq!(Fate::of_status(400), Fate::Drop);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Tried again within the interval if there is time, otherwise with the next report: it may pass by itself.
    Retry,
    /// Tried again with the next report: somebody has to mend it.
    Wait,
    /// Tried again in two halves; a single point is dropped.
    Halve,
    /// The points that failed are lost, and counted: the same answer would come again.
    Drop,
}

impl Fate {
    /// What is done about this error, where the sink does not say otherwise.
    ///
    /// ```
    /// use tagmeter::report::{Fate, PushError};
    ///
    /// let refused = PushError::Unreachable { points: 3, reason: "connection refused".into() };
    /// assert_eq!(Fate::of(&refused), Fate::Retry);
    /// ```
    pub fn of(error: &PushError) -> Self {
        match error {
            PushError::Unreachable { .. } => Fate::Retry,
            PushError::TooLarge { .. } => Fate::Halve,
            PushError::Rejected(rejection) => Fate::of_status(rejection.status),
        }
    }

    /// What is done where HTTP answered with this status, which is not a 2xx. Redirects are never followed.
    ///
    /// ```
    /// use tagmeter::report::Fate;
    ///
    /// assert_eq!(Fate::of_status(413), Fate::Halve);
    /// ```
    pub fn of_status(status: u16) -> Self {
        match status {
            408 | 429 | 500.. => Fate::Retry,
            300..=399 | 401 | 403 | 404 | 407 => Fate::Wait,
            413 => Fate::Halve,
            _ => Fate::Drop,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_of_the_table() {
        let rows: [(&[u16], Fate); 4] = [
            (&[408, 429, 500, 502, 503, 504, 599], Fate::Retry),
            (&[300, 301, 302, 304, 307, 308, 401, 403, 404, 407], Fate::Wait),
            (&[413], Fate::Halve),
            (&[400, 402, 405, 409, 410, 415, 422, 451, 499], Fate::Drop),
        ];
        for (statuses, fate) in rows {
            for status in statuses {
                assert_eq!(Fate::of_status(*status), fate, "{status}");
            }
        }
    }
}
