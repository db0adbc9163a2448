//! What promtool says of a page, `lint` says of its registry.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tagmeter::lint::{Rule, lint};
use tagmeter::{Name, Registry, Unit};

use crate::fixture::fixture;
use crate::judges::promtool;

/// Registries that promtool is asked about.
const REGISTRIES: usize = 100;

/// Names made of words that promtool has an opinion of, one or more in each.
fn name() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "x",
        "orders",
        "ms",
        "sec",
        "kb",
        "s",
        "m",
        "h",
        "milliseconds",
        "kilobytes",
        "minutes",
        "days",
        "seconds",
        "bytes",
        "bits",
        "grams",
        "miles",
        "megaratio",
        "counter",
        "gauge",
        "histogram",
        "summary",
        "total",
        "count",
        "sum",
        "bucket",
        "info",
        "rate",
        "camelCase",
        "B",
        "Ms",
        "a:b",
        "GAUGE",
        "kelvins",
        "celsius",
        "http.code",
    ]);
    prop::collection::vec(word, 1..4).prop_map(|words| words.join("_"))
}

/// The kind of an instrument, its name, whether it is exact, has a help, a unit, and a tag in camelCase.
type Metric = (u8, String, bool, bool, bool, bool);

fn metrics() -> impl Strategy<Value = Vec<Metric>> {
    let flag = || prop::bool::weighted(0.3);
    prop::collection::vec((0u8..8, name(), flag(), flag(), flag(), flag()), 8)
}

fn register(registry: &Registry, (kind, name, exact, help, unit, odd_tag): &Metric) {
    let name = if *exact { Name::exact(name) } else { Name::from(name) };
    let mut define = registry.define(name).help(if *help { "What it means." } else { "" });
    if *unit && *kind < 4 {
        define = define.unit(Unit::other("milliseconds"));
    }
    let define = define.tags([if *odd_tag { "routeName" } else { "route" }]);
    let value = ["/orders"];
    // A name that comes twice is refused the second time.
    let _ = match kind {
        0 => define.counters().map(|family| family.with(value).inc()),
        1 => define.gauges().map(|family| family.with(value).set(1.0)),
        2 => define.up_downs().map(|family| family.with(value).inc()),
        3 => define.histograms().map(|family| family.with(value).record(1.0)),
        4 => define.meters().map(|family| family.with(value).mark()),
        5 => {
            define.summary([0.5]).timers().map(|family| family.with(value).record(std::time::Duration::ZERO))
        }
        6 => define.infos().map(|family| family.with(value).set([("version", "1")])),
        _ => define.state_sets(["on"]).map(|family| family.with(value).switch_to("on")),
    };
}

/// What `lint` says where promtool says this of a metric.
fn says(rule: &Rule, finding: &str) -> bool {
    match rule {
        Rule::NoHelp => finding == "no help text",
        Rule::NotBaseUnit { unit, base, .. } => {
            finding == format!("use base unit \"{base}\" instead of \"{unit}\"")
        }
        Rule::NoTotal { .. } => finding == "counter metrics should have \"_total\" suffix",
        Rule::SuffixOfOthers { suffix, .. } => {
            finding.contains("metrics should not have") && finding.contains(&format!("\"{suffix}\" suffix"))
        }
        Rule::TypeInName { word, .. } => finding == format!("metric name should not include type '{word}'"),
        Rule::Colon { .. } => finding == "metric names should not contain ':'",
        Rule::CamelCase { .. } => finding.starts_with("metric names should be written in 'snake_case'"),
        Rule::TagCamelCase { .. } => finding.starts_with("label names should be written in 'snake_case'"),
        Rule::ShortUnit { .. } => finding == "metric names should not contain abbreviated units",
        _ => false,
    }
}

/// The rule's name, where it is about one.
fn exposed(rule: &Rule) -> Option<&str> {
    match rule {
        Rule::CamelCase { exposed }
        | Rule::Colon { exposed }
        | Rule::TypeInName { exposed, .. }
        | Rule::SuffixOfOthers { exposed, .. }
        | Rule::NoTotal { exposed }
        | Rule::ShortUnit { exposed, .. }
        | Rule::NotBaseUnit { exposed, .. } => Some(exposed),
        _ => None,
    }
}

/// What promtool finds and `lint` does not.
fn missed(registry: &Registry) -> BTreeSet<String> {
    let findings = lint(registry);
    let is_known = |line: &String| {
        let (name, finding) = line.split_once(' ').unwrap();
        let about = |rule: &Rule| exposed(rule).is_none_or(|exposed| exposed == name);
        findings.iter().any(|found| about(&found.rule) && says(&found.rule, finding))
    };
    promtool(&registry.snapshot().to_text()).into_iter().filter(|line| !is_known(line)).collect()
}

#[test]
fn whatever_promtool_finds_lint_finds() {
    let (mut runner, mut found, none) = (TestRunner::deterministic(), 0, BTreeSet::new());
    for _ in 0..REGISTRIES {
        let registry = Registry::new();
        let metrics = metrics().new_tree(&mut runner).unwrap().current();
        metrics.iter().for_each(|metric| register(&registry, metric));
        assert_eq!(missed(&registry), none, "{metrics:?}");
        found += promtool(&registry.snapshot().to_text()).len();
    }
    assert!(found > REGISTRIES * 8, "promtool has an opinion of most: {found}");
    assert_eq!(missed(&fixture()), none);
}

#[test]
fn good_metrics_are_not_found_fault_with() {
    let registry = Registry::new();
    let requests = registry.define("requests").help("Requests served.").tags(["route"]).counters().unwrap();
    requests.with(["/orders"]).inc();
    registry.define("request").help("Time to answer.").timer().unwrap();
    registry.define("sent").help("Bytes sent.").unit(Unit::Bytes).counter().unwrap();
    registry.define("queue_depth").help("Jobs waiting.").gauge().unwrap();
    registry.define("build").help("What was built.").info().unwrap();
    assert_eq!(lint(&registry), []);
    assert_eq!(promtool(&registry.snapshot().to_text()), BTreeSet::new());
}
