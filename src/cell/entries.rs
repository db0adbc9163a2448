//! A list that only grows, whose entries stay where they are.
//!
//! An entry carries no state of its own: with a lock each, as a `OnceLock` has, it would be 8 bytes more. Instead each
//! chunk counts the entries that are complete, and who appends goes through these steps:
//!
//! | step | why no two threads meet |
//! |---|---|
//! | take a number from `taken` | one addition, so each number is one thread's |
//! | make the level and the chunk where they are missing | a pointer leaves null once, by an exchange; who loses it frees its own |
//! | write the entry at that place | nobody reads at or beyond `filled` |
//! | raise `filled` from this place to the next, with release | who sees it, with acquire, sees the entry and the pointer to it |
//!
//! The entry is refused where the one before it is not complete yet. Callers append one at a time, so it always is; if one
//! did not, the rest of the chunk would stay empty, and no harm done.

#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// Entries by number.
///
/// Levels, each twice the one before, so that few entries need little memory; a level is made of chunks that are
/// allocated when they are first needed, so that no entry pays for many.
///
/// One thread at a time appends; readers take no notice and write nothing.
#[derive(Debug)]
pub(crate) struct Entries<T> {
    /// The first of a level's chunks, as many as [`chunks`] says; null where there is no entry yet.
    levels: [AtomicPtr<Chunk<T>>; LEVELS],
    taken: AtomicUsize,
    len: AtomicUsize,
    chunks: PhantomData<Chunk<T>>,
}

/// Some entries; of those there is room for, the first `filled` are there.
#[derive(Debug)]
struct Chunk<T> {
    /// The first of `size` places; null before they are needed.
    room: AtomicPtr<Room<T>>,
    size: usize,
    filled: AtomicUsize,
    entries: PhantomData<Room<T>>,
}

/// Room for an entry.
#[derive(Debug)]
struct Room<T>(UnsafeCell<MaybeUninit<T>>);

// SAFETY: what is shared of a room is `&T`, once the entry is complete, and what is sent into it, before, is a `T`: see
// the module's page. Threads that append or read need no more of `T` than that.
unsafe impl<T: Send + Sync> Sync for Room<T> {}

/// Entries in the order of their numbers, a chunk after the other.
pub(crate) struct Iter<'a, T> {
    entries: &'a Entries<T>,
    /// Those that are left.
    numbers: Range<usize>,
    /// What is left of the chunk that the next one is in, and maybe later entries.
    chunk: slice::Iter<'a, Room<T>>,
}

/// Entries of the first level.
const FIRST: usize = 4;
/// Levels for 2^30 entries, more than an index can hold.
const LEVELS: usize = 28;
/// Most entries of a chunk: 14 KiB for a family of counters.
const CHUNK: usize = 256;

/// Entries of a level.
const fn entries(level: usize) -> usize {
    FIRST << level
}

/// Chunks of a level.
const fn chunks(level: usize) -> usize {
    entries(level).div_ceil(CHUNK)
}

