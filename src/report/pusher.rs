//! One report after the other: snapshot, points, batches, sink, counts.

use std::mem;

use super::allowance::Allowance;
use super::backlog::Backlog;
use super::cursor::{Cursor, Total};
use super::delivery::{Delivery, Halt};
use super::listing::Listing;
use super::merged::Merged;
use super::outcome::{Report, ReportError};
use super::points::{Points, points};
use super::rules::{Collisions, Fit, Rules};
use super::sink::{Point, Sink};
use super::status::DropReason;
use super::timestamp::Timestamp;
use crate::model::Snapshot;
use crate::registry::View;
use crate::tag::TagLayers;

/// Everything a report needs. Lives in the reporter's thread.
pub(super) struct Pusher<S> {
    pub(super) view: View,
    pub(super) rules: Rules,
    pub(super) prefix: String,
    pub(super) layers: TagLayers,
    pub(super) collisions: Collisions,
    pub(super) merged: Merged,
    pub(super) delivery: Delivery<S>,
    pub(super) backlog: Box<dyn Backlog>,
    /// How far the backend has got, if it wants increases.
    pub(super) cursor: Option<Cursor>,
    /// And with what the reporter says about itself.
    pub(super) own_cursor: Option<Cursor>,
    pub(super) push_own_metrics: bool,
    /// How many numbers could not be sent last time: the handler is told when that changes, not every time.
    pub(super) refused: usize,
    /// The second the last report was stamped with.
    pub(super) stamped: Option<i64>,
}

/// Everything there is at one time.
struct Taken {
    points: Vec<Point>,
    /// What increases were before they became that.
    totals: Vec<Total>,
    now: Timestamp,
}

impl<S: Sink> Pusher<S> {
    /// Reports everything there is: first what waits, then what is new, so that a backend gets it in order. What waits
    /// is begun in half of the time, and what is new is tried even where that failed.
    pub(super) fn report(&mut self, time: &Allowance) -> (Report, Option<Halt>) {
        let mut report = Report::default();
        let Taken { points, totals, now } = self.take(&mut report);
        self.delivery.size.grow();
        let before = self.catch_up(time, &mut report);
        let halt = match before {
            Some(Halt::Retry(Some(_)) | Halt::CutShort) => before,
            _ => self.push(&points, time, &mut report),
        };
        self.push_own(now, time, halt, &mut report);
        match &mut self.cursor {
            Some(cursor) => {
                cursor.advance(&points, &totals, report.settled());
                self.supersede(points.len(), time.is_last(), &mut report);
            }
            None => self.keep(points, &mut report),
        }
        (report, halt.or(before))
    }

    /// Takes everything there is and lets it wait: the backend asked to be left alone.
    pub(super) fn hold(&mut self) -> Report {
        let mut report = Report::default();
        let Taken { points, .. } = self.take(&mut report);
        match self.cursor {
            Some(_) => self.supersede(points.len(), false, &mut report),
            None => self.keep(points, &mut report),
        }
        report
    }

    /// Pushes what waits, the oldest first, as long as its share of the time.
    pub(super) fn catch_up(&mut self, time: &Allowance, report: &mut Report) -> Option<Halt> {
        let time = time.for_backlog();
        while !time.is_over_for_backlog(self.delivery.clock.now()) {
            let Some(batch) = self.backlog.oldest() else {
                self.note_backlog(report);
                // It is asked again as a backend would be.
                return (self.backlog.waiting().points > 0).then_some(Halt::Retry(None));
            };
            // A spool may have batches that were larger than they are now.
            let batch = &batch[..batch.len().min(self.delivery.size.now())];
            let sent = self.delivery.deliver(batch, &time, report);
            self.backlog.settle(sent.settled);
            report.caught_up += sent.taken;
            self.note_backlog(report);
            if sent.halt.is_some() {
                return sent.halt;
            }
        }
        None
    }

    /// The reporter ends: nothing is pushed after this.
    pub(super) fn close(&mut self, report: &mut Report) {
        self.backlog.close();
        self.note_backlog(report);
        report.waiting = report.waiting.min(self.backlog.waiting().points);
    }

