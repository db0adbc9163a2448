//! What does it cost to record a value?

use std::hint::black_box;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::Recorder;
use tagmeter::Registry;
use tagmeter::registry::Define;
use tagmeter::stat::{Buckets, NativeBuckets};
use tagmeter_benches::inputs::{BOUNDS, BOUNDS_NANOS, NANOS, SECONDS, VALUES};
use tagmeter_benches::peers::otel::Otel;
use tagmeter_benches::peers::series::{METADATA, shards};
use tagmeter_benches::{ALL_THREADS, Bench, ONE_THREAD, Turn};

fn main() {
    let mut bench = Bench::new("histogram");
    buckets(&mut bench);
    natives(&mut bench);
    integers(&mut bench);
    quantiles(&mut bench);
    in_work(&mut bench);
    bench.run();
}

#[inline(always)]
fn seconds(turn: Turn, mut take: impl FnMut(f64)) {
    let values = &**SECONDS;
    turn.each(|n| take(values[n % VALUES]));
}

#[inline(always)]
fn nanos(turn: Turn, mut take: impl FnMut(u64)) {
    let values = &**NANOS;
    turn.each(|n| take(values[n % VALUES]));
}

/// The least that a shared histogram can do: find the bucket, two locked operations.
struct Bare {
    buckets: [AtomicU64; 15],
    sum: AtomicU64,
}

impl Bare {
    fn new() -> Self {
        Bare { buckets: [const { AtomicU64::new(0) }; 15], sum: AtomicU64::new(0) }
    }

    #[inline(always)]
    fn record(&self, value: f64) {
        let bucket = BOUNDS.partition_point(|bound| *bound < value);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add((value * 1e9) as u64, Ordering::Relaxed);
    }
}

fn machine(bench: &mut Bench) {
    bench.row("machine", "search, lock xadd of bucket and of sum", ALL_THREADS, || {
        let bare = Bare::new();
        move |turn| seconds(turn, |value| bare.record(value))
    });
}

/// A histogram of tagmeter, as its definition has it.
fn defined(bench: &mut Bench, what: &str, settings: for<'r> fn(Define<'r>) -> Define<'r>) {
    bench.row("tagmeter", what, ALL_THREADS, move || {
        let registry = Registry::new();
        let histogram = settings(registry.define("size")).histogram().expect("the name is free");
        move |turn| seconds(turn, |value| histogram.record(value))
    });
}

