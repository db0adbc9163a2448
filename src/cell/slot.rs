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
    place: CellPlace,
    len: u8,
}

/// One thread's copy of some slots.
#[derive(Clone, Copy)]
pub(crate) struct OwnCells {
    block: &'static Block,
    first: usize,
}

impl OwnCells {
    /// This thread's cells from a place on, if they are near and were asked for before. Only this thread writes them.
    #[inline]
    pub(crate) fn near(place: CellPlace) -> Option<Self> {
        let (block, first) = place.near()?;
        Some(OwnCells { block, first })
    }

    /// This thread's cells from a place on, if it can have some. Only this thread writes them.
    #[inline]
    pub(crate) fn mine(place: CellPlace) -> Option<Self> {
        Some(OwnCells { block: thread::mine(place.page())?, first: place.at() })
    }

    /// A cell, counted from the first. The caller stays below the length it asked for; beyond, it is some cell of the
    /// page: cheaper than a check.
    #[inline]
    pub(crate) fn at(self, place: usize) -> &'static AtomicU64 {
        &self.block.cells[(self.first + place) % CELLS]
    }
}

static ROOM: Mutex<Room> = Mutex::new(Room { free: [const { Vec::new() }; MOST_CELLS + 1], page: None });

struct Room {
    /// Taken back, zeroed, by length.
    free: [Vec<CellPlace>; MOST_CELLS + 1],
    /// The number of the page that is being given out, and how much of it has been.
    page: Option<(usize, usize)>,
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
        if let Some(place) = room.free.get_mut(len)?.pop() {
            return Some(Slots::from_place(place, len));
        }
        let (page, at) = match room.page {
            Some((page, used)) if used + len <= CELLS => (page, used),
            _ => (Page::add()?, 0),
        };
        room.page = Some((page, at + len));
        Some(Slots { place: CellPlace::new(page, at), len: len as u8 })
    }

    /// Where the first of them is.
    #[inline]
    pub(crate) fn place(&self) -> CellPlace {
        self.place
    }

    /// The same, for somebody who gives them back by [`from_place`](Slots::from_place).
    pub(crate) fn into_place(self) -> CellPlace {
        let place = self.place;
        std::mem::forget(self);
        place
    }

    /// What `into_place` made a place of.
    pub(crate) fn from_place(place: CellPlace, len: usize) -> Self {
        Slots { place, len: len as u8 }
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        // Relaxed: the lock hands them on.
        everybodys(self.place, usize::from(self.len))
            .flatten()
            .for_each(|cell| cell.store(0, Ordering::Relaxed));
        let mut room = ROOM.lock();
        if let Some(free) = room.free.get_mut(usize::from(self.len)) {
            free.push(self.place);
        }
    }
}

/// All threads' cells at a place, always in the same order.
pub(crate) fn everybodys(place: CellPlace, len: usize) -> impl Iterator<Item = &'static [AtomicU64]> {
    let range = place.at()..place.at() + len;
    let blocks = Page::numbered(place.page()).into_iter().flat_map(Page::blocks);
    blocks.filter_map(move |block| block.cells.get(range.clone()))
}
