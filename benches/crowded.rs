//! What does it cost to record where more threads live than have cells of their own?
//!
//! A program of its own: a crowd of threads that have recorded once and live on takes all the sets of cells there are, and
//! whoever comes later, the bench's own threads among them, shares one set.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};

use tagmeter::Registry;
use tagmeter_benches::inputs::{BOUNDS, SECONDS, VALUES};
use tagmeter_benches::{ALL_THREADS, Bench, Turn};

fn main() {
    let mut bench = Bench::new("crowded");
    crowd();
    counters(&mut bench);
    histograms(&mut bench);
    bench.run();
}

/// More threads than have cells of their own (256).
const CROWD: usize = 320;
const STACK_BYTES: usize = 64 * 1024;

/// Comes back when all of them have recorded. They end with the program.
fn crowd() {
    let counter = Registry::new().counter("crowd");
    let recorded = std::sync::Arc::new(Barrier::new(CROWD + 1));
    for _thread in 0..CROWD {
        let (counter, recorded) = (counter.clone(), recorded.clone());
        let live = move || {
            counter.inc();
            recorded.wait();
            loop {
                std::thread::park();
            }
        };
        std::thread::Builder::new().stack_size(STACK_BYTES).spawn(live).expect("the system has threads");
    }
    recorded.wait();
}

fn counters(bench: &mut Bench) {
    bench.group("one more, in a crowd");
    bench.row("machine", "lock xadd, one word", ALL_THREADS, || {
        let word = AtomicU64::new(0);
        move |turn: Turn| {
            turn.each(|_| {
                word.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    bench.row("tagmeter", "Counter::inc", ALL_THREADS, || {
        let counter = Registry::new().counter("hits");
        move |turn: Turn| turn.each(|_| counter.inc())
    });
    bench.row("tagmeter", "Meter::mark", ALL_THREADS, || {
        let meter = Registry::new().meter("orders");
        move |turn: Turn| turn.each(|_| meter.mark())
    });
    bench.row("prometheus", "IntCounter::inc", ALL_THREADS, || {
        let counter = prometheus::IntCounter::new("hits", "Hits.").expect("the name is good");
        move |turn: Turn| turn.each(|_| counter.inc())
    });
}

#[inline(always)]
fn seconds(turn: Turn, mut take: impl FnMut(f64)) {
    let values = &**SECONDS;
    turn.each(|n| take(values[n % VALUES]));
}

fn histograms(bench: &mut Bench) {
    bench.group("14 buckets and sum, in a crowd");
    bench.row("machine", "search, lock xadd of bucket and of sum", ALL_THREADS, || {
        let buckets = [const { AtomicU64::new(0) }; 15];
        let sum = AtomicU64::new(0);
        move |turn| {
            seconds(turn, |value| {
                let bucket = BOUNDS.partition_point(|bound| *bound < value);
                buckets[bucket].fetch_add(1, Ordering::Relaxed);
                sum.fetch_add((value * 1e9) as u64, Ordering::Relaxed);
            });
        }
    });
    bench.row("tagmeter", "Histogram::record", ALL_THREADS, || {
        let histogram = Registry::new().histogram("size");
        move |turn| seconds(turn, |value| histogram.record(value))
    });
    bench.row("tagmeter", "Histogram::record, .quantiles()", ALL_THREADS, || {
        let histogram = Registry::new().define("size").quantiles().histogram().expect("the name is free");
        move |turn| seconds(turn, |value| histogram.record(value))
    });
    bench.row("prometheus", "Histogram::observe", ALL_THREADS, || {
        let opts = prometheus::HistogramOpts::new("size", "Size.").buckets(BOUNDS.to_vec());
        let histogram = prometheus::Histogram::with_opts(opts).expect("the name is good");
        move |turn| seconds(turn, |value| histogram.observe(value))
    });
    bench.row("prometheus-client", "Histogram::observe", ALL_THREADS, || {
        let histogram = prometheus_client::metrics::histogram::Histogram::new(BOUNDS);
        move |turn| seconds(turn, |value| histogram.observe(value))
    });
}
