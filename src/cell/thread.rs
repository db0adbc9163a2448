//! Cells that one thread writes and everybody reads.
//!
//! A *page* is a row of numbers that exists once for every thread that records into it. The thread's copy is a *block*;
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
//! **Pages are reused** once the instrument that had one is gone. An instrument is dropped when no handle is left, so
//! nobody writes its cells any more, and all that was written happened before: the page is zeroed and put on a list.
//!
//! **After a fork** the child has the totals and the forking thread's set; the sets of the parent's other threads stay
//! leased to nobody. The child counts on from the parent's totals.
//!
//! No `unsafe` is needed: what is shared lives as long as the program, and single-writer is a matter of totals, not of
//! memory safety.

use std::cell::{Cell, RefCell};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;

/// Numbers that exist once for every recording thread.
#[derive(Debug)]
pub(crate) struct Page {
    /// Its place in every thread's directory.
    id: u32,
    len: usize,
    first: OnceLock<&'static Block>,
}

/// One thread's copy of a page.
#[derive(Debug)]
struct Block {
    cells: Cells,
    next: OnceLock<&'static Block>,
}

/// The numbers of a block.
pub(crate) type Cells = &'static [AtomicU64];

/// A thread's blocks by page. Written by its thread only; the pool hands it on.
type Directory = &'static [OnceLock<Cells>];

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

/// Pages whose instruments are gone.
static FREE: Mutex<Vec<&'static Page>> = Mutex::new(Vec::new());

static NEXT_PAGE: AtomicU32 = AtomicU32::new(0);

impl Page {
    /// A page of `len` zeros.
    pub(crate) fn acquire(len: usize) -> &'static Page {
        let mut free = FREE.lock();
        if let Some(at) = free.iter().position(|page| page.len == len) {
            return free.swap_remove(at);
        }
        drop(free);
        let id = NEXT_PAGE.fetch_add(1, Ordering::Relaxed);
        Box::leak(Box::new(Page { id, len, first: OnceLock::new() }))
    }

    /// Gives a page back. The caller is the only one left who knows it.
    pub(crate) fn release(&'static self) {
        self.blocks().flatten().for_each(|cell| cell.store(0, Ordering::Relaxed));
        FREE.lock().push(self);
    }

    /// This thread's cells, if it can have some.
    #[inline]
    pub(crate) fn mine(&self) -> Option<Cells> {
        match DIRECTORY.get().get(self.id as usize).and_then(OnceLock::get) {
            Some(cells) => Some(cells),
            None => self.mine_slow(),
        }
    }

    /// All threads' cells, always in the same order.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = Cells> {
        let blocks = std::iter::successors(self.first.get(), |block| block.next.get());
        blocks.map(|block| block.cells)
    }

    #[cold]
    fn mine_slow(&self) -> Option<Cells> {
        if BUSY.replace(true) {
            return None;
        }
        // Fails where the thread's locals are gone.
        let cells = LEASE.try_with(|lease| lease.borrow_mut().cells_of(self)).ok().flatten();
        BUSY.set(false);
        cells
    }

    fn append(&self, block: &'static Block) {
        let mut end = &self.first;
        // Whoever came first stays; the next place is tried.
        while end.set(block).is_err() {
            match end.get() {
                Some(taken) => end = &taken.next,
                None => return,
            }
        }
    }
}

impl Lease {
    fn cells_of(&mut self, page: &Page) -> Option<Cells> {
        if let Lease::None = self {
            *self = Lease::take();
        }
        match self {
            Lease::None | Lease::Refused => None,
            Lease::Set => Some(place_for(page.id).get_or_init(|| new_cells(page))),
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

fn new_cells(page: &Page) -> Cells {
    let cells: Cells = Vec::leak((0..page.len).map(|_| AtomicU64::new(0)).collect());
    page.append(Box::leak(Box::new(Block { cells, next: OnceLock::new() })));
    cells
}

/// A page's place in this thread's directory, which grows where it must.
fn place_for(id: u32) -> &'static OnceLock<Cells> {
    let (directory, id) = (DIRECTORY.get(), id as usize);
    if let Some(place) = directory.get(id) {
        return place;
    }
    let len = (id + 1).next_power_of_two().max(FIRST_DIRECTORY);
    let mut longer = directory.to_vec();
    longer.resize_with(len, OnceLock::new);
    let longer: Directory = Vec::leak(longer);
    DIRECTORY.set(longer);
    POOL.lock().outgrown.push(directory);
    &longer[id]
}
