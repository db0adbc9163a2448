//! Cells for instruments: given out in runs that lie in one page, taken back when the instrument goes.
//!
//! An instrument is dropped when no handle is left, so nobody writes its cells any more, and all that was written happened
//! before: the cells are zeroed and given to the next instrument that needs as many.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::thread::{self, Block, CELLS, CellPlace, Page};

/// Some cells of a page, in every thread's copy of it.
#[derive(Debug)]
pub(crate) struct Slots {
    page: &'static Page,
    /// The page's, which would be a step away.
    id: u32,
    at: u8,
    len: u8,
}

/// One thread's copy of some slots.
#[derive(Clone, Copy)]
pub(crate) struct OwnCells {
    block: &'static Block,
    first: usize,
}

impl OwnCells {
    /// A cell, counted from the first. The caller stays below the length it asked for; beyond, it is some cell of the
    /// page: cheaper than a check.
    #[inline]
    pub(crate) fn at(self, place: usize) -> &'static AtomicU64 {
        &self.block.cells[(self.first + place) % CELLS]
    }
}

static ROOM: Mutex<Room> = Mutex::new(Room { free: Vec::new(), page: None });

struct Room {
    /// Taken back, zeroed, by length.
    free: Vec<Slots>,
    /// The page that is being given out, and how much of it has been.
    page: Option<(&'static Page, usize)>,
}

/// The most cells that lie in one page.
pub(crate) const MOST_CELLS: usize = CELLS;

impl Slots {
    /// Zeros, at most [`MOST_CELLS`]; `None` where more are asked for.
    pub(crate) fn acquire(len: usize) -> Option<Slots> {
        Slots::acquire_from(&mut ROOM.lock(), len)
    }

    /// As [`acquire`](Slots::acquire), but not while anybody is at it: this thread could be, with an allocator that
    /// records.
    pub(crate) fn try_acquire(len: usize) -> Option<Slots> {
        Slots::acquire_from(&mut *ROOM.try_lock()?, len)
    }

    fn acquire_from(room: &mut Room, len: usize) -> Option<Slots> {
        if len > MOST_CELLS {
            return None;
        }
        if let Some(same) = room.free.iter().rposition(|slots| usize::from(slots.len) == len) {
            return Some(room.free.swap_remove(same));
        }
        let (page, at) = match room.page {
            Some((page, used)) if used + len <= CELLS => (page, used),
            _ => (Page::new(), 0),
        };
        room.page = Some((page, at + len));
        Some(Slots { page, id: page.id() as u32, at: at as u8, len: len as u8 })
    }

    /// Where the first of them is.
    pub(crate) fn place(&self) -> CellPlace {
        CellPlace::new(self.page, self.at)
    }

    /// This thread's first cell, made where it is missing; `None` if it can have none. Only this thread writes it.
    pub(crate) fn first_of_mine(&self) -> Option<&'static AtomicU64> {
        Some(self.mine()?.at(0))
    }

    /// This thread's cells, if it can have some. Only this thread writes them.
    #[inline]
    pub(crate) fn mine(&self) -> Option<OwnCells> {
        let block = thread::mine(self.id as usize, || self.page)?;
        Some(OwnCells { block, first: usize::from(self.at) })
    }

    /// All threads' cells, always in the same order.
    pub(crate) fn everybodys(&self) -> impl Iterator<Item = &'static [AtomicU64]> {
        let cells = |block: &'static Block| block.cells.get(self.range());
        self.page.blocks().filter_map(cells)
    }

    #[inline]
    fn range(&self) -> std::ops::Range<usize> {
        usize::from(self.at)..usize::from(self.at) + usize::from(self.len)
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        // Relaxed: the lock hands them on.
        self.everybodys().flatten().for_each(|cell| cell.store(0, Ordering::Relaxed));
        ROOM.lock().free.push(Slots { page: self.page, id: self.id, at: self.at, len: self.len });
    }
}
