//! The series of a family: found by their tags without a lock, never moved, never taken away.

use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use crate::tag::Tags;

/// An append-only hash table by tags.
///
/// Levels, each twice the last; a full level is followed by the next and never rehashed, so entries stay where they are
/// and readers write nothing. Insertions take turns by a lock that readers do not know.
///
/// A slot holds the place of an entry in its level, plus one; 0 is empty. An entry is complete before its place is put
/// into a slot.
pub(crate) struct Table<T> {
    levels: [OnceLock<Level<T>>; LEVELS],
    /// Levels in use. Lookups begin at the last: it holds half of all entries.
    top: AtomicUsize,
    inserting: Mutex<()>,
    hasher: RandomState,
}

struct Level<T> {
    slots: Box<[AtomicU32]>,
    entries: Box<[OnceLock<Entry<T>>]>,
    used: AtomicUsize,
}

/// What is stored under some tags.
pub(crate) struct Entry<T> {
    hash: u64,
    pub(crate) tags: Tags,
    pub(crate) value: T,
}

/// Entries of the first level.
const FIRST: usize = 4;
/// More levels than the place of an entry can count.
const LEVELS: usize = 28;
/// Slots an entry has, so that probes stay short.
const SLOTS_PER_ENTRY: usize = 2;

impl<T> Table<T> {
    pub(crate) fn new() -> Self {
        Table {
            levels: [const { OnceLock::new() }; LEVELS],
            top: AtomicUsize::new(0),
            inserting: Mutex::new(()),
            hasher: RandomState::default(),
        }
    }

    /// The entry of these tags, which are sorted by key and have no empty value.
    #[inline]
    pub(crate) fn find<'a>(
        &self,
        tags: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    ) -> Option<&Entry<T>> {
        Some(self.find_hashed(self.hash(tags.clone()), tags)?.1)
    }

    /// The number of the entry of these tags: how many were made before it.
    pub(crate) fn number<'a>(&self, tags: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Option<usize> {
        Some(self.find_hashed(self.hash(tags.clone()), tags)?.0)
    }

    /// The entry of that number.
    #[inline]
    pub(crate) fn numbered(&self, number: usize) -> Option<&Entry<T>> {
        let level = (number / FIRST + 1).ilog2() as usize;
        let place = number - first_number(level);
        self.levels.get(level)?.get()?.entries.get(place)?.get()
    }

    /// The entry of these tags; where there is none, `make` may give it a value.
    ///
    /// `make` is told how many entries there are and runs while no other entry is made.
    pub(crate) fn find_or_insert<'a>(
        &self,
        tags: impl Iterator<Item = (&'a str, &'a str)> + Clone,
        make: impl FnOnce(usize) -> Option<T>,
    ) -> Option<&Entry<T>> {
        let hash = self.hash(tags.clone());
        let _inserting = self.inserting.lock();
        if let Some((_, entry)) = self.find_hashed(hash, tags.clone()) {
            return Some(entry);
        }
        let value = make(self.len())?;
        Some(self.insert(Entry { hash, tags: tags.collect(), value }))
    }

    /// All entries, in the order of their creation.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry<T>> {
        let levels = self.levels.iter().map_while(OnceLock::get);
        levels.flat_map(|level| level.entries.iter().map_while(OnceLock::get))
    }

    pub(crate) fn len(&self) -> usize {
        self.levels.iter().map_while(OnceLock::get).map(|level| level.used.load(Ordering::Relaxed)).sum()
    }

    fn hash<'a>(&self, tags: impl Iterator<Item = (&'a str, &'a str)>) -> u64 {
        /// A byte that UTF-8 never has, so that `("a", "bc")` and `("ab", "c")` differ.
        const END: u8 = 0xff;
        let mut hasher = self.hasher.build_hasher();
        for (key, value) in tags {
            hasher.write(key.as_bytes());
            hasher.write_u8(END);
            hasher.write(value.as_bytes());
            hasher.write_u8(END);
        }
        hasher.finish()
    }

    /// The entry and its number.
    #[inline]
    fn find_hashed<'a>(
        &self,
        hash: u64,
        tags: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    ) -> Option<(usize, &Entry<T>)> {
        // Acquire: the levels below the top are there.
        let top = self.top.load(Ordering::Acquire);
        self.levels[..top].iter().enumerate().rev().find_map(|(at, level)| {
            let (place, entry) = level.get()?.find(hash, tags.clone())?;
            Some((first_number(at) + place, entry))
        })
    }

    /// Appends an entry. The caller holds `inserting`.
    fn insert(&self, entry: Entry<T>) -> &Entry<T> {
        let top = self.top.load(Ordering::Relaxed);
        let last = top.checked_sub(1).and_then(|last| self.levels[last].get());
        match last {
            Some(level) if !level.is_full() => level.insert(entry),
            _ => {
                let level = self.levels[top].get_or_init(|| Level::new(FIRST << top));
                // Release: who sees the new top sees its level.
                self.top.store(top + 1, Ordering::Release);
                level.insert(entry)
            }
        }
    }
}

