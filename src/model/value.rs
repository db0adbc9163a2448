//! The value of one series.

use std::sync::Arc;

use crate::stat::{Buckets, Distribution, Rates};
use crate::tag::Tags;

/// What a series counted or measured, one variant a [`Kind`](super::Kind).
///
/// A closed set: every encoder says what each becomes.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A counter's total.
    Counter(Number),
    /// An up-down counter's level.
    UpDownCounter(i64),
    /// A gauge's level; any `f64`.
    Gauge(f64),
    /// A meter's count and rates.
    Meter {
        /// Events so far.
        count: u64,
        /// Events per second.
        rates: Rates,
    },
    /// A timer's durations, in seconds, and their rates.
    Timer {
        /// The durations.
        durations: HistogramValue,
        /// Durations recorded per second.
        rates: Rates,
    },
    /// A histogram's buckets.
    Histogram(HistogramValue),
    /// An info's facts.
    Info(Tags),
    /// A state set's states.
    StateSet(StateSetValue),
}

impl Value {
    /// The number that says most: a total, a level, the count of events or of recorded values, `1` for an info.
    /// `None` for a state set.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Counter(total) => Some(total.as_f64()),
            Value::UpDownCounter(level) => Some(*level as f64),
            Value::Gauge(level) => Some(*level),
            Value::Meter { count, .. } => Some(*count as f64),
            Value::Timer { durations, .. } => Some(durations.count() as f64),
            Value::Histogram(histogram) => Some(histogram.count() as f64),
            Value::Info(_) => Some(1.0),
            Value::StateSet(_) => None,
        }
    }
}

/// A count: whole where it was counted in whole numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A `u64` counter's total.
    Integer(u64),
    /// A float counter's total; finite and not negative.
    Float(f64),
}

impl Number {
    /// The count as a float; above 2^53 the nearest.
    pub fn as_f64(self) -> f64 {
        match self {
            Number::Integer(n) => n as f64,
            Number::Float(x) => x,
        }
    }
}

impl From<u64> for Number {
    fn from(total: u64) -> Self {
        Number::Integer(total)
    }
}

impl From<f64> for Number {
    fn from(total: f64) -> Self {
        Number::Float(total)
    }
}

/// What a histogram or timer shows itself as, to formats that tell the two apart.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Shape {
    /// Buckets that can be added up over processes.
    #[default]
    Histogram,
    /// These quantiles, computed here.
    Summary(Arc<[f64]>),
}

/// Recorded values: how many fell into each bucket, their sum, and, where quantiles were asked for, their window.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramValue {
    /// The buckets' bounds.
    pub buckets: Buckets,
    /// Values in each bucket, not cumulative; one longer than the bounds (the last is above all of them).
    pub counts: Vec<u64>,
    /// Sum of all values; finite or, after an overflow, infinite; never NaN.
    pub sum: f64,
    /// Whether the sum can fall, because a negative value was recorded.
    pub sum_can_fall: bool,
    /// The values of the recent past; `None` where quantiles were not asked for.
    pub window: Option<Distribution>,
    /// What it wants to be shown as.
    pub shape: Shape,
}

/// A quantile and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Quantile {
    /// From the window of recent values: within 1 % of a recorded value.
    Recorded(f64),
    /// Interpolated between bucket bounds, over all values since the start: as coarse as the buckets.
    Interpolated(f64),
}

impl Quantile {
    /// The number, wherever it comes from.
    pub fn value(self) -> f64 {
        match self {
            Quantile::Recorded(value) | Quantile::Interpolated(value) => value,
        }
    }
}

impl HistogramValue {
    /// How many values were recorded: the sum of the buckets.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Mean of the recent past where quantiles were asked for, otherwise of all values; `None` when empty.
    pub fn mean(&self) -> Option<f64> {
        match &self.window {
            Some(window) => window.mean(),
            None if self.count() == 0 => None,
            None => Some(self.sum / self.count() as f64),
        }
    }

    /// The value below which the share `q` of the values lies; `None` when empty or `q` is outside 0 to 1.
    pub fn quantile(&self, q: f64) -> Option<Quantile> {
        match &self.window {
            Some(window) => window.quantile(q).map(Quantile::Recorded),
            None => self.buckets.interpolate(&self.counts, q).map(Quantile::Interpolated),
        }
    }

    /// Bounds and cumulative counts, as Prometheus shows them; the last bound is infinite.
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let bounds = self.buckets.bounds().iter().copied().chain([f64::INFINITY]);
        bounds.zip(&self.counts).scan(0, |total, (bound, count)| {
            *total += count;
            Some((bound, *total))
        })
    }
}

/// States and which of them are on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateSetValue {
    /// The states' names.
    pub states: Arc<[Box<str>]>,
    /// Whether each is on; as long as `states`.
    pub on: Vec<bool>,
}
