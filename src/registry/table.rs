//! The series of a family: found by their tags without a lock, never moved, never taken away.

use parking_lot::Mutex;

use super::sought::{Schema, Sought};
use crate::cell::{Entries, Index, Indexes};
use crate::tag::Tags;

/// An append-only hash table by tags.
///
/// Entries have numbers, in the order of their creation, and stay where they are. An index finds numbers by hash. When it
/// is half full, one of twice the size is begun, and every insertion puts some numbers into it; once it has them all it
/// becomes the current one. So a lookup searches one index, writes nothing and waits for nobody, and no insertion pays
/// for more than a few others. Insertions take turns by a lock that readers do not know.
///
/// An index that was replaced stays, for readers may still be in it; all of them together are as large as the current
/// one. A reader who is late misses at most what was made meanwhile, and what is missed is looked for again under
/// the lock.
pub(crate) struct Table<T> {
    entries: Entries<Entry<T>>,
    /// The current one has all entries.
    indexes: Indexes,
    inserting: Mutex<Growth>,
}

/// What is stored under some tags.
pub(crate) struct Entry<T> {
    /// What the indexes know of it.
    hash: u32,
    /// What spares who compares a look at the keys.
    schema: Schema,
    pub(crate) tags: Tags,
    pub(crate) value: T,
}

/// How far the index after the current one has got.
#[derive(Default)]
struct Growth {
    /// Which one the current index is.
    current: usize,
    /// The numbers below this are in the next one.
    moved: usize,
}

/// Entries that the last index has room for.
const MOST: usize = 1 << 30;
/// Slots for each entry when the next index is begun.
const SLOTS_PER_ENTRY: usize = 2;
/// Numbers that an insertion puts into the next index. It is complete when the current one is at most 4/7 full: with
/// `n` entries at the beginning, `n / 7` insertions move those and their own.
const MOVED_AT_ONCE: usize = 8;

impl<T> Table<T> {
    pub(crate) fn new() -> Self {
        Table { entries: Entries::new(), indexes: Indexes::new(), inserting: Mutex::default() }
    }

    /// The entry of these tags.
    #[inline]
    pub(crate) fn find(&self, tags: impl Sought) -> Option<&Entry<T>> {
        self.find_hashed(tags.hash(), tags)
    }

    /// The entry of these tags, whose hash is this. All of it in its caller: a search is too short for calls.
    #[inline(always)]
    pub(crate) fn find_hashed(&self, hash: u32, tags: impl Sought) -> Option<&Entry<T>> {
        let first = self.entries.get(self.indexes.current()?.first(hash)?)?;
        if tags.is(&first.tags, first.schema) { Some(first) } else { self.find_further(hash, tags) }
    }

    /// The number of the entry of these tags: how many were made before it.
    pub(crate) fn number(&self, tags: impl Sought) -> Option<usize> {
        Some(self.find_numbered(tags.hash(), tags)?.0)
    }

    /// The entry of that number.
    #[inline]
    pub(crate) fn numbered(&self, number: usize) -> Option<&Entry<T>> {
        self.entries.get(number)
    }

    /// The entry of these tags; where there is none, `make` may give it a value.
    ///
    /// `make` is told how many entries there are and runs while no other entry is made.
    pub(crate) fn find_or_insert(
        &self,
        tags: impl Sought,
        make: impl FnOnce(usize) -> Option<T>,
    ) -> Option<&Entry<T>> {
        let hash = tags.hash();
        let mut growth = self.inserting.lock();
        if let Some(entry) = self.find_hashed(hash, tags) {
            return Some(entry);
        }
        let len = self.len();
        let value = (len < MOST).then(|| make(len))??;
        self.insert(&mut growth, Entry { hash, schema: tags.schema(), tags: tags.to_tags(), value })
    }

    /// All entries, in the order of their creation.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry<T>> {
        self.entries.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Looks at all that may be the entry. Apart, because hardly ever another one is met first.
    #[cold]
    fn find_further(&self, hash: u32, tags: impl Sought) -> Option<&Entry<T>> {
        Some(self.find_numbered(hash, tags)?.1)
    }

    /// The number of the entry, and the entry.
    fn find_numbered(&self, hash: u32, tags: impl Sought) -> Option<(usize, &Entry<T>)> {
        self.indexes.current()?.all(hash).find_map(|number| {
            let entry = self.entries.get(number).filter(|entry| tags.is(&entry.tags, entry.schema))?;
            Some((number, entry))
        })
    }

    fn insert(&self, growth: &mut Growth, entry: Entry<T>) -> Option<&Entry<T>> {
        let current = self.current_or_first()?;
        let (number, stored) = self.entries.push(entry)?;
        current.insert(stored.hash, number);
        if self.len() * SLOTS_PER_ENTRY >= current.slots() {
            self.grow(growth);
        }
        Some(stored)
    }

    /// Puts some numbers into the next index; makes it the current one when it has them all.
    fn grow(&self, growth: &mut Growth) {
        let Some(index) = self.indexes.made(growth.current + 1) else {
            return;
        };
        let end = self.len().min(growth.moved + MOVED_AT_ONCE);
        for number in growth.moved..end {
            if let Some(entry) = self.entries.get(number) {
                index.insert(entry.hash, number);
            }
        }
        growth.moved = end;
        if end == self.len() {
            *growth = Growth { current: growth.current + 1, moved: 0 };
            self.indexes.set_current(growth.current);
        }
    }

