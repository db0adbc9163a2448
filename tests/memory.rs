//! What a series of a large family weighs, counted by the allocator: bytes are a promise, unlike nanoseconds.
#![allow(unsafe_code, reason = "a global allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tagmeter::metric::Instrument;
use tagmeter::registry::{Define, Family, TagKeys};
use tagmeter::{Counter, Gauge, Histogram, Meter, Registry, Timer};

/// The system's allocator, with a count.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the place came from `alloc` above, and so from the system.
        unsafe { System.dealloc(place, layout) }
    }
}

/// Series that are weighed. An index is as sparse as it gets where it has just grown; here it is in between.
const SERIES: usize = 50_000;

/// Bytes and allocations that one series took.
#[derive(Debug)]
struct Weight {
    bytes: f64,
    allocations: f64,
}

/// Of a family of so many series.
fn define(registry: &Registry) -> Define<'_, TagKeys<2>> {
    registry.define("weighed").tags(["route", "user"]).max_series(SERIES)
}

/// Makes the series of a family, each with a route of 10 characters and a user of 8.
fn weigh<I: Instrument>(family: Family<I, 2>, record: impl Fn(&I)) -> Weight {
    let values: Vec<[String; 2]> =
        (0..SERIES).map(|n| [format!("/route-{:03}", n % 100), format!("u{n:07}")]).collect();
    let before = [&LIVE, &ALLOCATIONS].map(|count| count.load(Ordering::Relaxed));
    values.iter().for_each(|values| record(family.with(values.each_ref())));
    let after = [&LIVE, &ALLOCATIONS].map(|count| count.load(Ordering::Relaxed));
    let each = |at: usize| after[at].saturating_sub(before[at]) as f64 / SERIES as f64;
    Weight { bytes: each(0), allocations: each(1) }
}

/// One test, since whatever runs beside it would be counted too.
#[test]
fn a_series_stays_within_its_budget() {
    let registry = Registry::new;
    within("counter", &weigh(define(&registry()).counters().unwrap(), Counter::inc), 155.0, 2.0);
    within(
        "gauge",
        &weigh(define(&registry()).gauges().unwrap(), |gauge: &Gauge| gauge.set(1.0)),
        179.0,
        2.0,
    );
    within("meter", &weigh(define(&registry()).meters().unwrap(), Meter::mark), 307.0, 2.0);
    let record = |sizes: &Histogram| sizes.record(0.3);
    within("histogram", &weigh(define(&registry()).histograms().unwrap(), record), 376.0, 3.0);
    let record = |timer: &Timer| timer.record(Duration::from_millis(3));
    within("timer", &weigh(define(&registry()).timers().unwrap(), record), 544.0, 3.0);
}

fn within(what: &str, weight: &Weight, bytes: f64, allocations: f64) {
    assert!(weight.bytes <= bytes, "a {what}: {weight:?}, and not {bytes} bytes");
    // Chunks of series and of their index are allocated once for hundreds.
    assert!(weight.allocations <= allocations + 0.1, "a {what}: {weight:?}, and not {allocations}");
}
