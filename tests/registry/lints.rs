//! What is odd about values, and the list of all metrics.

use tagmeter::catalogue::catalogue;
use tagmeter::lint::{Rule, lint};

use super::*;

fn rules(registry: &Registry) -> Vec<Rule> {
    lint(registry).into_iter().map(|finding| finding.rule).collect()
}

#[test]
fn buckets_that_are_many_or_do_not_fit_are_found() {
    let registry = Registry::new();
    let define = |name: &str| registry.define(name.to_owned()).help("Sizes.");
    define("many").buckets(Buckets::linear(1.0, 1.0, 50).unwrap()).histogram().unwrap();
    let large = define("large").tags(["k"]).buckets(Buckets::new([1.0, 2.0]).unwrap()).histograms().unwrap();
    large.with(["a"]).record_n(1000.0, 80);
    assert_eq!(rules(&registry), [Rule::ManyBuckets { bounds: 50 }], "80 values say little");
    large.with(["b"]).record_n(1000.0, 20);
    large.with(["b"]).record_n(1.0, 1);
    let unfit = Rule::UnfitBuckets { values: 101, in_one: 100, up_to: f64::INFINITY };
    assert_eq!(rules(&registry), [Rule::ManyBuckets { bounds: 50 }, unfit]);
    large.with(["b"]).record_n(1.0, 100);
    define("native").native(Default::default()).histogram().unwrap().record_n(1.0, 1000);
    define("summary").summary([0.5]).histogram().unwrap().record_n(1.0, 1000);
    assert_eq!(rules(&registry), [Rule::ManyBuckets { bounds: 50 }]);
}

#[test]
fn families_that_are_nearly_full_are_found() {
    let registry = Registry::new();
    let hits = registry.define("hits").help("Hits.").tags(["path"]).max_series(10).counters().unwrap();
    (0..8).for_each(|n| hits.with([n.to_string()]).inc());
    assert_eq!(rules(&registry), []);
    hits.with(["8"]).inc();
    assert_eq!(rules(&registry), [Rule::ManySeries { series: 9, most: 10 }]);
    registry.define("one").help("One.").tags(["k"]).max_series(1).gauges().unwrap().with(["a"]).set(1.0);
    assert_eq!(rules(&registry).len(), 1);
}

#[test]
fn views_are_linted_as_they_are_shown() {
    let registry = Registry::new();
    registry.define("depth").help("Jobs.").gauge().unwrap().set(1.0);
    assert_eq!(
        lint(registry.view().prefix("shopA_"))[0].to_string(),
        r#"metric "shopA_depth": shopA_depth is in camelCase, expected snake_case"#
    );
    registry.define("delay").help("Time.").unit(Unit::None).gauge().unwrap();
    assert_eq!(
        lint(registry.view().rename("delay", "delay_seconds"))[0].rule,
        Rule::UnsaidUnit { unit: "seconds".into() }
    );
}

#[test]
fn the_catalogue_has_what_is_defined_and_what_collectors_bring() {
    let registry = Registry::new();
    registry
        .define("requests")
        .help("Requests | served,\nall of them.")
        .tags(["route", "code"])
        .counters()
        .unwrap();
    registry.define("sent").unit(Unit::Bytes).buckets(Buckets::new([1.0, 2.5]).unwrap()).histogram().unwrap();
    registry.define("wait").summary([0.5]).timer().unwrap();
    registry.collector("pool", |families| _ = families.gauge("pool", "Open.").set([("state", "idle")], 1.0));
    registry.alias("old", "sent").unwrap();
    let scope = registry.scope("", [("tenant", "a")]);
    scope.define("requests").help("Requests | served,\nall of them.").tags(["route"]).counters().unwrap();
    let expected = "\
| metric | kind | unit | tags | what it means |
|---|---|---|---|---|
| `old` | histogram, buckets up to 1, 2.5 | bytes |  | Deprecated: now \"sent\". |
| `pool` | gauge |  | `state` | Open. |
| `requests` | counter |  | `code` `route` `tenant` | Requests \\| served, all of them. |
| `sent` | histogram, buckets up to 1, 2.5 | bytes |  |  |
| `wait` | timer | seconds |  |  |
";
    assert_eq!(catalogue(&registry).to_markdown(), expected);
    let json: serde_json::Value = serde_json::from_str(&catalogue(&registry).to_json()).unwrap();
    assert_eq!(
        json[3],
        serde_json::json!({
            "name": "sent", "kind": "histogram", "unit": "bytes", "help": "", "tag_keys": [], "buckets": [1, 2.5],
        })
    );
    assert_eq!(json[2]["help"], "Requests | served,\nall of them.");
    assert_eq!(catalogue(&Registry::new()).to_json(), "[\n]\n");
}
