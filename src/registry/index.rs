//! Numbers by hash.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// An open-addressed table of entry numbers, of a size that is fixed.
///
/// | bits of a slot | what |
/// |---|---|
/// | low, as many as count the slots | number of the entry plus one; 0 is an empty slot |
/// | all others | the same bits of the hash: most probes that would meet the wrong entry end here |
///
/// Slots are allocated in chunks when they are first needed, so that a large index costs nobody much at once. Only one
/// thread at a time inserts; readers take no notice and write nothing.
pub(crate) struct Index {
    chunks: Box<[OnceLock<Box<[AtomicU32]>>]>,
    /// Slots less one: the low bits.
    mask: u32,
}

/// Slots of a chunk: 16 KiB.
const CHUNK: usize = 4096;

impl Index {
    /// An index of 2^`bits` slots, at most 2^31.
    pub(crate) fn new(bits: u32) -> Self {
        let slots = 1_usize << bits.min(31);
        let chunks = (0..slots.div_ceil(CHUNK)).map(|_| OnceLock::new()).collect();
        Index { chunks, mask: (slots - 1) as u32 }
    }

    pub(crate) fn slots(&self) -> usize {
        self.mask as usize + 1
    }

    /// The first number that was inserted with this hash or looks like it: nearly always the one that is sought.
    #[inline]
    pub(crate) fn first(&self, hash: u32) -> Option<usize> {
        let mut at = self.start(hash);
        loop {
            for slot in self.slots_from(at)? {
                if let Some(number) = self.number(slot, hash)? {
                    return Some(number);
                }
            }
            at = self.next_chunk(at);
        }
    }

    /// All numbers that were inserted with this hash or look like it.
    pub(crate) fn all(&self, hash: u32) -> impl Iterator<Item = usize> {
        let chunks = std::iter::successors(Some(self.start(hash)), |at| Some(self.next_chunk(*at)));
        let slots = chunks.map_while(|at| self.slots_from(at)).flatten();
        slots.map_while(move |slot| self.number(slot, hash)).flatten()
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

    /// Adds a number below that of the slots. Some slot stays free: a search ends there.
    pub(crate) fn insert(&self, hash: u32, number: usize) {
        let mut at = self.start(hash);
        while let Some(slots) = self.slots_for_insert(at) {
            if let Some(free) = slots.iter().find(|slot| slot.load(Ordering::Relaxed) == 0) {
                // Release: readers who find the number find the entry.
                free.store(hash & !self.mask | (number as u32 + 1), Ordering::Release);
                return;
            }
            at = self.next_chunk(at);
        }
    }

    /// Where a search for this hash begins.
    #[inline]
    fn start(&self, hash: u32) -> usize {
        (hash & self.mask) as usize
    }

    /// The slots from one to the end of its chunk.
    #[inline]
    fn slots_from(&self, at: usize) -> Option<&[AtomicU32]> {
        self.chunks.get(at / CHUNK)?.get()?.get(at % CHUNK..)
    }

    /// Where the chunk after that of a slot begins.
    #[inline]
    fn next_chunk(&self, at: usize) -> usize {
        ((at | (CHUNK - 1)) + 1) & self.mask as usize
    }

    /// As [`slots_from`](Index::slots_from), of a chunk that may be needed for the first time.
    #[inline]
    fn slots_for_insert(&self, at: usize) -> Option<&[AtomicU32]> {
        let size = self.slots().min(CHUNK);
        let new = || (0..size).map(|_| AtomicU32::new(0)).collect();
        self.chunks.get(at / CHUNK)?.get_or_init(new).get(at % CHUNK..)
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
    fn nothing_is_found_where_nothing_was_inserted() {
        assert!(candidates(&Index::new(20), 12_345).is_empty());
    }
}
