//! How much there may be.

use super::*;

#[test]
fn further_series_share_one_that_overflows() {
    let registry = Registry::new();
    let hits = registry.define("hits").tags(["path", "host"]).max_series(100).counters().unwrap();
    for n in 0..1000 {
        hits.with([n.to_string().as_str(), "a"]).inc();
    }
    assert_eq!(hits.iter().count(), 101);
    let overflow = [("host", "__overflow__"), ("path", "__overflow__")];
    assert_eq!(registry.value(("hits", overflow)), Some(900.0));
    let total: u64 = hits.iter().map(|(_, counter)| counter.get()).sum();
    assert_eq!(total, 1000, "nothing is lost");
    assert_eq!(problems(&registry, "too_many_series"), 900.0);
    hits.with(["5", "a"]).inc();
    assert_eq!(hits.with(["5", "a"]).get(), 2, "known series go on");
}

#[test]
fn an_open_family_overflows_into_one_tag() {
    let registry = Registry::builder().max_series(2).build();
    for n in 0..5 {
        registry.counter(("hits", [("path", n.to_string())])).inc();
    }
    assert_eq!(registry.value(("hits", [("overflow", "true")])), Some(3.0));
}

#[test]
fn removed_series_count_against_the_limit() {
    let registry = Registry::new();
    let hits = registry.define("hits").tags(["path"]).max_series(2).counters().unwrap();
    hits.init([["a"], ["b"]]);
    assert!(hits.remove(["a"]));
    hits.with(["c"]).inc();
    assert_eq!(registry.value(("hits", [("path", "__overflow__")])), Some(1.0));
}

#[test]
fn families_beyond_the_limit_work_unseen() {
    let registry = Registry::builder().max_families(2).build();
    for n in 0..3000 {
        registry.counter(format!("c{n}")).inc();
    }
    assert_eq!(registry.iter().count(), 2);
    assert_eq!(problems(&registry, "too_many_families"), 2998.0);
    assert_eq!(registry.counter("c0").get(), 1);
    let refused = registry.define("c9").counter().unwrap_err();
    assert!(matches!(refused, RegisterError::TooManyFamilies { limit: 2, .. }), "{refused}");
}

#[test]
fn typed_tags_that_do_not_fit_go_to_the_overflow_series() {
    #[derive(serde::Serialize)]
    struct Wide {
        parts: Vec<u8>,
    }
    let registry = Registry::new();
    let family = registry.define("typed").typed_serde::<Wide>().counters().unwrap();
    family.with(&Wide { parts: vec![1] }).inc();
    assert_eq!(registry.value(("typed", [("overflow", "true")])), Some(1.0));
    assert_eq!(problems(&registry, "unfit_tags"), 1.0);
}
