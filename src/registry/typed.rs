//! Families whose tags are a type of the user's with constant keys.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::definition::FEW_SERIES;
use super::family::SeriesOf;
use super::keys::Keys;
use crate::metric::Instrument;
use crate::tag::{TagSet, Tags};

/// Series told apart by a [`TagSet`], most often a struct that derives `Tags`.
///
/// Made by a definition: `registry.define("requests").typed::<Route>().counters()?`. Clones share the series. Where all
/// fields are enums or bools, the series is found by an index, without looking at text.
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use tagmeter::{TagValue, Tags};
///
/// #[derive(TagValue)]
/// #[tag(rename_all = "lowercase")]
/// enum Method { Get, Post }
///
/// #[derive(Tags)]
/// struct Route { method: Method, cached: bool }
///
/// let registry = tagmeter::Registry::new();
/// let requests = registry.define("requests").help("Requests.").typed::<Route>().counters()?;
/// requests.with(&Route { method: Method::Get, cached: false }).inc();
/// assert_eq!(registry.value(("requests", [("method", "get"), ("cached", "false")])), Some(1.0));
/// # let _ = Method::Post;
/// # }
/// # Ok::<(), tagmeter::registry::RegisterError>(())
/// ```
pub struct TypedFamily<I: Instrument, T> {
    series: Arc<SeriesOf<I>>,
    keys: Keys,
    seen: Seen,
    /// Covariant, so that a family kept for long takes tags that borrow for short.
    tags: PhantomData<fn() -> T>,
}

impl<I: Instrument, T: TagSet> TypedFamily<I, T> {
    /// How many sets are found by an index.
    const INDICES: usize = match T::CARDINALITY {
        Some(count) if count <= MOST_INDEXED => count,
        _ => 0,
    };

    pub(crate) fn new(series: Arc<SeriesOf<I>>) -> Self {
        TypedFamily { series, keys: Keys::new(T::KEYS), seen: Seen::new(Self::INDICES), tags: PhantomData }
    }

    /// The series of these tags; made where it is new.
    ///
    /// Beyond the family's limit of series the answer is its overflow series. Borrowed from the family; clone it to
    /// keep it elsewhere.
    ///
    /// ```
    /// # struct Queue { queue: &'static str }
    /// # impl tagmeter::tag::TagSet for Queue {
    /// #     const KEYS: &'static [&'static str] = &["queue"];
    /// #     fn with_values<R>(&self, read: impl FnOnce(&[&str]) -> R) -> R { read(&[self.queue]) }
    /// # }
    /// # let registry = tagmeter::Registry::new();
    /// let depth = registry.define("depth").typed::<Queue>().gauges()?;
    /// depth.with(&Queue { queue: "mail" }).set(3.0);
    /// assert_eq!(registry.value(("depth", [("queue", "mail")])), Some(3.0));
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    #[inline]
    pub fn with(&self, tags: &T) -> &I {
        // Known when compiled: one of the two ways is all that is left.
        if Self::INDICES == 0 {
            return self.look_up(tags);
        }
        match self.seen.get(tags.index()).and_then(|number| self.series.numbered(number)) {
            Some(instrument) => instrument,
            None => self.look_up_unseen(tags),
        }
    }

