//! For those who test: what a program counted is read back, as a value or as the change over a piece of work, from a
//! registry that belongs to the test, on a clock that the test moves. `cargo run --example testing`

use std::time::Duration;

use tagmeter::Registry;
use tagmeter::clock::{Clock, ManualClock};

/// The code under test takes its registry, so tests that run at the same time do not meet.
fn handle_order(registry: &Registry, clock: &ManualClock) {
    let _timing = registry.timer("handle_order").start();
    clock.advance(Duration::from_millis(250));
    registry.counter(("orders", [("city", "Oslo")])).inc();
}

fn main() {
    let clock = ManualClock::new();
    let registry = Registry::builder().clock(Clock::from(clock.clone())).build();
    let oslo = ("orders", [("city", "Oslo")]);

    handle_order(&registry, &clock);
    assert_eq!(registry.value(oslo), Some(1.0));
    assert_eq!(registry.value("orders"), None, "nobody ordered from nowhere");

    let before = registry.snapshot();
    handle_order(&registry, &clock);
    handle_order(&registry, &clock);
    let change = registry.snapshot().since(&before);
    assert_eq!(change.value(oslo), Some(2.0));
    assert_eq!(change.value("handle_order"), Some(2.0));

    println!("{} orders more", change.value(oslo).unwrap_or_default());
    print!("{}", change.to_text());
}