impl<T> Entries<T> {
    pub(crate) const fn new() -> Self {
        Entries {
            levels: [const { AtomicPtr::new(ptr::null_mut()) }; LEVELS],
            taken: AtomicUsize::new(0),
            len: AtomicUsize::new(0),
            chunks: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn get(&self, number: usize) -> Option<&T> {
        let (level, place) = position(number)?;
        self.chunk(level, place)?.get(place % CHUNK)
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    /// All entries that are there now, in the order of their numbers and without a gap: later ones may come into the next
    /// chunk while this one is read, so the length is taken first.
    pub(crate) fn iter(&self) -> Iter<'_, T> {
        Iter { entries: self, numbers: 0..self.len(), chunk: [].iter() }
    }

    /// Appends an entry and gives its number; `None` where there is no room. Only one thread may be here.
    pub(crate) fn push(&self, entry: T) -> Option<(usize, &T)> {
        // Relaxed: the number is all that is taken.
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        let (level, place) = position(number)?;
        let new = || (0..chunks(level)).map(|_| Chunk::new(entries(level).min(CHUNK))).collect();
        fill(self.levels.get(level)?, new);
        let stored = self.chunk(level, place)?.push(place % CHUNK, entry)?;
        // Release: who sees the new length finds the entry.
        self.len.store(number + 1, Ordering::Release);
        Some((number, stored))
    }

    /// The chunk of a place that its level has.
    #[inline]
    fn chunk(&self, level: usize, place: usize) -> Option<&Chunk<T>> {
        debug_assert!(place < entries(level), "no such place");
        // Acquire: who sees the pointer sees the chunks.
        let first = self.levels.get(level)?.load(Ordering::Acquire);
        if first.is_null() {
            return None;
        }
        // SAFETY: the pointer leads to as many chunks as the level has, by `push`, and the place is below the level's
        // entries, by `position` and `iter`, so its chunk is among them. They are freed with the list only.
        Some(unsafe { &*first.add(place / CHUNK) })
    }
}

impl<'a, T> Iter<'a, T> {
    /// The next entry's room and those after it in its chunk; none where two that appended at once left a gap.
    #[cold]
    fn rest_of_chunk(&self) -> slice::Iter<'a, Room<T>> {
        let rest = position(self.numbers.start)
            .and_then(|(level, place)| self.entries.chunk(level, place)?.filled().get(place % CHUNK..));
        rest.unwrap_or_default().iter()
    }
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = &'a T;

    #[inline]
    fn next(&mut self) -> Option<&'a T> {
        if self.numbers.is_empty() {
            return None;
        }
        if self.chunk.as_slice().is_empty() {
            self.chunk = self.rest_of_chunk();
        }
        self.numbers.start += 1;
        // SAFETY: `filled` gives rooms whose entries are complete, and nobody writes there again as long as there is a
        // reference to the list.
        Some(unsafe { (*self.chunk.next()?.0.get()).assume_init_ref() })
    }
}

/// Gives a pointer its target, unless it has one. It has one afterwards, seen by who loads it with acquire.
pub(super) fn fill<U>(pointer: &AtomicPtr<U>, new: impl FnOnce() -> Box<[U]>) {
    if !pointer.load(Ordering::Relaxed).is_null() {
        return;
    }
    let new = Box::into_raw(new());
    // Release: see `Entries::chunk` and `Chunk::get`.
    let filled = pointer.compare_exchange(ptr::null_mut(), new.cast(), Ordering::Release, Ordering::Relaxed);
    if filled.is_err() {
        // SAFETY: it was a box just now, and nobody else was told of it.
        drop(unsafe { Box::from_raw(new) });
    }
}

/// Takes back what `fill` gave a pointer.
///
/// # Safety
/// The pointer is null, or `fill` gave it a target of this length, and nobody uses that any more.
pub(super) unsafe fn empty<U>(pointer: &mut AtomicPtr<U>, len: usize) {
    let first = *pointer.get_mut();
    if !first.is_null() {
        // SAFETY: the caller says that it is of `Box::into_raw`, and of this length.
        drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(first, len)) });
    }
}

impl<T> Chunk<T> {
    fn new(size: usize) -> Self {
        Chunk {
            room: AtomicPtr::new(ptr::null_mut()),
            size,
            filled: AtomicUsize::new(0),
            entries: PhantomData,
        }
    }

    #[inline]
    fn get(&self, place: usize) -> Option<&T> {
        // Acquire: see the module's page.
        if place >= self.filled.load(Ordering::Acquire) {
            return None;
        }
        // Relaxed: the pointer was there before `filled` was raised.
        let room = self.room.load(Ordering::Relaxed);
        // SAFETY: the place is below `filled`, so `push` has made room for it and has written its entry there, and nobody
        // writes there again as long as there is a reference to the chunk.
        Some(unsafe { (*(*room.add(place)).0.get()).assume_init_ref() })
    }

