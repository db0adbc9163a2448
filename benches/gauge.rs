//! What does it cost to set a gauge, and to add to one?

use std::sync::atomic::{AtomicU64, Ordering};

use metrics::Recorder;
use tagmeter::Registry;
use tagmeter_benches::inputs::{SECONDS, VALUES};
use tagmeter_benches::peers::otel::Otel;
use tagmeter_benches::peers::series::METADATA;
use tagmeter_benches::{ALL_THREADS, Bench, Turn};

fn main() {
    let mut bench = Bench::new("gauge");
    set(&mut bench);
    add(&mut bench);
    bench.run();
}

/// Each of the random values in turn.
#[inline(always)]
fn values(turn: Turn, mut take: impl FnMut(f64)) {
    let values = &**SECONDS;
    turn.each(|n| take(values[n % VALUES]));
}

fn set(bench: &mut Bench) {
    bench.group("set");
    bench.row("machine", "relaxed store", ALL_THREADS, || {
        let word = AtomicU64::new(0);
        move |turn| values(turn, |value| word.store(value.to_bits(), Ordering::Relaxed))
    });
    bench.row("tagmeter", "Gauge::set", ALL_THREADS, || {
        let gauge = Registry::new().gauge("depth");
        move |turn| values(turn, |value| gauge.set(value))
    });
    bench.row("prometheus", "Gauge::set", ALL_THREADS, || {
        let gauge = prometheus::Gauge::new("depth", "Depth.").expect("the name is good");
        move |turn| values(turn, |value| gauge.set(value))
    });
    bench.row("prometheus-client", "Gauge<f64>::set", ALL_THREADS, || {
        let gauge = prometheus_client::metrics::gauge::Gauge::<f64, AtomicU64>::default();
        move |turn| {
            values(turn, |value| {
                gauge.set(value);
            });
        }
    });
    bench.row("metrics", "Gauge::set", ALL_THREADS, || {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let gauge = recorder.register_gauge(&metrics::Key::from_static_name("depth"), &METADATA);
        move |turn| values(turn, |value| gauge.set(value))
    });
    bench.row("measured", "FloatGauge::set", ALL_THREADS, || {
        let gauge = measured::FloatGauge::new();
        move |turn| values(turn, |value| gauge.get_metric().set(value))
    });
    bench.row("opentelemetry", "Gauge::record", ALL_THREADS, || {
        let otel = Otel::new();
        let gauge = otel.meter.f64_gauge("depth").build();
        move |turn| {
            let _keep = &otel;
            values(turn, |value| gauge.record(value, &[]));
        }
    });
    bench.row("metriken", "Gauge::set (i64)", ALL_THREADS, || {
        let gauge = metriken::Gauge::new();
        move |turn| {
            values(turn, |value| {
                gauge.set(value as i64);
            });
        }
    });
    bench.row("fastmetrics", "Gauge<f64>::set", ALL_THREADS, || {
        let gauge = fastmetrics::metrics::gauge::Gauge::<f64>::default();
        move |turn| values(turn, |value| gauge.set(value))
    });
    bench.row("metrics-lib", "Gauge::set", ALL_THREADS, || {
        let gauge = metrics_lib::Registry::new().gauge("depth");
        move |turn| values(turn, |value| gauge.set(value))
    });
    bench.row("fast-telemetry", "GaugeF64::set", ALL_THREADS, || {
        let gauge = fast_telemetry::GaugeF64::new();
        move |turn| values(turn, |value| gauge.set(value))
    });
}

fn add(bench: &mut Bench) {
    bench.group("add");
    bench.row("machine", "CAS loop, one word", ALL_THREADS, || {
        let word = AtomicU64::new(0);
        move |turn| {
            values(turn, |value| {
                let more = |bits| Some((f64::from_bits(bits) + value).to_bits());
                let _ = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
            });
        }
    });
    bench.row("tagmeter", "Gauge::add", ALL_THREADS, || {
        let gauge = Registry::new().gauge("depth");
        move |turn| values(turn, |value| gauge.add(value))
    });
    bench.row("prometheus", "Gauge::add", ALL_THREADS, || {
        let gauge = prometheus::Gauge::new("depth", "Depth.").expect("the name is good");
        move |turn| values(turn, |value| gauge.add(value))
    });
    bench.row("prometheus-client", "Gauge<f64>::inc_by", ALL_THREADS, || {
        let gauge = prometheus_client::metrics::gauge::Gauge::<f64, AtomicU64>::default();
        move |turn| {
            values(turn, |value| {
                gauge.inc_by(value);
            });
        }
    });
    bench.row("metrics", "Gauge::increment", ALL_THREADS, || {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let gauge = recorder.register_gauge(&metrics::Key::from_static_name("depth"), &METADATA);
        move |turn| values(turn, |value| gauge.increment(value))
    });
    bench.row("measured", "FloatGauge::inc_by", ALL_THREADS, || {
        let gauge = measured::FloatGauge::new();
        move |turn| values(turn, |value| gauge.get_metric().inc_by(value))
    });
    bench.row("opentelemetry", "UpDownCounter::add (f64)", ALL_THREADS, || {
        let otel = Otel::new();
        let gauge = otel.meter.f64_up_down_counter("depth").build();
        move |turn| {
            let _keep = &otel;
            values(turn, |value| gauge.add(value, &[]));
        }
    });
    bench.row("fastmetrics", "Gauge<f64>::inc_by", ALL_THREADS, || {
        let gauge = fastmetrics::metrics::gauge::Gauge::<f64>::default();
        move |turn| values(turn, |value| gauge.inc_by(value))
    });
    bench.row("metrics-lib", "Gauge::add", ALL_THREADS, || {
        let gauge = metrics_lib::Registry::new().gauge("depth");
        move |turn| values(turn, |value| gauge.add(value))
    });
}
