//! What is told to go.

use crate::*;

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
