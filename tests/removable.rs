//! Series that come and go: what a removable family promises.

#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
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

mod expiry {
    use super::*;

    #[test]
    fn an_idle_series_is_hidden_and_goes_on_when_it_is_used_again() {
        let world = world(10);
        world.inc("a");
        let start = world.start("a");
        assert_eq!(world.after(SECOND), seen(&[("a", 1.0)]), "found idle here");
        assert_eq!(world.after(TIMEOUT - SECOND), seen(&[("a", 1.0)]));
        assert_eq!(world.after(SECOND), seen(&[]));
        assert_eq!(world.inc("a"), 2, "the count goes on");
        assert_eq!(world.seen(), seen(&[("a", 2.0)]), "seen at once");
        assert_eq!(world.start("a"), start);
    }

    #[test]
    fn a_series_that_was_hidden_for_as_long_again_gives_its_memory_back() {
        let world = world(10);
        world.inc("a");
        let start = world.start("a").unwrap();
        world.after(SECOND);
        assert_eq!(world.after(TIMEOUT), seen(&[]));
        assert_eq!(world.after(TIMEOUT), seen(&[]));
        assert_eq!(world.inc("a"), 1, "a new one");
        let later = world.start("a").unwrap();
        assert_eq!(later.duration_since(start).unwrap(), SECOND + TIMEOUT * 2);
    }

    #[test]
    fn what_is_used_stays() {
        let world = world(10);
        for n in 1..100 {
            assert_eq!(world.inc("a"), n);
            assert_eq!(world.after(TIMEOUT - SECOND), seen(&[("a", n as f64)]));
        }
    }

    #[test]
    fn a_value_is_seen_after_its_last_change_however_seldom_somebody_reads() {
        let world = world(10);
        for n in 1..10 {
            assert_eq!(world.inc("a"), 1);
            assert_eq!(world.after(TIMEOUT * 10), seen(&[("a", 1.0)]), "{n}");
            assert_eq!(world.after(TIMEOUT * 10), seen(&[]), "{n}");
            assert_eq!(world.after(TIMEOUT * 10), seen(&[]), "{n}");
        }
    }

    #[test]
    fn a_held_series_is_not_idle() {
        let world = world(10);
        let kept = world.sessions.handle(["a"]);
        let clone = kept.clone();
        drop(kept);
        for n in 1..10 {
            clone.inc();
            assert_eq!(world.after(TIMEOUT * 2), seen(&[("a", n as f64)]));
        }
        clone.inc();
        drop(clone);
        assert_eq!(world.after(TIMEOUT * 2), seen(&[("a", 10.0)]), "what the last handle counted is seen");
        assert_eq!(world.after(TIMEOUT), seen(&[]));
    }

    #[test]
    fn a_timing_that_runs_holds_its_series() {
        let World { clock, registry, _alone, .. } = world(10);
        let work = registry.define("work").tags(["kind"]).idle_timeout(TIMEOUT).timers().unwrap();
        let timing = work.with(["a"], |timer| timer.start());
        for _ in 0..5 {
            clock.advance(TIMEOUT * 2);
            assert!(registry.snapshot().get(("work", [("kind", "a")])).is_some());
        }
        assert_eq!(timing.stop(), TIMEOUT * 10);
        assert_eq!(registry.value(("work", [("kind", "a")])), Some(1.0));
    }

    #[test]
    fn a_use_in_time_keeps_a_neighbour_from_nothing() {
        let world = world(10);
        world.inc("a");
        world.inc("b");
        world.after(SECOND);
        world.clock.advance(TIMEOUT - SECOND);
        world.inc("a");
        assert_eq!(world.after(SECOND), seen(&[("a", 1.0 + 1.0)]));
    }
}

mod removal {
    use super::*;

    #[test]
    fn a_removed_series_begins_again_from_zero() {
        let world = world(10);
        world.inc("a");
        let start = world.start("a").unwrap();
        assert!(world.sessions.remove(["a"]));
        assert!(!world.sessions.remove(["a"]), "gone already");
        assert_eq!(world.after(SECOND), seen(&[]));
        assert_eq!(world.inc("a"), 1);
        assert_eq!(world.start("a").unwrap().duration_since(start).unwrap(), SECOND);
    }

