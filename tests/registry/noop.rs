//! A registry that records nothing.

use super::*;

#[test]
fn every_instrument_reads_as_it_was_made() {
    let registry = Registry::noop();
    let (counter, float) = (registry.counter("c"), registry.float_counter("f"));
    counter.add(3);
    float.add(0.5);
    float.add(f64::NAN);
    let (level, gauge) = (registry.up_down("u"), registry.gauge("g"));
    let running = level.in_progress();
    assert_eq!(level.get(), 0);
    drop(running);
    gauge.set(2.0);
    gauge.add(1.0);
    gauge.max(9.0);
    let peak = registry.define("p").max_over(Duration::from_secs(1)).gauge().unwrap();
    peak.set(1.0);
    let meter = registry.meter("m");
    meter.mark();
    let (timer, sizes) = (registry.timer("t"), registry.define("h").quantiles().histogram().unwrap());
    timer.record(Duration::from_secs(1));
    sizes.record_n(1.0, 5);
    sizes.record(1.0);
    timer.sampled(1).time(|| ());
    let counted = Registry::new().histogram("h");
    counted.record(1.0);
    sizes.merge(&counted.value()).unwrap();
    let (info, mode) = (registry.info("i"), registry.state_set("s", ["on"]));
    info.set([("version", "1")]);
    mode.switch_to("on");
    mode.enable("never heard of");

    assert_eq!((counter.get(), float.get(), gauge.get(), meter.count()), (0, 0.0, 0.0, 0));
    assert!(peak.get().is_nan());
    assert_eq!((timer.value().count(), sizes.value().count()), (0, 0));
    assert_eq!((info.get(), mode.is_on("on")), (Tags::new(), false));
    assert!(registry.snapshot().families().is_empty());
    assert_eq!(registry.iter().count(), 0);
}

#[test]
fn all_series_of_a_family_are_one_and_clones_record_nothing_either() {
    let registry = Registry::noop();
    let requests = registry.define("requests").tags(["route"]).counters().unwrap();
    let first: *const Counter = requests.with(["/a"]);
    for n in 0..20_000 {
        let one = requests.with([n.to_string()]);
        assert!(std::ptr::eq(one, first));
        one.clone().inc();
    }
    assert_eq!((requests.with(["/a"]).get(), requests.iter().count()), (0, 0));
    assert!(!requests.remove(["/a"]));
    let peers = registry.define("peers").tags(["peer"]).removable().counters().unwrap();
    peers.with(["a"], |counter| counter.inc());
    assert_eq!((peers.handle(["b"]).get(), peers.iter().count()), (0, 0));
    let typed: SerdeFamily<Counter, BTreeMap<&str, u8>> =
        registry.define("typed").typed_serde().counters().unwrap();
    typed.with(&BTreeMap::from([("a", 1)])).inc();
    assert!(registry.snapshot().families().is_empty());
}

#[test]
fn definitions_are_checked_as_anywhere() {
    let registry = Registry::noop();
    registry.counter(("hits", [("path", "/a")])).inc();
    registry.define("hits").help("Hits.").tags(["path"]).counters().unwrap();
    assert!(matches!(registry.define("hits").gauge(), Err(RegisterError::Conflict { .. })));
    registry.gauge("hits").set(1.0);
    assert!(registry.snapshot().families().is_empty());
}

#[test]
fn timings_still_measure_for_who_stops_them() {
    let clock = ManualClock::new();
    let timing = Registry::noop().timer("t").start();
    assert!(timing.stop() < Duration::from_secs(3600));
    let timer = Registry::builder().clock(clock.clone()).build().timer("t");
    let timing = timer.start();
    clock.advance(Duration::from_secs(2));
    assert_eq!(timing.stop(), Duration::from_secs(2));
}

#[test]
fn functions_collectors_and_scopes_are_dropped_or_record_nothing() {
    let (registry, owned) = (Registry::noop(), Arc::new(()));
    let (a, b, c) = (owned.clone(), owned.clone(), owned.clone());
    registry.gauge_fn("level", move || Arc::strong_count(&a) as f64);
    registry.counter_fn("count", move || Arc::strong_count(&b) as u64);
    registry.collector("own", move |families| {
        families.gauge("own", "").set((), Arc::strong_count(&c) as f64);
    });
    assert_eq!(Arc::strong_count(&owned), 1);
    let scope = registry.scope("a_", ());
    scope.counter("hits").inc();
    assert_eq!((scope.value("hits"), registry.value("a_hits")), (None, None));
    assert!(registry.view().and(&scope).unwrap().snapshot().families().is_empty());
}
