//! Pushing metrics to a backend, on a schedule.
//!
//! * [`Reporter`]: pushes a registry to a sink at fixed intervals, and once more when it is stopped.
//! * [`Sink`]: what a backend has to be for that. Ours: `Apptuit`, with feature `apptuit`.
//! * [`Report`], [`ReportError`]: what became of a push; [`Status`]: of all so far.
//! * `apptuit`, with that feature: points made by hand, without a registry.
//!
//! ```text
//! registry ── snapshot ──▶ fields ──▶ points: prefix + name + "." + field, tags merged, made legal ──▶ batches ──▶ sink
//! ```
//!
//! # What happens to a report
//!
//! | answer | what happens to the points |
//! |---|---|
//! | 2xx | delivered, less those that its body names as failed: they are dropped |
//! | no connection, no answer in time, 408, 429, 5xx | wait, and are tried again: soon, and with each report |
//! | 401, 403, 404, 3xx | wait, and are tried again with each report: somebody has to mend something |
//! | 413, more bytes than the sink may send | tried again in halves, down to one point, which is dropped |
//! | 400 and every other status | those that failed are dropped; a 400 may say which, otherwise all |
//!
//! What waits does so in the backlog, in memory, with the timestamps it was measured at; it is sent before what is new,
//! the oldest first. What is dropped is counted, and told to the error handler. [`Fate`] is this table; a sink may have
//! another.
//!
//! # A reporter about itself
//!
//! | metric | |
//! |---|---|
//! | `<sink>.reporter.send.total` | points handed to the sink, again with each attempt |
//! | `<sink>.reporter.send.successful` | points the backend took |
//! | `<sink>.reporter.send.failed` | points it did not take, or that did not reach it; they may wait |
//! | `<sink>.reporter.send.time` | timer: how long each push took |
//!
//! They are pushed after the second report and each later one, as they stood after the one before, unless
//! [`push_own_metrics`](ReporterBuilder::push_own_metrics) says no.
//!
//! The registry's page has more, as it stands, of each reporter that runs, unless
//! [`expose_own_metrics`](ReporterBuilder::expose_own_metrics) says no. It is not pushed. Tags: `sink`, and `reporter`, a
//! number that tells reporters to one kind of sink apart.
//!
//! | metric | |
//! |---|---|
//! | `tagmeter_reporter_points_total` | points that reports had: delivered, dropped, or on their way |
//! | `tagmeter_reporter_delivered_points_total` | points the backend took |
//! | `tagmeter_reporter_dropped_points_total{reason}` | points lost: `refused` by the backend, `overflow` of the backlog, still waiting when `stopped` |
//! | `tagmeter_reporter_pushes_total`, `tagmeter_reporter_failed_pushes_total` | attempts, one a batch |
//! | `tagmeter_reporter_backlog_points`, `tagmeter_reporter_backlog_bytes` | what waits |
//! | `tagmeter_reporter_failures_in_a_row` | attempts that failed since one did not |
//! | `tagmeter_reporter_last_success_timestamp_seconds` | when the backend last took something |

mod allowance;
#[cfg(feature = "apptuit")]
#[cfg_attr(docsrs, doc(cfg(feature = "apptuit")))]
pub mod apptuit;
mod backlog;
mod builder;
mod delivery;
mod fate;
mod handler;
mod listing;
mod meta;
mod outcome;
mod pieces;
mod points;
mod pusher;
mod reporter;
mod reporting;
mod retry;
mod rules;
mod schedule;
mod sink;
#[cfg(test)]
mod spy;
mod status;
mod thread;
mod timestamp;

#[cfg(feature = "apptuit")]
#[cfg_attr(docsrs, doc(cfg(feature = "apptuit")))]
pub use apptuit::{Apptuit, ApptuitBuilder};
pub use builder::{ReporterBuilder, StartError};
pub use fate::Fate;
pub use outcome::{Report, ReportError};
pub use reporter::{ReportNowError, Reporter, StopError};
pub use rules::{RefusedPoint, Rules};
pub use sink::{Outcome, Point, PointError, PushError, Rejection, Sink};
pub use status::{Dropped, Status};
pub use timestamp::Timestamp;
