//! Several registries as one, and registries under other names.

use tagmeter::model::Snapshot;
use tagmeter::registry::View;

use super::*;

/// Every series of a snapshot, in its order.
fn series(snapshot: &Snapshot) -> Vec<((String, Tags), f64)> {
    let families = snapshot.families().iter().filter(|family| family.name != "tagmeter_problems");
    let all = families.flat_map(|family| family.series.iter().map(move |series| (family, series)));
    all.map(|(family, series)| {
        let id = (family.name.to_string(), series.tags.clone());
        (id, series.value.number().expect("a count or a level"))
    })
    .collect()
}

/// The same, of which none is there twice.
fn numbers(snapshot: &Snapshot) -> BTreeMap<(String, Tags), f64> {
    let all = series(snapshot);
    let (len, map) = (all.len(), BTreeMap::from_iter(all));
    assert_eq!(map.len(), len);
    map
}

/// What a random part of a view has: counters `c0` to `c2` and gauges `g0` to `g2`, each with a tag or none.
type Part = Vec<(bool, u8, u8, u8)>;

fn filled(part: &Part) -> Registry {
    let registry = Registry::new();
    for (is_counter, name, tag, n) in part {
        let tags = if *tag == 0 { Tags::new() } else { Tags::from([("t", tag.to_string())]) };
        match is_counter {
            true => registry.counter((format!("c{name}"), tags)).add((*n).into()),
            false => registry.gauge((format!("g{name}"), tags)).set((*n).into()),
        }
    }
    registry
}

proptest! {
    #[test]
    fn a_view_of_several_is_the_union_of_its_parts(
        parts in prop::collection::vec((
            prop::collection::vec((any::<bool>(), 0u8..3, 0u8..3, 0u8..100), 0..12),
            "(p_|q_)?",
            prop::option::of(0u8..3),
            prop::option::of(0u8..3),
        ), 1..5),
    ) {
        let mut expected: BTreeMap<(String, Tags), f64> = BTreeMap::new();
        let mut view: Option<View> = None;
        for (actions, prefix, constant, hidden) in &parts {
            let registry = filled(actions);
            let hidden = hidden.map(|n| format!("c{n}"));
            let constant = constant.map(|tag| Tags::from([("t", tag.to_string())])).unwrap_or_default();
            let mut own: BTreeMap<(String, Tags), f64> = BTreeMap::new();
            for ((name, tags), number) in series(&registry.snapshot()) {
                if Some(&name) != hidden.as_ref() {
                    put(&mut own, (format!("{prefix}{name}"), tags.over(&constant)), number, name.starts_with('c'));
                }
            }
            for ((name, tags), number) in own {
                let is_counter = name.trim_start_matches("p_").trim_start_matches("q_").starts_with('c');
                put(&mut expected, (name, tags), number, is_counter);
            }
            let own = registry.view().only(move |name| Some(name.as_str()) != hidden.as_deref());
            let own = own.prefix(prefix.clone()).tags(constant);
            view = Some(match view {
                Some(view) => view.and(own).unwrap(),
                None => own,
            });
        }
        prop_assert_eq!(numbers(&view.unwrap().snapshot()), expected);
    }
}

/// The rule for equal tags: counters are added up, of other kinds the first counts.
fn put(all: &mut BTreeMap<(String, Tags), f64>, id: (String, Tags), number: f64, is_counter: bool) {
    let there = all.entry(id).or_insert(if is_counter { 0.0 } else { number });
    if is_counter {
        *there += number;
    }
}

#[test]
fn what_is_registered_later_is_seen() {
    let (shop, billing) = (Registry::new(), Registry::new());
    let all = shop.view().and(&billing).unwrap();
    shop.counter("orders").inc();
    billing.collector("late", |families| _ = families.gauge("level", "").set((), 2.0));
    let snapshot = all.snapshot();
    assert_eq!((snapshot.value("orders"), snapshot.value("level")), (Some(1.0), Some(2.0)));
}

#[test]
fn another_kind_unit_help_or_shape_is_refused() {
    type Define = fn(&Registry);
    let defined: [Define; 6] = [
        |registry| _ = registry.define("x").help("X.").histogram().unwrap(),
        |registry| _ = registry.define("x").help("X.").gauge().unwrap(),
        |registry| _ = registry.define("x").help("Y.").histogram().unwrap(),
        |registry| _ = registry.define("x").help("X.").unit(Unit::Bytes).histogram().unwrap(),
        |registry| _ = registry.define("x").help("X.").summary([0.5]).histogram().unwrap(),
        |registry| _ = registry.define("x").help("X.").tags(["k"]).timers().unwrap(),
    ];
    for (a, one) in defined.iter().enumerate() {
        for (b, other) in defined.iter().enumerate() {
            let registries = [Registry::new(), Registry::new()];
            one(&registries[0]);
            other(&registries[1]);
            let merged = registries[0].view().and(&registries[1]);
            assert_eq!(merged.is_ok(), a == b, "{a} and {b}: {merged:?}");
            let apart = registries[0].view().and(registries[1].view().prefix("y_"));
            assert!(apart.is_ok(), "{apart:?}");
        }
    }
}

