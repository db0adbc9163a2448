//! Entries that are found by their hash without a lock, and that can go.
//!
//! A fixed number of chains; a new entry becomes the first of its chain. Who inserts or takes away has the [`Turn`], a
//! lock that readers do not know.
//!
//! | what | written by | read by |
//! |---|---|---|
//! | first of a chain, `Node::next` | who has the turn | readers, inside a section |
//! | everything else of a node | who made it, before it is linked | the same |
//! | [`Kept`] | who has the turn | the same |
//!
//! **A node lives** as long as it is linked, and on until the stamp taken after it was unlinked has passed: till then
//! `Kept` holds it. So whatever a section reaches from the first of a chain lives until the section ends. A node that was
//! unlinked keeps its pointer, so a reader who stands there goes on to the rest of the chain; what the pointer leads to
//! was unlinked later than the node itself, if at all, and a section that came to the one has not seen it unlinked, so
//! neither has the stamp of the other passed.
//!
//! There is no growth and no moving, so a search never misses what was linked before it began and stays linked.

use std::sync::{Arc, OnceLock};

use super::epoch::{Passed, Stamp};
use super::linked::Linked;
use super::section::{self, Section};
use super::sync::{AtomicPtr, Mutex, MutexGuard, Ordering};

/// Entries by hash, and by number in the order of their creation.
#[derive(Debug)]
pub(crate) struct Chains<T> {
    /// The first of each chain. In pieces that are made when they are first needed.
    first: Box<[OnceLock<Box<Piece<T>>>]>,
    /// Chains less one.
    mask: u32,
    kept: Mutex<Kept<T>>,
}

type Piece<T> = [AtomicPtr<Node<T>>; PIECE];

/// An entry.
#[derive(Debug)]
pub(crate) struct Node<T> {
    hash: u32,
    number: u64,
    next: AtomicPtr<Node<T>>,
    pub(crate) value: T,
}

/// What keeps the nodes alive.
#[derive(Debug)]
struct Kept<T> {
    linked: Linked<Arc<Node<T>>>,
    unlinked: Vec<(Stamp, Arc<Node<T>>)>,
    /// The number of the next one.
    next: u64,
}

/// Chains of a piece: eight cache lines.
const PIECE: usize = 64;
/// The most chains: with more entries they are longer.
const MOST_CHAINS: usize = 1 << 20;

impl<T> Node<T> {
    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

impl<T> Chains<T> {
    /// Chains for so many entries, or more.
    pub(crate) fn new(entries: usize) -> Self {
        section::prepare();
        let chains = entries.clamp(PIECE, MOST_CHAINS).next_power_of_two();
        Chains {
            first: (0..chains / PIECE).map(|_| OnceLock::new()).collect(),
            mask: chains as u32 - 1,
            kept: Mutex::new(Kept { linked: Linked::new(), unlinked: Vec::new(), next: 0 }),
        }
    }

    /// The entry with this hash for which `is` says so.
    #[inline]
    pub(crate) fn find<'s>(
        &'s self,
        section: &'s Section,
        hash: u32,
        is: impl Fn(&T) -> bool,
    ) -> Option<&'s Node<T>> {
        let at = (hash & self.mask) as usize;
        let first = self.first.get(at / PIECE)?.get()?.get(at % PIECE)?;
        let mut node = follow(section, first);
        while let Some(found) = node {
            if found.hash == hash && is(&found.value) {
                return Some(found);
            }
            node = follow(section, &found.next);
        }
        None
    }

    /// Waits for the turn to change what there is.
    pub(crate) fn turn(&self) -> Turn<'_, T> {
        Turn { chains: self, kept: self.kept.lock() }
    }

    /// Some entries with numbers from this one on that are below `end`, in order; none where there are no more.
    pub(crate) fn page(&self, numbers: std::ops::Range<u64>) -> Vec<Arc<Node<T>>> {
        /// So few that others do not wait for long.
        const PAGE: usize = 1024;
        self.kept.lock().linked.range(numbers).take(PAGE).cloned().collect()
    }

    fn first_of(&self, hash: u32) -> Option<&AtomicPtr<Node<T>>> {
        let at = (hash & self.mask) as usize;
        let new = || Box::new(std::array::from_fn(|_| AtomicPtr::new(std::ptr::null_mut())));
        self.first.get(at / PIECE)?.get_or_init(new).get(at % PIECE)
    }
}

