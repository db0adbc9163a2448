//! For those who start a program or keep one for years: every metric is defined once, with its help, unit, buckets and
//! tag keys, and used through typed handles. `cargo run --example definitions`

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
    metrics.request.with(["/orders"]).record(std::time::Duration::from_millis(3));
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
