//! process_metrics: what each report says of readings that are given.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use tagmeter::Registry;
use tagmeter::collect::{ProcessMetrics, ResourceUsage};
use tagmeter::encode::fields;
use tagmeter::tag::Sanitize;

use crate::support::Golden;

#[test]
fn process_metrics() {
    Golden::open("process_metrics").seen_as(seen).run(|case| {
        let readings: VecDeque<ResourceUsage> =
            case.input["rusage"].as_array()?.iter().map(|reading| usage(reading, &case.input)).collect();
        let (reports, readings) = (readings.len(), Mutex::new(readings));
        let registry = Registry::new();
        let next = move || readings.lock().unwrap().pop_front().ok_or(io::ErrorKind::UnexpectedEof.into());
        ProcessMetrics::new().source(next).register(&registry);
        Some(json!({ "reports": (0..reports).map(|_| report(&registry)).collect::<Vec<_>>() }))
    });
}

fn usage(reading: &Value, input: &Value) -> ResourceUsage {
    let count = |key: &str| reading[key].as_u64().unwrap();
    let seconds = |key: &str| Duration::from_secs_f64(reading[key].as_f64().unwrap());
    let threads = |kind: &str| input["threads"][kind].as_u64().unwrap();
    ResourceUsage {
        pid: input["pid"].as_u64().unwrap().try_into().unwrap(),
        user: seconds("ru_utime"),
        system: seconds("ru_stime"),
        peak_memory_bytes: count("ru_maxrss") * 1024,
        shared_memory_bytes: Some(count("ru_ixrss") * 1024),
        unshared_memory_bytes: Some(count("ru_idrss") * 1024),
        stack_bytes: Some(count("ru_isrss") * 1024),
        minor_faults: count("ru_minflt"),
        major_faults: count("ru_majflt"),
        swaps: Some(count("ru_nswap")),
        block_reads: count("ru_inblock"),
        block_writes: count("ru_oublock"),
        messages_sent: Some(count("ru_msgsnd")),
        messages_received: Some(count("ru_msgrcv")),
        signals: Some(count("ru_nsignals")),
        voluntary_switches: count("ru_nvcsw"),
        involuntary_switches: count("ru_nivcsw"),
        threads: Some(threads("daemon") + threads("non_daemon")),
    }
}

/// What is pushed, by name and tags.
fn report(registry: &Registry) -> BTreeMap<String, f64> {
    let mut report = BTreeMap::new();
    fields::each(&registry.snapshot(), |field| {
        let name = format!("{}.{}", field.name, field.field);
        let tags: Vec<String> = field.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        report.insert(format!("{} {}", Sanitize::Prometheus.apply(&name), tags.join(" ")), field.value);
    });
    report
}

fn seen(recorded: &Value) -> Value {
    let point = |point: &Value| {
        let tag = |key: &str| {
            point[1].get(key).map(|value| format!("{key}={}", value.to_string().trim_matches('"')))
        };
        let tags: Vec<String> = [tag("type"), tag("worker_id")].into_iter().flatten().collect();
        (format!("{} {}", point[0].as_str().unwrap(), tags.join(" ")), point[2].clone())
    };
    let report = |points: &Value| points.as_array().unwrap().iter().map(point).collect::<BTreeMap<_, _>>();
    json!({ "reports": recorded["points"].as_array().unwrap().iter().map(report).collect::<Vec<_>>() })
}
