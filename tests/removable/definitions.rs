//! What can be defined.

use crate::*;

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
