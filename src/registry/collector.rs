//! Families filled at collection time, from a source that is not ours.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use foldhash::fast::RandomState;

use super::problem::{Problem, Problems};
use crate::model::{Family, Kind, Number, SeriesList, Value};
use crate::name::Name;
use crate::tag::Tags;
use crate::unit::Unit;

/// A function that fills families.
pub(crate) type Collect = Arc<dyn Fn(&mut Families<'_>) + Send + Sync>;

/// What a collector fills. See [`Registry::collector`](super::Registry::collector).
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
    problems: &'a Problems,
    start: SystemTime,
}

/// One family in the making.
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
    filled: &'a mut Filled,
    problems: &'a Problems,
    start: SystemTime,
    value: fn(V) -> Option<Value>,
}

/// A family, and the tags that it has: a collector may bring thousands of series.
#[derive(Debug)]
struct Filled {
    family: Family,
    tags: HashSet<Tags, RandomState>,
}

impl<'a> Families<'a> {
    pub(crate) fn new(problems: &'a Problems, start: SystemTime) -> Self {
        Families { filled: Vec::new(), problems, start }
    }

    pub(crate) fn into_inner(self) -> Vec<Family> {
        self.filled.into_iter().map(|filled| filled.family).collect()
    }

    /// A family of counters: totals of a source that only grows, in whole numbers or floats.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// registry.collector("cpu", |families| {
    ///     families.counter("cpu_seconds", "Time used.").set([("mode", "user")], 1.5);
    /// });
    /// assert_eq!(registry.value(("cpu_seconds", [("mode", "user")])), Some(1.5));
    /// ```
    pub fn counter(&mut self, name: impl Into<Name>, help: impl Into<Arc<str>>) -> Rows<'_, Number> {
        self.rows(name.into(), Kind::Counter, help.into(), |total| {
            let possible = total.as_f64().is_finite() && total.as_f64() >= 0.0;
            possible.then_some(Value::Counter(total))
        })
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
        self.rows(name.into(), Kind::Gauge, help.into(), |level| Some(Value::Gauge(level)))
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
        self.rows(name.into(), Kind::UpDownCounter, help.into(), |level| Some(Value::UpDownCounter(level)))
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
        self.rows(name.into(), Kind::Info, help.into(), |facts| Some(Value::Info(Box::new(facts))))
    }

    /// The family of that name; a name that has another kind gives one that is thrown away.
    fn rows<V>(
        &mut self,
        name: Name,
        kind: Kind,
        help: Arc<str>,
        value: fn(V) -> Option<Value>,
    ) -> Rows<'_, V> {
        let same = |Filled { family, .. }: &Filled| family.name == name && family.kind == kind;
        let at = self.filled.iter().position(same).unwrap_or_else(|| {
            let family = Family { name, kind, help, unit: Unit::None, series: SeriesList::new() };
            self.filled.push(Filled { family, tags: HashSet::default() });
            self.filled.len() - 1
        });
        Rows { filled: &mut self.filled[at], problems: self.problems, start: self.start, value }
    }
}

impl<V> Rows<'_, V> {
    /// Adds a series. One with tags that are already there, or a counter that is negative or not finite, is left out
    /// and counted.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// registry.collector("twice", |families| {
    ///     families.gauge("level", "").set((), 1.0).set((), 2.0);
    /// });
    /// assert_eq!(registry.value("level"), Some(1.0));
    /// ```
    pub fn set(self, tags: impl Into<Tags>, value: impl Into<V>) -> Self {
        let tags = tags.into();
        let Filled { family, tags: taken } = &mut *self.filled;
        match (self.value)(value.into()).filter(|_| taken.insert(tags.clone())) {
            Some(value) => family.series.push(tags, value, self.start),
            None => self.problems.note(Problem::CollectorRefused, &family.name, || {
                format!(
                    "a collector gave metric {:?} a value that is impossible or there already: {tags}",
                    family.name
                )
            }),
        }
        self
    }
}

impl fmt::Debug for Families<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.filled.iter().map(|filled| &filled.family)).finish()
    }
}
