//! What a collector fills.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use super::rows::{Filled, Owner, Rows};
use super::seen::Seen;
use crate::model::{Family, HistogramValue, Kind, Number, Shape, StateSetValue, SummaryValue, Value};
use crate::name::Name;
use crate::registry::problem::Problem;
use crate::registry::shared::Shared;
use crate::tag::Tags;

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

impl<'a> Families<'a> {
    pub(super) fn new(shared: &'a Shared, seen: &'a Mutex<Seen>, began: u64, max_series: usize) -> Self {
        let owner = Owner { shared, seen, began, max_series };
        Families { filled: Vec::new(), places: HashMap::default(), owner }
    }

    pub(super) fn into_families(self) -> Vec<Family> {
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

    /// A family as it is, from another registry's snapshot or made by hand; its series are checked like all others, begin
    /// when they say and keep their exemplars. It goes on with one of its name only where both have the same unit and are
    /// both shown as histograms or both as summaries.
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
        if let Some(why) = self.difference(&family) {
            return self.owner.shared.problems.note(Problem::CollectorRefused, &family.name, || {
                format!(
                    "metric {:?} of a collector is there already; another one is left out: {why}",
                    family.name
                )
            });
        }
        let Family { name, kind, help, unit, series } = family;
        let mut rows = self.rows(name, kind, help, |value: Value| value).unit(unit);
        for series in series.iter() {
            rows = rows.start(series.start());
            if rows.add(series.tags.clone(), series.value.clone()) {
                rows.exemplify(series.exemplars().cloned());
            }
        }
    }

    /// What keeps a family of the same kind from going on with the one there is, if anything does.
    fn difference(&self, family: &Family) -> Option<String> {
        let there = &self.filled.get(*self.places.get(&family.name)?)?.family;
        let first = there.series.first()?;
        if there.kind != family.kind {
            return None;
        }
        if there.unit != family.unit {
            return Some(format!(
                "its unit is {:?}, not {:?}",
                family.unit.to_string(),
                there.unit.to_string()
            ));
        }
        let is_a_summary = is_summary(first.value);
        let differs = family.series.iter().any(|series| is_summary(series.value) != is_a_summary);
        differs.then(|| "one of them is shown as a summary, the other as a histogram".to_owned())
    }

    /// The family of that name; one that cannot be gives rows that are thrown away.
    fn rows<V>(&mut self, name: Name, kind: Kind, help: Arc<str>, value: fn(V) -> Value) -> Rows<'_, V> {
        let owner = self.owner;
        let place = match self.places.get(&name) {
            Some(at) => self.same_kind(*at, kind),
            None => self.begin(name, kind, help),
        };
        Rows::new(place.and_then(|at| self.filled.get_mut(at)), owner, value)
    }

    /// Goes on with a family, if it is of this kind.
    fn same_kind(&self, at: usize, kind: Kind) -> Option<usize> {
        let Family { name, kind: existing, .. } = &self.filled.get(at)?.family;
        if *existing == kind {
            return Some(at);
        }
        self.owner.shared.problems.note(Problem::CollectorRefused, name, || {
            format!("metric {name:?} of a collector is a {existing} already, and no {kind}")
        });
        None
    }

    /// Begins a family, if it may be.
    fn begin(&mut self, name: Name, kind: Kind, help: Arc<str>) -> Option<usize> {
        let (at, most) = (self.filled.len(), self.owner.shared.max_families);
        let refused = match name.as_str() {
            "" => Some((Problem::EmptyName, "a metric of a collector has an empty name".to_owned())),
            _ if at >= most => {
                Some((Problem::TooManyFamilies, format!("a collector brings more than {most} families")))
            }
            _ => None,
        };
        if let Some((problem, why)) = refused {
            self.owner.shared.problems.note(problem, &name, || why);
            return None;
        }
        self.filled.push(Filled::new(name.clone(), kind, help));
        self.places.insert(name, at);
        Some(at)
    }
}

/// Whether distributions are shown as a summary; families of anything else have no such choice.
fn is_summary(value: &Value) -> bool {
    match value {
        Value::Timer(timer) => timer.durations.shape != Shape::Histogram,
        Value::Histogram(histogram) => histogram.shape != Shape::Histogram,
        _ => false,
    }
}

impl fmt::Debug for Families<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.filled.iter().map(|filled| &filled.family)).finish()
    }
}