    /// Makes these series now, at zero, so that `rate` sees their first increment.
    ///
    /// ```
    /// # struct Queue { queue: &'static str }
    /// # impl tagmeter::tag::TagSet for Queue {
    /// #     const KEYS: &'static [&'static str] = &["queue"];
    /// #     fn with_values<R>(&self, read: impl FnOnce(&[&str]) -> R) -> R { read(&[self.queue]) }
    /// # }
    /// # let registry = tagmeter::Registry::new();
    /// let jobs = registry.define("jobs").typed::<Queue>().counters()?;
    /// jobs.init([Queue { queue: "mail" }, Queue { queue: "print" }]);
    /// assert_eq!(jobs.iter().count(), 2);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn init(&self, sets: impl IntoIterator<Item = T>) {
        for tags in sets {
            self.with(&tags);
        }
    }

    /// Takes a series off every page and push; tells whether there was one. The same tags show it again, from zero.
    ///
    /// ```
    /// # struct Queue { queue: &'static str }
    /// # impl tagmeter::tag::TagSet for Queue {
    /// #     const KEYS: &'static [&'static str] = &["queue"];
    /// #     fn with_values<R>(&self, read: impl FnOnce(&[&str]) -> R) -> R { read(&[self.queue]) }
    /// # }
    /// # let registry = tagmeter::Registry::new();
    /// let jobs = registry.define("jobs").typed::<Queue>().counters()?;
    /// jobs.with(&Queue { queue: "mail" }).inc();
    /// assert!(jobs.remove(&Queue { queue: "mail" }));
    /// assert_eq!(registry.value(("jobs", [("queue", "mail")])), None);
    /// assert_eq!(jobs.with(&Queue { queue: "mail" }).get(), 0);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn remove(&self, tags: &T) -> bool {
        tags.with_values(|values| self.series.remove_series(self.keys.with(&values)))
    }

    /// Keeps only the series for which `keep` says so.
    ///
    /// ```
    /// # struct Queue { queue: &'static str }
    /// # impl tagmeter::tag::TagSet for Queue {
    /// #     const KEYS: &'static [&'static str] = &["queue"];
    /// #     fn with_values<R>(&self, read: impl FnOnce(&[&str]) -> R) -> R { read(&[self.queue]) }
    /// # }
    /// # let registry = tagmeter::Registry::new();
    /// let jobs = registry.define("jobs").typed::<Queue>().counters()?;
    /// jobs.init([Queue { queue: "mail" }, Queue { queue: "print" }]);
    /// jobs.with(&Queue { queue: "print" }).inc();
    /// jobs.retain(|_tags, counter| counter.get() > 0);
    /// assert_eq!(jobs.iter().count(), 1);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn retain(&self, keep: impl FnMut(&Tags, &I) -> bool) {
        self.series.keep(keep);
    }

    /// Takes every series away.
    ///
    /// ```
    /// # struct Queue { queue: &'static str }
    /// # impl tagmeter::tag::TagSet for Queue {
    /// #     const KEYS: &'static [&'static str] = &["queue"];
    /// #     fn with_values<R>(&self, read: impl FnOnce(&[&str]) -> R) -> R { read(&[self.queue]) }
    /// # }
    /// # let registry = tagmeter::Registry::new();
    /// let jobs = registry.define("jobs").typed::<Queue>().counters()?;
    /// jobs.init([Queue { queue: "mail" }]);
    /// jobs.clear();
    /// assert_eq!(jobs.iter().count(), 0);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn clear(&self) {
        self.series.keep(|_, _| false);
    }

    /// Tags and instruments, in the order of their creation.
    ///
    /// ```
    /// # struct Queue { queue: &'static str }
    /// # impl tagmeter::tag::TagSet for Queue {
    /// #     const KEYS: &'static [&'static str] = &["queue"];
    /// #     fn with_values<R>(&self, read: impl FnOnce(&[&str]) -> R) -> R { read(&[self.queue]) }
    /// # }
    /// # let registry = tagmeter::Registry::new();
    /// let jobs = registry.define("jobs").typed::<Queue>().counters()?;
    /// jobs.with(&Queue { queue: "mail" }).add(3);
    /// let total: u64 = jobs.iter().map(|(_tags, counter)| counter.get()).sum();
    /// assert_eq!(total, 3);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&Tags, &I)> {
        self.series.iter()
    }

    fn look_up(&self, tags: &T) -> &I {
        tags.with_values(|values| self.series.with(self.keys.with(&values)))
    }

    /// Remembers what it finds, but for the overflow series: every recording that goes there counts as a problem.
    #[cold]
    fn look_up_unseen(&self, tags: &T) -> &I {
        tags.with_values(|values| {
            let instrument = self.series.with(self.keys.with(&values));
            if let Some(number) = self.series.number(self.keys.with(&values)) {
                // However many series it may have, it has few: each is worth cells.
                if Self::INDICES <= FEW_SERIES {
                    instrument.give_cells();
                }
                self.seen.set(tags.index(), number);
            }
            instrument
        })
    }
}