/// The number of the first entry of a level: the levels below it have this many.
#[inline]
fn first_number(level: usize) -> usize {
    FIRST * ((1 << level) - 1)
}

impl<T> Level<T> {
    fn new(entries: usize) -> Self {
        Level {
            slots: (0..entries * SLOTS_PER_ENTRY).map(|_| AtomicU32::new(0)).collect(),
            entries: (0..entries).map(|_| OnceLock::new()).collect(),
            used: AtomicUsize::new(0),
        }
    }

    fn is_full(&self) -> bool {
        self.used.load(Ordering::Relaxed) == self.entries.len()
    }

    /// Slots in the order they are looked at.
    fn probe(&self, hash: u64) -> impl Iterator<Item = &AtomicU32> {
        let mask = self.slots.len() - 1;
        let first = hash as usize & mask;
        (0..self.slots.len()).map(move |step| &self.slots[(first + step) & mask])
    }

    /// The entry and its place.
    #[inline]
    fn find<'a>(
        &self,
        hash: u64,
        tags: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    ) -> Option<(usize, &Entry<T>)> {
        for slot in self.probe(hash) {
            // Acquire: a place that is seen leads to a complete entry.
            let place = (slot.load(Ordering::Acquire) as usize).checked_sub(1)?;
            let entry = self.entries[place].get()?;
            if entry.hash == hash && entry.has(tags.clone()) {
                return Some((place, entry));
            }
        }
        None
    }

    fn insert(&self, entry: Entry<T>) -> &Entry<T> {
        let hash = entry.hash;
        let place = self.used.load(Ordering::Relaxed);
        let stored = self.entries[place].get_or_init(|| entry);
        self.used.store(place + 1, Ordering::Relaxed);
        if let Some(free) = self.probe(hash).find(|slot| slot.load(Ordering::Relaxed) == 0) {
            // Release: readers who find the place find the entry.
            free.store(place as u32 + 1, Ordering::Release);
        }
        stored
    }
}

impl<T> Entry<T> {
    #[inline]
    fn has<'a>(&self, tags: impl Iterator<Item = (&'a str, &'a str)>) -> bool {
        self.tags.are(tags)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_finds_what_a_map_finds(keys in prop::collection::vec(0u32..300, 0..400), asked in 0u32..300) {
            let table = Table::new();
            let mut map = BTreeMap::new();
            for (at, key) in keys.iter().enumerate() {
                let key = key.to_string();
                table.find_or_insert([("k", key.as_str())].into_iter(), |_| Some(at));
                map.entry(key).or_insert(at);
            }
            prop_assert_eq!(table.len(), map.len());
            prop_assert_eq!(table.iter().count(), map.len());
            let asked = asked.to_string();
            let found = table.find([("k", asked.as_str())].into_iter()).map(|entry| entry.value);
            prop_assert_eq!(found, map.get(&asked).copied());
        }
    }

    #[test]
    fn threads_that_race_for_the_same_tags_get_one_entry() {
        let table = Table::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..500 {
                        let text = n.to_string();
                        let entry =
                            table.find_or_insert([("k", text.as_str())].into_iter(), |_| Some(text.clone()));
                        assert_eq!(entry.unwrap().value, text);
                    }
                });
            }
        });
        assert_eq!(table.len(), 500);
    }

    #[test]
    fn iteration_is_in_order_of_creation() {
        let table = Table::new();
        for n in 0..100 {
            table.find_or_insert([("k", n.to_string().as_str())].into_iter(), |_| Some(n));
        }
        assert!(table.iter().map(|entry| entry.value).eq(0..100));
    }

    #[test]
    fn entries_are_numbered_in_order_of_creation() {
        let table = Table::new();
        for n in 0..100 {
            assert!(table.numbered(n).is_none());
            let key = n.to_string();
            table.find_or_insert([("k", key.as_str())].into_iter(), |_| Some(n));
            assert_eq!(table.number([("k", key.as_str())].into_iter()), Some(n));
            assert_eq!(table.numbered(n).map(|entry| entry.value), Some(n));
        }
        assert!(table.numbered(usize::MAX / 2).is_none());
    }
}
