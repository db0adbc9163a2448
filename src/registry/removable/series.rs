//! The series of a removable family, as the registry sees them.

use std::any::Any;
use std::fmt;
use std::iter;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use super::expiry::{Expiry, Rest};
use crate::cell::{Chains, Node, Presence, Section, State, Turn};
use crate::metric::{Instrument, Place};
use crate::model::{self, SeriesList, Value, nanos};
use crate::name::Name;
use crate::registry::definition::Definition;
use crate::registry::exemplars;
use crate::registry::family::{AnyFamily, Described, overflow_tags};
use crate::registry::problem::Problem;
use crate::registry::shared::Shared;
use crate::registry::sought::{Schema, Sought};
use crate::tag::Tags;

/// All series of one name, found without a lock and used inside sections.
///
/// | change | by | while |
/// |---|---|---|
/// | a series is made, or shown again after a removal | whoever asks for its tags | it has the turn of the chains |
/// | touched, idle, hidden | whoever uses it, sweeps | nothing: see [`Presence`] |
/// | removed by hand | whoever says so | it has the turn |
/// | gone | whoever collects, see [`expiry`](super::expiry) | it has the turn, and takes it out of its chain at once |
///
/// So there are never two series of the same tags: who finds one gone waits for the turn, and then does not find it.
pub(crate) struct RemovableSeries<I: Instrument> {
    pub(super) described: Described<I>,
    pub(super) chains: Chains<Series<I>>,
    pub(super) expiry: Expiry,
    /// Whether the overflow series is there, which the limit does not count.
    overflows: AtomicBool,
    /// The only series where nothing is recorded.
    unrecorded: OnceLock<I>,
    pub(super) shared: Arc<Shared>,
}

/// One of them.
pub(super) struct Series<I> {
    tags: Tags,
    schema: Schema,
    pub(super) instrument: I,
    pub(super) presence: Presence,
    pub(super) rest: Mutex<Rest>,
    /// When it began to count, as nanoseconds since 1970.
    start: AtomicU64,
    /// Whether it takes what finds no room: the limit does not count it, and it is not idle.
    pub(super) overflow: bool,
}

impl<I: Instrument> RemovableSeries<I> {
    pub(crate) fn new(described: Described<I>, shared: Arc<Shared>) -> Self {
        RemovableSeries {
            chains: Chains::new(described.definition.max_series),
            expiry: Expiry::new(described.definition.removal),
            overflows: AtomicBool::new(false),
            unrecorded: OnceLock::new(),
            described,
            shared,
        }
    }

    pub(crate) fn described(&self) -> &Described<I> {
        &self.described
    }

    /// Runs `use_it` with the series of these tags.
    #[inline]
    pub(crate) fn with<R>(&self, tags: impl Sought, use_it: impl FnOnce(&I) -> R) -> R {
        let section = Section::enter();
        match self.find(&section, tags) {
            Some(series) => use_it(&series.instrument),
            None => {
                drop(section);
                use_it(&self.make(tags))
            }
        }
    }

    /// The series of these tags, held.
    pub(crate) fn handle(&self, tags: impl Sought) -> I {
        let section = Section::enter();
        match self.find(&section, tags) {
            Some(series) => series.instrument.clone(),
            None => {
                drop(section);
                self.make(tags)
            }
        }
    }

    /// The series of these tags, touched, unless it was removed.
    #[inline]
    fn find<'s>(&'s self, section: &'s Section, tags: impl Sought) -> Option<&'s Series<I>> {
        let node = self.find_any(section, tags.hash(), tags)?;
        node.value.presence.touch().then_some(&node.value)
    }

