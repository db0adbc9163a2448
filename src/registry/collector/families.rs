//! What a collector fills: families, and series that are checked one by one as they come.

use std::collections::{HashMap, HashSet};
use std::fmt::{self, Display};
use std::sync::Arc;
use std::time::SystemTime;

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use super::seen::Seen;
use crate::model::{
    Family, HistogramValue, InvalidValue, Kind, Number, SeriesList, StateSetValue, SummaryValue, Value,
};
use crate::name::Name;
use crate::registry::problem::Problem;
use crate::registry::shared::Shared;
use crate::tag::Tags;
use crate::unit::Unit;

/// What a collector fills: see [`Registry::collector`](crate::registry::Registry::collector).
///
/// Asking for a family again goes on with it; asking for it as another kind gives one that is left out.
///
/// ```
/// let registry = tagmeter::Registry::new();
/// registry.collector("pool", |families| {
///     families
///         .gauge("pool_connections", "Open connections.")
///         .set([("state", "idle")], 3.0)
///         .set([("state", "busy")], 5.0);
/// });
/// assert_eq!(registry.value(("pool_connections", [("state", "busy")])), Some(5.0));
/// ```
pub struct Families<'a> {
    filled: Vec<Filled>,
    places: HashMap<Name, usize, RandomState>,
    owner: Owner<'a>,
}

/// One family in the making, of values `V`.
///
/// What cannot be shown is left out, counted in `tagmeter_problems_total{reason="collector_refused"}` and, the first time,
/// logged: a series whose value is [impossible](Value::check), or whose tags are there already. The others stay.
///
/// ```
/// let registry = tagmeter::Registry::new();
/// registry.collector("disk", |families| {
///     families.counter("disk_reads", "Blocks read.").set((), 7_u64);
/// });
/// assert!(registry.snapshot().to_text().contains("disk_reads_total 7"));
/// ```
#[derive(Debug)]
pub struct Rows<'a, V> {
    /// `None` where the family is left out.
    filled: Option<&'a mut Filled>,
    owner: Owner<'a>,
    start: SystemTime,
    is_monotone: bool,
    value: fn(V) -> Value,
}

/// Who is told of what goes wrong, and what is remembered from one collection to the next.
#[derive(Clone, Copy)]
struct Owner<'a> {
    shared: &'a Shared,
    seen: &'a Mutex<Seen>,
    /// The readings there were when this collection began.
    began: u64,
    max_series: usize,
}

/// A family, and the tags that it has: a collector may bring thousands of series.
#[derive(Debug)]
struct Filled {
    family: Family,
    tags: HashSet<Tags, RandomState>,
}

/// Why a series is left out.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Impossible(#[from] InvalidValue),
    #[error("a series with these tags is there already")]
    Twice,
    #[error("there are {0} series already")]
    TooMany(usize),
}

/// The start of a series of which nobody knows it.
const UNKNOWN_START: SystemTime = SystemTime::UNIX_EPOCH;

impl<'a> Families<'a> {
    pub(super) fn new(shared: &'a Shared, seen: &'a Mutex<Seen>, max_series: usize) -> Self {
        let began = seen.lock().readings();
        let owner = Owner { shared, seen, began, max_series };
        Families { filled: Vec::new(), places: HashMap::default(), owner }
    }

    pub(super) fn into_families(self) -> Vec<Family> {
        self.owner.seen.lock().forget_absent(self.owner.began);
        let families = self.filled.into_iter().map(|filled| filled.family);
        families.filter(|family| !family.series.is_empty()).collect()
    }

