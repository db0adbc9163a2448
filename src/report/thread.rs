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

/// What comes after an order.
enum Next {
    /// To wait for another.
    Wait,
    /// The end, of which somebody wants to hear.
    End(Sender<Report>, Report),
    /// The end: there is nobody left to give orders.
    Abandoned,
}

impl<S: Sink> Thread<S> {
    pub(super) fn run(mut self) {
        let (waiting, last) = loop {
            match self.obey(self.next_order()) {
                Next::Wait => {}
                Next::End(waiting, last) => break (waiting, last),
                Next::Abandoned => return,
            }
        };
        // First, so that what the sink holds is closed when `stop` returns.
        if caught(|| drop(self)).is_none() {
            log::error!("the sink of a reporter panicked when it was dropped");
        }
        let _ = waiting.send(last);
    }

    fn obey(&mut self, order: Result<Order, RecvTimeoutError>) -> Next {
        match order {
            Ok(Order::Report(waiting)) => {
                // Nobody may be waiting any more.
                let _ = waiting.send(self.reporting.report_now());
            }
            Ok(Order::Stop(waiting)) => return Next::End(waiting, self.reporting.report_last()),
            Ok(Order::Look) | Err(RecvTimeoutError::Timeout) => self.reporting.look(),
            Err(RecvTimeoutError::Disconnected) => return Next::Abandoned,
        }
        Next::Wait
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backoff::Chance;
    use crate::clock::ManualClock;
    use crate::registry::Registry;
    use crate::report::allowance::StopBy;
    use crate::report::backlog::{Bounds, InMemory};
    use crate::report::spy::{Answer, Spy};
    use crate::report::{Point, Reporter};
    use parking_lot::Mutex;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;
    use std::time::Duration;

    const MINUTE: Duration = Duration::from_secs(60);

    /// Goes through every row of choices: each run makes its choices in order, and the next run makes the last one that
    /// is not used up differently.
    #[derive(Default)]
    struct Choices {
        /// What was chosen, of how many.
        made: Vec<(usize, usize)>,
        at: usize,
    }

    impl Choices {
        fn choose(&mut self, among: usize) -> usize {
            if self.at == self.made.len() {
                self.made.push((0, among));
            }
            self.at += 1;
            self.made[self.at - 1].0
        }

        /// Whether there is another row.
        fn advance(&mut self) -> bool {
            self.at = 0;
            while let Some((chosen, among)) = self.made.pop() {
                if chosen + 1 < among {
                    self.made.push((chosen + 1, among));
                    return true;
                }
            }
            false
        }
    }

    #[test]
    fn every_row_of_choices_is_made_once() {
        let mut choices = Choices::default();
        let mut rows = Vec::new();
        loop {
            let first = choices.choose(2);
            rows.push((first, if first == 0 { choices.choose(3) } else { 9 }));
            if !choices.advance() {
                break;
            }
        }
        assert_eq!(rows, [(0, 0), (0, 1), (0, 2), (1, 9)]);
    }

    /// What other threads do, each its own steps in order.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Step {
        AskForReport,
        MoveClock,
        SetStopTime,
        OrderStop,
    }

    const OTHERS: [&[Step]; 3] =
        [&[Step::AskForReport], &[Step::MoveClock], &[Step::SetStopTime, Step::OrderStop]];

    /// The world around the reporter's thread: which of the others' steps come when, and what the backend answers.
    struct World {
        choices: Choices,
        done: [usize; OTHERS.len()],
        orders: Sender<Order>,
        clock: ManualClock,
        stop_by: StopBy,
        asked: Vec<Receiver<Report>>,
        stopped: Option<Receiver<Report>>,
    }

    impl World {
        /// Some steps of the others, none to all. A user has to be done asking before stopping, which takes the reporter.
        fn move_on(&mut self, at_least_one: bool) {
            let mut needed = at_least_one;
            loop {
                let ready: Vec<usize> = (0..OTHERS.len()).filter(|other| self.is_ready(*other)).collect();
                let none = usize::from(!needed);
                let chosen = self.choices.choose(ready.len() + none);
                let Some(chosen) = chosen.checked_sub(none) else { return };
                let other = ready[chosen];
                self.step(OTHERS[other][self.done[other]]);
                self.done[other] += 1;
                needed = false;
                if self.stopped.is_some() && self.done[1] == OTHERS[1].len() {
                    return;
                }
            }
        }

        fn is_ready(&self, other: usize) -> bool {
            let asked = self.done[0] == OTHERS[0].len();
            self.done[other] < OTHERS[other].len() && (other != 2 || asked)
        }

