//! Exemplars from the span that is running: OpenTelemetry's, and that of `tracing` where it makes spans of OpenTelemetry.

#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::cell::RefCell;
use std::time::Duration;

use opentelemetry::trace::{Span, SpanContext, TraceContextExt, Tracer, TracerProvider};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tagmeter::model::Exemplar;
use tagmeter::stat::{Buckets, NativeBuckets};
use tagmeter::{Registry, Timer, clock::ManualClock};
use tracing_subscriber::layer::SubscriberExt;

/// The exemplars of a name's only series.
fn exemplars(registry: &Registry, name: &str) -> Vec<Exemplar> {
    let snapshot = registry.snapshot();
    let family = snapshot.families().iter().find(|family| family.name == name).unwrap();
    family.series.first().unwrap().exemplars().cloned().collect()
}

/// The labels of a span's exemplar.
fn labels(span: &SpanContext) -> Vec<(String, String)> {
    let ids = [("trace_id", span.trace_id().to_string()), ("span_id", span.span_id().to_string())];
    ids.map(|(name, id)| (name.to_owned(), id)).to_vec()
}

fn labels_of(exemplar: &Exemplar) -> Vec<(String, String)> {
    exemplar.labels().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn provider(sampler: Sampler) -> SdkTracerProvider {
    SdkTracerProvider::builder().with_sampler(sampler).build()
}

/// Runs work in a span, and tells which.
fn in_span(provider: &SdkTracerProvider, work: impl FnOnce()) -> SpanContext {
    let span = provider.tracer("test").start("work");
    let context = span.span_context().clone();
    let _running = opentelemetry::Context::current_with_span(span).attach();
    work();
    context
}

#[test]
fn every_kind_of_count_has_the_span_it_was_made_in() {
    let registry = Registry::new();
    let orders = registry.define("orders").exemplars().counter().unwrap();
    let joules = registry.define("joules").exemplars().float_counter().unwrap();
    let sizes = registry.define("sizes").exemplars().histogram().unwrap();
    let natives =
        registry.define("natives").exemplars().native(NativeBuckets::default()).histogram().unwrap();
    let recent = registry.define("recent").exemplars().quantiles().histogram().unwrap();
    let both = registry.define("both").exemplars().native(NativeBuckets::default());
    let both = both.buckets(Buckets::default()).histogram().unwrap();
    let waits = registry.define("waits").exemplars().timer().unwrap();
    let tagged = registry.define("tagged").tags(["route"]).exemplars().counters().unwrap();
    let span = in_span(&provider(Sampler::AlwaysOn), || {
        orders.add(3);
        joules.add(0.5);
        [&sizes, &natives, &recent, &both].iter().for_each(|histogram| histogram.record(0.5));
        waits.record(Duration::from_millis(500));
        tagged.with(["/orders"]).add(3);
    });
    let expected = [
        ("orders", 3.0),
        ("joules", 0.5),
        ("sizes", 0.5),
        ("natives", 0.5),
        ("recent", 0.5),
        ("both", 0.5),
        ("waits", 0.5),
        ("tagged", 3.0),
    ];
    for (name, value) in expected {
        let found = exemplars(&registry, name);
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        assert_eq!((labels_of(&found[0]), found[0].value()), (labels(&span), value), "{name}");
    }
}

#[test]
fn what_nobody_defined_so_or_no_span_or_an_unsampled_one_has_none() {
    let registry = Registry::new();
    let orders = registry.define("orders").exemplars().counter().unwrap();
    orders.inc();
    in_span(&provider(Sampler::AlwaysOff), || orders.inc());
    in_span(&provider(Sampler::AlwaysOn), || registry.counter("plain").inc());
    assert_eq!((exemplars(&registry, "orders"), exemplars(&registry, "plain")), (vec![], vec![]));
    assert_eq!(orders.get(), 2);
}

#[test]
fn a_span_of_tracing_is_that_of_opentelemetry() {
    let provider = provider(Sampler::AlwaysOn);
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let subscriber = tracing_subscriber::registry().with(layer);
    let registry = Registry::new();
    let waits = registry.define("waits").exemplars().timer().unwrap();
    let ids = tracing::subscriber::with_default(subscriber, || {
        let _entered = tracing::info_span!("handle").entered();
        waits.record(Duration::from_millis(3));
        opentelemetry::Context::current().span().span_context().clone()
    });
    assert!(ids.is_valid());
    assert_eq!(exemplars(&registry, "waits").iter().map(labels_of).collect::<Vec<_>>(), [labels(&ids)]);
}

#[test]
fn a_bucket_has_one_every_tenth_of_a_second_and_all_are_counted() {
    let clock = ManualClock::new();
    let registry = Registry::builder().clock(clock.clone()).build();
    let orders = registry.define("orders").exemplars().counter().unwrap();
    let provider = provider(Sampler::AlwaysOn);
    let first = in_span(&provider, || orders.inc());
    in_span(&provider, || orders.inc());
    assert_eq!(labels_of(&exemplars(&registry, "orders")[0]), labels(&first));
    clock.advance(Duration::from_millis(100));
    let later = in_span(&provider, || orders.inc());
    assert_eq!(labels_of(&exemplars(&registry, "orders")[0]), labels(&later));
    assert_eq!(orders.get(), 3);
}

/// Records twice in this thread: in a span, and where its thread-locals go, after OpenTelemetry's.
fn record_at_the_end(waits: &Timer) {
    struct Late(Timer);
    impl Drop for Late {
        fn drop(&mut self) {
            self.0.record(Duration::from_secs(1));
        }
    }
    thread_local!(static LATE: RefCell<Option<Late>> = const { RefCell::new(None) });
    // First, and so the last to go.
    LATE.set(Some(Late(waits.clone())));
    in_span(&provider(Sampler::AlwaysOn), || waits.record(Duration::from_millis(1)));
}

#[test]
fn a_record_in_a_thread_that_has_no_context_any_more_has_no_span() {
    let registry = Registry::new();
    let waits = registry.define("waits").exemplars().timer().unwrap();
    std::thread::scope(|scope| scope.spawn(|| record_at_the_end(&waits)).join().unwrap());
    let snapshot = registry.snapshot();
    let values: Vec<f64> = exemplars(&registry, "waits").iter().map(Exemplar::value).collect();
    assert_eq!((values, waits.value().count()), (vec![0.001], 2));
    assert_eq!(snapshot.value(("tagmeter_problems", [("reason", "callback_panicked")])), None);
}

#[test]
fn threads_count_all_while_each_has_spans_of_its_own() {
    let registry = Registry::new();
    let orders = registry.define("orders").exemplars().counter().unwrap();
    let provider = provider(Sampler::AlwaysOn);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..500).for_each(|_| _ = in_span(&provider, || orders.inc())));
        }
    });
    assert_eq!(orders.get(), 2000);
    assert_eq!(exemplars(&registry, "orders").len(), 1);
}
