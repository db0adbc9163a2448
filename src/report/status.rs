//! How a reporter is doing: what it was handed, what became of that, what went wrong last.

use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;

use super::backlog::Waiting;
use super::outcome::ReportError;
#[cfg(feature = "spool")]
use super::spool::SpoolStatus;

/// How a reporter is doing. See [`Reporter::status`](super::Reporter::status).
///
/// Every point that a report had is delivered, dropped, or still on its way:
/// `accepted = delivered + dropped + on_the_way()`. Of those on their way, `backlog_points` wait in the backlog; the others
/// are being pushed right now.
///
/// ```
/// let status = tagmeter::report::Status::default();
/// assert_eq!((status.accepted, status.on_the_way(), status.last_error), (0, 0, None));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Status {
    /// Points of all reports so far, and those that an earlier reporter left in the spool.
    pub accepted: u64,
    /// Points the backend took.
    pub delivered: u64,
    /// Points that are lost.
    pub dropped: Dropped,
    /// Pushes that were tried, one a batch and attempt.
    pub pushes: u64,
    /// Those of them that failed.
    pub failed_pushes: u64,
    /// Points that wait for the backend.
    pub backlog_points: usize,
    /// Bytes they hold, about.
    pub backlog_bytes: usize,
    /// When the backend last took something.
    pub last_success: Option<SystemTime>,
    /// Pushes that failed since then.
    pub failures_in_a_row: u32,
    /// What went wrong last, also if all is well again.
    pub last_error: Option<ReportError>,
    /// Whether it is paused.
    pub paused: bool,
    /// The part of the backlog that is on disk, if there is a spool.
    #[cfg(feature = "spool")]
    #[cfg_attr(docsrs, doc(cfg(feature = "spool")))]
    pub spool: Option<SpoolStatus>,
}

/// Points that are lost, by the reason.
///
/// ```
/// assert_eq!(tagmeter::report::Dropped::default().total(), 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Dropped {
    /// The backend refused them for good.
    pub refused: u64,
    /// They were the oldest in a full backlog.
    pub overflow: u64,
    /// They waited in memory when the reporter was stopped.
    pub stopped: u64,
    /// They were increases that the backend did not take, and are in those of the next report.
    pub superseded: u64,
    /// They were in a spool that was damaged.
    pub unreadable: u64,
}

/// Why points are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DropReason {
    Refused,
    Overflow,
    Stopped,
    Superseded,
    #[cfg(feature = "spool")]
    Unreadable,
}

/// Points that a backlog lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loss {
    pub(super) points: usize,
    pub(super) reason: DropReason,
    /// What to tell the user.
    pub(super) message: String,
}

impl Status {
    /// Points of reports so far that are neither delivered nor dropped.
    ///
    /// ```
    /// assert_eq!(tagmeter::report::Status::default().on_the_way(), 0);
    /// ```
    pub fn on_the_way(&self) -> u64 {
        self.accepted.saturating_sub(self.delivered).saturating_sub(self.dropped.total())
    }

    /// A push is counted before what waits is counted again. Meanwhile what it settled is on neither count.
    fn consistent(mut self) -> Self {
        let on_the_way = usize::try_from(self.on_the_way()).unwrap_or(usize::MAX);
        self.backlog_points = self.backlog_points.min(on_the_way);
        #[cfg(feature = "spool")]
        if let Some(spool) = &mut self.spool {
            spool.points = spool.points.min(self.backlog_points);
        }
        self
    }
}

impl Dropped {
    /// All of them.
    ///
    /// ```
    /// assert_eq!(tagmeter::report::Dropped::default().total(), 0);
    /// ```
    pub fn total(&self) -> u64 {
        self.by_reason().iter().fold(0, |total, (_, points)| total.saturating_add(*points))
    }

    /// The counts with what they are called on a page.
    pub(super) fn by_reason(&self) -> [(&'static str, u64); 5] {
        [
            ("refused", self.refused),
            ("overflow", self.overflow),
            ("stopped", self.stopped),
            ("superseded", self.superseded),
            ("unreadable", self.unreadable),
        ]
    }

    fn count_of(&mut self, reason: DropReason) -> &mut u64 {
        match reason {
            DropReason::Refused => &mut self.refused,
            DropReason::Overflow => &mut self.overflow,
            DropReason::Stopped => &mut self.stopped,
            DropReason::Superseded => &mut self.superseded,
            #[cfg(feature = "spool")]
            DropReason::Unreadable => &mut self.unreadable,
        }
    }
}

impl Loss {
    /// Points that found no room, if there are any.
    pub(super) fn overflow(points: usize) -> Option<Self> {
        let message = "the backlog is full: its oldest points were dropped".to_owned();
        (points > 0).then_some(Loss { points, reason: DropReason::Overflow, message })
    }

