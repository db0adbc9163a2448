//! What does it cost to time a closure that does nothing?

use std::hint::black_box;
use std::time::Instant;

use metrics::Recorder;
use tagmeter::Registry;
use tagmeter_benches::inputs::{BOUNDS, BOUNDS_NANOS};
use tagmeter_benches::peers::otel::Otel;
use tagmeter_benches::peers::series::{METADATA, shards};
use tagmeter_benches::{ALL_THREADS, Bench};

fn main() {
    let mut bench = Bench::new("timer");
    bench.group("around an empty closure");
    bench.row("machine", "Instant::now twice, the difference as f64", ALL_THREADS, || {
        |turn| {
            turn.each(|_| {
                let start = Instant::now();
                black_box(start.elapsed().as_secs_f64());
            });
        }
    });
    tagmeter(&mut bench);
    prometheus(&mut bench);
    others(&mut bench);
    sampled(&mut bench);
    bench.run();
}

/// Most calls only counted.
fn sampled(bench: &mut Bench) {
    bench.group("around an empty closure, sampled");
    bench.row("machine", "Instant::now twice, for 1 in 32", ALL_THREADS, || {
        |turn| {
            turn.each(|n| {
                if n % 32 == 0 {
                    let start = Instant::now();
                    black_box(start.elapsed().as_secs_f64());
                }
            });
        }
    });
    bench.row("tagmeter", "Timer::time, 1 in 32", ALL_THREADS, || {
        let timer = Registry::new().timer("request").sampled(32);
        move |turn| turn.each(|_| timer.time(|| ()))
    });
    bench.row("tagmeter", "Timer::time, all of them", ALL_THREADS, || {
        let timer = Registry::new().timer("request");
        move |turn| turn.each(|_| timer.time(|| ()))
    });
    bench.row("fast-telemetry", "SampledTimer, 1 in 32", ALL_THREADS, || {
        let timer = fast_telemetry::SampledTimer::new(&BOUNDS_NANOS, shards(), 32);
        move |turn| turn.each(|_| drop(timer.start()))
    });
}

fn tagmeter(bench: &mut Bench) {
    bench.row("tagmeter", "Timer::time", ALL_THREADS, || {
        let timer = Registry::new().timer("request");
        move |turn| turn.each(|_| timer.time(|| ()))
    });
    bench.row("tagmeter", "Timer::start, drop", ALL_THREADS, || {
        let timer = Registry::new().timer("request");
        move |turn| turn.each(|_| drop(timer.start()))
    });
    // Here goes the timer with the `quanta` clock, when it exists.
}

fn prometheus(bench: &mut Bench) {
    let histogram = || {
        let opts = prometheus::HistogramOpts::new("request_seconds", "Time.").buckets(BOUNDS.to_vec());
        prometheus::Histogram::with_opts(opts).expect("the name is good")
    };
    bench.row("prometheus", "observe_closure_duration", ALL_THREADS, move || {
        let histogram = histogram();
        move |turn| turn.each(|_| histogram.observe_closure_duration(|| ()))
    });
    bench.row("prometheus", "start_timer, drop", ALL_THREADS, move || {
        let histogram = histogram();
        move |turn| turn.each(|_| drop(histogram.start_timer()))
    });
    bench.row("prometheus-client", "Instant, observe", ALL_THREADS, || {
        let histogram = prometheus_client::metrics::histogram::Histogram::new(BOUNDS);
        move |turn| {
            turn.each(|_| {
                let start = Instant::now();
                histogram.observe(start.elapsed().as_secs_f64());
            });
        }
    });
}

fn others(bench: &mut Bench) {
    bench.row("metrics", "Instant, record (not drained)", ALL_THREADS, || {
        let builder = metrics_exporter_prometheus::PrometheusBuilder::new();
        let recorder = builder.set_buckets(&BOUNDS).expect("not empty").build_recorder();
        let handle = recorder.handle();
        let histogram = recorder.register_histogram(&metrics::Key::from_static_name("request"), &METADATA);
        move |turn| {
            turn.each(|_| {
                let start = Instant::now();
                histogram.record(start.elapsed());
            });
            handle.run_upkeep();
        }
    });
    bench.row("measured", "start_timer, drop", ALL_THREADS, || {
        let bounds = measured::metric::histogram::Thresholds::<14>::with_buckets(BOUNDS);
        let histogram = measured::Histogram::with_metadata(bounds);
        move |turn| turn.each(|_| drop(histogram.start_timer()))
    });
    bench.row("opentelemetry", "Instant, record", ALL_THREADS, || {
        let otel = Otel::new();
        let histogram = otel.meter.f64_histogram("request").with_boundaries(BOUNDS.to_vec()).build();
        move |turn| {
            let _keep = &otel;
            turn.each(|_| {
                let start = Instant::now();
                histogram.record(start.elapsed().as_secs_f64(), &[]);
            });
        }
    });
    bench.row("metriken", "Instant, increment (no sum)", ALL_THREADS, || {
        let histogram = metriken::AtomicCounterHistogram::new(7, 64);
        move |turn| {
            turn.each(|_| {
                let start = Instant::now();
                let _ = histogram.increment(start.elapsed().as_nanos() as u64);
            });
        }
    });
    bench.row("fastmetrics", "Instant, observe", ALL_THREADS, || {
        let histogram = fastmetrics::metrics::histogram::Histogram::new(BOUNDS);
        move |turn| {
            turn.each(|_| {
                let start = Instant::now();
                histogram.observe(start.elapsed().as_secs_f64());
            });
        }
    });
    bench.row("metrics-lib", "Timer::start, drop (no buckets)", ALL_THREADS, || {
        let timer = metrics_lib::Registry::new().timer("request");
        move |turn| turn.each(|_| drop(timer.start()))
    });
    bench.row("metriki-core", "Timer::scoped", ALL_THREADS, || {
        let timer = metriki_core::MetricsRegistry::new().timer("request");
        move |turn| turn.each(|_| timer.scoped(|| ()))
    });
}
