//! One report after the other: snapshot, points, batches, sink, counts.

use std::time::Instant;

use super::handler::Handler;
use super::meta::Meta;
use super::outcome::{Report, ReportError};
use super::points::{Points, points};
use super::rules::{Collisions, Fit, Rules};
use super::sink::{Outcome, Point, PushError, Sink};
use super::timestamp::Timestamp;
use crate::metric::caught;
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
    /// The second the last report was stamped with.
    pub(super) stamped: Option<i64>,
}

impl<S: Sink> Pusher<S> {
    /// Reports everything there is. `deadline` is asked before each push, since it may move closer meanwhile.
    pub(super) fn report(&mut self, deadline: impl Fn() -> Instant) -> Report {
        let snapshot = self.registry.snapshot();
        let now = self.stamp(Timestamp::from(snapshot.taken_at()));
        let Points { points, not_finite, refused } = self.points(&snapshot, now);
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
        let own = self.points(self.meta.standing(), now).points;
        self.meta.settle();
        self.push_own(&own, deadline(), &mut report);
        report
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

    fn points(&self, snapshot: &Snapshot, at: Timestamp) -> Points {
        points(snapshot, at, &self.prefix, Fit::new(self.rules.sanitize, &self.layers, &self.collisions))
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
        // A sink may say any number.
        report.successful = report.successful.saturating_add(successful);
        report.failed = report.failed.saturating_add(failed);
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
    caught(|| sink.push(batch, deadline)).unwrap_or_else(|| Err(unreachable("the sink panicked")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, ManualClock};
    use crate::tag::Tags;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    type Push = Box<dyn FnMut(&[Point]) -> Result<Outcome, PushError> + Send>;

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

    fn pusher(push: impl FnMut(&[Point]) -> Result<Outcome, PushError> + Send + 'static) -> Setup {
        let ((sender, pushed), (tell, told)) = (channel(), channel());
        let clock = ManualClock::new();
        let sink = Spy { pushed: sender, push: Box::new(push) };
        let rules = sink.rules();
        let pusher = Pusher {
            registry: Registry::builder().clock(clock.clone()).build(),
            layers: TagLayers::new(rules.sanitize)
                .max_tags(rules.max_tags)
                .layer(&[("host", "a")].into())
                .unwrap(),
            sink,
            rules,
            prefix: "p.".into(),
            collisions: Collisions::default(),
            handler: Handler::new(move |error| tell.send(error.clone()).unwrap()),
            meta: Meta::new("spy", Clock::from(clock.clone())),
            refused: 0,
            stamped: None,
        };
        Setup { pusher, pushed, told, clock }
    }

    fn delivered(batch: &[Point]) -> Result<Outcome, PushError> {
        Ok(Outcome::all(batch.len()))
    }

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(3600)
    }

    fn sizes(pushed: &Receiver<Vec<Point>>) -> Vec<usize> {
        pushed.try_iter().map(|batch| batch.len()).collect()
    }

    #[test]
    fn points_are_cut_into_batches() {
        let Setup { mut pusher, pushed, .. } = pusher(delivered);
        (0..5).for_each(|n| pusher.registry.counter(format!("c{n}")).inc());
        let report = pusher.report(later);
        assert_eq!((report.points, report.successful, report.is_complete()), (5, 5, true));
        assert_eq!(sizes(&pushed), [2, 2, 1]);
    }

    #[test]
    fn later_batches_are_sent_when_one_fails() {
        let mut pushes = 0;
        let Setup { mut pusher, pushed, told, .. } = pusher(move |batch| {
            pushes += 1;
            match pushes {
                1 => Err(PushError::Unreachable { points: batch.len(), reason: "down".into() }),
                2 => panic!("a bug in a sink"),
                _ => delivered(batch),
            }
        });
        (0..5).for_each(|n| pusher.registry.counter(format!("c{n}")).inc());
        let report = pusher.report(later);
        assert_eq!((report.successful, report.failed), (1, 4));
        assert_eq!(sizes(&pushed), [2, 2, 1]);
        let messages: Vec<String> = told.try_iter().flat_map(|error| error.messages).collect();
        assert_eq!(messages, ["down", "the sink panicked"]);
    }

    #[test]
    fn a_sink_that_says_impossible_numbers_does_no_harm() {
        let most = usize::MAX;
        let Setup { mut pusher, pushed: _pushed, told, .. } =
            pusher(move |_| Ok(Outcome { successful: most, failed: most, ..Outcome::default() }));
        (0..5).for_each(|n| pusher.registry.counter(format!("c{n}")).inc());
        let report = pusher.report(later);
        assert_eq!((report.successful, report.failed), (most, most));
        assert!(told.try_iter().all(|error| error.to_string().contains("points not delivered")));
    }

    #[test]
    fn nothing_is_sent_when_the_time_is_over() {
        let Setup { mut pusher, pushed, told, .. } = pusher(delivered);
        pusher.registry.counter("c").inc();
        let report = pusher.report(Instant::now);
        assert_eq!((report.failed, sizes(&pushed).len(), told.try_iter().count()), (1, 0, 1));
    }

    #[test]
    fn an_empty_registry_sends_nothing_not_even_about_itself() {
        let Setup { mut pusher, pushed, .. } = pusher(delivered);
        assert_eq!(pusher.report(later), Report::default());
        assert_eq!(pusher.report(later), Report::default());
        assert!(sizes(&pushed).is_empty());
    }

    #[test]
    fn from_the_second_report_on_it_says_how_it_stood_before() {
        let mut pushes = 0;
        let Setup { mut pusher, pushed, clock, .. } = pusher(move |batch| {
            pushes += 1;
            if pushes == 1 {
                Err(PushError::Unreachable { points: 1, reason: "down".into() })
            } else {
                delivered(batch)
            }
        });
        pusher.rules.max_batch = 100;
        pusher.registry.counter("c").inc();
        pusher.report(later);
        assert_eq!(sizes(&pushed), [1]);
        clock.advance(Duration::from_secs(60));
        assert_eq!(pusher.report(later).successful, 1);
        let batches: Vec<Vec<Point>> = pushed.try_iter().collect();
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [1, 18]);
        let of = |name: &str| batches[1].iter().find(|point| point.name == name).unwrap().value;
        assert_eq!(of("p_spy_reporter_send_total_count"), 1.0);
        assert_eq!(of("p_spy_reporter_send_successful_count"), 0.0);
        assert_eq!(of("p_spy_reporter_send_failed_count"), 1.0);
        assert_eq!(of("p_spy_reporter_send_time_count"), 1.0);
    }

    #[test]
    fn a_metric_that_cannot_be_sent_is_told_once_until_that_changes() {
        let Setup { mut pusher, pushed, told, .. } = pusher(delivered);
        pusher.registry.counter("good").inc();
        pusher.registry.counter(("many", [("k", "v"), ("l", "v")])).inc();
        pusher.registry.gauge("nan").set(f64::NAN);
        let report = pusher.report(later);
        assert_eq!((report.points, report.successful, report.skipped), (1, 1, 2));
        assert_eq!(pushed.recv().unwrap()[0].tags, Tags::from([("host", "a")]));
        pusher.report(later);
        let told: Vec<String> = told.try_iter().map(|error| error.to_string()).collect();
        let expected = "1 of 1 points not delivered: metric \"many\" cannot be sent with its tags: \
                        3 tags are too many, expected at most 2";
        assert_eq!(told, [expected]);
    }

    #[test]
    fn a_report_soon_after_another_has_a_second_of_its_own() {
        let mut setup = pusher(|batch| Ok(Outcome::all(batch.len())));
        setup.pusher.registry.counter("c").inc();
        let mut stamps = Vec::new();
        for wait in [10, 0, 1, 1, 5] {
            setup.clock.advance(Duration::from_secs(wait));
            setup.pusher.report(|| Instant::now() + Duration::from_secs(60));
            let pushed: Vec<Vec<Point>> = setup.pushed.try_iter().collect();
            stamps.push(pushed[0][0].timestamp.as_f64());
        }
        assert_eq!(stamps, [10.0, 11.0, 12.0, 13.0, 17.0]);
    }
}