    /// Points that end with the reporter, if there are any.
    pub(super) fn stopped(points: usize) -> Option<Self> {
        let message = "the reporter was stopped while points waited for the backend".to_owned();
        (points > 0).then_some(Loss { points, reason: DropReason::Stopped, message })
    }

    /// Points that cannot be read any more, if there are any.
    #[cfg(feature = "spool")]
    pub(super) fn unreadable(points: usize) -> Option<Self> {
        let message = "the spool was damaged: points in it cannot be read".to_owned();
        (points > 0).then_some(Loss { points, reason: DropReason::Unreadable, message })
    }
}

/// The status, which the reporter's thread writes and others read.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger(Arc<Entries>);

/// The reporter's thread waits for whoever reads: nobody copies what may be large under a lock.
#[derive(Debug, Default)]
struct Entries {
    /// All but the last error.
    figures: Mutex<Status>,
    last_error: Mutex<Option<Arc<ReportError>>>,
}

impl Ledger {
    pub(super) fn read(&self) -> Status {
        // In this order: what went wrong is told before it is counted.
        let figures = self.figures();
        let last_error = self.0.last_error.lock().clone();
        Status { last_error: last_error.as_deref().cloned(), ..figures }
    }

    /// The status without what went wrong last.
    pub(super) fn figures(&self) -> Status {
        let figures = self.0.figures.lock().clone();
        figures.consistent()
    }

    pub(super) fn accept(&self, points: usize) {
        self.0.figures.lock().accepted += points as u64;
    }

    pub(super) fn drop_points(&self, points: usize, reason: DropReason) {
        *self.0.figures.lock().dropped.count_of(reason) += points as u64;
    }

    /// A push that was answered favourably, at this time.
    pub(super) fn deliver(&self, points: usize, at: SystemTime) {
        let mut status = self.0.figures.lock();
        status.pushes += 1;
        status.delivered += points as u64;
        status.last_success = Some(at);
        status.failures_in_a_row = 0;
    }

    /// A push that failed; the backend took some of its points all the same, perhaps.
    pub(super) fn fail(&self, delivered: usize) {
        let mut status = self.0.figures.lock();
        status.pushes += 1;
        status.failed_pushes += 1;
        status.delivered += delivered as u64;
        status.failures_in_a_row = status.failures_in_a_row.saturating_add(1);
    }

    pub(super) fn wait(&self, waiting: Waiting) {
        let mut status = self.0.figures.lock();
        (status.backlog_points, status.backlog_bytes) = (waiting.points, waiting.bytes);
    }

    #[cfg(feature = "spool")]
    pub(super) fn note_spool(&self, spool: Option<SpoolStatus>) {
        self.0.figures.lock().spool = spool;
    }

    pub(super) fn tell(&self, error: &ReportError) {
        let error = Arc::new(error.clone());
        let before = self.0.last_error.lock().replace(error);
        drop(before);
    }

    pub(super) fn pause(&self, paused: bool) {
        self.0.figures.lock().paused = paused;
    }

    pub(super) fn is_paused(&self) -> bool {
        self.0.figures.lock().paused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    fn waiting(points: usize) -> Waiting {
        Waiting { points, bytes: points * 10 }
    }

    #[test]
    fn what_waits_is_never_more_than_what_is_on_the_way() {
        let ledger = Ledger::default();
        ledger.accept(10);
        ledger.wait(waiting(10));
        #[cfg(feature = "spool")]
        ledger.note_spool(Some(SpoolStatus { points: 10, ..SpoolStatus::default() }));
        ledger.deliver(4, UNIX_EPOCH);
        ledger.drop_points(1, DropReason::Refused);
        let status = ledger.read();
        assert_eq!((status.on_the_way(), status.backlog_points), (5, 5));
        #[cfg(feature = "spool")]
        assert_eq!(status.spool.map(|spool| spool.points), Some(5));
        ledger.wait(waiting(3));
        assert_eq!(ledger.figures().backlog_points, 3);
    }

    #[test]
    fn figures_that_somebody_changed_overflow_nothing() {
        let dropped = Dropped { refused: u64::MAX, overflow: 1, ..Dropped::default() };
        let status = Status { accepted: 1, delivered: 2, dropped, ..Status::default() };
        assert_eq!((status.on_the_way(), dropped.total()), (0, u64::MAX));
    }

    #[test]
    fn the_last_error_is_in_the_status_and_not_among_its_figures() {
        let ledger = Ledger::default();
        ledger.tell(&ReportError::general("first".into()));
        ledger.tell(&ReportError::general("second".into()));
        assert_eq!(ledger.read().last_error, Some(ReportError::general("second".into())));
        assert_eq!(ledger.figures().last_error, None);
    }
}
