//! Pushing metrics to a backend, on a schedule.
//!
//! * [`Reporter`]: pushes a registry to a sink at fixed intervals, and once more when it is stopped.
//! * [`Sink`]: what a backend has to be for that. Ours: `Apptuit`, with feature `apptuit`.
//! * [`Report`], [`ReportError`]: what became of it.
//! * `apptuit`, with that feature: points made by hand, without a registry.
//!
//! ```text
//! registry ── snapshot ──▶ fields ──▶ points: prefix + name + "." + field, tags merged, made legal ──▶ batches ──▶ sink
//! ```
//!
//! # A reporter about itself
//!
//! | metric | |
//! |---|---|
//! | `<sink>.reporter.send.total` | points handed to the sink, the failed ones too |
//! | `<sink>.reporter.send.successful` | points the backend took |
//! | `<sink>.reporter.send.failed` | points it did not take, or that did not reach it |
//! | `<sink>.reporter.send.time` | timer: how long each push took |
//!
//! They are pushed after the second report and each later one, as they stood after the one before.

#[cfg(feature = "apptuit")]
#[cfg_attr(docsrs, doc(cfg(feature = "apptuit")))]
pub mod apptuit;
mod builder;
mod handler;
mod meta;
mod outcome;
mod points;
mod pusher;
mod reporter;
mod rules;
mod schedule;
mod sink;
mod thread;
mod timestamp;

#[cfg(feature = "apptuit")]
#[cfg_attr(docsrs, doc(cfg(feature = "apptuit")))]
pub use apptuit::{Apptuit, ApptuitBuilder};
pub use builder::{ReporterBuilder, StartError};
pub use outcome::{Report, ReportError};
pub use reporter::{ReportNowError, Reporter, StopError};
pub use rules::{RefusedPoint, Rules};
pub use sink::{Outcome, Point, PointError, PushError, Rejection, Sink};
pub use timestamp::Timestamp;
