//! The value of one series.

use std::sync::Arc;
use std::time::SystemTime;

use super::{Kind, Nanos, nanos};
use crate::stat::{Buckets, Distribution, NativeCounts, Rates};
use crate::tag::Tags;

/// What a series counted or measured, one variant a [`Kind`](super::Kind).
///
/// A closed set: every encoder says what each becomes. What is larger than a number is boxed, so that a counter does not
/// carry the size of a histogram.
///
/// ```
/// use tagmeter::model::{Number, Value};
///
/// let registry = tagmeter::Registry::new();
/// registry.counter("hits").inc();
/// assert_eq!(registry.snapshot().get("hits"), Some(&Value::Counter(Number::Integer(1))));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A counter's total.
    Counter(Number),
    /// An up-down counter's level.
    UpDownCounter(i64),
    /// A gauge's level; any `f64`.
    Gauge(f64),
    /// A meter's count and rates.
    Meter(Box<MeterValue>),
    /// A timer's durations and their rates.
    Timer(Box<TimerValue>),
    /// A histogram's buckets.
    Histogram(Box<HistogramValue>),
    /// An info's facts.
    Info(Box<Tags>),
    /// A state set's states.
    StateSet(Box<StateSetValue>),
    /// Buckets of what there is now.
    GaugeHistogram(Box<HistogramValue>),
    /// Quantiles, count and sum.
    Summary(Box<SummaryValue>),
    /// A number of unknown meaning; any `f64`.
    Unknown(f64),
}

impl Value {
    /// The kind of family it belongs in.
    ///
    /// ```
    /// use tagmeter::model::{Kind, Value};
    /// assert_eq!(Value::Gauge(2.5).kind(), Kind::Gauge);
    /// ```
    pub fn kind(&self) -> Kind {
        match self {
            Value::Counter(_) => Kind::Counter,
            Value::UpDownCounter(_) => Kind::UpDownCounter,
            Value::Gauge(_) => Kind::Gauge,
            Value::Meter(_) => Kind::Meter,
            Value::Timer(_) => Kind::Timer,
            Value::Histogram(_) => Kind::Histogram,
            Value::Info(_) => Kind::Info,
            Value::StateSet(_) => Kind::StateSet,
            Value::GaugeHistogram(_) => Kind::GaugeHistogram,
            Value::Summary(_) => Kind::Summary,
            Value::Unknown(_) => Kind::Unknown,
        }
    }

    /// The number that says most: a total, a level, the count of events or of recorded values, `1` for an info.
    /// `None` for a state set.
    ///
    /// ```
    /// assert_eq!(tagmeter::model::Value::Gauge(2.5).number(), Some(2.5));
    /// ```
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Counter(total) => Some(total.as_f64()),
            Value::UpDownCounter(level) => Some(*level as f64),
            Value::Gauge(level) | Value::Unknown(level) => Some(*level),
            Value::Meter(meter) => Some(meter.count as f64),
            Value::Timer(timer) => Some(timer.durations.count() as f64),
            Value::Histogram(histogram) | Value::GaugeHistogram(histogram) => Some(histogram.count() as f64),
            Value::Summary(summary) => Some(summary.count as f64),
            Value::Info(_) => Some(1.0),
            Value::StateSet(_) => None,
        }
    }

    /// Since when it counts: from the start of its series, or since it began anew.
    pub(crate) fn counts_since(&self, start: Nanos) -> Nanos {
        let restarted = match self {
            Value::Timer(timer) => timer.durations.restarted,
            Value::Histogram(histogram) => histogram.restarted,
            _ => None,
        };
        restarted.map_or(start, |restarted| start.max(nanos(restarted)))
    }

    /// Whether it is a number and nothing else, which owns no memory.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Value::Counter(_) | Value::UpDownCounter(_) | Value::Gauge(_) | Value::Unknown(_))
    }
}

/// A count: whole where it was counted in whole numbers.
///
/// ```
/// use tagmeter::model::Number;
/// assert_eq!(Number::from(7_u64).as_f64(), 7.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A `u64` counter's total.
    Integer(u64),
    /// A float counter's total; finite and not negative.
    Float(f64),
}

impl Number {
    /// The count as a float; above 2^53 the nearest.
    ///
    /// ```
    /// assert_eq!(tagmeter::model::Number::Float(0.5).as_f64(), 0.5);
    /// ```
    pub fn as_f64(self) -> f64 {
        match self {
            Number::Integer(n) => n as f64,
            Number::Float(x) => x,
        }
    }

