//! What a reporter pushes and where.

use std::fmt;
use std::time::{Duration, Instant};

use super::fate::Fate;
use super::rules::Rules;
use super::timestamp::Timestamp;
use crate::name::Name;
use crate::tag::Tags;

/// One number at one time, named and tagged as the backend wants it.
///
/// ```
/// use tagmeter::Tags;
/// use tagmeter::report::{Point, Reading, Timestamp};
///
/// let (name, tags) = ("orders_count".into(), Tags::from([("host", "a")]));
/// let timestamp = Timestamp::from(1_600_000_000);
/// let point = Point { name, tags, timestamp, value: 3.0, reading: Reading::Total };
/// assert_eq!(point.timestamp.to_string(), "1600000000");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The metric's name, with prefix and field.
    pub name: Name,
    /// All its tags: environment, reporter and metric merged.
    pub tags: Tags,
    /// When it was measured.
    pub timestamp: Timestamp,
    /// The number; finite.
    pub value: f64,
    /// What kind of number it is.
    pub reading: Reading,
}

/// What kind of number a point has.
///
/// ```
/// use tagmeter::report::Reading;
///
/// assert_ne!(Reading::Total, Reading::Increase);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reading {
    /// Counted since the start: it only grows.
    Total,
    /// Counted since the last point that was delivered. Only sinks that ask for
    /// [`increases`](super::Rules::increases) get these.
    Increase,
    /// As it was at that time.
    Level,
}

/// What became of the points of one push that was answered.
///
/// ```
/// use tagmeter::report::Outcome;
///
/// let outcome = Outcome { successful: 1, failed: 1, ..Outcome::default() };
/// assert!(outcome.errors.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// The HTTP status, if the backend speaks HTTP and anything was sent.
    pub status: Option<u16>,
    /// Points the backend took.
    pub successful: usize,
    /// Points the backend named as not taken.
    pub failed: usize,
    /// What it said about them; may be shorter than `failed`.
    pub errors: Vec<PointError>,
}

/// What a backend said about a point it did not take.
///
/// ```
/// use tagmeter::report::PointError;
///
/// let error = PointError { message: "too old".into(), point: "orders_count".into() };
/// assert_eq!(error.to_string(), "too old: orders_count");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointError {
    /// Why not.
    pub message: String,
    /// The point, in the backend's own words; empty when it did not say.
    pub point: String,
}

/// Why a push was not delivered, or not as a whole.
///
/// What is done about it is its [`Fate`]: try again soon or later, make it smaller, or count the points as lost.
///
/// ```
/// use tagmeter::report::PushError;
///
/// let error = PushError::Unreachable { points: 3, reason: "connection refused".into() };
/// assert_eq!(error.to_string(), "3 points not sent: connection refused");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// Nobody answered: no connection, no answer in time, or no way to ask.
    #[error("{points} points not sent: {reason}")]
    Unreachable {
        /// How many points it is about.
        points: usize,
        /// What went wrong.
        reason: String,
    },
    /// What was encoded is larger than the backend takes in one push; nothing was sent.
    #[error("{points} points are {bytes} bytes: expected at most {most}")]
    TooLarge {
        /// How many points it is about.
        points: usize,
        /// How many bytes they became.
        bytes: usize,
        /// The most there may be.
        most: usize,
    },
    /// The backend answered and refused all points or some of them.
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

/// A backend's refusal.
///
/// ```
/// use tagmeter::report::Rejection;
///
/// let (errors, retry_after) = (Vec::new(), None);
/// let reason = "server error".into();
/// let refused = Rejection { status: 500, successful: 0, failed: 2, errors, reason, retry_after };
/// assert_eq!(refused.to_string(), "2 of 2 points refused with status 500: server error");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{failed} of {} points refused with status {status}: {reason}", successful.saturating_add(*failed))]
pub struct Rejection {
    /// The HTTP status.
    pub status: u16,
    /// Points the backend took nevertheless.
    pub successful: usize,
    /// Points it did not take.
    pub failed: usize,
    /// What it said about single points.
    pub errors: Vec<PointError>,
    /// What the status means.
    pub reason: String,
    /// How long it asked to be left alone.
    pub retry_after: Option<Duration>,
}

