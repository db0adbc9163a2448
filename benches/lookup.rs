//! What does it cost to find a series by its tags and count?

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::Recorder;
use opentelemetry::KeyValue;
use tagmeter::Registry;
use tagmeter_benches::inputs::{PLACES, ROUTES, STATUSES, TEXT, VALUES};
use tagmeter_benches::peers::labels::{self, Enums, Known, OwnedText, Route, StaticText, Status, Typed};
use tagmeter_benches::peers::otel::Otel;
use tagmeter_benches::peers::series::{METADATA, shards};
use tagmeter_benches::{ALL_THREADS, Bench, Turn};

fn main() {
    let mut bench = Bench::new("lookup");
    strings(&mut bench);
    structs(&mut bench);
    constants(&mut bench);
    names(&mut bench);
    bench.run();
}

/// Each of the random pairs in turn, as text that no crate has seen the address of.
#[inline(always)]
fn pairs(turn: Turn, mut take: impl FnMut(&str, &str)) {
    let text = &*TEXT;
    turn.each(|n| {
        let (route, status) = text.pair(n);
        take(route, status);
    });
}

/// The same as indices.
#[inline(always)]
fn places(turn: Turn, mut take: impl FnMut(usize, usize)) {
    let places = &**PLACES;
    turn.each(|n| {
        let (route, status) = places[n % VALUES];
        take(route.into(), status.into());
    });
}

fn one_by_one(mut take: impl FnMut(&str, &str)) {
    for route in ROUTES {
        STATUSES.iter().for_each(|status| take(route, status));
    }
}

