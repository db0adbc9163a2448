//! Numbers by hash.
//!
//! | pointer | leaves null | leads to |
//! |---|---|---|
//! | `Indexes::made` | when its index is first asked for, by an exchange; once | an index, which is freed with the whole |
//! | `Indexes::current` | as often as an index has all numbers | one of those |
//! | `Index::chunks` | when a slot of it is first needed, by an exchange; once | slots, which are freed with the index |
//!
//! So what a pointer was seen to lead to is there for as long as it can be borrowed. With once-cells, each of these steps
//! would look at a state and a length too: half of what a search takes.

#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use super::entries::{empty, fill};

/// Indexes, each of twice as many slots as the last, of which one has all numbers.
#[derive(Debug)]
pub(crate) struct Indexes {
    made: [AtomicPtr<Index>; INDEXES],
    current: AtomicPtr<Index>,
    indexes: PhantomData<Index>,
}

/// An open-addressed table of entry numbers, of a size that is fixed.
///
/// | bits of a slot | what |
/// |---|---|
/// | low, as many as count the slots | number of the entry plus one; 0 is an empty slot |
/// | all others | the same bits of the hash: most probes that would meet the wrong entry end here |
///
/// Slots are allocated in chunks when they are first needed, so that a large index costs nobody much at once. Only one
/// thread at a time inserts; readers take no notice and write nothing.
#[derive(Debug)]
pub(crate) struct Index {
    /// The first slot of each chunk.
    chunks: Box<[AtomicPtr<AtomicU32>]>,
    /// Slots less one: the low bits.
    mask: u32,
    slots: PhantomData<AtomicU32>,
}

/// Slots of the first index, as a power of two.
const FIRST_BITS: u32 = 3;
/// Indexes up to 2^31 slots.
const INDEXES: usize = 29;
/// Slots of a chunk: 16 KiB.
const CHUNK: usize = 4096;

impl Indexes {
    pub(crate) const fn new() -> Self {
        Indexes {
            made: [const { AtomicPtr::new(ptr::null_mut()) }; INDEXES],
            current: AtomicPtr::new(ptr::null_mut()),
            indexes: PhantomData,
        }
    }

    /// The index that has all numbers, once there is one.
    #[inline]
    pub(crate) fn current(&self) -> Option<&Index> {
        // Acquire: the index has the numbers that were put into it before it became the current one.
        let current = self.current.load(Ordering::Acquire);
        // SAFETY: null, or of `made`, by `set_current`; those are freed with all of this only.
        unsafe { current.as_ref() }
    }

    /// An index, counted from the first; made when it is first asked for. `None` beyond the last.
    pub(crate) fn made(&self, at: usize) -> Option<&Index> {
        let made = self.made.get(at)?;
        fill(made, || Box::new([Index::new(FIRST_BITS + at as u32)]));
        // SAFETY: `fill` has given the pointer its index, which is freed with all of this only. Acquire: another thread may
        // have made it.
        unsafe { made.load(Ordering::Acquire).as_ref() }
    }

    /// From now on searches go to this index.
    pub(crate) fn set_current(&self, at: usize) {
        if let Some(made) = self.made.get(at) {
            // Release: see `current`. Where there is no such index, it is null, and searches find nothing.
            self.current.store(made.load(Ordering::Acquire), Ordering::Release);
        }
    }
}

impl Drop for Indexes {
    fn drop(&mut self) {
        for made in &mut self.made {
            // SAFETY: `made` gave it one index, and all of this is nobody else's any more.
            unsafe { empty(made, 1) };
        }
    }
}

impl Index {
    /// An index of 2^`bits` slots, at most 2^31.
    fn new(bits: u32) -> Self {
        let slots = 1_usize << bits.min(31);
        let chunks = (0..slots.div_ceil(CHUNK)).map(|_| AtomicPtr::new(ptr::null_mut())).collect();
        Index { chunks, mask: (slots - 1) as u32, slots: PhantomData }
    }

    pub(crate) fn slots(&self) -> usize {
        self.mask as usize + 1
    }

    /// The first number that was inserted with this hash or looks like it: nearly always the one that is sought.
    #[inline]
    pub(crate) fn first(&self, hash: u32) -> Option<usize> {
        let mut at = hash;
        loop {
            if let Some(number) = self.number(self.slot(at)?, hash)? {
                return Some(number);
            }
            at = at.wrapping_add(1);
        }
    }

    /// All numbers that were inserted with this hash or look like it.
    pub(crate) fn all(&self, hash: u32) -> impl Iterator<Item = usize> {
        let numbers = (0..=self.mask).map_while(move |step| {
            let slot = self.slot(hash.wrapping_add(step))?;
            self.number(slot, hash)
        });
        numbers.flatten()
    }

