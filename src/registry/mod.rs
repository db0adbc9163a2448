//! The registry: names instruments, and reads them all.
//!
//! [`Registry`] has short forms (`registry.counter("hits")`) that never fail, and [`define`](Registry::define) for
//! everything said once. [`Family`], [`TypedFamily`], [`SerdeFamily`] and [`OutcomeFamily`] hold the series of a name,
//! [`RemovableFamily`] those that come and go and give their memory back;
//! a [`collector`](Registry::collector) fills [`Families`] at collection time, and [`collector`](mod@collector) says how to write
//! an exporter; [`global`] is the registry of `counter!`
//! and of `static` instruments.
//! [`View`] shows several registries as one, or one with a prefix or tags; a [`Scope`] is a registry inside another, which
//! goes as a whole; an [`alias`](Registry::alias) shows what was renamed under its old name as well.
//!
//! # Taking back
//!
//! | registered by | taken back by |
//! |---|---|
//! | [`define`](Registry::define), the short forms | [`unregister`](Registry::unregister) with the definition, [`remove`](Registry::remove) a series |
//! | [`gauge_fn`](Registry::gauge_fn), [`counter_fn`](Registry::counter_fn) | the same; the function is dropped |
//! | [`collector`](Registry::collector), [`define_collector`](Registry::define_collector) | [`unregister`](collector::CollectorHandle::unregister) of what they give |
//! | [`staged`](Registry::staged) | dropping the [`Staged`] |
//! | [`alias`](Registry::alias) | [`remove_alias`](Registry::remove_alias) |
//! | [`scope`](Registry::scope) | dropping the [`Scope`], with all that was registered in it |
//!
//! # Several processes
//!
//! A program that forks workers has a registry in each, and nothing is shared: what one records, the others and the parent
//! do not see. Each worker shows its own, with a tag that tells it from the others, and the database adds up. There is no
//! file of counts that all write: it would have to be locked or mapped, and be tidied up after workers that died.
//!
//! ```no_run
//! # #[cfg(feature = "serve")]
//! fn work(number: u16) -> Result<(), Box<dyn std::error::Error>> {
//!     let registry = tagmeter::Registry::new();                     // after the fork
//!     let shown = registry.view().tags([("worker", number.to_string())]);
//!     tagmeter::serve(("127.0.0.1", 9100 + number), &shown)?;      // or Reporter::new(&registry, …).tags([("worker", …)])
//!     // …
//!     Ok(())
//! }
//! ```
//!
//! Begin to record after the fork: a worker has the totals of its parent, and those of the [`global`] registry go with
//! them, so that what was recorded before is in every worker. Servers and reporters are threads, which do not survive a
//! fork: start them in the worker; a [`Reporter`](crate::Reporter) of the parent says `Forked` there. Give a worker that
//! takes another's place its number, so that its series go on. [What else a fork does](crate::metric).
//!
//! # Two versions of the crate
//!
//! A program may have two, by its dependencies. Nothing of theirs is shared or clashes: each has a [`global`] registry of its
//! own, in which `counter!` and `static` instruments of that version are. So a metric of a library that uses the other
//! version is not on this one's page. Serve both, at two paths, and have both scraped; two text pages in one body are no
//! valid page. Or bring the counters and gauges of the other by a [`collector`](Registry::collector) that
//! [parses](crate::parse) its page: `tests/two_versions.rs` has one. Libraries that take a `Registry` from their caller do
//! not compile with that of another version, and so cannot lose metrics.

mod alias;
pub mod collector;
mod define;
mod definition;
mod error;
mod exemplars;
mod families;
mod family;
mod filter;
mod global;
mod keys;
mod outcome;
mod problem;
mod reading;
#[cfg(feature = "regex")]
mod regex;
mod removable;
mod scope;
mod shared;
mod short;
mod sought;
mod table;
mod together;
mod typed;
mod typed_serde;
mod unite;
mod view;

pub use collector::{Families, Rows, Staged};
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
pub use scope::Scope;
pub use typed::TypedFamily;
pub use typed_serde::SerdeFamily;
pub use view::{MergeConflict, View};

pub(crate) use problem::Problem;
use problem::Problems;

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;

use alias::Alias;
use collector::CollectorList;
use families::FamilyList;
use reading::{Plan, Reading};
use shared::Shared;
use unite::{Shown, unite};

use crate::cell::Refused;
use crate::clock::Clock;
use crate::metric::{Common, Context, CurrentSpan, SpanIds};
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
    collectors: CollectorList,
    scopes: RwLock<Scopes>,
    aliases: RwLock<Vec<Alias>>,
    /// Whether it is a scope's: problems are counted, and shown, by the registry it is in.
    is_scope: bool,
}

/// The scopes of a registry, as it shows them, in the order in which they were made.
#[derive(Default)]
struct Scopes {
    shown: BTreeMap<u64, View>,
    last: u64,
}

