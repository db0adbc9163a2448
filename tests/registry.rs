//! What a registry promises to programs that use it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use proptest::prelude::*;
use tagmeter::clock::ManualClock;
use tagmeter::metric::CounterFn;
use tagmeter::model::{Quantile, Value};
use tagmeter::registry::{RegisterError, SerdeFamily};
use tagmeter::stat::Buckets;
use tagmeter::{Counter, Gauge, Registry, Tags, Unit};

/// How often the registry met a problem of that kind.
fn problems(registry: &Registry, reason: &str) -> f64 {
    registry.snapshot().value(("tagmeter_problems", [("reason", reason)])).unwrap_or(0.0)
}

/// Families, without the one that tells what other tests of this process did wrong.
fn families(registry: &Registry) -> usize {
    registry.snapshot().families().iter().filter(|family| family.name != "tagmeter_problems").count()
}

mod names {
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
}

mod definitions {
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
            text.starts_with(
                r#"gauge "size" with tags ["kind"], help "Sizes." conflicts with histogram "size""#
            ),
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
}

mod limits {
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
}

mod removal {
    use super::*;

    #[test]
    fn a_removed_series_comes_back_from_zero_with_a_new_start() {
        let clock = ManualClock::new();
        let registry = Registry::builder().clock(clock.clone()).build();
        let start = |registry: &Registry| registry.snapshot().families()[0].series.first().unwrap().start();
        let hits = registry.define("hits").tags(["path"]).counters().unwrap();
        hits.with(["a"]).add(5);
        let first = start(&registry);
        let kept = hits.with(["a"]).clone();
        assert!(hits.remove(["a"]));
        assert!(!hits.remove(["a"]), "gone already");
        kept.inc();
        assert_eq!(families(&registry), 0);
        clock.advance(Duration::from_secs(9));
        assert_eq!(hits.with(["a"]).get(), 0);
        kept.inc();
        assert_eq!(registry.value(("hits", [("path", "a")])), Some(1.0));
        assert_eq!(start(&registry).duration_since(first).unwrap(), Duration::from_secs(9));
    }

    #[test]
    fn what_is_recorded_while_another_shows_the_series_again_is_kept() {
        const ROUNDS: u64 = 5_000;
        let timers = Registry::new().define("work").tags(["path"]).timers().unwrap();
        let (arrivals, lost) = (AtomicU64::new(0), AtomicU64::new(0));
        // Closer together than a lock would let them start.
        let together = || {
            let arrived = arrivals.fetch_add(1, Ordering::SeqCst);
            while arrivals.load(Ordering::SeqCst) <= (arrived | 1) {
                std::thread::yield_now();
            }
        };
        let record = || {
            for _ in 0..ROUNDS {
                timers.remove(["a"]);
                together();
                timers.with(["a"]).record(Duration::ZERO);
                together();
                lost.fetch_add(2 - timers.with(["a"]).value().count(), Ordering::Relaxed);
                together();
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(record);
            scope.spawn(record);
        });
        assert_eq!(lost.into_inner(), 0);
    }

    #[test]
    fn every_kind_comes_back_empty() {
        let registry = Registry::new();
        let record = || {
            registry.counter("a").inc();
            registry.float_counter("b").add(1.5);
            registry.up_down("c").inc();
            registry.gauge("d").set(3.0);
            registry.meter("e").mark();
            registry.timer("f").record(Duration::from_secs(1));
            registry.histogram("g").record(1.0);
            registry.info("h").set([("k", "v")]);
            registry.state_set("i", ["on"]).enable("on");
        };
        record();
        let once = registry.snapshot();
        registry.clear();
        assert_eq!(registry.iter().count(), 0);
        record();
        let again = registry.snapshot();
        for name in ["a", "b", "c", "d", "e", "f", "g", "h", "i"] {
            let number = |snapshot: &tagmeter::model::Snapshot| {
                snapshot.get(name).map(|value| format!("{:?}", value.number()))
            };
            assert_eq!(number(&once), number(&again), "{name}");
        }
    }