#[test]
fn who_says_no_help_agrees_with_everybody_and_other_buckets_are_no_conflict() {
    let (first, second) = (Registry::new(), Registry::new());
    first.histogram(("size", [("part", "1")])).record(1.0);
    let buckets = Buckets::new([1.0, 2.0]).unwrap();
    let sizes = second.define("size").help("Bytes.").tags(["part"]).buckets(buckets).histograms().unwrap();
    sizes.with(["2"]).record(1.0);
    let snapshot = first.view().and(&second).unwrap().snapshot();
    let family = &snapshot.families()[0];
    assert_eq!((&*family.help, family.series.len()), ("Bytes.", 2));
}

#[test]
fn a_conflict_that_comes_later_is_left_out_and_counted_once() {
    let (first, second) = (Registry::new(), Registry::new());
    let all = first.view().and(&second).unwrap();
    first.counter("jobs").add(3);
    second.gauge("jobs").set(7.0);
    second.gauge("other").set(1.0);
    for _ in 0..3 {
        let snapshot = all.snapshot();
        assert_eq!((snapshot.value("jobs"), snapshot.value("other")), (Some(3.0), Some(1.0)));
    }
    assert_eq!(problems(&first, "left_out"), 1.0);
    assert_eq!(problems(&second, "left_out"), 0.0);
}

#[test]
fn a_renamed_family_joins_one_of_that_name() {
    let registry = Registry::new();
    registry.counter(("old", [("t", "1")])).inc();
    registry.counter(("new", [("t", "2")])).add(2);
    let snapshot = registry.view().rename("old", "new").snapshot();
    assert_eq!(snapshot.families().len(), 1);
    assert_eq!(snapshot.value(("new", [("t", "1")])), Some(1.0));
    assert_eq!(snapshot.value("old"), None);
}

#[test]
fn what_the_crate_says_about_itself_keeps_its_name() {
    let registry = Registry::new();
    registry.counter("jobs");
    registry.gauge("jobs").set(1.0);
    let snapshot = registry.view().prefix("shop_").tags([("shop", "1")]).snapshot();
    assert_eq!(snapshot.value(("tagmeter_problems", [("reason", "conflict"), ("shop", "1")])), Some(1.0));
}

#[test]
fn a_filter_that_panics_keeps_nothing_and_one_that_reads_the_view_comes_to_an_end() {
    let registry = Registry::new();
    registry.counter("jobs").inc();
    let snapshot = registry.view().only(|_| panic!("no opinion")).snapshot();
    assert_eq!(snapshot.value("jobs"), None);
    let inside = registry.clone();
    let view = registry.view().only(move |_| inside.snapshot().value("jobs").is_some());
    assert_eq!(view.snapshot().value("jobs"), Some(1.0));
}

#[test]
fn a_filter_answers_inside_functions_and_other_filters() {
    let registry = Registry::new();
    registry.counter("jobs").inc();
    let view = registry.view().only(|name| *name == "jobs");
    let (in_function, in_collector, in_filter) = (view.clone(), view.clone(), view.clone());
    let outer = Registry::new();
    outer.gauge_fn("function", move || in_function.snapshot().value("jobs").unwrap_or(0.0));
    outer.collector("mirror", move |families| {
        in_collector.snapshot().families().iter().for_each(|family| families.push(family.clone()));
    });
    let shown = outer.view().only(move |_| in_filter.snapshot().value("jobs").is_some());
    let snapshot = shown.snapshot();
    assert_eq!((snapshot.value("function"), snapshot.value("jobs")), (Some(1.0), Some(1.0)));
    assert_eq!(problems(&outer, "callback_panicked"), 0.0);
}

#[test]
fn a_filter_that_panics_is_counted_and_one_that_reads_its_view_keeps_nothing_inside() {
    let registry = Registry::new();
    registry.counter("jobs").inc();
    assert_eq!(registry.view().only(|_| panic!("no opinion")).snapshot().value("jobs"), None);
    assert!(problems(&registry, "callback_panicked") > 0.0);

    let itself = Arc::new(OnceLock::<View>::new());
    let inside = itself.clone();
    let view = registry.view().only(move |_| inside.get().unwrap().snapshot().families().is_empty());
    let view = itself.get_or_init(|| view);
    assert_eq!(view.snapshot().value("jobs"), Some(1.0));
}

#[test]
fn only_what_is_asked_for_is_read() {
    use tagmeter::http::{Request, respond};

    let asked = Arc::new(AtomicU64::new(0));
    let registry = Registry::new();
    for name in ["a", "b"] {
        let asked = asked.clone();
        registry.gauge_fn(name, move || asked.fetch_add(1, Ordering::Relaxed) as f64);
    }
    let view = registry.view().prefix("x_").rename("x_b", "y").only(|name| *name != "x_a");
    let page = |target: &str| String::from_utf8(respond(&view, &Request::new("GET", target)).body).unwrap();
    assert_eq!(page("/metrics?name[]=y"), "# TYPE y gauge\ny 0\n");
    assert_eq!(page("/metrics?name[]=x_b"), "");
    assert_eq!(page("/metrics"), "# TYPE y gauge\ny 1\n");
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[test]
fn registries_behind_other_pointers_are_taken_as_they_are() {
    use tagmeter::http::{Request, respond};

    static LAZY: std::sync::LazyLock<Registry> = std::sync::LazyLock::new(Registry::new);
    LAZY.counter("hits").inc();
    let shared = Arc::new(Registry::new());
    let request = Request::new("GET", "/metrics");
    assert!(!respond(&LAZY, &request).body.is_empty());
    assert!(respond(&shared, &request).body.is_empty());
    assert!(!respond(shared.view().and(&LAZY).unwrap(), &request).body.is_empty());
}