/// Where a reporter pushes: one backend's encoding, transport and rules.
///
/// A reporter turns each snapshot into points that keep to [`rules`](Sink::rules), cuts them into batches and hands these
/// over one after the other, from its own thread. It counts, tells the error handler, tries again, keeps what has to wait and
/// makes batches smaller that are too large; a sink makes one attempt and says truthfully what came of it.
///
/// | a sink says | and the reporter |
/// |---|---|
/// | [`Outcome`] | counts its `failed` points as lost, all others as delivered |
/// | [`PushError::Unreachable`] | tries again |
/// | [`PushError::TooLarge`] | tries again in two halves; limits in bytes are checked by who encodes |
/// | [`PushError::Rejected`] | does what the status says: [`Fate::of_status`] |
/// | nothing: it panics | counts the batch as lost |
///
/// ```
/// use std::time::Instant;
/// use tagmeter::report::{Outcome, Point, PushError, Rules, Sink};
///
/// /// Prints everything.
/// struct Printer;
///
/// impl Sink for Printer {
///     fn name(&self) -> &str {
///         "printer"
///     }
///
///     fn rules(&self) -> Rules {
///         Rules::default()
///     }
///
///     fn push(&mut self, batch: &[Point], _deadline: Instant) -> Result<Outcome, PushError> {
///         for point in batch {
///             println!("{}{} {} {}", point.name, point.tags, point.value, point.timestamp);
///         }
///         Ok(Outcome::all(batch.len()))
///     }
/// }
/// ```
pub trait Sink: Send + 'static {
    /// What the backend is called. The reporter's own metrics are `<name>.reporter.send.…`.
    fn name(&self) -> &str;

    /// What the backend takes. Asked once, when the reporter starts.
    fn rules(&self) -> Rules;

    /// Sends points, which keep to the rules, in one attempt that is over at the deadline.
    ///
    /// # Errors
    ///
    /// Nobody answered, the batch is too large, or the answer was a refusal. Single points that a favourable answer names
    /// as failed belong into the [`Outcome`].
    fn push(&mut self, batch: &[Point], deadline: Instant) -> Result<Outcome, PushError>;

    /// What is done about a push that failed; what the table of [`Fate`] says, unless the backend means something else.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use tagmeter::report::{Outcome, Point, PushError, Rules};
    /// use tagmeter::report::{Fate, Sink};
    ///
    /// /// Answers 404 for points of a customer it does not know, and never will.
    /// struct Picky;
    ///
    /// impl Sink for Picky {
    /// #     fn name(&self) -> &str { "picky" }
    /// #     fn rules(&self) -> Rules { Rules::default() }
    /// #     fn push(&mut self, batch: &[Point], _: Instant) -> Result<Outcome, PushError> {
    /// #         Ok(Outcome::all(batch.len()))
    /// #     }
    ///     // name, rules, push
    ///     fn fate(&self, error: &PushError) -> Fate {
    ///         match error {
    ///             PushError::Rejected(rejection) if rejection.status == 404 => Fate::Drop,
    ///             _ => Fate::of(error),
    ///         }
    ///     }
    /// }
    /// ```
    fn fate(&self, error: &PushError) -> Fate {
        Fate::of(error)
    }
}

impl Outcome {
    /// All points were taken.
    ///
    /// ```
    /// assert_eq!(tagmeter::report::Outcome::all(3).successful, 3);
    /// ```
    pub fn all(points: usize) -> Self {
        Outcome { successful: points, ..Outcome::default() }
    }
}

impl fmt::Display for PointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colon = if self.message.is_empty() || self.point.is_empty() { "" } else { ": " };
        write!(f, "{}{colon}{}", self.message, self.point)
    }
}
