//! What a reporter says about itself.

use std::time::Duration;

use crate::clock::Clock;
use crate::metric::{Counter, Timer};
use crate::model::Snapshot;
use crate::registry::Registry;

/// Counts of a reporter's pushes, in a registry of their own: the program's stays as the program made it.
///
/// | metric of `apptuit` | counts |
/// |---|---|
/// | `apptuit.reporter.send.total` | points handed to the sink, again with each attempt |
/// | `apptuit.reporter.send.successful` | points the backend took |
/// | `apptuit.reporter.send.failed` | points it did not take, or that did not reach it |
/// | `apptuit.reporter.send.time` | how long each push took, failed ones too |
///
/// They are pushed after what they count, so what is pushed is how they stood after the report before. Their own points
/// are not counted.
pub(super) struct Meta {
    registry: Registry,
    names: [String; 4],
    metrics: Option<Metrics>,
    standing: Snapshot,
}

struct Metrics {
    total: Counter,
    successful: Counter,
    failed: Counter,
    time: Timer,
}

impl Meta {
    pub(super) fn new(sink: &str, clock: Clock) -> Self {
        let registry = Registry::builder().clock(clock).quantiles().build();
        let names =
            ["total", "successful", "failed", "time"].map(|last| format!("{sink}.reporter.send.{last}"));
        let standing = registry.snapshot();
        Meta { registry, names, metrics: None, standing }
    }

    /// How they stood after the last report; nothing before the first.
    pub(super) fn standing(&self) -> &Snapshot {
        &self.standing
    }

    /// Ends a report. Read now and not at the next one, when the window of the last minute may be empty.
    pub(super) fn settle(&mut self) {
        self.standing = self.registry.snapshot();
    }

    /// Counts one push of so many points, of which the backend took some.
    pub(super) fn add(&mut self, points: usize, taken: usize, took: Duration) {
        let metrics = self.metrics();
        metrics.total.add(points as u64);
        metrics.successful.add(taken as u64);
        metrics.failed.add((points - taken) as u64);
        metrics.time.record(took);
    }

    /// Made at the first push, so that a reporter with nothing to report does not report that.
    fn metrics(&mut self) -> &Metrics {
        let [total, successful, failed, time] = &self.names;
        self.metrics.get_or_insert_with(|| Metrics {
            total: self.registry.counter(total),
            successful: self.registry.counter(successful),
            failed: self.registry.counter(failed),
            time: self.registry.timer(time),
        })
    }
}
