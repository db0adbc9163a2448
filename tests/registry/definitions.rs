//! What a definition says, and what it refuses.

use super::*;

#[test]
fn defining_the_same_twice_gives_the_same_family() {
    let registry = Registry::new();
    let define = || registry.define("requests").help("Requests.").tags(["route"]).counters().unwrap();
    define().with(["/a"]).inc();
    define().with(["/a"]).inc();
    assert_eq!(define().with(["/a"]).get(), 2);
}

#[test]
fn a_conflict_shows_both_definitions() {
    let registry = Registry::new();
    registry.define("size").unit(Unit::Bytes).tags(["kind"]).histograms().unwrap();
    let error = registry.define("size").help("Sizes.").tags(["kind"]).gauges().unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with(r#"gauge "size" with tags ["kind"], help "Sizes." conflicts with histogram "size""#),
        "{text}"
    );
    assert!(text.contains("unit bytes"), "{text}");
}

#[test]
fn different_help_unit_keys_buckets_or_limits_are_conflicts() {
    let registry = Registry::new();
    let define = || registry.define("size").help("Sizes.").unit(Unit::Bytes).max_series(7);
    define().tags(["kind"]).buckets(Buckets::default()).histograms().unwrap();
    let conflicts = [
        define().tags(["kind"]).help("Other.").histograms().map(drop),
        define().tags(["kind"]).unit(Unit::None).histograms().map(drop),
        define().tags(["sort"]).histograms().map(drop),
        define().histogram().map(drop),
        define().tags(["kind"]).max_series(8).histograms().map(drop),
        define().tags(["kind"]).buckets(Buckets::linear(1.0, 1.0, 3).unwrap()).histograms().map(drop),
        define().tags(["kind"]).quantiles().histograms().map(drop),
    ];
    for conflict in conflicts {
        assert!(matches!(conflict, Err(RegisterError::Conflict { .. })), "{conflict:?}");
    }
    assert!(define().tags(["kind"]).histograms().is_ok());
}

#[test]
fn keys_are_checked_at_the_door() {
    let registry = Registry::new();
    let keys = |keys: [&str; 2]| registry.define("requests").tags(keys).counters().unwrap_err();
    assert_eq!(
        keys(["route", "route"]),
        RegisterError::TagKeyTwice { name: "requests".into(), key: "route".into() }
    );
    assert_eq!(keys(["route", ""]), RegisterError::EmptyTagKey { name: "requests".into() });
    for reserved in ["le", "quantile", "__name__"] {
        assert_eq!(
            keys(["route", reserved]),
            RegisterError::ReservedTagKey { name: "requests".into(), key: reserved.into() }
        );
    }
    assert!(registry.define("saves").tags(["outcome"]).outcome().timers().is_err());
}

#[test]
fn what_an_instrument_does_not_have_is_refused() {
    let registry = Registry::new();
    let window = Duration::from_secs(60);
    assert!(registry.define("a").buckets(Buckets::default()).counter().is_err());
    assert!(registry.define("a").quantiles().gauge().is_err());
    assert!(registry.define("a").summary([0.5]).meter().is_err());
    assert!(registry.define("a").summary([1.5]).histogram().is_err());
    assert!(registry.define("a").max_over(window).timer().is_err());
    assert!(registry.define("a").max_over(Duration::ZERO).gauge().is_err());
    assert!(registry.define("a").unit(Unit::Bytes).timer().is_err());
    assert!(registry.define("a").unit(Unit::Seconds).info().is_err());
    assert!(registry.define("a").state_set(Vec::<String>::new()).is_err());
    assert!(registry.define("a").state_set(["on", "on"]).is_err());
    assert_eq!(registry.iter().count(), 0);
}

#[test]
fn a_definition_adopts_what_was_made_by_name_where_it_fits() {
    let registry = Registry::new();
    registry.counter(("orders", [("city", "Oslo")])).inc();
    let orders = registry.define("orders").help("Orders.").tags(["city"]).counters().unwrap();
    assert_eq!(orders.with(["Oslo"]).get(), 1);
    assert!(registry.define("orders").help("Orders.").tags(["town"]).counters().is_err());

    registry.counter("untagged").inc();
    assert!(registry.define("untagged").tags(["city"]).counters().is_err());
    registry.histogram("sizes").record(1.0);
    assert!(registry.define("sizes").buckets(Buckets::linear(1.0, 1.0, 2).unwrap()).histogram().is_err());
}

#[test]
fn by_name_with_the_keys_of_a_definition_is_its_series() {
    let registry = Registry::new();
    let orders = registry.define("orders").tags(["city", "kind"]).counters().unwrap();
    registry.counter(("orders", [("kind", "book"), ("city", "Oslo")])).inc();
    assert_eq!(orders.with(["Oslo", "book"]).get(), 1);
    registry.counter("orders").inc();
    registry.counter(("orders", [("colour", "red")])).inc();
    assert_eq!(orders.iter().count(), 1);
    assert_eq!(problems(&registry, "conflict"), 2.0);
}

#[test]
fn outcome_timers_show_all_outcomes_from_the_start() {
    let registry = Registry::new();
    let saves = registry.define("save").tags(["kind"]).outcome().timers().unwrap();
    saves.with(["order"]).time(|| Ok::<_, ()>(())).unwrap();
    let panicked =
        std::panic::catch_unwind(|| saves.with(["order"]).time(|| -> Result<(), ()> { panic!("disk") }));
    assert!(panicked.is_err());
    let count = |outcome| registry.value(("save", [("kind", "order"), ("outcome", outcome)]));
    assert_eq!(
        ["ok", "error", "panic", "cancelled"].map(count),
        [Some(1.0), Some(0.0), Some(1.0), Some(0.0)]
    );
}

#[test]
fn a_family_kept_for_long_takes_tags_that_borrow_for_short() {
    #[derive(serde::Serialize)]
    struct Path<'a> {
        path: &'a str,
    }
    struct Kept {
        hits: SerdeFamily<Counter, Path<'static>>,
    }
    let registry = Registry::new();
    let kept = Kept { hits: registry.define("hits").typed_serde().counters().unwrap() };
    for n in 0..2 {
        let path = format!("/{n}");
        kept.hits.with(&Path { path: &path }).inc();
    }
    assert_eq!(registry.value(("hits", [("path", "/1")])), Some(1.0));
}
