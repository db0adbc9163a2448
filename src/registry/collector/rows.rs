//! Series of a family, checked one by one as they come.

use std::collections::HashSet;
use std::fmt::{self, Display};
use std::sync::Arc;
use std::time::SystemTime;

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use super::seen::Seen;
use crate::model::{Exemplar, Family, InvalidValue, Kind, Number, SeriesList, Value};
use crate::name::Name;
use crate::registry::problem::Problem;
use crate::registry::shared::Shared;
use crate::tag::Tags;
use crate::unit::Unit;

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
pub(super) struct Owner<'a> {
    pub(super) shared: &'a Shared,
    pub(super) seen: &'a Mutex<Seen>,
    /// The readings there were when this collection began.
    pub(super) began: u64,
    pub(super) max_series: usize,
}

/// A family, and the tags that it has: a collector may bring thousands of series.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) family: Family,
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

impl<'a, V> Rows<'a, V> {
    pub(super) fn new(filled: Option<&'a mut Filled>, owner: Owner<'a>, value: fn(V) -> Value) -> Self {
        Rows { filled, owner, start: UNKNOWN_START, is_monotone: false, value }
    }

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

    /// Adds a series, if it may be; tells whether it did.
    pub(super) fn add(&mut self, tags: Tags, value: Value) -> bool {
        let Some(filled) = &mut self.filled else { return false };
        if let Err(refused) = filled.admit(&tags, &value, self.owner.max_series) {
            let problem = match refused {
                Refused::TooMany(_) => Problem::TooManySeries,
                Refused::Impossible(_) | Refused::Twice => Problem::CollectorRefused,
            };
            self.note(problem, &tags, &refused);
            return false;
        }
        let value = match value {
            Value::Counter(now) if self.is_monotone => {
                let Owner { seen, began, .. } = self.owner;
                Value::Counter(seen.lock().follow(&filled.family.name, &tags, now, began))
            }
            other => other,
        };
        filled.family.series.push(tags, value, self.start);
        true
    }

    /// Gives the series that was added last its exemplars.
    pub(super) fn exemplify(&mut self, exemplars: impl Iterator<Item = Exemplar>) {
        if let Some(filled) = &mut self.filled {
            filled.family.series.exemplify(exemplars);
        }
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
    pub(super) fn new(name: Name, kind: Kind, help: Arc<str>) -> Self {
        let family = Family { name, kind, help, unit: Unit::None, series: SeriesList::new() };
        Filled { family, tags: HashSet::default() }
    }

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

impl fmt::Debug for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owner").field("max_series", &self.max_series).finish_non_exhaustive()
    }
}