    #[inline]
    fn find_any<'s>(
        &'s self,
        section: &'s Section,
        hash: u32,
        tags: impl Sought,
    ) -> Option<&'s Node<Series<I>>> {
        self.chains.find(section, hash, |series| tags.is(&series.tags, series.schema))
    }

    /// The series of these tags, made where it is new; held, so that it stays until it is used.
    ///
    /// In no section of its own: nothing could be freed that was taken away meanwhile.
    #[cold]
    fn make(&self, tags: impl Sought) -> I {
        if self.shared.is_noop {
            let nowhere = || I::create(&self.described.settings, &self.shared.context, Place::Nowhere);
            return self.unrecorded.get_or_init(nowhere).clone();
        }
        self.sweep_if_due();
        let limit = self.described.definition.max_series;
        let made = self.find_or_make(tags, limit).or_else(|| {
            self.make_room();
            self.find_or_make(tags, limit)
        });
        made.unwrap_or_else(|| self.overflow(limit))
    }

    #[cold]
    fn overflow(&self, limit: usize) -> I {
        let name = self.name();
        self.shared.problems.note(Problem::TooManySeries, name, || {
            format!("metric {name:?} has reached its {limit} series; further tags go to its overflow series")
        });
        let tags = overflow_tags(&self.described.definition);
        self.find_or_make(&tags, usize::MAX).expect("the overflow series is made beyond any limit")
    }

    fn find_or_make(&self, tags: impl Sought, limit: usize) -> Option<I> {
        let hash = tags.hash();
        let mut turn = self.chains.turn();
        let section = Section::enter();
        let (made, function) = match self.find_any(&section, hash, tags) {
            Some(node) => {
                let function = node.value.show(|| self.shared.wall());
                (Some(node.value.instrument.clone()), function)
            }
            None => (self.insert(&mut turn, hash, tags, limit), None),
        };
        drop((section, turn));
        // Last: what a function owns may do anything when it goes.
        drop(function);
        made
    }

    fn insert(
        &self,
        turn: &mut Turn<'_, Series<I>>,
        hash: u32,
        tags: impl Sought,
        limit: usize,
    ) -> Option<I> {
        // Relaxed, as below: only who has the turn looks at it.
        let counted = turn.len() - usize::from(self.overflows.load(Ordering::Relaxed));
        if counted >= limit {
            return None;
        }
        let Described { definition, settings } = &self.described;
        let place = if tags.is_empty() { Place::Cells } else { definition.place_of_series() };
        let instrument = I::create(settings, &self.shared.context, place);
        let held = instrument.clone();
        let overflow = limit == usize::MAX;
        let (tags, schema) = (tags.to_tags(), tags.schema());
        turn.insert(hash, Series::new(tags, schema, instrument, self.shared.wall(), overflow));
        self.overflows.fetch_or(overflow, Ordering::Relaxed);
        Some(held)
    }

    /// Takes a series away that is gone already for those who look for it.
    pub(super) fn unlink(&self, turn: &mut Turn<'_, Series<I>>, number: u64) {
        if turn.get(number).is_some_and(|node| node.value.overflow) {
            self.overflows.store(false, Ordering::Relaxed);
        }
        turn.unlink(number);
    }

    /// Tags and handles, in the order of their creation.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Tags, I)> {
        self.held().map(|(node, instrument)| (node.value.tags.clone(), instrument))
    }

    /// Keeps only the series for which `keep` says so.
    pub(crate) fn keep(&self, mut keep: impl FnMut(&Tags, &I) -> bool) {
        for (node, instrument) in self.held() {
            let stays = keep(&node.value.tags, &instrument);
            // It is no longer held.
            drop(instrument);
            if !stays {
                self.remove_number(node.number());
            }
        }
    }

    pub(crate) fn remove_series(&self, tags: impl Sought) -> bool {
        let section = Section::enter();
        let number = self.find_any(&section, tags.hash(), tags).map(Node::number);
        drop(section);
        number.is_some_and(|number| self.remove_number(number))
    }

    /// The series that are seen; none of those made since, which could have the tags of one that was removed.
    fn shown(&self) -> impl Iterator<Item = Arc<Node<Series<I>>>> {
        self.all().filter(|node| node.value.presence.is_shown())
    }

    fn read_shown(&self) -> SeriesList {
        let mut list = SeriesList::new();
        let exemplified = exemplars::are_possible();
        for node in self.shown() {
            let exemplars = if exemplified { exemplars::of(&node.value.instrument) } else { None };
            if let Some((tags, value, start)) = node.value.read() {
                list.push(tags, value, start);
                exemplars.into_iter().for_each(|exemplars| list.exemplify(exemplars));
            }
        }
        list
    }

    /// As [`shown`](RemovableSeries::shown), with handles, which hold them.
    fn held(&self) -> impl Iterator<Item = (Arc<Node<Series<I>>>, I)> {
        self.all().filter_map(|node| {
            let instrument = node.value.held()?;
            Some((node, instrument))
        })
    }

    /// All that can be found, as [`shown`](RemovableSeries::shown). Takes the turn for a page at a time.
    pub(super) fn all(&self) -> impl Iterator<Item = Arc<Node<Series<I>>>> {
        let mut numbers = 0..self.chains.turn().next_number();
        let pages = iter::from_fn(move || {
            let page = self.chains.page(numbers.clone());
            numbers.start = page.last()?.number() + 1;
            Some(page)
        });
        pages.flatten()
    }
}

