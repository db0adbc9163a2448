//! How an instrument finds its cell.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use crate::cell::{KnownPlace, Late, Place, Word};

/// A shared cell, found at once or, for a `static` instrument, at its first use.
pub(crate) struct Handle<C>(Late<C>);

/// A cell that a `static` instrument finds by name. Told by the registry, which this layer does not know.
pub(crate) trait Named: Sized {
    fn named(name: &'static str, help: &'static str) -> Handle<Self>;
}

impl<C> Handle<C> {
    /// A handle of this cell, to record into it unless its place is nowhere.
    pub(crate) fn of(cell: C, place: Place) -> Self {
        let cell = Arc::new(cell);
        Handle(if place == Place::Nowhere { Late::idle(cell) } else { Late::bound(cell) })
    }

    pub(crate) const fn late(name: &'static str) -> Self {
        Handle(Late::named(name))
    }

    pub(crate) const fn set_help(&mut self, help: &'static str) {
        self.0.set_help(help);
    }
}

impl<C: Named> Handle<C> {
    #[inline]
    pub(crate) fn cell(&self) -> &C {
        match self.0.get() {
            Some(cell) => cell,
            None => self.bind(),
        }
    }

    /// Its cell, to record into; none where nothing is to be recorded.
    #[inline]
    pub(crate) fn recording(&self) -> Option<&C> {
        match self.0.get() {
            Some(cell) => Some(cell),
            None => self.bind_to_record(),
        }
    }

    #[cold]
    fn bind_to_record(&self) -> Option<&C> {
        if self.0.is_idle() { None } else { Some(self.bind()) }
    }

    /// Whether another handle shares its cell.
    pub(crate) fn is_held(&self) -> bool {
        // Two are this handle's own and the one that is asked.
        let held = self.0.shared().is_some_and(|cell| Arc::strong_count(&cell) > 2);
        // With the decrement of the last one that was dropped: what it recorded is seen.
        fence(Ordering::Acquire);
        held
    }

    #[cold]
    fn bind(&self) -> &C {
        if let Some((name, help)) = self.0.texts() {
            // With no lock held: binding may log, and the logger may use this very instrument.
            self.0.bind(C::named(name, help).shared());
        }
        self.0.get().or_else(|| self.0.get_idle()).expect("what has no name any more has a cell")
    }

    fn shared(&self) -> Arc<C> {
        self.cell();
        self.0.shared().expect("it has a cell")
    }

    /// Adds to this thread's cell where that is known, and otherwise as `elsewhere` does.
    #[inline]
    pub(crate) fn add_known<W: Word>(&self, amount: W::Amount, elsewhere: impl FnOnce(&C, &KnownPlace)) {
        if !self.0.known().add_to_mine::<W>(amount) {
            self.add_elsewhere(elsewhere);
        }
    }

    /// One call away, so that no call site has it; not cold, since series of large families come here each time.
    #[inline(never)]
    fn add_elsewhere(&self, elsewhere: impl FnOnce(&C, &KnownPlace)) {
        if let Some(cell) = self.recording() {
            elsewhere(cell, self.0.known());
        }
    }
}

impl<C: Named> Clone for Handle<C> {
    fn clone(&self) -> Self {
        let cell = self.shared();
        Handle(if self.0.is_idle() { Late::idle(cell) } else { Late::bound(cell) })
    }
}

impl<C: fmt::Debug> fmt::Debug for Handle<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// A panic elsewhere finds every cell whole: nothing that records can panic half-way.
impl<C> UnwindSafe for Handle<C> {}
impl<C> RefUnwindSafe for Handle<C> {}