    #[test]
    fn the_handles_of_a_removed_series_belong_to_it_again_when_it_comes_back() {
        let world = world(10);
        let kept = world.sessions.handle(["a"]);
        kept.add(5);
        assert!(world.sessions.remove(["a"]));
        for _ in 0..5 {
            kept.inc();
            assert_eq!(world.after(TIMEOUT), seen(&[]), "unseen");
        }
        assert_eq!(world.sessions.with(["a"], |counter| counter.get()), 0);
        kept.inc();
        assert_eq!(world.inc("a"), 2, "one series again");
        assert_eq!(world.seen(), seen(&[("a", 2.0)]));
    }

    #[test]
    fn some_can_be_kept_and_all_can_go() {
        let world = world(10);
        world.inc_each(&["a", "b", "c"]);
        world.sessions.retain(|tags, counter| tags.get("peer") != Some("b") && counter.get() == 1);
        assert_eq!(world.seen(), seen(&[("a", 1.0), ("c", 1.0)]));
        let tags: Vec<String> = world.sessions.iter().map(|(tags, _)| tags.to_string()).collect();
        assert_eq!(tags, [r#"{peer="a"}"#, r#"{peer="c"}"#]);
        world.registry.retain(|_, tags| tags.get("peer") != Some("c"));
        assert_eq!(world.registry.iter().count(), 1);
        assert!(world.registry.remove(("sessions", [("peer", "a")])));
        world.sessions.init([["d"]]);
        assert_eq!(world.seen(), seen(&[("d", 0.0)]));
        world.sessions.clear();
        assert_eq!(world.seen(), seen(&[]));
    }

    #[test]
    fn a_function_goes_with_its_series_and_may_use_the_family_then() {
        let _alone = alone();
        struct UsesIt(RemovableFamily<tagmeter::Gauge, 1>);
        impl Drop for UsesIt {
            fn drop(&mut self) {
                self.0.with(["a"], |gauge| gauge.set(1.0));
                self.0.with(["new"], |gauge| gauge.set(2.0));
            }
        }
        let registry = Registry::new();
        let levels = registry.define("level").tags(["of"]).removable().gauges().unwrap();
        let uses_it = UsesIt(levels.clone());
        let gauge = registry.gauge_fn(("level", [("of", "a")]), move || {
            let _ = &uses_it;
            7.0
        });
        assert_eq!(registry.value(("level", [("of", "a")])), Some(7.0));
        assert!(levels.remove(["a"]));
        levels.with(["a"], |gauge| gauge.add(0.0));
        assert_eq!(registry.value(("level", [("of", "new")])), Some(2.0), "dropped when it was shown again");
        drop(gauge);
    }
}

mod inside {
    use super::*;

    #[test]
    fn a_closure_may_do_anything() {
        let world = world(10);
        let sessions = &world.sessions;
        let answer = sessions.with(["a"], |outer| {
            sessions.with(["a"], |inner| inner.inc());
            sessions.with(["b"], |other| other.inc());
            assert!(sessions.remove(["a"]));
            outer.inc();
            assert_eq!(world.after(TIMEOUT), seen(&[("b", 1.0)]));
            sessions.with(["a"], |again| again.inc());
            sessions.clear();
            sessions.handle(["c"]).inc();
            world.after(TIMEOUT * 9)
        });
        assert_eq!(answer, seen(&[("c", 1.0)]));
        assert_eq!(world.inc("a"), 1);
    }

    #[test]
    fn a_panic_leaves_everything_as_it_should_be() {
        let world = world(2);
        for _ in 0..10 {
            let caught = std::panic::catch_unwind(|| {
                world.sessions.with(["a"], |counter| {
                    counter.inc();
                    panic!("inside");
                })
            });
            assert!(caught.is_err());
        }
        assert_eq!(world.after(SECOND), seen(&[("a", 10.0)]));
        assert_eq!(world.after(TIMEOUT), seen(&[]), "no section is open");
    }

    #[test]
    fn what_a_long_closure_uses_stays_and_is_seen_when_it_ends() {
        let world = world(10);
        world.sessions.with(["a"], |counter| {
            for _ in 0..5 {
                assert_eq!(world.after(TIMEOUT * 2), seen(&[("a", 0.0)]));
            }
            counter.inc();
        });
        assert_eq!(world.after(TIMEOUT * 2), seen(&[("a", 1.0)]));
        assert_eq!(world.after(TIMEOUT * 2), seen(&[]));
    }
}

mod limits {
    use super::*;

    fn overflow(world: &World) -> Option<f64> {
        world.registry.value(("sessions", [("peer", "__overflow__")]))
    }

    #[test]
    fn what_is_beyond_the_limit_goes_to_the_overflow_series() {
        let world = world(2);
        world.inc_each(&["a", "b", "c", "d", "a"]);
        let expected = seen(&[("a", 2.0), ("b", 1.0), ("__overflow__", 2.0)]);
        assert_eq!(world.seen(), expected);
    }

    #[test]
    fn a_removed_series_makes_room() {
        let world = world(2);
        world.inc_each(&["a", "b", "c"]);
        for n in 0..100 {
            let [old, new] = if n % 2 == 0 { ["a", "c"] } else { ["c", "a"] };
            assert!(world.sessions.remove([old]));
            assert_eq!(world.inc(new), 1, "{n}");
        }
        assert_eq!(overflow(&world), Some(1.0));
        world.sessions.clear();
        world.inc_each(&["a", "b", "c"]);
        assert_eq!(overflow(&world), Some(1.0), "the overflow series itself can go, and is not counted");
    }

    #[test]
    fn hidden_series_make_room_before_their_time() {
        let world = world(2);
        world.inc_each(&["a", "b"]);
        world.after(SECOND);
        assert_eq!(world.after(TIMEOUT), seen(&[]));
        assert_eq!((world.inc("c"), world.inc("d")), (1, 1));
        assert_eq!(world.seen(), seen(&[("c", 1.0), ("d", 1.0)]));
    }

    #[test]
    fn a_full_family_sweeps_though_nobody_reads() {
        let world = world(2);
        for n in 1..100 {
            assert_eq!(world.inc(&format!("{n}a")), 1, "{n}");
            assert_eq!(world.inc(&format!("{n}b")), 1, "{n}");
            world.clock.advance(TIMEOUT);
            assert_eq!(world.inc("c"), n, "finds the others idle, but not for long enough");
            world.clock.advance(TIMEOUT);
        }
        assert_eq!(overflow(&world), Some(99.0));
    }

    #[test]
    fn held_series_keep_their_room() {
        let world = world(2);
        let held = ["a", "b"].map(|peer| world.sessions.handle([peer]));
        assert!(world.sessions.remove(["a"]));
        (0..100).for_each(|n| assert!(world.inc(&n.to_string()) <= n + 1));
        assert_eq!(overflow(&world), Some(100.0));
        drop(held);
        assert!(world.sessions.remove(["b"]));
        assert_eq!(world.inc("c"), 1);
        assert_eq!(overflow(&world), Some(100.0));
    }

    #[test]
    fn nothing_is_freed_that_a_closure_could_see() {
        let world = world(1);
        world.sessions.with(["a"], |counter| {
            assert!(world.sessions.remove(["a"]));
            world.inc("b");
            counter.inc();
        });
        assert_eq!(overflow(&world), Some(1.0), "there was no room");
        assert!((0..100).any(|_| world.inc("b") == 1), "and then there was");
    }
}

mod definitions {
    use super::*;

    #[test]
    fn a_removable_family_and_an_ordinary_one_are_a_conflict() {
        let _alone = alone();
        let registry = Registry::new();
        let define = || registry.define("sessions").tags(["peer"]);
        define().removable().counters().unwrap();
        assert!(define().removable().counters().is_ok(), "the same again is the same");
        let conflicts = [
            define().counters().map(drop),
            define().removable().gauges().map(drop),
            define().idle_timeout(TIMEOUT).counters().map(drop),
            define().removable().help("Sessions.").counters().map(drop),
            registry.define("sessions").tags(["port"]).removable().counters().map(drop),
        ];
        for conflict in &conflicts {
            assert!(matches!(conflict, Err(RegisterError::Conflict { .. })), "{conflict:?}");
        }
        assert_eq!(
            conflicts[2].as_ref().unwrap_err().to_string(),
            r#"counter "sessions" with tags ["peer"], idle timeout 60s conflicts with counter "sessions" with tags ["peer"], removable series"#
        );
        registry.counter(("hits", [("path", "/a")])).inc();
        let taken = registry.define("hits").tags(["path"]).removable().counters();
        let Err(RegisterError::Conflict { existing, requested }) = taken else { panic!("{taken:?}") };
        assert_eq!((existing.removal, requested.removal), (Removal::Hides, Removal::ByHand));
    }

    #[test]
    fn by_name_a_series_is_held_like_any_other() {
        let world = world(10);
        world.inc("a");
        let kept = world.registry.counter(("sessions", [("peer", "a")]));
        kept.inc();
        assert_eq!(world.after(TIMEOUT * 5), seen(&[("a", 2.0)]));
        drop(kept);
        world.after(TIMEOUT);
        assert_eq!(world.after(TIMEOUT), seen(&[]));
        world.registry.counter(("sessions", [("port", "a")])).inc();
        world.registry.gauge(("sessions", [("peer", "b")])).set(1.0);
        assert_eq!(world.seen(), seen(&[]), "others are exposed nowhere");
    }

    #[test]
    fn a_place_in_the_code_keeps_what_it_found_and_so_finds_no_series_that_can_go() {
        let _alone = alone();
        let sessions = tagmeter::global().define("sessions_at_a_place").tags(["peer"]).removable();
        let sessions = sessions.counters().unwrap();
        let peer = String::from("a");
        tagmeter::counter!("sessions_at_a_place", "peer" => peer).inc();
        tagmeter::counter!("sessions_at_a_place", "peer" => "a").inc();
        assert_eq!(sessions.iter().count(), 0);
        let reason = [("reason", "conflict")];
        assert!(tagmeter::global().snapshot().value(("tagmeter_problems", reason)).is_some());
    }

    #[test]
    fn every_kind_of_instrument_can_go() {
        let World { registry, clock, _alone, .. } = world(10);
        let define = |name: &str| registry.define(name).tags(["of"]).idle_timeout(TIMEOUT);
        define("a").counters().unwrap().with(["x"], |counter| counter.inc());
        define("b").float_counters().unwrap().with(["x"], |counter| counter.add(0.5));
        define("c").up_downs().unwrap().with(["x"], |level| level.inc());
        define("d").gauges().unwrap().with(["x"], |gauge| gauge.set(1.0));
        define("e").meters().unwrap().with(["x"], |meter| meter.mark());
        define("f").timers().unwrap().with(["x"], |timer| timer.record(SECOND));
        define("g").histograms().unwrap().with(["x"], |sizes| sizes.record(1.0));
        define("h").infos().unwrap().with(["x"], |info| info.set([("role", "leader")]));
        define("i").state_sets(["on"]).unwrap().with(["x"], |states| states.switch_to("on"));
        assert_eq!(registry.iter().count(), 9);
        clock.advance(SECOND);
        assert_eq!(registry.snapshot().families().len(), 9);
        clock.advance(TIMEOUT);
        assert_eq!(registry.snapshot().families().len(), 0);
        assert_eq!(registry.iter().count(), 0);
    }
}

/// What is done to a family in the comparison with a map.
#[derive(Debug, Clone)]
enum Action {
    Use(u8),
    Hold(u8),
    /// A handle, by its place among those there are.
    Clone(usize),
    Drop(usize),
    Inc(usize),
    Remove(u8),
    RemoveFrom(u8),
    Advance(u64),
    Read,
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        4 => (0u8..5).prop_map(Action::Use),
        1 => (0u8..5).prop_map(Action::Hold),
        1 => (0usize..5).prop_map(Action::Clone),
        3 => (0usize..5).prop_map(Action::Drop),
        2 => (0usize..5).prop_map(Action::Inc),
        1 => (0u8..5).prop_map(Action::Remove),
        1 => (0u8..5).prop_map(Action::RemoveFrom),
        5 => prop::sample::select(vec![0u64, 1, 1, 29, 30, 60, 200]).prop_map(Action::Advance),
        4 => Just(Action::Read),
    ];
    prop::collection::vec(action, 0..60)
}

/// The family as a plain map: the oracle.
#[derive(Default)]
struct Model {
    series: BTreeMap<u8, Entry>,
    now: u64,
    next_sweep: u64,
    made: u64,
}

#[derive(Debug)]
struct Entry {
    count: u64,
    start: u64,
    /// Its place in the order of creation.
    made: u64,
    handles: usize,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Touched,
    Idle(Option<u64>),
    Hidden(u64),
    Removed,
}

impl Model {
    fn sweep(&mut self) {
        let (now, timeout) = (self.now, TIMEOUT.as_secs());
        if now < self.next_sweep {
            return;
        }
        self.next_sweep = now + 1;
        for entry in self.series.values_mut() {
            entry.stage = match entry.stage {
                Stage::Touched if entry.handles == 0 => Stage::Idle(Some(now)),
                Stage::Touched | Stage::Idle(_) if entry.handles > 0 => Stage::Idle(None),
                Stage::Idle(None) => Stage::Idle(Some(now)),
                Stage::Idle(Some(since)) if now - since >= timeout => Stage::Hidden(now),
                other => other,
            };
        }
        self.series.retain(|_, entry| match entry.stage {
            Stage::Hidden(since) => now - since < timeout,
            Stage::Removed => entry.handles > 0,
            _ => true,
        });
    }

