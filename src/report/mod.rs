//! Pushing metrics to a backend, on a schedule.
//!
//! * [`Reporter`]: pushes a registry to a sink at fixed intervals, and once more when it is stopped.
//! * [`Sink`]: what a backend has to be for that. Ours: `Apptuit`, with feature `apptuit`.
//! * [`Report`], [`ReportError`]: what became of a push; [`Status`]: of all so far.
//! * `apptuit`, with that feature: points made by hand, without a registry.
//! * [`failures`]: what became of every point when something failed, in numbers.
//!
//! ```text
//! registry ── snapshot ──▶ fields ──▶ points: prefix + name + "." + field, tags merged, made legal ──▶ batches ──▶ sink
//! ```
//!
//! # Push or pull?
//!
//! | if | then |
//! |---|---|
//! | Prometheus, or whatever else scrapes, reaches your program | **pull**: [`serve`](crate::http), no thread of ours, no credentials, and a scrape that fails is seen at once |
//! | the program is behind NAT, short-lived, or on machines that nobody lists | **push** |
//! | the backend has nothing to scrape with: Apptuit, OpenTSDB | **push** |
//! | the minute before the program ended matters | **push**: [`stop`](Reporter::stop) delivers it, a scraper comes too late |
//! | you want to know that a program is down | **pull**: nobody pushes `up 0` |
//! | you want both | **both**: a registry can have any number of readers, and none takes anything from another |
//!
//! # What happens to a push
//!
//! | answer | what happens to the points |
//! |---|---|
//! | 2xx | delivered, less those that its body names as failed: they are dropped |
//! | no connection, no answer in time, 408, 429, 5xx | wait, and are tried again: soon, and with each report |
//! | 401, 403, 404, 407, 3xx | wait, and are tried again with each report: somebody has to mend something |
//! | 413, more bytes than the sink may send | tried again in halves, down to one point, which is dropped |
//! | 400 and every other status | those that failed are dropped; a 400 may say which, otherwise all |
//!
//! What waits does so in the backlog, with the timestamps it was measured at; it is sent before what is new, the oldest
//! first. The backlog is in memory, or on disk with a spool (feature `spool`, `ReporterBuilder::spool`). What is dropped is counted, and told to the error handler. [`Fate`] is this table; a sink may have
//! another.
//!
//! # What happens to my data when …
//!
//! | when | then |
//! |---|---|
//! | **the backend is down at the start** | nothing special: reports wait, up to [`backlog_points`](ReporterBuilder::backlog_points) and [`backlog_bytes`](ReporterBuilder::backlog_bytes), or on disk |
//! | **it is down for a while** | what waits is tried again with each report, and between two reports after random waits of less than 4, 8, 16, 30, 30 … seconds, the last of them not in the interval's last tenth |
//! | **it comes back** | what waits is sent with its own timestamps, the oldest first: in half of a report's time, and a push that was begun has until three quarters of it; then what is new; then what still waits, begun up to the interval's last tenth |
//! | **it is down for too long** | the oldest points are dropped, and counted as `overflow`; with a spool, those beyond its bounds |
//! | **it is slow** | a report may take an interval, or 5 s if that is longer; what is not answered by then waits. A retry between two reports has as long, and may make the next one late. Ticks that pass meanwhile fall out, and do not pile up |
//! | **it took a push but the answer was lost** | the push is made again: the same points with the same timestamps arrive twice, which time-series databases take for one. If the second try is dropped, it is counted as dropped although the backend has it. A backend of increases counts them twice: they are in the next report's as well |
//! | **it took a push and lost it** (killed before it had written it down) | those points are gone, and nobody is told. Totals are whole again with the next report |
//! | **the sink wants increases** ([`Rules::increases`](Rules)) | nothing waits: what was not taken is counted as `superseded`, and its counts are in the next report's increases; so are those of a push that was taken and whose answer was lost, which the backend then has twice |
//! | **it asks for rest** (`Retry-After`) | nothing is pushed until then, for ten minutes at most; reports wait. `report_now` and `stop` push all the same |
//! | **it refuses one point** | that one is dropped, and counted as `refused`; the others of its push are delivered |
//! | **it cannot digest one push** (always 500) | that push stays the oldest that waits and what waited with it stays behind it; what is new is tried all the same with each report, so new points arrive |
//! | **the token is wrong** | everything waits until somebody mends the account, or the backlog is full |
//! | **a metric cannot be sent** (its name, its tags, NaN, a name that another metric becomes, too: `a.b` and `a_b`) | it is left out, counted in [`Report::skipped`] and told once; all others are sent |
//! | **the machine slept, or its clock was set** | one report, then the schedule goes on: it is monotonic. Timestamps are the wall clock's, whatever it says |
//! | **two reports fall into one second** | the second is stamped a second later, once; a third shares that second |
//! | **[`stop`](Reporter::stop) is called** | a push in flight is waited for, the rest of its report goes with the last one; that is made exactly once, each batch is tried at most once, up to the first that has to wait, what waits first. It has all the time that `stop` has, but for a tenth and at most half a second to keep what is not taken. What is still not delivered is dropped, and counted as `stopped`; with a spool it goes there, for the next reporter |
//! | **`stop` has too little time** | it returns [`StopError::TimedOut`] on time: a push that was in flight has as long as it was given when it began. The thread ends after that request, and begins no other; with a spool, which is in use until then, what is not delivered goes there only then, and is lost if the program has ended by that time |
//! | **the reporter is dropped** | as `stop`, with an interval's time, 5 s at most |
//! | **the program ends without either (`exit`, `abort`), or is killed** | what was recorded since the last report is lost, and so is what waited in memory. What was in a spool is delivered by the next reporter with that spool, which counts it as its own |
//! | **… while points of a report are on the way** | they are lost as well, unless they had failed once: that is when they go to the spool |
//! | **… between the backend's answer and the note of it in the spool** | that push is made again by the next reporter: the same points with the same timestamps arrive twice |
//! | **the machine crashes** | as above; with `Survives::Kill` what the spool took in the last half minute may be lost, which the next reporter counts as `unreadable` where it can know |
//! | **the spool's disk is full, or fails, or somebody takes the permission** | what it does not take waits in memory, within the bounds there, behind what is on disk. That is told once; the disk is tried again with each report, and takes all of it when it can |
//! | **the spool cannot be opened at the start** | there is no reporter but an error that says why: in use by another, another sink's, no directory, no permission, made by a newer version |
//! | **files of the spool are damaged, or gone** | what cannot be read is skipped, and counted as `unreadable`; all else is delivered. Of the last file alone the number is not known if `position` is damaged with it |
//! | **the spool's directory is removed meanwhile** | it is made again with the next batch; what was in it is counted as `unreadable` |
//! | **the spool holds points with another prefix, other tags or of another endpoint** | they are delivered as they were measured, to where this reporter pushes |
//! | **the process forks** | the child has no reporter: calls give `Forked`, dropping does nothing; the parent's goes on. Start another in the child; it reports the totals that the child has from its parent, too. It needs a spool of its own: the parent's is in use until parent and child have ended |
//! | **it is [paused](Reporter::pause)** | recording goes on, so totals are whole afterwards; the levels of the pause are never sent |
//! | **a sink panics** | that push is dropped, and counted as `refused`; the next is made |
//! | **an error handler panics** | it is told of the next error all the same, and the panic is logged |
//!
//! For every reporter at all times, and exactly: points that reports had or that the spool had at the start =
//! delivered + dropped + on their way. [`Reporter::status`] has these numbers, and [`failures`] some that were measured.
//!
//! # For how long
//!
//! `tests/soak` pushes 10 000 series (11 400 points) each second to VictoriaMetrics, for half an hour. On a machine of two
//! cores that was busy with other work all the time (November 2026): 1 801 reports, every point of them in the database once;
//! 13.4 MB resident at a third of the time and 13.5 at the end; the median report 1.5 ms after its time in the first tenth
//! and in the last, the latest 0.6 s; 0.6 % of one core, recording included.
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
//! | `tagmeter_reporter_points_total` | points that reports had, or that were found in the spool: delivered, dropped, or on their way |
//! | `tagmeter_reporter_delivered_points_total` | points the backend took |
//! | `tagmeter_reporter_dropped_points_total{reason}` | points lost: `refused` by the backend, `overflow` of the backlog, still waiting when `stopped`, `superseded` by the next report's increases, `unreadable` in a spool |
//! | `tagmeter_reporter_pushes_total`, `tagmeter_reporter_failed_pushes_total` | attempts, one a batch |
//! | `tagmeter_reporter_backlog_points`, `tagmeter_reporter_backlog_bytes` | what waits |
//! | `tagmeter_reporter_spool_points`, `tagmeter_reporter_spool_bytes` | what of that is on disk, if there is a spool |
//! | `tagmeter_reporter_spool_failing` | 1 while it takes or gives no points, otherwise 0 |
//! | `tagmeter_reporter_failures_in_a_row` | attempts that failed since one did not |
//! | `tagmeter_reporter_last_success_timestamp_seconds` | when the backend last took something |

