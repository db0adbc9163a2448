//! All series of one name.

use std::any::Any;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use super::definition::Definition;
use super::exemplars;
use super::keys::Keys;
use super::problem::Problem;
use super::shared::Shared;
use super::sought::{Hashed, Sought};
use super::table::{Entry, Table};
use crate::metric::{Instrument, Place};
use crate::model::{self, Exemplar, Identities, Nanos, SeriesList, Value};
use crate::name::Name;
use crate::tag::Tags;

/// The series of one name, one for each set of tag values.
///
/// Made by a definition: `registry.define("requests").tags(["route", "status"]).counters()?`. Clones share the series.
///
/// ```
/// let registry = tagmeter::Registry::new();
/// let requests = registry.define("requests").tags(["route", "status"]).counters()?;
/// requests.with(["/orders", "200"]).inc();
/// assert_eq!(requests.with(["/orders", "200"]).get(), 1);
/// # Ok::<(), tagmeter::registry::RegisterError>(())
/// ```
///
/// A missing value does not compile:
///
/// ```compile_fail
/// let registry = tagmeter::Registry::new();
/// let requests = registry.define("requests").tags(["route", "status"]).counters().unwrap();
/// requests.with(["/orders"]).inc();
/// ```
#[derive(Debug, Clone)]
pub struct Family<I: Instrument, const N: usize> {
    series: Arc<SeriesOf<I>>,
    keys: Keys,
}

impl<I: Instrument, const N: usize> Family<I, N> {
    pub(crate) fn new(series: Arc<SeriesOf<I>>, keys: Keys) -> Self {
        Family { series, keys }
    }

    /// The series of these values, in the order of the definition's keys; made where it is new.
    ///
    /// An empty value is an absent tag. Beyond the family's limit of series the answer is its overflow series.
    /// Borrowed from the family; clone it to keep it elsewhere.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// let depth = registry.define("depth").tags(["queue"]).gauges()?;
    /// depth.with(["mail"]).set(3.0);
    /// assert_eq!(depth.with(["mail"]).get(), 3.0);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    #[inline]
    pub fn with<S: AsRef<str>>(&self, values: [S; N]) -> &I {
        self.series.with(self.keys.with(&values))
    }

    /// The series of these values, if it is there, to be kept.
    pub(crate) fn shown<S: AsRef<str>>(&self, values: [S; N]) -> Option<Shown<'_, I>> {
        Some(Shown(self.series.table.find(self.keys.with(&values))?))
    }

    /// Makes these series now, at zero, so that `rate` sees their first increment.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// let requests = registry.define("requests").tags(["route"]).counters()?;
    /// requests.init([["/orders"], ["/trees"]]);
    /// assert_eq!(requests.iter().count(), 2);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn init<S: AsRef<str>>(&self, values: impl IntoIterator<Item = [S; N]>) {
        for values in values {
            self.with(values);
        }
    }

    /// Takes a series off every page and push; tells whether there was one. The same tags show it again, from zero.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// let sessions = registry.define("sessions").tags(["peer"]).counters()?;
    /// sessions.with(["a"]).inc();
    /// assert!(sessions.remove(["a"]));
    /// assert_eq!(registry.value(("sessions", [("peer", "a")])), None);
    /// assert_eq!(sessions.with(["a"]).get(), 0);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn remove<S: AsRef<str>>(&self, values: [S; N]) -> bool {
        self.series.remove_series(self.keys.with(&values))
    }

    /// Keeps only the series for which `keep` says so.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// let sessions = registry.define("sessions").tags(["peer"]).counters()?;
    /// sessions.init([["a"], ["b"]]);
    /// sessions.with(["b"]).inc();
    /// sessions.retain(|_tags, counter| counter.get() > 0);
    /// assert_eq!(sessions.iter().count(), 1);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn retain(&self, keep: impl FnMut(&Tags, &I) -> bool) {
        self.series.keep(keep);
    }

    /// Takes every series away.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// let sessions = registry.define("sessions").tags(["peer"]).counters()?;
    /// sessions.init([["a"], ["b"]]);
    /// sessions.clear();
    /// assert_eq!(sessions.iter().count(), 0);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn clear(&self) {
        self.series.keep(|_, _| false);
    }

    /// Tags and instruments, in the order of their creation.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// let sessions = registry.define("sessions").tags(["peer"]).counters()?;
    /// sessions.with(["a"]).add(3);
    /// let total: u64 = sessions.iter().map(|(_tags, counter)| counter.get()).sum();
    /// assert_eq!(total, 3);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&Tags, &I)> {
        self.series.iter()
    }
}

