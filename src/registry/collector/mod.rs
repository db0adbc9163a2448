//! Writing an exporter: families from a source that is not this program's own code.
//!
//! An exporter shows what something else counts: the kernel, a device, a server that speaks another language. Instruments
//! are of no use for that, for nothing is recorded; what it needs is a way to say "these are the numbers now". There are
//! three, by where the numbers come from:
//!
//! | the source | | it is read |
//! |---|---|---|
//! | is quick and never stuck: a field, a file in `/proc` | [`Registry::collector`] | by each who reads, on the reader's thread |
//! | is slow, may hang or fail, or costs something: a query, a device | [`Registry::define_collector`] | at most once at a time and an interval, with a deadline |
//! | is read by a thread or task of yours, or tells of itself | [`Registry::staged`] | whenever you publish: readers wait for nothing |
//!
//! ```
//! use std::time::Duration;
//! use tagmeter::{Registry, Unit};
//!
//! /// What `/proc/loadavg` says.
//! fn load() -> std::io::Result<Vec<f64>> {
//!     # return Ok(vec![0.5, 0.25, 0.125]);
//!     let text = std::fs::read_to_string("/proc/loadavg")?;
//!     Ok(text.split_whitespace().take(3).flat_map(str::parse).collect())
//! }
//!
//! let registry = Registry::new();
//! registry
//!     .define_collector("load")
//!     .cached(Duration::from_secs(5))
//!     .timeout(Duration::from_secs(1))
//!     .try_collect(|families| {
//!         let mut loads = families.gauge("load_average", "Processes that run or wait, on average.");
//!         for (minutes, load) in ["1", "5", "15"].into_iter().zip(load()?) {
//!             loads = loads.set([("minutes", minutes)], load);
//!         }
//!         Ok::<(), std::io::Error>(())
//!     });
//! let page = registry.snapshot().to_text();
//! assert!(page.contains(r#"load_average{minutes="5"} 0.25"#));
//! assert!(page.contains(r#"tagmeter_collector_runs_total{collector="load",outcome="ok"} 1"#));
//! ```
//!
//! `examples/exporter.rs` is a whole program of this kind.
//!
//! # What can be shown
//!
//! [`Families`] has every kind there is: counters, gauges, levels in whole numbers, infos, state sets, histograms and gauge
//! histograms from classic or native bucket counts, summaries from quantiles, numbers of unknown kind. Values come through one
//! door, and what is behind it is valid in every format:
//!
//! | what comes | what is left out | counted in `tagmeter_problems_total` as |
//! |---|---|---|
//! | a total that is negative or not finite; cumulative counts that fall, lack `+Inf` or have bounds out of order; a sum that is not finite; native buckets that hold another number of values than classic ones; a quantile beyond 0 to 1 or twice | that series | `collector_refused` |
//! | tags that are there already | the second series | `collector_refused` |
//! | a series of another kind than its family | that series | `collector_refused` |
//! | a name that an instrument or an earlier collector has, or this one as another kind | that family | `collector_refused` |
//! | a [pushed](Families::push) family of another unit or shape than the one it would go on with | that family | `collector_refused` |
//! | an empty name | that family | `empty_name` |
//! | names that only an escaping makes equal | the later family, of that format | `left_out` |
//! | more series than [`max_series`](DefineCollector::max_series), more families than the registry may have | what is beyond | `too_many_series`, `too_many_families` |
//! | an error, or no thread for a run that needs one | all families of that run | `collector_failed` |
//! | a panic | all families of that run | `callback_panicked` |
//! | nothing, in time | all families of that run, where none are [cached](DefineCollector::cached) | `collector_late` |
//!
//! Names and tags need no checking by you: any text is one, and each format makes it legal by its own rules.
//!
//! # How it does
//!
//! Collectors that were [defined](crate::Registry::define_collector), and staged sets, are on the page themselves:
//!
//! | family | says |
//! |---|---|
//! | `tagmeter_collector_seconds` | how long runs took, as a summary: `_sum` and `_count` |
//! | `tagmeter_collector_runs_total` | how they ended: `outcome` is `ok`, `error`, `panic` or `timeout` |
//! | `tagmeter_collector_age_seconds` | how old the families are that are shown, where they are kept |
//!
//! # Counts that begin anew
//!
//! A source that is restarted counts from zero. Shown as it is, its counter falls, which Prometheus knows to be a new
//! beginning; where the source tells when it began, [`Rows::start`] hands that on, and Prometheus need not even see the fall.
//! [`Rows::monotone`] is for all other readers: it adds what was counted before.
//!
//! # Threads and locks
//!
//! There is no thread but for a collector with a [timeout](DefineCollector::timeout), which has one while it runs, and never
//! two. No lock is held while a function of yours runs: it may use the registry, register metrics, read it (then no collector
//! runs within), unregister itself. A collector that waits for somebody who reads the same registry makes that reader wait
//! for the deadline, or ten seconds where there is none.
//!
//! [`Registry::collector`]: crate::registry::Registry::collector
//! [`Registry::define_collector`]: crate::registry::Registry::define_collector
//! [`Registry::staged`]: crate::registry::Registry::staged

mod define;
mod families;
mod flights;
mod ledger;
mod list;
mod rows;
mod run;
mod seen;
mod staged;

pub use define::{CollectorGuard, CollectorHandle, DefineCollector};
pub use families::Families;
pub use rows::Rows;
pub use staged::Staged;

pub(crate) use list::CollectorList;
