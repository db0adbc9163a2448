//! What storage promises while threads come, go, end and fork: nothing lost, nothing torn, nothing doubled.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use tagmeter::model::{Snapshot, Value};
use tagmeter::registry::Family;
use tagmeter::tag::Id;
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

/// `STRESS_PERCENT` of so many rounds: fewer where a checker makes everything slow.
fn rounds(many: u64) -> u64 {
    let percent = std::env::var("STRESS_PERCENT").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
    (many * percent / 100).max(1)
}

#[test]
fn what_ending_threads_counted_stays_and_no_reading_is_lower_than_the_last() {
    const THREADS: u64 = 64;
    let each = rounds(2_000);
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
                        for _ in 0..each {
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
    assert_eq!((counter.get(), sizes.value().count()), (THREADS * each, THREADS * each));
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
fn cells_of_instruments_that_are_gone_come_back_empty() {
    for round in 0..rounds(200) {
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
    let each = rounds(50_000);
    let registry = Registry::new();
    let hits = registry.define("hits").tags(["path"]).counters().unwrap();
    let sizes = registry.define("sizes").quantiles().tags(["path"]).histograms().unwrap();
    let begin = Barrier::new(THREADS as usize + 1);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let (hits, sizes) = (hits.with(["/a"]), sizes.with(["/a"]));
                begin.wait();
                for _ in 0..each {
                    hits.inc();
                    sizes.record(1.0);
                }
            });
        }
        begin.wait();
        let mut last = 0;
        for _ in 0..rounds(200) {
            let value = sizes.with(["/a"]).value();
            assert_eq!(value.sum, value.count() as f64);
            assert!(value.count() >= last);
            last = value.count();
        }
    });
    assert_eq!(hits.with(["/a"]).get(), THREADS * each);
    assert_eq!(sizes.with(["/a"]).value().count(), THREADS * each);
    assert_eq!(in_window(sizes.with(["/a"])), THREADS * each);
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
    let (ended, each) = (Arc::new(AtomicBool::new(false)), rounds(10_000) * 2);
    thread::scope(|scope| {
        for _ in 0..2 {
            let (hits, kept, ended) = (hits.clone(), kept.clone(), ended.clone());
            scope.spawn(move || {
                for n in 0..each {
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
    assert_eq!(kept.get(), 2 * each, "another series' removal does not touch it");
    assert_eq!(hits.with(["b"]).get(), each);
    assert!(hits.with(["a"]).get() <= each, "nothing is counted twice");
}

#[test]
fn every_page_that_is_read_while_eight_threads_write_is_whole_and_the_totals_are_exact() {
    const THREADS: u64 = 8;
    let each = rounds(20_000);
    let registry = Registry::new();
    let (counter, timer) = (registry.counter("jobs"), registry.timer("work"));
    let sizes = registry.define("sizes").tags(["shard"]).histograms().unwrap();
    let begin = Barrier::new(THREADS as usize + 1);
    let mut last = (0.0, 0, 0);
    let mut read = || {
        let snapshot = registry.snapshot();
        let now = (
            snapshot.value("jobs").unwrap_or_default(),
            whole(&snapshot, "work".into()),
            whole(&snapshot, ("sizes", [("shard", "a")]).into()),
        );
        assert!(now.0 >= last.0 && now.1 >= last.1 && now.2 >= last.2, "{now:?} after {last:?}");
        last = now;
        now
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                begin.wait();
                for _ in 0..each {
                    counter.inc();
                    timer.record(Duration::from_secs(1));
                    sizes.with(["a"]).record(1.0);
                }
            });
        }
        begin.wait();
        for _ in 0..rounds(300) {
            read();
        }
    });
    let all = THREADS * each;
    assert_eq!(read(), (all as f64, all, all));
}

/// How many ones a histogram or timer holds, if it is true in itself.
fn whole(snapshot: &Snapshot, id: Id) -> u64 {
    let buckets = match snapshot.get(id) {
        Some(Value::Timer(timed)) => &timed.durations,
        Some(Value::Histogram(buckets)) => buckets,
        _ => return 0,
    };
    assert_eq!(buckets.sum, buckets.count() as f64, "torn");
    assert_eq!(buckets.cumulative().last(), Some((f64::INFINITY, buckets.count())));
    buckets.count()
}

#[test]
fn a_reader_is_in_the_middle_of_everything_else_that_is_done() {
    const THREADS: u64 = 3;
    let each = rounds(400);
    let registry = Registry::new();
    let sizes = registry.define("sizes").tags(["shard"]).histograms().unwrap();
    let working = AtomicUsize::new(THREADS as usize);
    let mut last = 0;
    thread::scope(|scope| {
        for worker in 0..THREADS {
            let (registry, sizes, working) = (&registry, &sizes, &working);
            scope.spawn(move || {
                for n in 0..each {
                    do_everything(registry, sizes, worker, n);
                }
                working.fetch_sub(1, Ordering::Relaxed);
            });
        }
        while working.load(Ordering::Relaxed) > 0 {
            let now = whole(&registry.snapshot(), ("sizes", [("shard", "kept")]).into());
            assert!(now >= last, "{now} after {last}");
            last = now;
        }
    });
    assert_eq!(whole(&registry.snapshot(), ("sizes", [("shard", "kept")]).into()), 2 * THREADS * each);
    assert_eq!(registry.value("rounds"), Some((THREADS * each) as f64));
}

/// Makes, finds, shows, hides and drops instruments, records into each kind, and ends a thread.
fn do_everything(registry: &Registry, sizes: &Family<Histogram, 1>, worker: u64, n: u64) {
    sizes.with(["kept"]).record(1.0);
    registry.counter("rounds").inc();
    let passing = (n % 7).to_string();
    sizes.init([[&passing]]);
    sizes.with([&passing]).clone().record(1.0);
    sizes.remove([&passing]);
    let own = format!("own_{worker}_{n}");
    registry.float_counter(&*own).add(0.5);
    assert_eq!(registry.value(&*own), Some(0.5));
    assert!(registry.remove(&*own));
    registry.gauge("depth").set(n as f64);
    registry.meter("marks").mark();
    registry.timer("work").record(Duration::from_secs(1));
    thread::scope(|scope| {
        scope.spawn(|| sizes.with(["kept"]).record(1.0));
    });
}

#[test]
fn handles_outlive_their_series_and_their_registry() {
    let registry = Registry::new();
    let family = registry.define("sizes").tags(["shard"]).histograms().unwrap();
    let (counter, sizes) = (registry.counter("hits"), family.with(["a"]).clone());
    let record = || {
        counter.inc();
        sizes.record(1.0);
    };
    record();
    assert!(registry.remove("hits") && family.remove(["a"]));
    record();
    drop((registry, family));
    let others: Vec<Counter> = (0..100).map(|n| Registry::new().counter(format!("c{n}"))).collect();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                (0..100).for_each(|_| record());
                others.iter().for_each(Counter::inc);
            });
        }
    });
    assert!(others.iter().all(|counter| counter.get() == 4), "cells that are held went to others");
    assert_eq!((counter.get(), sizes.value().count(), sizes.value().sum), (402, 402, 402.0));
}
