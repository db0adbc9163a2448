//! How long pushes may take.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// When the last push has to be over, once somebody stops the reporter. Shared, so that it shortens a report that is
/// under way.
#[derive(Debug, Clone, Default)]
pub(super) struct StopBy(Arc<Mutex<Option<Instant>>>);

/// The part of the time for a stop that the network does not get: what it did not take then still has to be kept, and
/// whoever waits has to hear of it in time.
const TO_KEEP: u32 = 10;
/// A disk hardly needs longer.
const MOST_TO_KEEP: Duration = Duration::from_millis(500);

impl StopBy {
    /// Somebody stops the reporter and waits so long.
    pub(super) fn set(&self, timeout: Duration) {
        let to_keep = (timeout / TO_KEEP).min(MOST_TO_KEEP);
        *self.0.lock() = Some(deadline_in(timeout - to_keep));
    }

    fn get(&self) -> Option<Instant> {
        *self.0.lock()
    }
}

/// More patience than this is as good as endless, and can be added to any time.
const ENDLESS: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Time for at least one batch, however short the interval.
const A_LITTLE: Duration = Duration::from_nanos(1);

/// The time that is so far from now.
pub(super) fn deadline_in(patience: Duration) -> Instant {
    Instant::now() + patience.min(ENDLESS)
}

/// The time for one report, or for catching up.
#[derive(Debug, Clone)]
pub(super) struct Allowance {
    /// When the last push has to be over. In the time of the network, whatever the reporter's clock is.
    deadline: Instant,
    /// When no more is taken from the backlog, on the reporter's clock: the new points want their time, too.
    backlog_until: Duration,
    /// When the last push from the backlog has to be over, in the time of the network. Later than that, so that a push
    /// that was begun is not cut off for it: a backend may have taken what it had no time to answer.
    backlog_deadline: Instant,
    stop_by: StopBy,
    /// Whether this is the last report, which a stop does not cut short.
    is_last: bool,
}

impl Allowance {
    /// So long from `now` in all: in half of it what waits is begun, and by three quarters that is over.
    pub(super) fn new(patience: Duration, now: Duration, stop_by: StopBy) -> Self {
        let backlog_until = now.saturating_add((patience / 2).max(A_LITTLE));
        let deadline = deadline_in(patience);
        let backlog_deadline = deadline - patience.min(ENDLESS) / 4;
        Allowance { deadline, backlog_until, backlog_deadline, stop_by, is_last: false }
    }

    /// For what waits, between two reports. It is begun in half of the time that is `left` for that, so that orders come
    /// in between; what was begun has as long as a report.
    pub(super) fn again(patience: Duration, now: Duration, left: Duration, stop_by: StopBy) -> Self {
        let all = Allowance::new(left, now, stop_by);
        let deadline = deadline_in(patience);
        Allowance { deadline, backlog_deadline: deadline, ..all }
    }

    /// What `stop` gave, however long a report may take otherwise, for the last one.
    pub(super) fn last(patience: Duration, now: Duration, stop_by: StopBy) -> Self {
        let left = stop_by.get().map_or(patience, |at| at.saturating_duration_since(Instant::now()));
        Allowance { is_last: true, ..Allowance::new(left, now, stop_by) }
    }

    /// Asked before each push, since it may move closer meanwhile.
    pub(super) fn deadline(&self) -> Instant {
        self.stop_by.get().map_or(self.deadline, |stop| stop.min(self.deadline))
    }

    pub(super) fn is_last(&self) -> bool {
        self.is_last
    }

    /// The share of what waits.
    pub(super) fn for_backlog(&self) -> Self {
        Allowance { deadline: self.backlog_deadline, ..self.clone() }
    }

    /// Whether what waits has had its share.
    pub(super) fn is_over_for_backlog(&self, now: Duration) -> bool {
        now >= self.backlog_until
    }

    /// Whether no more is begun, because somebody stops the reporter.
    pub(super) fn is_cut_short(&self) -> bool {
        !self.is_last && self.stop_by.get().is_some()
    }
}
