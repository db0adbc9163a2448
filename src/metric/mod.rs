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
mod float_counter;
mod gauge;
mod handle;
mod histogram;
mod info;
mod merge;
mod meter;
mod outcome;
mod recent;
mod sampled;
mod settings;
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
pub use settings::{DistributionSettings, GaugeSettings, Unsuitable};
pub use state_set::StateSet;
pub use timed::TimedExt;
pub use timer::{Timer, Timing};
pub use up_down_counter::{InProgress, UpDownCounter};

#[doc(hidden)]
pub use crate::cell::Place;
pub(crate) use callback::{call, caught, is_inside_function};
pub(crate) use counter_fn::Observed;
pub(crate) use float_counter::FloatCell;
pub(crate) use gauge::GaugeCell;
pub(crate) use handle::{Handle, Named};
pub(crate) use histogram::HistogramCell;
pub(crate) use meter::MeterCell;
pub(crate) use settings::Extreme;
#[doc(hidden)]
pub use settings::Requested;
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
    pub(crate) refused: Refused,
}

pub(crate) mod sealed {
    /// Keeps [`Instrument`](super::Instrument) ours to implement, so that it can grow.
    pub trait Sealed {}
}
