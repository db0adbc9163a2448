//! Numbers by hash.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// An open-addressed table of entry numbers, of a size that is fixed.
///
/// | bits of a slot | what |
/// |---|---|
/// | low, as many as count the slots | number of the entry plus one; 0 is an empty slot |
/// | all others | the same bits of the hash's upper half: most probes that would meet the wrong entry end here |
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

    /// The first that `accept` takes of the numbers that were inserted with this hash, or look like it.
    #[inline]
    pub(crate) fn find<R>(&self, hash: u64, accept: impl Fn(usize) -> Option<R>) -> Option<R> {
        let upper = (hash >> 32) as u32;
        let mut at = hash as usize & self.mask as usize;
        loop {
            // Acquire: a number that is seen leads to a complete entry.
            let slot = self.slot(at)?.load(Ordering::Acquire);
            let number = (slot & self.mask).checked_sub(1)?;
            if (slot ^ upper) & !self.mask == 0 {
                if let Some(found) = accept(number as usize) {
                    return Some(found);
                }
            }
            at = (at + 1) & self.mask as usize;
        }
    }

    /// Adds a number below that of the slots. Some slot stays free: a search ends there.
    pub(crate) fn insert(&self, hash: u64, number: usize) {
        let upper = (hash >> 32) as u32 & !self.mask;
        let mut at = hash as usize & self.mask as usize;
        while let Some(slot) = self.slot_for_insert(at) {
            if slot.load(Ordering::Relaxed) == 0 {
                // Release: readers who find the number find the entry.
                slot.store(upper | (number as u32 + 1), Ordering::Release);
                return;
            }
            at = (at + 1) & self.mask as usize;
        }
    }

    #[inline]
    fn slot(&self, at: usize) -> Option<&AtomicU32> {
        self.chunks.get(at / CHUNK)?.get()?.get(at % CHUNK)
    }

    fn slot_for_insert(&self, at: usize) -> Option<&AtomicU32> {
        let size = self.slots().min(CHUNK);
        let new = || (0..size).map(|_| AtomicU32::new(0)).collect();
        self.chunks.get(at / CHUNK)?.get_or_init(new).get(at % CHUNK)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Hashes that collide in the slot, in the rest, in both.
        #[test]
        fn every_number_is_found_by_its_hash(
            hashes in prop::collection::vec((0u64..4, 0u64..4), 0..40), bits in 6u32..15
        ) {
            let index = Index::new(bits);
            let hashes: Vec<u64> = hashes.iter().map(|(upper, lower)| upper << 62 | lower.wrapping_sub(2)).collect();
            hashes.iter().enumerate().for_each(|(number, hash)| index.insert(*hash, number));
            for (number, hash) in hashes.iter().enumerate() {
                prop_assert_eq!(index.find(*hash, |found| (found == number).then_some(found)), Some(number));
            }
            prop_assert_eq!(index.find(1 << 40, |found| (found == hashes.len()).then_some(())), None);
        }
    }

    #[test]
    fn other_hashes_are_passed_over_without_a_look_at_their_entries() {
        let index = Index::new(6);
        index.insert(3 | 1 << 63, 0);
        index.insert(3 | 1 << 62, 1);
        let looked_at = std::cell::Cell::new(0);
        let found = index.find(3 | 1 << 62, |number| {
            looked_at.set(looked_at.get() + 1);
            Some(number)
        });
        assert_eq!((found, looked_at.get()), (Some(1), 1));
    }

    #[test]
    fn a_search_goes_round_the_end() {
        let index = Index::new(13);
        let last = 0x1fff;
        (0..3).for_each(|number| index.insert(last, number));
        assert_eq!(index.find(last, |number| (number == 2).then_some(number)), Some(2));
    }
}