impl<I: Instrument, T> Clone for TypedFamily<I, T> {
    fn clone(&self) -> Self {
        TypedFamily {
            series: self.series.clone(),
            keys: self.keys.clone(),
            seen: self.seen.clone(),
            tags: PhantomData,
        }
    }
}

impl<I: Instrument, T> fmt::Debug for TypedFamily<I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.series.fmt(f)
    }
}

/// The numbers of the series that sets of tags were found to have, by the index of the set.
///
/// A series keeps its number for as long as its family lives, so that an answer never goes stale; whether the series is
/// hidden is asked of the series itself. Plus one; 0 is not yet known.
#[derive(Clone)]
struct Seen(Arc<[AtomicU32]>);

/// Sets with more values than this are looked up by text: 4 bytes each, used or not, would be 64 KiB. It is above the
/// number of series that a family has unless told otherwise.
const MOST_INDEXED: usize = 1 << 14;

impl Seen {
    fn new(indices: usize) -> Self {
        Seen((0..indices).map(|_| AtomicU32::new(0)).collect())
    }

    #[inline]
    fn get(&self, index: usize) -> Option<usize> {
        // Relaxed: the number says nothing but itself. The table publishes the entry, and a thread that does not see it
        // yet looks it up by text.
        let plus_one = self.0.get(index)?.load(Ordering::Relaxed);
        (plus_one as usize).checked_sub(1)
    }

    fn set(&self, index: usize, number: usize) {
        let plus_one = u32::try_from(number).ok().and_then(|number| number.checked_add(1));
        if let (Some(slot), Some(plus_one)) = (self.0.get(index), plus_one) {
            slot.store(plus_one, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Counter;
    use crate::registry::Registry;

    /// One of `N` sets of tags.
    struct Shelf<const N: usize>(usize);

    impl<const N: usize> TagSet for Shelf<N> {
        const KEYS: &'static [&'static str] = &["shelf"];
        const CARDINALITY: Option<usize> = Some(N);

        fn index(&self) -> usize {
            self.0
        }

        fn with_values<R>(&self, read: impl FnOnce(&[&str]) -> R) -> R {
            read(&[&self.0.to_string()])
        }
    }

    /// How many of the series of a new family have cells, so that recording into them needs no locked operation.
    fn with_cells<const N: usize>() -> usize {
        let family: TypedFamily<Counter, Shelf<N>> =
            Registry::new().define("books").typed().counters().unwrap();
        let has_cells = |shelf: &usize| {
            let counter = family.with(&Shelf(*shelf));
            counter.inc();
            counter.0.cell().has_cells()
        };
        (0..N).filter(has_cells).count()
    }

    #[test]
    fn all_series_of_a_family_of_few_sets_have_cells() {
        // Who gives cells does not wait: a test beside this one may have the room for them at the moment.
        let all = |_| with_cells::<FEW_SERIES>() == FEW_SERIES;
        assert!((0..1000).any(all));
    }

    #[test]
    fn no_series_of_a_family_of_more_sets_begins_with_cells() {
        assert_eq!(with_cells::<{ FEW_SERIES + 1 }>(), 0);
    }

    #[test]
    fn a_number_is_remembered_by_its_index() {
        let seen = Seen::new(2);
        seen.set(1, 0);
        assert_eq!([seen.get(0), seen.get(1)], [None, Some(0)]);
    }

    #[test]
    fn what_cannot_be_remembered_is_not() {
        let seen = Seen::new(1);
        seen.set(1, 5);
        seen.set(0, u32::MAX as usize);
        assert_eq!([seen.get(0), seen.get(1)], [None, None]);
    }
}
