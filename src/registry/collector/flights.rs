//! Collectors whose runs are shared: by readers who ask at the same time, by those who ask again soon, or both.
//!
//! A run is a flight: whoever asks while there is one waits for it and begins no other. A flight with a deadline has a
//! thread of its own, so that who waits can go on without it; it stays the only one however long it hangs, and further
//! readers then do not wait at all. A flight without a deadline is flown by the reader that began it.
//!
//! Waiting always ends: at the deadline, or after [`PATIENCE`]. So a collector that waits for somebody who reads the same
//! registry holds up that reader, and is not a deadlock.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::ledger::Outcome;
use super::run::Run;
use crate::clock::Clock;
use crate::metric::caught;
use crate::model::Family;
use crate::registry::problem::Problem;

/// How long a reader waits for another one's run that has no deadline: as long as a scrape of Prometheus takes at most
/// where nobody says otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

/// A whole set of families, which several readers have.
pub(super) type Set = Arc<Vec<Family>>;

/// The shared runs of a collector.
pub(super) struct Flights {
    run: Run,
    /// How long a result is shown without another run.
    interval: Option<Duration>,
    timeout: Option<Duration>,
    tower: Arc<Tower>,
}

/// Where readers wait. Nothing of the user's is in it.
#[derive(Default)]
struct Tower {
    traffic: Mutex<Traffic>,
    changed: Condvar,
}

#[derive(Default)]
struct Traffic {
    flight: Option<Flight>,
    last: Option<Landed>,
}

/// The last result, and when it came.
#[derive(Clone)]
pub(super) struct Landed {
    pub(super) set: Set,
    pub(super) at: Duration,
}

/// A run.
#[derive(Clone)]
struct Flight {
    began: Duration,
    /// A fork takes the flight into the child, and its thread not.
    process: u32,
    /// What came of it, once it has ended.
    result: Arc<OnceLock<Option<Set>>>,
    /// Whether its outcome was counted: when it ended or when somebody gave up waiting, whichever came first.
    counted: Arc<AtomicBool>,
}

/// What a reader has until it asks for the families.
pub(super) enum Ticket {
    /// They are there.
    Ready(Set),
    /// They come with a run that has begun.
    Aboard(Boarding),
    /// They will be asked for in their turn, on the reader's thread.
    Later,
}

/// A place on a flight.
pub(super) struct Boarding(Flight);

impl Flights {
    pub(super) fn new(run: Run, interval: Option<Duration>, timeout: Option<Duration>) -> Self {
        let tower = Arc::<Tower>::default();
        let watched = Arc::downgrade(&tower);
        let ring = move || watched.upgrade().inspect(|tower| tower.ring()).is_some();
        run.workshop.shared.context.clock.watch(ring);
        Flights { run, interval, timeout, tower }
    }

    /// Begins a run where one is needed that does not need the reader's thread.
    pub(super) fn begin(self: &Arc<Self>) -> Ticket {
        let mut traffic = self.tower.traffic.lock();
        if let Some(set) = self.fresh(&traffic) {
            return Ticket::Ready(set);
        }
        if self.timeout.is_none() {
            return Ticket::Later;
        }
        if let Some(flight) = traffic.running() {
            return Ticket::Aboard(Boarding(flight));
        }
        let flight = traffic.take_off(self.clock());
        drop(traffic);
        self.launch(&flight);
        Ticket::Aboard(Boarding(flight))
    }

    /// The families; `None` where there are none in time.
    pub(super) fn end(&self, ticket: Ticket) -> Option<Set> {
        match ticket {
            Ticket::Ready(set) => Some(set),
            Ticket::Aboard(Boarding(flight)) => self.wait(&flight),
            Ticket::Later => self.fly_or_wait(),
        }
    }

    /// How old the result is that is kept.
    pub(super) fn age(&self) -> Option<Duration> {
        let at = self.tower.traffic.lock().last.as_ref()?.at;
        Some(self.clock().now().saturating_sub(at))
    }

    /// Gives a flight a thread of its own.
    fn launch(self: &Arc<Self>, flight: &Flight) {
        let (flights, own) = (Arc::clone(self), flight.clone());
        let thread = thread::Builder::new().name("tagmeter-collect".to_owned());
        if let Err(error) = thread.spawn(move || _ = flights.fly(&own)) {
            self.count(flight, Outcome::Error);
            self.land(flight, None);
            // Last, and with no lock held: the logger may read this registry, or panic.
            self.run.workshop.note(Problem::CollectorFailed, format_args!("has no thread: {error}"));
        }
    }

    fn fly_or_wait(&self) -> Option<Set> {
        let mut traffic = self.tower.traffic.lock();
        if let Some(set) = self.fresh(&traffic) {
            return Some(set);
        }
        if let Some(flight) = traffic.running() {
            drop(traffic);
            return self.wait(&flight);
        }
        let flight = traffic.take_off(self.clock());
        drop(traffic);
        self.fly(&flight)
    }

    /// Runs the function, and tells those who wait.
    fn fly(&self, flight: &Flight) -> Option<Set> {
        // A logger that panics must not keep those who wait waiting.
        let (outcome, families) = caught(|| self.run.run()).unwrap_or((Outcome::Panic, None));
        self.count(flight, outcome);
        self.land(flight, families.map(Arc::new))
    }

    /// Counts how a flight ended, once; tells whether it was now.
    fn count(&self, flight: &Flight, outcome: Outcome) -> bool {
        let is_first = !flight.counted.swap(true, Ordering::Relaxed);
        if is_first {
            self.run.workshop.count(outcome);
        }
        is_first
    }

