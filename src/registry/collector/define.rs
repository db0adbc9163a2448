//! Registering collectors, and taking them away again.

use std::fmt::{self, Display};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::families::Families;
use super::flights::Flights;
use super::ledger::Ledger;
use super::list::Entry;
use super::run::{Collect, Run, Workshop};
use super::staged::{Stage, Staged};
use crate::name::Name;
use crate::registry::{Inner, Registry};

/// A collector in the making. See [`Registry::define_collector`].
///
/// ```
/// use std::time::Duration;
///
/// let registry = tagmeter::Registry::new();
/// registry
///     .define_collector("quota")
///     .cached(Duration::from_secs(30))
///     .timeout(Duration::from_secs(2))
///     .try_collect(|families| {
///         families.gauge("quota_left_ratio", "Share of the quota that is left.").set((), "0.25".parse::<f64>()?);
///         Ok::<(), std::num::ParseFloatError>(())
///     });
/// assert_eq!(registry.value("quota_left_ratio"), Some(0.25));
/// ```
#[derive(Debug)]
#[must_use = "a definition does nothing until `collect`"]
pub struct DefineCollector<'r> {
    registry: &'r Registry,
    name: Name,
    interval: Option<Duration>,
    timeout: Option<Duration>,
    max_series: Option<usize>,
}

/// A registered collector. Dropping this does nothing to it: it stays until it is unregistered, replaced by another of
/// its name, or its registry is gone.
///
/// ```
/// let registry = tagmeter::Registry::new();
/// let pool = registry.collector("pool", |families| _ = families.gauge("pool_size", "").set((), 3.0));
/// assert_eq!(registry.value("pool_size"), Some(3.0));
/// pool.unregister();
/// assert_eq!(registry.value("pool_size"), None);
/// ```
#[derive(Clone)]
pub struct CollectorHandle {
    /// Neither is held: a collector may own its handle.
    registry: Weak<Inner>,
    entry: Weak<Entry>,
}

/// Takes its collector away when dropped. Made by [`CollectorHandle::until_dropped`].
///
/// See there.
#[derive(Debug)]
#[must_use = "the collector goes when this is dropped"]
pub struct CollectorGuard(CollectorHandle);

impl Registry {
    /// Fills families from a source of yours each time metrics are read, on the thread that reads them. A second collector of
    /// that name takes the first one's place.
    ///
    /// No lock is held while it runs, so it may use the registry; two who read at the same time run it both. One that panics
    /// loses only its own families, and is counted; a family whose name is taken is left out and counted. What may be
    /// slow or stuck, or should say how it is doing, is [defined](Self::define_collector) instead.
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
    ) -> CollectorHandle {
        let workshop = Workshop::new(name.into(), self.shared().clone(), self.shared().max_series, None);
        self.add_collector(Entry::Direct(Box::new(Run { workshop, collect: never_fails(collect) })))
    }

    /// Begins the definition of a collector: how long its families are kept, how long it may take, how many series it may
    /// bring, and last its function. How it does is on the page, as `tagmeter_collector_…`.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.define_collector("pool").collect(|families| _ = families.gauge("pool_size", "").set((), 3.0));
    /// assert!(registry.snapshot().to_text().contains(r#"tagmeter_collector_seconds_count{collector="pool"} 1"#));
    /// ```
    pub fn define_collector(&self, name: impl Into<Name>) -> DefineCollector<'_> {
        DefineCollector { registry: self, name: name.into(), interval: None, timeout: None, max_series: None }
    }

    /// A set of families that you publish whenever you have a new one, and every reader sees as a whole. A collector of
    /// that name is replaced.
    ///
    /// See [`Staged`] for an example.
    pub fn staged(&self, name: impl Into<Name>) -> Staged {
        let stage = Arc::new(Stage::new(self.define_collector(name).workshop()));
        let handle = self.add_collector(Entry::Staged(stage.clone()));
        Staged::new(stage, handle)
    }

    fn add_collector(&self, entry: Entry) -> CollectorHandle {
        let entry = Arc::new(entry);
        let handle = CollectorHandle { registry: Arc::downgrade(&self.0), entry: Arc::downgrade(&entry) };
        if !self.shared().is_noop {
            self.0.collectors.insert(entry);
        }
        handle
    }
}