    #[test]
    fn retain_keeps_what_it_is_told_to() {
        let registry = Registry::new();
        registry.counter(("orders", [("city", "Oslo")])).inc();
        registry.gauge(("depth", [("city", "Bergen")])).set(1.0);
        registry.retain(|name, _tags| *name == "orders");
        let left: Vec<String> = registry.iter().map(|id| id.to_string()).collect();
        assert_eq!(left, [r#"orders{city="Oslo"}"#]);
    }
}

mod functions {
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
}

mod recording {
    use super::*;

    #[test]
    fn what_cannot_be_recorded_is_counted_and_does_no_harm() {
        let registry = Registry::new();
        let before = problems(&registry, "not_finite");
        let sizes = registry.histogram("sizes");
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            sizes.record(value);
        }
        registry.float_counter("joules").add(f64::NAN);
        sizes.record(1.5);
        assert_eq!((sizes.value().count(), sizes.value().sum), (1, 1.5));
        assert!(problems(&registry, "not_finite") >= before + 4.0);
    }

    #[test]
    fn quantiles_are_recorded_only_where_somebody_asks() {
        let registry = Registry::new();
        let plain = registry.histogram("plain");
        let asked = registry.define("asked").quantiles().histogram().unwrap();
        for n in 1..=100 {
            plain.record(f64::from(n) / 10.0);
            asked.record(f64::from(n) / 10.0);
        }
        assert!(matches!(plain.value().quantile(0.5), Some(Quantile::Interpolated(_))));
        let Some(Quantile::Recorded(median)) = asked.value().quantile(0.5) else { panic!("not recorded") };
        assert!((4.95..5.16).contains(&median), "{median}");
        assert!(plain.value().window.is_none());
        let window = asked.value().window.unwrap();
        assert_eq!((window.min(), window.max()), (Some(0.1), Some(10.0)));
    }

    #[test]
    fn a_window_forgets_and_the_count_does_not() {
        let clock = ManualClock::new();
        let registry = Registry::builder().clock(clock.clone()).quantiles().build();
        let sizes = registry.histogram("sizes");
        sizes.record(9.0);
        clock.advance(Duration::from_secs(61));
        assert_eq!(sizes.value().window.unwrap().max(), None);
        assert_eq!(sizes.value().count(), 1);
    }

    #[test]
    fn no_count_is_lost_while_eight_threads_record_and_one_reads() {
        const EACH: u64 = 10_000;
        let registry = Registry::new();
        let hits = registry.define("hits").tags(["path"]).counters().unwrap();
        let sizes = registry.histogram("sizes");
        std::thread::scope(|scope| {
            for thread in 0..8_u64 {
                let (hits, sizes) = (&hits, &sizes);
                scope.spawn(move || {
                    for n in 0..EACH {
                        hits.with([((n + thread) % 10).to_string()]).inc();
                        sizes.record(1.0);
                    }
                });
            }
            let mut last = 0.0;
            for _ in 0..50 {
                let snapshot = registry.snapshot();
                if let Some(Value::Histogram(histogram)) = snapshot.get("sizes") {
                    assert_eq!(histogram.sum, histogram.count() as f64);
                    assert!(histogram.sum >= last);
                    last = histogram.sum;
                }
            }
        });
        let total: u64 = hits.iter().map(|(_, counter)| counter.get()).sum();
        assert_eq!((total, sizes.value().count()), (8 * EACH, 8 * EACH));
    }

    #[test]
    fn handles_outlive_their_registry() {
        let (counter, family) = {
            let registry = Registry::new();
            (registry.counter("c"), registry.define("f").tags(["k"]).gauges().unwrap())
        };
        counter.inc();
        family.with(["v"]).set(2.0);
        assert_eq!((counter.get(), family.with(["v"]).get()), (1, 2.0));
    }
}

mod global_registry {
    use super::*;

    static HITS: Counter = Counter::new("static_hits").help("Hits.");
    static DEPTH: Gauge = Gauge::new("static_depth");

