//! Pushes a registry to a sink, again and again.

use std::fmt;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::allowance::{StopBy, deadline_in};
use super::builder::ReporterBuilder;
use super::outcome::Report;
use super::sink::Sink;
use super::status::{Ledger, Status};
use super::thread::Order;
use crate::registry::Registry;

/// The longest that `drop` waits for the last push.
pub(super) const DROP_PATIENCE: Duration = Duration::from_secs(5);

/// Pushes everything in a registry at fixed intervals, from a thread of its own, until stopped or dropped.
///
/// The first push comes one interval after the start, then one each interval; one that takes longer makes ticks fall
/// out, never pile up. [`stop`](Reporter::stop) pushes once more, so that nothing recorded before is lost; so does
/// `drop`, which waits no longer than an interval or 5 s. A program that ends without either loses the last interval.
///
/// What the backend does not take waits in a bounded backlog and is tried again: the [module's page](crate::report) says
/// which answer means what. What is pushed is cumulative: nothing is reset by a push.
///
/// ```
/// use std::time::Duration;
/// use tagmeter::Registry;
/// # use tagmeter::report::{Outcome, Point, PushError, Rules, Sink};
/// use tagmeter::report::Reporter;
///
/// # struct Backend;
/// # impl Sink for Backend {
/// #     fn name(&self) -> &str { "backend" }
/// #     fn rules(&self) -> Rules { Rules::default() }
/// #     fn push(&mut self, batch: &[Point], _: std::time::Instant) -> Result<Outcome, PushError> {
/// #         Ok(Outcome::all(batch.len()))
/// #     }
/// # }
/// let registry = Registry::new();
/// let reporter = Reporter::new(&registry, Backend)
///     .every(Duration::from_secs(60))
///     .tags([("service", "order-service")])
///     .on_error(|error| log::warn!("{error}"))
///     .start()?;
///
/// registry.counter("orders").inc();
/// let last = reporter.stop(Duration::from_secs(5))?;
/// assert_eq!((last.successful, last.failed), (1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a reporter stops when it is dropped"]
pub struct Reporter {
    handle: Handle,
    /// `None` once stopped.
    thread: Option<JoinHandle<()>>,
}

/// What reaches the reporter's thread.
pub(super) struct Handle {
    pub(super) orders: Sender<Order>,
    pub(super) stop_by: StopBy,
    pub(super) ledger: Ledger,
    pub(super) drop_patience: Duration,
    /// What the sink is called.
    pub(super) sink: String,
}

/// Why there is no outcome of the last push.
///
/// ```
/// assert_eq!(tagmeter::report::StopError::TimedOut.to_string(), "the last push was not over in the time given");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StopError {
    /// The last push was not over in time. The thread goes on until its current request has ended, and makes no new one.
    #[error("the last push was not over in the time given")]
    TimedOut,
    /// The thread is gone, or waits for itself: a sink, an error handler or a function of a metric called `stop`.
    #[error("the reporter's thread cannot answer")]
    NoThread,
}

/// Why there is no outcome of a push.
///
/// ```
/// let error = tagmeter::report::ReportNowError::NoThread;
/// assert_eq!(error.to_string(), "the reporter's thread cannot answer");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReportNowError {
    /// The thread is gone, or would wait for itself: a sink, an error handler or a function of a metric called
    /// `report_now`.
    #[error("the reporter's thread cannot answer")]
    NoThread,
}

impl Reporter {
    /// A reporter in the making, which pushes everything in `registry` to `sink`. See [`ReporterBuilder`] for an example.
    #[expect(clippy::new_ret_no_self, reason = "reads as `Reporter::new(…).every(…).start()`")]
    pub fn new<S: Sink>(registry: &Registry, sink: S) -> ReporterBuilder<S> {
        ReporterBuilder::new(registry, sink)
    }

    pub(super) fn started(handle: Handle, thread: JoinHandle<()>) -> Self {
        Reporter { handle, thread: Some(thread) }
    }

    /// Pushes now, besides the schedule: waits for a push in flight, then for its own. How it went is in the [`Report`].
    ///
    /// # Errors
    ///
    /// It was called by the reporter's own thread, which cannot wait for itself.
    pub fn report_now(&self) -> Result<Report, ReportNowError> {
        if self.is_own_thread() {
            return Err(ReportNowError::NoThread);
        }
        let (reply, report) = mpsc::channel();
        self.handle.orders.send(Order::Report(reply)).map_err(|_| ReportNowError::NoThread)?;
        report.recv().map_err(|_| ReportNowError::NoThread)
    }