    fn use_it(&mut self, peer: u8) -> &mut Entry {
        if self.series.get(&peer).is_none_or(|entry| entry.stage == Stage::Removed) {
            self.sweep();
        }
        let (start, made) = (self.now, self.made);
        let entry = self.series.entry(peer).or_insert_with(|| {
            self.made += 1;
            Entry { count: 0, start, made, handles: 0, stage: Stage::Touched }
        });
        if entry.stage == Stage::Removed {
            (entry.count, entry.start) = (0, start);
        }
        entry.stage = Stage::Touched;
        entry
    }

    fn remove(&mut self, peer: u8) -> bool {
        let Some(entry) = self.series.get_mut(&peer) else { return false };
        let stage = std::mem::replace(&mut entry.stage, Stage::Removed);
        matches!(stage, Stage::Touched | Stage::Idle(_))
    }

    fn read(&mut self) -> Vec<(String, f64, u64)> {
        self.sweep();
        let shown = |entry: &Entry| matches!(entry.stage, Stage::Touched | Stage::Idle(_));
        let mut all: Vec<_> = self.series.iter().filter(|(_, entry)| shown(entry)).collect();
        all.sort_by_key(|(_, entry)| entry.made);
        all.into_iter().map(|(peer, entry)| (peer.to_string(), entry.count as f64, entry.start)).collect()
    }
}

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

proptest! {
    #[test]
    fn a_removable_family_holds_what_a_map_holds(actions in actions()) {
        let world = world(100);
        let (mut model, mut handles) = (Model::default(), Vec::<(u8, Counter)>::new());
        for action in actions {
            match action {
                Action::Use(peer) => {
                    let entry = model.use_it(peer);
                    entry.count += 1;
                    prop_assert_eq!(world.inc(&peer.to_string()), entry.count);
                }
                Action::Hold(peer) => {
                    model.use_it(peer).handles += 1;
                    handles.push((peer, world.sessions.handle([peer.to_string()])));
                }
                Action::Clone(at) => if let Some((peer, handle)) = handles.get(at).cloned() {
                    model.series.get_mut(&peer).unwrap().handles += 1;
                    handles.push((peer, handle));
                },
                Action::Drop(at) => if at < handles.len() {
                    let (peer, _handle) = handles.remove(at);
                    model.series.get_mut(&peer).unwrap().handles -= 1;
                },
                Action::Inc(at) => if let Some((peer, handle)) = handles.get(at) {
                    let entry = model.series.get_mut(peer).unwrap();
                    handle.inc();
                    entry.count += 1;
                    prop_assert_eq!(handle.get(), entry.count);
                },
                Action::Remove(peer) => {
                    prop_assert_eq!(world.sessions.remove([peer.to_string()]), model.remove(peer));
                }
                Action::RemoveFrom(first) => {
                    world.sessions.retain(|tags, _| tags.get("peer").unwrap() < first.to_string().as_str());
                    let shown = |entry: &Entry| matches!(entry.stage, Stage::Touched | Stage::Idle(_));
                    let all = model.series.iter_mut();
                    all.filter(|(peer, entry)| **peer >= first && shown(entry))
                        .for_each(|(_, entry)| entry.stage = Stage::Removed);
                }
                Action::Advance(seconds) => {
                    model.now += seconds;
                    world.clock.advance(Duration::from_secs(seconds));
                }
                Action::Read => prop_assert_eq!(read(&world), model.read()),
            }
        }
        prop_assert_eq!(read(&world), model.read());
    }
}

mod stress {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::thread;