    #[test]
    fn statics_and_macros_meet_in_the_global_registry() {
        HITS.inc();
        tagmeter::counter!("static_hits").inc();
        tagmeter::global().counter("static_hits").inc();
        assert_eq!(HITS.get(), 3);
        DEPTH.set(4.0);
        assert_eq!(tagmeter::global().value("static_depth"), Some(4.0));
        let text = tagmeter::global().snapshot().to_text();
        assert!(text.contains("# HELP static_hits_total Hits.\n"), "{text}");
    }

    #[test]
    fn a_call_site_finds_its_series_each_time() {
        for n in 0..10 {
            let city = if n % 2 == 0 { "Oslo" } else { "Bergen" };
            tagmeter::counter!("site_orders", "city" => city, "kind" => String::from("book")).inc();
        }
        let orders = |city| tagmeter::global().value(("site_orders", [("city", city), ("kind", "book")]));
        assert_eq!((orders("Oslo"), orders("Bergen")), (Some(5.0), Some(5.0)));
    }

    #[test]
    fn a_logger_that_counts_its_records_does_no_harm() {
        static RECORDS: Counter = Counter::new("log_records");
        struct Counting(Mutex<Vec<String>>);
        impl log::Log for Counting {
            fn enabled(&self, _: &log::Metadata<'_>) -> bool {
                true
            }
            fn log(&self, record: &log::Record<'_>) {
                RECORDS.inc();
                tagmeter::counter!("log_records_by", "level" => record.level().as_str()).inc();
                tagmeter::gauge!("log_conflict").set(1.0);
                self.0.lock().unwrap().push(record.args().to_string());
            }
            fn flush(&self) {}
        }
        static LOGGER: OnceLock<Counting> = OnceLock::new();
        log::set_logger(LOGGER.get_or_init(|| Counting(Mutex::default()))).unwrap();
        log::set_max_level(log::LevelFilter::Warn);

        tagmeter::global().counter("log_conflict").inc();
        (0..10).for_each(|_| tagmeter::global().gauge("log_conflict").set(1.0));
        let said = LOGGER.get().unwrap().0.lock().unwrap();
        let about: Vec<_> = said.iter().filter(|line| line.contains("\"log_conflict\"")).collect();
        assert_eq!(about.len(), 1, "said once: {about:?}");
        assert!(RECORDS.get() >= 1);
    }
}

/// What a random program does.
#[derive(Debug, Clone)]
enum Action {
    Count { name: u8, tag: u8, n: u64 },
    Remove { name: u8, tag: u8 },
    Clear,
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        8 => (0..4_u8, 0..6_u8, 0..100_u64).prop_map(|(name, tag, n)| Action::Count { name, tag, n }),
        2 => (0..4_u8, 0..6_u8).prop_map(|(name, tag)| Action::Remove { name, tag }),
        1 => Just(Action::Clear),
    ];
    prop::collection::vec(action, 0..120)
}

proptest! {
    #[test]
    fn a_registry_holds_what_a_map_holds(actions in actions()) {
        let registry = Registry::new();
        let mut map: BTreeMap<(String, Tags), u64> = BTreeMap::new();
        let id = |name: u8, tag: u8| (format!("c{name}"), Tags::from([("t", tag.to_string())]));
        for action in actions {
            match action {
                Action::Count { name, tag, n } => {
                    registry.counter(id(name, tag)).add(n);
                    *map.entry(id(name, tag)).or_default() += n;
                }
                Action::Remove { name, tag } => {
                    prop_assert_eq!(registry.remove(id(name, tag)), map.remove(&id(name, tag)).is_some());
                }
                Action::Clear => {
                    registry.clear();
                    map.clear();
                }
            }
        }
        let held: BTreeMap<(String, Tags), u64> = registry
            .iter()
            .map(|id| {
                let total = registry.value(&id).unwrap() as u64;
                ((id.name.to_string(), id.tags), total)
            })
            .collect();
        prop_assert_eq!(held, map);
    }
}
