//! One registry that holds one of everything.

use std::time::Duration;

use tagmeter::clock::ManualClock;
use tagmeter::model::{HistogramValue, StateSetValue, SummaryValue};
use tagmeter::stat::Buckets;
use tagmeter::{Registry, Unit};

/// Every kind of instrument, with and without tags, help and unit, on a clock that stands still at one minute.
pub(crate) fn fixture() -> Registry {
    let clock = ManualClock::new();
    let registry = Registry::builder().clock(clock.clone()).build();
    let orders = registry.define("order_rate").help("Orders taken.").meter().unwrap();
    orders.mark_n(30);
    clock.advance(Duration::from_secs(60));
    orders.mark_n(30);
    counts(&registry);
    levels(&registry);
    distributions(&registry);
    texts(&registry);
    mirrored(&registry);
    registry
}

fn counts(registry: &Registry) {
    let requests = registry.define("requests").help("Requests served.").tags(["route", "status"]);
    let requests = requests.counters().unwrap();
    requests.with(["/orders", "200"]).add(17);
    requests.with(["/orders", "500"]).inc();
    requests.init([["/trees", "200"]]);
    registry.define("sent").help("Bytes sent.").unit(Unit::Bytes).counter().unwrap().add(1 << 40);
    registry.define("cpu_seconds_total").unit(Unit::Seconds).float_counter().unwrap().add(12.75);
    registry.counter("plain").inc();
    registry.up_down("jobs_running").add(-3);
}

fn levels(registry: &Registry) {
    let depth = registry.define("queue_depth").help("Jobs waiting.").tags(["queue"]).gauges().unwrap();
    depth.with(["mail"]).set(17.0);
    depth.with(["print"]).set(0.25);
    registry.define("http.pool-size").help("Names are made legal.").gauge().unwrap().set(1e21);
    registry.gauge_fn("room_celsius", || -2.5);
}

fn distributions(registry: &Registry) {
    let latency = registry.define("request").help("Time to answer a request.").tags(["route"]);
    let latency = latency.buckets(Buckets::new([0.005, 0.1, 1.0]).unwrap()).timers().unwrap();
    [3, 40, 40, 700, 9000].iter().for_each(|ms| latency.with(["/orders"]).record(Duration::from_millis(*ms)));
    latency.init([["/trees"]]);

    let buckets = || Buckets::new([64.0, 1e6, 1e9]).unwrap();
    let sizes = registry.define("order").unit(Unit::Bytes).buckets(buckets()).histogram().unwrap();
    [1.0, 64.0, 65.5, 2e9].iter().for_each(|size| sizes.record(*size));
    let change = registry.define("balance_change").help("A sum that can fall.").buckets(buckets());
    change.histogram().unwrap().record(-10.0);

    let wait = registry.define("wait").help("Time in the queue.").quantiles().summary([0.5, 0.99]);
    let wait = wait.tags(["queue"]).timers().unwrap();
    wait.with(["mail"]).record(Duration::from_millis(250));
    wait.init([["print"]]);
}

fn texts(registry: &Registry) {
    registry
        .define("build")
        .help("What runs.")
        .info()
        .unwrap()
        .set([("version", "1.4.2"), ("commit", "abc123")]);
    let states = registry.define("breaker").help("The circuit breaker.").tags(["peer"]);
    states.state_sets(["closed", "half-open", "open"]).unwrap().with(["db"]).switch_to("open");
}

/// What only collectors bring.
fn mirrored(registry: &Registry) {
    registry.collector("mirror", |families| {
        let ages = HistogramValue::of_cumulative([(60.0, 3), (600.0, 3), (f64::INFINITY, 4)], 1234.5);
        let jobs = families.gauge_histogram("job_age", "Ages of waiting jobs.").unit(Unit::Seconds);
        jobs.try_set([("queue", "mail")], ages);
        let latency = HistogramValue::of_cumulative([(0.25, 3), (f64::INFINITY, 5)], 2.75);
        families.histogram("peer_latency", "Told by the peer.").unit(Unit::Seconds).try_set((), latency);
        let waits = SummaryValue::new(12, 3.5, [(0.99, 1.125), (0.5, 0.25)]);
        families.summary("peer_wait", "Told by the peer.").unit(Unit::Seconds).try_set((), waits);
        let registers = families.unknown("device_register", "As the device shows it.");
        registers.set([("number", "1")], -7.0).set([("number", "2")], 0.5);
        let link = StateSetValue::new([("up", true), ("down", false)]);
        families.state_set("link", "State of a link.").set([("device", "eth0")], link);
    });
}
