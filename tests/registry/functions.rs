//! Functions and collectors of the user's.

use super::*;

#[test]
fn a_panicking_function_loses_only_its_own_series() {
    let registry = Registry::new();
    registry.counter("good").inc();
    registry.gauge_fn("bad", || panic!("no reading"));
    registry.counter_fn("worse", || panic!("no count"));
    registry.collector("worst", |_| panic!("no families"));
    let before = problems(&registry, "callback_panicked");
    assert_eq!(families(&registry), 1);
    assert!(problems(&registry, "callback_panicked") > before);
}

#[test]
fn functions_may_register_and_record() {
    let registry = Registry::new();
    let inside = registry.clone();
    registry.collector("registers", move |families| {
        inside.counter("made_inside").inc();
        inside.define("defined_inside").tags(["k"]).gauges().unwrap().with(["v"]).set(1.0);
        families.gauge("outside", "").set((), inside.counter("made_inside").get() as f64);
    });
    let inside = registry.clone();
    registry.gauge_fn("level", move || {
        inside.counter("made_by_gauge").inc();
        1.0
    });
    registry.snapshot();
    let second = registry.snapshot();
    assert_eq!(second.value("outside"), Some(2.0));
    assert_eq!(second.value("made_inside"), Some(1.0));
    assert_eq!(second.value(("defined_inside", [("k", "v")])), Some(1.0));
}

#[test]
fn functions_that_read_their_own_registry_come_to_an_end() {
    let registry = Registry::new();
    let inside = registry.clone();
    registry.gauge_fn("families", move || families(&inside) as f64);
    let inside = registry.clone();
    registry.collector("mirror", move |families| {
        families.gauge("mirrored", "").set((), inside.snapshot().families().len() as f64);
    });
    registry.counter("one").inc();
    assert_eq!(registry.snapshot().value("families"), Some(1.0));
}

#[test]
fn a_new_function_takes_the_old_ones_place() {
    let registry = Registry::new();
    registry.gauge_fn("level", || 1.0);
    registry.gauge_fn("level", || 2.0);
    assert_eq!(registry.value("level"), Some(2.0));
    registry.collector("pool", |families| {
        families.gauge("size", "").set((), 1.0);
    });
    registry.collector("pool", |families| {
        families.gauge("size", "").set((), 2.0);
    });
    assert_eq!(registry.value("size"), Some(2.0));
}

#[test]
fn a_removed_function_is_gone_when_its_name_comes_back() {
    let registry = Registry::new();
    registry.gauge_fn("depth", || 3.0);
    registry.remove("depth");
    registry.gauge("depth").set(4.0);
    assert_eq!(registry.value("depth"), Some(4.0));
}

#[test]
fn what_a_removed_function_owned_may_use_the_family_when_it_goes() {
    struct UsesIt(Registry);
    impl Drop for UsesIt {
        fn drop(&mut self) {
            self.0.gauge(("level", [("of", "hidden")])).set(1.0);
            self.0.define("level").tags(["of"]).gauges().unwrap().with(["new"]).set(2.0);
        }
    }
    let registry = Registry::new();
    let uses_it = UsesIt(registry.clone());
    registry.gauge(("level", [("of", "hidden")]));
    registry.gauge_fn(("level", [("of", "a")]), move || {
        let _ = &uses_it;
        7.0
    });
    registry.clear();
    registry.gauge(("level", [("of", "a")])).set(3.0);
    let levels = ["a", "hidden", "new"].map(|of| registry.value(("level", [("of", of)])));
    assert_eq!(levels, [Some(3.0), Some(1.0), Some(2.0)]);
}

#[test]
fn an_outside_count_stays_monotone() {
    let registry = Registry::new();
    let source = Arc::new(AtomicU64::new(100));
    let shared = source.clone();
    let counter: CounterFn = registry.counter_fn("packets", move || shared.load(Ordering::Relaxed));
    assert_eq!(counter.get(), Some(100));
    source.store(30, Ordering::Relaxed);
    assert_eq!(registry.value("packets"), Some(130.0));
}

#[test]
fn a_collector_may_bring_many_series() {
    let registry = Registry::new();
    registry.collector("disks", |families| {
        let mut blocks = families.counter("blocks", "Blocks read.");
        for disk in 0..2_000_u64 {
            blocks = blocks.set([("disk", disk.to_string())], disk);
        }
        blocks.set([("disk", "7")], 0_u64);
    });
    assert_eq!(registry.snapshot().families()[0].series.len(), 2_000);
    assert_eq!(registry.value(("blocks", [("disk", "7")])), Some(7.0));
    assert!(problems(&registry, "collector_refused") > 0.0);
}

#[test]
fn a_collector_cannot_take_a_name_that_is_there() {
    let registry = Registry::new();
    registry.counter("hits").inc();
    registry.collector("first", |families| {
        families.gauge("hits", "").set((), 9.0);
    });
    registry.collector("second", |families| {
        families.gauge("level", "").set((), 1.0).set((), 2.0);
        families.counter("bad", "").set((), -1.0).set([("k", "v")], f64::NAN);
    });
    registry.collector("third", |families| {
        families.gauge("level", "").set((), 3.0);
    });
    let snapshot = registry.snapshot();
    assert_eq!(
        (snapshot.value("hits"), snapshot.value("level"), snapshot.value("bad")),
        (Some(1.0), Some(1.0), None)
    );
    assert_eq!(snapshot.families().iter().filter(|family| family.name == "hits").count(), 1);
    assert!(problems(&registry, "collector_refused") >= 5.0);
}
