//! Many threads at once.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crate::*;

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