impl DefineCollector<'_> {
    /// Shows the same families again to whoever asks within this time, and has one run at a time, for which all who ask
    /// meanwhile wait (those without a [`timeout`](Self::timeout) for at most ten seconds, after which the run counts as one
    /// that is late).
    ///
    /// Where a run fails or is late, the families before are shown until they are twice as old; then there are none.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// let registry = tagmeter::Registry::new();
    /// let runs = AtomicU64::new(0);
    /// registry.define_collector("runs").cached(Duration::from_secs(60)).collect(move |families| {
    ///     families.counter("runs", "").set((), runs.fetch_add(1, Ordering::Relaxed) + 1);
    /// });
    /// assert_eq!([registry.value("runs"), registry.value("runs")], [Some(1.0); 2]);
    /// ```
    pub fn cached(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// Runs it on a thread of its own, for which a reader waits no longer than this; all who ask meanwhile share the run.
    ///
    /// Its families are then left out of that snapshot, unless it is [`cached`](Self::cached), and it is counted. Nobody
    /// can end a function that hangs: its thread stays, and is the only one, and until it returns nobody waits for it again.
    /// What it gives too late is shown where it is cached.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let registry = tagmeter::Registry::new();
    /// let (never, forever) = std::sync::mpsc::channel::<()>();
    /// let forever = std::sync::Mutex::new(forever);
    /// registry.define_collector("stuck").timeout(Duration::from_millis(1)).collect(move |families| {
    ///     _ = forever.lock().unwrap().recv();
    ///     families.gauge("stuck", "").set((), 1.0);
    /// });
    /// assert_eq!(registry.snapshot().value("stuck"), None);
    /// # drop(never);
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How many series each of its families may have; without it, as many as
    /// [the registry](crate::registry::RegistryBuilder::max_series) says. What is beyond is left out and counted.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.define_collector("users").max_series(1).collect(|families| {
    ///     families.gauge("logins", "").set([("user", "a")], 1.0).set([("user", "b")], 1.0);
    /// });
    /// assert_eq!(registry.value(("logins", [("user", "b")])), None);
    /// ```
    pub fn max_series(mut self, most: usize) -> Self {
        self.max_series = Some(most);
        self
    }

    /// Registers it.
    ///
    /// See the type's example.
    pub fn collect(self, collect: impl Fn(&mut Families<'_>) + Send + Sync + 'static) -> CollectorHandle {
        self.register(never_fails(collect))
    }

    /// Registers one that may fail: then all its families are left out, and it is counted; the first error is logged.
    ///
    /// See the type's example.
    pub fn try_collect<E: Display>(
        self,
        collect: impl Fn(&mut Families<'_>) -> Result<(), E> + Send + Sync + 'static,
    ) -> CollectorHandle {
        self.register(Box::new(move |families| collect(families).map_err(|error| error.to_string())))
    }

    fn register(self, collect: Collect) -> CollectorHandle {
        let run = Run { workshop: self.workshop(), collect };
        let entry = match (self.interval, self.timeout) {
            (None, None) => Entry::Direct(Box::new(run)),
            (interval, timeout) => Entry::Shared(Arc::new(Flights::new(run, interval, timeout))),
        };
        self.registry.add_collector(entry)
    }

    fn workshop(&self) -> Workshop {
        let shared = self.registry.shared();
        let ledger = Ledger::new(self.name.clone(), shared.wall());
        let max_series = self.max_series.unwrap_or(shared.max_series);
        Workshop::new(self.name.clone(), shared.clone(), max_series, Some(ledger))
    }
}

fn never_fails(collect: impl Fn(&mut Families<'_>) + Send + Sync + 'static) -> Collect {
    Box::new(move |families| {
        collect(families);
        Ok(())
    })
}

impl CollectorHandle {
    /// Takes the collector away; tells whether it was still there. A run that has begun goes on, and is shown no more.
    ///
    /// A collector may call it while it runs. What its function owns is dropped here, or when its last run ends.
    ///
    /// See the type's example.
    pub fn unregister(&self) -> bool {
        let (registry, entry) = (self.registry.upgrade(), self.entry.upgrade());
        registry.zip(entry).is_some_and(|(registry, entry)| registry.collectors.remove(&entry))
    }

    /// Takes the collector away when what this gives is dropped: for collectors of something that goes before the registry.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// let fill = |families: &mut tagmeter::registry::Families<'_>| _ = families.gauge("pool_size", "").set((), 3.0);
    /// let pool = registry.collector("pool", fill).until_dropped();
    /// assert_eq!(registry.value("pool_size"), Some(3.0));
    /// drop(pool);
    /// assert_eq!(registry.value("pool_size"), None);
    /// ```
    pub fn until_dropped(self) -> CollectorGuard {
        CollectorGuard(self)
    }
}

impl Drop for CollectorGuard {
    fn drop(&mut self) {
        self.0.unregister();
    }
}

impl fmt::Debug for CollectorHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CollectorHandle")
            .field("is_registered", &(self.entry.strong_count() > 0))
            .finish_non_exhaustive()
    }
}
