//! A registry that does everything to break a page.

use tagmeter::encode::Escaping;
use tagmeter::model::Snapshot;
use tagmeter::stat::Buckets;
use tagmeter::{Registry, Unit};

use crate::judges::{Format, formats_and_schemes, promtool, python, samples_of};

/// Series in all, and in one family: promtool compares each with each of its family.
const MANY: usize = 10_000;
const IN_ONE_FAMILY: usize = 500;

/// All that is odd and nothing that is only much.
pub(crate) fn odd() -> Registry {
    let registry = Registry::new();
    names(&registry);
    collisions(&registry);
    tags(&registry);
    values(&registry);
    registry
}

pub(crate) fn hostile() -> Registry {
    let registry = odd();
    for first in (0..MANY).step_by(IN_ONE_FAMILY) {
        let many =
            registry.define(format!("many_{first}")).help("One of many.").tags(["n"]).counters().unwrap();
        (first..first + IN_ONE_FAMILY).for_each(|n| many.with([&n.to_string()]).add(n as u64));
    }
    registry
}

fn names(registry: &Registry) {
    let help = "Quotes \" and \\ backslashes,\nlines {braces} # EOF\t\r 🌲";
    for name in ["🌲", "9lives", "a b\nc\"d\\e", "größe.m/s", "::", "_", "{}", "# EOF", "\u{0}", "\r"] {
        registry.define(name).help(help).unit(Unit::other("m/s²")).gauge().unwrap().set(1.0);
    }
    registry.define("_total").help(help).counter().unwrap().inc();
    registry.define("_rate").help(help).meter().unwrap().mark();
    registry.define("_info").help(help).info().unwrap().set([("a", "b")]);
    registry.define("__state:🌲").help(help).state_set(["on", "", "\"\\\n", "le"]).unwrap().switch_to("");
    registry.define("blank").help(" \t ").gauge().unwrap().set(1.0);
}

/// Pairs of which the second is left out of one format or both.
fn collisions(registry: &Registry) {
    registry.gauge("same.name").set(1.0);
    registry.gauge("same/name").set(2.0);
    registry.timer("taken").time(|| ());
    registry.gauge("taken_seconds_bucket").set(1.0);
    registry.gauge("taken_seconds").set(1.0);
    registry.counter("made");
    registry.gauge("made_created").set(1.0);
    registry.gauge("made").set(1.0);
    registry.counter("made_total");
    registry.gauge("mark_rate").set(1.0);
    registry.meter("mark").mark();
}

fn tags(registry: &Registry) {
    let text = "quote \" backslash \\ newline \n brace } comma , 🌲 \r \u{0} # EOF";
    let keys = ["le", "quantile", "__name__", "__", "window", "9", "é", "", "a\"b", "a\nb"];
    for key in keys {
        registry.counter(("odd_keys", [(key, text)])).inc();
        registry.timer(("odd_times", [(key, text), ("empty", "")])).time(|| ());
        registry.meter(("odd_marks", [(key, text)])).mark();
        registry.state_set(("odd_state", [(key, text), ("odd_state", "own")]), ["x", "y"]).enable("x");
        registry.info(("odd", [(key, text)])).set([("le", text), (key, "fact")]);
    }
    registry.counter(("added_up", [("a.b", "1")])).add(2);
    registry.counter(("added_up", [("a/b", "1")])).add(3);
    registry.counter(("added_up", [("a_b", "2"), ("a.b", "1")])).add(5);
    registry.gauge(("first_kept", [("a.b", "1")])).set(2.0);
    registry.gauge(("first_kept", [("a/b", "1")])).set(3.0);
}

fn values(registry: &Registry) {
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE, f64::MAX, 5e-324];
    for (at, value) in odd.iter().enumerate() {
        registry.gauge(("odd_values", [("at", at.to_string())])).set(*value);
    }
    let buckets = || Buckets::new([-1e9, -2.5, 0.0, 1e-9, 1e9]).unwrap();
    let below_zero = registry.define("below_zero").buckets(buckets()).histogram().unwrap();
    [-3.0, -2.5, 0.0, 1e300].iter().for_each(|value| below_zero.record(*value));
    registry.define("never_used").buckets(buckets()).histogram().unwrap();
    let overflow = registry.define("overflow").summary([1.0, 0.0, 0.5, 0.5]).quantiles().histogram().unwrap();
    [f64::MAX, f64::MAX, -1.0].iter().for_each(|value| overflow.record(*value));
    registry.define("empty_summary").summary([0.5]).histogram().unwrap();
    registry.define("big").counter().unwrap().add(u64::MAX);
    registry.up_down("deep").add(i64::MIN);
}

