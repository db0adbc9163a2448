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
//! | [`DIRECTORY`] | its thread | its thread |
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

use super::word::{Word, add_to_own};

/// Cells of a page: eight cache lines.
pub(crate) const CELLS: usize = 64;

/// Numbers that exist once for every recording thread. Made once, never given back.
#[derive(Debug)]
pub(crate) struct Page {
    /// Its place in every thread's directory.
    id: usize,
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
/// Pages the first directory of a thread has room for.
const FIRST_DIRECTORY: usize = 16;

thread_local! {
    /// Const and without a destructor: reading it is one instruction. What must happen at the thread's end happens in
    /// [`LEASE`], which only the slow path touches.
    static DIRECTORY: Cell<Directory> = const { Cell::new(&[]) };
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

/// Page 0 is nobody's: no thread has a block of it. Page 1 is that of [`SECTIONS`].
static PAGES: AtomicU32 = AtomicU32::new(2);

/// The page of the threads' [sections](super::section), whose number is known beforehand.
pub(crate) static SECTIONS: Page = Page { id: 1, first: OnceLock::new() };

impl Page {
    /// A page of zeros.
    pub(crate) fn new() -> &'static Page {
        let id = PAGES.fetch_add(1, Ordering::Relaxed) as usize;
        Box::leak(Box::new(Page { id, first: OnceLock::new() }))
    }

    pub(crate) fn id(&self) -> usize {
        self.id
    }

    /// All threads' blocks, always in the same order.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &'static Block> {
        std::iter::successors(self.first.get().copied(), |block| block.next.get().copied())
    }

    /// This thread's block, made where it is missing; `None` if it can have none.
    #[cold]
    fn mine_slow(&self) -> Option<&'static Block> {
        if BUSY.replace(true) {
            return None;
        }
        // Fails where the thread's locals are gone.
        let block = LEASE.try_with(|lease| lease.borrow_mut().block_of(self)).ok().flatten();
        BUSY.set(false);
        block
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

/// This thread's block of the page with this id; `page` finds the page where that takes long.
#[inline]
pub(crate) fn mine(id: usize, page: impl FnOnce() -> &'static Page) -> Option<&'static Block> {
    match DIRECTORY.get().get(id).and_then(OnceLock::get) {
        Some(block) => Some(block),
        None => page().mine_slow(),
    }
}

/// Where a cell is in every thread's blocks: a page and a cell of it, in one number. The default is nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct CellPlace(u32);

impl CellPlace {
    pub(crate) fn new(page: &Page, at: u8) -> Self {
        CellPlace((page.id * CELLS) as u32 + u32::from(at))
    }

    /// This thread's cell, if it has made the block already. Only this thread writes it.
    #[inline]
    pub(crate) fn mine(self) -> Option<&'static AtomicU64> {
        let block = DIRECTORY.get().get(self.0 as usize / CELLS)?.get()?;
        Some(&block.cells[self.0 as usize % CELLS])
    }
}

/// A [`CellPlace`] that several threads may set, to the same.
#[derive(Debug, Default)]
pub(crate) struct KnownPlace(AtomicU32);

impl KnownPlace {
    pub(crate) const fn unknown() -> Self {
        KnownPlace(AtomicU32::new(0))
    }

    #[inline]
    pub(crate) fn get(&self) -> CellPlace {
        // Relaxed: the number is all there is; the blocks are this thread's own.
        CellPlace(self.0.load(Ordering::Relaxed))
    }

    /// Adds to this thread's cell there, if it has made one already.
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
        self.0.store(place.0, Ordering::Relaxed);
    }
}

impl Lease {
    fn block_of(&mut self, page: &Page) -> Option<&'static Block> {
        if let Lease::None = self {
            *self = Lease::take();
        }
        match self {
            Lease::None | Lease::Refused => None,
            Lease::Set => Some(place_for(page.id).get_or_init(|| page.add_block())),
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
            // Later destructors find an empty directory, come to `mine_slow`, and get no cells there.
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