    use super::*;

    const THREADS: u64 = 3;
    const PEERS: u64 = 24;
    const STEPS: u64 = if cfg!(debug_assertions) { 30_000 } else { 300_000 };

    /// Numbers that look random.
    struct Random(u64);

    impl Random {
        fn below(&mut self, end: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % end
        }
    }

    /// Counts in every way there is, peers that move on, so that those left behind become idle; tells what it counted.
    fn use_sessions(sessions: &RemovableFamily<Counter, 1>, seed: u64) -> [u64; PEERS as usize] {
        let (mut random, mut counted) = (Random(seed), [0; PEERS as usize]);
        let mut kept: Vec<(u64, Counter)> = Vec::new();
        for step in 0..STEPS {
            let peer = (step * 10 / STEPS * 5 + random.below(5)) % PEERS;
            counted[peer as usize] += 1;
            let name = [peer.to_string()];
            match random.below(8) {
                0 => sessions.handle(name).inc(),
                1 => {
                    let handle = sessions.handle(name);
                    let clone = handle.clone();
                    drop(handle);
                    clone.inc();
                    kept.push((peer, clone));
                }
                2 if !kept.is_empty() => {
                    counted[peer as usize] -= 1;
                    let (peer, handle) = kept.swap_remove(random.below(kept.len() as u64) as usize);
                    counted[peer as usize] += 1;
                    handle.inc();
                }
                3 => sessions.with(name, |counter| {
                    sessions.with(["0"], |_| thread::yield_now());
                    counter.inc();
                }),
                _ => sessions.with(name, |counter| counter.inc()),
            }
            if kept.len() > 3 {
                kept.clear();
            }
        }
        counted
    }

