//! The plan as this crate carries it out.

use std::time::Duration;

use serde_json::Value;
use tagmeter::apptuit::{Client, DataPoint, TimeSeries};
use tagmeter::clock::ManualClock;
use tagmeter::report::{Apptuit, Reporter, Timestamp};
use tagmeter::tag::Environment;
use tagmeter::{Registry, Tags};

/// Far more than anything takes here.
const FOREVER: Duration = Duration::from_secs(30);

pub(crate) fn push(plan: &Value, endpoint: &str) {
    points(&plan["direct"], endpoint);
    reports(&plan["reported"], endpoint);
}

fn points(plan: &Value, endpoint: &str) {
    let client = Client::builder().token(text(&plan["token"])).endpoint(endpoint);
    let client = client.global_tags(tags(&plan["tags"])).sanitize(text(&plan["sanitize"]).parse().unwrap());
    let client = client.build().unwrap();
    let point = |point: &Value| {
        let (metric, time) = (text(&point["metric"]), timestamp(&point["timestamp"]));
        DataPoint::new(metric, tags(&point["tags"]), time, number(&point["value"])).unwrap()
    };
    let points: Vec<DataPoint> = plan["points"].as_array().unwrap().iter().map(point).collect();
    client.send(&points).unwrap();
    let series = &plan["series"];
    let numbers = series["points"].as_array().unwrap().iter();
    let numbers = numbers.map(|pair| (timestamp(&pair[0]), number(&pair[1])));
    let series = TimeSeries::with_points(text(&series["metric"]), tags(&series["tags"]), numbers).unwrap();
    client.send_series(&[series]).unwrap();
}

fn reports(plan: &Value, endpoint: &str) {
    let clock = ManualClock::new();
    clock.advance(Duration::from_secs(plan["start"].as_u64().unwrap()));
    let registry = Registry::builder().clock(clock.clone()).quantiles().build();
    let sink = Apptuit::builder().token(text(&plan["token"])).endpoint(endpoint).timeout(FOREVER);
    let sink = sink.sanitize(text(&plan["sanitize"]).parse().unwrap()).build().unwrap();
    let reporter = Reporter::new(&registry, sink)
        .every(FOREVER * 1_000)
        .environment(Environment::empty())
        .expose_own_metrics(false)
        .host_tag(false)
        .prefix(text(&plan["prefix"]))
        .tags(tags(&plan["tags"]))
        .on_error(|_| {})
        .start()
        .unwrap();
    for step in plan["steps"].as_array().unwrap() {
        match text(&step["do"]) {
            "report" => assert!(reporter.report_now().unwrap().is_complete()),
            _ => act(&registry, &clock, step),
        }
    }
    // Without the last push, which the original does not make.
    let _ = reporter.stop(Duration::ZERO);
}

fn act(registry: &Registry, clock: &ManualClock, step: &Value) {
    let id = || (text(&step["name"]), tags(&step["tags"]));
    let seconds = || Duration::from_secs_f64(number(&step["seconds"]));
    match text(&step["do"]) {
        "make" => match text(&step["kind"]) {
            "histogram" => drop(registry.histogram(id())),
            "meter" => drop(registry.meter(id())),
            "timer" => drop(registry.timer(id())),
            other => panic!("no instrument {other}"),
        },
        "inc" => registry.counter(id()).add(step["by"].as_u64().unwrap()),
        "level" => registry.up_down(id()).add(step["by"].as_i64().unwrap()),
        "set" => registry.gauge(id()).set(number(&step["to"])),
        "mark" => registry.meter(id()).mark_n(step["by"].as_u64().unwrap()),
        "record" => registry.histogram(id()).record(number(&step["value"])),
        "time" => {
            clock.advance(seconds());
            registry.timer(id()).record(seconds());
        }
        "advance" => clock.advance(seconds()),
        other => panic!("no step {other}"),
    }
}

fn text(json: &Value) -> &str {
    json.as_str().expect("a text")
}

fn number(json: &Value) -> f64 {
    json.as_f64().expect("a number")
}

fn timestamp(json: &Value) -> Timestamp {
    json.as_i64().map_or_else(|| number(json).into(), Timestamp::from)
}

fn tags(json: &Value) -> Tags {
    json.as_object().expect("tags").iter().map(|(key, value)| (key.as_str(), text(value))).collect()
}