    /// How it is doing: what it was handed, what became of that, what went wrong last.
    ///
    /// ```
    /// # use tagmeter::report::{Outcome, Point, PushError, Reporter, Rules, Sink};
    /// # struct Backend;
    /// # impl Sink for Backend {
    /// #     fn name(&self) -> &str { "backend" }
    /// #     fn rules(&self) -> Rules { Rules::default() }
    /// #     fn push(&mut self, batch: &[Point], _: std::time::Instant) -> Result<Outcome, PushError> {
    /// #         Ok(Outcome::all(batch.len()))
    /// #     }
    /// # }
    /// # let registry = tagmeter::Registry::new();
    /// # registry.counter("orders").inc();
    /// let reporter = Reporter::new(&registry, Backend).start()?;
    /// reporter.report_now()?;
    /// let status = reporter.status();
    /// assert_eq!((status.accepted, status.delivered, status.backlog_points), (1, 1, 0));
    /// assert!(status.last_success.is_some() && status.last_error.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn status(&self) -> Status {
        self.handle.ledger.read()
    }

    /// Leaves out what the schedule asks for, and retries, until [`resume`](Reporter::resume). A push in flight goes on;
    /// [`report_now`](Reporter::report_now) and [`stop`](Reporter::stop) push all the same. Recording goes on, so totals
    /// are whole afterwards; the levels of the pause are not sent.
    ///
    /// ```
    /// # use tagmeter::report::{Outcome, Point, PushError, Reporter, Rules, Sink};
    /// # struct Backend;
    /// # impl Sink for Backend {
    /// #     fn name(&self) -> &str { "backend" }
    /// #     fn rules(&self) -> Rules { Rules::default() }
    /// #     fn push(&mut self, batch: &[Point], _: std::time::Instant) -> Result<Outcome, PushError> {
    /// #         Ok(Outcome::all(batch.len()))
    /// #     }
    /// # }
    /// # let registry = tagmeter::Registry::new();
    /// let reporter = Reporter::new(&registry, Backend).start()?;
    /// reporter.pause();
    /// assert!(reporter.status().paused);
    /// reporter.resume();
    /// assert!(!reporter.status().paused);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pause(&self) {
        self.handle.ledger.pause(true);
    }

    /// Ends a [`pause`](Reporter::pause): the next push comes when the schedule says, as if there had been none.
    pub fn resume(&self) {
        self.handle.ledger.pause(false);
        // A thread that is gone has nothing to look for.
        let _ = self.handle.orders.send(Order::Look);
    }

    /// Waits for a push in flight, pushes exactly once more, and ends the thread.
    ///
    /// # Errors
    ///
    /// All that took longer than `timeout`, or the thread is gone. What became of the points is not an error here: it is
    /// in the [`Report`].
    pub fn stop(mut self, timeout: Duration) -> Result<Report, StopError> {
        self.stop_within(timeout)
    }

    fn stop_within(&mut self, timeout: Duration) -> Result<Report, StopError> {
        let own_thread = self.is_own_thread();
        let thread = self.thread.take().ok_or(StopError::NoThread)?;
        self.handle.stop_by.set(deadline_in(timeout));
        let (reply, report) = mpsc::channel();
        self.handle.orders.send(Order::Stop(reply)).map_err(|_| StopError::NoThread)?;
        if own_thread {
            return Err(StopError::NoThread);
        }
        let last = report.recv_timeout(timeout).map_err(|error| match error {
            RecvTimeoutError::Timeout => StopError::TimedOut,
            RecvTimeoutError::Disconnected => StopError::NoThread,
        })?;
        // It has replied, which is the last thing it does.
        thread.join().map_err(|_| StopError::NoThread)?;
        Ok(last)
    }

    fn is_own_thread(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| thread.thread().id() == thread::current().id())
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        if self.thread.is_none() {
            return;
        }
        if let Err(error) = self.stop_within(self.handle.drop_patience) {
            log::warn!("a reporter to {} was dropped: {error}", self.handle.sink);
        }
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter").field("sink", &self.handle.sink).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::report::{Outcome, Point, PushError, Rules};

    /// Closes its connection badly.
    struct BadAtGoodbyes;

    impl Sink for BadAtGoodbyes {
        fn name(&self) -> &str {
            "bad at goodbyes"
        }

        fn rules(&self) -> Rules {
            Rules::default()
        }

        fn push(&mut self, batch: &[Point], _: Instant) -> Result<Outcome, PushError> {
            Ok(Outcome::all(batch.len()))
        }
    }

    impl Drop for BadAtGoodbyes {
        fn drop(&mut self) {
            panic!("cannot close");
        }
    }

    #[test]
    fn the_last_report_survives_a_sink_that_panics_when_dropped() {
        let registry = Registry::new();
        registry.counter("orders").inc();
        let reporter = Reporter::new(&registry, BadAtGoodbyes).start().unwrap();
        assert_eq!(reporter.stop(Duration::from_secs(60)).unwrap().successful, 1);
    }
}