/// The series of one name, whatever their keys: what a registry holds, a [`Family`] is a view of.
pub(crate) struct SeriesOf<I: Instrument> {
    name: Name,
    described: RwLock<Arc<Described<I>>>,
    table: Table<Cell<I>>,
    /// Held by whoever shows a series again: reset by a second one, it would forget what was recorded since the first. And
    /// by whoever takes one away: the function that it asks must not be one given to it since.
    showing: Mutex<()>,
    /// The tags of the table's entries, as far as a snapshot has met them.
    identities: Mutex<Identities>,
    shared: Arc<Shared>,
}

/// What is known about a family. Replaced as a whole when a definition adopts what was made by name.
pub(crate) struct Described<I: Instrument> {
    pub(crate) definition: Definition,
    pub(crate) settings: I::Settings,
}

// Not derived: a derived one would ask for `I: PartialEq`.
impl<I: Instrument> PartialEq for Described<I> {
    fn eq(&self, other: &Self) -> bool {
        self.definition.is_like(&other.definition) && self.settings == other.settings
    }
}

struct Cell<I> {
    instrument: I,
    /// When it began to count, as [`Nanos`]; [`HIDDEN`] while it is taken away.
    start: AtomicU64,
}

/// In the place of a start: the series was taken away.
const HIDDEN: Nanos = Nanos::MAX;

/// A series that was found, which may be taken away and shown again.
pub(crate) struct Shown<'a, I: Instrument>(&'a Entry<Cell<I>>);

impl<'a, I: Instrument> Shown<'a, I> {
    /// Its instrument, unless it was taken away.
    #[inline]
    pub(crate) fn instrument(&self) -> Option<&'a I> {
        (!self.0.value.is_hidden()).then_some(&self.0.value.instrument)
    }
}

/// Every tag's value in the overflow series of a defined family.
const OVERFLOW_VALUE: &str = "__overflow__";
/// The only tag of the overflow series of an open family.
const OVERFLOW_TAG: (&str, &str) = ("overflow", "true");

/// The tags of the series that takes what finds no room.
pub(crate) fn overflow_tags(definition: &Definition) -> Tags {
    match &definition.tag_keys {
        Some(keys) if !keys.is_empty() => keys.iter().map(|key| (key, OVERFLOW_VALUE)).collect(),
        _ => Tags::from([OVERFLOW_TAG]),
    }
}

impl<I: Instrument> SeriesOf<I> {
    pub(crate) fn new(name: Name, described: Described<I>, shared: Arc<Shared>) -> Self {
        SeriesOf {
            name,
            described: RwLock::new(Arc::new(described)),
            table: Table::new(),
            showing: Mutex::new(()),
            identities: Mutex::default(),
            shared,
        }
    }

    pub(crate) fn described(&self) -> Arc<Described<I>> {
        self.described.read().clone()
    }

    /// Takes over a definition, if every series there is could have been made by it.
    pub(crate) fn adopt(&self, wanted: Described<I>) -> bool {
        let mut described = self.described.write();
        let open = described.definition.tag_keys.is_none();
        let same_settings = described.settings == wanted.settings || self.table.len() == 0;
        let fits_all = || self.table.iter().all(|entry| wanted.definition.has_series(&entry.tags));
        let fits = self.shared.is_noop || fits_all();
        let adopted = open && same_settings && fits;
        if adopted {
            *described = Arc::new(wanted);
        }
        adopted
    }

    /// The series of these tags.
    #[inline]
    pub(crate) fn with(&self, tags: impl Sought) -> &I {
        let hash = tags.hash();
        match self.table.find_hashed(hash, tags).and_then(|entry| Shown(entry).instrument()) {
            Some(instrument) => instrument,
            None => self.with_slow(Hashed::new(tags, hash)),
        }
    }

    /// The number of the series of these tags: what [`numbered`](SeriesOf::numbered) finds it by.
    pub(crate) fn number(&self, tags: impl Sought) -> Option<usize> {
        self.table.number(tags)
    }