    /// A family of counters: totals of a source that only grows, in whole numbers or floats. See [`Rows::monotone`] for
    /// sources that begin anew.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// registry.collector("cpu", |families| {
    ///     families.counter("cpu_seconds", "Time used.").set([("mode", "user")], 1.5);
    /// });
    /// assert_eq!(registry.value(("cpu_seconds", [("mode", "user")])), Some(1.5));
    /// ```
    pub fn counter(&mut self, name: impl Into<Name>, help: impl Into<Arc<str>>) -> Rows<'_, Number> {
        self.rows(name.into(), Kind::Counter, help.into(), Value::Counter)
    }

    /// A family of gauges.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// registry.collector("room", |families| {
    ///     families.gauge("room_celsius", "Temperature.").set((), 21.5);
    /// });
    /// assert_eq!(registry.value("room_celsius"), Some(21.5));
    /// ```
    pub fn gauge(&mut self, name: impl Into<Name>, help: impl Into<Arc<str>>) -> Rows<'_, f64> {
        self.rows(name.into(), Kind::Gauge, help.into(), Value::Gauge)
    }

    /// A family of levels in whole numbers, which are pushed as counts.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// registry.collector("jobs", |families| {
    ///     families.up_down("jobs_running", "Jobs being worked on.").set((), 3);
    /// });
    /// assert_eq!(registry.value("jobs_running"), Some(3.0));
    /// ```
    pub fn up_down(&mut self, name: impl Into<Name>, help: impl Into<Arc<str>>) -> Rows<'_, i64> {
        self.rows(name.into(), Kind::UpDownCounter, help.into(), Value::UpDownCounter)
    }

    /// A family of infos: the value holds the facts.
    ///
    /// ```
    /// # use tagmeter::Tags;
    /// # let registry = tagmeter::Registry::new();
    /// registry.collector("os", |families| {
    ///     families.info("os", "The operating system.").set((), Tags::from([("name", "Debian")]));
    /// });
    /// assert!(registry.snapshot().to_text().contains(r#"os_info{name="Debian"} 1"#));
    /// ```
    pub fn info(&mut self, name: impl Into<Name>, help: impl Into<Arc<str>>) -> Rows<'_, Tags> {
        self.rows(name.into(), Kind::Info, help.into(), |facts| Value::Info(Box::new(facts)))
    }

    /// A family of state sets.
    ///
    /// ```
    /// # use tagmeter::model::StateSetValue;
    /// # let registry = tagmeter::Registry::new();
    /// registry.collector("link", |families| {
    ///     let states = StateSetValue::new([("up", true), ("down", false)]);
    ///     families.state_set("link", "State of a link.").set([("device", "eth0")], states);
    /// });
    /// assert!(registry.snapshot().to_text().contains(r#"link{device="eth0",link="up"} 1"#));
    /// ```
    pub fn state_set(&mut self, name: impl Into<Name>, help: impl Into<Arc<str>>) -> Rows<'_, StateSetValue> {
        self.rows(name.into(), Kind::StateSet, help.into(), Value::from)
    }

    /// A family of histograms, whose counts only grow: see [`HistogramValue::of_cumulative`], `of_counts`, `of_native`.
    ///
    /// ```
    /// # use tagmeter::model::HistogramValue;
    /// # let registry = tagmeter::Registry::new();
    /// registry.collector("requests", |families| {
    ///     let seconds = HistogramValue::of_cumulative([(0.1, 3), (1.0, 7), (f64::INFINITY, 8)], 4.5);
    ///     families.histogram("request_seconds", "Time to answer.").try_set((), seconds);
    /// });
    /// assert!(registry.snapshot().to_text().contains("request_seconds_count 8"));
    /// ```
    pub fn histogram(
        &mut self,
        name: impl Into<Name>,
        help: impl Into<Arc<str>>,
    ) -> Rows<'_, HistogramValue> {
        self.rows(name.into(), Kind::Histogram, help.into(), Value::from)
    }

    /// A family of gauge histograms: of what there is now, such as the ages of all jobs that wait.
    ///
    /// ```
    /// # use tagmeter::model::HistogramValue;
    /// # let registry = tagmeter::Registry::new();
    /// registry.collector("jobs", |families| {
    ///     let ages = HistogramValue::of_cumulative([(60.0, 3), (f64::INFINITY, 4)], 500.0);
    ///     families.gauge_histogram("job_age_seconds", "Age of waiting jobs.").try_set((), ages);
    /// });
    /// assert!(registry.snapshot().to_openmetrics().contains("job_age_seconds_gcount 4"));
    /// ```
    pub fn gauge_histogram(
        &mut self,
        name: impl Into<Name>,
        help: impl Into<Arc<str>>,
    ) -> Rows<'_, HistogramValue> {
        let value = |histogram| Value::GaugeHistogram(Box::new(histogram));
        self.rows(name.into(), Kind::GaugeHistogram, help.into(), value)
    }

    /// A family of summaries: quantiles that the source computed.
    ///
    /// ```
    /// # use tagmeter::model::SummaryValue;
    /// # let registry = tagmeter::Registry::new();
    /// registry.collector("waits", |families| {
    ///     let waits = SummaryValue::new(12, 3.5, [(0.5, 0.2), (0.99, 1.1)]);
    ///     families.summary("wait_seconds", "Time in the queue.").try_set((), waits);
    /// });
    /// assert!(registry.snapshot().to_text().contains(r#"wait_seconds{quantile="0.99"} 1.1"#));
    /// ```
    pub fn summary(&mut self, name: impl Into<Name>, help: impl Into<Arc<str>>) -> Rows<'_, SummaryValue> {
        self.rows(name.into(), Kind::Summary, help.into(), Value::from)
    }

    /// A family of numbers of which the source does not say what they are.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// registry.collector("device", |families| {
    ///     families.unknown("device_register", "As the device shows it.").set([("number", "7")], 12.0);
    /// });
    /// assert!(registry.snapshot().to_text().contains("# TYPE device_register untyped"));
    /// ```
    pub fn unknown(&mut self, name: impl Into<Name>, help: impl Into<Arc<str>>) -> Rows<'_, f64> {
        self.rows(name.into(), Kind::Unknown, help.into(), Value::Unknown)
    }

    /// A family as it is, from another registry's snapshot or made by hand; its series are checked like all others, and
    /// begin when they say.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// let other = tagmeter::Registry::new();
    /// other.meter("hits").mark();
    /// registry.collector("other", move |families| {
    ///     other.snapshot().families().iter().for_each(|family| families.push(family.clone()));
    /// });
    /// assert_eq!(registry.value("hits"), Some(1.0));
    /// ```
    pub fn push(&mut self, family: Family) {
        let Family { name, kind, help, unit, series } = family;
        let mut rows = self.rows(name, kind, help, |value: Value| value).unit(unit);
        for series in series.iter() {
            rows.start = series.start();
            rows.add(series.tags.clone(), series.value.clone());
        }
    }

    /// The family of that name; one that cannot be gives rows that are thrown away.
    fn rows<V>(&mut self, name: Name, kind: Kind, help: Arc<str>, value: fn(V) -> Value) -> Rows<'_, V> {
        let owner = self.owner;
        let place = self.place(name, kind, help);
        let filled = place.and_then(|at| self.filled.get_mut(at));
        Rows { filled, owner, start: UNKNOWN_START, is_monotone: false, value }
    }

    fn place(&mut self, name: Name, kind: Kind, help: Arc<str>) -> Option<usize> {
        let problems = &self.owner.shared.problems;
        if let Some(at) = self.places.get(&name) {
            let existing = self.filled.get(*at)?.family.kind;
            if existing == kind {
                return Some(*at);
            }
            problems.note(Problem::CollectorRefused, &name, || {
                format!("metric {name:?} of a collector is a {existing} already, and no {kind}")
            });
            return None;
        }
        let most = self.owner.shared.max_families;
        let problem = match name.as_str() {
            "" => Some(Problem::EmptyName),
            _ if self.filled.len() >= most => Some(Problem::TooManyFamilies),
            _ => None,
        };
        if let Some(problem) = problem {
            problems.note(problem, &name, || {
                format!("metric {name:?} of a collector is left out: a name is not empty, and there are at most {most} families")
            });
            return None;
        }
        let family = Family { name: name.clone(), kind, help, unit: Unit::None, series: SeriesList::new() };
        self.filled.push(Filled { family, tags: HashSet::default() });
        self.places.insert(name, self.filled.len() - 1);
        Some(self.filled.len() - 1)
    }
}

