//! What storage promises while threads come, go, end and fork: nothing lost, nothing torn, nothing doubled.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use tagmeter::model::Value;
use tagmeter::{Counter, Histogram, Registry};

/// A histogram with a window, and how many values that holds.
fn with_window(registry: &Registry) -> Histogram {
    registry.define("recent").quantiles().histogram().expect("the name is free")
}

fn in_window(histogram: &Histogram) -> u64 {
    histogram.value().window.map_or(0, |window| window.count())
}

/// More threads than have cells of their own.
const MANY_THREADS: usize = 300;

#[test]
fn what_ending_threads_counted_stays_and_no_reading_is_lower_than_the_last() {
    const THREADS: u64 = 64;
    const EACH: u64 = 2_000;
    let registry = Registry::new();
    let (counter, sizes) = (registry.counter("hits"), registry.histogram("sizes"));
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut count, mut sum) = (0, 0.0);
            while !ended.load(Ordering::Relaxed) {
                let (now, value) = (counter.get(), sizes.value());
                assert!(now >= count, "{now} after {count}");
                assert_eq!(value.sum, value.count() as f64, "torn");
                assert!(value.sum >= sum, "{} after {sum}", value.sum);
                (count, sum) = (now, value.sum);
            }
        });
        for _ in 0..THREADS / 8 {
            let some: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        for _ in 0..EACH {
                            counter.inc();
                            sizes.record(1.0);
                        }
                    })
                })
                .collect();
            some.into_iter().for_each(|thread| thread.join().unwrap());
        }
        ended.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    assert_eq!((counter.get(), sizes.value().count()), (THREADS * EACH, THREADS * EACH));
}

/// Records when its thread ends.
struct AtTheEnd(Counter, Histogram, Histogram);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        self.0.inc();
        self.1.record(1.0);
        self.2.record(1.0);
    }
}

thread_local! {
    static AT_THE_END: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
}

#[test]
fn destructors_of_thread_locals_record_in_either_order() {
    let registry = Registry::new();
    let (counter, sizes) = (registry.counter("hits"), registry.histogram("sizes"));
    let recent = with_window(&registry);
    for record_first in [true, false] {
        for _ in 0..50 {
            let (counter, sizes, recent) = (counter.clone(), sizes.clone(), recent.clone());
            let thread = thread::spawn(move || {
                // Destructors run in the order, or against the order, in which the locals were first used.
                if record_first {
                    counter.inc();
                    sizes.record(1.0);
                    recent.record(1.0);
                }
                AT_THE_END.set(Some(AtTheEnd(counter.clone(), sizes.clone(), recent.clone())));
                if !record_first {
                    counter.inc();
                    sizes.record(1.0);
                    recent.record(1.0);
                }
            });
            thread.join().unwrap();
        }
    }
    assert_eq!((counter.get(), sizes.value().count(), sizes.value().sum), (200, 200, 200.0));
    assert_eq!(in_window(&recent), 200);
}

#[test]
fn more_threads_than_have_cells_lose_nothing() {
    let registry = Registry::new();
    let (counter, sizes) = (registry.counter("hits"), registry.histogram("sizes"));
    let recent = with_window(&registry);
    let all_there = Barrier::new(MANY_THREADS);
    thread::scope(|scope| {
        for _ in 0..MANY_THREADS {
            scope.spawn(|| {
                counter.inc();
                all_there.wait();
                for _ in 0..100 {
                    counter.inc();
                    sizes.record(2.0);
                    recent.record(2.0);
                }
            });
        }
    });
    let all = MANY_THREADS as u64;
    assert_eq!((counter.get(), sizes.value().count()), (all * 101, all * 100));
    assert_eq!(sizes.value().sum, 200.0 * all as f64);
    assert_eq!(in_window(&recent), all * 100);
}

#[test]
fn short_lived_threads_leave_memory_flat() {
    let registry = Registry::new();
    let counters: Vec<Counter> = (0..200).map(|n| registry.counter(format!("c{n}"))).collect();
    let spawn = |threads: usize| {
        for _ in 0..threads {
            thread::scope(|scope| {
                scope.spawn(|| counters.iter().for_each(Counter::inc));
            });
        }
    };
    spawn(1_000);
    let before = resident_kib();
    spawn(9_000);
    let grown = resident_kib().saturating_sub(before);
    assert_eq!(counters[7].get(), 10_000);
    // Another test of this process may be running; a set of cells a thread would be 30 MB.
    assert!(grown < 16 * 1024, "{grown} KiB more after 9 000 threads");
}

