//! The reporter's thread: waits for the next tick or for an order, and pushes.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::outcome::Report;
use super::pusher::Pusher;
use super::schedule::Schedule;
use super::sink::Sink;
use crate::clock::Clock;
use crate::metric::caught;

/// What the thread is told. It takes orders one by one, so each waits for the push that is in flight.
pub(super) enum Order {
    /// Push now, besides the schedule.
    Report(Sender<Report>),
    /// Push once more and end.
    Stop(Sender<Report>),
    /// A manual clock was moved: look whether a tick has come.
    Look,
}

/// When the reporter has to be done, once somebody stops it. Shared, so that it shortens a report that is under way.
#[derive(Debug, Clone, Default)]
pub(super) struct StopBy(Arc<Mutex<Option<Instant>>>);

impl StopBy {
    pub(super) fn set(&self, at: Instant) {
        *self.0.lock() = Some(at);
    }

    fn or(&self, deadline: Instant) -> Instant {
        self.0.lock().map_or(deadline, |stop| stop.min(deadline))
    }
}

/// More patience than this is as good as endless, and can be added to any time.
const ENDLESS: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The time that is so far from now.
pub(super) fn deadline_in(patience: Duration) -> Instant {
    Instant::now() + patience.min(ENDLESS)
}

pub(super) struct Thread<S> {
    pub(super) pusher: Pusher<S>,
    pub(super) clock: Clock,
    pub(super) schedule: Schedule,
    /// The longest one report may take.
    pub(super) patience: Duration,
    pub(super) orders: Receiver<Order>,
    pub(super) stop_by: StopBy,
}

impl<S: Sink> Thread<S> {
    pub(super) fn run(mut self) {
        loop {
            match self.next_order() {
                Ok(Order::Report(waiting)) => {
                    // Nobody may be waiting any more.
                    let _ = waiting.send(self.report());
                }
                Ok(Order::Stop(waiting)) => {
                    let last = self.report();
                    // First, so that what the sink holds is closed when `stop` returns.
                    if caught(|| drop(self)).is_none() {
                        log::error!("the sink of a reporter panicked when it was dropped");
                    }
                    let _ = waiting.send(last);
                    return;
                }
                Ok(Order::Look) | Err(RecvTimeoutError::Timeout) => self.report_if_due(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn next_order(&self) -> Result<Order, RecvTimeoutError> {
        match self.clock.until(self.schedule.due()) {
            Some(wait) => self.orders.recv_timeout(wait),
            None => self.orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn report_if_due(&mut self) {
        if self.schedule.tick(self.clock.now()) {
            self.report();
        }
    }

    fn report(&mut self) -> Report {
        let deadline = deadline_in(self.patience);
        let stop_by = self.stop_by.clone();
        self.pusher.report(|| stop_by.or(deadline))
    }
}
