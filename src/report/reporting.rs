//! What the reporter's thread does, and when: everything but the waiting.

use std::time::Duration;

use super::allowance::{Allowance, StopBy};
use super::delivery::Halt;
use super::outcome::Report;
use super::pusher::Pusher;
use super::retry::Retry;
use super::schedule::Schedule;
use super::sink::Sink;
use crate::clock::Clock;

/// The part of an interval, at its end, in which no retry is begun: one tenth.
const REST: u32 = 10;

/// A reporter between two waits. Each call does a bounded piece of work and returns.
pub(super) struct Reporting<S> {
    pub(super) pusher: Pusher<S>,
    pub(super) clock: Clock,
    pub(super) schedule: Schedule,
    pub(super) retry: Retry,
    pub(super) every: Duration,
    /// The longest one report may take.
    pub(super) patience: Duration,
    pub(super) stop_by: StopBy,
}

impl<S: Sink> Reporting<S> {
    /// When there is something to do, unless an order comes first.
    pub(super) fn wake_at(&self) -> Duration {
        let tick = self.schedule.due();
        match self.retry.due() {
            Some(retry) if !self.is_paused() => retry.min(tick),
            _ => tick,
        }
    }

    /// Does what is due, if anything is.
    pub(super) fn look(&mut self) {
        let now = self.clock.now();
        if self.schedule.tick(now) {
            self.tick(now);
        } else if self.retry.due().is_some_and(|at| at <= now) && !self.is_paused() {
            self.try_again(now);
        }
    }

    /// Reports now, besides the schedule.
    pub(super) fn report_now(&mut self) -> Report {
        let time = Allowance::new(self.patience, self.clock.now(), self.stop_by.clone());
        self.report(&time)
    }

    /// The last report: nothing is pushed after it.
    pub(super) fn report_last(&mut self) -> Report {
        let time = Allowance::last(self.patience, self.clock.now(), self.stop_by.clone());
        let mut report = self.report(&time);
        self.pusher.close(&mut report);
        report
    }

    fn tick(&mut self, now: Duration) {
        if self.is_paused() {
            return;
        }
        if self.retry.is_quiet(now) {
            self.pusher.hold();
        } else {
            self.report_now();
        }
    }

    fn try_again(&mut self, now: Duration) {
        let patience = self.schedule.due().saturating_sub(now);
        let time = Allowance::new(patience, now, self.stop_by.clone());
        let halt = self.pusher.catch_up(&time, &mut Report::default());
        self.plan(halt);
    }

    fn report(&mut self, time: &Allowance) -> Report {
        self.retry.begin();
        let (report, halt) = self.pusher.report(time);
        self.plan(halt);
        report
    }

    fn plan(&mut self, halt: Option<Halt>) {
        let until = self.schedule.due().saturating_sub(self.every / REST);
        let waiting = self.pusher.backlog.waiting().points;
        self.retry.plan(halt, waiting, self.clock.now(), until);
    }

    fn is_paused(&self) -> bool {
        self.pusher.delivery.ledger.is_paused()
    }
}
