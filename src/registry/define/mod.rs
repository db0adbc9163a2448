//! Definitions: everything about a family, said once. [`ends`] has their last words.

mod ends;

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::definition::{Definition, Removal};
use super::family::{Described, SeriesOf};
use super::{RegisterError, Registry};
use crate::metric::{Extreme, Instrument, Requested, Unsuitable};
use crate::model::Kind;
use crate::name::Name;
use crate::stat::{Buckets, NativeBuckets};
use crate::tag::TagSet;
use crate::unit::Unit;

/// A definition in the making: ends in the kind of instrument.
///
/// Without tags it ends in a singular and gives the instrument itself (`.gauge()?`); after [`tags`](Define::tags) it
/// ends in a plural and gives a [`Family`](super::Family) (`.gauges()?`). Defining the same thing twice gives the same family; a
/// different thing under that name is an error that shows both. A definition takes over what was made by name before,
/// where it fits.
///
/// ```
/// use tagmeter::{Registry, Timer, Unit, stat::Buckets};
///
/// let registry = Registry::new();
/// let latency = registry
///     .define("request")
///     .help("Time to answer a request.")
///     .tags(["route"])
///     .buckets(Buckets::exponential(0.001, 2.0, 12)?)
///     .max_series(500)
///     .timers()?;
/// let orders: &Timer = latency.with(["/orders"]);
/// let depth = registry.define("queue").help("Bytes waiting.").unit(Unit::Bytes).gauge()?;
/// # orders.time(|| depth.set(1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "a definition does nothing until it ends in a kind of instrument"]
pub struct Define<'r, K = NoTags> {
    registry: &'r Registry,
    name: Name,
    help: Arc<str>,
    unit: Unit,
    requested: Requested,
    max_series: Option<usize>,
    keys: K,
}

/// A definition of one instrument.
#[derive(Debug)]
pub struct NoTags;

/// A definition of a family with these tag keys.
#[derive(Debug)]
pub struct TagKeys<const N: usize>([Box<str>; N]);

/// A definition of a family with these tag keys, whose series can go.
#[derive(Debug)]
pub struct RemovableTags<const N: usize>(TagKeys<N>, Removal);

/// A definition of a family whose tags are a `T`, a set of tags with constant keys.
#[derive(Debug)]
pub struct TypedTags<T>(PhantomData<fn(&T)>);

/// A definition of a family whose tags are a `T`, anything that serializes as a struct.
#[derive(Debug)]
pub struct SerdeTags<T: ?Sized>(PhantomData<fn(&T)>);

/// A definition of timers that tell outcomes apart. Made by [`Define::outcome`].
#[derive(Debug)]
#[must_use = "a definition does nothing until it ends in a kind of instrument"]
pub struct DefineOutcome<'r, K>(Define<'r, K>);

impl<'r> Define<'r> {
    pub(crate) fn new(registry: &'r Registry, name: Name) -> Self {
        Define {
            registry,
            name,
            help: Arc::from(""),
            unit: Unit::None,
            requested: Requested::default(),
            max_series: None,
            keys: NoTags,
        }
    }

    /// The keys of the family's tags.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// let requests = registry.define("requests").tags(["route", "status"]).counters()?;
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    #[doc(alias = "labels")]
    pub fn tags<S: AsRef<str>, const N: usize>(self, keys: [S; N]) -> Define<'r, TagKeys<N>> {
        self.with_keys(TagKeys(keys.map(|key| key.as_ref().into())))
    }

    /// Takes tags from a type with constant keys: a struct that derives `Tags` (feature `derive`).
    ///
    /// ```
    /// # #[cfg(feature = "derive")] {
    /// use tagmeter::Tags;
    ///
    /// #[derive(Tags)]
    /// struct Route<'a> { method: &'a str, status: u16 }
    ///
    /// let registry = tagmeter::Registry::new();
    /// let requests = registry.define("requests").typed::<Route>().counters()?;
    /// requests.with(&Route { method: "GET", status: 200 }).inc();
    /// assert_eq!(registry.value(("requests", [("method", "GET"), ("status", "200")])), Some(1.0));
    /// # }
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn typed<T: TagSet>(self) -> Define<'r, TypedTags<T>> {
        self.with_keys(TypedTags(PhantomData))
    }

    /// Takes tags from any `serde::Serialize` struct of scalars and enums.
    ///
    /// The first value fixes the keys; a value that does not fit goes to the overflow series and is counted.
    ///
    /// ```
    /// #[derive(serde::Serialize)]
    /// struct Route { method: &'static str, status: u16 }
    ///
    /// let registry = tagmeter::Registry::new();
    /// let requests = registry.define("requests").typed_serde::<Route>().counters()?;
    /// requests.with(&Route { method: "GET", status: 200 }).inc();
    /// assert_eq!(registry.value(("requests", [("method", "GET"), ("status", "200")])), Some(1.0));
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn typed_serde<T: serde::Serialize + ?Sized>(self) -> Define<'r, SerdeTags<T>> {
        self.with_keys(SerdeTags(PhantomData))
    }
}