fn buckets(bench: &mut Bench) {
    bench.group("14 buckets and sum");
    machine(bench);
    defined(bench, "Histogram::record", |define| define);
    bench.row("tagmeter", "Histogram::record_with_exemplar", ALL_THREADS, || {
        let histogram = Registry::new().histogram("h");
        move |turn| {
            seconds(turn, |value| histogram.record_with_exemplar(value, [("trace_id", "4bf92f3577b34da6")]))
        }
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
    bench.row("metrics", "Histogram::record, drained each 65 536", ALL_THREADS, || {
        let builder = metrics_exporter_prometheus::PrometheusBuilder::new();
        let recorder = builder.set_buckets(&BOUNDS).expect("not empty").build_recorder();
        let handle = recorder.handle();
        let histogram = recorder.register_histogram(&metrics::Key::from_static_name("size"), &METADATA);
        move |turn| {
            let values = &**SECONDS;
            turn.each(|n| {
                histogram.record(values[n % VALUES]);
                // What it keeps until then is a list of all values.
                if n % VALUES == VALUES - 1 {
                    handle.run_upkeep();
                }
            });
        }
    });
    bench.row("measured", "Histogram<14>::observe", ALL_THREADS, || {
        let bounds = measured::metric::histogram::Thresholds::<14>::with_buckets(BOUNDS);
        let histogram = measured::Histogram::with_metadata(bounds);
        move |turn| seconds(turn, |value| histogram.observe(value))
    });
    bench.row("opentelemetry", "Histogram::record", ALL_THREADS, || {
        let otel = Otel::new();
        let histogram = otel.meter.f64_histogram("size").with_boundaries(BOUNDS.to_vec()).build();
        move |turn| {
            let _keep = &otel;
            seconds(turn, |value| histogram.record(value, &[]));
        }
    });
    bench.row("opentelemetry", "BoundHistogram::record (experimental)", ALL_THREADS, || {
        let otel = Otel::new();
        let histogram = otel.meter.f64_histogram("size").with_boundaries(BOUNDS.to_vec()).build().bind(&[]);
        move |turn| {
            let _keep = &otel;
            seconds(turn, |value| histogram.record(value));
        }
    });
    bench.row("fastmetrics", "Histogram::observe", ALL_THREADS, || {
        let histogram = fastmetrics::metrics::histogram::Histogram::new(BOUNDS);
        move |turn| {
            seconds(turn, |value| {
                histogram.observe(value);
            });
        }
    });
    bench.row("metrics-lib", "Histogram::observe", ALL_THREADS, || {
        let histogram = metrics_lib::Histogram::with_buckets(BOUNDS);
        move |turn| seconds(turn, |value| histogram.observe(value))
    });
}

/// Eight buckets a doubling, where the crate lets one choose.
fn natives(bench: &mut Bench) {
    bench.group("native buckets");
    machine(bench);
    defined(bench, "Histogram::record, native", |define| define.native(NativeBuckets::default()));
    defined(bench, "Histogram::record, native and 14 buckets", |define| {
        define.native(NativeBuckets::default()).buckets(Buckets::default())
    });
    bench.row("prometheus-client", "Histogram::observe, schema 3", ALL_THREADS, || {
        use prometheus_client::metrics::histogram::{Histogram, NativeHistogramConfig};
        let histogram = Histogram::new_native(NativeHistogramConfig::with_schema(3));
        move |turn| seconds(turn, |value| histogram.observe(value))
    });
    bench.row("opentelemetry", "Histogram::record, base 2 exponential", ALL_THREADS, || {
        let otel = Otel::with_exponential_histograms();
        let histogram = otel.meter.f64_histogram("size").build();
        move |turn| {
            let _keep = &otel;
            seconds(turn, |value| histogram.record(value, &[]));
        }
    });
}

/// They take integers, and what they show may be half of a record.
fn integers(bench: &mut Bench) {
    bench.group("integers only");
    machine(bench);
    bench.row("tagmeter", "Timer::record", ALL_THREADS, || {
        let timer = Registry::new().timer("request");
        move |turn| nanos(turn, |value| timer.record(std::time::Duration::from_nanos(value)))
    });
    bench.row("fast-telemetry", "Histogram::record (sharded)", ALL_THREADS, || {
        let histogram = fast_telemetry::Histogram::new(&BOUNDS_NANOS, shards());
        move |turn| nanos(turn, |value| histogram.record(value))
    });
    bench.row("fast-telemetry", "Distribution::record (powers of two)", ALL_THREADS, || {
        let histogram = fast_telemetry::Distribution::new(shards());
        move |turn| nanos(turn, |value| histogram.record(value))
    });
}

fn quantiles(bench: &mut Bench) {
    bench.group("for quantiles");
    machine(bench);
    defined(bench, "Histogram::record, .quantiles()", |define| define.quantiles());
    bench.row("hdrhistogram", "Histogram::record (&mut, no sum)", ONE_THREAD, || {
        let histogram = Mutex::new(hdr());
        move |turn| {
            let Ok(mut histogram) = histogram.lock() else { return };
            nanos(turn, |value| {
                let _ = histogram.record(value);
            });
        }
    });
    bench.row("hdrhistogram", "sync Recorder::record (no sum)", ALL_THREADS, || {
        let histogram = hdr().into_sync();
        move |turn| {
            let mut recorder = histogram.recorder();
            nanos(turn, |value| {
                let _ = recorder.record(value);
            });
        }
    });
    bench.row("metriken", "AtomicCounterHistogram::increment (no sum)", ALL_THREADS, || {
        let histogram = metriken::AtomicCounterHistogram::new(7, 64);
        move |turn| {
            nanos(turn, |value| {
                let _ = histogram.increment(value);
            });
        }
    });
    bench.row("metriken", "ShardedCounterHistogram::increment (no sum)", ALL_THREADS, || {
        let histogram = metriken::ShardedCounterHistogram::new(7, 64);
        move |turn| {
            nanos(turn, |value| {
                let _ = histogram.increment(value);
            });
        }
    });
    bench.row("metrics-lib", "Summary::observe", ALL_THREADS, || {
        let summary = metrics_lib::Registry::new().summary("size");
        move |turn| seconds(turn, |value| summary.observe(value))
    });
    bench.row("metriki-core", "Histogram::update", ALL_THREADS, || {
        let histogram = metriki_core::MetricsRegistry::new().histogram("size");
        move |turn| nanos(turn, |value| histogram.update(value))
    });
}

/// One nanosecond to an hour, two digits.
fn hdr() -> hdrhistogram::Histogram<u64> {
    const HOUR_NANOS: u64 = 3_600_000_000_000;
    match hdrhistogram::Histogram::new_with_bounds(1, HOUR_NANOS, 2) {
        Ok(histogram) => histogram,
        Err(error) => unreachable!("{error}"),
    }
}

/// What a program does between two records.
struct Work {
    hash: u64,
    kept: [u64; 8],
}

impl Work {
    fn new() -> Self {
        Work { hash: 1, kept: [0; 8] }
    }

    /// Some 7.5 ns of hashing, each piece waiting for the last, and of stores.
    #[inline(always)]
    fn piece(&mut self, n: usize) {
        const ROUNDS: usize = 5;
        let mut hash = self.hash ^ n as u64;
        for round in 0..ROUNDS {
            hash = (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            self.kept[(n + round) % 8] = hash;
        }
        self.hash = hash;
    }
}

fn in_work(bench: &mut Bench) {
    bench.group("inside real work");
    bench.row("machine", "the work alone", ALL_THREADS, || {
        |turn: Turn| {
            let mut work = Work::new();
            turn.each(|n| work.piece(n));
            black_box((work.hash, work.kept));
        }
    });
    working(bench, "machine", "with two lock xadd", || {
        let bare = Bare::new();
        move |value| bare.record(value)
    });
    working(bench, "tagmeter", "with Histogram::record", || {
        let histogram = Registry::new().histogram("size");
        move |value| histogram.record(value)
    });
    working(bench, "tagmeter", "with Counter::inc", || {
        let counter = Registry::new().counter("hits");
        move |_value| counter.inc()
    });
    working(bench, "prometheus", "with Histogram::observe", || {
        let opts = prometheus::HistogramOpts::new("size", "Size.").buckets(BOUNDS.to_vec());
        let histogram = prometheus::Histogram::with_opts(opts).expect("the name is good");
        move |value| histogram.observe(value)
    });
    working(bench, "prometheus-client", "with Histogram::observe", || {
        let histogram = prometheus_client::metrics::histogram::Histogram::new(BOUNDS);
        move |value| histogram.observe(value)
    });
    working(bench, "fast-telemetry", "with Histogram::record (sharded)", || {
        let histogram = fast_telemetry::Histogram::new(&BOUNDS_NANOS, shards());
        move |value| histogram.record((value * 1e9) as u64)
    });
}

fn working<R: Fn(f64) + Send + Sync + 'static>(
    bench: &mut Bench,
    peer: &str,
    what: &str,
    make: impl Fn() -> R + Sync + 'static,
) {
    bench.row(peer, what, ALL_THREADS, move || {
        let record = make();
        move |turn: Turn| {
            let values = &**SECONDS;
            let mut work = Work::new();
            turn.each(|n| {
                work.piece(n);
                record(values[n % VALUES]);
            });
            black_box((work.hash, work.kept));
        }
    });
}