fn left_out(snapshot: &Snapshot, format: Format, scheme: Escaping) -> Vec<String> {
    format.page(snapshot, scheme).1.iter().map(|one| one.to_string()).collect()
}

#[test]
fn every_judge_accepts_the_page() {
    let snapshot = hostile().snapshot();
    insta::assert_debug_snapshot!("lint", promtool(&snapshot.to_text()));
    for format in Format::BOTH {
        let (page, _) = format.page(&snapshot, Escaping::default());
        let theirs = python(format, std::slice::from_ref(&page)).remove(0).unwrap();
        assert_eq!(theirs, samples_of(&format.read(&page).unwrap()));
    }
}

#[test]
fn every_judge_accepts_it_by_every_scheme() {
    let snapshot = odd().snapshot();
    for scheme in [Escaping::Dots, Escaping::Values] {
        // Names in quotes are not for promtool.
        promtool(&Format::Text.page(&snapshot, scheme).0);
    }
    for (format, scheme) in formats_and_schemes() {
        let (page, _) = format.page(&snapshot, scheme);
        let theirs = python(format, std::slice::from_ref(&page)).remove(0);
        let theirs = theirs.unwrap_or_else(|error| panic!("{format:?} by {scheme}: {error}\n{page}"));
        assert_eq!(theirs, samples_of(&format.read(&page).unwrap()), "{format:?} by {scheme}");
    }
}

#[test]
fn what_cannot_be_shown_is_told() {
    let snapshot = hostile().snapshot();
    let left_out = |format| left_out(&snapshot, format, Escaping::default());
    insta::assert_debug_snapshot!("left_out_of_text", left_out(Format::Text));
    insta::assert_debug_snapshot!("left_out_of_openmetrics", left_out(Format::OpenMetrics));
}

#[test]
fn what_only_an_escaping_makes_equal_is_shown_by_another() {
    let snapshot = odd().snapshot();
    for scheme in [Escaping::AllowUtf8, Escaping::Values] {
        let told = left_out(&snapshot, Format::Text, scheme);
        let escaped = |word: &&String| {
            word.contains("same/name") || word.contains("added_up") || word.contains("first_kept")
        };
        assert_eq!(told.iter().find(escaped), None, "{scheme}");
        assert!(told.iter().any(|word| word.contains("taken_seconds_bucket")), "{scheme}: {told:?}");
    }
    let page = Format::Text.page(&snapshot, Escaping::AllowUtf8).0;
    assert!(page.contains("{\"same.name\"} 1\n") && page.contains("{\"same/name\"} 2\n"), "{page}");
    assert!(page.contains("added_up_total{\"a.b\"=\"1\"} 2\nadded_up_total{\"a/b\"=\"1\"} 3\n"), "{page}");
}

#[test]
fn counters_that_become_equal_are_added_up_and_of_gauges_the_first_is_kept() {
    let page = hostile().snapshot().to_text();
    assert!(page.contains("added_up_total{a_b=\"1\"} 5\nadded_up_total{a_b=\"2\"} 5\n"), "{page}");
    assert!(page.contains("first_kept{a_b=\"1\"} 2\n# "), "{page}");
}

#[test]
fn each_of_many_series_is_there() {
    let families = tagmeter::parse::text::parse(&hostile().snapshot().to_text()).unwrap();
    let many = families.iter().filter(|family| family.name.starts_with("many_"));
    let values: Vec<f64> = many.flat_map(|family| &family.samples).map(|sample| sample.value).collect();
    assert_eq!(values.len(), MANY);
    assert_eq!(values.iter().sum::<f64>(), (MANY * (MANY - 1) / 2) as f64);
}