    /// Both together: whole counts stay whole and wrap as counters do, floats stop at the greatest, as those do.
    pub(crate) fn plus(self, other: Number) -> Number {
        match (self, other) {
            (Number::Integer(a), Number::Integer(b)) => Number::Integer(a.wrapping_add(b)),
            (a, b) => Number::Float((a.as_f64() + b.as_f64()).min(f64::MAX)),
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

/// Events so far and their rates.
///
/// ```
/// use tagmeter::model::Value;
///
/// let registry = tagmeter::Registry::new();
/// registry.meter("hits").mark();
/// let snapshot = registry.snapshot();
/// let Some(Value::Meter(hits)) = snapshot.get("hits") else { panic!("no meter") };
/// assert_eq!(hits.count, 1);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct MeterValue {
    /// Events so far.
    pub count: u64,
    /// Events per second.
    pub rates: Rates,
}

/// Durations, in seconds, and their rates.
///
/// ```
/// use std::time::Duration;
/// use tagmeter::model::Value;
///
/// let registry = tagmeter::Registry::new();
/// registry.timer("work").record(Duration::from_millis(2));
/// let snapshot = registry.snapshot();
/// let Some(Value::Timer(work)) = snapshot.get("work") else { panic!("no timer") };
/// assert_eq!(work.durations.sum, 0.002);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TimerValue {
    /// The durations.
    pub durations: HistogramValue,
    /// Durations recorded per second.
    pub rates: Rates,
}

impl From<MeterValue> for Value {
    fn from(meter: MeterValue) -> Self {
        Value::Meter(Box::new(meter))
    }
}

impl From<TimerValue> for Value {
    fn from(timer: TimerValue) -> Self {
        Value::Timer(Box::new(timer))
    }
}

impl From<HistogramValue> for Value {
    fn from(histogram: HistogramValue) -> Self {
        Value::Histogram(Box::new(histogram))
    }
}

impl From<SummaryValue> for Value {
    fn from(summary: SummaryValue) -> Self {
        Value::Summary(Box::new(summary))
    }
}

impl From<StateSetValue> for Value {
    fn from(states: StateSetValue) -> Self {
        Value::StateSet(Box::new(states))
    }
}

/// What a histogram or timer shows itself as, to formats that tell the two apart.
///
/// ```
/// use tagmeter::model::Shape;
/// assert_eq!(Shape::default(), Shape::Histogram);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Shape {
    /// Buckets that can be added up over processes.
    #[default]
    Histogram,
    /// These quantiles, computed here.
    Summary(Arc<[f64]>),
}

/// Recorded values: how many fell into each bucket, their sum, and, where quantiles were asked for, their window.
///
/// ```
/// use tagmeter::stat::Buckets;
///
/// let registry = tagmeter::Registry::new();
/// let sizes = registry.define("sizes").buckets(Buckets::linear(1.0, 1.0, 2)?).histogram()?;
/// [0.5, 1.0, 1.5, 9.0].map(|size| sizes.record(size));
/// let value = sizes.value();
/// assert_eq!(value.counts, [2, 1, 1]);
/// assert_eq!(value.cumulative().last(), Some((f64::INFINITY, 4)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramValue {
    /// The buckets' bounds; none where it has native buckets alone.
    pub buckets: Buckets,
    /// Values in each bucket, not cumulative; one longer than the bounds (the last is above all of them).
    pub counts: Vec<u64>,
    /// Sum of all values; always finite: a histogram's stops at the greatest `f64`, a timer's wraps after 584 years.
    pub sum: f64,
    /// Whether the sum can fall, because a negative value was recorded.
    pub sum_can_fall: bool,
    /// The values of the recent past; `None` where quantiles were not asked for.
    pub window: Option<Distribution>,
    /// The same values in native buckets, where the definition asks for them.
    pub native: Option<NativeCounts>,
    /// When it last began anew because its native buckets were too many; `None` if it never did.
    pub restarted: Option<SystemTime>,
    /// What it wants to be shown as.
    pub shape: Shape,
}

/// A quantile and where it comes from.
///
/// ```
/// use tagmeter::model::Quantile;
/// assert_eq!(Quantile::Interpolated(0.25).value(), 0.25);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Quantile {
    /// From the window of recent values: within 1 % of a recorded value.
    Recorded(f64),
    /// Interpolated between bucket bounds, native ones where there are, over all values since the start: as coarse as the
    /// buckets.
    Interpolated(f64),
}

