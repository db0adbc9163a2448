//! What a name gives.

use super::*;

#[test]
fn the_same_name_and_tags_are_the_same_instrument() {
    let registry = Registry::new();
    registry.counter(("orders", [("city", "Oslo"), ("kind", "book")])).inc();
    registry.counter(("orders", [("kind", "book"), ("city", "Oslo")])).inc();
    assert_eq!(registry.value(("orders", [("city", "Oslo"), ("kind", "book")])), Some(2.0));
    assert_eq!(registry.iter().count(), 1);
}

#[test]
fn an_empty_value_is_an_absent_tag() {
    let registry = Registry::new();
    registry.counter(("orders", [("city", "")])).inc();
    assert_eq!(registry.value("orders"), Some(1.0));
    let family = registry.define("requests").tags(["route", "status"]).counters().unwrap();
    family.with(["/a", ""]).inc();
    assert_eq!(registry.value(("requests", [("route", "/a")])), Some(1.0));
}

#[test]
fn a_taken_name_gives_a_working_instrument_that_is_exposed_nowhere() {
    let registry = Registry::new();
    registry.counter("jobs").inc();
    let gauge = registry.gauge("jobs");
    gauge.set(5.0);
    assert_eq!(gauge.get(), 5.0);
    assert_eq!(registry.gauge("jobs").get(), 5.0, "one is shared a name and kind");
    assert_eq!(registry.value("jobs"), Some(1.0));
    assert_eq!(problems(&registry, "conflict"), 2.0);
    assert!(registry.snapshot().to_text().contains("tagmeter_problems_total{reason=\"conflict\"} 2\n"));
}

#[test]
fn an_empty_name_is_refused_but_does_no_harm() {
    let registry = Registry::new();
    registry.counter("").inc();
    assert_eq!(problems(&registry, "empty_name"), 1.0);
    assert_eq!(registry.define("").counter().unwrap_err(), RegisterError::EmptyName);
}

#[test]
fn a_state_set_without_states_takes_no_name() {
    let registry = Registry::new();
    registry.state_set("mode", [""; 0]).enable("on");
    assert_eq!(problems(&registry, "conflict"), 1.0);
    registry.state_set("mode", ["on"]).enable("on");
    assert!(registry.snapshot().to_text().contains("mode{mode=\"on\"} 1\n"));
}

#[test]
fn problems_are_exposed_only_once_there_are_any() {
    let registry = Registry::new();
    registry.counter("jobs").inc();
    assert!(!registry.snapshot().families().iter().any(|family| {
        family.name == "tagmeter_problems"
            && family.series.iter().any(|series| series.tags.get("reason") == Some("conflict"))
    }));
}

#[test]
fn two_kinds_of_counter_under_one_name_are_a_conflict() {
    let registry = Registry::new();
    registry.counter("spent").inc();
    registry.float_counter("spent").add(0.5);
    assert_eq!(registry.value("spent"), Some(1.0));
    assert_eq!(problems(&registry, "conflict"), 1.0);
}
