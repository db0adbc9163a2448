//! Instrument once. Recording never takes the program down, every format and backend reads the same snapshot, nothing
//! recorded is lost, and a browser shows it as text.
//!
//! ```
//! use tagmeter::Registry;
//!
//! let registry = Registry::new();
//! let requests = registry.define("requests").help("Requests served.").tags(["route", "status"]).counters()?;
//! requests.with(["/orders", "200"]).inc();
//!
//! let page = registry.snapshot().to_text();
//! assert!(page.contains(r#"requests_total{route="/orders",status="200"} 1"#));
//! # Ok::<(), tagmeter::registry::RegisterError>(())
//! ```
//!
//! ```text
//! instrumented code ─▶ instrument ─▶ cells          registry ──snapshot()──▶ model ──┬─ samples ─▶ text · openmetrics · protobuf
//!    orders.inc()       Counter      per thread     name+tags → instrument           └─ fields  ─▶ apptuit
//!                                                   collectors
//! ```
//!
//! | module | what is in it |
//! |---|---|
//! | [`metric`] | instruments: [`Counter`], [`Gauge`], [`Meter`], [`Timer`], [`Histogram`] and more |
//! | [`registry`] | names, definitions, families, collectors, the [`global`] registry |
//! | [`model`] | a snapshot: plain data |
//! | [`encode`], [`parse`] | bytes of a format from a snapshot, and back |
//! | [`http`] | answers to scrapes for any web server, and a server of our own |
//! | [`report`] | pushes on an interval: [`Reporter`], `apptuit`, the spool |
//! | `transport` | how pushes travel: credentials, proxies, certificates, timeouts (feature `apptuit`) |
//! | [`lint`], [`catalogue`] | what is odd about a registry's metrics, and a list of them |
//! | `collect`, `query` | what the process has used; what was sent to Apptuit (features `process`, `query`) |
//! | [`tag`], [`stat`], [`clock`] | tags and their rules, the mathematics, time |
//!
//! # Before you choose it
//!
//! - Counters, meters, timers and histograms are written to cells of each thread's own, without a locked operation; a series
//!   of a large family gets them once threads fight over it. Levels are one shared word. Quantiles wait in a buffer of
//!   each thread's, 512 bytes a series, and 6 KiB more a series are the window.
//! - Formats are Prometheus text, OpenMetrics 1.0 and JSON, and with the feature `protobuf` Prometheus' own, the only one
//!   that Prometheus takes native histograms from.
//! - Pushes go to Apptuit and OpenTSDB-style endpoints. What they do not take waits, bounded: in memory, which goes with the
//!   program when it ends, or with the feature `spool` on disk. What is dropped is counted.
//! - A removed series is hidden and keeps its memory, unless its family was defined to give it back.
//!
//! # By name, created once
//!
//! ```
//! # let registry = tagmeter::Registry::new();
//! # struct Queue; impl Queue { fn bytes(&self) -> usize { 7 } }
//! # struct Nic; impl Nic { fn packets(&self) -> u64 { 7 } }
//! # let (queue, nic) = (Queue, Nic);
//! registry.counter("order_count").inc();
//! registry.counter(("order_count", [("city", "Oslo")])).inc();    // a series of its own
//! registry.up_down("jobs_running").dec();
//! registry.gauge("queue_depth").set(17.0);
//! registry.gauge_fn("queue_bytes", move || queue.bytes() as f64); // asked at each scrape and push
//! registry.counter_fn("kernel_packets", move || nic.packets());   // a count kept elsewhere
//! registry.meter("order_rate").mark();
//! registry.histogram("response_bytes").record(512.0);
//! let timing = registry.timer("handle_order").start();            // records when dropped
//! ```
//!
//! The same name gives the same instrument. A name that already means another kind gives a working instrument that is
//! exposed nowhere, one log line, and `tagmeter_problems_total`. Nothing here panics or returns a lock guard.
//!
//! # Defined, with everything said once
//!
//! ```
//! # use tagmeter::{Timer, stat::Buckets};
//! # let registry = tagmeter::Registry::new();
//! let latency = registry
//!     .define("request")
//!     .help("Time to answer a request.")
//!     .tags(["route"])
//!     .buckets(Buckets::exponential(0.001, 2.0, 12)?)
//!     .max_series(500)
//!     .timers()?; // request_seconds_bucket{route="…",le="…"}
//! latency.init([["/orders"], ["/trees"]]); // visible at zero before the first request
//! let orders: &Timer = latency.with(["/orders"]); // borrowed from the family; .clone() to keep it elsewhere
//!
//! let depth = registry.define("queue_depth").help("Jobs waiting.").gauge()?; // no tags: the instrument itself
//! # orders.time(|| depth.set(1.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Series that come and go give their memory back, and are lent rather than borrowed
//! ([`RemovableFamily`](registry::RemovableFamily)):
//!
//! ```
//! # use std::time::Duration;
//! # use tagmeter::Counter;
//! # let registry = tagmeter::Registry::new();
//! # let (peer, n) = ("a", 512);
//! let sessions = registry.define("session_bytes").tags(["peer"]).idle_timeout(Duration::from_secs(600)).counters()?;
//! sessions.with([peer], |bytes| bytes.add(n));
//! let kept: Counter = sessions.handle([peer]); // owned; its series stays while it lives
//! # Ok::<(), tagmeter::registry::RegisterError>(())
//! ```
//!
//! Defining the same thing twice gives the same family; a different thing under that name is an error that shows both.
//! [`metrics!`] declares a struct of metrics, [`typed`](registry::Define::typed) and
//! [`typed_serde`](registry::Define::typed_serde) take tags from your own type, [`counter!`] and its like and `static`
//! instruments use the global registry:
//!
//! ```
//! use tagmeter::{Counter, counter, timer};
//!
//! static HITS: Counter = Counter::new("hits");
//!
//! # let city = String::from("Oslo");
//! HITS.inc();
//! counter!("orders", "city" => city).inc();
//! let timing = timer!("handle_order").start();
//! ```
//!
//! # Timing
//!
//! ```
//! # use std::time::Duration;
//! # use tagmeter::TimedExt;
//! # async fn handle(_order: u32) {}
//! # let timer = tagmeter::Registry::new().timer("handle_order");
//! # fn work() {}
//! # let order = 7;
//! let timing = timer.start(); // drop records; timing.stop() -> Duration; timing.discard()
//! timer.time(|| work());
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! handle(order).timed(&timer).await;
//! # });
//! timer.record(Duration::from_millis(3));
//! # drop(timing);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Where the work takes less than reading a clock, [`sampled`](Timer::sampled) times one call in so many, which counts for
//! all of them.
//!
//! # From a count to a trace
//!
//! ```
//! # use std::time::Duration;
//! # let registry = tagmeter::Registry::new();
//! # let (orders, latency) = (registry.counter("orders"), registry.timer("request"));
//! # let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
//! orders.inc_with_exemplar([("trace_id", trace_id)]);
//! latency.record_with_exemplar(Duration::from_millis(400), [("trace_id", trace_id)]);
//!
//! let saves = registry.define("save").exemplars().timer()?; // each by itself, from the running span
//! saves.time(|| "saved");
//! # Ok::<(), tagmeter::registry::RegisterError>(())
//! ```
//!
//! Which are kept, and where they are shown: [exemplars](metric#exemplars).
//!
//! # Pull
//!
//! ```
//! # let registry = tagmeter::Registry::new();
//! # let request = tagmeter::http::Request::new("GET", "/metrics");
//! let answer = tagmeter::http::respond(&registry, &request); // status, headers, body; any framework
//! assert_eq!(answer.status, 200);
//! ```
//!
//! With the feature `serve`, `tagmeter::serve` does it on a thread of its own.
//!
//! # From your own source, at collection time
//!
//! ```
//! # let registry = tagmeter::Registry::new();
//! # struct Pool; impl Pool { fn idle(&self) -> u32 { 3 } fn busy(&self) -> u32 { 5 } }
//! # let pool = Pool;
//! registry.collector("pool", move |families| {
//!     families.gauge("pool_connections", "Open connections.")
//!         .set([("state", "idle")], pool.idle() as f64)
//!         .set([("state", "busy")], pool.busy() as f64);
//! });
//! ```
//!
//! # Several at once
//!
//! What belongs together is seen together, by every page, push and snapshot ([`together`](Registry::together)):
//!
//! ```
//! # let registry = tagmeter::Registry::new();
//! # let (free, used) = (registry.up_down("slots_free"), registry.up_down("slots_used"));
//! registry.together(|| {
//!     free.dec();
//!     used.inc(); // no page shows a slot that is neither free nor used
//! });
//! ```
//!
//! # Reading back, testing
//!
//! ```
//! # let registry = tagmeter::Registry::new();
//! # registry.counter(("requests", [("route", "/orders"), ("status", "200")])).inc();
//! # let work = || registry.counter("order_count").inc();
//! assert_eq!(registry.value(("requests", [("route", "/orders"), ("status", "200")])), Some(1.0));
//! let before = registry.snapshot();
//! work();
//! let change = registry.snapshot().since(&before);
//! assert_eq!(change.value("order_count"), Some(1.0));
//! println!("{}", registry.snapshot().to_text());
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