    /// The last value of each life of each series, by peer and start.
    type Lives = BTreeMap<(String, u64), f64>;

    fn see(world: &World, lives: &mut Lives) {
        for (peer, value, start) in read(world) {
            let last = lives.insert((peer.clone(), start), value).unwrap_or(0.0);
            assert!(value >= last, "{peer} fell from {last} to {value}");
        }
    }

    fn total(lives: &Lives, peer: u64) -> f64 {
        lives.iter().filter(|((own, _), _)| *own == peer.to_string()).map(|(_, value)| value).sum()
    }

    #[test]
    fn every_count_is_seen_once_on_its_own_series_while_series_come_and_go() {
        let world = world(1000);
        let (mut lives, ended) = (Lives::new(), AtomicU64::new(0));
        let counted = thread::scope(|scope| {
            let users: Vec<_> = (1..=THREADS)
                .map(|seed| {
                    let (world, ended) = (&world, &ended);
                    scope.spawn(move || {
                        let counted = use_sessions(&world.sessions, seed);
                        ended.fetch_add(1, Ordering::Relaxed);
                        counted
                    })
                })
                .collect();
            while ended.load(Ordering::Relaxed) < THREADS {
                world.clock.advance(TIMEOUT / 2);
                see(&world, &mut lives);
            }
            users.into_iter().map(|user| user.join().unwrap()).collect::<Vec<_>>()
        });
        see(&world, &mut lives);
        for peer in 0..PEERS {
            let expected: u64 = counted.iter().map(|counted| counted[peer as usize]).sum();
            assert_eq!(total(&lives, peer), expected as f64, "peer {peer}");
        }
        assert!(lives.len() > PEERS as usize, "some came back: {}", lives.len());
    }

