//! A shared cell, or name and help of the one that will be found at its first use: in three words.
//!
//! Every series of a family is a handle with a cell; a `static` instrument is a handle that has its texts in place, since
//! a constant cannot allocate. Side by side cell and texts would be 56 bytes, in every series and in vain. So they share
//! their memory:
//!
//! | field | before it has a cell | after |
//! |---|---|---|
//! | `name_length` | length of the name | [`BOUND`], or [`IDLE`] from the beginning |
//! | `at` | the name's text | `Arc::into_raw` of the cell |
//! | `help` | the help's text | means nothing |
//! | `known` | length of the help, as a place that no thread has | where the total's cells are |
//!
//! It changes once, under [`BINDING`], and `name_length` last, with release. Who sees [`BOUND`], with acquire, sees the
//! cell, which then stays. The texts are read under the lock only, so all of them are there or none.
//!
//! An idle one has a cell that nobody is to record into. To [`get`](Late::get) it looks like one that has none, so that
//! recording, which asks that anyway, asks nothing more.

#![allow(unsafe_code)]

use std::fmt;
use std::marker::PhantomData;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use parking_lot::Mutex;

use super::thread::KnownPlace;

/// See the module's page.
pub(crate) struct Late<C> {
    at: AtomicPtr<u8>,
    help: AtomicPtr<u8>,
    name_length: AtomicU32,
    known: KnownPlace,
    cell: PhantomData<Arc<C>>,
}

/// In the place of a name's length: there is a cell.
const BOUND: u32 = u32::MAX;
/// The same: there is a cell, which stays as it is.
const IDLE: u32 = BOUND - 1;

/// Held for a few instructions, never while anything of somebody else's runs.
static BINDING: Mutex<()> = Mutex::new(());

impl<C> Late<C> {
    pub(crate) fn bound(cell: Arc<C>) -> Self {
        Late {
            at: AtomicPtr::new(Arc::into_raw(cell).cast_mut().cast()),
            help: AtomicPtr::new(std::ptr::null_mut()),
            name_length: AtomicU32::new(BOUND),
            known: KnownPlace::unknown(),
            cell: PhantomData,
        }
    }

    /// With a cell that stays as it is.
    pub(crate) fn idle(cell: Arc<C>) -> Self {
        let mut late = Late::bound(cell);
        *late.name_length.get_mut() = IDLE;
        late
    }

    pub(crate) const fn named(name: &'static str) -> Self {
        Late {
            at: AtomicPtr::new(name.as_ptr().cast_mut()),
            help: AtomicPtr::new(std::ptr::NonNull::dangling().as_ptr()),
            name_length: AtomicU32::new(short(name.len(), IDLE - 1)),
            known: KnownPlace::holding(0),
            cell: PhantomData,
        }
    }

    /// Sets the help; where there is a cell already, nobody will ask for it.
    pub(crate) const fn set_help(&mut self, help: &'static str) {
        self.help = AtomicPtr::new(help.as_ptr().cast_mut());
        self.known = KnownPlace::holding(short(help.len(), KnownPlace::MOST_HELD));
    }

    #[inline]
    pub(crate) fn get(&self) -> Option<&C> {
        // Acquire: see the module's page.
        if self.name_length.load(Ordering::Acquire) != BOUND {
            return None;
        }
        // SAFETY: the field says that `at` is of `Arc::into_raw`, by `bound` or `bind`. This handle's count of the `Arc`
        // is given back in `drop` only, so the cell outlives the reference.
        Some(unsafe { &*self.at.load(Ordering::Relaxed).cast::<C>() })
    }

    /// The cell of an idle one.
    pub(crate) fn get_idle(&self) -> Option<&C> {
        // SAFETY: as in `get`; `idle` alone writes this length, and took the pointer from `bound`. Neither changes:
        // `bind` leaves alone what has a cell.
        self.is_idle().then(|| unsafe { &*self.at.load(Ordering::Relaxed).cast::<C>() })
    }

    pub(crate) fn is_idle(&self) -> bool {
        // Relaxed: it was so before anybody else could see it.
        self.name_length.load(Ordering::Relaxed) == IDLE
    }

    /// The cell, counted once more.
    pub(crate) fn shared(&self) -> Option<Arc<C>> {
        let cell: *const C = self.get().or_else(|| self.get_idle())?;
        // SAFETY: `cell` is of `Arc::into_raw`, as `get` and `get_idle` say, and counted, by this handle; once more is what the new
        // `Arc` gives back.
        unsafe {
            Arc::increment_strong_count(cell);
            Some(Arc::from_raw(cell))
        }
    }

