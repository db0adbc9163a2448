//! Series that are taken away and come back.

use super::*;

#[test]
fn a_removed_series_comes_back_from_zero_with_a_new_start() {
    let clock = ManualClock::new();
    let registry = Registry::builder().clock(clock.clone()).build();
    let start = |registry: &Registry| registry.snapshot().families()[0].series.first().unwrap().start();
    let hits = registry.define("hits").tags(["path"]).counters().unwrap();
    hits.with(["a"]).add(5);
    let first = start(&registry);
    let kept = hits.with(["a"]).clone();
    assert!(hits.remove(["a"]));
    assert!(!hits.remove(["a"]), "gone already");
    kept.inc();
    assert_eq!(families(&registry), 0);
    clock.advance(Duration::from_secs(9));
    assert_eq!(hits.with(["a"]).get(), 0);
    kept.inc();
    assert_eq!(registry.value(("hits", [("path", "a")])), Some(1.0));
    assert_eq!(start(&registry).duration_since(first).unwrap(), Duration::from_secs(9));
}

#[test]
fn what_is_recorded_while_another_shows_the_series_again_is_kept() {
    const ROUNDS: u64 = 5_000;
    let timers = Registry::new().define("work").tags(["path"]).timers().unwrap();
    let (arrivals, lost) = (AtomicU64::new(0), AtomicU64::new(0));
    // Closer together than a lock would let them start.
    let together = || {
        let arrived = arrivals.fetch_add(1, Ordering::SeqCst);
        while arrivals.load(Ordering::SeqCst) <= (arrived | 1) {
            std::thread::yield_now();
        }
    };
    let record = || {
        for _ in 0..ROUNDS {
            timers.remove(["a"]);
            together();
            timers.with(["a"]).record(Duration::ZERO);
            together();
            lost.fetch_add(2 - timers.with(["a"]).value().count(), Ordering::Relaxed);
            together();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(record);
        scope.spawn(record);
    });
    assert_eq!(lost.into_inner(), 0);
}

#[test]
fn every_kind_comes_back_empty() {
    let registry = Registry::new();
    let record = || {
        registry.counter("a").inc();
        registry.float_counter("b").add(1.5);
        registry.up_down("c").inc();
        registry.gauge("d").set(3.0);
        registry.meter("e").mark();
        registry.timer("f").record(Duration::from_secs(1));
        registry.histogram("g").record(1.0);
        registry.info("h").set([("k", "v")]);
        registry.state_set("i", ["on"]).enable("on");
    };
    record();
    let once = registry.snapshot();
    registry.clear();
    assert_eq!(registry.iter().count(), 0);
    record();
    let again = registry.snapshot();
    for name in ["a", "b", "c", "d", "e", "f", "g", "h", "i"] {
        let number = |snapshot: &tagmeter::model::Snapshot| {
            snapshot.get(name).map(|value| format!("{:?}", value.number()))
        };
        assert_eq!(number(&once), number(&again), "{name}");
    }
}

#[test]
fn retain_keeps_what_it_is_told_to() {
    let registry = Registry::new();
    registry.counter(("orders", [("city", "Oslo")])).inc();
    registry.gauge(("depth", [("city", "Bergen")])).set(1.0);
    registry.retain(|name, _tags| *name == "orders");
    let left: Vec<String> = registry.iter().map(|id| id.to_string()).collect();
    assert_eq!(left, [r#"orders{city="Oslo"}"#]);
}
