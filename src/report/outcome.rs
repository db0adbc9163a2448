//! What became of a report.

use std::fmt;

use super::rules::RefusedPoint;
use super::sink::{Outcome, PointError, PushError, Rejection};

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

/// What went wrong with a part of a report, or what a reporter has to tell otherwise. Handed to the error handler: once for
/// each push that failed or whose answer names points that did, once for points that were dropped while they waited, once
/// when metrics that cannot be sent change in number, and once for each notice about the spool, which is about no points.
///
/// ```
/// use tagmeter::report::ReportError;
///
/// let messages = vec!["server error".into()];
/// let error = ReportError { status: Some(500), successful: 0, failed: 2, messages, more: 0 };
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
    /// What was said about it, the general before the particular: of that the first 100. Each is cut after 1 024 bytes.
    pub messages: Vec<String>,
    /// How many more messages there were.
    pub more: usize,
}

/// Particular messages that are kept: a backend may have one for each of 100 000 points, and whoever asks how a reporter
/// is doing gets a copy.
const KEPT_MESSAGES: usize = 100;
/// Bytes of a message that are kept.
const MESSAGE_BYTES: usize = 1_024;
/// Messages that `Display` shows; the rest is counted.
const SHOWN_MESSAGES: usize = 3;

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before_messages = self.fmt_points(f)?;
        for (at, message) in self.messages.iter().take(SHOWN_MESSAGES).enumerate() {
            write!(f, "{}{message}", if at == 0 { before_messages } else { "; " })?;
        }
        match self.messages.len().saturating_sub(SHOWN_MESSAGES).saturating_add(self.more) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl ReportError {
    /// The part about points, if it is about any, and what parts it from the messages.
    fn fmt_points(&self, f: &mut fmt::Formatter<'_>) -> Result<&'static str, fmt::Error> {
        let points = self.successful.saturating_add(self.failed);
        if points == 0 && self.status.is_none() {
            return Ok("");
        }
        write!(f, "{} of {points} points not delivered", self.failed)?;
        if let Some(status) = self.status {
            write!(f, ", status {status}")?;
        }
        Ok(": ")
    }

    /// Something that is about no points.
    pub(super) fn general(message: String) -> Self {
        ReportError { status: None, successful: 0, failed: 0, messages: vec![cut(message)], more: 0 }
    }

    /// The failures that a delivered push's answer names, if it names any.
    pub(super) fn partial(outcome: &Outcome) -> Option<Self> {
        let Outcome { status, successful, failed, ref errors } = *outcome;
        let (messages, more) = said(errors.iter(), PointError::to_string);
        (failed > 0).then_some(ReportError { status, successful, failed, messages, more })
    }

    /// Metrics that cannot be sent, if there are any.
    pub(super) fn refused(refused: &[RefusedPoint]) -> Option<Self> {
        // The numbers of one metric follow each other and say the same.
        let (messages, more) = said(refused.chunk_by(PartialEq::eq), |same| with_cause(&same[0]));
        let failed = refused.len();
        (failed > 0).then_some(ReportError { status: None, successful: 0, failed, messages, more })
    }

    fn rejected(refusal: &Rejection) -> Self {
        let (mut messages, more) = said(refusal.errors.iter(), PointError::to_string);
        messages.insert(0, cut(refusal.reason.clone()));
        let Rejection { status, successful, failed, .. } = *refusal;
        ReportError { status: Some(status), successful, failed, messages, more }
    }
}

impl From<&PushError> for ReportError {
    fn from(error: &PushError) -> Self {
        match error {
            PushError::Unreachable { points, reason } => {
                ReportError { failed: *points, ..ReportError::general(reason.clone()) }
            }
            PushError::TooLarge { points, .. } => {
                ReportError { failed: *points, ..ReportError::general(error.to_string()) }
            }
            PushError::Rejected(refusal) => ReportError::rejected(refusal),
        }
    }
}

/// What there is to say, as far as it is kept, and how much more there is.
fn said<T>(mut things: impl Iterator<Item = T>, say: impl Fn(T) -> String) -> (Vec<String>, usize) {
    let kept = things.by_ref().take(KEPT_MESSAGES).map(say).map(cut).collect();
    (kept, things.count())
}

fn cut(mut message: String) -> String {
    if message.len() > MESSAGE_BYTES {
        let room = MESSAGE_BYTES - '…'.len_utf8();
        let whole = (0..=room).rev().find(|at| message.is_char_boundary(*at));
        message.truncate(whole.unwrap_or_default());
        message.push('…');
        message.shrink_to_fit();
    }
    message
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
    use crate::name::Name;
    use crate::tag::MergeError;

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
    fn a_notice_about_no_points_says_nothing_of_points() {
        let notice = ReportError::general("the spool cannot be written".into());
        assert_eq!(notice.to_string(), "the spool cannot be written");
        let of_points = ReportError { failed: 1, ..notice };
        assert_eq!(of_points.to_string(), "1 of 1 points not delivered: the spool cannot be written");
    }

    #[test]
    fn many_messages_are_counted() {
        let messages = (0..10).map(|n| n.to_string()).collect();
        let error = ReportError { status: None, successful: 0, failed: 10, messages, more: 0 };
        assert_eq!(error.to_string(), "10 of 10 points not delivered: 0; 1; 2; and 7 more");
    }

    #[test]
    fn of_an_answer_that_says_something_of_every_point_the_beginning_is_kept() {
        let errors = |failed: usize| {
            let error = |n: usize| PointError { message: n.to_string(), point: "ü".repeat(n * 1_000) };
            (0..failed).map(|n| error(n.min(2))).collect::<Vec<_>>()
        };
        let outcome = Outcome { failed: 5_000, errors: errors(5_000), ..Outcome::default() };
        let error = ReportError::partial(&outcome).unwrap();
        assert_eq!((error.messages.len(), error.more), (KEPT_MESSAGES, 5_000 - KEPT_MESSAGES));
        assert_eq!(error.messages[1], format!("1: {}…", "ü".repeat((MESSAGE_BYTES - 6) / 2)));
        assert!(error.messages.iter().all(|message| message.len() <= MESSAGE_BYTES), "{error:?}");
        assert!(error.to_string().ends_with("; and 4997 more"), "{error}");
        let refusal = Rejection {
            status: 400,
            successful: 0,
            failed: 101,
            errors: errors(101),
            reason: "bad".into(),
            retry_after: None,
        };
        let error = ReportError::from(&PushError::from(refusal));
        assert_eq!(
            (error.messages.len(), error.messages[0].as_str(), error.more),
            (1 + KEPT_MESSAGES, "bad", 1)
        );
    }

    #[test]
    fn what_is_refused_for_one_reason_is_said_once() {
        let refused = |metric: &str| {
            let metric = Name::from(metric);
            vec![RefusedPoint::Tags { metric, source: MergeError::NoTags }; 1_000]
        };
        let error = ReportError::refused(&[refused("a"), refused("b")].concat()).unwrap();
        assert_eq!((error.failed, error.messages.len(), error.more), (2_000, 2, 0));
        assert!(error.messages[0].starts_with("metric \"a\" cannot be sent with its tags: "), "{error}");
    }

    #[test]
    fn an_answer_that_names_no_failure_is_no_error() {
        assert_eq!(ReportError::partial(&Outcome { successful: 3, ..Outcome::default() }), None);
        assert_eq!(ReportError::refused(&[]), None);
    }
}