    /// Every number there is, as points of one time.
    fn take(&mut self, report: &mut Report) -> Taken {
        let mut snapshot = self.view.snapshot();
        // Of pages only: a backend is told by the reporter's own metrics.
        snapshot.retain(|family| !Listing::is_own(&family.name));
        let now = self.stamp(Timestamp::from(snapshot.taken_at()));
        let mut merged = mem::take(&mut self.merged);
        merged.begin();
        let Points { mut points, starts, not_finite, refused } = self.points(&snapshot, now, &mut merged);
        self.merged = merged;
        (report.points, report.skipped) = (points.len(), not_finite + refused.len());
        self.delivery.ledger.accept(points.len());
        self.tell_refused(ReportError::refused(&refused), report);
        let totals = self.cursor.as_ref().map(|cursor| cursor.lower(&mut points, &starts));
        let totals = totals.unwrap_or_default();
        Taken { points, totals, now }
    }

    /// Pushes new points in batches, up to the first that has to wait. What is settled is counted in the report.
    fn push(&mut self, points: &[Point], time: &Allowance, report: &mut Report) -> Option<Halt> {
        while report.settled() < points.len() {
            let left = &points[report.settled()..];
            let batch = &left[..left.len().min(self.delivery.size.now())];
            let sent = self.delivery.deliver(batch, time, report);
            report.successful += sent.taken;
            report.failed += sent.settled - sent.taken;
            if sent.halt.is_some() {
                return sent.halt;
            }
        }
        None
    }

    /// What was not settled waits.
    fn keep(&mut self, points: Vec<Point>, report: &mut Report) {
        let mut left = points.into_iter().skip(report.settled());
        let kept = left.len();
        while left.len() > 0 {
            let batch = left.by_ref().take(self.delivery.size.now()).collect();
            self.backlog.append(batch);
        }
        self.note_backlog(report);
        report.failed += kept;
        // The oldest are lost first, and these are the newest.
        report.waiting = kept.min(self.backlog.waiting().points);
    }

    /// What was not settled of increases is in the next report's, if there is one.
    fn supersede(&mut self, points: usize, is_last: bool, report: &mut Report) {
        let reason = if is_last { DropReason::Stopped } else { DropReason::Superseded };
        self.delivery.ledger.drop_points(points - report.settled(), reason);
        report.failed += points - report.settled();
    }

    fn note_backlog(&mut self, report: &mut Report) {
        self.delivery.lose(self.backlog.take_losses(), report);
        for notice in self.backlog.take_notices() {
            self.delivery.tell(Some(ReportError::general(notice)), report);
        }
        self.delivery.ledger.wait(self.backlog.waiting());
        #[cfg(feature = "spool")]
        self.delivery.ledger.note_spool(self.backlog.on_disk());
    }

    /// The time of a report: a second of its own, because a database that gets two values for one second may keep
    /// either. A report soon after another is stamped a second ahead, never more: intervals shorter than a second, and
    /// clocks that were set back, share seconds.
    fn stamp(&mut self, taken_at: Timestamp) -> Timestamp {
        let Some(now) = taken_at.as_whole() else { return taken_at };
        let stamp = match self.stamped {
            Some(last) if last == now => now + 1,
            Some(last) if last == now + 1 => last,
            _ => now,
        };
        self.stamped = Some(stamp);
        Timestamp::from(stamp)
    }

    fn points(&self, snapshot: &Snapshot, at: Timestamp, merged: &mut Merged) -> Points {
        let Pusher { layers, collisions, .. } = self;
        points(snapshot, at, &self.prefix, Fit { sanitize: self.rules.sanitize, layers, collisions, merged })
    }

    /// What the reporter says about itself, after a report that had something and found the backend there.
    fn push_own(&mut self, now: Timestamp, time: &Allowance, halt: Option<Halt>, report: &mut Report) {
        let own = self.points(self.delivery.meta.standing(), now, &mut Merged::default());
        self.delivery.meta.settle();
        if !self.push_own_metrics || report.points == 0 || halt.is_some() {
            return;
        }
        let Points { mut points, starts, .. } = own;
        let totals = self.own_cursor.as_ref().map(|cursor| cursor.lower(&mut points, &starts));
        let settled = self.delivery.push_own(&points, time, report);
        if let (Some(cursor), Some(totals)) = (&mut self.own_cursor, totals) {
            cursor.advance(&points, &totals, settled);
        }
    }

