//! How an instrument finds its cell.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use crate::cell::{KnownPlace, Late, Word};

/// A shared cell, found at once or, for a `static` instrument, at its first use.
pub(crate) struct Handle<C>(Late<C>);

/// A cell that a `static` instrument finds by name. Told by the registry, which this layer does not know.
pub(crate) trait Named: Sized {
    fn named(name: &'static str, help: &'static str) -> Handle<Self>;
}

impl<C> Handle<C> {
    pub(crate) fn of(cell: C) -> Self {
        Handle(Late::bound(Arc::new(cell)))
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
        self.0.get().expect("what has no name any more has a cell")
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
        elsewhere(self.cell(), self.0.known());
    }
}

impl<C: Named> Clone for Handle<C> {
    fn clone(&self) -> Self {
        Handle(Late::bound(self.shared()))
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