/// Says of a family, by its name, kind and unit, whether it is to be read.
pub(crate) type Wanted<'a> = &'a dyn Fn(&Name, Kind, &Unit) -> bool;

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
    is_noop: bool,
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
            problems: Arc::new(Problems::new(common)),
            max_series: self.max_series,
            max_families: self.max_families,
            is_noop: self.is_noop,
        };
        Registry::of(shared, false)
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
            is_noop: false,
        }
    }

    /// A registry that records nothing and shows nothing, for programs that have metrics and do not want them.
    ///
    /// Everything else is as in any registry: definitions are checked, conflicts are told, timings measure what `stop`
    /// returns. Instruments read as they were made; functions and collectors are dropped at once. All series of a family
    /// are one, so that tags cost no memory.
    ///
    /// ```
    /// let registry = tagmeter::Registry::noop();
    /// let requests = registry.define("requests").tags(["route"]).counters()?;
    /// requests.with(["/orders"]).inc();
    /// assert_eq!(requests.with(["/orders"]).get(), 0);
    /// assert!(registry.snapshot().families().is_empty());
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn noop() -> Self {
        RegistryBuilder { is_noop: true, ..Registry::builder() }.build()
    }

    fn of(shared: Shared, is_scope: bool) -> Self {
        let shared = Arc::new(shared);
        Registry(Arc::new(Inner {
            families: FamilyList::new(shared.clone()),
            shared,
            collectors: CollectorList::default(),
            scopes: RwLock::default(),
            aliases: RwLock::default(),
            is_scope,
        }))
    }

    /// An empty registry with the clock, the limits and the problems of this one.
    fn child(&self) -> Self {
        let Shared { context, problems, max_series, max_families, is_noop, start: _ } = &*self.0.shared;
        let shared = Shared {
            context: context.clone(),
            problems: problems.clone(),
            max_series: *max_series,
            max_families: *max_families,
            start: self.0.shared.wall(),
            is_noop: *is_noop,
        };
        Registry::of(shared, true)
    }

    /// This registry as it is to be shown: with a prefix or tags, some families only, or together with others.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.counter("orders").inc();
    /// assert_eq!(registry.view().prefix("shop_").snapshot().value("shop_orders"), Some(1.0));
    /// ```
    pub fn view(&self) -> View {
        View::from(self)
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

    /// Takes a family back with its definition; tells whether there was one. The name can then be defined anew.
    ///
    /// Its instruments go on working, unseen, and give their memory back when they are dropped; so do those that a `static`
    /// or a place in the code has found.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// let depth = registry.define("depth").gauge()?;
    /// assert!(registry.unregister("depth"));
    /// depth.set(3.0);
    /// registry.define("depth").help("Jobs waiting.").tags(["queue"]).gauges()?.with(["mail"]).set(1.0);
    /// assert_eq!(registry.iter().count(), 1);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn unregister(&self, name: impl Into<Name>) -> bool {
        // Dropped here, with no lock held: what functions of its series own may do anything when they go.
        self.0.families.remove(&name.into()).is_some()
    }

    /// All metrics, as plain data. Holds no lock while functions of yours run, and none when it returns.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.counter("hits").add(3);
    /// assert_eq!(registry.snapshot().value("hits"), Some(3.0));
    /// ```
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(self.0.shared.wall(), self.families(None))
    }

    /// The families that are wanted, or all; others are not read. Collectors run all the same: nobody knows what they bring.
    pub(crate) fn families(&self, wanted: Option<Wanted<'_>>) -> Vec<model::Family> {
        let mut plan = Plan::default();
        self.plan(wanted, &mut plan);
        let shown = self.shown(wanted, &mut plan.read(self));
        shown.into_iter().map(|shown| shown.family).collect()
    }

    /// Plans to read what is wanted, here and in the scopes.
    fn plan(&self, wanted: Option<Wanted<'_>>, plan: &mut Plan) {
        if self.0.shared.is_noop {
            return;
        }
        Registry::before_aliases(&self.aliases(), wanted, |wanted| {
            let mut registered = self.0.families.all();
            if let Some(wanted) = wanted {
                registered.retain(|family| {
                    let Definition { name, kind, unit, .. } = family.definition();
                    wanted(&name, kind, &unit)
                });
            }
            let scopes: Vec<View> = self.0.scopes.read().shown.values().cloned().collect();
            plan.add(registered, scopes.clone());
            scopes.iter().for_each(|scope| scope.plan(wanted, plan));
        });
    }

    /// What was read by that plan, with what collectors bring and what went wrong.
    fn shown(&self, wanted: Option<Wanted<'_>>, reading: &mut Reading) -> Vec<Shown> {
        if self.0.shared.is_noop {
            return Vec::new();
        }
        let (mut families, scopes) = reading.next();
        self.0.collectors.read_into(&mut families);
        let mut families: Vec<Shown> = families.into_iter().map(Shown::from).collect();
        let aliases = self.aliases();
        if !scopes.is_empty() {
            Registry::before_aliases(&aliases, wanted, |wanted| {
                families.extend(scopes.iter().flat_map(|scope| scope.shown(wanted, reading)));
            });
            families = unite(families, |name, why| self.note_problem(Problem::LeftOut, name, || why));
        }
        self.add_aliases(&mut families, &aliases);
        if !self.0.is_scope {
            let problems = self.0.shared.problems.family(self.0.shared.start);
            let is_new = |own: &model::Family| families.iter().all(|shown| shown.family.name != own.name);
            families.extend(problems.filter(is_new).map(Shown::from));
        }
        if let Some(wanted) = wanted {
            families.retain(|Shown { family, .. }| wanted(&family.name, family.kind, &family.unit));
        }
        families
    }

    /// What is defined here and in the scopes; not what collectors bring.
    pub(crate) fn definitions(&self) -> Vec<Definition> {
        let mut all: Vec<Definition> =
            self.0.families.all().iter().map(|family| family.definition()).collect();
        let scopes: Vec<View> = self.0.scopes.read().shown.values().cloned().collect();
        all.extend(scopes.iter().flat_map(View::definitions));
        self.define_aliases(&mut all);
        all
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
            Some(family) if self.0.scopes.read().shown.is_empty() => {
                self.read_value(&*family, &id.tags)?.number()
            }
            _ => self.snapshot().value(id),
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

    /// Takes a series off every page and push; tells whether there was one. A function that it asks is dropped.
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

    /// Where instruments count what they refuse.
    pub(crate) fn refused(&self) -> &Refused {
        &self.0.shared.context.common.refused
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
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
