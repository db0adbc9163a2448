//! A snapshot of metrics: plain data, no atomics, no locks.
//!
//! The registry makes it; encoders, reporters and tests read it. [`Snapshot`] holds [`Family`]s, a family holds
//! [`Series`] in a [`SeriesList`], a series holds one [`Value`] and [`Exemplar`]s of it. What something else counted becomes
//! a value by [`HistogramValue::of_cumulative`] and its like, or an error that says why it cannot be one.

mod check;
mod difference;
mod exemplar;
mod given;
mod series;
mod value;

pub use check::InvalidValue;
pub use exemplar::{Exemplar, InvalidExemplar};
pub use given::{InvalidHistogram, InvalidSummary};
pub use series::{Series, SeriesList};
pub use value::{
    HistogramValue, MeterValue, Number, Quantile, Shape, StateSetValue, SummaryValue, TimerValue, Value,
};

pub(crate) use series::{Identities, Nanos, nanos};

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::name::Name;
use crate::tag::Id;
use crate::unit::Unit;

/// What kind of instrument a family holds.
///
/// ```
/// assert_eq!(tagmeter::model::Kind::Counter.to_string(), "counter");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// A count that only grows.
    Counter,
    /// A count that goes up and down.
    UpDownCounter,
    /// A level.
    Gauge,
    /// A count with its rates.
    Meter,
    /// Durations and their rates.
    Timer,
    /// A distribution of values.
    Histogram,
    /// Facts, as tags.
    Info,
    /// Which of some states are on.
    StateSet,
    /// How many things are of which size now: buckets that rise and fall. Of collectors only.
    GaugeHistogram,
    /// Quantiles that something else computed, with count and sum. Of collectors only.
    Summary,
    /// A number of which nobody knows what it is. Of collectors only.
    Unknown,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Counter => "counter",
            Kind::UpDownCounter => "up-down counter",
            Kind::Gauge => "gauge",
            Kind::Meter => "meter",
            Kind::Timer => "timer",
            Kind::Histogram => "histogram",
            Kind::Info => "info",
            Kind::StateSet => "state set",
            Kind::GaugeHistogram => "gauge histogram",
            Kind::Summary => "summary",
            Kind::Unknown => "unknown",
        })
    }
}

/// All metrics of a registry, read in one pass.
///
/// Each value is one that its instrument had during the pass, each histogram is true in itself, and nothing is lower
/// than in an earlier snapshot; different series may be read a moment apart.
///
/// ```
/// let registry = tagmeter::Registry::new();
/// registry.counter("order_count").inc();
/// let before = registry.snapshot();
/// registry.counter("order_count").add(2);
///
/// let change = registry.snapshot().since(&before);
/// assert_eq!(change.value("order_count"), Some(2.0));
/// assert_eq!(registry.snapshot().value("order_count"), Some(3.0));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    taken_at: SystemTime,
    families: Vec<Family>,
}

impl Snapshot {
    /// A snapshot of these families, in the order of their registration.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use tagmeter::model::Snapshot;
    ///
    /// assert!(Snapshot::new(SystemTime::now(), Vec::new()).families().is_empty());
    /// ```
    pub fn new(taken_at: SystemTime, families: Vec<Family>) -> Self {
        Snapshot { taken_at, families }
    }

    /// When it was taken, by the wall clock.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// assert!(tagmeter::Registry::new().snapshot().taken_at() <= SystemTime::now());
    /// ```
    pub fn taken_at(&self) -> SystemTime {
        self.taken_at
    }

    /// The families, in the order of their registration.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.gauge("depth").set(1.0);
    /// assert_eq!(registry.snapshot().families()[0].name, "depth");
    /// ```
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// The value of one series.
    ///
    /// ```
    /// use tagmeter::model::Value;
    ///
    /// let registry = tagmeter::Registry::new();
    /// registry.gauge("depth").set(1.0);
    /// assert_eq!(registry.snapshot().get("depth"), Some(&Value::Gauge(1.0)));
    /// ```
    pub fn get(&self, id: impl Into<Id>) -> Option<&Value> {
        let id = id.into();
        let mut same_name = self.families.iter().filter(|family| family.name == id.name);
        same_name
            .find_map(|family| family.series.iter().find(|series| *series.tags == id.tags))
            .map(|series| series.value)
    }

    /// The number that says most about one series: see [`Value::number`].
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.histogram("sizes").record(7.0);
    /// assert_eq!(registry.snapshot().value("sizes"), Some(1.0));
    /// ```
    pub fn value(&self, id: impl Into<Id>) -> Option<f64> {
        self.get(id)?.number()
    }

    /// Keeps only the families for which `keep` says so.
    pub(crate) fn retain(&mut self, keep: impl FnMut(&Family) -> bool) {
        self.families.retain(keep);
    }
}

/// All series of one name.
///
/// ```
/// use tagmeter::model::Kind;
///
/// let registry = tagmeter::Registry::new();
/// registry.define("jobs").help("Jobs done.").counter()?;
/// let snapshot = registry.snapshot();
/// let family = &snapshot.families()[0];
/// assert_eq!((family.kind, &*family.help, family.series.len()), (Kind::Counter, "Jobs done.", 1));
/// # Ok::<(), tagmeter::registry::RegisterError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// The name, as given.
    pub name: Name,
    /// What kind of instrument it holds; every series' value is of this kind.
    pub kind: Kind,
    /// What it means; empty when nobody said.
    pub help: Arc<str>,
    /// What it is measured in.
    pub unit: Unit,
    /// Its series, in the order of their creation.
    pub series: SeriesList,
}