/// Memory of this process.
fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line of it");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn cells_of_instruments_that_are_gone_come_back_empty() {
    for round in 0..200 {
        let registry = Registry::new();
        let counters: Vec<Counter> = (0..5).map(|n| registry.counter(format!("c{n}"))).collect();
        let sizes = with_window(&registry);
        assert!(counters.iter().all(|counter| counter.get() == 0), "round {round}");
        assert_eq!((sizes.value().count(), in_window(&sizes)), (0, 0), "round {round}");
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    counters.iter().for_each(Counter::inc);
                    sizes.record(3.0);
                    sizes.record(3.0);
                });
            }
            counters.iter().for_each(|counter| counter.add(7));
        });
        assert!(counters.iter().all(|counter| counter.get() == 10), "round {round}");
        assert_eq!(
            (sizes.value().count(), in_window(&sizes), sizes.value().sum),
            (6, 6, 18.0),
            "round {round}"
        );
    }
}

#[test]
fn a_contended_series_is_promoted_without_losing_a_count() {
    const THREADS: u64 = 8;
    const EACH: u64 = 50_000;
    let registry = Registry::new();
    let hits = registry.define("hits").tags(["path"]).counters().unwrap();
    let sizes = registry.define("sizes").quantiles().tags(["path"]).histograms().unwrap();
    let begin = Barrier::new(THREADS as usize + 1);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let (hits, sizes) = (hits.with(["/a"]), sizes.with(["/a"]));
                begin.wait();
                for _ in 0..EACH {
                    hits.inc();
                    sizes.record(1.0);
                }
            });
        }
        begin.wait();
        let mut last = 0;
        for _ in 0..200 {
            let value = sizes.with(["/a"]).value();
            assert_eq!(value.sum, value.count() as f64);
            assert!(value.count() >= last);
            last = value.count();
        }
    });
    assert_eq!(hits.with(["/a"]).get(), THREADS * EACH);
    assert_eq!(sizes.with(["/a"]).value().count(), THREADS * EACH);
    assert_eq!(in_window(sizes.with(["/a"])), THREADS * EACH);
}

#[test]
fn float_totals_never_fall_while_threads_come_and_go() {
    let registry = Registry::new();
    let joules = registry.float_counter("joules");
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut last = 0.0;
            while !ended.load(Ordering::Relaxed) {
                let now = joules.get();
                assert!(now >= last, "{now} after {last}");
                last = now;
            }
        });
        for n in 0..200 {
            let joules = joules.clone();
            let some = scope.spawn(move || (0..100).for_each(|m| joules.add(0.1 + f64::from(n * m) * 1e-7)));
            some.join().unwrap();
        }
        ended.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    assert!((joules.get() - 2_000.0).abs() < 12.0);
}

#[test]
fn one_thread_removes_and_reads_while_others_use_the_same_tags() {
    let registry = Registry::new();
    let hits = registry.define("hits").tags(["path"]).counters().unwrap();
    let kept = hits.with(["kept"]).clone();
    let ended = Arc::new(AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..2 {
            let (hits, kept, ended) = (hits.clone(), kept.clone(), ended.clone());
            scope.spawn(move || {
                for n in 0..20_000 {
                    hits.with([if n % 2 == 0 { "a" } else { "b" }]).inc();
                    kept.inc();
                }
                ended.store(true, Ordering::Relaxed);
            });
        }
        while !ended.load(Ordering::Relaxed) {
            hits.remove(["a"]);
            hits.with(["a"]).get();
            registry.snapshot();
        }
    });
    assert_eq!(kept.get(), 40_000, "another series' removal does not touch it");
    assert_eq!(hits.with(["b"]).get(), 20_000);
    assert!(hits.with(["a"]).get() <= 20_000, "nothing is counted twice");
}

#[test]
fn a_whole_page_is_read_at_once_while_eight_threads_write() {
    let registry = Registry::new();
    let timer = registry.timer("work");
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    timer.record(Duration::from_secs(1));
                }
            });
        }
        for _ in 0..300 {
            let snapshot = registry.snapshot();
            let Some(Value::Timer(timed)) = snapshot.get("work") else { panic!("no timer") };
            let durations = &timed.durations;
            assert_eq!(durations.sum, durations.count() as f64);
            assert_eq!(durations.cumulative().last(), Some((f64::INFINITY, durations.count())));
        }
        ended.store(true, Ordering::Relaxed);
    });
}
