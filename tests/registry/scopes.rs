//! Registries inside a registry, which come and go as a whole.

use std::sync::atomic::AtomicBool;

use tagmeter::registry::Scope;

use super::*;

#[test]
fn what_was_made_in_a_scope_goes_with_it_and_works_on() {
    let registry = Registry::new();
    registry.counter("orders").inc();
    let scope = registry.scope("", [("tenant", "a")]);
    let (orders, sizes) = (scope.counter("orders"), scope.define("size").tags(["k"]).histograms().unwrap());
    orders.add(2);
    sizes.with(["v"]).record(1.0);
    scope.collector("pool", |families| _ = families.gauge("pool", "").set((), 3.0));
    assert_eq!(registry.value(("orders", [("tenant", "a")])), Some(2.0));
    assert_eq!(registry.value(("size", [("k", "v"), ("tenant", "a")])), Some(1.0));
    assert_eq!(registry.value(("pool", [("tenant", "a")])), Some(3.0));

    let kept = Registry::clone(&scope);
    drop(scope);
    assert_eq!(families(&registry), 1);
    orders.inc();
    sizes.with(["w"]).record(1.0);
    kept.counter("more").inc();
    assert_eq!((orders.get(), kept.value("more"), families(&registry)), (3, Some(1.0), 1));
    assert_eq!(registry.value("orders"), Some(1.0));
}

#[test]
fn scopes_of_scopes_add_their_prefixes_and_tags() {
    let registry = Registry::new();
    let outer = registry.scope("a_", [("x", "1"), ("y", "1")]);
    let inner = outer.scope("b_", [("x", "2")]);
    inner.gauge(("depth", [("z", "3")])).set(4.0);
    let id = ("a_b_depth", [("x", "2"), ("y", "1"), ("z", "3")]);
    assert_eq!(registry.value(id), Some(4.0));
    assert_eq!(outer.value(("b_depth", [("x", "2"), ("z", "3")])), Some(4.0));
    drop(outer);
    assert_eq!(registry.value(id), None);
    assert_eq!(inner.value(("depth", [("z", "3")])), Some(4.0));
}

#[test]
fn what_conflicts_with_another_scope_is_left_out_and_counted_by_the_registry() {
    let registry = Registry::new();
    let scopes = [registry.scope("", [("s", "1")]), registry.scope("", [("s", "2")])];
    scopes[0].counter("jobs").inc();
    scopes[1].gauge("jobs").set(5.0);
    assert_eq!(registry.value(("jobs", [("s", "1")])), Some(1.0));
    assert_eq!(registry.value(("jobs", [("s", "2")])), None);
    assert_eq!(problems(&registry, "left_out"), 1.0);
    assert_eq!(problems(&scopes[1], "left_out"), 0.0, "the registry says so, once");
}

#[test]
fn a_sum_that_falls_because_a_scope_went_is_no_enormous_difference() {
    let clock = ManualClock::new();
    let registry = Registry::builder().clock(clock).build();
    let scopes = ["", ""].map(|prefix| registry.scope(prefix, ()));
    for (scope, n) in scopes.iter().zip([3, 5]) {
        scope.counter("jobs").add(n);
        scope.float_counter("seconds").add(n as f64);
        (0..n).for_each(|_| scope.histogram("size").record(1.0));
    }
    let before = registry.snapshot();
    assert_eq!(before.value("jobs"), Some(8.0));
    let [first, second] = scopes;
    drop(second);
    let change = registry.snapshot().since(&before);
    assert_eq!((change.value("jobs"), change.value("seconds")), (Some(3.0), Some(3.0)));
    assert_eq!(change.value("size"), Some(0.0), "the first was shown all the time");
    drop(first);
    assert_eq!(families(&registry), 0);
}

#[test]
fn a_sum_over_scopes_counts_since_the_first_of_them_began() {
    let clock = ManualClock::new();
    let registry = Registry::builder().clock(clock.clone()).build();
    let [early, late] = ["", ""].map(|prefix| registry.scope(prefix, ()));
    early.counter("jobs").inc();
    let began = registry.snapshot().taken_at();
    clock.advance(Duration::from_secs(60));
    late.counter("jobs").inc();
    let start = || registry.snapshot().families()[0].series.first().map(|series| series.start());
    assert_eq!(start(), Some(began));
    drop(early);
    assert_eq!(start(), Some(began + Duration::from_secs(60)));
    registry.collector("mirror", |families| _ = families.counter("jobs", "").set((), 5_u64));
    assert_eq!(start(), Some(std::time::SystemTime::UNIX_EPOCH), "of one nobody knows");
    assert_eq!(registry.value("jobs"), Some(6.0));
}

#[test]
fn a_scope_counts_its_problems_where_its_registry_does() {
    let registry = Registry::builder().max_series(1).build();
    let scope = registry.scope("", ());
    scope.counter(("hits", [("path", "/a")])).inc();
    scope.counter(("hits", [("path", "/b")])).inc();
    assert_eq!(problems(&registry, "too_many_series"), 1.0);
    assert_eq!(registry.value(("hits", [("overflow", "true")])), Some(1.0));
}

#[test]
fn a_reporter_s_wish_for_quantiles_reaches_scopes() {
    let registry = Registry::builder().quantiles().build();
    let sizes = registry.scope("", ()).histogram("sizes");
    sizes.record(3.0);
    assert_eq!(sizes.value().quantile(0.5), Some(Quantile::Recorded(3.0)));
}

#[test]
fn a_function_may_make_and_drop_scopes_of_its_registry() {
    let registry = Registry::new();
    let (inside, held) = (registry.clone(), Mutex::new(None::<Scope>));
    registry.collector("plugin", move |families| {
        let scope = inside.scope("", [("n", "1")]);
        scope.counter("made").inc();
        held.lock().unwrap().replace(scope);
        families.gauge("ran", "").set((), 1.0);
    });
    for _ in 0..3 {
        assert_eq!(registry.snapshot().value("ran"), Some(1.0));
    }
    assert_eq!(registry.value(("made", [("n", "1")])), Some(1.0));
}

/// Each scope has two counters with one total, written before it can be seen and never after: a page that shows half of a
/// scope would show it.
#[test]
fn scrapes_see_each_scope_whole_or_not_at_all_while_scopes_come_and_go() {
    let (registry, done) = (Registry::new(), AtomicBool::new(false));
    registry.counter("always").inc();
    std::thread::scope(|threads| {
        let makers: Vec<_> = (0..2)
            .map(|maker| {
                let registry = &registry;
                threads.spawn(move || {
                    for n in 0..300 {
                        let scope =
                            registry.scope("t_", [("maker", maker.to_string()), ("n", n.to_string())]);
                        scope.gauge_fn("level", move || f64::from(n));
                        scope.counter("orders").add(n as u64);
                        drop((n % 3 > 0).then_some(scope));
                    }
                })
            })
            .collect();
        threads.spawn(|| {
            while !done.load(Ordering::Acquire) {
                let snapshot = registry.snapshot();
                assert_eq!(snapshot.value("always"), Some(1.0));
                for series in snapshot.families().iter().flat_map(|family| family.series.iter()) {
                    let n = series.tags.get("n").map(|n| n.parse::<f64>().unwrap());
                    let number = series.value.number().unwrap();
                    // A counter may be read before it counts.
                    assert!(n.is_none_or(|n| number == n || number == 0.0), "{series:?}");
                }
            }
        });
        makers.into_iter().for_each(|maker| maker.join().unwrap());
        done.store(true, Ordering::Release);
    });
    assert_eq!(families(&registry), 1);
}
