//! Collectors: what becomes of those that hang, panic, fail or go, and what readers see who come at the same time. Those that
//! lie are in `exposition`, where the judges are.

#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod lifetimes;
mod monotone;
mod pushed;
mod runs;
mod staged;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tagmeter::Registry;
use tagmeter::clock::ManualClock;
use tagmeter::registry::Families;

const SECOND: Duration = Duration::from_secs(1);
/// Far more than anything takes here: a test that waits so long has failed.
const FOREVER: Duration = Duration::from_secs(30);

/// A registry on a clock that moves when told to.
fn registry() -> (Registry, ManualClock) {
    let clock = ManualClock::new();
    (Registry::builder().clock(clock.clone()).build(), clock)
}

/// How many runs of a collector ended so.
fn runs(registry: &Registry, collector: &str, outcome: &str) -> f64 {
    let tags = [("collector", collector), ("outcome", outcome)];
    registry.snapshot().value(("tagmeter_collector_runs", tags)).unwrap()
}

fn problems(registry: &Registry, reason: &str) -> f64 {
    registry.snapshot().value(("tagmeter_problems", [("reason", reason)])).unwrap_or(0.0)
}

/// Waits for something that another thread does.
fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < FOREVER, "never: {what}");
        thread::yield_now();
    }
}

/// A function that says when it has begun, waits until it is let go on, and then tells how often it ran.
struct Held {
    begins: Receiver<()>,
    let_go: Sender<()>,
    runs: Arc<AtomicU64>,
}

impl Held {
    fn new() -> (Held, impl Fn(&mut Families<'_>) + Send + Sync + 'static) {
        let (begun, begins) = channel();
        let (let_go, gate) = channel::<()>();
        let (gate, runs) = (Mutex::new(gate), Arc::<AtomicU64>::default());
        let counted = runs.clone();
        let collect = move |families: &mut Families<'_>| {
            let run = counted.fetch_add(1, Ordering::Relaxed) + 1;
            let _ = begun.send(());
            let _ = gate.lock().recv();
            families.gauge("held_run", "Which run this is.").set((), run as f64);
        };
        (Held { begins, let_go, runs }, collect)
    }

    fn has_begun(&self) {
        self.begins.recv_timeout(FOREVER).unwrap();
    }

    fn release(&self) {
        self.let_go.send(()).unwrap();
    }

    fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }
}
