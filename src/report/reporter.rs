//! Pushes a registry to a sink, again and again.

use std::fmt;
use std::mem;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::allowance::StopBy;
use super::builder::ReporterBuilder;
use super::listing::Listing;
use super::outcome::Report;
use super::sink::Sink;
use super::status::{Ledger, Status};
use super::thread::Order;
use crate::registry::View;

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
/// In a forked child the thread does not exist: calls give an error there, dropping does nothing, and the parent's
/// reporter knows nothing of it. Start another one in the child.
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
    /// The process that the thread is in. A forked child has a copy of this handle and no thread.
    pub(super) process: u32,
    pub(super) listing: Option<Listing>,
}

/// Why there is no outcome of the last push.
///
/// ```
/// assert_eq!(tagmeter::report::StopError::TimedOut.to_string(), "the last push was not over in the time given");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StopError {
    /// The last push was not over in time. The thread goes on until its current request has ended, and makes no new one;
    /// until then its spool is in use by it.
    #[error("the last push was not over in the time given")]
    TimedOut,
    /// The thread is gone, or waits for itself: a sink, an error handler or a function of a metric called `stop`.
    #[error("the reporter's thread cannot answer")]
    NoThread,
    /// The thread is in the process from which this one was forked.
    #[error("the reporter's thread is in the parent of this process: expected a reporter started here")]
    Forked,
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
    /// The thread is in the process from which this one was forked.
    #[error("the reporter's thread is in the parent of this process: expected a reporter started here")]
    Forked,
}

impl Reporter {
    /// A reporter in the making, which pushes everything in a registry, or in a [`View`], to `sink`. See [`ReporterBuilder`] for an example.
    #[expect(clippy::new_ret_no_self, reason = "reads as `Reporter::new(…).every(…).start()`")]
    pub fn new<S: Sink>(source: impl Into<View>, sink: S) -> ReporterBuilder<S> {
        ReporterBuilder::new(source.into(), sink)
    }

    pub(super) fn started(handle: Handle, thread: JoinHandle<()>) -> Self {
        Reporter { handle, thread: Some(thread) }
    }

    /// Pushes now, besides the schedule: waits for a push in flight, then for its own. How it went is in the [`Report`].
    ///
    /// # Errors
    ///
    /// It was called by the reporter's own thread, which cannot wait for itself, or in a forked child.
    pub fn report_now(&self) -> Result<Report, ReportNowError> {
        if self.handle.is_forked() {
            return Err(ReportNowError::Forked);
        }
        if self.is_own_thread() {
            return Err(ReportNowError::NoThread);
        }
        let (reply, report) = mpsc::channel();
        self.handle.orders.send(Order::Report(reply)).map_err(|_| ReportNowError::NoThread)?;
        report.recv().map_err(|_| ReportNowError::NoThread)
    }