        fn step(&mut self, step: Step) {
            let order = match step {
                Step::AskForReport => {
                    let (reply, report) = channel();
                    self.asked.push(report);
                    Order::Report(reply)
                }
                Step::MoveClock => {
                    self.clock.advance(MINUTE);
                    Order::Look
                }
                Step::SetStopTime => return self.stop_by.set(MINUTE),
                Step::OrderStop => {
                    let (reply, report) = channel();
                    self.stopped = Some(report);
                    Order::Stop(reply)
                }
            };
            // A reporter that has ended needs no order.
            let _ = self.orders.send(order);
        }
    }

    /// The reporter's thread without a thread, in a world that acts between its orders and during its pushes.
    struct Scene {
        thread: Thread<Spy>,
        world: Arc<Mutex<Option<World>>>,
        /// Reports made: snapshots taken.
        reports: Arc<AtomicUsize>,
        taken: Arc<Mutex<Vec<Point>>>,
    }

    impl Scene {
        fn new(choices: Choices) -> Self {
            let (clock, reports) = (ManualClock::new(), Arc::new(AtomicUsize::new(0)));
            let registry = Registry::builder().clock(clock.clone()).build();
            let counted = reports.clone();
            registry.counter_fn("reports", move || counted.fetch_add(1, Ordering::Relaxed) as u64);
            let world: Arc<Mutex<Option<World>>> = Arc::default();
            let around = world.clone();
            let spy = Spy::new(move |_| {
                let mut world = around.lock();
                let world = world.as_mut().unwrap();
                world.move_on(false);
                [Answer::Takes, Answer::Unreachable][world.choices.choose(2)]
            });
            let taken = spy.taken();
            let builder = Reporter::new(&registry, spy).every(MINUTE).push_own_metrics(false);
            let backlog = Box::new(InMemory::new(Bounds::default()));
            let reporting = builder.reporting(backlog, Chance::seeded(1)).unwrap();
            let (orders, inbox) = channel();
            let (stop_by, asked) = (reporting.stop_by.clone(), Vec::new());
            let done = [0; OTHERS.len()];
            *world.lock() = Some(World { choices, done, orders, clock, stop_by, asked, stopped: None });
            Scene { thread: Thread { reporting, orders: inbox }, world, reports, taken }
        }

        fn move_on(&self, at_least_one: bool) {
            self.world.lock().as_mut().unwrap().move_on(at_least_one);
        }

        /// The next order, as the thread would wait for it.
        fn next_order(&self) -> Result<Order, RecvTimeoutError> {
            self.move_on(false);
            let reporting = &self.thread.reporting;
            loop {
                match self.thread.orders.try_recv() {
                    Ok(order) => return Ok(order),
                    Err(_) if reporting.wake_at() <= reporting.clock.now() => {
                        return Err(RecvTimeoutError::Timeout);
                    }
                    Err(_) => self.move_on(true),
                }
            }
        }

        /// Runs to the end; the last report, and how many were made before it was ordered.
        fn run(&mut self) -> (Report, usize) {
            loop {
                let order = self.next_order();
                let before = self.reports.load(Ordering::Relaxed);
                match self.thread.obey(order) {
                    Next::Wait => {}
                    Next::End(_, last) => return (last, before),
                    Next::Abandoned => panic!("somebody is there"),
                }
            }
        }

        fn check(self, last: &Report, before: usize) -> Choices {
            let world = self.world.lock().take().unwrap();
            let reports = self.reports.load(Ordering::Relaxed);
            assert_eq!((last.points, reports), (1, before + 1), "exactly once more");
            assert!(world.asked.iter().all(|asked| asked.try_recv().is_ok_and(|report| report.points == 1)));
            let status = self.thread.reporting.pusher.delivery.ledger.read();
            assert_eq!(status.accepted, reports as u64);
            assert_eq!(status.accepted, status.delivered + status.dropped.stopped);
            assert_eq!(status.delivered, self.taken.lock().len() as u64);
            world.choices
        }
    }

    #[test]
    fn whatever_happens_meanwhile_every_order_is_obeyed_once_and_the_last_report_is_made_once() {
        let mut choices = Choices::default();
        let mut runs = 0;
        loop {
            let mut scene = Scene::new(choices);
            let (last, before) = scene.run();
            choices = scene.check(&last, before);
            runs += 1;
            if !choices.advance() {
                break;
            }
        }
        assert!(runs > 4_000, "only {runs}");
    }
}