    /// The series of that number, unless it was taken away.
    #[inline]
    pub(crate) fn numbered(&self, number: usize) -> Option<&I> {
        Shown(self.table.numbered(number)?).instrument()
    }

    /// The series that takes what finds no room or does not fit.
    pub(crate) fn overflow(&self) -> &I {
        if self.shared.is_noop {
            return self.unrecorded();
        }
        let described = self.described();
        let found = self.insert(&described, &overflow_tags(&described.definition), usize::MAX);
        self.shown(found.expect("the overflow series is made beyond any limit"))
    }

    #[cold]
    fn with_slow(&self, tags: impl Sought) -> &I {
        if self.shared.is_noop {
            return self.unrecorded();
        }
        // Not held any longer: what follows may log. Recursive, because values that come here are somebody's code.
        let described = self.described.read_recursive();
        let limit = described.definition.max_series;
        let found = self.insert(&described, tags, limit);
        drop(described);
        found.map(|cell| self.shown(cell)).unwrap_or_else(|| {
            self.shared.problems.note(Problem::TooManySeries, &self.name, || {
                format!(
                    "metric {:?} has reached its {limit} series; further tags go to its overflow series",
                    self.name
                )
            });
            self.overflow()
        })
    }

    /// The only series where nothing is recorded, which is not shown.
    fn unrecorded(&self) -> &I {
        let make = |_| {
            let instrument = I::create(&self.described().settings, &self.shared.context, Place::Nowhere);
            Some(Cell { instrument, start: AtomicU64::new(HIDDEN) })
        };
        let entry = self.table.find_or_insert(&Tags::new(), make);
        &entry.expect("there is room for one").value.instrument
    }

    fn insert(&self, described: &Described<I>, tags: impl Sought, most: usize) -> Option<&Cell<I>> {
        let make = || {
            let place = if tags.is_empty() { Place::Cells } else { described.definition.place_of_series() };
            Cell::new(I::create(&described.settings, &self.shared.context, place), self.shared.series_start())
        };
        Some(&self.table.find_or_insert(tags, |len| (len < most).then(make))?.value)
    }

    /// What a cell holds, which is shown from now on.
    fn shown<'s>(&self, cell: &'s Cell<I>) -> &'s I {
        if cell.is_hidden() {
            self.show_again(cell);
        }
        &cell.instrument
    }

    /// Undoes a removal: from zero, with a new start.
    #[cold]
    fn show_again(&self, cell: &Cell<I>) {
        let alone = self.showing.lock();
        if !cell.is_hidden() {
            return;
        }
        let function = cell.instrument.take_function();
        cell.instrument.reset();
        // Release: see `is_hidden`.
        cell.start.store(started(self.shared.series_start()), Ordering::Release);
        drop(alone);
        // Last: what a function owns may do anything when it goes.
        drop(function);
    }

    /// Tags and instruments, in the order of their creation.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Tags, &I)> {
        self.visible().map(|entry| (&entry.tags, &entry.value.instrument))
    }

    /// Keeps only the series for which `keep` says so.
    pub(crate) fn keep(&self, mut keep: impl FnMut(&Tags, &I) -> bool) {
        self.hide_unless(|entry| keep(&entry.tags, &entry.value.instrument));
    }

    /// The tags of all series, those taken away among them, for a snapshot to share.
    fn identities(&self) -> Identities {
        let mut known = self.identities.lock();
        while let Some(entry) = self.table.numbered(known.len()) {
            known.push(entry.tags.clone());
        }
        known.clone()
    }

    /// The exemplars of the first so many series, by their numbers.
    fn exemplars(&self, series: usize) -> Vec<(usize, Box<[Exemplar]>)> {
        if !exemplars::are_possible() {
            return Vec::new();
        }
        let shown = self.table.iter().take(series).enumerate().filter(|(_, entry)| !entry.value.is_hidden());
        let of = |entry: &Entry<Cell<I>>| exemplars::of(&entry.value.instrument);
        shown.filter_map(|(number, entry)| Some((number, of(entry)?))).collect()
    }

    fn visible(&self) -> impl Iterator<Item = &Entry<Cell<I>>> {
        self.table.iter().filter(|entry| !entry.value.is_hidden())
    }

    pub(crate) fn remove_series(&self, tags: impl Sought) -> bool {
        self.table.find(tags).is_some_and(|entry| self.hide(&entry.value))
    }

    /// Takes a series away, and the function that it asks.
    fn hide(&self, cell: &Cell<I>) -> bool {
        let alone = self.showing.lock();
        let hidden = cell.hide();
        let function = if hidden { cell.instrument.take_function() } else { None };
        drop(alone);
        // Last: what a function owns may do anything when it goes.
        drop(function);
        hidden
    }

    fn hide_unless(&self, mut keep: impl FnMut(&Entry<Cell<I>>) -> bool) {
        for entry in self.visible() {
            if !keep(entry) {
                self.hide(&entry.value);
            }
        }
    }
}