    /// How it is doing: what it was handed, what became of that, what went wrong last. In a forked child nothing of it.
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
        if self.handle.is_forked() { Status::default() } else { self.handle.ledger.read() }
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
        if !self.handle.is_forked() {
            self.handle.ledger.pause(true);
        }
    }

    /// Ends a [`pause`](Reporter::pause): the next push comes when the schedule says, as if there had been none.
    pub fn resume(&self) {
        if !self.handle.is_forked() {
            self.handle.ledger.pause(false);
            // A thread that is gone has nothing to look for.
            let _ = self.handle.orders.send(Order::Look);
        }
    }

    /// Waits for a push in flight, pushes exactly once more, and ends the thread.
    ///
    /// The backend has nine tenths of `timeout`, all but half a second if that is more: what it did not take by then is
    /// still counted, and kept if there is a spool, before this returns.
    ///
    /// # Errors
    ///
    /// All that took longer than `timeout`, or the thread is gone, or in another process. What became of the points is not an error here: it is
    /// in the [`Report`].
    pub fn stop(mut self, timeout: Duration) -> Result<Report, StopError> {
        self.stop_within(timeout)
    }

    fn stop_within(&mut self, timeout: Duration) -> Result<Report, StopError> {
        let own_thread = self.is_own_thread();
        let thread = self.thread.take().ok_or(StopError::NoThread)?;
        if self.handle.is_forked() {
            self.handle.leave_alone(thread);
            return Err(StopError::Forked);
        }
        self.handle.stop_by.set(timeout);
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

impl Handle {
    fn is_forked(&self) -> bool {
        self.process != std::process::id()
    }

    /// Touches nothing that the parent's threads may have held when this process came to be: it would be held for ever.
    fn leave_alone(&mut self, thread: JoinHandle<()>) {
        mem::forget(thread);
        mem::forget(self.listing.take());
        // With one sender more than are dropped, nobody tells the receiver.
        mem::forget(self.orders.clone());
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        if self.thread.is_none() {
            return;
        }
        match self.stop_within(self.handle.drop_patience) {
            // The parent's has its own last push.
            Ok(_) | Err(StopError::Forked) => {}
            Err(error) => log::warn!("a reporter to {} was dropped: {error}", self.handle.sink),
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
    use std::sync::Arc;
    use std::time::Instant;

    use super::*;
    use crate::backoff::Chance;
    use crate::clock::ManualClock;
    use crate::registry::Registry;
    use crate::report::spy::{Answer, Spy};
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

    /// Takes points one by one, and keeps whoever pushes them waiting; tells of each push, and by its end of its own.
    struct Held {
        began: Sender<()>,
        release: mpsc::Receiver<()>,
    }

    impl Sink for Held {
        fn name(&self) -> &str {
            "held"
        }

        fn rules(&self) -> Rules {
            Rules { max_batch: 1, ..Rules::default() }
        }

        fn push(&mut self, batch: &[Point], _: Instant) -> Result<Outcome, PushError> {
            self.began.send(()).unwrap();
            let _ = self.release.recv();
            Ok(Outcome::all(batch.len()))
        }
    }

    /// A reporter of three points in its first push; what tells of pushes, and what ends that one.
    fn held(every: Duration) -> (Reporter, mpsc::Receiver<()>, Sender<()>) {
        let ((began, begun), (end, release)) = (mpsc::channel(), mpsc::channel());
        let registry = Registry::new();
        ["a", "b", "c"].into_iter().for_each(|name| registry.counter(name).inc());
        let reporter = Reporter::new(&registry, Held { began, release }).every(every).on_error(|_| ());
        let reporter = reporter.start().unwrap();
        begun.recv().unwrap();
        (reporter, begun, end)
    }

    const SOON: Duration = Duration::from_millis(10);

    #[test]
    fn a_stop_without_time_lets_the_current_request_end_and_begins_no_other() {
        let (reporter, begun, end) = held(SOON);
        assert_eq!(reporter.stop(Duration::ZERO), Err(StopError::TimedOut));
        end.send(()).unwrap();
        assert_eq!(begun.iter().count(), 0, "the thread ends, and the sink with it");
    }

    #[test]
    fn a_drop_waits_an_interval_and_five_seconds_at_most() {
        let (reporter, begun, end) = held(SOON);
        // Nobody ends the push meanwhile.
        drop(reporter);
        drop(end);
        assert_eq!(begun.iter().count(), 0);
        let lasting = Reporter::new(&Registry::new(), Spy::new(|_| Answer::Takes)).every(Duration::MAX);
        assert_eq!(lasting.start().unwrap().handle.drop_patience, Duration::from_secs(5));
    }

    /// Takes nothing, and tells until when it was to answer.
    struct Silent(Sender<Instant>);

    impl Sink for Silent {
        fn name(&self) -> &str {
            "silent"
        }

        fn rules(&self) -> Rules {
            Rules::default()
        }

        fn push(&mut self, batch: &[Point], deadline: Instant) -> Result<Outcome, PushError> {
            self.0.send(deadline).unwrap();
            Err(PushError::Unreachable { points: batch.len(), reason: "silence".into() })
        }
    }

    #[test]
    fn a_stop_gives_the_network_all_its_time_but_what_it_takes_to_keep_points() {
        for (timeout, to_keep) in [(60_000, 500), (2_000, 200)] {
            let timeout = Duration::from_millis(timeout);
            let network = timeout - Duration::from_millis(to_keep);
            let (given, deadlines) = mpsc::channel();
            let registry = Registry::builder().clock(ManualClock::new()).build();
            registry.counter("orders").inc();
            // A report may take 5 s otherwise.
            let reporter = Reporter::new(&registry, Silent(given)).every(SOON).on_error(|_| ());
            let reporter = reporter.start().unwrap();
            let before = Instant::now();
            assert_eq!(reporter.stop(timeout).unwrap().failed, 1);
            let deadline = deadlines.recv().unwrap();
            assert!((before + network..=Instant::now() + network).contains(&deadline), "{timeout:?}");
        }
    }

    /// One life of a reporter: what is pushed after `stop` was called, seen by a total that then no longer moves.
    fn lives_and_stops(chance: &mut Chance) {
        let clock = ManualClock::new();
        let registry = Registry::builder().clock(clock.clone()).build();
        let orders = registry.counter("orders");
        let spy = Spy::new(|_| Answer::Takes);
        let taken = spy.taken();
        let reporter = Reporter::new(&registry, spy).push_own_metrics(false).start().unwrap();
        let ticks = chance.next() % 3;
        (0..ticks).for_each(|_| clock.advance(Duration::from_secs(60)));
        let is_quiet = chance.next().is_multiple_of(2);
        if is_quiet {
            // Whatever was due has been pushed when this returns.
            reporter.report_now().unwrap();
        }
        orders.inc();
        let last = reporter.stop(Duration::from_secs(60)).unwrap();
        assert_eq!((last.points, last.successful), (1, 1));
        let seen = taken.lock().iter().filter(|point| point.value == 1.0).count() as u64;
        let most = if is_quiet { 1 } else { 1 + ticks };
        assert!(
            (1..=most).contains(&seen),
            "pushed {seen} times, expected once more than what was in flight"
        );
        assert_eq!(taken.lock().last().unwrap().value, 1.0);
        clock.advance(Duration::from_secs(600));
        assert_eq!(Arc::strong_count(&taken), 1, "the sink is gone, and with it the thread");
    }

    #[test]
    fn ten_thousand_reporters_push_exactly_once_more() {
        let mut chance = Chance::seeded(7);
        (0..10_000).for_each(|_| lives_and_stops(&mut chance));
    }
}