impl<'r, const N: usize> Define<'r, TagKeys<N>> {
    /// Series that were idle for so long are hidden, and then give their memory back. Ends in a [`RemovableFamily`](super::RemovableFamily).
    ///
    /// Longer than the interval at which metrics are read, so that the last value of a series is seen.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tagmeter::{Registry, clock::ManualClock};
    /// # let clock = ManualClock::new();
    /// # let registry = Registry::builder().clock(clock.clone()).build();
    /// let timeout = Duration::from_secs(600);
    /// let sessions = registry.define("sessions").tags(["peer"]).idle_timeout(timeout).counters()?;
    /// sessions.with(["a"], |counter| counter.inc());
    /// # clock.advance(Duration::from_secs(60));
    /// # assert!(!registry.snapshot().families().is_empty());
    /// # clock.advance(timeout);
    /// // Ten minutes later:
    /// assert!(registry.snapshot().families().is_empty());
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn idle_timeout(self, timeout: Duration) -> Define<'r, RemovableTags<N>> {
        self.removed(Removal::Idle(timeout))
    }

    /// Series that are removed by hand give their memory back. Ends in a [`RemovableFamily`](super::RemovableFamily).
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// let sessions = registry.define("sessions").tags(["peer"]).removable().counters()?;
    /// sessions.with(["a"], |counter| counter.inc());
    /// assert!(sessions.remove(["a"]));
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn removable(self) -> Define<'r, RemovableTags<N>> {
        self.removed(Removal::ByHand)
    }

    fn removed(self, removal: Removal) -> Define<'r, RemovableTags<N>> {
        let Define { registry, name, help, unit, requested, max_series, keys } = self;
        let keys = RemovableTags(keys, removal);
        Define { registry, name, help, unit, requested, max_series, keys }
    }
}

impl<'r, K> Define<'r, K> {
    /// What the metric means, in a sentence.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// registry.define("jobs").help("Jobs done.").counter()?;
    /// assert!(registry.snapshot().to_text().contains("# HELP jobs_total Jobs done."));
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn help(mut self, help: impl Into<Arc<str>>) -> Self {
        self.help = help.into();
        self
    }

