//! Cells that one thread writes and everybody reads.
//!
//! A *page* is 64 numbers that exist once for every thread that records into one of them. The thread's copy is a *block*;
//! only that thread writes it, by a relaxed load, an addition and a relaxed store, so no written line is shared and no
//! locked operation is needed. A number is the sum of its cells over all blocks of its page.
//!
//! | what | written by | read by |
//! |---|---|---|
//! | a block's cells | the thread that leases the block's set | readers, any time |
//! | `Page::first`, `Block::next` | whoever adds a block, once each | readers, any time |
//! | [`DIRECTORY`], [`NEAR`] | its thread | its thread |
//! | the pool of idle sets | threads that begin and end to record | the same |
//!
//! **Nothing is lost when a thread ends.** Blocks are never given back: a *set* holds the blocks of one thread, and when
//! that thread ends, the set with all its totals goes into a pool, from which the next thread takes it and goes on
//! adding. So nothing is folded, no total moves, and a reader needs no lock against it. The pool's lock makes what the
//! last owner wrote visible to the next.
//!
//! **Memory is bounded** by the greatest number of threads that recorded at the same time, and at most [`MOST_SETS`].
//! Threads beyond, and threads whose thread-locals are gone already, get no cell: the caller has a shared word for them.
//!
//! Cells are given to instruments, and taken back, by [`slot`](super::slot).
//!
//! **After a fork** the child has the totals and the forking thread's set; the sets of the parent's other threads stay
//! leased to nobody. The child counts on from the parent's totals.
//!
//! No `unsafe` is needed for this: what is shared lives as long as the program, and single-writer is a matter of totals. Only
//! [`section`](super::section) relies on it for memory safety: a set is in one thread's directory at a time, and no code of
//! that thread runs between the end of its lease and the next owner's beginning that could still have a cell of it.

use std::cell::{Cell, RefCell};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::entries::Entries;
use super::word::{Word, add_to_own};

/// Cells of a page: eight cache lines.
pub(crate) const CELLS: usize = 64;

/// Numbers that exist once for every recording thread. Made once, never given back.
#[derive(Debug, Default)]
pub(crate) struct Page {
    first: OnceLock<&'static Block>,
}

/// One thread's copy of a page, in cache lines of its own.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Block {
    pub(crate) cells: [AtomicU64; CELLS],
    next: OnceLock<&'static Block>,
}

/// A thread's blocks by page. Written by its thread only; the pool hands it on.
type Directory = &'static [OnceLock<&'static Block>];

/// Sets that may exist: threads beyond share words instead. Generous, for programs with a thread a connection.
const MOST_SETS: usize = 256;
/// Pages whose blocks a thread finds in one step: of 4096 counters, or some 200 histograms. Half a kibibyte a thread.
const NEAR_PAGES: usize = 64;
/// Pages the first directory of a thread has room for.
const FIRST_DIRECTORY: usize = 16;