impl<I: Instrument> Series<I> {
    fn new(tags: Tags, schema: Schema, instrument: I, start: SystemTime, overflow: bool) -> Self {
        let start = AtomicU64::new(nanos(start));
        Series {
            tags,
            schema,
            instrument,
            presence: Presence::new(),
            rest: Mutex::default(),
            start,
            overflow,
        }
    }

    /// Makes it touched; undoes a removal: from zero, with a new start. Gives the function that it asked, if it had one.
    /// For whoever has the turn.
    fn show(&self, now: impl FnOnce() -> SystemTime) -> Option<Box<dyn Any + Send>> {
        if self.presence.state() != State::Removed && self.presence.touch() {
            return None;
        }
        let function = self.instrument.take_function();
        self.instrument.reset();
        self.start.store(nanos(now()), Ordering::Relaxed);
        self.presence.show();
        function
    }

    /// A handle of it, unless it is hidden.
    pub(super) fn held(&self) -> Option<I> {
        // Who hides it has this lock too: it is hidden before, or held.
        let _not_hidden = self.rest.lock();
        self.presence.is_shown().then(|| self.instrument.clone())
    }

    fn read(&self) -> Option<(Tags, Value, SystemTime)> {
        let start = Duration::from_nanos(self.start.load(Ordering::Relaxed));
        Some((self.tags.clone(), self.instrument.read()?, SystemTime::UNIX_EPOCH + start))
    }
}

impl<I: Instrument> AnyFamily for RemovableSeries<I> {
    fn name(&self) -> &Name {
        &self.described.definition.name
    }

    fn definition(&self) -> Definition {
        self.described.definition.clone()
    }

    fn tidy(&self) {
        let refused = self.all().map(|node| exemplars::take_refused(&node.value.instrument));
        self.shared.note_refused(self.name(), refused);
        self.sweep_if_due();
    }

    fn asks_functions(&self) -> bool {
        I::MAY_ASK && self.shown().any(|node| node.value.instrument.asks())
    }

    fn read(&self) -> model::Family {
        let definition = &self.described.definition;
        model::Family {
            name: definition.name.clone(),
            kind: I::KIND,
            help: definition.help.clone(),
            unit: definition.unit.clone(),
            series: self.read_shown(),
        }
    }

    fn value(&self, tags: &Tags) -> Option<Value> {
        let section = Section::enter();
        let series = &self.find_any(&section, tags.hash(), tags)?.value;
        series.presence.is_shown().then(|| series.instrument.read())?
    }

    fn tags(&self) -> Vec<Tags> {
        self.shown().map(|node| node.value.tags.clone()).collect()
    }

    fn remove(&self, tags: &Tags) -> bool {
        self.remove_series(tags)
    }

    fn retain(&self, keep: &mut dyn FnMut(&Tags) -> bool) {
        self.keep(|tags, _| keep(tags));
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

// As for the instruments: nothing that changes a family runs the user's code half-way through.
impl<I: Instrument> UnwindSafe for RemovableSeries<I> {}
impl<I: Instrument> RefUnwindSafe for RemovableSeries<I> {}

impl<I: Instrument> fmt::Debug for RemovableSeries<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemovableFamily")
            .field("name", self.name())
            .field("series", &self.chains.turn().len())
            .finish_non_exhaustive()
    }
}
