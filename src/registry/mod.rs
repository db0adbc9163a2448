//! The registry: names instruments, and reads them all.
//!
//! [`Registry`] has short forms (`registry.counter("hits")`) that never fail, and [`define`](Registry::define) for
//! everything said once. [`Family`], [`TypedFamily`], [`SerdeFamily`] and [`OutcomeFamily`] hold the series of a name,
//! [`RemovableFamily`] those that come and go and give their memory back;
//! a [`collector`](Registry::collector) fills [`Families`] at collection time; [`global`] is the registry of `counter!`
//! and of `static` instruments.

mod collector;
mod define;
mod definition;
mod error;
mod exemplars;
mod families;
mod family;
mod global;
mod keys;
mod outcome;
mod problem;
#[cfg(feature = "regex")]
mod regex;
mod removable;
mod shared;
mod short;
mod sought;
mod table;
mod typed;
mod typed_serde;

pub use collector::{Families, Rows};
pub use define::{Define, DefineOutcome, NoTags, RemovableTags, SerdeTags, TagKeys, TypedTags};
pub use definition::{Definition, Removal};
pub use error::RegisterError;
pub use family::Family;
pub use global::{CallSite, SeriesSite, global};
pub use outcome::OutcomeFamily;
#[cfg(feature = "regex")]
#[cfg_attr(docsrs, doc(cfg(feature = "regex")))]
pub use regex::{InvalidPattern, RegexRegistry};
pub use removable::RemovableFamily;
pub use typed::TypedFamily;
pub use typed_serde::SerdeFamily;

pub(crate) use problem::Problem;
use problem::Problems;

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;

use collector::Collect;
use families::FamilyList;
use family::AnyFamily;
use shared::Shared;

use crate::clock::Clock;
use crate::metric::{Common, Context, CurrentSpan, SpanIds, call};
use crate::model::{self, Kind, Snapshot};
use crate::name::Name;
use crate::tag::{Id, Tags};
use crate::unit::Unit;

/// Where instruments have their names. Clones share it.
///
/// ```
/// use tagmeter::Registry;
///
/// let registry = Registry::new();
/// let requests = registry.define("requests").help("Requests served.").tags(["route", "status"]).counters()?;
/// requests.with(["/orders", "200"]).inc();
/// assert_eq!(registry.value(("requests", [("route", "/orders"), ("status", "200")])), Some(1.0));
/// # Ok::<(), tagmeter::registry::RegisterError>(())
/// ```
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    families: FamilyList,
    collectors: RwLock<Vec<(Name, Collect)>>,
}

/// Series a family may have, and families a registry may have, where nobody says otherwise.
const DEFAULT_LIMIT: usize = 10_000;

/// A registry in the making.
///
/// ```
/// use tagmeter::{Registry, clock::ManualClock};
///
/// let registry = Registry::builder().clock(ManualClock::new()).max_series(500).build();
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct RegistryBuilder {
    clock: Clock,
    max_series: usize,
    max_families: usize,
    quantiles: bool,
    span: CurrentSpan,
}

impl RegistryBuilder {
    /// Reads the time from this clock.
    ///
    /// ```
    /// # use tagmeter::{Registry, clock::ManualClock};
    /// let registry = Registry::builder().clock(ManualClock::new()).build();
    /// ```
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// Series a family may have where its definition does not say; 10 000 otherwise.
    ///
    /// ```
    /// # use tagmeter::Registry;
    /// let registry = Registry::builder().max_series(1).build();
    /// registry.counter(("hits", [("path", "/a")])).inc();
    /// registry.counter(("hits", [("path", "/b")])).inc();
    /// assert_eq!(registry.value(("hits", [("overflow", "true")])), Some(1.0));
    /// ```
    pub fn max_series(mut self, most: usize) -> Self {
        self.max_series = most;
        self
    }

    /// Families the registry may have; 10 000 otherwise. Beyond, instruments work and are exposed nowhere.
    ///
    /// ```
    /// # use tagmeter::Registry;
    /// let registry = Registry::builder().max_families(1).build();
    /// registry.counter("first").inc();
    /// registry.counter("second").inc();
    /// assert_eq!(registry.value("second"), None);
    /// ```
    pub fn max_families(mut self, most: usize) -> Self {
        self.max_families = most;
        self
    }

    /// Records quantiles, extremes and deviation in every histogram and timer, not only where a definition asks.
    ///
    /// ```
    /// # use tagmeter::{Registry, model::Quantile};
    /// let registry = Registry::builder().quantiles().build();
    /// let sizes = registry.histogram("sizes");
    /// sizes.record(3.0);
    /// assert_eq!(sizes.value().quantile(0.5), Some(Quantile::Recorded(3.0)));
    /// ```
    pub fn quantiles(mut self) -> Self {
        self.quantiles = true;
        self
    }

