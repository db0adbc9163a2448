//! A registry's contents after some actions, and what takes the place of decorators: registry, decorators,
//! regex_registry.
//!
//! The actions are named by the cases; each is written here as a program of ours would say it.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tagmeter::Registry;
use tagmeter::clock::ManualClock;
use tagmeter::encode::fields;

use crate::support::Golden;

#[test]
fn registry() {
    let seen = |recorded: &Value| match recorded.get("error") {
        Some(error) => json!({ "error": error }),
        None => json!({ "dump": recorded["dump"] }),
    };
    Golden::open("registry").seen_as(seen).run(|case| {
        let clock = ManualClock::new();
        let registry = Registry::builder().clock(clock.clone()).quantiles().build();
        act(case.input["title"].as_str()?, &registry, &clock)?;
        Some(json!({ "dump": dump(&registry) }))
    });
}

/// `None` where a program of ours cannot say it.
fn act(title: &str, registry: &Registry, clock: &ManualClock) -> Option<()> {
    match title {
        "empty" | "get_metrics of an unknown name" => {}
        "counter('a') never used" => drop(registry.counter("a")),
        "counter a +0.5" => registry.float_counter("a").add(0.5),
        "gauge with default 5" => registry.gauge("g").set(5.0),
        "gauge set 7.5" => registry.gauge("g").set(7.5),
        "second function for an existing gauge is ignored: first gives 3, second 4" => {
            registry.gauge_fn("g", || 3.0);
            registry.gauge_fn("g", || 4.0);
        }
        "gauge function that raises" => drop(registry.gauge_fn("g", || panic!("no reading"))),
        "add a counter and a gauge under one name" => {
            registry.counter("a");
            registry.gauge("a").set(4.0);
        }
        "counter 5 and meter 7 share a name" => {
            registry.counter("x").add(5);
            registry.meter("x").mark_n(7);
        }
        "counter 5, histogram 1 value, timer share a name" => {
            registry.counter("x").add(5);
            registry.histogram("x").record(1.0);
            registry.timer("x");
        }
        "clear" => {
            registry.counter("a").inc();
            registry.clear();
        }
        "get_metrics of a counter at 2" => registry.counter("a").add(2),
        "timer one second" => {
            let timer = registry.timer("t");
            clock.advance(Duration::from_secs(1));
            timer.record(Duration::from_secs(1));
            clock.advance(Duration::from_secs(9));
        }
        "meter 10 in 10 s" => {
            registry.meter("m").mark_n(10);
            clock.advance(Duration::from_secs(10));
        }
        "empty name" => registry.counter("").inc(),
        "counter name with tags text" => registry.counter(r#"a{"k": "v"}"#).inc(),
        "counter a +3 then cleared"
        | "gauge from the number 5"
        | "add a counter twice under one name"
        | "gauge giving nothing" => return None,
        other => panic!("no actions for {other}"),
    }
    Some(())
}

/// Every field of every metric, less what the registry says of itself.
fn dump(registry: &Registry) -> Map<String, Value> {
    let mut dump = Map::new();
    fields::each(&registry.snapshot(), |field| {
        let name = field.name.as_str();
        if !name.starts_with("tagmeter_") {
            let metric = dump.entry(name).or_insert_with(|| json!({}));
            metric[field.field] = field.value.into();
        }
    });
    dump
}

#[test]
fn decorators() {
    let seen = |recorded: &Value| match recorded.get("error") {
        Some(_) => json!({"error": true}),
        None => recorded.clone(),
    };
    Golden::open("decorators").seen_as(seen).run(|case| {
        let registry = Registry::builder().quantiles().build();
        let value = call(case.input["title"].as_str()?, &registry)?;
        let dump = dump(&registry);
        let counts: BTreeMap<&String, &Value> =
            dump.iter().map(|(name, fields)| (name, &fields["count"])).collect();
        let names = |fields: &Value| fields.as_object().unwrap().keys().cloned().collect::<Value>();
        let metrics: Map<String, Value> =
            dump.iter().map(|(name, fields)| (name.clone(), names(fields))).collect();
        Some(json!({ "value": value, "metrics": metrics, "counts": counts }))
    });
}

/// What a decorated function gives; an error is nothing.
fn call(title: &str, registry: &Registry) -> Option<Option<u32>> {
    let work = || 5;
    let fail = || Err::<u32, &str>("out of stock");
    Some(match title {
        "count_calls, three calls" => {
            let calls = registry.counter("work_calls");
            let counted = || {
                calls.inc();
                work()
            };
            (0..3).map(|_| counted()).max()
        }
        "meter_calls, two calls" => {
            let calls = registry.meter("work_calls");
            let marked = || {
                calls.mark();
                work()
            };
            (0..2).map(|_| marked()).max()
        }
        "hist_calls, number returned" => {
            let given = work();
            registry.histogram("work_calls").record(f64::from(given));
            Some(given)
        }
        "time_calls on a function that raises" => registry.timer("work_calls").time(fail).ok(),
        "count_calls on a function that raises" => {
            registry.counter("work_calls").inc();
            fail().ok()
        }
        "count_calls and time_calls on one function" => {
            registry.counter("work_calls").inc();
            Some(registry.timer("work_calls").time(work))
        }
        // A histogram records numbers.
        "hist_calls, text returned" => return None,
        other => panic!("no calls for {other}"),
    })
}

#[cfg(feature = "regex")]
#[test]
fn regex_registry() {
    use tagmeter::registry::RegexRegistry;
    Golden::open("regex_registry").run(|case| {
        let routes = RegexRegistry::new(&Registry::new(), case.input["pattern"].as_str()?).unwrap();
        Some(json!({ "key": routes.name_of(case.input["name"].as_str()?).as_str() }))
    });
}