impl<V> Rows<'_, V> {
    /// Adds a series.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// registry.collector("twice", |families| {
    ///     families.gauge("level", "").set((), 1.0).set((), 2.0);
    ///     families.counter("money", "").set([("of", "me")], 1.0).set([("of", "you")], -1.0);
    /// });
    /// assert_eq!(registry.value("level"), Some(1.0));
    /// assert_eq!(registry.snapshot().value(("money", [("of", "you")])), None);
    /// ```
    pub fn set(mut self, tags: impl Into<Tags>, value: impl Into<V>) -> Self {
        let value = (self.value)(value.into());
        self.add(tags.into(), value);
        self
    }

    /// Adds a series whose value may not have come about: then it is left out, counted and, the first time, logged.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// registry.collector("sensors", |families| {
    ///     let readings = families.gauge("celsius", "Temperature.");
    ///     readings
    ///         .try_set([("room", "kitchen")], "21.5".parse::<f64>())
    ///         .try_set([("room", "attic")], "broken".parse::<f64>());
    /// });
    /// assert_eq!(registry.value(("celsius", [("room", "kitchen")])), Some(21.5));
    /// assert_eq!(registry.value(("celsius", [("room", "attic")])), None);
    /// ```
    pub fn try_set<E: Display>(self, tags: impl Into<Tags>, value: Result<impl Into<V>, E>) -> Self {
        match value {
            Ok(value) => self.set(tags, value),
            Err(error) => {
                self.note(Problem::CollectorRefused, &tags.into(), &error);
                self
            }
        }
    }

    /// Says when the series that follow began to count, where the source knows; without it nobody does.
    ///
    /// Shape: the start time in protobuf, JSON and OTLP. Prometheus takes the first value after it for an increase from zero.
    ///
    /// ```
    /// # use std::time::{Duration, SystemTime};
    /// # let registry = tagmeter::Registry::new();
    /// let booted = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    /// registry.collector("kernel", move |families| {
    ///     families.counter("context_switches", "").start(booted).set((), 12_u64);
    /// });
    /// assert_eq!(registry.snapshot().families()[0].series.first().unwrap().start(), booted);
    /// ```
    #[must_use]
    pub fn start(mut self, start: SystemTime) -> Self {
        self.start = start;
        self
    }

    /// Says what the family is measured in. Infos and state sets have no unit, whatever is said.
    ///
    /// ```
    /// # use tagmeter::Unit;
    /// # let registry = tagmeter::Registry::new();
    /// registry.collector("disk", |families| {
    ///     families.gauge("disk_free", "").unit(Unit::Bytes).set((), 7e9);
    /// });
    /// assert!(registry.snapshot().to_text().contains("disk_free_bytes 7000000000"));
    /// ```
    #[must_use]
    pub fn unit(mut self, unit: Unit) -> Self {
        if let Some(filled) = &mut self.filled {
            filled.family.unit = unit;
        }
        self
    }

    fn add(&mut self, tags: Tags, value: Value) {
        let Some(filled) = &mut self.filled else { return };
        if let Err(refused) = filled.admit(&tags, &value, self.owner.max_series) {
            let problem = match refused {
                Refused::TooMany(_) => Problem::TooManySeries,
                Refused::Impossible(_) | Refused::Twice => Problem::CollectorRefused,
            };
            return self.note(problem, &tags, &refused);
        }
        let value = match value {
            Value::Counter(now) if self.is_monotone => {
                let Owner { seen, began, .. } = self.owner;
                Value::Counter(seen.lock().follow(&filled.family.name, &tags, now, began))
            }
            other => other,
        };
        filled.family.series.push(tags, value, self.start);
    }

    fn note(&self, problem: Problem, tags: &Tags, why: &dyn Display) {
        let Some(Filled { family, .. }) = self.filled.as_deref() else { return };
        self.owner.shared.problems.note(problem, &family.name, || {
            format!("series {tags} of metric {:?} of a collector is left out: {why}", family.name)
        });
    }
}