    /// Asks this for the current span where a definition wants [exemplars](Define::exemplars); with the feature
    /// `opentelemetry` that is OpenTelemetry's otherwise, if it is sampled. One that panics is counted.
    ///
    /// ```
    /// use tagmeter::{Registry, metric::SpanIds};
    ///
    /// let registry = Registry::builder().exemplars_from(|| Some(SpanIds::new([7; 16], [1; 8]))).build();
    /// let orders = registry.define("orders").exemplars().counter()?;
    /// orders.inc();
    /// let snapshot = registry.snapshot();
    /// let series = snapshot.families()[0].series.first().unwrap();
    /// assert_eq!(series.exemplars().next().map(|exemplar| exemplar.value()), Some(1.0));
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn exemplars_from(mut self, current: impl Fn() -> Option<SpanIds> + Send + Sync + 'static) -> Self {
        self.span = CurrentSpan::new(current);
        self
    }

    /// The registry.
    ///
    /// ```
    /// let registry = tagmeter::Registry::builder().build();
    /// assert!(registry.snapshot().families().is_empty());
    /// ```
    pub fn build(self) -> Registry {
        let common = Arc::new(Common {
            quantiles: AtomicBool::new(self.quantiles),
            span: self.span,
            ..Common::default()
        });
        let shared = Shared {
            start: self.clock.wall(),
            context: Context { clock: self.clock, common: common.clone() },
            problems: Problems::new(common),
            max_series: self.max_series,
            max_families: self.max_families,
        };
        let shared = Arc::new(shared);
        Registry(Arc::new(Inner {
            families: FamilyList::new(shared.clone()),
            shared,
            collectors: RwLock::default(),
        }))
    }
}

impl Registry {
    /// An empty registry.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.counter("hits").inc();
    /// ```
    pub fn new() -> Self {
        Registry::builder().build()
    }

