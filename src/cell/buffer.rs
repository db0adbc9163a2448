//! Values of one thread that wait until there are enough of them to be added to a window.
//!
//! A thread's cells are `[position, slot, forgotten, values…]`. Only that thread writes them, but for `forgotten`. The
//! position counts values: 64 a *filling*, of which at most 61 are used, so that it names the filling and how far it has
//! come. All values of a filling were recorded in one slot of time.
//!
//! | the thread adds a value | it takes the filling out | a reader |
//! |---|---|---|
//! | value, relaxed | values, into its hands | position, acquire: how many values there are |
//! | position + 1, release | position of the next filling, relaxed | slot and values, relaxed |
//! | | fence, release | *reads the window* |
//! | | slot and new values, relaxed | fence, acquire |
//! | | *adds the old values to the window* | position, relaxed: still that filling |
//!
//! Why no half of a filling is read: values of a position are stored before it. A reader that sees the slot or a value of
//! the next filling sees, by the two fences, a position of that filling when it looks again, and uses none of what it read.
//!
//! Why no value is read twice: it is added to the window, under the window's lock, after the position was moved on. A
//! reader that finds it in the window came to that lock later, so that it sees the position moved on, too.
//!
//! Where a filling is taken out while a reader is at it, the reader may miss values of that filling: they are in the
//! thread's hands, or came to a window that it had read. The next reading has them. Where no thread records, nothing is
//! missed.
//!
//! `forgotten` is the position when the instrument was last reset, written before the windows are emptied: who adds older
//! values to a window looks at it under the window's lock.

use super::sync::{AtomicU64, Ordering, fence, load_own};

/// Cells before the values: position, slot and forgotten.
const HEADER: usize = 3;
/// Cells of a buffer: a page.
pub(crate) const BUFFER: usize = 64;
/// Values that have room: what one flush costs is divided by it.
pub(crate) const ROOM: usize = BUFFER - HEADER;
/// Positions of a filling. A power of two above [`ROOM`].
const FILLING: u64 = 64;

/// Adds a value to this thread's buffer, unless that is full or holds those of another slot.
#[inline]
pub(crate) fn push<'a>(cell: impl Fn(usize) -> &'a AtomicU64, slot: u64, value: f64) -> bool {
    let position = load_own(cell(0));
    let filled = (position % FILLING) as usize;
    if filled == ROOM || load_own(cell(1)) != slot {
        return false;
    }
    cell(HEADER + filled).store(value.to_bits(), Ordering::Relaxed);
    cell(0).store(position.wrapping_add(1), Ordering::Release);
    true
}

/// Takes the values out of this thread's buffer, and begins to gather those of a slot.
pub(crate) fn take<'a>(cell: impl Fn(usize) -> &'a AtomicU64, slot: u64) -> Filling {
    let position = load_own(cell(0));
    let filling = Filling::read(&cell, position, load_own);
    cell(0).store(filling.first.wrapping_add(FILLING), Ordering::Relaxed);
    fence(Ordering::Release);
    cell(1).store(slot, Ordering::Relaxed);
    filling
}

/// Reads a thread's buffer. To be used if it [`is_current`] after the window was read.
pub(crate) fn read(cells: &[AtomicU64]) -> Filling {
    let position = cells[0].load(Ordering::Acquire);
    Filling::read(|place| &cells[place], position, |cell| cell.load(Ordering::Relaxed))
}

/// Whether its thread still has this filling in the buffer.
pub(crate) fn is_current(cells: &[AtomicU64], filling: &Filling) -> bool {
    fence(Ordering::Acquire);
    cells[0].load(Ordering::Relaxed) / FILLING == filling.first / FILLING
}

/// Forgets what a thread's buffer has held up to now.
pub(crate) fn forget(cells: &[AtomicU64]) {
    // Relaxed, both: whoever was told to reset comes after what it shall forget; the window's lock orders the rest.
    cells[2].store(cells[0].load(Ordering::Relaxed), Ordering::Relaxed);
}

/// Up to which position everything is forgotten.
pub(crate) fn forgotten<'a>(cell: impl Fn(usize) -> &'a AtomicU64) -> u64 {
    cell(2).load(Ordering::Relaxed)
}

/// The values of one thread and one slot.
pub(crate) struct Filling {
    /// The position of its first value.
    first: u64,
    /// The slot in which all of them were recorded.
    pub(crate) slot: u64,
    filled: usize,
    values: [f64; ROOM],
}

impl Filling {
    fn read<'a>(
        cell: impl Fn(usize) -> &'a AtomicU64,
        position: u64,
        load: impl Fn(&AtomicU64) -> u64,
    ) -> Self {
        let filled = (position % FILLING) as usize;
        let mut values = [0.0; ROOM];
        for (place, value) in values.iter_mut().take(filled).enumerate() {
            *value = f64::from_bits(load(cell(HEADER + place)));
        }
        Filling { first: position - position % FILLING, slot: load(cell(1)), filled, values }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// Those that are not forgotten.
    pub(crate) fn values(&self, forgotten: u64) -> &[f64] {
        let gone = usize::try_from(forgotten.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.values.get(gone..self.filled).unwrap_or_default()
    }
}