#[macro_use]
#[doc(hidden)]
pub mod macros;

mod backoff;
#[cfg(any(feature = "serve", feature = "apptuit"))]
mod base64;
pub mod catalogue;
mod cell;
pub mod clock;
#[cfg(feature = "process")]
#[cfg_attr(docsrs, doc(cfg(feature = "process")))]
pub mod collect;
pub mod encode;
pub mod http;
pub mod lint;
pub mod metric;
pub mod model;
mod name;
mod nanos;
mod number;
pub mod parse;
#[cfg(feature = "query")]
#[cfg_attr(docsrs, doc(cfg(feature = "query")))]
pub mod query;
pub mod registry;
pub mod report;
pub mod stat;
pub mod tag;
#[cfg(feature = "apptuit")]
#[cfg_attr(docsrs, doc(cfg(feature = "apptuit")))]
pub mod transport;
mod unit;
#[cfg(any(feature = "protobuf", feature = "spool"))]
#[cfg_attr(not(feature = "protobuf"), allow(dead_code, reason = "a spool writes no messages"))]
mod wire;

#[cfg(feature = "serve")]
#[cfg_attr(docsrs, doc(cfg(feature = "serve")))]
pub use http::serve;
pub use metric::{
    Counter, FloatCounter, Gauge, Histogram, Info, Meter, OutcomeTimer, StateSet, TimedExt, Timer,
    UpDownCounter,
};
pub use name::Name;
pub use registry::{Registry, global};
pub use report::Reporter;
#[cfg(feature = "apptuit")]
#[cfg_attr(docsrs, doc(cfg(feature = "apptuit")))]
pub use report::{Apptuit, apptuit};
pub use tag::{TagValue, Tags};
pub use unit::Unit;

/// The programs of the README, which must compile.
#[cfg(all(doctest, feature = "full"))]
#[doc = include_str!("../README.md")]
mod readme {}
