//! Batches to a backend: attempts, halves of what is too large, and the count of what came of it.

use std::time::{Duration, Instant};

use super::allowance::Allowance;
use super::fate::Fate;
use super::handler::Handler;
use super::meta::Meta;
use super::outcome::{Report, ReportError};
use super::pieces::{BatchSize, Pieces};
use super::sink::{Outcome, Point, PushError, Sink};
use super::status::{DropReason, Ledger, Loss};
use crate::clock::Clock;
use crate::metric::caught;

/// A sink, and everybody who is told what became of a push.
pub(super) struct Delivery<S> {
    pub(super) sink: S,
    pub(super) clock: Clock,
    pub(super) handler: Handler,
    pub(super) meta: Meta,
    pub(super) ledger: Ledger,
    pub(super) size: BatchSize,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    /// Points from its beginning that need wait no longer.
    pub(super) settled: usize,
    /// Those of them that the backend took.
    pub(super) taken: usize,
    /// Why the rest was not tried or not taken.
    pub(super) halt: Option<Halt>,
}

/// Why no more is pushed for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Halt {
    /// It may pass by itself; not before this time is over, if the backend said one.
    Retry(Option<Duration>),
    /// Somebody has to mend something.
    Wait,
    /// The reporter is being stopped: what is left goes with the last report.
    CutShort,
}

/// What one attempt came to.
struct Attempt {
    /// What is done about it, if it failed.
    fate: Option<Fate>,
    /// Points the backend took.
    taken: usize,
    retry_after: Option<Duration>,
    error: Option<ReportError>,
}

/// What became of a piece of a batch.
enum Came {
    Settled { taken: usize },
    TooLarge,
    Halted(Halt),
}

impl<S: Sink> Delivery<S> {
    /// Pushes a batch as far as it goes.
    pub(super) fn deliver(&mut self, batch: &[Point], time: &Allowance, report: &mut Report) -> Delivered {
        let mut done = Delivered::default();
        let mut pieces = Pieces::of(batch.len());
        while let Some(piece) = pieces.next() {
            match self.deliver_piece(&batch[piece.clone()], time, report) {
                Came::Settled { taken } => {
                    done.settled += piece.len();
                    done.taken += taken;
                    pieces.passed(piece);
                }
                Came::TooLarge => pieces.halve(piece),
                Came::Halted(halt) => {
                    done.halt = Some(halt);
                    break;
                }
            }
        }
        self.size.learn(&pieces);
        done
    }

    fn deliver_piece(&mut self, points: &[Point], time: &Allowance, report: &mut Report) -> Came {
        if time.is_cut_short() {
            return Came::Halted(Halt::CutShort);
        }
        if let Some(error) = too_late(points, time) {
            self.tell(Some(error), report);
            return Came::Halted(Halt::Retry(None));
        }
        let Attempt { fate, taken, retry_after, error } = self.attempt(points, time.deadline());
        self.tell(error, report);
        match fate {
            None => self.ledger.deliver(taken, self.clock.wall()),
            Some(_) => self.ledger.fail(taken),
        }
        match fate {
            Some(Fate::Retry) => Came::Halted(Halt::Retry(retry_after)),
            Some(Fate::Wait) => Came::Halted(Halt::Wait),
            Some(Fate::Halve) if points.len() > 1 => Came::TooLarge,
            None | Some(Fate::Halve | Fate::Drop) => {
                self.ledger.drop_points(points.len() - taken, DropReason::Refused);
                Came::Settled { taken }
            }
        }
    }

    /// The reporter's own metrics: their points are in no count, their failure is told like any other. Says how many of
    /// them, from the first on, need not be sent again.
    pub(super) fn push_own(&mut self, own: &[Point], time: &Allowance, report: &mut Report) -> usize {
        let mut settled = 0;
        for batch in own.chunks(self.size.now()) {
            if let Some(error) = too_late(batch, time) {
                self.tell(Some(error), report);
                break;
            }
            let pushed = caught(|| self.sink.push(batch, time.deadline()));
            let Attempt { fate, error, .. } = Attempt::of(pushed, batch.len(), &self.sink);
            self.tell(error, report);
            if !matches!(fate, None | Some(Fate::Drop)) {
                break;
            }
            settled += batch.len();
        }
        settled
    }

    /// Points that a backlog lost.
    pub(super) fn lose(&mut self, losses: Vec<Loss>, report: &mut Report) {
        for Loss { points, reason, message } in losses {
            self.ledger.drop_points(points, reason);
            let error = ReportError { failed: points, ..ReportError::general(message) };
            self.tell(Some(error), report);
        }
    }

    pub(super) fn tell(&mut self, error: Option<ReportError>, report: &mut Report) {
        if let Some(error) = error {
            self.ledger.tell(&error);
            self.handler.tell(&error);
            report.errors.push(error);
        }
    }

    fn attempt(&mut self, points: &[Point], deadline: Instant) -> Attempt {
        let start = self.clock.now();
        let pushed = caught(|| self.sink.push(points, deadline));
        let took = self.clock.now().saturating_sub(start);
        let attempt = Attempt::of(pushed, points.len(), &self.sink);
        self.meta.add(points.len(), attempt.taken, took);
        attempt
    }
}

/// What is said instead of a push, if there is no time left for one: nothing was tried, so no attempt is counted.
fn too_late(points: &[Point], time: &Allowance) -> Option<ReportError> {
    let is_late = Instant::now() >= time.deadline();
    let reason = "the time for this report is over".to_owned();
    is_late.then(|| ReportError { failed: points.len(), ..ReportError::general(reason) })
}

impl Attempt {
    /// Reads what a sink said about so many points. It may say any number: none counts beyond them.
    fn of(pushed: Option<Result<Outcome, PushError>>, points: usize, sink: &impl Sink) -> Self {
        match pushed {
            Some(Ok(outcome)) => Attempt {
                fate: None,
                taken: points - outcome.failed.min(points),
                retry_after: None,
                error: ReportError::partial(&outcome),
            },
            Some(Err(error)) => Attempt::failed(&error, points, sink),
            None => Attempt::panicked(points),
        }
    }

    fn failed(error: &PushError, points: usize, sink: &impl Sink) -> Self {
        let fate = caught(|| sink.fate(error)).unwrap_or_else(|| Fate::of(error));
        let (taken, retry_after) = match error {
            PushError::Rejected(rejection) => (rejection.successful.min(points), rejection.retry_after),
            _ => (0, None),
        };
        let taken = if fate == Fate::Drop { taken } else { 0 };
        Attempt { fate: Some(fate), taken, retry_after, error: Some(ReportError::from(error)) }
    }

    /// The same points would have it panic again, and all others wait behind them.
    fn panicked(points: usize) -> Self {
        let error = ReportError { failed: points, ..ReportError::general("the sink panicked".to_owned()) };
        Attempt { fate: Some(Fate::Drop), taken: 0, retry_after: None, error: Some(error) }
    }
}
