//! A list that only grows, whose entries stay where they are.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Entries by number.
///
/// Levels, each twice the one before, so that few entries need little memory; a level is made of chunks that are
/// allocated when they are first needed, so that no entry pays for many.
///
/// One thread at a time appends; readers take no notice and write nothing.
#[derive(Debug)]
pub(crate) struct Entries<T> {
    levels: [OnceLock<Box<[Chunk<T>]>>; LEVELS],
    len: AtomicUsize,
}

type Chunk<T> = OnceLock<Box<[OnceLock<T>]>>;

/// Entries of the first level.
const FIRST: usize = 4;
/// Levels for 2^30 entries, more than an index can hold.
const LEVELS: usize = 28;
/// Most entries of a chunk: 16 to 64 KiB for the entries that there are.
const CHUNK: usize = 256;

impl<T> Entries<T> {
    pub(crate) const fn new() -> Self {
        Entries { levels: [const { OnceLock::new() }; LEVELS], len: AtomicUsize::new(0) }
    }

    #[inline]
    pub(crate) fn get(&self, number: usize) -> Option<&T> {
        let (level, place) = position(number)?;
        let chunk = self.levels.get(level)?.get()?.get(place / CHUNK)?.get()?;
        chunk.get(place % CHUNK)?.get()
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    /// All entries, in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let levels = self.levels.iter().map_while(OnceLock::get);
        let chunks = levels.flat_map(|level| level.iter().map_while(OnceLock::get));
        chunks.flat_map(|chunk| chunk.iter().map_while(OnceLock::get))
    }

    /// Appends an entry and gives its number; `None` where there is no room. Only one thread may be here.
    pub(crate) fn push(&self, entry: T) -> Option<(usize, &T)> {
        let number = self.len.load(Ordering::Relaxed);
        let (level, place) = position(number)?;
        let size = FIRST << level;
        let chunks = self.levels.get(level)?.get_or_init(|| empty(size.div_ceil(CHUNK)));
        let chunk = chunks.get(place / CHUNK)?.get_or_init(|| empty(size.min(CHUNK)));
        let stored = chunk.get(place % CHUNK)?.get_or_init(|| entry);
        // Release: who sees the new length finds the entry.
        self.len.store(number + 1, Ordering::Release);
        Some((number, stored))
    }
}

/// The level of an entry and its place there: the levels below it have `FIRST * (2^level - 1)` entries.
#[inline]
fn position(number: usize) -> Option<(usize, usize)> {
    let shifted = number.checked_add(FIRST)?;
    let bits = shifted.ilog2();
    Some(((bits - FIRST.ilog2()) as usize, shifted - (1 << bits)))
}

fn empty<T>(len: usize) -> Box<[OnceLock<T>]> {
    (0..len).map(|_| OnceLock::new()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_by_their_number_and_in_their_order() {
        let entries = Entries::new();
        for n in 0..3000 {
            assert_eq!(entries.get(n), None);
            assert_eq!(entries.push(n), Some((n, &n)));
            assert_eq!(entries.get(n), Some(&n));
        }
        assert!(entries.iter().copied().eq(0..3000));
        assert_eq!(entries.len(), 3000);
    }

    #[test]
    fn numbers_beyond_all_levels_have_no_entry() {
        let entries = Entries::<u8>::new();
        assert_eq!(entries.get(usize::MAX), None);
        assert_eq!(entries.get(usize::MAX / 2), None);
    }

    #[test]
    fn positions_follow_each_other() {
        let mut expected = (0, 0);
        for number in 0..5000 {
            assert_eq!(position(number), Some(expected));
            expected.1 += 1;
            if expected.1 == FIRST << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
    }
}
