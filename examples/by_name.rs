//! For those who come from pyformance or Dropwizard, or want one number out of a program that is already there:
//! metrics are made by name where they are used, and the same name gives the same metric. `cargo run --example by_name`

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tagmeter::Registry;

fn main() {
    let registry = Registry::new();
    let queue = Arc::new(Mutex::new(vec!["tree", "lamp", "chair"]));
    let packets = Arc::new(AtomicU64::new(1_000));

    // Asked for at each scrape and push.
    let waiting = queue.clone();
    registry.gauge_fn("queue_depth", move || waiting.lock().map_or(f64::NAN, |queue| queue.len() as f64));
    let counted = packets.clone();
    registry.counter_fn("kernel_packets", move || counted.load(Ordering::Relaxed));

    while let Some(item) = queue.lock().ok().and_then(|mut queue| queue.pop()) {
        let _running = registry.up_down("jobs_running").in_progress();
        let _timing = registry.timer("handle_order").start(); // records when dropped
        registry.counter("order_count").inc();
        registry.counter(("order_count", [("item", item)])).inc(); // a series of its own
        registry.meter("order_rate").mark();
        registry.histogram("item_letters").record(item.len() as f64);
    }
    registry.gauge("temperature").set(21.5);

    // The name is a counter already: this gauge works, is exposed nowhere, and is counted as a problem.
    registry.gauge("order_count").set(17.0);

    print!("{}", registry.snapshot().to_text());
}
