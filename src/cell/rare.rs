//! What most of its owners never need: one word until somebody does.

#![allow(unsafe_code)]

use std::fmt;
use std::marker::PhantomData;

use super::sync::{AtomicPtr, Ordering};

/// A box that is made when it is first needed, and then stays.
///
/// A `OnceLock` of a box is two words, and who makes the box keeps others waiting, itself too, where its allocator records.
/// Here nobody waits: of two that made a box, the second throws its own away.
pub(crate) struct Rare<T> {
    made: AtomicPtr<T>,
    owned: PhantomData<Box<T>>,
}

impl<T> Rare<T> {
    pub(crate) fn get(&self) -> Option<&T> {
        // Acquire: what is in the box was written before.
        let made = self.made.load(Ordering::Acquire);
        // SAFETY: it is null, or a box that `get_or_make` put there; that is written once and freed in `drop` only, so it
        // outlives the reference. Nobody has a unique reference to it.
        unsafe { made.as_ref() }
    }
}

// `Send`: what one thread made, another drops.
impl<T: Send + Sync> Rare<T> {
    pub(crate) fn new() -> Self {
        Rare { made: AtomicPtr::new(std::ptr::null_mut()), owned: PhantomData }
    }

    /// What is there; what `make` gives, if nothing is. Must not be needed by `make`.
    pub(crate) fn get_or_make(&self, make: impl FnOnce() -> T) -> &T {
        match self.get() {
            Some(made) => made,
            None => self.put(Box::new(make())),
        }
    }

    #[cold]
    fn put(&self, new: Box<T>) -> &T {
        let new = Box::into_raw(new);
        let null = std::ptr::null_mut();
        // Release and acquire: see `get`, for who comes first and who comes second.
        match self.made.compare_exchange(null, new, Ordering::Release, Ordering::Acquire) {
            // SAFETY: the box is this thread's, and from now on as `get` says.
            Ok(_) => unsafe { &*new },
            Err(first) => {
                // SAFETY: the box was made above, and nobody else knows it.
                drop(unsafe { Box::from_raw(new) });
                // SAFETY: as in `get`: it is not null, since only null leads away from here.
                unsafe { &*first }
            }
        }
    }
}

impl<T> Drop for Rare<T> {
    fn drop(&mut self) {
        // Relaxed: who drops it has seen everything.
        let made = self.made.load(Ordering::Relaxed);
        if !made.is_null() {
            // SAFETY: a box that `put` made a pointer of, dropped here and nowhere else.
            drop(unsafe { Box::from_raw(made) });
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Rare<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}
