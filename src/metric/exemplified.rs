//! The exemplars of an instrument: what is kept, when, and where the labels come from.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::{Common, Context, CounterSettings, DistributionSettings, Place, call};
use crate::cell::{CellPlace, Changing, Exemplars, KnownPlace, Rare, Total, Word};
use crate::clock::Clock;
use crate::model::Exemplar;

/// The exemplars of an instrument, which most never have: a word until somebody gives it one.
#[doc(hidden)]
pub struct Exemplified(Rare<Beside>);

struct Beside {
    kept: Exemplars<Exemplar>,
    clock: Clock,
    /// Where to ask for the current span at each record; `None` where exemplars are given by hand alone.
    asks: Option<Arc<Common>>,
    /// Exemplars that were none, since somebody last read how many.
    refused: AtomicU64,
}

/// Whether any instrument of the program ever had exemplars: while none has, snapshots look for none.
static ANY: AtomicBool = AtomicBool::new(false);
/// Whether any was ever given what is no exemplar: while none was, nobody looks for how often.
static ANY_REFUSED: AtomicBool = AtomicBool::new(false);

/// The bucket of a total.
const ONLY: i32 = 0;
/// Exemplars of native buckets alone, one a doubling: as many as Prometheus' scrapes of classic ones come to.
const NATIVE: usize = 32;

impl Exemplified {
    /// Beside an instrument with so many buckets; asks for the current span, if that is wanted.
    fn new(buckets: usize, asks: bool, context: &Context, place: Place) -> Self {
        let own = Exemplified(Rare::new());
        if asks && place != Place::Nowhere {
            own.get_or_make(buckets, &context.clock, Some(context.common.clone()));
        }
        own
    }

    /// Whether any instrument of the program ever had exemplars.
    pub(crate) fn any() -> bool {
        // Relaxed: a snapshot taken at that moment may be without.
        ANY.load(Ordering::Relaxed)
    }

    /// Whether any was ever given what is no exemplar.
    pub(crate) fn any_refused() -> bool {
        // Relaxed: as above.
        ANY_REFUSED.load(Ordering::Relaxed)
    }

    /// Whether each record is to be given the current span.
    fn is_automatic(&self) -> bool {
        self.0.get().is_some_and(|beside| beside.asks.is_some())
    }

    /// What is kept, the oldest first.
    pub(crate) fn read(&self) -> Vec<Exemplar> {
        self.0.get().map_or_else(Vec::new, |beside| beside.kept.read())
    }

    /// How many could not be kept since this was last asked.
    pub(crate) fn take_refused(&self) -> u64 {
        self.0.get().map_or(0, |beside| beside.refused.swap(0, Ordering::Relaxed))
    }

    pub(crate) fn reset(&self) {
        if let Some(beside) = self.0.get() {
            beside.kept.reset();
        }
    }

    /// Keeps a value that was counted, with these labels, if its bucket is due.
    fn keep<K: AsRef<str>, V: AsRef<str>>(
        &self,
        (bucket, buckets): (i32, usize),
        value: f64,
        clock: impl FnOnce() -> Clock,
        labels: impl IntoIterator<Item = (K, V)>,
    ) {
        let Some(_changing) = Changing::begin() else { return };
        let beside = match self.0.get() {
            Some(beside) => beside,
            None => self.get_or_make(buckets, &clock(), None),
        };
        if beside.kept.take_turn(bucket, beside.clock.coarse_nanos()) {
            beside.keep(bucket, value, labels);
        }
    }

    /// Keeps a value that was counted, with the ids of the current span, if that is wanted and its bucket is due.
    fn keep_span(&self, bucket: i32, value: f64) {
        let Some(beside) = self.0.get() else { return };
        let now = beside.clock.coarse_nanos();
        let Some(common) = beside.asks.as_ref().filter(|_| beside.kept.is_due(bucket, now)) else { return };
        // Before the turn is taken: of many records few may be sampled. Nothing is allocated until then.
        let span = call(&common.refused, || common.current_span()).flatten();
        if let Some(span) = span.filter(|_| beside.kept.take_turn(bucket, now)) {
            beside.keep(bucket, value, span.labels());
        }
    }

    fn get_or_make(&self, buckets: usize, clock: &Clock, asks: Option<Arc<Common>>) -> &Beside {
        ANY.store(true, Ordering::Relaxed);
        let (kept, clock, refused) = (Exemplars::new(buckets), clock.clone(), AtomicU64::new(0));
        self.0.get_or_make(|| Beside { kept, clock, asks, refused })
    }
}