mod allowance;
#[cfg(feature = "apptuit")]
mod answer;
#[cfg(feature = "apptuit")]
#[cfg_attr(docsrs, doc(cfg(feature = "apptuit")))]
pub mod apptuit;
mod backlog;
mod builder;
mod cursor;
mod delivery;
mod fate;
mod handler;
mod listing;
mod merged;
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
#[cfg(feature = "spool")]
mod spool;
#[cfg(test)]
mod spy;
mod status;
mod thread;
mod timestamp;

#[doc = include_str!("failures.md")]
pub mod failures {}

#[cfg(feature = "apptuit")]
#[cfg_attr(docsrs, doc(cfg(feature = "apptuit")))]
pub use apptuit::{Apptuit, ApptuitBuilder};
pub use builder::{ReporterBuilder, StartError};
pub use fate::Fate;
pub use outcome::{Report, ReportError};
pub use reporter::{ReportNowError, Reporter, StopError};
pub use rules::{RefusedPoint, Rules};
pub use sink::{Outcome, Point, PointError, PushError, Reading, Rejection, Sink};
#[cfg(feature = "spool")]
#[cfg_attr(docsrs, doc(cfg(feature = "spool")))]
pub use spool::{Spool, SpoolError, SpoolStatus, Survives};
pub use status::{Dropped, Status};
pub use timestamp::Timestamp;