    fn current_or_first(&self) -> Option<&Index> {
        if self.indexes.current().is_none() {
            self.indexes.made(0)?;
            self.indexes.set_current(0);
        }
        self.indexes.current()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicBool, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::registry::keys::Keys;

    /// Tags of one key, with a hash that collides.
    #[derive(Clone, Copy)]
    struct Colliding<'a>(&'a Tags, u32);

    impl Sought for Colliding<'_> {
        fn hash(self) -> u32 {
            self.0.hash() & self.1
        }

        fn schema(self) -> Schema {
            Schema::UNKNOWN
        }

        fn is(self, tags: &Tags, _: Schema) -> bool {
            self.0 == tags
        }

        fn is_empty(self) -> bool {
            self.0.is_empty()
        }

        fn to_tags(self) -> Tags {
            self.0.clone()
        }
    }

    fn tags(key: impl ToString) -> Tags {
        Tags::from([("k", key.to_string())])
    }

    proptest! {
        /// With all bits of the hash, and with so few that slots, the rest, or both are the same for many.
        #[test]
        fn it_finds_what_a_map_finds(
            keys in prop::collection::vec(0u32..300, 0..400),
            asked in 0u32..300,
            bits in prop::sample::select(vec![u32::MAX, 7, 7 << 29, 3 | 1 << 31, 0]),
        ) {
            let table = Table::new();
            let mut map = BTreeMap::new();
            for (at, key) in keys.iter().enumerate() {
                let entry = table.find_or_insert(Colliding(&tags(key), bits), |_| Some(at)).unwrap();
                let expected = *map.entry(*key).or_insert(at);
                prop_assert_eq!(entry.value, expected);
            }
            prop_assert_eq!(table.len(), map.len());
            prop_assert_eq!(table.iter().count(), map.len());
            let found = table.find(Colliding(&tags(asked), bits)).map(|entry| entry.value);
            prop_assert_eq!(found, map.get(&asked).copied());
        }

        /// By keys with values, some empty, in either order, and by tags.
        #[test]
        fn every_form_of_the_same_tags_finds_the_same_entry(
            values in prop::collection::vec(["[ab]{0,2}", "[ab]{0,2}", "[ab]{0,9}"], 1..60)
        ) {
            let (table, mut map) = (Table::new(), BTreeMap::new());
            let (keys, reversed) = (Keys::new(&["x", "y", "z"]), Keys::new(&["z", "y", "x"]));
            for (at, [x, y, z]) in values.iter().enumerate() {
                let tags = Tags::from([("x", x), ("y", y), ("z", z)]);
                let expected = *map.entry(tags.clone()).or_insert(at);
                let there = match at % 3 {
                    0 => table.find_or_insert(keys.with(&[x, y, z]), |_| Some(at)),
                    1 => table.find_or_insert(reversed.with(&[z, y, x]), |_| Some(at)),
                    _ => table.find_or_insert(&tags, |_| Some(at)),
                };
                prop_assert_eq!(there.unwrap().value, expected);
                let found = [
                    table.find(keys.with(&[x, y, z])),
                    table.find(reversed.with(&[z, y, x])),
                    table.find(&tags),
                ];
                prop_assert!(found.iter().all(|entry| entry.unwrap().value == expected));
            }
            prop_assert_eq!(table.len(), map.len());
        }
    }

    #[test]
    fn threads_that_race_for_the_same_tags_get_one_entry() {
        let table = Table::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..500 {
                        let entry = table.find_or_insert(&tags(n), |_| Some(n));
                        assert_eq!(entry.unwrap().value, n);
                    }
                });
            }
        });
        assert_eq!(table.len(), 500);
    }

    #[test]
    fn what_is_there_is_found_while_the_table_grows() {
        let table = Table::new();
        let done = AtomicBool::new(false);
        let known: Vec<Tags> = (0..20_000).map(tags).collect();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for (n, tags) in known.iter().enumerate() {
                    table.find_or_insert(tags, |_| Some(n));
                }
                done.store(true, Ordering::Release);
            });
            while !done.load(Ordering::Acquire) {
                // The newest may be counted and not yet in the index.
                let len = table.len();
                for (n, tags) in
                    known[..len.saturating_sub(1)].iter().enumerate().rev().step_by(1 + len / 100)
                {
                    assert_eq!(table.find(tags).map(|entry| entry.value), Some(n));
                }
            }
        });
        assert_eq!(table.len(), known.len());
    }

    #[test]
    fn the_current_index_is_never_more_than_four_sevenths_full() {
        let table = Table::new();
        for n in 0..20_000 {
            table.find_or_insert(&tags(n), |_| Some(n));
            let slots = table.indexes.current().unwrap().slots();
            assert!(table.len() * 7 <= slots * 4 + 7, "{} of {slots}", table.len());
        }
    }

    #[test]
    fn entries_are_numbered_and_listed_in_order_of_creation() {
        let table = Table::new();
        for n in 0..1000 {
            assert!(table.numbered(n).is_none());
            table.find_or_insert(&tags(n), |_| Some(n));
            assert_eq!(table.number(&tags(n)), Some(n));
            assert_eq!(table.numbered(n).map(|entry| entry.value), Some(n));
        }
        assert!(table.iter().map(|entry| entry.value).eq(0..1000));
        assert!(table.numbered(usize::MAX / 2).is_none());
    }

    #[test]
    fn what_is_not_made_is_not_there() {
        let table = Table::<u8>::new();
        assert!(table.find_or_insert(&tags(1), |_| None).is_none());
        assert!(table.find(&tags(1)).is_none());
        assert_eq!(table.len(), 0);
    }
}
