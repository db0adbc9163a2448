//! Pushing metrics.
#[cfg(feature = "apptuit")]
#[cfg_attr(docsrs, doc(cfg(feature = "apptuit")))]
pub mod apptuit;
mod rules;
mod sink;
mod timestamp;

pub use rules::{RefusedPoint, Rules};
pub use sink::{Outcome, Point, PointError, PushError, Rejection};
pub use timestamp::Timestamp;