    #[test]
    fn one_thread_removes_and_makes_again_what_others_use_and_touches_no_other_series() {
        let world = world_by_hand(100);
        let (sessions, ended) = (&world.sessions, AtomicBool::new(false));
        let kept = sessions.handle(["0"]);
        thread::scope(|scope| {
            let users: Vec<_> = (1..=THREADS)
                .map(|thread| {
                    let (kept, mut random) = (kept.clone(), Random(thread));
                    scope.spawn(move || {
                        for step in 0..STEPS {
                            sessions.with([format!("own {thread}")], |own| own.inc());
                            sessions.with([(step % 2).to_string()], |counter| counter.inc());
                            // In the place of something that has just gone.
                            let new = [format!("{thread} {}", random.below(20))];
                            assert!(sessions.with(new.clone(), |new| new.get()) <= step);
                            drop(sessions.handle(new).clone());
                            kept.inc();
                        }
                    })
                })
                .collect();
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    sessions.retain(|tags, _| tags.get("peer").unwrap().starts_with("own"));
                    sessions.handle(["0"]).get();
                    world.after(SECOND);
                }
            });
            users.into_iter().for_each(|user| user.join().unwrap());
            ended.store(true, Ordering::Relaxed);
        });
        for thread in 1..=THREADS {
            assert_eq!(sessions.with([format!("own {thread}")], |own| own.get()), STEPS);
        }
        assert!(sessions.with(["1"], |counter| counter.get()) <= THREADS * STEPS / 2);
        let held = sessions.handle(["0"]);
        assert_eq!(held.get(), kept.get());
        kept.inc();
        assert_eq!(world.registry.value(("sessions", [("peer", "0")])), Some(held.get() as f64));
        assert_eq!(problems(&world), None, "there was room all the time");
    }

    fn problems(world: &World) -> Option<f64> {
        world.registry.snapshot().value(("tagmeter_problems", [("reason", "too_many_series")]))
    }

    /// Memory of this process.
    fn resident_kib() -> i64 {
        let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line of it");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Runs `step` so often; tells by how much memory grew after a third.
    fn growth(times: u64, mut step: impl FnMut(u64)) -> i64 {
        (0..times / 3).for_each(&mut step);
        let third = resident_kib();
        (times / 3..times).for_each(step);
        resident_kib() - third
    }

    #[test]
    fn memory_is_flat_while_millions_of_series_pass_through_though_nobody_reads() {
        const SERIES: u64 = if cfg!(debug_assertions) { 500_000 } else { 10_000_000 };
        let world = world(10_000);
        let grown = growth(SERIES, |n| {
            if n % 2_000 == 0 {
                world.clock.advance(TIMEOUT);
            }
            assert_eq!(world.inc(&n.to_string()), 1);
        });
        assert!(grown < 4 * 1024, "{grown} KiB more");
        assert_eq!(problems(&world), None, "all had room");
        assert!(world.sessions.iter().count() <= 10_000);
    }

    #[test]
    fn memory_is_flat_while_series_are_removed_by_hand() {
        const SERIES: u64 = if cfg!(debug_assertions) { 100_000 } else { 2_000_000 };
        let _alone = alone();
        let registry = Registry::new();
        // So few series that each has cells of its own.
        let sizes = registry.define("sizes").tags(["peer"]).max_series(60).removable().histograms().unwrap();
        let grown = growth(SERIES, |n| {
            let peer = [n.to_string()];
            sizes.with(peer.clone(), |sizes| sizes.record(1.0));
            if n % 3 == 0 {
                sizes.clear();
            } else {
                assert!(sizes.remove(peer));
            }
        });
        assert!(grown < 4 * 1024, "{grown} KiB more");
        assert_eq!(sizes.iter().count(), 0);
        assert!(registry.snapshot().get(("sizes", [("peer", "__overflow__")])).is_none());
    }

    #[test]
    fn more_threads_than_have_cells_use_one_family() {
        const MANY: usize = 300;
        let world = world_by_hand(100);
        let all_there = std::sync::Barrier::new(MANY);
        thread::scope(|scope| {
            for n in 0..MANY {
                let (world, all_there) = (&world, &all_there);
                scope.spawn(move || {
                    world.inc("first");
                    all_there.wait();
                    for _ in 0..20 {
                        world.inc("a");
                        world.inc(&format!("own {}", n % 7));
                        world.sessions.remove([format!("own {}", n % 7)]);
                        world.after(SECOND);
                    }
                });
            }
        });
        let expected = [("first", MANY), ("a", MANY * 20)];
        for (peer, count) in expected {
            assert_eq!(world.sessions.with([peer], |counter| counter.get()), count as u64);
        }
    }
}
