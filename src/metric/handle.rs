//! How an instrument finds its cell.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, OnceLock};

use crate::cell::{KnownPlace, Word};

/// A shared cell, found at once or, for a `static` instrument, at its first use.
pub(crate) struct Handle<C> {
    cell: OnceLock<Arc<C>>,
    /// Where a counter's cells are, once it has some: two steps saved each time.
    known: KnownPlace,
    late: Option<Late<C>>,
}

/// How a `static` instrument will find its cell. The function comes from the registry, which this layer does not know.
struct Late<C> {
    name: &'static str,
    help: &'static str,
    bind: fn(name: &'static str, help: &'static str) -> Handle<C>,
}

impl<C> Handle<C> {
    pub(crate) fn of(cell: C) -> Self {
        Handle { cell: OnceLock::from(Arc::new(cell)), known: KnownPlace::unknown(), late: None }
    }

    pub(crate) const fn late(name: &'static str, bind: fn(&'static str, &'static str) -> Handle<C>) -> Self {
        Handle {
            cell: OnceLock::new(),
            known: KnownPlace::unknown(),
            late: Some(Late { name, help: "", bind }),
        }
    }

    pub(crate) const fn set_help(&mut self, help: &'static str) {
        if let Some(late) = &mut self.late {
            late.help = help;
        }
    }

    #[inline]
    pub(crate) fn cell(&self) -> &C {
        self.shared()
    }

    /// Whether another handle shares its cell.
    pub(crate) fn is_held(&self) -> bool {
        let held = self.cell.get().is_some_and(|cell| Arc::strong_count(cell) > 1);
        // With the decrement of the last one that was dropped: what it recorded is seen.
        fence(Ordering::Acquire);
        held
    }

    #[inline]
    fn shared(&self) -> &Arc<C> {
        match self.cell.get() {
            Some(cell) => cell,
            None => self.bind(),
        }
    }

    #[cold]
    fn bind(&self) -> &Arc<C> {
        let late = self.late.as_ref().expect("a handle without a cell was made by `late`");
        // Not inside `get_or_init`: binding may log, and the logger may use this very instrument.
        let bound = (late.bind)(late.name, late.help);
        self.cell.get_or_init(|| bound.shared().clone())
    }
}

impl<C> Handle<C> {
    /// Adds to this thread's cell where that is known, and otherwise as `slowly` does.
    #[inline]
    pub(crate) fn add_known<W: Word>(&self, amount: W::Amount, slowly: impl FnOnce(&C, &KnownPlace)) {
        if !self.known.add_to_mine::<W>(amount) {
            self.add_slow(slowly);
        }
    }

    #[cold]
    fn add_slow(&self, slowly: impl FnOnce(&C, &KnownPlace)) {
        slowly(self.cell(), &self.known);
    }
}

impl<C> Clone for Handle<C> {
    fn clone(&self) -> Self {
        Handle { cell: OnceLock::from(self.shared().clone()), known: KnownPlace::unknown(), late: None }
    }
}

impl<C: fmt::Debug> fmt::Debug for Handle<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.cell.get(), &self.late) {
            (Some(cell), _) => cell.fmt(f),
            (None, Some(late)) => write!(f, "unused {:?}", late.name),
            (None, None) => f.write_str("unbound"),
        }
    }
}

// A panic elsewhere finds every cell whole: nothing that records can panic half-way.
impl<C> UnwindSafe for Handle<C> {}
impl<C> RefUnwindSafe for Handle<C> {}
