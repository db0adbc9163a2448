//! Instruments: what application code holds.
//!
//! | instrument | for | reads as |
//! |---|---|---|
//! | [`Counter`], [`FloatCounter`] | events, bytes, money: what only grows | a total |
//! | [`CounterFn`] | a count that something else keeps | a total |
//! | [`UpDownCounter`] | jobs running, connections open | a level |
//! | [`Gauge`] | temperatures, depths, the greatest of a window, levels asked for when read | a level |
//! | [`Meter`] | events whose rate matters where no database computes it | a count and four rates |
//! | [`Timer`], [`OutcomeTimer`] | how long work takes | buckets, sum, rates, on request quantiles |
//! | [`SampledTimer`] | the same for work as short as reading a clock | the timer it belongs to, estimated |
//! | [`Histogram`] | how large things are | buckets, sum, on request quantiles |
//! | [`Info`] | version, commit, role | tags |
//! | [`StateSet`] | which of some states are on | one 0 or 1 a state |
//!
//! A handle is cheap to clone and may be shared by any number of threads; clones share the value. Recording never
//! fails and never panics: what cannot be recorded (NaN into a histogram, say) is left out and counted in
//! `tagmeter_problems_total`.
//!
//! # Exemplars
//!
//! An exemplar is one of the values that a count is made of, with labels that say whose it was, as a rule those of a trace: who
//! sees the slow bucket grow can look at a request that fell into it. Counters, float counters, histograms and timers, of
//! whatever buckets, take them as they are:
//!
//! ```
//! # use std::time::Duration;
//! # let registry = tagmeter::Registry::new();
//! let (orders, latency) = (registry.counter("orders"), registry.timer("request"));
//! orders.inc_with_exemplar([("trace_id", "4bf92f3577b34da6")]);
//! latency.record_with_exemplar(Duration::from_millis(400), [("trace_id", "4bf92f3577b34da6")]);
//! # let page = registry.snapshot().to_openmetrics();
//! # assert!(page.contains("orders_total 1 # {trace_id=\"4bf92f3577b34da6\"} 1.0 "));
//! # assert!(page.contains("request_seconds_bucket{le=\"0.5\"} 1 # {trace_id=\"4bf92f3577b34da6\"} 0.4 "));
//! ```
//!
//! or by themselves from the span that is running, where the definition says so:
//!
//! ```
//! # let registry = tagmeter::Registry::new();
//! let latency = registry.define("request").tags(["route"]).exemplars().timers()?;
//! latency.with(["/orders"]).time(|| "answer");
//! # Ok::<(), tagmeter::registry::RegisterError>(())
//! ```
//!
//! The span is that of OpenTelemetry's context, with the feature `opentelemetry` (its crate's version 0.33, and so
//! `tracing-opentelemetry` 0.34, which puts the spans of `tracing` there), if it is sampled. Any other source, another version
//! among them, is [`exemplars_from`](crate::registry::RegistryBuilder::exemplars_from)'s.
//!
//! | | |
//! |---|---|
//! | which are kept | one of each bucket, of a counter one, of native buckets alone one of each doubling, at most 32: the first of the newest tenth of a second in which one was given. One that is refused uses up its tenth too |
//! | labels | names and values of at most 128 characters in all; names of letters, digits and `_`. Otherwise the value counts without, `tagmeter_problems_total{reason="invalid_exemplar"}` counts what would have been kept, and a log line says so once a metric |
//! | where they are shown | OpenMetrics, protobuf, JSON; not in text 0.0.4 and 1.0.0, not for summaries, not in pushes |
//! | true | the value lies in its bucket, and is counted in every snapshot that shows it |
//! | time | that of the registry's wall clock |
//! | memory | about 70 bytes a series and 8 a bucket: from the start where the definition asks for spans, from the first exemplar where they are given by hand. Some 200 bytes for one that is kept, by its labels. A counter whose definition asks for spans has cells from the start |
//! | cost where none is given | a word a series; of records, three instructions of those whose quantiles are wanted |
//! | cost of one that is not kept | a coarse clock and one load, and a counter goes round the handle's shortcut to its cell |
//! | cost of one that is kept | its labels' allocations and a free lock, at most ten times a second and bucket. Who finds the lock held goes on without |
//! | threads that end | a record where thread-locals go, after OpenTelemetry's, has no span. If it is the first of its thread to ask for one, OpenTelemetry panics: that is caught, and counted as `callback_panicked` |
//!
//! **Signal handlers** must not record: a record may allocate, and may take a lock.
//!
//! **After a fork** the child has the totals of its parent and counts on from them; neither sees what the other records
//! then. What a thread of the parent was doing in that moment is done no more in the child:
//!
//! - A lock that it had stays locked. So fork while no other thread reads, makes or removes metrics, sets a gauge with a
//!   window, an info or a state set, or begins or ends; recording into anything else does no harm.
//! - A [group](crate::Registry::together) that it was in stays half done: snapshots in the child say so each time.
//! - Of a record that it was in the middle of, no half is seen. A histogram or timer that threads share shows new records
//!   from the second reading in the child on; one of more than 61 bounds, which is always shared, shows none any more.