    /// Name and help, while there is no cell.
    pub(crate) fn texts(&self) -> Option<(&'static str, &'static str)> {
        let _alone = BINDING.lock();
        let name_length = self.name_length.load(Ordering::Relaxed);
        if has_cell(name_length) {
            return None;
        }
        let text = |at: &AtomicPtr<u8>, length: u32| {
            // SAFETY: no cell is bound, and the lock is held, so `named` and `set_help` alone have written the pointer:
            // it is that of a `&'static str`. The length is that of the text or less: `name_length` has the same
            // writers, and what `known` holds was given by `set_help` with the pointer, or is 0.
            let bytes = unsafe { slice::from_raw_parts(at.load(Ordering::Relaxed), length as usize) };
            std::str::from_utf8(bytes).unwrap_or("")
        };
        Some((text(&self.at, name_length), text(&self.help, self.known.held())))
    }

    /// Gives it a cell, unless it has one.
    pub(crate) fn bind(&self, cell: Arc<C>) {
        let alone = BINDING.lock();
        if !has_cell(self.name_length.load(Ordering::Relaxed)) {
            self.at.store(Arc::into_raw(cell).cast_mut().cast(), Ordering::Relaxed);
            self.name_length.store(BOUND, Ordering::Release);
            return;
        }
        drop(alone);
        // Here, not under the lock, ends a cell that is not needed.
    }

    /// Where a counter's cells are, once it has some: two steps saved each time.
    #[inline]
    pub(crate) fn known(&self) -> &KnownPlace {
        &self.known
    }
}

/// Whether this is in the place of a name's length.
fn has_cell(name_length: u32) -> bool {
    name_length >= IDLE
}

/// A length in four bytes. No constant is longer; one that was would be cut off.
const fn short(length: usize, most: u32) -> u32 {
    if length < most as usize { length as u32 } else { most }
}

impl<C> Drop for Late<C> {
    fn drop(&mut self) {
        if has_cell(*self.name_length.get_mut()) {
            // SAFETY: `at` is of `Arc::into_raw`, as in `get` and `get_idle`, and this handle's count of it ends here.
            drop(unsafe { Arc::from_raw(self.at.get_mut().cast::<C>()) });
        }
    }
}

impl<C: fmt::Debug> fmt::Debug for Late<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.get().or_else(|| self.get_idle()), self.texts()) {
            (Some(cell), _) => cell.fmt(f),
            (None, Some((name, _))) => write!(f, "unused {name:?}"),
            // It was given a cell between the two looks.
            (None, None) => f.write_str("used"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_three_words() {
        assert_eq!(size_of::<Late<u8>>(), 24);
    }

    #[test]
    fn texts_are_there_until_it_is_bound() {
        let mut late = Late::<u64>::named("jobs");
        assert_eq!((late.get(), late.texts()), (None, Some(("jobs", ""))));
        late.set_help("Jobs done, größtenteils.");
        assert_eq!(late.texts(), Some(("jobs", "Jobs done, größtenteils.")));
        assert_eq!(format!("{late:?}"), r#"unused "jobs""#);
        assert!(late.known().get().mine().is_none(), "no thread has a cell there");
        late.bind(Arc::new(7));
        late.bind(Arc::new(8));
        assert_eq!((late.get(), late.texts()), (Some(&7), None));
        assert!(late.known().get().mine().is_none());
    }

    #[test]
    fn every_count_of_a_cell_is_given_back() {
        let cell = Arc::new(1);
        let (bound, late) = (Late::bound(cell.clone()), Late::named(""));
        late.bind(cell.clone());
        late.bind(cell.clone());
        assert_eq!(Arc::strong_count(&cell), 3);
        let shared = bound.shared();
        drop((bound, late));
        assert_eq!((Arc::strong_count(&cell), shared.as_deref()), (2, Some(&1)));
        drop(Late::<u64>::named("never bound"));
    }

    #[test]
    fn help_for_one_that_has_a_cell_changes_nothing() {
        let mut late = Late::bound(Arc::new(3));
        late.set_help("too late");
        assert_eq!((late.get(), late.texts()), (Some(&3), None));
    }

    #[test]
    fn an_idle_cell_is_not_found_by_who_records() {
        let cell = Arc::new(3);
        let late = Late::idle(cell.clone());
        late.bind(Arc::new(4));
        assert_eq!((late.get(), late.get_idle(), late.texts()), (None, Some(&3), None));
        assert_eq!((late.shared().as_deref(), format!("{late:?}")), (Some(&3), "3".to_owned()));
        drop(late);
        assert_eq!(Arc::strong_count(&cell), 1);
    }

    #[test]
    fn threads_that_race_find_one_cell() {
        static LATE: Late<usize> = Late::named("raced");
        let found: Vec<usize> = std::thread::scope(|scope| {
            let find = |n| {
                scope.spawn(move || {
                    if let Some((name, help)) = LATE.texts() {
                        assert_eq!((name, help), ("raced", ""));
                        LATE.bind(Arc::new(n));
                    }
                    LATE.get().copied()
                })
            };
            let threads: Vec<_> = (0..8).map(find).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok().flatten()).collect()
        });
        assert_eq!(found, [found[0]; 8]);
    }
}