thread_local! {
    /// Const and without a destructor: reading it is one instruction. What must happen at the thread's end happens in
    /// [`LEASE`], which only the slow path touches.
    static DIRECTORY: Cell<Directory> = const { Cell::new(&[]) };
    /// What the directory says of the first pages, once this thread has asked: without the way there.
    static NEAR: [Cell<Option<&'static Block>>; NEAR_PAGES] = const { [const { Cell::new(None) }; NEAR_PAGES] };
    /// Whether this thread is on the slow path: an allocator that records comes through here again.
    static BUSY: Cell<bool> = const { Cell::new(false) };
    static LEASE: RefCell<Lease> = const { RefCell::new(Lease::None) };
}

/// What a thread has of the pool.
enum Lease {
    /// It has not asked yet.
    None,
    /// A set, which is the directory.
    Set,
    /// There was none left.
    Refused,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { idle: Vec::new(), made: 0, outgrown: Vec::new() });

struct Pool {
    /// Directories of threads that ended.
    idle: Vec<Directory>,
    made: usize,
    /// Directories that longer ones replaced. Kept in sight, so that leak checkers see no leak.
    outgrown: Vec<Directory>,
}

/// All pages; a page's number is its place in every thread's directory. Page 0 is nobody's: no thread has a block of it.
/// Page 1 is that of [`SECTIONS`], which is not among them.
static PAGES: Entries<Page> = Entries::new();
/// Pages there may be: with more, the number of a cell would not fit into 31 bits.
const MOST_PAGES: usize = 1 << 25;

/// The page of the threads' [sections](super::section) and [groups](super::group), whose number is known beforehand.
pub(crate) static SECTIONS: Page = Page { first: OnceLock::new() };
/// Its number.
pub(crate) const SECTIONS_PAGE: usize = 1;

impl Page {
    /// The number of a new page of zeros, if there may be one more. One thread at a time.
    pub(crate) fn add() -> Option<usize> {
        while PAGES.len() <= SECTIONS_PAGE {
            PAGES.push(Page::default());
        }
        let (number, _) = (PAGES.len() < MOST_PAGES).then(|| PAGES.push(Page::default()))??;
        Some(number)
    }

    pub(crate) fn numbered(number: usize) -> Option<&'static Page> {
        if number == SECTIONS_PAGE { Some(&SECTIONS) } else { PAGES.get(number) }
    }

    /// All threads' blocks, always in the same order.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &'static Block> {
        std::iter::successors(self.first.get().copied(), |block| block.next.get().copied())
    }

    fn add_block(&self) -> &'static Block {
        let block: &'static Block =
            Box::leak(Box::new(Block { cells: [const { AtomicU64::new(0) }; CELLS], next: OnceLock::new() }));
        let mut end = &self.first;
        // Whoever came first stays; the next place is tried.
        while end.set(block).is_err() {
            match end.get() {
                Some(taken) => end = &taken.next,
                None => break,
            }
        }
        block
    }
}

/// This thread's block of the page of that number, made where it is missing; `None` if it can have none.
#[inline]
pub(crate) fn mine(number: usize) -> Option<&'static Block> {
    if number < NEAR_PAGES {
        return near(number).or_else(|| mine_slow(number));
    }
    match DIRECTORY.get().get(number).and_then(OnceLock::get) {
        Some(block) => Some(block),
        None => mine_slow(number),
    }
}

#[cold]
fn mine_slow(number: usize) -> Option<&'static Block> {
    if BUSY.replace(true) {
        return None;
    }
    // Fails where the thread's locals are gone.
    let block = LEASE.try_with(|lease| lease.borrow_mut().block_of(number)).ok().flatten();
    BUSY.set(false);
    block
}

/// This thread's block of the page of that number, if that is near and this thread has asked for it before.
#[inline]
fn near(number: usize) -> Option<&'static Block> {
    NEAR.with(|near| near.get(number)?.get())
}

/// Where a cell is in every thread's blocks: a page and a cell of it, in one number. The default is nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct CellPlace(u32);

impl CellPlace {
    pub(crate) fn new(page: usize, at: usize) -> Self {
        CellPlace((page * CELLS + at) as u32)
    }

    /// The place of a number; that of one below [`CELLS`] is nobody's.
    #[inline]
    pub(crate) fn of(number: u32) -> Self {
        CellPlace(number)
    }

    /// The place as a number: at least [`CELLS`], or nowhere.
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// The place of that number; nowhere below [`CELLS`].
    #[inline]
    pub(crate) fn numbered(number: u32) -> Option<Self> {
        (number as usize >= CELLS).then_some(CellPlace(number))
    }

    #[inline]
    pub(crate) fn page(self) -> usize {
        self.0 as usize / CELLS
    }

    #[inline]
    pub(crate) fn at(self) -> usize {
        self.0 as usize % CELLS
    }

    /// This thread's cell, if it is near and this thread has asked for it before. Only this thread writes it.
    #[inline]
    pub(crate) fn mine(self) -> Option<&'static AtomicU64> {
        let (block, at) = self.near()?;
        Some(&block.cells[at])
    }

    /// This thread's block, if it is near and was asked for before, and the place there.
    #[inline]
    pub(crate) fn near(self) -> Option<(&'static Block, usize)> {
        Some((near(self.page())?, self.at()))
    }
}

/// A [`CellPlace`] that several threads may set, to the same.
#[derive(Debug, Default)]
pub(crate) struct KnownPlace(AtomicU32);