impl Quantile {
    /// The number, wherever it comes from.
    ///
    /// ```
    /// assert_eq!(tagmeter::model::Quantile::Recorded(3.0).value(), 3.0);
    /// ```
    pub fn value(self) -> f64 {
        match self {
            Quantile::Recorded(value) | Quantile::Interpolated(value) => value,
        }
    }
}

impl HistogramValue {
    /// How many values were recorded: the sum of the buckets.
    ///
    /// ```
    /// # let sizes = tagmeter::Registry::new().histogram("sizes");
    /// sizes.record_n(2.0, 5);
    /// assert_eq!(sizes.value().count(), 5);
    /// ```
    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |total, count| total.saturating_add(*count))
    }

    /// Mean of the recent past where quantiles were asked for, otherwise of all values; `None` when empty.
    ///
    /// ```
    /// # let sizes = tagmeter::Registry::new().histogram("sizes");
    /// assert_eq!(sizes.value().mean(), None);
    /// [1.0, 2.0].map(|size| sizes.record(size));
    /// assert_eq!(sizes.value().mean(), Some(1.5));
    /// ```
    pub fn mean(&self) -> Option<f64> {
        match &self.window {
            Some(window) => window.mean(),
            None if self.count() == 0 => None,
            None => Some(self.sum / self.count() as f64),
        }
    }

    /// The value below which the share `q` of the values lies; `None` when empty or `q` is outside 0 to 1.
    ///
    /// ```
    /// # let sizes = tagmeter::Registry::new().histogram("sizes");
    /// sizes.record(0.7);
    /// assert!(sizes.value().quantile(0.5).is_some_and(|median| (0.5..=0.75).contains(&median.value())));
    /// ```
    pub fn quantile(&self, q: f64) -> Option<Quantile> {
        match &self.window {
            Some(window) => window.quantile(q).map(Quantile::Recorded),
            None => self.interpolated(q).map(Quantile::Interpolated),
        }
    }

    fn interpolated(&self, q: f64) -> Option<f64> {
        match &self.native {
            Some(native) => native.quantile(q),
            None => self.buckets.interpolate(&self.counts, q),
        }
    }

    /// Bounds and cumulative counts, as Prometheus shows them; the last bound is infinite.
    ///
    /// ```
    /// # let sizes = tagmeter::Registry::new().histogram("sizes");
    /// sizes.record(0.7);
    /// assert!(sizes.value().cumulative().any(|(bound, count)| bound == 0.75 && count == 1));
    /// ```
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let bounds = self.buckets.bounds().iter().copied().chain([f64::INFINITY]);
        bounds.zip(&self.counts).scan(0_u64, |total, (bound, count)| {
            *total = total.saturating_add(*count);
            Some((bound, *total))
        })
    }
}

/// Quantiles that something else computed, with count and sum: see [`SummaryValue::new`].
///
/// ```
/// use tagmeter::model::SummaryValue;
///
/// let waits = SummaryValue::new(12, 3.5, [(0.5, 0.2), (0.99, 1.1)])?;
/// assert_eq!(waits.quantiles, [(0.5, 0.2), (0.99, 1.1)]);
/// # Ok::<(), tagmeter::model::InvalidSummary>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SummaryValue {
    /// How many values there were.
    pub count: u64,
    /// Sum of all values; finite.
    pub sum: f64,
    /// Whether the sum can fall, because a negative value was among them.
    pub sum_can_fall: bool,
    /// Quantiles, which are 0 to 1, and the values at them, by quantile, none twice. NaN says that there were no values.
    pub quantiles: Vec<(f64, f64)>,
}

/// States and which of them are on.
///
/// ```
/// use tagmeter::model::Value;
///
/// let registry = tagmeter::Registry::new();
/// registry.state_set("mode", ["starting", "running"]).switch_to("running");
/// let snapshot = registry.snapshot();
/// let Some(Value::StateSet(mode)) = snapshot.get("mode") else { panic!("no mode") };
/// assert_eq!(mode.on, [false, true]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateSetValue {
    /// The states' names.
    pub states: Arc<[Box<str>]>,
    /// Whether each is on; as long as `states`.
    pub on: Vec<bool>,
}
