//! Families handed over as they are.

use tagmeter::Unit;
use tagmeter::model::Family;

use super::*;

/// The family of that name which `make` makes in a registry of its own.
fn family(name: &str, make: impl FnOnce(&Registry)) -> Family {
    let other = Registry::new();
    make(&other);
    let page = other.snapshot();
    page.families().iter().find(|family| family.name == name).unwrap().clone()
}

/// A registry with a collector that pushes these.
fn pushing(families: Vec<Family>) -> Registry {
    let registry = Registry::new();
    registry.collector("pushing", move |all| families.iter().for_each(|family| all.push(family.clone())));
    registry
}

#[test]
fn the_exemplars_of_series_that_are_added_come_along() {
    let sizes = |value: f64, trace: &str| {
        family("sizes", |other| other.histogram("sizes").record_with_exemplar(value, [("trace_id", trace)]))
    };
    // The second has the same tags: it is left out, and so is its exemplar.
    let registry = pushing(vec![sizes(7.0, "first"), sizes(7.0, "second")]);
    let page = registry.snapshot();
    let exemplars: Vec<_> = page.families()[0].series.iter().flat_map(|series| series.exemplars()).collect();
    let labels: Vec<_> = exemplars.iter().flat_map(|exemplar| exemplar.labels()).collect();
    assert_eq!(labels, [("trace_id", "first")]);
    assert!(page.to_openmetrics().contains(r#"# {trace_id="first"} 7"#), "{}", page.to_openmetrics());
}

#[test]
fn a_family_of_another_unit_is_left_out_and_counted() {
    let size = |unit: Unit, of: &str| {
        let mut family = family("size", |other| other.gauge(("size", [("of", of)])).set(1.0));
        family.unit = unit;
        family
    };
    let registry = pushing(vec![size(Unit::Bytes, "a"), size(Unit::Seconds, "b"), size(Unit::Bytes, "c")]);
    let page = registry.snapshot();
    assert_eq!(page.families()[0].unit, Unit::Bytes);
    let shown = ["a", "b", "c"].map(|of| page.value(("size", [("of", of)])));
    assert_eq!(shown, [Some(1.0), None, Some(1.0)]);
    assert_eq!(
        problems(&pushing(vec![size(Unit::Bytes, "a"), size(Unit::None, "b")]), "collector_refused"),
        1.0
    );
}

#[test]
fn a_summary_does_not_go_on_with_a_histogram() {
    let histogram = family("sizes", |other| other.histogram(("sizes", [("of", "a")])).record(1.0));
    let summary = family("sizes", |other| {
        let sizes = other.define("sizes").summary([0.5]).tags(["of"]).histograms().unwrap();
        sizes.with(["b"]).record(1.0);
    });
    let registry = pushing(vec![histogram, summary]);
    assert_eq!(registry.snapshot().families()[0].series.len(), 1);
    let page = registry.snapshot().to_text();
    assert!(page.contains("# TYPE sizes histogram") && !page.contains("quantile"), "{page}");
    assert!(problems(&registry, "collector_refused") > 0.0);
}