mod callback;
mod counter;
mod counter_fn;
mod exemplified;
mod float_counter;
mod gauge;
mod handle;
mod histogram;
mod info;
mod merge;
mod meter;
#[cfg(feature = "opentelemetry")]
mod opentelemetry;
mod outcome;
mod recent;
mod sampled;
mod settings;
mod span;
mod spread;
mod state_set;
mod timed;
mod timer;
mod up_down_counter;

pub use counter::Counter;
pub use counter_fn::CounterFn;
pub use float_counter::FloatCounter;
pub use gauge::Gauge;
pub use histogram::Histogram;
pub use info::Info;
pub use merge::MergeError;
pub use meter::Meter;
pub use outcome::{Outcome, OutcomeTimer, OutcomeTiming};
pub use sampled::{SampledTimer, SampledTiming};
pub use settings::{CounterSettings, DistributionSettings, GaugeSettings, Unsuitable};
pub use span::SpanIds;
pub use state_set::StateSet;
pub use timed::TimedExt;
pub use timer::{Timer, Timing};
pub use up_down_counter::{InProgress, UpDownCounter};

#[doc(hidden)]
pub use crate::cell::Place;
pub(crate) use callback::{call, caught, is_inside_function};
pub(crate) use counter::CounterCell;
pub(crate) use counter_fn::Observed;
#[doc(hidden)]
pub use exemplified::Exemplified;
pub(crate) use float_counter::FloatCell;
pub(crate) use gauge::GaugeCell;
pub(crate) use handle::{Handle, Named};
pub(crate) use histogram::HistogramCell;
pub(crate) use meter::MeterCell;
pub(crate) use settings::Extreme;
#[doc(hidden)]
pub use settings::Requested;
pub(crate) use span::CurrentSpan;
pub(crate) use state_set::StateCell;
pub(crate) use timer::TimerCell;

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::cell::Refused;
use crate::clock::Clock;
use crate::model::{Kind, Value};

/// What every instrument can do for a registry. Implemented by the instruments of this crate only.
pub trait Instrument: sealed::Sealed + Clone + Debug + Send + Sync + 'static {
    /// What a definition can say about it.
    #[doc(hidden)]
    type Settings: Clone + Debug + Default + PartialEq + Send + Sync;

    #[doc(hidden)]
    const KIND: Kind;

    /// Picks out of a definition what concerns this instrument.
    #[doc(hidden)]
    fn settings(requested: &Requested) -> Result<Self::Settings, Unsuitable>;

    /// Whether what was asked for by name agrees with what is there; only a state set has something to disagree about.
    #[doc(hidden)]
    fn agree(_existing: &Self::Settings, _asked: &Self::Settings) -> bool {
        true
    }

    #[doc(hidden)]
    fn create(settings: &Self::Settings, context: &Context, place: Place) -> Self;

    /// Gives it cells where it could have some and has none: it is recorded into all the time.
    #[doc(hidden)]
    fn give_cells(&self) {}

    /// What it shows now; `None` where it has nothing to show.
    #[doc(hidden)]
    fn read(&self) -> Option<Value>;

    /// The exemplars beside what it shows, where it can have some.
    #[doc(hidden)]
    fn exemplified(&self) -> Option<&Exemplified> {
        None
    }

    /// What tells these settings from others, for error messages.
    #[doc(hidden)]
    fn describe(_settings: &Self::Settings) -> String {
        String::new()
    }

    /// What these settings say of how values are spread, where the instrument does that.
    #[doc(hidden)]
    fn distribution(_settings: &Self::Settings) -> Option<&DistributionSettings> {
        None
    }

    /// Whether there are handles of it besides this one.
    #[doc(hidden)]
    fn is_held(&self) -> bool;

    /// Whether one of its kind can ask a function of the user's when it is read.
    #[doc(hidden)]
    const MAY_ASK: bool = false;

    /// Whether this one does.
    #[doc(hidden)]
    fn asks(&self) -> bool {
        false
    }

    /// The function of the user's that it asks, taken from it: what a function owns may do anything when it goes.
    #[doc(hidden)]
    fn take_function(&self) -> Option<Box<dyn Any + Send>> {
        None
    }

    /// Back to how it was made.
    #[doc(hidden)]
    fn reset(&self);
}

/// What instruments share with their registry.
#[doc(hidden)]
#[derive(Debug, Clone, Default)]
pub struct Context {
    pub(crate) clock: Clock,
    pub(crate) common: Arc<Common>,
}

/// What all instruments of a registry look at.
#[derive(Debug, Default)]
pub(crate) struct Common {
    /// Whether somebody who reads the registry wants quantiles of everything.
    pub(crate) quantiles: AtomicBool,
    /// Where automatic exemplars come from.
    pub(crate) span: CurrentSpan,
    pub(crate) refused: Refused,
}

impl Common {
    /// The span that is running.
    pub(crate) fn current_span(&self) -> Option<SpanIds> {
        self.span.tell()
    }
}

pub(crate) mod sealed {
    /// Keeps [`Instrument`](super::Instrument) ours to implement, so that it can grow.
    pub trait Sealed {}
}
