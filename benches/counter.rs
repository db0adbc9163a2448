//! What does it cost to count, on a handle that is held?

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::Recorder;
use opentelemetry::KeyValue;
use tagmeter::{Counter, Registry};
use tagmeter_benches::peers::otel::Otel;
use tagmeter_benches::peers::series::{METADATA, shards};
use tagmeter_benches::{ALL_THREADS, Bench, ONE_THREAD};

fn main() {
    let mut bench = Bench::new("counter");
    counters(&mut bench);
    together(&mut bench);
    flushed_by_hand(&mut bench);
    meters(&mut bench);
    bench.run();
}

fn machine(bench: &mut Bench) {
    bench.row("machine", "lock xadd, one word", ALL_THREADS, || {
        let word = AtomicU64::new(0);
        move |turn| {
            turn.each(|_| {
                word.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
}

fn counters(bench: &mut Bench) {
    bench.group("one more, held handle");
    machine(bench);
    bench.row("machine", "load, add, store, one writer", ONE_THREAD, || {
        let word = AtomicU64::new(0);
        move |turn| turn.each(|_| word.store(word.load(Ordering::Relaxed) + 1, Ordering::Relaxed))
    });
    tagmeter(bench);
    prometheus(bench);
    others(bench);
}

/// What it costs that two are seen changed at once.
fn together(bench: &mut Bench) {
    bench.group("two counters, held handles");
    bench.row("machine", "load, add, store twice, one writer", ONE_THREAD, || {
        let words = [AtomicU64::new(0), AtomicU64::new(0)];
        let add = |word: &AtomicU64| word.store(word.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        move |turn| turn.each(|_| words.iter().for_each(add))
    });
    bench.row("tagmeter", "Counter::inc twice", ALL_THREADS, || {
        let counters = ["orders", "items"].map(|name| Registry::new().counter(name));
        move |turn| turn.each(|_| counters.iter().for_each(Counter::inc))
    });
    bench.row("tagmeter", "Registry::together, Counter::inc twice", ALL_THREADS, || {
        let registry = Registry::new();
        let counters = ["orders", "items"].map(|name| registry.counter(name));
        move |turn| turn.each(|_| registry.together(|| counters.iter().for_each(Counter::inc)))
    });
}

fn tagmeter(bench: &mut Bench) {
    bench.row("tagmeter", "Counter::inc", ALL_THREADS, || {
        let counter = Registry::new().counter("hits");
        move |turn| turn.each(|_| counter.inc())
    });
    bench.row("tagmeter", "static Counter", ALL_THREADS, || {
        static HITS: Counter = Counter::new("static_hits");
        |turn| turn.each(|_| HITS.inc())
    });
    bench.row("tagmeter", "Counter::inc_with_exemplar", ALL_THREADS, || {
        let counter = Registry::new().counter("hits");
        move |turn| turn.each(|_| counter.inc_with_exemplar([("trace_id", "4bf92f3577b34da6")]))
    });
    bench.row("tagmeter", "series of an open family, never contended", ONE_THREAD, || {
        let counter = open_series();
        move |turn| turn.each(|_| counter.inc())
    });
    bench.row("tagmeter", "the same after contention", ALL_THREADS, || {
        let counter = open_series();
        contend(&counter);
        move |turn| turn.each(|_| counter.inc())
    });
    bench.row("tagmeter", "UpDownCounter::inc", ALL_THREADS, || {
        let counter = Registry::new().up_down("jobs");
        move |turn| turn.each(|_| counter.inc())
    });
    bench.row("tagmeter", "FloatCounter::add", ALL_THREADS, || {
        let counter = Registry::new().float_counter("litres");
        move |turn| turn.each(|_| counter.add(0.5))
    });
}

/// One of as many series as a large open family has.
fn open_series() -> Counter {
    let registry = Registry::new();
    for n in 0..1_000 {
        registry.counter(("orders", [("city", n.to_string())])).inc();
    }
    registry.counter(("orders", [("city", "Oslo")]))
}

/// Two threads at once, often enough for them to have truly met, whatever else the machine does.
fn contend(counter: &Counter) {
    const TIMES: usize = 10;
    for _time in 0..TIMES {
        let together = Barrier::new(2);
        std::thread::scope(|scope| {
            for _thread in 0..2 {
                scope.spawn(|| {
                    together.wait();
                    (0..1_000_000).for_each(|_| counter.inc());
                });
            }
        });
    }
}

fn prometheus(bench: &mut Bench) {
    bench.row("prometheus", "IntCounter::inc", ALL_THREADS, || {
        let counter = prometheus::IntCounter::new("hits", "Hits.").expect("the name is good");
        move |turn| turn.each(|_| counter.inc())
    });
    bench.row("prometheus", "Counter::inc (f64)", ALL_THREADS, || {
        let counter = prometheus::Counter::new("hits", "Hits.").expect("the name is good");
        move |turn| turn.each(|_| counter.inc())
    });
    bench.row("prometheus-client", "Counter<u64>::inc", ALL_THREADS, || {
        let counter = prometheus_client::metrics::counter::Counter::<u64>::default();
        move |turn| {
            turn.each(|_| {
                counter.inc();
            });
        }
    });
}

fn others(bench: &mut Bench) {
    bench.row("metrics", "Counter::increment", ALL_THREADS, || {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let counter = recorder.register_counter(&metrics::Key::from_static_name("hits"), &METADATA);
        move |turn| turn.each(|_| counter.increment(1))
    });
    bench.row("measured", "Counter::inc", ALL_THREADS, || {
        let counter = measured::Counter::new();
        move |turn| turn.each(|_| counter.get_metric().inc())
    });
    bench.row("opentelemetry", "Counter::add(1, &[])", ALL_THREADS, || {
        let otel = Otel::new();
        let counter = otel.meter.u64_counter("hits").build();
        move |turn| {
            let _keep = &otel;
            turn.each(|_| counter.add(1, &[]));
        }
    });
    bench.row("opentelemetry", "BoundCounter::add (experimental)", ALL_THREADS, || {
        let otel = Otel::new();
        let counter = otel.meter.u64_counter("hits").build().bind(&[KeyValue::new("city", "Oslo")]);
        move |turn| {
            let _keep = &otel;
            turn.each(|_| counter.add(1));
        }
    });
    bench.row("metriken", "Counter::increment", ALL_THREADS, || {
        let counter = metriken::Counter::new();
        move |turn| {
            turn.each(|_| {
                counter.increment();
            });
        }
    });
    bench.row("metriken", "ShardedCounterGroup::increment (32 KiB)", ALL_THREADS, || {
        let group = metriken::ShardedCounterGroup::new(64);
        move |turn| {
            turn.each(|_| {
                group.increment(7);
            });
        }
    });
    bench.row("fastmetrics", "Counter<u64>::inc", ALL_THREADS, || {
        let counter = fastmetrics::metrics::counter::Counter::<u64>::default();
        move |turn| turn.each(|_| counter.inc())
    });
    bench.row("metrics-lib", "Counter::inc", ALL_THREADS, || {
        let counter = metrics_lib::Registry::new().counter("hits");
        move |turn| turn.each(|_| counter.inc())
    });
    bench.row("metrics-lib", "ShardedCounter::inc", ALL_THREADS, || {
        let counter = metrics_lib::ShardedCounter::new();
        move |turn| turn.each(|_| counter.inc())
    });
    bench.row("fast-telemetry", "Counter::inc (sharded)", ALL_THREADS, || {
        let counter = fast_telemetry::Counter::new(shards());
        move |turn| turn.each(|_| counter.inc())
    });
    bench.row("metriki-core", "Counter::inc", ALL_THREADS, || {
        let counter = metriki_core::MetricsRegistry::new().counter("hits");
        move |turn| turn.each(|_| counter.inc(1))
    });
}

/// A thread's own count, which reaches the counter only when the program says so.
fn flushed_by_hand(bench: &mut Bench) {
    bench.group("one more, flushed by hand");
    bench.row("machine", "load, add, store, one writer", ONE_THREAD, || {
        let word = AtomicU64::new(0);
        move |turn| turn.each(|_| word.store(word.load(Ordering::Relaxed) + 1, Ordering::Relaxed))
    });
    bench.row("tagmeter", "Counter::inc, nothing to flush", ONE_THREAD, || {
        let counter = Registry::new().counter("hits");
        move |turn| turn.each(|_| counter.inc())
    });
    bench.row("prometheus", "local IntCounter, flushed by hand each 1 024", ONE_THREAD, || {
        let counter = prometheus::IntCounter::new("hits", "Hits.").expect("the name is good");
        move |turn| {
            let local = counter.local();
            turn.each(|n| {
                local.inc();
                if n % 1_024 == 0 {
                    local.flush();
                }
            });
            local.flush();
        }
    });
}

fn meters(bench: &mut Bench) {
    bench.group("one more, with rates");
    machine(bench);
    bench.row("tagmeter", "Meter::mark", ALL_THREADS, || {
        let meter = Registry::new().meter("orders");
        move |turn| turn.each(|_| meter.mark())
    });
    bench.row("metrics-lib", "RateMeter::tick", ALL_THREADS, || {
        let meter = metrics_lib::RateMeter::new();
        move |turn| turn.each(|_| meter.tick())
    });
    bench.row("metriki-core", "Meter::mark", ALL_THREADS, || {
        let meter = metriki_core::MetricsRegistry::new().meter("orders");
        move |turn| turn.each(|_| meter.mark())
    });
}