    /// What it is measured in. Timers are in seconds without being told.
    ///
    /// ```
    /// # use tagmeter::Unit;
    /// # let registry = tagmeter::Registry::new();
    /// registry.define("sent").unit(Unit::Bytes).counter()?.add(7);
    /// assert!(registry.snapshot().to_text().contains("sent_bytes_total 7"));
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// The buckets of histograms and timers (in seconds there); with [`native`](Define::native) besides, both kinds are
    /// filled by one record.
    ///
    /// ```
    /// # use tagmeter::stat::Buckets;
    /// # let registry = tagmeter::Registry::new();
    /// let sizes = registry.define("order").buckets(Buckets::powers(4, 64, 8)?).histogram()?;
    /// assert_eq!(sizes.value().counts.len(), 9);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn buckets(mut self, buckets: Buckets) -> Self {
        self.requested.buckets = Some(buckets);
        self
    }

    /// Gives histograms and timers native buckets, which need no bounds and no guess of what values there will be.
    ///
    /// | said | buckets | in protobuf | in text |
    /// |---|---|---|---|
    /// | nothing | classic, the [usual](Buckets::default) | classic | classic |
    /// | `.buckets(…)` | classic | classic | classic |
    /// | `.native(…)` | native | native | count and sum |
    /// | `.buckets(…).native(…)` | both | both, of which Prometheus takes the native | classic |
    ///
    /// ```
    /// # use tagmeter::stat::NativeBuckets;
    /// # let registry = tagmeter::Registry::new();
    /// let latency = registry.define("request").native(NativeBuckets::growth(1.1)?).timer()?;
    /// (1..=1000).for_each(|ms| latency.record(std::time::Duration::from_millis(ms)));
    /// let p90 = latency.value().quantile(0.9).map(|quantile| quantile.value());
    /// assert!(p90.is_some_and(|seconds| (seconds / 0.9 - 1.0).abs() < 0.1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn native(mut self, buckets: NativeBuckets) -> Self {
        self.requested.native = Some(buckets);
        self
    }

    /// Records quantiles, minimum, maximum and deviation of the last minute, in histograms and timers.
    ///
    /// ```
    /// # use tagmeter::model::Quantile;
    /// # let registry = tagmeter::Registry::new();
    /// let sizes = registry.define("order").quantiles().histogram()?;
    /// sizes.record(3.0);
    /// assert_eq!(sizes.value().quantile(0.5), Some(Quantile::Recorded(3.0)));
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn quantiles(mut self) -> Self {
        self.requested.quantiles = true;
        self
    }

    /// Keeps some of the records as exemplars with the ids of the span that is running then, OpenTelemetry's (feature
    /// `opentelemetry`) or [another](super::RegistryBuilder::exemplars_from): see [exemplars](crate::metric#exemplars). For
    /// counters, histograms and timers.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// let latency = registry.define("request").exemplars().timer()?;
    /// latency.time(|| "answer"); // an exemplar, if a sampled span is running
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn exemplars(mut self) -> Self {
        self.requested.exemplars = true;
        self
    }

    /// Shows histograms and timers as a summary with these quantiles, where a format tells the two apart.
    ///
    /// Quantiles of several processes cannot be added up; prefer buckets.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// registry.define("order").summary([0.5, 0.99]).histogram()?.record(3.0);
    /// assert!(registry.snapshot().to_text().contains(r#"order{quantile="0.99"} 3"#));
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn summary(mut self, quantiles: impl Into<Vec<f64>>) -> Self {
        self.requested.summary = Some(quantiles.into());
        self
    }

    /// Shows the greatest value that gauges were set to within the window, instead of the last.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let registry = tagmeter::Registry::new();
    /// let peak = registry.define("queue_peak").max_over(Duration::from_secs(60)).gauge()?;
    /// peak.set(9.0);
    /// peak.set(2.0);
    /// assert_eq!(peak.get(), 9.0);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn max_over(mut self, window: Duration) -> Self {
        self.requested.extreme = Some((Extreme::Max, window));
        self
    }

    /// Shows the least value that gauges were set to within the window, instead of the last.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let registry = tagmeter::Registry::new();
    /// let least = registry.define("free").min_over(Duration::from_secs(60)).gauge()?;
    /// least.set(2.0);
    /// least.set(9.0);
    /// assert_eq!(least.get(), 2.0);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn min_over(mut self, window: Duration) -> Self {
        self.requested.extreme = Some((Extreme::Min, window));
        self
    }

    /// Shows the name to Prometheus as it is, without a suffix for the type or the unit: see [`Name::exact`].
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// registry.define("requests").exact_name().counter()?.add(7);
    /// assert_eq!(registry.snapshot().to_text(), "# TYPE requests counter\nrequests 7\n");
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn exact_name(mut self) -> Self {
        self.name = Name::exact(self.name);
        self
    }

    /// How many series the family may have, instead of the registry's limit. Beyond it, recordings go to one overflow
    /// series.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// let hits = registry.define("hits").tags(["path"]).max_series(1).counters()?;
    /// hits.with(["/a"]).inc();
    /// hits.with(["/b"]).inc();
    /// hits.with(["/c"]).inc();
    /// assert_eq!(registry.value(("hits", [("path", "__overflow__")])), Some(2.0));
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn max_series(mut self, most: usize) -> Self {
        self.max_series = Some(most);
        self
    }

    /// Timers that tell how the work ended, by a tag `outcome`: ok, error, panic, cancelled.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// let saves = registry.define("save").tags(["kind"]).outcome().timers()?;
    /// saves.with(["order"]).time(|| Err::<(), _>("disk full")).unwrap_err();
    /// assert_eq!(registry.value(("save", [("kind", "order"), ("outcome", "error")])), Some(1.0));
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn outcome(self) -> DefineOutcome<'r, K> {
        DefineOutcome(self)
    }

    fn with_keys<L>(self, keys: L) -> Define<'r, L> {
        let Define { registry, name, help, unit, requested, max_series, keys: _ } = self;
        Define { registry, name, help, unit, requested, max_series, keys }
    }

    fn states<S: AsRef<str>>(mut self, states: impl IntoIterator<Item = S>) -> Self {
        self.requested.states = states.into_iter().map(|state| state.as_ref().into()).collect();
        self
    }

    /// Registers a family with these keys; `None` leaves it open.
    fn register<I: Instrument>(&self, keys: Option<&[&str]>) -> Result<Arc<SeriesOf<I>>, RegisterError> {
        self.registry.register(self.described(keys, Removal::Hides)?)
    }

    fn described<I: Instrument>(
        &self,
        keys: Option<&[&str]>,
        removal: Removal,
    ) -> Result<Described<I>, RegisterError> {
        let settings = I::settings(&self.requested).map_err(|reason| self.unsuitable(reason))?;
        let definition = Definition {
            name: self.name.clone(),
            kind: I::KIND,
            help: self.help.clone(),
            unit: unit_of(I::KIND, &self.unit).map_err(|reason| self.unsuitable(reason))?,
            tag_keys: keys.map(|keys| checked_keys(&self.name, keys)).transpose()?,
            max_series: self.max_series.unwrap_or(self.registry.shared().max_series),
            removal,
            buckets: I::distribution(&settings).map(|spread| spread.buckets.clone()),
            shape: I::distribution(&settings).map(|spread| spread.shape.clone()).unwrap_or_default(),
            settings: I::describe(&settings),
        };
        Ok(Described { definition, settings })
    }

    fn unsuitable(&self, reason: Unsuitable) -> RegisterError {
        RegisterError::Unsuitable { name: self.name.clone(), reason }
    }
}

