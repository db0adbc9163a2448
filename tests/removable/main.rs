//! Series that come and go: what a removable family promises.

#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod definitions;
mod expiry;
mod inside;
mod limits;
mod model;
mod removal;
mod stress;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tagmeter::clock::ManualClock;
use tagmeter::registry::{Define, RegisterError, RemovableFamily, Removal, TagKeys};
use tagmeter::{Counter, Registry};

const TIMEOUT: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// One test at a time: what another one has open would put off what is expected here.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

struct World {
    _alone: MutexGuard<'static, ()>,
    clock: ManualClock,
    registry: Registry,
    sessions: RemovableFamily<Counter, 1>,
}

/// A family of at most so many series that are hidden when they were idle for a minute.
fn world(most: usize) -> World {
    World::with(|define| define.max_series(most).idle_timeout(TIMEOUT).counters().unwrap())
}

/// A family of at most so many series that go when they are told to.
fn world_by_hand(most: usize) -> World {
    World::with(|define| define.max_series(most).removable().counters().unwrap())
}

impl World {
    fn with(define: impl FnOnce(Define<'_, TagKeys<1>>) -> RemovableFamily<Counter, 1>) -> Self {
        let _alone = alone();
        let clock = ManualClock::new();
        let registry = Registry::builder().clock(clock.clone()).build();
        let sessions = define(registry.define("sessions").tags(["peer"]));
        World { _alone, clock, registry, sessions }
    }

    /// Some time later, when somebody reads.
    fn after(&self, time: Duration) -> BTreeMap<String, f64> {
        self.clock.advance(time);
        self.seen()
    }

    fn seen(&self) -> BTreeMap<String, f64> {
        let snapshot = self.registry.snapshot();
        let own = snapshot.families().iter().filter(|family| family.name == "sessions");
        own.flat_map(|family| family.series.iter())
            .map(|series| (series.tags.get("peer").unwrap().to_owned(), series.value.number().unwrap()))
            .collect()
    }

    fn start(&self, peer: &str) -> Option<SystemTime> {
        let snapshot = self.registry.snapshot();
        let mut all = snapshot.families().iter().flat_map(|family| family.series.iter());
        all.find(|series| series.tags.get("peer") == Some(peer)).map(|series| series.start())
    }

    fn inc_each(&self, peers: &[&str]) {
        for peer in peers {
            self.inc(peer);
        }
    }

    fn inc(&self, peer: &str) -> u64 {
        self.sessions.with([peer], |counter| {
            counter.inc();
            counter.get()
        })
    }
}

fn seen(pairs: &[(&str, f64)]) -> BTreeMap<String, f64> {
    pairs.iter().map(|(peer, value)| ((*peer).to_owned(), *value)).collect()
}

/// Each series that is shown: its peer, its count, and the second it began in.
fn read(world: &World) -> Vec<(String, f64, u64)> {
    let snapshot = world.registry.snapshot();
    let own = snapshot.families().iter().filter(|family| family.name == "sessions");
    let series = own.flat_map(|family| family.series.iter());
    let start = |start: SystemTime| start.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    series
        .map(|series| {
            let peer = series.tags.get("peer").unwrap().to_owned();
            (peer, series.value.number().unwrap(), start(series.start()))
        })
        .collect()
}
