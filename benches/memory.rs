//! What does a series weigh?
//!
//! Counted by the allocator: bytes that are still there when all series are made, the most there were at any time,
//! and allocations. Then once more after a page was made, when whatever a scrape leaves behind is there too.

use std::sync::atomic::Ordering;

use tagmeter::Registry;
use tagmeter_benches::counting::{ALLOCATIONS, Counting, LIVE, PEAK};
use tagmeter_benches::inputs::{SECONDS, VALUES, routes_and_users};
use tagmeter_benches::peers::series::{Peer, counters, histograms};
use tagmeter_benches::{Bench, Row};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let mut bench = Bench::new("memory");
    // At either size: an index that has just grown weighs twice what one does that is about to.
    bench.rows(weigh("100 000 counters of two tags, a series", &counters(), 100_000));
    bench.rows(weigh("1 000 000 counters of two tags, a series", &scraped_soon(counters()), 1_000_000));
    bench.rows(weigh("10 000 histograms of two tags, a series", &histograms(), 10_000));
    bench.rows(weigh("100 000 histograms of two tags, a series", &scraped_soon(histograms()), 100_000));
    bench.rows(windows());
    bench.run();
}

/// One histogram from which quantiles of the last minute can be read, and which one thread has recorded into.
fn windows() -> Vec<Row> {
    const GROUP: &str = "a window for quantiles, latencies over three decades";
    let row = |peer, what, bytes| Row::new("memory", GROUP, peer, what).with("bytes", bytes);
    let values = f64::from(u32::try_from(VALUES).unwrap_or(u32::MAX)) * 8.0;
    vec![
        row("machine", "the values themselves", values),
        row("tagmeter", "Histogram, .quantiles()", {
            let registry = Registry::new();
            let define = |name| registry.define(name).quantiles().histogram().expect("the name is free");
            // The first also weighs what is there once, for all.
            three_decades().for_each(|value| define("first").record(value));
            bytes_of(|| {
                let histogram = define("second");
                three_decades().for_each(|value| histogram.record(value));
                let _read = registry.snapshot();
                histogram
            })
        }),
        row("hdrhistogram", "Histogram, two digits, of one slot", {
            bytes_of(|| {
                let Ok(mut histogram) = hdrhistogram::Histogram::<u64>::new_with_bounds(1, HOUR_NANOS, 2)
                else {
                    unreachable!("the bounds are good")
                };
                three_decades().for_each(|value| histogram.saturating_record((value * 1e9) as u64));
                histogram
            })
        }),
        row("metriken", "AtomicCounterHistogram(7, 64), of one slot", {
            bytes_of(|| {
                let histogram = metriken::AtomicCounterHistogram::new(7, 64);
                three_decades().for_each(|value| {
                    let _ = histogram.increment((value * 1e9) as u64);
                });
                histogram
            })
        }),
    ]
}

const HOUR_NANOS: u64 = 3_600_000_000_000;

/// From 2 ms to 2 s.
fn three_decades() -> impl Iterator<Item = f64> {
    SECONDS.iter().copied().filter(|value| *value < 2.0)
}

/// What is still there of what `make` allocated.
fn bytes_of<T>(make: impl FnOnce() -> T) -> f64 {
    let before = LIVE.load(Ordering::Relaxed);
    let made = make();
    let bytes = LIVE.load(Ordering::Relaxed).saturating_sub(before);
    drop(made);
    bytes as f64
}

/// Those whose page of a million lines does not take seconds.
fn scraped_soon(mut peers: Vec<Peer>) -> Vec<Peer> {
    let soon = ["tagmeter", "prometheus-client", "measured", "fastmetrics", "metrics-lib", "fast-telemetry"];
    peers.retain(|peer| soon.contains(&peer.name));
    peers
}

fn weigh(group: &str, peers: &[Peer], series: usize) -> Vec<Row> {
    let tags = routes_and_users(series);
    let text: usize = tags.iter().map(|(route, user)| route.len() + user.len()).sum();
    let bare = Row::new("memory", group, "machine", "the tag values' text");
    let mut rows = vec![bare.with("bytes", text as f64 / series as f64)];
    rows.extend(peers.iter().map(|peer| weighed(group, peer, &tags)));
    rows
}

fn weighed(group: &str, peer: &Peer, tags: &[(String, String)]) -> Row {
    let family = (peer.make)();
    let before = LIVE.load(Ordering::Relaxed);
    let allocations = ALLOCATIONS.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    tags.iter().for_each(|(route, user)| family.touch(route, user));
    let each = |bytes: usize| bytes as f64 / tags.len() as f64;
    let since = |now: usize, before: usize| each(now.saturating_sub(before));
    let mut row = Row::new("memory", group, peer.name, peer.what)
        .with("bytes", since(LIVE.load(Ordering::Relaxed), before))
        .with("bytes_at_peak", since(PEAK.load(Ordering::Relaxed), before))
        .with("allocations", since(ALLOCATIONS.load(Ordering::Relaxed), allocations));
    if peer.has_page {
        let mut page = String::new();
        family.scrape(&mut page);
        PEAK.store(LIVE.load(Ordering::Relaxed), Ordering::Relaxed);
        let held = LIVE.load(Ordering::Relaxed);
        let allocations = ALLOCATIONS.load(Ordering::Relaxed);
        family.scrape(&mut page);
        row = row
            .with("bytes_during_a_second_scrape", since(PEAK.load(Ordering::Relaxed), held))
            .with("allocations_of_a_second_scrape", since(ALLOCATIONS.load(Ordering::Relaxed), allocations));
        drop(page);
        row = row.with("bytes_after_scrapes", since(LIVE.load(Ordering::Relaxed), before));
    }
    row
}
