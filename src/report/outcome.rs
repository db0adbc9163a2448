//! What became of a report.

use std::fmt;

use super::rules::RefusedPoint;
use super::sink::{Outcome, PointError, PushError};

/// What became of one report: everything a registry had at one time.
///
/// ```
/// let report = tagmeter::report::Report::default();
/// assert!(report.is_complete());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Points there were to send.
    pub points: usize,
    /// Points the backend took.
    pub successful: usize,
    /// Points it did not take, or that did not reach it.
    pub failed: usize,
    /// Those of the failed points that wait in the backlog. The others are lost.
    pub waiting: usize,
    /// Points of earlier reports that had waited and that the backend took now.
    pub caught_up: usize,
    /// Numbers left out because they were not finite, or because name or tags cannot be sent,
    /// or because another metric has that name at the backend.
    pub skipped: usize,
    /// What went wrong, as the error handler saw it.
    pub errors: Vec<ReportError>,
}

impl Report {
    /// Whether everything arrived.
    ///
    /// ```
    /// # use tagmeter::report::Report;
    /// assert!(!Report { points: 2, successful: 1, failed: 1, ..Report::default() }.is_complete());
    /// ```
    pub fn is_complete(&self) -> bool {
        self.failed == 0 && self.errors.is_empty()
    }

    /// Points whose push has come to an end.
    pub(super) fn settled(&self) -> usize {
        self.successful + self.failed
    }
}

/// What went wrong with a part of a report. Handed to the error handler, once for each push that failed.
///
/// ```
/// use tagmeter::report::ReportError;
///
/// let error = ReportError { status: Some(500), successful: 0, failed: 2, messages: vec!["server error".into()] };
/// assert_eq!(error.to_string(), "2 of 2 points not delivered, status 500: server error");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ReportError {
    /// The HTTP status, if there was an answer that has one.
    pub status: Option<u16>,
    /// Points the backend took.
    pub successful: usize,
    /// Points it did not take, or that did not reach it.
    pub failed: usize,
    /// What was said about it, the general before the particular.
    pub messages: Vec<String>,
}

/// Messages that `Display` shows; the rest is counted.
const SHOWN_MESSAGES: usize = 3;

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} points not delivered", self.failed, self.successful.saturating_add(self.failed))?;
        if let Some(status) = self.status {
            write!(f, ", status {status}")?;
        }
        for (at, message) in self.messages.iter().take(SHOWN_MESSAGES).enumerate() {
            write!(f, "{}{message}", if at == 0 { ": " } else { "; " })?;
        }
        match self.messages.len().saturating_sub(SHOWN_MESSAGES) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl ReportError {
    /// Something that is about no points.
    pub(super) fn general(message: String) -> Self {
        ReportError { status: None, successful: 0, failed: 0, messages: vec![message] }
    }

    /// The failures that a delivered push's answer names, if it names any.
    pub(super) fn partial(outcome: &Outcome) -> Option<Self> {
        let Outcome { status, successful, failed, ref errors } = *outcome;
        let messages = errors.iter().map(PointError::to_string).collect();
        (failed > 0).then_some(ReportError { status, successful, failed, messages })
    }

    /// Metrics that cannot be sent, if there are any.
    pub(super) fn refused(refused: &[RefusedPoint]) -> Option<Self> {
        let mut messages: Vec<String> = refused.iter().map(with_cause).collect();
        // The numbers of one metric follow each other and say the same.
        messages.dedup();
        (!refused.is_empty()).then_some(ReportError {
            status: None,
            successful: 0,
            failed: refused.len(),
            messages,
        })
    }
}

impl From<&PushError> for ReportError {
    fn from(error: &PushError) -> Self {
        match error {
            PushError::Unreachable { points, reason } => {
                ReportError { status: None, successful: 0, failed: *points, messages: vec![reason.clone()] }
            }
            PushError::TooLarge { points, .. } => ReportError {
                status: None,
                successful: 0,
                failed: *points,
                messages: vec![error.to_string()],
            },
            PushError::Rejected(refusal) => {
                let particular = refusal.errors.iter().map(PointError::to_string);
                ReportError {
                    status: Some(refusal.status),
                    successful: refusal.successful,
                    failed: refusal.failed,
                    messages: [refusal.reason.clone()].into_iter().chain(particular).collect(),
                }
            }
        }
    }
}

/// An error and its causes in one line, for readers of a log.
pub(super) fn with_cause(error: &impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Rejection;

    #[test]
    fn a_refusal_says_the_general_before_the_particular() {
        let bad = PointError { message: "bad".into(), point: "{\"metric\":\"m\"}".into() };
        let refusal = Rejection {
            status: 400,
            successful: 1,
            failed: 1,
            errors: vec![bad],
            reason: "points were refused".into(),
            retry_after: None,
        };
        let error = ReportError::from(&PushError::from(refusal));
        let expected =
            "1 of 2 points not delivered, status 400: points were refused; bad: {\"metric\":\"m\"}";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn many_messages_are_counted() {
        let messages = (0..10).map(|n| n.to_string()).collect();
        let error = ReportError { status: None, successful: 0, failed: 10, messages };
        assert_eq!(error.to_string(), "10 of 10 points not delivered: 0; 1; 2; and 7 more");
    }

    #[test]
    fn an_answer_that_names_no_failure_is_no_error() {
        assert_eq!(ReportError::partial(&Outcome { successful: 3, ..Outcome::default() }), None);
        assert_eq!(ReportError::refused(&[]), None);
    }
}
