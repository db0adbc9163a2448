//! For those who start a program or keep one for years: every metric is defined once, with its help, unit, buckets and
//! tag keys, and used through typed handles. `cargo run --example definitions`

use std::time::Duration;

use tagmeter::stat::Buckets;
use tagmeter::{Registry, Unit};

tagmeter::metrics! {
    /// What the order service counts.
    struct OrderMetrics {
        /// Requests answered.
        requests: Counter[route, status],
        /// Time to answer a request.
        request: Timer[route],
        /// Jobs waiting.
        queue_depth: Gauge,
        /// Bytes of an order.
        order_bytes: Histogram = Buckets::powers(4, 64, 4),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = Registry::new();

    // A struct of metrics: help from the doc comments, names from the fields.
    let metrics = OrderMetrics::register(&registry)?;
    metrics.requests.with(["/orders", "200"]).inc(); // one value too few does not compile
    metrics.request.with(["/orders"]).record(Duration::from_millis(3));
    metrics.queue_depth.set(2.0);
    metrics.order_bytes.record(300.0);

    // The same without the struct, where there is more to say.
    let sent = registry
        .define("sent")
        .help("Bytes sent.")
        .unit(Unit::Bytes)
        .tags(["peer"])
        .max_series(500) // further peers share one series, and that is counted
        .counters()?;
    sent.init([["a"], ["b"]]); // visible at zero before the first byte
    sent.with(["a"]).add(1_500);

    // Series that come and go: idle ones give their memory back.
    let sessions = registry
        .define("session")
        .help("Bytes of a session.")
        .unit(Unit::Bytes)
        .tags(["client"])
        .idle_timeout(Duration::from_secs(600))
        .counters()?;
    sessions.with(["10.0.0.7"], |bytes| bytes.add(64)); // lent, so that nobody keeps what goes
    let held = sessions.handle(["10.0.0.8"]); // its series stays while it lives
    held.add(128);

    // Twice the same gives the same; something else under that name is an error that shows both.
    let again = registry
        .define("sent")
        .help("Bytes sent.")
        .unit(Unit::Bytes)
        .tags(["peer"])
        .max_series(500)
        .counters()?;
    again.with(["a"]).add(500);
    let conflict = registry.define("sent").tags(["peer", "port"]).gauges();
    println!("# {}", conflict.err().map(|error| error.to_string()).unwrap_or_default());

    print!("{}", registry.snapshot().to_text());
    Ok(())
}