/// The node that a pointer of a chain leads to.
#[inline]
fn follow<'s, T>(_section: &'s Section, pointer: &'s AtomicPtr<Node<T>>) -> Option<&'s Node<T>> {
    // Acquire: the node was written before it was linked.
    let node = pointer.load(Ordering::Acquire);
    // SAFETY: chains hold null and pointers of nodes that an `Arc` in `Kept` owns. It is let go of in `Turn::release` only,
    // when the stamp taken after the node was unlinked has passed, which it has not while a section is open that began
    // before; and one that began later does not meet the node (`epoch` proves both). Or with the chains, which whoever calls
    // `find` borrows for as long. Nobody has a unique reference to a node that was linked.
    #[allow(unsafe_code)]
    unsafe {
        node.as_ref()
    }
}

/// The right to insert and to take away; one thread has it.
pub(crate) struct Turn<'c, T> {
    chains: &'c Chains<T>,
    kept: MutexGuard<'c, Kept<T>>,
}

impl<T> Turn<'_, T> {
    /// Entries there is memory for: those that can be found, and those that wait for the end of sections.
    pub(crate) fn len(&self) -> usize {
        self.kept.linked.len() + self.kept.unlinked.len()
    }

    /// Whether entries wait for the end of sections.
    pub(crate) fn has_unlinked(&self) -> bool {
        !self.kept.unlinked.is_empty()
    }

    /// The number that the next entry will have.
    pub(crate) fn next_number(&self) -> u64 {
        self.kept.next
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Node<T>> {
        self.kept.linked.get(number).map(|node| &**node)
    }

    pub(crate) fn insert(&mut self, hash: u32, value: T) {
        let Some(first) = self.chains.first_of(hash) else { return };
        let number = self.kept.next;
        // Relaxed: only who has the turn stores it.
        let next = AtomicPtr::new(first.load(Ordering::Relaxed));
        let node = Arc::new(Node { hash, number, next, value });
        // Release: who finds the node finds it written.
        first.store(Arc::as_ptr(&node).cast_mut(), Ordering::Release);
        self.kept.linked.insert(number, node);
        self.kept.next += 1;
    }

    /// Takes an entry out of its chain: sections that begin now do not find it.
    pub(crate) fn unlink(&mut self, number: u64) {
        let Some(node) = self.kept.linked.remove(number) else { return };
        let section = Section::enter();
        if let Some(before) = self.pointer_to(&node, &section) {
            // Release: who comes to the node after it finds that written.
            before.store(node.next.load(Ordering::Relaxed), Ordering::Release);
        }
        // After the store, on which its meaning rests.
        self.kept.unlinked.push((section::stamp(), node));
    }

    fn pointer_to<'s>(&'s self, node: &Arc<Node<T>>, section: &'s Section) -> Option<&'s AtomicPtr<Node<T>>> {
        let mut pointer = self.chains.first_of(node.hash)?;
        while !std::ptr::eq(pointer.load(Ordering::Relaxed), Arc::as_ptr(node)) {
            pointer = &follow(section, pointer)?.next;
        }
        Some(pointer)
    }

    /// Lets go of the entries that nobody can see any more. To be dropped when the turn is over: what an entry owns may do
    /// anything when it goes.
    pub(crate) fn release(&mut self, passed: Passed) -> Vec<Arc<Node<T>>> {
        self.kept.unlinked.extract_if(.., |(stamp, _)| passed.has(*stamp)).map(|(_, node)| node).collect()
    }
}
