//! When nobody looks any more at what was taken away.
//!
//! A reader looks at shared things inside a *section*. Whoever takes a thing away makes it unreachable first, takes a
//! [`Stamp`], and may free it once that has [`Passed`]: once every section has ended that was open when the stamp was
//! taken. Nobody waits: readers write a word of their own, and who frees asks again later.
//!
//! | | writes | when |
//! |---|---|---|
//! | the epoch | [`passed`](Epochs::passed), in turns | each time, unless guests of the last epoch are still there |
//! | a thread's word | that thread | the epoch when a section begins, 0 when it ends |
//! | `guests` | threads without a word | one up and one down a section, in the half of their epoch |
//!
//! **Why nothing is freed that a section can reach.** Let a thing be unreachable, then a stamp *s* be taken, then the epoch
//! be greater than *s*, then a heavy barrier be passed, then the words be read. A section stores its word, passes a light
//! barrier, and then looks.
//!
//! - Its light barrier came before the heavy one: its word is read. If that is at most *s*, the stamp has not passed. If it
//!   is greater, the section has read an epoch that was stored after the stamp, by a chain of read-modify-writes, of which
//!   the stamp is one: it sees that the thing is unreachable.
//! - Its light barrier came after: it sees what was stored before the heavy one, so again that the thing is unreachable.
//!
//! What a section read came before the release store of the word that ended it, or before that of the next section's, and
//! the reader of the words acquires either: freeing happens after.
//!
//! **Guests** read the epoch, count themselves in its half, pass a fence and read the epoch again: where it is another, they
//! try once more. So a guest inside a section is counted in the half of its epoch, before the first look for it after that
//! epoch ended. An epoch begins only when the half that it will use is empty, so one half holds guests of this epoch, the
//! other those of the last; earlier ones there are none.

use super::barrier;
use super::sync::{AtomicU64, Mutex, Ordering, fence};

/// The epochs of a program. Made by [`section`](super::section) only: sections, stamps and what has passed must be of the
/// same.
#[derive(Debug)]
pub(crate) struct Epochs {
    /// The current one; never 0.
    pub(super) now: AtomicU64,
    pub(super) guests: Guests,
    pub(super) turn: Mutex<()>,
}

/// Sections of threads without a word, by the parity of their epoch. In a cache line of their own, for everybody reads the
/// epoch.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Guests(pub(super) [AtomicU64; 2]);

/// When something was made unreachable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp(u64);

/// Which stamps have passed: those below.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passed(u64);

impl Passed {
    pub(crate) fn has(self, stamp: Stamp) -> bool {
        stamp.0 < self.0
    }
}

impl Epochs {
    /// Begins a section by this thread's word. The answer ends it: inside another section it changes nothing.
    #[inline]
    pub(crate) fn enter(&self, word: &AtomicU64) -> u64 {
        // Relaxed: nobody else writes it.
        let before = word.load(Ordering::Relaxed);
        if before == 0 {
            // Acquire: sees what was made unreachable before this epoch. Release: what the last section read, it has read.
            word.store(self.now.load(Ordering::Acquire), Ordering::Release);
            barrier::light();
        }
        before
    }

    /// Ends a section, unless it was inside another.
    #[inline]
    pub(crate) fn leave(word: &AtomicU64, before: u64) {
        // Release: what the section read, it has read.
        word.store(before, Ordering::Release);
    }

    /// Begins a section of a thread without a word; the answer ends it.
    pub(crate) fn enter_as_guest(&self) -> u64 {
        loop {
            let now = self.now.load(Ordering::Acquire);
            self.guests_of(now).fetch_add(1, Ordering::Relaxed);
            // With that of `passed`: either this thread sees the new epoch, or it was counted before.
            fence(Ordering::SeqCst);
            if self.now.load(Ordering::Acquire) == now {
                return now;
            }
            self.leave_as_guest(now);
        }
    }

    /// Ends a guest's section.
    pub(crate) fn leave_as_guest(&self, epoch: u64) {
        // Release: what the section read, it has read.
        self.guests_of(epoch).fetch_sub(1, Ordering::Release);
    }

    /// A stamp for what this thread has just made unreachable.
    pub(crate) fn stamp(&self) -> Stamp {
        // A read-modify-write: it gives the newest epoch, and who reads a later one sees what happened before this.
        Stamp(self.now.fetch_add(0, Ordering::AcqRel))
    }

    /// Ends the epoch where that is possible, and tells which stamps have passed. `words` are those of all threads.
    pub(crate) fn passed<'a>(&self, words: impl Iterator<Item = &'a AtomicU64>) -> Passed {
        let _alone = self.turn.lock();
        let mut now = self.now.load(Ordering::Relaxed);
        if self.guests_of(now + 1).load(Ordering::Acquire) == 0 {
            now = self.now.fetch_add(1, Ordering::AcqRel) + 1;
        }
        if !barrier::heavy() {
            return Passed(0);
        }
        // Acquire, here and below: see the page.
        let open = words.map(|word| word.load(Ordering::Acquire)).filter(|word| *word != 0).min();
        let last_has_guests = self.guests_of(now + 1).load(Ordering::Acquire) != 0;
        let oldest_of_guests = if last_has_guests { now - 1 } else { now };
        Passed(open.map_or(oldest_of_guests, |open| open.min(oldest_of_guests)))
    }

    fn guests_of(&self, epoch: u64) -> &AtomicU64 {
        &self.guests.0[(epoch % 2) as usize]
    }
}
