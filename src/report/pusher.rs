//! One report after the other: snapshot, points, batches, sink, counts.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::handler::Handler;
use super::meta::Meta;
use super::outcome::{Report, ReportError};
use super::points::{Points, points};
use super::rules::{Collisions, Fit, Rules};
use super::sink::{Outcome, Point, PushError, Sink};
use crate::model::Snapshot;
use crate::registry::Registry;
use crate::tag::TagLayers;

/// Everything a report needs. Lives in the reporter's thread.
pub(super) struct Pusher<S> {
    pub(super) registry: Registry,
    pub(super) sink: S,
    pub(super) rules: Rules,
    pub(super) prefix: String,
    pub(super) layers: TagLayers,
    pub(super) collisions: Collisions,
    pub(super) handler: Handler,
    pub(super) meta: Meta,
    /// How many numbers could not be sent last time: the handler is told when that changes, not every time.
    pub(super) refused: usize,
}

impl<S: Sink> Pusher<S> {
    /// Reports everything there is. `deadline` is asked before each push, since it may move closer meanwhile.
    pub(super) fn report(&mut self, deadline: impl Fn() -> Instant) -> Report {
        let Points { points, not_finite, refused } = self.points(&self.registry.snapshot());
        // How they stand before this report: they are pushed after it, and would otherwise count half of it.
        let own = self.points(&self.meta.snapshot()).points;
        let skipped = not_finite + refused.len();
        let mut report = Report { points: points.len(), skipped, ..Report::default() };
        self.tell_refused(ReportError::refused(&refused), &mut report);
        if points.is_empty() {
            return report;
        }
        for batch in points.chunks(self.rules.max_batch.max(1)) {
            let pushed = self.push_counted(batch, deadline());
            self.note(pushed, &mut report);
        }
        self.push_own(&own, deadline(), &mut report);
        report
    }

    fn points(&self, snapshot: &Snapshot) -> Points {
        points(snapshot, &self.prefix, Fit::new(self.rules.sanitize, &self.layers, &self.collisions))
    }

    fn push_counted(&mut self, batch: &[Point], deadline: Instant) -> Result<Outcome, PushError> {
        let sink = &mut self.sink;
        self.meta.count(batch.len(), || push(sink, batch, deadline))
    }

    /// The reporter's own metrics: their points are in no count, their failure is told like any other.
    fn push_own(&mut self, own: &[Point], deadline: Instant, report: &mut Report) {
        for batch in own.chunks(self.rules.max_batch.max(1)) {
            match push(&mut self.sink, batch, deadline) {
                Ok(outcome) => self.tell(ReportError::partial(&outcome), report),
                Err(error) => self.tell(Some(ReportError::from(&error)), report),
            }
        }
    }

    fn note(&mut self, pushed: Result<Outcome, PushError>, report: &mut Report) {
        let (successful, failed, error) = match pushed {
            Ok(outcome) => (outcome.successful, outcome.failed, ReportError::partial(&outcome)),
            Err(error) => {
                let error = ReportError::from(&error);
                (error.successful, error.failed, Some(error))
            }
        };
        report.successful += successful;
        report.failed += failed;
        self.tell(error, report);
    }

    fn tell_refused(&mut self, error: Option<ReportError>, report: &mut Report) {
        let refused = error.as_ref().map_or(0, |error| error.failed);
        if refused != self.refused {
            self.refused = refused;
            self.tell(error, report);
        }
    }

    fn tell(&mut self, error: Option<ReportError>, report: &mut Report) {
        if let Some(error) = error {
            self.handler.tell(&error);
            report.errors.push(error);
        }
    }
}

/// One attempt, if there is time left for one. A sink that panics has not delivered.
fn push(sink: &mut impl Sink, batch: &[Point], deadline: Instant) -> Result<Outcome, PushError> {
    let unreachable =
        |reason: &str| PushError::Unreachable { points: batch.len(), reason: reason.to_owned() };
    if Instant::now() >= deadline {
        return Err(unreachable("the time for this report is over"));
    }
    catch_unwind(AssertUnwindSafe(|| sink.push(batch, deadline)))
        .unwrap_or_else(|_| Err(unreachable("the sink panicked")))
}
