//! What a reporter pushes and where.

use std::time::Duration;

use super::timestamp::Timestamp;
use crate::name::Name;
use crate::tag::Tags;

/// One number at one time, named and tagged as the backend wants it.
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
}

/// What became of the points of one push that was answered.
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointError {
    /// Why not.
    pub message: String,
    /// The point, in the backend's own words; empty when it did not say.
    pub point: String,
}

/// Why a push was not delivered, or not as a whole.
///
/// The two variants are the two things to do about it: try again later, or look at the answer.
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
    /// The backend answered and refused all points or some of them.
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

/// A backend's refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{failed} of {} points refused with status {status}: {reason}", successful + failed)]
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
