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
        if self.schedule.tick(now, self.clock.wall()) {
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
        let left = self.retry_until().saturating_sub(now);
        let time = Allowance::again(self.patience, now, left, self.stop_by.clone());
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
        let waiting = self.pusher.backlog.waiting().points;
        self.retry.plan(halt, waiting, self.clock.now(), self.retry_until());
    }

    /// When no retry is begun any more, up to the next report.
    fn retry_until(&self) -> Duration {
        self.schedule.due().saturating_sub(self.every / REST)
    }

    fn is_paused(&self) -> bool {
        self.pusher.delivery.ledger.is_paused()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backoff::Chance;
    use crate::clock::ManualClock;
    use crate::registry::Registry;
    use crate::report::backlog::{Backlog, Bounds, InMemory, Waiting};
    use crate::report::spy::{Answer, Spy};
    use crate::report::{Point, Reading, Reporter, Rules, Status};
    use crate::tag::Environment;
    use parking_lot::Mutex;
    use proptest::prelude::*;
    use std::collections::HashSet;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Instant;

    const MINUTE: Duration = Duration::from_secs(60);
    const SECOND: Duration = Duration::from_secs(1);

    /// A reporter without its thread, driven by hand against a backend that answers as set.
    struct Driven {
        reporting: Reporting<Spy>,
        clock: ManualClock,
        answer: Arc<Mutex<Answer>>,
        pushes: Arc<Mutex<Vec<usize>>>,
        taken: Arc<Mutex<Vec<Point>>>,
    }

    impl Driven {
        fn new(counters: usize, max_batch: usize, bounds: Bounds) -> Self {
            Driven::taking(counters, max_batch, bounds, Duration::ZERO)
        }

        /// As above; each push takes so long.
        fn taking(counters: usize, max_batch: usize, bounds: Bounds, long: Duration) -> Self {
            Driven::keeping(counters, max_batch, Box::new(InMemory::new(bounds)), long)
        }

        fn keeping(counters: usize, max_batch: usize, backlog: Box<dyn Backlog>, long: Duration) -> Self {
            let clock = ManualClock::new();
            clock.advance(MINUTE);
            let registry = Registry::builder().clock(clock.clone()).build();
            (0..counters).for_each(|n| registry.counter(format!("c{n}")).inc());
            let answer = Arc::new(Mutex::new(Answer::Takes));
            let pushes: Arc<Mutex<Vec<usize>>> = Arc::default();
            let (told, counted, moved) = (answer.clone(), pushes.clone(), clock.clone());
            let spy = Spy::new(move |points| {
                counted.lock().push(points.len());
                moved.advance(long);
                *told.lock()
            });
            let spy = spy.with_rules(Rules { max_batch, ..Rules::default() });
            let taken = spy.taken();
            let builder = Reporter::new(&registry, spy).every(MINUTE).push_own_metrics(false).host_tag(false);
            let builder = builder.tags([("host", "a")]).environment(Environment::empty()).on_error(|_| ());
            let reporting = builder.reporting(backlog, Chance::seeded(7)).unwrap();
            Driven { reporting, clock, answer, pushes, taken }
        }

        /// Lets time pass while the backend answers so; says how many pushes were tried.
        fn pass(&mut self, time: Duration, answer: Answer) -> usize {
            *self.answer.lock() = answer;
            self.clock.advance(time);
            let before = self.pushes.lock().len();
            while self.reporting.wake_at() <= self.clock.elapsed() {
                self.reporting.look();
            }
            self.pushes.lock().len() - before
        }

        fn status(&self) -> Status {
            self.reporting.pusher.delivery.ledger.read()
        }

        fn pause(&self, paused: bool) {
            self.reporting.pusher.delivery.ledger.pause(paused);
        }

        fn waiting(&self) -> Waiting {
            self.reporting.pusher.backlog.waiting()
        }

        /// The seconds of the points that were taken, each run of equal ones once.
        fn order(&self) -> Vec<f64> {
            let mut order: Vec<f64> =
                self.taken.lock().iter().map(|point| point.timestamp.as_f64()).collect();
            order.dedup();
            order
        }

        /// What has to hold whenever nothing is being pushed.
        fn check(&self) {
            let (status, waiting, taken) = (self.status(), self.waiting(), self.taken.lock());
            assert_eq!(status.accepted, status.delivered + status.dropped.total() + waiting.points as u64);
            assert_eq!((status.backlog_points, status.backlog_bytes), (waiting.points, waiting.bytes));
            assert_eq!(status.delivered, taken.len() as u64);
            let distinct: HashSet<(&str, i64)> = taken
                .iter()
                .map(|point| (point.name.as_str(), point.timestamp.as_whole().unwrap()))
                .collect();
            assert_eq!(distinct.len(), taken.len(), "a point was taken twice");
        }
    }

    #[test]
    fn what_failed_is_tried_again_within_the_interval_with_longer_and_longer_waits() {
        let mut driven = Driven::new(1, 10, Bounds::default());
        assert_eq!(driven.pass(MINUTE, Answer::Status(503)), 1);
        let mut waits = Vec::new();
        while let Some(at) = driven.reporting.retry.due() {
            waits.push(at - driven.clock.elapsed());
            assert_eq!(driven.pass(waits[waits.len() - 1], Answer::Status(503)), 1);
        }
        assert!(waits.len() >= 2, "{waits:?}");
        assert!(waits.iter().zip([4, 8, 16, 30, 30]).all(|(wait, most)| *wait < SECOND * most), "{waits:?}");
        assert!(driven.clock.elapsed() <= MINUTE * 3 - MINUTE / REST, "none is begun in the last tenth");
        assert_eq!(driven.status().failures_in_a_row, 1 + waits.len() as u32);
        driven.pass(driven.reporting.schedule.due() - driven.clock.elapsed(), Answer::Status(503));
        let again = driven.reporting.retry.due().map(|at| at - driven.clock.elapsed());
        assert!(again.is_some_and(|wait| wait < SECOND * 4), "with each report they begin anew: {again:?}");
        driven.check();
    }

    #[test]
    fn a_retry_late_in_the_interval_is_given_as_long_as_a_report() {
        let mut driven = Driven::new(1, 10, Bounds::default());
        let deadlines = driven.reporting.pusher.delivery.sink.deadlines();
        driven.pass(MINUTE, Answer::Status(503));
        let mut latest = Duration::ZERO;
        while let Some(at) = driven.reporting.retry.due() {
            let (wait, before) = (at - driven.clock.elapsed(), Instant::now());
            driven.pass(wait, Answer::Status(503));
            assert!(*deadlines.lock().last().unwrap() >= before + MINUTE);
            latest = driven.clock.elapsed();
        }
        assert!(latest > driven.reporting.schedule.due() - MINUTE / 2, "one was late: {latest:?}");
    }

    #[test]
    fn a_retry_of_much_leaves_room_for_orders_and_ends_before_the_next_report() {
        let mut driven = Driven::taking(1, 10, Bounds::default(), SECOND * 5);
        for _ in 0..50 {
            driven.pass(MINUTE, Answer::Status(401));
        }
        *driven.answer.lock() = Answer::Takes;
        driven.clock.advance(driven.reporting.wake_at() - driven.clock.elapsed());
        driven.reporting.look();
        let (due, mut rounds) = (driven.reporting.schedule.due(), 0);
        while driven.reporting.wake_at() < due {
            driven.reporting.look();
            rounds += 1;
        }
        let left = due - driven.clock.elapsed();
        assert!(rounds > 1 && left <= MINUTE / REST, "{rounds} rounds, {left:?} left");
    }

    #[test]
    fn a_retry_that_succeeds_ends_it() {
        let mut driven = Driven::new(2, 10, Bounds::default());
        driven.pass(MINUTE, Answer::Unreachable);
        let wait = driven.reporting.retry.due().unwrap() - driven.clock.elapsed();
        assert_eq!(driven.pass(wait, Answer::Takes), 1);
        assert_eq!((driven.reporting.retry.due(), driven.waiting().points), (None, 0));
        let status = driven.status();
        assert_eq!((status.delivered, status.failures_in_a_row), (2, 0));
        assert!(status.last_error.is_some() && status.last_success.is_some());
        driven.check();
    }

    #[test]
    fn what_has_to_be_mended_is_tried_with_each_report_only() {
        for status in [301, 401, 403, 404] {
            let mut driven = Driven::new(1, 10, Bounds::default());
            assert_eq!(driven.pass(MINUTE, Answer::Status(status)), 1);
            assert_eq!(driven.pass(MINUTE - SECOND, Answer::Status(status)), 0, "{status}");
            assert_eq!(driven.pass(SECOND, Answer::Takes), 2);
            assert_eq!(driven.order(), [120.0, 180.0]);
            driven.check();
        }
    }

    #[test]
    fn after_an_outage_the_oldest_come_first_with_their_own_times() {
        let mut driven = Driven::new(3, 2, Bounds::default());
        for _ in 0..50 {
            driven.pass(MINUTE, Answer::Unreachable);
        }
        assert_eq!(driven.waiting().points, 150);
        driven.pass(MINUTE, Answer::Takes);
        let minutes: Vec<f64> = (2..=52).map(|minute| f64::from(minute) * 60.0).collect();
        assert_eq!((driven.order(), driven.waiting().points), (minutes, 0));
        driven.check();
    }

    #[test]
    fn what_is_new_is_not_held_up_by_what_waits() {
        // A push takes 5 s, so 6 of them fill half of an interval.
        let mut driven = Driven::taking(1, 10, Bounds::default(), SECOND * 5);
        for _ in 0..50 {
            driven.pass(MINUTE, Answer::Status(401));
        }
        let newest = driven.clock.elapsed() + MINUTE;
        *driven.answer.lock() = Answer::Takes;
        driven.clock.advance(driven.reporting.schedule.due() - driven.clock.elapsed());
        driven.reporting.look();
        assert_eq!(driven.taken.lock().len(), 7);
        assert!(driven.order()[6] > driven.order()[5] + 60.0, "{:?}", driven.order());
        assert!(driven.clock.elapsed() < newest + MINUTE);
        // The others follow, a bit at a time, and no report comes late.
        while driven.waiting().points > 0 {
            driven.clock.advance(driven.reporting.wake_at().saturating_sub(driven.clock.elapsed()));
            driven.reporting.look();
            driven.check();
        }
    }

    #[test]
    fn a_batch_that_the_backend_cannot_digest_does_not_stop_what_is_new() {
        let mut driven = Driven::new(1, 10, Bounds::default());
        let (first, answer) = (Arc::new(Mutex::new(None)), driven.answer.clone());
        driven.reporting.pusher.delivery.sink = Spy::new(move |points| {
            let at = points[0].timestamp;
            let poison = *first.lock().get_or_insert(at);
            if at == poison { Answer::Status(500) } else { *answer.lock() }
        });
        driven.taken = driven.reporting.pusher.delivery.sink.taken();
        for _ in 0..3 {
            driven.pass(MINUTE, Answer::Takes);
        }
        assert_eq!((driven.order(), driven.waiting().points), (vec![180.0, 240.0], 1));
        driven.check();
    }

    #[test]
    fn a_backend_that_asks_for_rest_is_left_alone_and_nothing_is_lost() {
        let mut driven = Driven::new(1, 10, Bounds::default());
        assert_eq!(driven.pass(MINUTE, Answer::AsksForRest(150)), 1);
        assert_eq!(driven.pass(MINUTE, Answer::Takes), 0);
        assert_eq!(driven.pass(MINUTE, Answer::Takes), 0);
        assert_eq!(driven.waiting().points, 3);
        assert_eq!(driven.pass(MINUTE, Answer::Takes), 4);
        assert_eq!(driven.order(), [120.0, 180.0, 240.0, 300.0]);
        driven.check();
    }

    #[test]
    fn what_is_asked_for_is_pushed_although_the_backend_asked_for_rest() {
        for is_last in [false, true] {
            let mut driven = Driven::new(1, 10, Bounds::default());
            driven.pass(MINUTE, Answer::AsksForRest(600));
            *driven.answer.lock() = Answer::Takes;
            driven.clock.advance(SECOND);
            let report = if is_last { driven.reporting.report_last() } else { driven.reporting.report_now() };
            assert_eq!((report.caught_up, report.successful), (1, 1));
            driven.check();
        }
    }

    #[test]
    fn a_pause_leaves_out_reports_and_retries_and_ends_on_the_schedule() {
        let mut driven = Driven::new(1, 10, Bounds::default());
        driven.pass(MINUTE, Answer::Unreachable);
        driven.pause(true);
        assert_eq!(driven.pass(MINUTE * 5 + SECOND, Answer::Takes), 0);
        assert_eq!(driven.reporting.report_now().points, 1, "what is asked for is pushed");
        driven.pause(false);
        assert_eq!(driven.pass(SECOND * 58, Answer::Takes), 0);
        assert_eq!(driven.pass(SECOND, Answer::Takes), 1);
        driven.check();
    }

    #[test]
    fn a_stop_cuts_a_report_short_and_the_last_one_has_the_rest() {
        let mut driven = Driven::new(3, 1, Bounds::default());
        let (stop_by, stopping) = (driven.reporting.stop_by.clone(), Arc::new(Mutex::new(0)));
        let pushes = stopping.clone();
        driven.reporting.pusher.delivery.sink = Spy::new(move |_| {
            stop_by.set(MINUTE);
            *pushes.lock() += 1;
            Answer::Takes
        });
        driven.reporting.pusher.delivery.size = crate::report::pieces::BatchSize::new(1);
        driven.taken = driven.reporting.pusher.delivery.sink.taken();
        let cut = driven.reporting.report_now();
        assert_eq!((cut.successful, cut.waiting, *stopping.lock()), (1, 2, 1));
        driven.clock.advance(SECOND);
        let last = driven.reporting.report_last();
        assert_eq!((last.caught_up, last.successful, last.waiting), (2, 3, 0));
        assert_eq!(*stopping.lock(), 6);
        driven.check();
    }

    #[test]
    fn what_waits_when_the_reporter_ends_is_lost_and_said() {
        let mut driven = Driven::new(3, 10, Bounds::default());
        driven.pass(MINUTE, Answer::Status(401));
        let last = driven.reporting.report_last();
        assert_eq!((last.failed, last.waiting, driven.status().dropped.stopped), (3, 0, 6));
        let said = last.errors.last().unwrap();
        assert!(said.failed == 6 && said.to_string().contains("stopped"), "{said}");
        driven.check();
    }

    fn answers() -> impl Strategy<Value = Answer> {
        prop_oneof![
            4 => Just(Answer::Takes),
            1 => Just(Answer::NamesOne),
            1 => Just(Answer::RefusesOne),
            2 => Just(Answer::Unreachable),
            3 => prop::sample::select(vec![301, 401, 404, 408, 413, 422, 429, 500, 503]).prop_map(Answer::Status),
            1 => (0u64..300).prop_map(Answer::AsksForRest),
            1 => (0usize..4).prop_map(Answer::TooLargeAbove),
            1 => Just(Answer::Panics),
        ]
    }

    /// What somebody does with a reporter.
    #[derive(Debug, Clone, Copy)]
    enum Event {
        Wait(u64),
        Ask,
        Pause(bool),
    }

    fn events() -> impl Strategy<Value = Event> {
        prop_oneof![
            6 => (0u64..100).prop_map(Event::Wait),
            2 => Just(Event::Ask),
            1 => any::<bool>().prop_map(Event::Pause),
        ]
    }

    proptest! {
        #[test]
        fn every_point_is_delivered_dropped_or_waiting(
            counters in 1usize..6, max_batch in 1usize..4, points in 0usize..20, bytes in 0usize..4_000,
            script in prop::collection::vec((events(), answers()), 1..60), last in answers(),
        ) {
            let mut driven = Driven::new(counters, max_batch, Bounds { points, bytes });
            for (event, answer) in script {
                *driven.answer.lock() = answer;
                match event {
                    Event::Wait(seconds) => drop(driven.pass(Duration::from_secs(seconds), answer)),
                    Event::Ask => {
                        driven.clock.advance(SECOND);
                        let report = driven.reporting.report_now();
                        prop_assert_eq!(report.points, report.successful + report.failed);
                        prop_assert!(report.waiting <= report.failed);
                    }
                    Event::Pause(paused) => driven.pause(paused),
                }
                driven.check();
                let waiting = driven.waiting();
                prop_assert!(waiting.points <= points && waiting.bytes <= bytes);
            }
            *driven.answer.lock() = last;
            driven.clock.advance(SECOND);
            driven.reporting.report_last();
            driven.check();
            prop_assert_eq!((driven.waiting(), driven.status().on_the_way()), (Waiting::default(), 0));
        }
    }

    #[cfg(feature = "spool")]
    proptest! {
        #[test]
        fn with_a_spool_every_point_is_delivered_dropped_or_waiting_over_many_lives(
            counters in 1usize..6, max_batch in 1usize..4, points in 0u64..30,
            lives in prop::collection::vec(prop::collection::vec((events(), answers()), 1..15), 1..5),
        ) {
            use crate::report::spool::{Spool, Spooled, Survives};

            let directory = std::env::temp_dir().join(format!("tagmeter-lives-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&directory);
            let spool = Spool::in_dir(&directory).max_points(points).survives(Survives::Kill);
            let mut left = 0;
            for (life, script) in lives.into_iter().enumerate() {
                let spooled = Spooled::open(&spool, "spy", Bounds::default()).unwrap();
                let mut driven = Driven::keeping(counters, max_batch, Box::new(spooled), Duration::ZERO);
                driven.clock.advance(MINUTE * 60 * life as u32);
                prop_assert_eq!(driven.status().accepted, left);
                for (event, answer) in script {
                    *driven.answer.lock() = answer;
                    match event {
                        Event::Wait(seconds) => drop(driven.pass(Duration::from_secs(seconds), answer)),
                        Event::Ask => {
                            driven.clock.advance(SECOND);
                            let report = driven.reporting.report_now();
                            prop_assert_eq!(report.points, report.successful + report.failed);
                        }
                        Event::Pause(paused) => driven.pause(paused),
                    }
                    driven.check();
                    prop_assert!(driven.waiting().points as u64 <= points);
                }
                // Every second one ends as it should.
                if life % 2 == 0 {
                    driven.clock.advance(SECOND);
                    driven.reporting.report_last();
                    driven.check();
                }
                prop_assert_eq!(driven.status().dropped.stopped + driven.status().dropped.unreadable, 0);
                left = driven.waiting().points as u64;
            }
            std::fs::remove_dir_all(&directory).unwrap();
        }
    }

    /// A reporter of increases to a backend that answers so, on a registry that others read as well.
    fn of_increases(registry: &Registry, answer: &Arc<Mutex<Answer>>) -> Reporting<Spy> {
        let told = answer.clone();
        let rules = Rules { increases: true, max_batch: 1, ..Rules::default() };
        let spy = Spy::new(move |_| *told.lock()).with_rules(rules);
        let builder = Reporter::new(registry, spy).every(MINUTE).on_error(|_| ());
        let builder = builder.tags([("host", "a")]).environment(Environment::empty());
        builder.reporting(Box::new(InMemory::new(Bounds::default())), Chance::seeded(7)).unwrap()
    }

    proptest! {
        #[test]
        fn increases_add_up_for_each_reporter_whatever_others_do(
            steps in prop::collection::vec((0u64..5, prop::array::uniform2(any::<bool>())), 1..30),
        ) {
            let clock = ManualClock::new();
            let registry = Registry::builder().clock(clock.clone()).build();
            let orders = [registry.counter("orders"), registry.counter("trees")];
            let answers: [Arc<Mutex<Answer>>; 2] = [Answer::Takes; 2].map(|takes| Arc::new(Mutex::new(takes)));
            let mut reporters = [of_increases(&registry, &answers[0]), of_increases(&registry, &answers[1])];
            let mut report = |up: [bool; 2], reporter: usize| {
                *answers[reporter].lock() = if up[reporter] { Answer::Takes } else { Answer::Unreachable };
                reporters[reporter].report_now();
                let status = reporters[reporter].pusher.delivery.ledger.read();
                (status, reporters[reporter].pusher.delivery.sink.taken())
            };
            for (counted, up) in steps.into_iter().chain([(1, [true; 2])]) {
                orders.iter().for_each(|orders| orders.add(counted));
                clock.advance(SECOND);
                for reporter in 0..2 {
                    let (status, taken) = report(up, reporter);
                    prop_assert_eq!(status.accepted, status.delivered + status.dropped.superseded);
                    let total = |name| taken.lock().iter().filter(|point| point.name == name).map(|point| point.value).sum::<f64>();
                    if up[reporter] {
                        let expected = orders[0].get() as f64;
                        prop_assert_eq!((total("orders_count"), total("trees_count")), (expected, expected));
                    }
                }
            }
        }
    }

    /// What a backend counts of a metric, from the increases that it took.
    fn counted(reporting: &Reporting<Spy>, metric: &str) -> f64 {
        let taken = reporting.pusher.delivery.sink.taken();
        let taken = taken.lock();
        let points = taken.iter().filter(|point| point.name == metric);
        points.inspect(|point| assert_eq!(point.reading, Reading::Increase)).map(|point| point.value).sum()
    }

    #[test]
    fn a_backend_of_increases_gets_those_of_the_reporter_s_own_metrics_too() {
        let registry = Registry::builder().clock(ManualClock::new()).build();
        registry.counter("orders").inc();
        let answer = Arc::new(Mutex::new(Answer::Takes));
        let mut reporting = of_increases(&registry, &answer);
        for reports in 0..4 {
            assert_eq!(reporting.report_now().successful, 1);
            // As it stood after the report before.
            assert_eq!(counted(&reporting, "spy_reporter_send_total_count"), f64::from(reports));
        }
    }

    #[test]
    fn a_series_that_was_absent_does_not_send_its_total_again() {
        let registry = Registry::builder().clock(ManualClock::new()).build();
        let fails = Arc::new(AtomicBool::new(false));
        let asked = fails.clone();
        registry.collector("trees", move |families| {
            assert!(!asked.load(Ordering::Relaxed), "there is nobody to ask");
            families.counter("trees", "Trees sold.").set((), 5);
        });
        let answer = Arc::new(Mutex::new(Answer::Takes));
        let mut reporting = of_increases(&registry, &answer);
        for fail in [false, true, false] {
            fails.store(fail, Ordering::Relaxed);
            reporting.report_now();
        }
        assert_eq!(counted(&reporting, "trees_count"), 5.0);
    }

    /// Each thing that can happen, with each answer, in every order of three.
    #[test]
    fn all_short_stories_end_well() {
        const ANSWERS: [Answer; 6] = [
            Answer::Takes,
            Answer::RefusesOne,
            Answer::Unreachable,
            Answer::Status(401),
            Answer::AsksForRest(90),
            Answer::TooLargeAbove(1),
        ];
        const EVENTS: usize = 4;
        const STEPS: usize = EVENTS * ANSWERS.len();
        for story in 0..STEPS.pow(2) * ANSWERS.len() {
            let mut driven = Driven::new(2, 10, Bounds { points: 3, ..Bounds::default() });
            for step in [story % STEPS, story / STEPS % STEPS] {
                let (answer, before) = (ANSWERS[step / EVENTS], driven.status());
                let quiet = driven.reporting.retry.is_quiet(driven.clock.elapsed() + MINUTE);
                *driven.answer.lock() = answer;
                match step % EVENTS {
                    0 => {
                        let pushes = driven.pass(MINUTE, answer);
                        assert!(pushes == 0 || !(quiet || before.paused), "{story}: {pushes} pushes");
                    }
                    1 => drop(driven.pass(SECOND * 5, answer)),
                    2 => {
                        driven.clock.advance(SECOND);
                        assert_eq!(driven.reporting.report_now().points, 2);
                    }
                    _ => driven.pause(!before.paused),
                }
                driven.check();
            }
            let before = driven.status();
            *driven.answer.lock() = ANSWERS[story / STEPS.pow(2)];
            driven.clock.advance(SECOND);
            driven.reporting.stop_by.set(MINUTE);
            assert_eq!(driven.reporting.report_last().points, 2);
            assert_eq!(driven.status().accepted, before.accepted + 2, "exactly once more");
            assert_eq!(driven.status().on_the_way(), 0);
            driven.check();
        }
    }
}