    /// Adds a number below that of the slots. Some slot stays free: a search ends there.
    pub(crate) fn insert(&self, hash: u32, number: usize) {
        let slots = (0..=self.mask).map_while(|step| self.slot_for_insert(hash.wrapping_add(step)));
        if let Some(free) = slots.into_iter().find(|slot| slot.load(Ordering::Relaxed) == 0) {
            // Release: readers who find the number find the entry.
            free.store(hash & !self.mask | (number as u32 + 1), Ordering::Release);
        }
    }

    /// The number in a slot, if it was inserted with this hash or looks like it; nothing where a search ends.
    #[inline]
    #[expect(clippy::option_option, reason = "an empty slot and another's are told apart by who asks only")]
    fn number(&self, slot: &AtomicU32, hash: u32) -> Option<Option<usize>> {
        // Acquire: a number that is seen leads to a complete entry.
        let slot = slot.load(Ordering::Acquire);
        let number = (slot & self.mask).checked_sub(1)?;
        Some(((slot ^ hash) & !self.mask == 0).then_some(number as usize))
    }

    /// The slot with the low bits of a number; none where nothing was inserted into its chunk.
    #[inline]
    fn slot(&self, at: u32) -> Option<&AtomicU32> {
        let at = (at & self.mask) as usize;
        // Acquire: who sees the pointer sees the slots.
        let first = self.chunks.get(at / CHUNK)?.load(Ordering::Acquire);
        if first.is_null() {
            return None;
        }
        // SAFETY: the pointer leads to as many slots as `slots_of_chunk` says, by `slot_for_insert`: to `CHUNK`, and the place is
        // below that, or, in an index of fewer, to all of them, and the place is one of those. They are freed with the
        // index only.
        Some(unsafe { &*first.add(at % CHUNK) })
    }

    /// As [`slot`](Index::slot), of a chunk that may be needed for the first time.
    fn slot_for_insert(&self, at: u32) -> Option<&AtomicU32> {
        let chunk = self.chunks.get((at & self.mask) as usize / CHUNK)?;
        fill(chunk, || (0..self.slots_of_chunk()).map(|_| AtomicU32::new(0)).collect());
        self.slot(at)
    }

    fn slots_of_chunk(&self) -> usize {
        self.slots().min(CHUNK)
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        let slots = self.slots_of_chunk();
        for chunk in &mut self.chunks {
            // SAFETY: `slot_for_insert` gave it so many slots, and the index is nobody else's any more.
            unsafe { empty(chunk, slots) };
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidates(index: &Index, hash: u32) -> Vec<usize> {
        let all: Vec<usize> = index.all(hash).collect();
        assert!(index.first(hash).is_none_or(|first| all.first() == Some(&first)));
        all
    }

    proptest! {
        /// Hashes that collide in the slot, in the rest, in both.
        #[test]
        fn every_number_is_found_by_its_hash(
            hashes in prop::collection::vec((0u32..4, 0u32..4), 0..40), bits in 6u32..15
        ) {
            let index = Index::new(bits);
            let hashes: Vec<u32> =
                hashes.iter().map(|(upper, lower)| upper << 30 | (lower.wrapping_sub(2) & 0x3fff_ffff)).collect();
            hashes.iter().enumerate().for_each(|(number, hash)| index.insert(*hash, number));
            for (number, hash) in hashes.iter().enumerate() {
                let found = candidates(&index, *hash);
                prop_assert!(found.contains(&number));
                prop_assert!(found.iter().all(|other| hashes[*other] >> 30 == hash >> 30), "others are passed over");
            }
        }
    }

    #[test]
    fn a_search_goes_round_the_end() {
        let index = Index::new(13);
        let last = 0x1fff;
        (0..3).for_each(|number| index.insert(last, number));
        assert_eq!(candidates(&index, last), [0, 1, 2]);
    }

    #[test]
    fn the_current_index_is_the_one_that_was_said() {
        let indexes = Indexes::new();
        assert!(indexes.current().is_none());
        for at in 0..3 {
            assert_eq!(indexes.made(at).map(Index::slots), Some(8 << at));
            indexes.set_current(at);
            assert_eq!(indexes.current().map(Index::slots), Some(8 << at));
        }
        assert!(indexes.made(INDEXES).is_none());
        indexes.set_current(INDEXES);
        assert_eq!(indexes.current().map(Index::slots), Some(32), "and nothing else is");
    }

    #[test]
    fn nothing_is_found_where_nothing_was_inserted() {
        assert!(candidates(&Index::new(20), 12_345).is_empty());
    }
}