    /// The rooms that have an entry.
    fn filled(&self) -> &[Room<T>] {
        // Acquire: see the module's page.
        match self.filled.load(Ordering::Acquire) {
            0 => &[],
            // SAFETY: `push` has made room for more than is filled. Relaxed: the pointer was there before `filled` was raised.
            filled => unsafe { slice::from_raw_parts(self.room.load(Ordering::Relaxed), filled) },
        }
    }

    /// Appends at a place that no other call is given.
    fn push(&self, place: usize, entry: T) -> Option<&T> {
        fill(&self.room, || (0..self.size).map(|_| Room(UnsafeCell::new(MaybeUninit::uninit()))).collect());
        if place >= self.size || self.filled.load(Ordering::Relaxed) != place {
            return None;
        }
        // Acquire: another thread may have made it.
        let room = self.room.load(Ordering::Acquire);
        // SAFETY: `room` has `size` places. Numbers are taken once, so this one is ours alone, and as it is not below
        // `filled` nobody reads it.
        unsafe { (*(*room.add(place)).0.get()).write(entry) };
        // Release: see the module's page. It cannot fail: `filled` leaves a place through its own entry only.
        self.filled.compare_exchange(place, place + 1, Ordering::Release, Ordering::Relaxed).ok()?;
        self.get(place)
    }
}

impl<T> Drop for Entries<T> {
    fn drop(&mut self) {
        for (level, first) in self.levels.iter_mut().enumerate() {
            // SAFETY: `push` gave it so many chunks, and the list is nobody else's any more.
            unsafe { empty(first, chunks(level)) };
        }
    }
}

impl<T> Drop for Chunk<T> {
    fn drop(&mut self) {
        let room = *self.room.get_mut();
        for place in 0..*self.filled.get_mut() {
            // SAFETY: the places below `filled` have entries, which are dropped here and nowhere else.
            unsafe { (*(*room.add(place)).0.get()).assume_init_drop() };
        }
        // SAFETY: `push` gave it so many places, and the chunk is nobody else's any more.
        unsafe { empty(&mut self.room, self.size) };
    }
}

/// The level of an entry and its place there: the levels below it have `FIRST * (2^level - 1)` entries.
#[inline]
fn position(number: usize) -> Option<(usize, usize)> {
    let shifted = number.checked_add(FIRST)?;
    let bits = shifted.ilog2();
    Some(((bits - FIRST.ilog2()) as usize, shifted - (1 << bits)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

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

    #[test]
    fn every_entry_is_dropped_once_and_nothing_else_is() {
        let entry = Arc::new(());
        for len in [0, 1, 4, 5, 700] {
            let entries = Entries::new();
            (0..len).for_each(|_| assert!(entries.push(entry.clone()).is_some()));
            assert_eq!(Arc::strong_count(&entry), len + 1);
            drop(entries);
            assert_eq!(Arc::strong_count(&entry), 1);
        }
    }

    #[test]
    fn who_reads_while_another_appends_sees_whole_entries() {
        const LEN: usize = 20_000;
        let entries = Entries::new();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                (0..LEN).for_each(|n| assert!(entries.push(Box::new([n; 4])).is_some()));
                done.store(true, Ordering::Release);
            });
            while !done.load(Ordering::Acquire) {
                let len = entries.len();
                let last = len.checked_sub(1).and_then(|last| entries.get(last));
                assert!(last.is_none_or(|entry| **entry == [len - 1; 4]));
                assert!(entries.iter().take(300).enumerate().all(|(n, entry)| **entry == [n; 4]));
            }
        });
        assert_eq!(entries.iter().count(), LEN);
    }

    #[test]
    fn two_that_append_at_once_do_no_harm() {
        let (entries, entry) = (Entries::new(), Arc::new(()));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        // Some are refused.
                        let _ = entries.push(entry.clone());
                    }
                });
            }
        });
        assert!(entries.iter().all(|seen| Arc::ptr_eq(seen, &entry)));
        drop(entries);
        assert_eq!(Arc::strong_count(&entry), 1);
    }
}
