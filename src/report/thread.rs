//! The reporter's thread: waits for the next tick or for an order, and has it done.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError};

use super::outcome::Report;
use super::reporting::Reporting;
use super::sink::Sink;
use crate::metric::caught;

/// What the thread is told. It takes orders one by one, so each waits for the push that is in flight.
pub(super) enum Order {
    /// Push now, besides the schedule.
    Report(Sender<Report>),
    /// Push once more and end.
    Stop(Sender<Report>),
    /// A manual clock was moved, or a pause is over: look whether there is something to do.
    Look,
}

pub(super) struct Thread<S> {
    pub(super) reporting: Reporting<S>,
    pub(super) orders: Receiver<Order>,
}

impl<S: Sink> Thread<S> {
    pub(super) fn run(mut self) {
        loop {
            match self.next_order() {
                Ok(Order::Report(waiting)) => {
                    // Nobody may be waiting any more.
                    let _ = waiting.send(self.reporting.report_now());
                }
                Ok(Order::Stop(waiting)) => {
                    let last = self.reporting.report_last();
                    // First, so that what the sink holds is closed when `stop` returns.
                    if caught(|| drop(self)).is_none() {
                        log::error!("the sink of a reporter panicked when it was dropped");
                    }
                    let _ = waiting.send(last);
                    return;
                }
                Ok(Order::Look) | Err(RecvTimeoutError::Timeout) => self.reporting.look(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn next_order(&self) -> Result<Order, RecvTimeoutError> {
        let (clock, at) = (&self.reporting.clock, self.reporting.wake_at());
        if at <= clock.now() {
            return self.orders.try_recv().map_err(|error| match error {
                TryRecvError::Empty => RecvTimeoutError::Timeout,
                TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            });
        }
        match clock.until(at) {
            Some(wait) => self.orders.recv_timeout(wait),
            None => self.orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }
}