    fn land(&self, flight: &Flight, set: Option<Set>) -> Option<Set> {
        let mut traffic = self.tower.traffic.lock();
        let _ = flight.result.set(set.clone());
        traffic.flight.take_if(|own| Arc::ptr_eq(&own.result, &flight.result));
        if let Some(set) = set.clone().filter(|_| self.interval.is_some()) {
            traffic.last = Some(Landed { set, at: self.clock().now() });
        }
        self.tower.changed.notify_all();
        set.or_else(|| self.known(&traffic))
    }

    fn wait(&self, flight: &Flight) -> Option<Set> {
        let deadline = flight.began.saturating_add(self.timeout.unwrap_or(PATIENCE));
        let mut traffic = self.tower.traffic.lock();
        while flight.result.get().is_none() && self.clock().now() < deadline {
            match self.clock().until(deadline) {
                Some(time) => _ = self.tower.changed.wait_for(&mut traffic, time),
                None => self.tower.changed.wait(&mut traffic),
            }
        }
        let set = flight.result.get().cloned().flatten().or_else(|| self.known(&traffic));
        let is_late = flight.result.get().is_none();
        drop(traffic);
        // No lock is held: the logger may read this registry.
        if is_late && self.count(flight, Outcome::Timeout) {
            self.run
                .workshop
                .note(Problem::CollectorLate, "took longer than it may; what it gives is left out");
        }
        set
    }

    /// The last result while it is to be shown without a run.
    fn fresh(&self, traffic: &Traffic) -> Option<Set> {
        self.younger_than(self.interval?, traffic)
    }

    /// The last result while it may stand in for one that does not come.
    fn known(&self, traffic: &Traffic) -> Option<Set> {
        self.younger_than(self.interval?.saturating_mul(2), traffic)
    }

    fn younger_than(&self, age: Duration, traffic: &Traffic) -> Option<Set> {
        let last = traffic.last.as_ref()?;
        (self.clock().now().saturating_sub(last.at) < age).then(|| last.set.clone())
    }

    fn clock(&self) -> &Clock {
        &self.run.workshop.shared.context.clock
    }

    pub(super) fn run(&self) -> &Run {
        &self.run
    }
}

impl Tower {
    /// Has those who wait look at the clock.
    fn ring(&self) {
        // Who has looked and does not wait yet has the lock.
        drop(self.traffic.lock());
        self.changed.notify_all();
    }
}

impl Traffic {
    /// The flight of this process, if there is one.
    fn running(&self) -> Option<Flight> {
        self.flight.as_ref().filter(|flight| flight.process == std::process::id()).cloned()
    }

    fn take_off(&mut self, clock: &Clock) -> Flight {
        let (result, counted) = (Arc::default(), Arc::default());
        let flight = Flight { began: clock.now(), process: std::process::id(), result, counted };
        self.flight = Some(flight.clone());
        flight
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;
    use crate::registry::Registry;
    use crate::registry::collector::run::Workshop;

    const FOREVER: Duration = Duration::from_secs(30);

    /// Flights that are not kept and wait to be let land; when they begin they tell.
    fn held() -> (Arc<Flights>, Receiver<()>, Sender<()>) {
        let (begun, begins) = channel();
        let (land, landing) = channel();
        let (runs, landing) = (AtomicU64::new(0), Mutex::new(landing));
        let workshop = Workshop::new("held".into(), Registry::new().shared().clone(), 10, None);
        let run = Run {
            workshop,
            collect: Box::new(move |families| {
                let _ = begun.send(());
                let _ = landing.lock().recv();
                families.counter("runs", "").set((), runs.fetch_add(1, Ordering::Relaxed) + 1);
                Ok(())
            }),
        };
        (Arc::new(Flights::new(run, None, Some(FOREVER))), begins, land)
    }

    fn runs(set: &Set) -> Option<f64> {
        set.first()?.series.first()?.value.number()
    }

    #[test]
    fn who_comes_while_it_runs_shares_it_and_who_comes_later_does_not() {
        let (flights, begins, land) = held();
        let tickets: Vec<Ticket> = (0..8).map(|_| flights.begin()).collect();
        begins.recv_timeout(FOREVER).unwrap();
        land.send(()).unwrap();
        let sets: Vec<Set> = tickets.into_iter().map(|ticket| flights.end(ticket).unwrap()).collect();
        assert!(sets.iter().all(|set| Arc::ptr_eq(set, &sets[0]) && runs(set) == Some(1.0)));
        land.send(()).unwrap();
        assert_eq!(flights.end(flights.begin()).as_ref().and_then(runs), Some(2.0));
        assert!(flights.tower.traffic.lock().last.is_none(), "what is not to be kept is not");
    }

    #[test]
    fn a_child_of_a_fork_does_not_wait_for_its_parents_flight() {
        let (flights, begins, land) = held();
        let parents = flights.begin();
        begins.recv_timeout(FOREVER).unwrap();
        flights.tower.traffic.lock().flight.as_mut().unwrap().process = 0;
        let own = flights.begin();
        begins.recv_timeout(FOREVER).unwrap();
        (0..2).for_each(|_| land.send(()).unwrap());
        let mut both = [parents, own].map(|ticket| flights.end(ticket).as_ref().and_then(runs));
        both.sort_by(|a, b| a.partial_cmp(b).unwrap());
        assert_eq!(both, [Some(1.0), Some(2.0)]);
    }
}