impl Rows<'_, Number> {
    /// Keeps the series that follow from falling: where the source shows less than before it began anew, and what it had
    /// counted until then is added from there on.
    ///
    /// Prometheus needs no such thing, as `rate` and `increase` take a fall for a new beginning; they give the same with it.
    /// Deltas, line protocols and [`Snapshot::since`](crate::model::Snapshot::since) do. The price is that the page does not
    /// show what the source shows. It lasts as long as the collector: a series that is missing meanwhile is remembered, unless
    /// more than a thousand are, and more than are there.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// # let registry = tagmeter::Registry::new();
    /// let packets = Arc::new(AtomicU64::new(100));
    /// let source = packets.clone();
    /// registry.collector("network", move |families| {
    ///     families.counter("packets", "").monotone().set([("device", "eth0")], source.load(Ordering::Relaxed));
    /// });
    /// assert_eq!(registry.value(("packets", [("device", "eth0")])), Some(100.0));
    /// packets.store(30, Ordering::Relaxed); // the device was replaced
    /// assert_eq!(registry.value(("packets", [("device", "eth0")])), Some(130.0));
    /// ```
    #[must_use]
    pub fn monotone(mut self) -> Self {
        self.is_monotone = true;
        self
    }
}

impl Filled {
    /// Takes the tags of a series that may be added.
    fn admit(&mut self, tags: &Tags, value: &Value, most: usize) -> Result<(), Refused> {
        let (found, family) = (value.kind(), self.family.kind);
        if found != family {
            return Err(InvalidValue::OtherKind { found, family }.into());
        }
        value.check()?;
        if self.tags.contains(tags) {
            return Err(Refused::Twice);
        }
        if self.tags.len() >= most {
            return Err(Refused::TooMany(most));
        }
        self.tags.insert(tags.clone());
        Ok(())
    }
}

impl fmt::Debug for Families<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.filled.iter().map(|filled| &filled.family)).finish()
    }
}

impl fmt::Debug for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owner").field("max_series", &self.max_series).finish_non_exhaustive()
    }
}