fn strings(bench: &mut Bench) {
    bench.group("two strings");
    bench.row("machine", "SipHash of both, lock xadd", ALL_THREADS, || {
        let state = std::hash::RandomState::new();
        let words: [AtomicU64; 64] = [const { AtomicU64::new(0) }; 64];
        move |turn| {
            pairs(turn, |route, status| {
                let hash = state.hash_one((route, status));
                words[hash as usize % 64].fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    bench.row("tagmeter", "family.with([&str; 2]).inc()", ALL_THREADS, || {
        let registry = Registry::new();
        let family =
            registry.define("requests").tags(["route", "status"]).counters().expect("the name is free");
        one_by_one(|route, status| family.with([route, status]).inc());
        move |turn| pairs(turn, |route, status| family.with([route, status]).inc())
    });
    bench.row("tagmeter", "counter!(\"…\", \"…\" => route, \"…\" => status)", ALL_THREADS, || {
        |turn| {
            pairs(turn, |route, status| {
                tagmeter::counter!("macro_requests", "route" => route, "status" => status).inc();
            });
        }
    });
    bench.row("tagmeter", "registry.counter((name, [(k, v); 2]))", ALL_THREADS, || {
        let registry = Registry::new();
        move |turn| {
            pairs(turn, |route, status| {
                registry.counter(("requests", [("route", route), ("status", status)])).inc();
            });
        }
    });
    bench.row("tagmeter", "removable family.with([&str; 2], inc)", ALL_THREADS, || {
        let registry = Registry::new();
        let definition = registry.define("requests").tags(["route", "status"]).removable();
        let family = definition.counters().expect("the name is free");
        one_by_one(|route, status| family.with([route, status], |counter| counter.inc()));
        move |turn| pairs(turn, |route, status| family.with([route, status], |counter| counter.inc()))
    });
    bench.row("prometheus", "with_label_values.inc", ALL_THREADS, || {
        let opts = prometheus::Opts::new("requests_total", "Requests.");
        let family = prometheus::IntCounterVec::new(opts, &["route", "status"]).expect("the name is good");
        move |turn| pairs(turn, |route, status| family.with_label_values(&[route, status]).inc())
    });
    bench.row("prometheus-client", "Family<struct of String>", ALL_THREADS, || {
        use prometheus_client::metrics::{counter::Counter, family::Family};
        let family = Family::<OwnedText, Counter>::default();
        move |turn| {
            pairs(turn, |route, status| {
                let labels = OwnedText { route: route.to_owned(), status: status.to_owned() };
                family.get_or_create(&labels).inc();
            });
        }
    });
    bench.row("metrics", "register_counter, String values", ALL_THREADS, || {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        move |turn| {
            pairs(turn, |route, status| {
                let label = |key, value: &str| metrics::Label::new(key, value.to_owned());
                let labels = vec![label("route", route), label("status", status)];
                recorder
                    .register_counter(&metrics::Key::from_parts("requests", labels), &METADATA)
                    .increment(1);
            });
        }
    });
    bench.row("measured", "CounterVec, values known beforehand", ALL_THREADS, || {
        let family = measured::CounterVec::with_label_set(labels::known_set());
        move |turn| pairs(turn, |route, status| family.inc(Known { route, status }))
    });
    bench.row("measured", "CounterVec, any values", ALL_THREADS, || {
        let family = measured::CounterVec::with_label_set(labels::any_set());
        move |turn| pairs(turn, |route, user| family.inc(labels::Any { route, user }))
    });
    bench.row("opentelemetry", "add(1, [KeyValue; 2])", ALL_THREADS, || {
        let otel = Otel::new();
        let counter = otel.meter.u64_counter("requests").build();
        move |turn| {
            let _keep = &otel;
            pairs(turn, |route, status| {
                let labels =
                    [KeyValue::new("route", route.to_owned()), KeyValue::new("status", status.to_owned())];
                counter.add(1, &labels);
            });
        }
    });
    bench.row("fastmetrics", "Family<struct of String>", ALL_THREADS, || {
        use fastmetrics::metrics::{counter::Counter, family::Family};
        let family = Family::<OwnedText, Counter>::default();
        move |turn| {
            pairs(turn, |route, status| {
                let labels = OwnedText { route: route.to_owned(), status: status.to_owned() };
                family.with_or_new(&labels, |counter| counter.inc());
            });
        }
    });
    bench.row("metrics-lib", "counter_with(name, &LabelSet)", ALL_THREADS, || {
        let registry = metrics_lib::Registry::new();
        move |turn| {
            pairs(turn, |route, status| {
                let labels =
                    metrics_lib::LabelSet::from([("route", route.to_owned()), ("status", status.to_owned())]);
                registry.counter_with("requests", &labels).inc();
            });
        }
    });
    bench.row("fast-telemetry", "DynamicCounter::inc(&[(k, v); 2])", ALL_THREADS, || {
        let family = fast_telemetry::DynamicCounter::new(shards());
        move |turn| pairs(turn, |route, status| family.inc(&[("route", route), ("status", status)]))
    });
    bench.row("metriki-core", "counter_with_tags", ALL_THREADS, || {
        use metriki_core::key::Tag;
        let registry = metriki_core::MetricsRegistry::new();
        move |turn| {
            pairs(turn, |route, status| {
                let tags = vec![Tag::new("route", route), Tag::new("status", status)];
                registry.counter_with_tags("requests", tags).inc(1);
            });
        }
    });
}

/// Tags as `tagmeter` takes them from any type that serialises.
#[derive(serde::Serialize)]
struct Request {
    route: RouteTag,
    status: u16,
}

#[derive(Clone, Copy, serde::Serialize, tagmeter::TagValue)]
enum RouteTag {
    Root,
    Orders,
    Order,
    Customer,
    Health,
}

const ROUTE_TAGS: [RouteTag; 5] =
    [RouteTag::Root, RouteTag::Orders, RouteTag::Order, RouteTag::Customer, RouteTag::Health];

#[derive(Clone, Copy, tagmeter::TagValue)]
enum StatusTag {
    Ok,
    Created,
    NoContent,
    NotModified,
    BadRequest,
    Unauthorized,
    NotFound,
    Conflict,
    Error,
    Unavailable,
}

const STATUS_TAGS: [StatusTag; 10] = [
    StatusTag::Ok,
    StatusTag::Created,
    StatusTag::NoContent,
    StatusTag::NotModified,
    StatusTag::BadRequest,
    StatusTag::Unauthorized,
    StatusTag::NotFound,
    StatusTag::Conflict,
    StatusTag::Error,
    StatusTag::Unavailable,
];

#[derive(tagmeter::Tags)]
struct EnumTags {
    route: RouteTag,
    status: StatusTag,
}

#[derive(tagmeter::Tags)]
struct EnumTag {
    route: RouteTag,
}

#[derive(tagmeter::Tags)]
struct TextTags {
    route: &'static str,
    status: u16,
}

fn structs(bench: &mut Bench) {
    bench.group("two typed tags, or text that lives for ever");
    bench.row("machine", "index of both, lock xadd", ALL_THREADS, || {
        let words: [AtomicU64; 50] = [const { AtomicU64::new(0) }; 50];
        move |turn| {
            places(turn, |route, status| {
                words[(route * STATUSES.len() + status) % 50].fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    bench.row("tagmeter", "derived tags: two enums", ALL_THREADS, || {
        let registry = Registry::new();
        let family = registry.define("requests").typed::<EnumTags>().counters().expect("the name is free");
        move |turn| {
            places(turn, |route, status| {
                family.with(&EnumTags { route: ROUTE_TAGS[route], status: STATUS_TAGS[status] }).inc();
            });
        }
    });
    bench.row("tagmeter", "derived tags: one enum", ALL_THREADS, || {
        let registry = Registry::new();
        let family = registry.define("requests").typed::<EnumTag>().counters().expect("the name is free");
        move |turn| places(turn, |route, _| family.with(&EnumTag { route: ROUTE_TAGS[route] }).inc())
    });
    bench.row("tagmeter", "derived tags: &str and u16", ALL_THREADS, || {
        let registry = Registry::new();
        let family = registry.define("requests").typed::<TextTags>().counters().expect("the name is free");
        move |turn| {
            places(turn, |route, status| {
                family.with(&TextTags { route: ROUTES[route], status: Status::CODES[status] }).inc();
            });
        }
    });
    bench.row("tagmeter", "typed_serde: enum and u16", ALL_THREADS, || {
        let registry = Registry::new();
        let family =
            registry.define("requests").typed_serde::<Request>().counters().expect("the name is free");
        move |turn| {
            places(turn, |route, status| {
                family.with(&Request { route: ROUTE_TAGS[route], status: Status::CODES[status] }).inc();
            });
        }
    });
    bench.row("prometheus-client", "Family<struct {enum, u16}>", ALL_THREADS, || {
        use prometheus_client::metrics::{counter::Counter, family::Family};
        let family = Family::<Typed, Counter>::default();
        move |turn| {
            places(turn, |route, status| {
                let labels = Typed { route: Route::ALL[route], status: Status::CODES[status] };
                family.get_or_create(&labels).inc();
            });
        }
    });
    bench.row("prometheus-client", "Family<struct of &'static str>", ALL_THREADS, || {
        use prometheus_client::metrics::{counter::Counter, family::Family};
        let family = Family::<StaticText, Counter>::default();
        move |turn| {
            places(turn, |route, status| {
                family.get_or_create(&StaticText { route: ROUTES[route], status: STATUSES[status] }).inc();
            });
        }
    });
    bench.row("measured", "CounterVec, two enums", ALL_THREADS, || {
        let family = measured::CounterVec::with_label_set(labels::enums_set());
        move |turn| {
            places(turn, |route, status| {
                family.inc(Enums { route: Route::ALL[route], status: Status::ALL[status] });
            });
        }
    });
    bench.row("fastmetrics", "Family<struct {enum, u16}>", ALL_THREADS, || {
        use fastmetrics::metrics::{counter::Counter, family::Family};
        let family = Family::<Typed, Counter>::default();
        move |turn| {
            places(turn, |route, status| {
                let labels = Typed { route: Route::ALL[route], status: Status::CODES[status] };
                family.with_or_new(&labels, |counter| counter.inc());
            });
        }
    });
    bench.row("fastmetrics", "Family<struct of &'static str>", ALL_THREADS, || {
        use fastmetrics::metrics::{counter::Counter, family::Family};
        let family = Family::<StaticText, Counter>::default();
        move |turn| {
            places(turn, |route, status| {
                let labels = StaticText { route: ROUTES[route], status: STATUSES[status] };
                family.with_or_new(&labels, |counter| counter.inc());
            });
        }
    });
    bench.row("metrics", "register_counter, &'static str values", ALL_THREADS, || {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        move |turn| {
            places(turn, |route, status| {
                let label = metrics::Label::from_static_parts;
                let labels = vec![label("route", ROUTES[route]), label("status", STATUSES[status])];
                recorder
                    .register_counter(&metrics::Key::from_parts("requests", labels), &METADATA)
                    .increment(1);
            });
        }
    });
    bench.row("fast-telemetry", "LabeledCounter, one enum", ALL_THREADS, || {
        let family = fast_telemetry::LabeledCounter::<OneRoute>::new(shards());
        move |turn| places(turn, |route, _| family.inc(OneRoute(route)))
    });
}

/// One tag, by index: two are beyond it.
#[derive(Debug, Clone, Copy)]
struct OneRoute(usize);

impl fast_telemetry::LabelEnum for OneRoute {
    const CARDINALITY: usize = ROUTES.len();
    const LABEL_NAME: &'static str = "route";

    fn as_index(self) -> usize {
        self.0
    }

    fn from_index(index: usize) -> Self {
        OneRoute(index)
    }

    fn variant_name(self) -> &'static str {
        ROUTES.get(self.0).copied().unwrap_or("other")
    }
}

fn constants(bench: &mut Bench) {
    bench.group("constant tags at the call site");
    bench.row("machine", "lock xadd, one word", ALL_THREADS, || {
        static WORD: AtomicU64 = AtomicU64::new(0);
        |turn: Turn| {
            turn.each(|_| {
                WORD.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    bench.row("tagmeter", "counter!(\"…\").inc()", ALL_THREADS, || {
        |turn: Turn| turn.each(|_| tagmeter::counter!("macro_hits").inc())
    });
    bench.row(
        "tagmeter",
        "counter!(\"…\", \"…\" => \"…\", \"…\" => \"…\").inc()",
        ALL_THREADS,
        || {
            |turn: Turn| {
                turn.each(|_| tagmeter::counter!("macro_orders", "city" => "Oslo", "kind" => "new").inc());
            }
        },
    );
    bench.row("metrics", "counter!(\"…\").increment(1)", ALL_THREADS, || {
        install_metrics();
        |turn: Turn| turn.each(|_| metrics::counter!("hits").increment(1))
    });
    bench.row(
        "metrics",
        "counter!(\"…\", \"…\" => \"…\", \"…\" => \"…\").increment(1)",
        ALL_THREADS,
        || {
            install_metrics();
            |turn: Turn| {
                turn.each(|_| metrics::counter!("orders", "city" => "Oslo", "kind" => "new").increment(1))
            }
        },
    );
}

/// Its macros use the recorder of the whole program.
fn install_metrics() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    // The second call is refused, and need not succeed.
    let _ = metrics::set_global_recorder(recorder);
}

fn names(bench: &mut Bench) {
    const NAMES: [&str; 4] = ["hits", "orders", "payments", "parcels"];
    bench.group("by name, no tags");
    bench.row("machine", "SipHash of the name, lock xadd", ALL_THREADS, || {
        let state = std::hash::RandomState::new();
        let words: [AtomicU64; 64] = [const { AtomicU64::new(0) }; 64];
        move |turn| {
            places(turn, |route, _| {
                words[state.hash_one(NAMES[route % 4]) as usize % 64].fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    bench.row("tagmeter", "registry.counter(name).inc()", ALL_THREADS, || {
        let registry = Registry::new();
        move |turn| places(turn, |route, _| registry.counter(NAMES[route % 4]).inc())
    });
    bench.row("metrics", "register_counter(name)", ALL_THREADS, || {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        move |turn| {
            places(turn, |route, _| {
                recorder
                    .register_counter(&metrics::Key::from_static_name(NAMES[route % 4]), &METADATA)
                    .increment(1);
            });
        }
    });
    bench.row("metrics-lib", "registry.counter(name)", ALL_THREADS, || {
        let registry = metrics_lib::Registry::new();
        move |turn| places(turn, |route, _| registry.counter(NAMES[route % 4]).inc())
    });
    bench.row("metriki-core", "registry.counter(name)", ALL_THREADS, || {
        let registry = metriki_core::MetricsRegistry::new();
        move |turn| places(turn, |route, _| registry.counter(NAMES[route % 4]).inc(1))
    });
}
