//! Single cells of pages: what counters are made of.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::thread::Page;

/// Cells in a page of slots: eight cache lines.
const SLOTS: usize = 64;

/// One number a thread. Given back, and zero again for the next owner, when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    page: &'static Page,
    at: u32,
}

static FREE: Mutex<Vec<Slot>> = Mutex::new(Vec::new());

impl Slot {
    pub(crate) fn acquire() -> Slot {
        let mut free = FREE.lock();
        free.pop().unwrap_or_else(|| {
            let page = Page::acquire(SLOTS);
            // The first comes last, so that it is taken first.
            free.extend((1..SLOTS as u32).rev().map(|at| Slot { page, at }));
            Slot { page, at: 0 }
        })
    }

    /// This thread's cell, if it can have one. Only this thread writes it.
    #[inline]
    pub(crate) fn mine(&self) -> Option<&'static AtomicU64> {
        self.page.mine()?.get(self.at as usize)
    }

    /// All threads' cells, always in the same order.
    pub(crate) fn all(&self) -> impl Iterator<Item = u64> {
        // Relaxed: each cell is a number by itself.
        self.page
            .blocks()
            .filter_map(|cells| cells.get(self.at as usize))
            .map(|cell| cell.load(Ordering::Relaxed))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Nobody writes them any more: see the module page of `thread`.
        for cell in self.page.blocks().filter_map(|cells| cells.get(self.at as usize)) {
            cell.store(0, Ordering::Relaxed);
        }
        FREE.lock().push(Slot { page: self.page, at: self.at });
    }
}