/// Set in a [`KnownPlace`] that holds another number: beyond all pages, so no thread has a cell there.
const HOLDING: u32 = 1 << 31;

impl KnownPlace {
    /// The greatest number that it can hold in place of a place.
    pub(crate) const MOST_HELD: u32 = HOLDING - 1;

    pub(crate) const fn unknown() -> Self {
        KnownPlace(AtomicU32::new(0))
    }

    /// As unknown; holds a number, up to [`MOST_HELD`](KnownPlace::MOST_HELD), until it is set.
    pub(crate) const fn holding(number: u32) -> Self {
        KnownPlace(AtomicU32::new(HOLDING | number))
    }

    /// The number that it was made to hold, or 0.
    pub(crate) fn held(&self) -> u32 {
        let place = self.0.load(Ordering::Relaxed);
        if place & HOLDING == 0 { 0 } else { place & !HOLDING }
    }

    #[inline]
    pub(crate) fn get(&self) -> CellPlace {
        // Acquire: this thread's own cell there may have had another owner, and was emptied since by another thread.
        CellPlace(self.0.load(Ordering::Acquire))
    }

    /// Adds to this thread's cell there, if it is near and was asked for before.
    #[inline]
    pub(crate) fn add_to_mine<W: Word>(&self, amount: W::Amount) -> bool {
        match self.get().mine() {
            Some(cell) => {
                add_to_own::<W>(cell, amount);
                true
            }
            None => false,
        }
    }

    pub(crate) fn set(&self, place: CellPlace) {
        // Release: see `get`.
        self.0.store(place.0 & !HOLDING, Ordering::Release);
    }
}

impl Lease {
    fn block_of(&mut self, number: usize) -> Option<&'static Block> {
        if let Lease::None = self {
            *self = Lease::take();
        }
        match self {
            Lease::None | Lease::Refused => None,
            Lease::Set => {
                let page = Page::numbered(number)?;
                let block = *place_for(number).get_or_init(|| page.add_block());
                NEAR.with(|near| {
                    if let Some(place) = near.get(number) {
                        place.set(Some(block));
                    }
                });
                Some(block)
            }
        }
    }

    fn take() -> Self {
        let mut pool = POOL.lock();
        if let Some(directory) = pool.idle.pop() {
            DIRECTORY.set(directory);
            Lease::Set
        } else if pool.made < MOST_SETS {
            pool.made += 1;
            Lease::Set
        } else {
            Lease::Refused
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Lease::Set = self {
            // Later destructors find nothing here, come to `mine_slow`, and get no cells there.
            NEAR.with(|near| near.iter().for_each(|place| place.set(None)));
            POOL.lock().idle.push(DIRECTORY.replace(&[]));
        }
    }
}

/// A page's place in this thread's directory, which grows where it must.
fn place_for(id: usize) -> &'static OnceLock<&'static Block> {
    let directory = DIRECTORY.get();
    if let Some(place) = directory.get(id) {
        return place;
    }
    let mut longer = directory.to_vec();
    longer.resize_with((id + 1).next_power_of_two().max(FIRST_DIRECTORY), OnceLock::new);
    let longer: Directory = Vec::leak(longer);
    DIRECTORY.set(longer);
    POOL.lock().outgrown.push(directory);
    &longer[id]
}

#[cfg(test)]
mod tests {
    use super::super::count::{Count, Place};
    use super::*;

    #[test]
    fn cells_of_far_pages_count_as_those_of_near_ones() {
        let counts: Vec<Count> = (0..(NEAR_PAGES + 2) * CELLS).map(|_| Count::new(Place::Cells)).collect();
        let add_twice = |count: &Count| {
            let known = KnownPlace::unknown();
            count.add(1, &known);
            count.add(1, &known);
            assert_eq!(known.get().mine().is_some(), (known.get().0 as usize) < NEAR_PAGES * CELLS);
        };
        for _ in 0..2 {
            // The second thread gets the set of the first, with all its blocks.
            std::thread::scope(|scope| scope.spawn(|| counts.iter().for_each(add_twice)).join().unwrap());
        }
        assert!(counts.iter().all(|count| count.get() == 4));
    }
}
