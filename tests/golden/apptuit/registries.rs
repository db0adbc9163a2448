//! The registries that the cases of http_requests name, as the record describes them.

use std::time::Duration;

use tagmeter::Registry;
use tagmeter::clock::ManualClock;
use tagmeter::tag::Id;

/// The wall time of the first report.
const FIRST_REPORT: Duration = Duration::from_secs(1_600_000_000);
/// What the timer recorded, in seconds.
pub(super) const LATENCIES: [f64; 4] = [0.25, 0.5, 1.0, 0.125];
/// Meters and timers are read so long after the last event.
const READ_AFTER: Duration = Duration::from_secs(10);

/// The registry of that name, read at the first report's time; `None` if our types cannot hold it.
pub(super) fn named(name: &str) -> Option<(Registry, ManualClock)> {
    let clock = ManualClock::new();
    let registry = Registry::builder().clock(clock.clone()).quantiles().build();
    clock.advance(FIRST_REPORT - Duration::from_secs_f64(lead(name)));
    fill(&registry, &clock, name)?;
    clock.advance(FIRST_REPORT - clock.elapsed());
    Some((registry, clock))
}

/// Seconds between the creation of the registry and its first reading.
fn lead(name: &str) -> f64 {
    match name {
        "timer" | "all" => LATENCIES.iter().sum::<f64>() + READ_AFTER.as_secs_f64(),
        _ => READ_AFTER.as_secs_f64(),
    }
}

fn fill(registry: &Registry, clock: &ManualClock, name: &str) -> Option<()> {
    match name {
        "none" => {}
        "counter" => counters(registry),
        "gauge" => gauges(registry),
        "meter" => registry.meter("hits").mark_n(10),
        "histogram" => histogram(registry),
        "timer" => {
            registry.timer("latency");
            timer(registry, clock);
        }
        "all" => {
            // In the order in which the record has them: counters, histograms, meters, timers, gauges.
            counters(registry);
            histogram(registry);
            registry.meter("hits").mark_n(10);
            registry.timer("latency");
            gauges(registry);
            timer(registry, clock);
        }
        "counter_neg" => registry.up_down("c").add(-4),
        "empty_histogram" => drop(registry.histogram("h")),
        "empty_meter" => drop(registry.meter("m")),
        "empty_timer" => drop(registry.timer("t")),
        "nan_gauge" => drop(registry.gauge("never.set")),
        "collision" => {
            registry.counter("x").add(5);
            registry.meter("x").mark_n(7);
        }
        "odd_keys" => {
            for key in [" spaced ", "9lives", "h\u{e9}/\u{1f600}"] {
                registry.counter(Id::decode(key).expect("a key")).inc();
            }
        }
        "many_tags" => {
            registry.counter("good").inc();
            let tags: Vec<(String, &str)> = (0..25).map(|n| (format!("k{n}"), "v")).collect();
            registry.counter(("bad", tags)).inc();
        }
        "big_histogram" => [3e9, 4e9].iter().for_each(|value| registry.histogram("h").record(*value)),
        // A function that gives nothing, raises or gives text; a name that is no key.
        "none_gauge" | "raising_gauge" | "text_gauge" | "bad_key" => return None,
        other => panic!("no registry {other}"),
    }
    Some(())
}

fn counters(registry: &Registry) {
    registry.counter("requests").add(3);
    registry.counter(("errors.total", [("code", "500")])).add(2);
}

fn gauges(registry: &Registry) {
    registry.gauge("queue.depth").set(7.5);
    registry.gauge_fn(("temp", [("zone", "a b")]), || 21.0);
}

fn histogram(registry: &Registry) {
    (1..=10).for_each(|n| registry.histogram("size").record(f64::from(n) * 10.0));
}

fn timer(registry: &Registry, clock: &ManualClock) {
    for seconds in LATENCIES {
        let took = Duration::from_secs_f64(seconds);
        clock.advance(took);
        registry.timer("latency").record(took);
    }
}