impl<I: Instrument> Cell<I> {
    fn new(instrument: I, start: Nanos) -> Self {
        Cell { instrument, start: AtomicU64::new(started(start)) }
    }

    #[inline]
    fn is_hidden(&self) -> bool {
        self.start().is_none()
    }

    #[inline]
    fn start(&self) -> Option<Nanos> {
        // Acquire: who sees it shown again sees it reset, and records after that.
        let start = self.start.load(Ordering::Acquire);
        (start != HIDDEN).then_some(start)
    }

    fn hide(&self) -> bool {
        // Relaxed: hiding orders nothing; a page more or less makes no difference.
        self.start.swap(HIDDEN, Ordering::Relaxed) != HIDDEN
    }

    /// The value and when it began, unless it was taken away or has none.
    #[inline]
    fn read(&self) -> Option<(Value, Nanos)> {
        let start = self.start()?;
        Some((self.instrument.read()?, start))
    }
}

/// A start that does not read as [`HIDDEN`]: one beyond 2554 is a nanosecond early.
fn started(at: Nanos) -> Nanos {
    at.min(HIDDEN - 1)
}

/// A family as the registry sees it: without the type of its instruments.
pub(crate) trait AnyFamily: Send + Sync {
    fn name(&self) -> &Name;
    fn definition(&self) -> Definition;
    /// What is due from time to time, and what may call the user's logger: to be done before it is read.
    fn tidy(&self);
    /// Whether functions of the user's run when it is read.
    fn asks_functions(&self) -> bool;
    fn read(&self) -> model::Family;
    fn value(&self, tags: &Tags) -> Option<Value>;
    fn tags(&self) -> Vec<Tags>;
    fn remove(&self, tags: &Tags) -> bool;
    fn retain(&self, keep: &mut dyn FnMut(&Tags) -> bool);
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl<I: Instrument> AnyFamily for SeriesOf<I> {
    fn name(&self) -> &Name {
        &self.name
    }

    fn definition(&self) -> Definition {
        self.described().definition.clone()
    }

    fn tidy(&self) {
        let refused = self.table.iter().map(|entry| exemplars::take_refused(&entry.value.instrument));
        self.shared.note_refused(&self.name, refused);
    }

    fn asks_functions(&self) -> bool {
        I::MAY_ASK && self.visible().any(|entry| entry.value.instrument.asks())
    }

    fn read(&self) -> model::Family {
        let described = self.described();
        let identities = self.identities();
        let exemplars = self.exemplars(identities.len());
        let values = self.table.iter().map(|entry| entry.value.read());
        model::Family {
            name: described.definition.name.clone(),
            kind: I::KIND,
            help: described.definition.help.clone(),
            unit: described.definition.unit.clone(),
            series: SeriesList::of(&identities, values).with_exemplars(exemplars),
        }
    }

    fn value(&self, tags: &Tags) -> Option<Value> {
        self.table.find(tags).filter(|entry| !entry.value.is_hidden())?.value.instrument.read()
    }

    fn tags(&self) -> Vec<Tags> {
        self.visible().map(|entry| entry.tags.clone()).collect()
    }

    fn remove(&self, tags: &Tags) -> bool {
        self.remove_series(tags)
    }

    fn retain(&self, keep: &mut dyn FnMut(&Tags) -> bool) {
        self.hide_unless(|entry| keep(&entry.tags));
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

// As for the instruments: nothing that changes a family runs the user's code half-way through.
impl<I: Instrument> UnwindSafe for SeriesOf<I> {}
impl<I: Instrument> RefUnwindSafe for SeriesOf<I> {}

impl<I: Instrument> fmt::Debug for SeriesOf<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Family")
            .field("name", &self.name)
            .field("series", &self.table.len())
            .finish_non_exhaustive()
    }
}