/// Totals have one bucket, and no room for a clock. So theirs is the system's, but where another was at hand when they were made.
impl Exemplified {
    pub(crate) fn of_total(settings: &CounterSettings, context: &Context, place: Place) -> Self {
        let own = Exemplified::new(1, settings.exemplars, context, place);
        if context.clock.is_manual() && place != Place::Nowhere {
            own.get_or_make(1, &context.clock, None);
        }
        own
    }

    /// Adds to a total elsewhere than where a handle knows. One that is given the current span each time comes here always:
    /// its handles are not told where its cells are, so that no other total pays for the question.
    #[inline]
    pub(crate) fn add_elsewhere<W: Word>(&self, total: &Total<W>, amount: W::Amount, known: &KnownPlace)
    where
        W::Amount: AsValue,
    {
        match total.cells() {
            None => total.add_shared(amount),
            Some(place) => self.add_in_cells(total, (amount, place), known),
        }
    }

    #[cold]
    fn add_in_cells<W: Word>(
        &self,
        total: &Total<W>,
        (amount, place): (W::Amount, CellPlace),
        known: &KnownPlace,
    ) where
        W::Amount: AsValue,
    {
        if !self.is_automatic() {
            return total.add_in_cells(amount, place, known);
        }
        total.add_in_cells(amount, place, &KnownPlace::unknown());
        self.keep_span(ONLY, amount.as_value());
    }

    /// Adds to a total, and keeps the amount.
    pub(crate) fn add_with<W: Word, K: AsRef<str>, V: AsRef<str>>(
        &self,
        total: &Total<W>,
        amount: W::Amount,
        labels: impl IntoIterator<Item = (K, V)>,
    ) where
        W::Amount: AsValue,
    {
        total.add(amount, &KnownPlace::unknown());
        self.keep((ONLY, 1), amount.as_value(), Clock::system, labels);
    }
}

/// An amount as an exemplar's value.
pub(crate) trait AsValue: Copy {
    fn as_value(self) -> f64;
}

impl AsValue for u64 {
    fn as_value(self) -> f64 {
        self as f64
    }
}

impl AsValue for f64 {
    fn as_value(self) -> f64 {
        self
    }
}

/// Distributions have the buckets of their definition.
impl Exemplified {
    pub(crate) fn of_distribution(settings: &DistributionSettings, context: &Context, place: Place) -> Self {
        Exemplified::new(settings.exemplar_buckets(), settings.exemplars, context, place)
    }

    /// Keeps a value that was recorded, with these labels.
    pub(crate) fn keep_recorded<K: AsRef<str>, V: AsRef<str>>(
        &self,
        settings: &DistributionSettings,
        value: f64,
        clock: &Clock,
        labels: impl IntoIterator<Item = (K, V)>,
    ) {
        let buckets = (settings.exemplar_bucket(value), settings.exemplar_buckets());
        self.keep(buckets, value, || clock.clone(), labels);
    }

    /// Keeps a value that was recorded, with the ids of the current span, if the definition wants that.
    pub(crate) fn keep_recorded_span(&self, settings: &DistributionSettings, value: f64) {
        if settings.exemplars {
            self.keep_span(settings.exemplar_bucket(value), value);
        }
    }
}

impl DistributionSettings {
    /// The bucket that a value is an exemplar of: a classic one, where there are some, and otherwise a doubling.
    fn exemplar_bucket(&self, value: f64) -> i32 {
        if self.has_doublings() {
            // Sign and exponent.
            return (value.to_bits() >> 52) as i32;
        }
        i32::try_from(self.buckets.index_of(value)).unwrap_or(i32::MAX)
    }

    fn exemplar_buckets(&self) -> usize {
        if self.has_doublings() { NATIVE } else { self.buckets.bounds().len() + 1 }
    }

    fn has_doublings(&self) -> bool {
        self.native.is_some() && self.buckets.bounds().is_empty()
    }
}

impl Beside {
    /// Keeps an exemplar, or counts that it is none. For who has the turn.
    fn keep<K: AsRef<str>, V: AsRef<str>>(
        &self,
        bucket: i32,
        value: f64,
        labels: impl IntoIterator<Item = (K, V)>,
    ) {
        match Exemplar::at(labels, value, self.clock.coarse_wall_nanos()) {
            Ok(exemplar) => self.kept.keep(bucket, exemplar),
            Err(_) => self.refuse(),
        }
    }

    #[cold]
    fn refuse(&self) {
        // Relaxed, both: who looks too early looks again.
        self.refused.fetch_add(1, Ordering::Relaxed);
        ANY_REFUSED.store(true, Ordering::Relaxed);
    }
}

impl fmt::Debug for Exemplified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.read()).finish()
    }
}