    fn tell_refused(&mut self, error: Option<ReportError>, report: &mut Report) {
        let refused = error.as_ref().map_or(0, |error| error.failed);
        if refused != self.refused {
            self.refused = refused;
            self.delivery.tell(error, report);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backoff::Chance;
    use crate::clock::ManualClock;
    use crate::registry::Registry;
    use crate::report::allowance::StopBy;
    use crate::report::backlog::{Bounds, InMemory};
    use crate::report::{Fate, Outcome, PushError, Rejection, Reporter};
    use crate::tag::{Environment, Tags};
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::{Duration, Instant};

    type Pushed = Result<Outcome, PushError>;
    type Push = Box<dyn FnMut(&[Point]) -> Pushed + Send>;

    /// A sink that is a function, and tells what it was handed.
    struct Spy {
        pushed: Sender<Vec<Point>>,
        push: Push,
    }

    impl Sink for Spy {
        fn name(&self) -> &str {
            "spy"
        }

        fn rules(&self) -> Rules {
            Rules { max_batch: 2, max_tags: 2, ..Rules::default() }
        }

        fn push(&mut self, batch: &[Point], _: Instant) -> Result<Outcome, PushError> {
            self.pushed.send(batch.to_vec()).unwrap();
            (self.push)(batch)
        }
    }

    struct Setup {
        pusher: Pusher<Spy>,
        pushed: Receiver<Vec<Point>>,
        told: Receiver<ReportError>,
        clock: ManualClock,
    }

    fn pusher(push: impl FnMut(&[Point]) -> Pushed + Send + 'static) -> Setup {
        let ((sender, pushed), (tell, told)) = (channel(), channel());
        let clock = ManualClock::new();
        let registry = Registry::builder().clock(clock.clone()).build();
        let reporting = Reporter::new(&registry, Spy { pushed: sender, push: Box::new(push) })
            .prefix("p.")
            .host_tag(false)
            .environment(Environment::empty())
            .tags([("host", "a")])
            .on_error(move |error| tell.send(error.clone()).unwrap())
            .reporting(Box::new(InMemory::new(Bounds::default())), Chance::seeded(1));
        Setup { pusher: reporting.unwrap().pusher, pushed, told, clock }
    }

    impl Setup {
        fn report(&mut self) -> Report {
            let time = Allowance::new(Duration::from_secs(3600), self.clock.elapsed(), StopBy::default());
            self.pusher.report(&time).0
        }

        fn sizes(&self) -> Vec<usize> {
            self.pushed.try_iter().map(|batch| batch.len()).collect()
        }

        fn messages(&self) -> Vec<String> {
            self.told.try_iter().flat_map(|error| error.messages).collect()
        }
    }

    fn delivered(batch: &[Point]) -> Result<Outcome, PushError> {
        Ok(Outcome::all(batch.len()))
    }

    fn down(batch: &[Point]) -> Result<Outcome, PushError> {
        Err(PushError::Unreachable { points: batch.len(), reason: "down".into() })
    }

    fn refused(status: u16, batch: &[Point]) -> Result<Outcome, PushError> {
        let (errors, reason) = (Vec::new(), status.to_string());
        let rejection =
            Rejection { status, successful: 0, failed: batch.len(), errors, reason, retry_after: None };
        Err(rejection.into())
    }

    /// Pushes by these functions, one after the other; the last one for all that follow.
    fn in_turn<const N: usize>(turns: [fn(&[Point]) -> Pushed; N]) -> impl FnMut(&[Point]) -> Pushed {
        let mut turn = 0;
        move |batch| {
            turn += 1;
            turns[turn.min(N) - 1](batch)
        }
    }

    #[test]
    fn points_are_cut_into_batches() {
        let mut setup = pusher(delivered);
        (0..5).for_each(|n| setup.pusher.view.home().counter(format!("c{n}")).inc());
        let report = setup.report();
        assert_eq!((report.points, report.successful, report.is_complete()), (5, 5, true));
        assert_eq!(setup.sizes(), [2, 2, 1]);
    }

    #[test]
    fn later_batches_are_sent_when_one_is_refused() {
        let mut setup =
            pusher(in_turn([|batch| refused(400, batch), |_| panic!("a bug in a sink"), delivered]));
        (0..5).for_each(|n| setup.pusher.view.home().counter(format!("c{n}")).inc());
        let report = setup.report();
        assert_eq!((report.successful, report.failed, report.waiting), (1, 4, 0));
        assert_eq!(setup.sizes(), [2, 2, 1]);
        assert_eq!(setup.messages(), ["400", "the sink panicked"]);
    }

    #[test]
    fn later_batches_wait_behind_one_that_waits_and_go_first_next_time() {
        let mut setup = pusher(in_turn([delivered, down, delivered]));
        (0..5).for_each(|n| setup.pusher.view.home().counter(format!("c{n}")).inc());
        let report = setup.report();
        assert_eq!((report.successful, report.failed, report.waiting), (2, 3, 3));
        assert_eq!((setup.sizes(), setup.messages()), (vec![2, 2], vec!["down".to_owned()]));
        setup.clock.advance(Duration::from_secs(60));
        let report = setup.report();
        assert_eq!((report.caught_up, report.successful, report.failed), (3, 5, 0));
        let times: Vec<_> =
            setup.pushed.try_iter().flatten().take(8).map(|point| point.timestamp.as_f64()).collect();
        assert_eq!(times, [0.0, 0.0, 0.0, 60.0, 60.0, 60.0, 60.0, 60.0]);
    }

    #[test]
    fn what_is_too_large_is_halved_down_to_one_point_and_the_size_is_remembered() {
        let mut setup = pusher(|batch| match batch.len() {
            1..=3 if batch.iter().any(|point| point.name.as_str() == "p_c2_count") => refused(413, batch),
            1..=3 => delivered(batch),
            points => Err(PushError::TooLarge { points, bytes: points, most: 3 }),
        });
        setup.pusher.delivery.size = crate::report::pieces::BatchSize::new(10);
        (0..10).for_each(|n| setup.pusher.view.home().counter(format!("c{n}")).inc());
        let report = setup.report();
        assert_eq!((report.successful, report.failed, report.waiting), (9, 1, 0));
        assert_eq!(setup.sizes(), [10, 5, 2, 3, 1, 2, 5, 2, 3]);
        setup.report();
        assert_eq!(setup.sizes()[0], 4, "three points passed, and an eighth more is tried");
    }

    #[test]
    fn a_sink_may_say_otherwise_than_the_table() {
        assert_eq!(Fate::of_status(404), Fate::Wait);
        struct Picky;
        impl Sink for Picky {
            fn name(&self) -> &str {
                "picky"
            }

            fn rules(&self) -> Rules {
                Rules::default()
            }

            fn push(&mut self, batch: &[Point], _: Instant) -> Result<Outcome, PushError> {
                refused(404, batch)
            }

            fn fate(&self, _: &PushError) -> Fate {
                Fate::Drop
            }
        }
        let registry = Registry::new();
        registry.counter("c").inc();
        let report = Reporter::new(&registry, Picky).start().unwrap().report_now().unwrap();
        assert_eq!((report.failed, report.waiting), (1, 0));
    }

    /// Refuses everything until somebody mends it, and tells how long it was given.
    struct Slow(Sender<Instant>);

    impl Sink for Slow {
        fn name(&self) -> &str {
            "slow"
        }

        fn rules(&self) -> Rules {
            Rules::default()
        }

        fn push(&mut self, batch: &[Point], deadline: Instant) -> Result<Outcome, PushError> {
            self.0.send(deadline).unwrap();
            refused(401, batch)
        }
    }

    #[test]
    fn an_old_push_that_gets_no_answer_leaves_time_for_what_is_new() {
        let (given, deadlines) = channel();
        let registry = Registry::builder().clock(ManualClock::new()).build();
        registry.counter("c").inc();
        let reporter = Reporter::new(&registry, Slow(given)).start().unwrap();
        reporter.report_now().unwrap();
        let before = Instant::now();
        reporter.report_now().unwrap();
        let deadlines: Vec<Instant> = deadlines.try_iter().collect();
        assert_eq!(deadlines[2] - deadlines[1], Duration::from_secs(15), "a quarter of the time");
        assert!(deadlines[1] >= before + Duration::from_secs(45), "once begun, more than the half");
    }

    #[test]
    fn its_own_metrics_can_be_left_out() {
        let mut setup = pusher(delivered);
        setup.pusher.push_own_metrics = false;
        setup.pusher.view.home().counter("c").inc();
        (0..3).for_each(|_| drop(setup.report()));
        assert_eq!(setup.sizes(), [1, 1, 1]);
    }

    #[test]
    fn a_sink_that_says_impossible_numbers_does_no_harm() {
        let most = usize::MAX;
        let mut setup = pusher(move |_| Ok(Outcome { successful: most, failed: most, ..Outcome::default() }));
        (0..5).for_each(|n| setup.pusher.view.home().counter(format!("c{n}")).inc());
        let report = setup.report();
        assert_eq!((report.successful, report.failed), (0, 5));
        assert!(setup.told.try_iter().all(|error| error.to_string().contains("points not delivered")));
    }

    #[test]
    fn nothing_is_sent_when_the_time_is_over() {
        let mut setup = pusher(delivered);
        setup.pusher.view.home().counter("c").inc();
        let time = Allowance::new(Duration::ZERO, Duration::ZERO, StopBy::default());
        let (report, _) = setup.pusher.report(&time);
        assert_eq!((report.failed, report.waiting, setup.sizes().len()), (1, 1, 0));
        let told: Vec<String> = setup.told.try_iter().map(|error| error.to_string()).collect();
        assert_eq!(told, ["1 of 1 points not delivered: the time for this report is over"]);
        let status = setup.pusher.delivery.ledger.read();
        assert_eq!((status.pushes, status.failed_pushes, status.failures_in_a_row), (0, 0, 0));
        assert!(setup.pusher.delivery.meta.standing().families().is_empty());
    }

    #[test]
    fn an_empty_registry_sends_nothing_not_even_about_itself() {
        let mut setup = pusher(delivered);
        assert_eq!(setup.report(), Report::default());
        assert_eq!(setup.report(), Report::default());
        assert!(setup.sizes().is_empty());
    }

    #[test]
    fn from_the_second_report_on_it_says_how_it_stood_before() {
        let mut setup = pusher(in_turn([|batch| refused(400, batch), delivered]));
        setup.pusher.delivery.size = crate::report::pieces::BatchSize::new(100);
        setup.pusher.view.home().counter("c").inc();
        setup.report();
        assert_eq!(setup.sizes(), [1]);
        setup.clock.advance(Duration::from_secs(60));
        assert_eq!(setup.report().successful, 1);
        let batches: Vec<Vec<Point>> = setup.pushed.try_iter().collect();
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [1, 18]);
        let of = |name: &str| batches[1].iter().find(|point| point.name == name).unwrap().value;
        assert_eq!(of("p_spy_reporter_send_total_count"), 1.0);
        assert_eq!(of("p_spy_reporter_send_successful_count"), 0.0);
        assert_eq!(of("p_spy_reporter_send_failed_count"), 1.0);
        assert_eq!(of("p_spy_reporter_send_time_count"), 1.0);
    }

    #[test]
    fn a_metric_that_cannot_be_sent_is_told_once_until_that_changes() {
        let mut setup = pusher(delivered);
        setup.pusher.view.home().counter("good").inc();
        setup.pusher.view.home().counter(("many", [("k", "v"), ("l", "v")])).inc();
        setup.pusher.view.home().gauge("nan").set(f64::NAN);
        let report = setup.report();
        assert_eq!((report.points, report.successful, report.skipped), (1, 1, 2));
        assert_eq!(setup.pushed.recv().unwrap()[0].tags, Tags::from([("host", "a")]));
        setup.report();
        let told: Vec<String> = setup.told.try_iter().map(|error| error.to_string()).collect();
        let expected = "1 of 1 points not delivered: metric \"many\" cannot be sent with its tags: \
                        3 tags are too many, expected at most 2";
        assert_eq!(told, [expected]);
    }

    #[test]
    fn a_report_soon_after_another_has_a_second_of_its_own() {
        let mut setup = pusher(delivered);
        setup.pusher.view.home().counter("c").inc();
        let mut stamps = Vec::new();
        for wait in [10, 0, 1, 1, 5] {
            setup.clock.advance(Duration::from_secs(wait));
            setup.report();
            let pushed: Vec<Vec<Point>> = setup.pushed.try_iter().collect();
            stamps.push(pushed[0][0].timestamp.as_f64());
        }
        assert_eq!(stamps, [10.0, 11.0, 12.0, 13.0, 17.0]);
    }
}