    /// A registry with a clock or limits of its own.
    ///
    /// ```
    /// let registry = tagmeter::Registry::builder().max_families(100).build();
    /// ```
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder {
            clock: Clock::system(),
            max_series: DEFAULT_LIMIT,
            max_families: DEFAULT_LIMIT,
            quantiles: false,
            span: CurrentSpan::default(),
        }
    }

    /// Begins a definition: help, unit, tag keys, buckets, limits, and last the kind of instrument.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// let depth = registry.define("queue_depth").help("Jobs waiting.").gauge()?;
    /// depth.set(4.0);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn define(&self, name: impl Into<Name>) -> Define<'_> {
        Define::new(self, name.into())
    }

    /// Fills families from a source of yours each time metrics are read. A second collector of that name takes the
    /// first one's place.
    ///
    /// No lock is held while it runs, so it may use the registry. One that panics loses only its own families, and is
    /// counted; a family whose name is taken is left out and counted.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.collector("pool", |families| {
    ///     families
    ///         .gauge("pool_connections", "Open connections.")
    ///         .set([("state", "idle")], 3.0)
    ///         .set([("state", "busy")], 5.0);
    /// });
    /// assert!(registry.snapshot().to_text().contains(r#"pool_connections{state="idle"} 3"#));
    /// ```
    pub fn collector(
        &self,
        name: impl Into<Name>,
        collect: impl Fn(&mut Families<'_>) + Send + Sync + 'static,
    ) {
        let name = name.into();
        let mut collectors = self.0.collectors.write();
        let replaced = match collectors.iter().position(|(own, _)| *own == name) {
            Some(at) => Some(std::mem::replace(&mut collectors[at].1, Arc::new(collect))),
            None => {
                collectors.push((name, Arc::new(collect)));
                None
            }
        };
        drop(collectors);
        // Last: what the old function owns may do anything when it goes.
        drop(replaced);
    }

    /// All metrics, as plain data. Holds no lock while functions of yours run, and none when it returns.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.counter("hits").add(3);
    /// assert_eq!(registry.snapshot().value("hits"), Some(3.0));
    /// ```
    pub fn snapshot(&self) -> Snapshot {
        self.read(&self.0.families.all())
    }

    /// As [`snapshot`](Self::snapshot), of the families that are wanted; others are not read. Collectors run all the
    /// same: nobody knows what they bring.
    pub(crate) fn snapshot_of(&self, wanted: impl Fn(&Name, Kind, &Unit) -> bool) -> Snapshot {
        let mut families = self.0.families.all();
        families.retain(|family| {
            let Definition { name, kind, unit, .. } = family.definition();
            wanted(&name, kind, &unit)
        });
        let mut snapshot = self.read(&families);
        snapshot.retain(|family| wanted(&family.name, family.kind, &family.unit));
        snapshot
    }

    fn read(&self, families: &[Arc<dyn AnyFamily>]) -> Snapshot {
        let read = families.iter().map(|family| family.read());
        let mut families: Vec<model::Family> = read.filter(|family| !family.series.is_empty()).collect();
        self.collect_into(&mut families);
        let problems = self.0.shared.problems.family(self.0.shared.start);
        families.extend(problems.filter(|own| families.iter().all(|family| family.name != own.name)));
        Snapshot::new(self.0.shared.wall(), families)
    }

    /// The number that says most about one series: see [`Value::number`](model::Value::number).
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.counter(("orders", [("city", "Oslo")])).inc();
    /// assert_eq!(registry.value(("orders", [("city", "Oslo")])), Some(1.0));
    /// assert_eq!(registry.value("orders"), None);
    /// ```
    pub fn value(&self, id: impl Into<Id>) -> Option<f64> {
        let id = id.into();
        match self.0.families.get(&id.name) {
            Some(family) => family.value(&id.tags)?.number(),
            None => self.snapshot().value(id),
        }
    }

    /// What is registered, in the order of registration; collectors' families are not.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.counter(("orders", [("city", "Oslo")]));
    /// let names: Vec<String> = registry.iter().map(|id| id.to_string()).collect();
    /// assert_eq!(names, [r#"orders{city="Oslo"}"#]);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = Id> {
        let families = self.0.families.all().into_iter();
        families.flat_map(|family| {
            let name = family.name().clone();
            family.tags().into_iter().map(move |tags| Id { name: name.clone(), tags })
        })
    }

    /// Takes a series off every page and push; tells whether there was one.
    ///
    /// Its handles go on working, unseen. The same name and tags show it again, from zero, with a new start.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.counter("hits").inc();
    /// assert!(registry.remove("hits"));
    /// assert!(registry.snapshot().families().is_empty());
    /// assert_eq!(registry.counter("hits").get(), 0);
    /// ```
    pub fn remove(&self, id: impl Into<Id>) -> bool {
        let id = id.into();
        self.0.families.get(&id.name).is_some_and(|family| family.remove(&id.tags))
    }

    /// Keeps only the series for which `keep` says so.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.counter(("orders", [("city", "Oslo")]));
    /// registry.counter(("orders", [("city", "Bergen")]));
    /// registry.retain(|_name, tags| tags.get("city") != Some("Bergen"));
    /// assert_eq!(registry.iter().count(), 1);
    /// ```
    pub fn retain(&self, mut keep: impl FnMut(&Name, &Tags) -> bool) {
        for family in self.0.families.all() {
            family.retain(&mut |tags| keep(family.name(), tags));
        }
    }

    /// Takes every series away. Definitions stay; collectors stay.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.counter("hits").inc();
    /// registry.clear();
    /// assert_eq!(registry.iter().count(), 0);
    /// ```
    pub fn clear(&self) {
        self.retain(|_, _| false);
    }

    /// The clock this registry reads.
    pub(crate) fn clock(&self) -> &Clock {
        &self.0.shared.context.clock
    }

    /// Tells living registries apart.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Records quantiles from now on: somebody who needs them reads this registry.
    pub(crate) fn record_quantiles(&self) {
        self.0.shared.context.common.quantiles.store(true, Ordering::Relaxed);
    }

    /// Counts a problem that a reader of this registry met.
    pub(crate) fn note_problem(&self, problem: Problem, name: &Name, what: impl FnOnce() -> String) {
        self.0.shared.problems.note(problem, name, what);
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    /// Runs the collectors; families whose name is taken are left out.
    fn collect_into(&self, families: &mut Vec<model::Family>) {
        let collectors = self.0.collectors.read().clone();
        for (collector, collect) in collectors {
            for family in self.run(&collect) {
                if families.iter().any(|taken| taken.name == family.name) {
                    self.note_problem(Problem::CollectorRefused, &family.name, || {
                        format!("metric {:?} of collector {collector:?} is there already; the collector's is left out", family.name)
                    });
                } else if !family.series.is_empty() {
                    families.push(family);
                }
            }
        }
    }

    fn run(&self, collect: &Collect) -> Vec<model::Family> {
        call(&self.0.shared.context.common.refused, || {
            let mut families = Families::new(&self.0.shared.problems, self.0.shared.start);
            collect(&mut families);
            families.into_inner()
        })
        .unwrap_or_default()
    }
}

// No lock is held while functions of the user run, so their panics leave everything whole.
impl UnwindSafe for Registry {}
impl RefUnwindSafe for Registry {}

impl Default for Registry {
    fn default() -> Self {
        Registry::new()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("families", &self.0.families.len()).finish_non_exhaustive()
    }
}