/// The unit a kind has, given what its definition says.
pub(crate) fn unit_of(kind: Kind, said: &Unit) -> Result<Unit, Unsuitable> {
    match (kind, said) {
        (Kind::Timer, Unit::None | Unit::Seconds) => Ok(Unit::Seconds),
        (Kind::Timer, _) => Err(Unsuitable::NotForKind { setting: "unit but seconds", kind }),
        (Kind::Info | Kind::StateSet, Unit::None) => Ok(Unit::None),
        (Kind::Info | Kind::StateSet, _) => Err(Unsuitable::NotForKind { setting: "unit", kind }),
        (_, said) => Ok(said.clone()),
    }
}

/// Sorted keys, if they can be.
fn checked_keys(name: &Name, keys: &[&str]) -> Result<Arc<[Box<str>]>, RegisterError> {
    let mut sorted: Vec<Box<str>> = keys.iter().map(|key| Box::from(*key)).collect();
    sorted.sort();
    for (at, key) in sorted.iter().enumerate() {
        if key.is_empty() {
            return Err(RegisterError::EmptyTagKey { name: name.clone() });
        }
        if matches!(&**key, "le" | "quantile") || key.starts_with("__") {
            return Err(RegisterError::ReservedTagKey { name: name.clone(), key: key.clone() });
        }
        if sorted.get(at + 1) == Some(key) {
            return Err(RegisterError::TagKeyTwice { name: name.clone(), key: key.clone() });
        }
    }
    Ok(sorted.into())
}
