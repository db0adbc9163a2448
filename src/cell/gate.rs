//! Groups of records that a reader sees all of, or none.
//!
//! A thread's word is odd while it is in a group. A reader closes the gate, waits until no word is odd, reads, and opens the
//! gate; who comes to a closed gate makes its word even again and waits for the reader's turn to end. Groups write nothing
//! that other threads write, and as many as there are threads run side by side.
//!
//! | a group | a reader, which has the turn |
//! |---|---|
//! | word odd, relaxed | `readings` odd: the gate is closed |
//! | *light barrier* | *heavy barrier* |
//! | `readings`, acquire: even; else word even, and once more with the turn | words, acquire: all of them even |
//! | records | cells and words of instruments |
//! | word even, release | `readings` even, release |
//!
//! Why a group is seen as a whole or not at all: of the two [barriers](super::barrier) one comes first. If that is the
//! group's, the reader sees the word odd, waits for the end of the group, and sees by release and acquire all that it
//! recorded. If it is the reader's, the group sees the gate closed, and records after the reader has opened it: what is
//! read was read, by release and acquire, before. With the turn, no reader is there.
//!
//! **Nobody waits for ever.** A thread can be stopped inside a group, and for ever in the child of a fork; so a reader goes
//! on when its patience ends, says that groups may be [`Split`](Groups::Split), and remembers the word: it is not waited for
//! again until it changes. A reader can be stopped too: a group waits for [`PATIENCE`] and goes in all the same, and those
//! after it do not wait for this reading. Who goes in so makes its word odd first, counts itself among the `intruders` next,
//! by release, and records last. A reader looks at `intruders`, by acquire, before it closes the gate, and again when it has
//! read: one that it has met the first time has its word odd by then, and is waited for; one that it has not is told by the
//! second look, if any record of it was read.
//!
//! A program that has no groups has no gate: [`is_used`](Gate::is_used).

use std::time::{Duration, Instant};

use super::barrier;
use super::sync::{AtomicU64, Mutex, MutexGuard, Ordering, fence, load_own, wait_until};

/// Who goes in, and when.
#[derive(Debug)]
pub(crate) struct Gate {
    /// [`UNUSED`], or two for each reading, one of them added while it lasts.
    pub(super) readings: AtomicU64,
    /// Groups of threads that have no word, now.
    pub(super) guests: AtomicU64,
    /// Groups that went in while a reader was at it.
    pub(super) intruders: AtomicU64,
    /// The reading that somebody waited for in vain.
    pub(super) endless: AtomicU64,
    pub(super) turn: Mutex<Lost>,
}

/// What no reader waits for any more, as long as it stays as it is.
#[derive(Debug)]
pub(crate) struct Lost {
    pub(super) guests: u64,
    /// By thread; 0 where there is nothing.
    pub(super) words: Vec<u64>,
}

/// Whether what was read has groups in it that had not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Groups {
    Whole,
    /// It may show a part of some group.
    Split,
}

/// Whose turn it is to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Of who reads.
    Own,
    /// Of another, whose reading does not end.
    Another,
}

/// Odd, so that the first group comes by where it is made another number.
pub(super) const UNUSED: u64 = 1;
/// The readings that there have been when groups begin.
const FIRST: u64 = 2;
/// How long a group waits for a reader, and a reader for its turn. Longer than any thread is kept from running.
const PATIENCE: Duration = Duration::from_secs(1);

impl Gate {
    /// Begins a group by this thread's word, and gives what ends it; `None` inside another, which goes on.
    #[inline]
    pub(crate) fn enter(&self, word: &AtomicU64) -> Option<u64> {
        let even = load_own(word);
        if is_odd(even) {
            return None;
        }
        word.store(even.wrapping_add(1), Ordering::Relaxed);
        barrier::light();
        // Acquire: see the page.
        if is_odd(self.readings.load(Ordering::Acquire)) {
            self.enter_late(word, even);
        }
        // With that of readers: who sees a record of this group sees the gate in use, and an intruder counted.
        fence(Ordering::Release);
        Some(even)
    }

    /// Ends a group that began with this word.
    #[inline]
    pub(crate) fn leave(word: &AtomicU64, even: u64) {
        // Release: see the page.
        word.store(even.wrapping_add(2), Ordering::Release);
    }

    #[cold]
    fn enter_late(&self, word: &AtomicU64, even: u64) {
        // Release: what was recorded in earlier groups.
        word.store(even, Ordering::Release);
        let turn = self.wait_for_turn();
        word.store(even.wrapping_add(1), Ordering::Relaxed);
        self.go_in(turn);
    }

    /// The same for a thread without a word, which must not be inside another group.
    pub(crate) fn enter_as_guest(&self) {
        self.guests.fetch_add(1, Ordering::Relaxed);
        // The light barrier of those who come now and then.
        fence(Ordering::SeqCst);
        if is_odd(self.readings.load(Ordering::Acquire)) {
            self.leave_as_guest();
            let turn = self.wait_for_turn();
            self.guests.fetch_add(1, Ordering::Relaxed);
            self.go_in(turn);
        }
        fence(Ordering::Release);
    }

    pub(crate) fn leave_as_guest(&self) {
        // Release: see the page.
        self.guests.fetch_sub(1, Ordering::Release);
    }

    /// Waits until no reader is at it; `None` if one does not end.
    fn wait_for_turn(&self) -> Option<MutexGuard<'_, Lost>> {
        self.begin_to_be_used();
        let reading = self.readings.load(Ordering::Relaxed);
        let is_endless = is_odd(reading) && self.endless.load(Ordering::Relaxed) == reading;
        let turn = if is_endless { self.turn.try_lock() } else { self.turn.try_lock_for(PATIENCE) };
        if turn.is_none() {
            // Relaxed: it may be late.
            self.endless.store(reading, Ordering::Relaxed);
        }
        turn
    }

    /// Lets a group in whose word, or number of guests, already says so: only now does the turn end, or is the group counted,
    /// so that a reader to whom it is nothing new sees that word.
    fn go_in(&self, turn: Option<MutexGuard<'_, Lost>>) {
        if turn.is_none() {
            // Release: the word. What follows is ordered by the fence in `enter`.
            self.intruders.fetch_add(1, Ordering::Release);
        }
    }

    fn begin_to_be_used(&self) {
        if !self.is_used() {
            barrier::prepare();
            // Fails where another thread was first.
            let _ = self.readings.compare_exchange(UNUSED, FIRST, Ordering::AcqRel, Ordering::Acquire);
        }
    }

    /// Whether there has been a group. Where there has been none before a reading and after it, that saw none.
    pub(crate) fn is_used(&self) -> bool {
        // With that of `enter`.
        fence(Ordering::Acquire);
        self.readings.load(Ordering::Relaxed) != UNUSED
    }

    /// Reads while no group is under way. `words` are those of all threads, always in the same order; this thread is in no
    /// group, and may make its word odd while it reads only if it has the turn: another reader would wait for it.
    pub(crate) fn read<'w, R, W: Iterator<Item = &'w AtomicU64>>(
        &self,
        patience: Instant,
        words: impl Fn() -> W,
        read: impl FnOnce(Turn) -> R,
    ) -> (R, Groups) {
        let Some(turn) = self.turn.try_lock_for(PATIENCE) else {
            return (read(Turn::Another), Groups::Split);
        };
        let mut closed = Closed::new(self, turn);
        let have_ended = closed.wait_for(patience, words);
        let result = read(Turn::Own);
        let groups = if have_ended && !closed.has_intruders() { Groups::Whole } else { Groups::Split };
        (result, groups)
    }
}

/// A gate that is closed until this is dropped.
struct Closed<'g> {
    gate: &'g Gate,
    intruders: u64,
    lost: MutexGuard<'g, Lost>,
}

impl<'g> Closed<'g> {
    fn new(gate: &'g Gate, lost: MutexGuard<'g, Lost>) -> Self {
        // Acquire: the words of those it has been told of.
        let intruders = gate.intruders.load(Ordering::Acquire);
        // Relaxed: the heavy barrier follows.
        gate.readings.fetch_add(1, Ordering::Relaxed);
        Closed { gate, intruders, lost }
    }

    /// Waits until groups that were under way have ended; `false` if some have not.
    fn wait_for<'w, W: Iterator<Item = &'w AtomicU64>>(
        &mut self,
        patience: Instant,
        words: impl Fn() -> W,
    ) -> bool {
        if !barrier::heavy() {
            return false;
        }
        let all_ended = wait_until(patience, || self.open(&words).next().is_none());
        if !all_ended {
            self.lost.words = words().map(|word| word.load(Ordering::Acquire)).collect();
            self.lost.guests = self.gate.guests.load(Ordering::Acquire);
        }
        // Acquire, here and in `open`: see the page.
        let is_over = |word: &AtomicU64| !is_odd(word.load(Ordering::Acquire));
        all_ended && words().all(is_over) && self.gate.guests.load(Ordering::Acquire) == 0
    }

    /// Groups that are worth waiting for.
    fn open<'w, W: Iterator<Item = &'w AtomicU64>>(
        &self,
        words: &impl Fn() -> W,
    ) -> impl Iterator<Item = u64> {
        let guests = self.gate.guests.load(Ordering::Acquire);
        let guests = (guests != 0 && guests != self.lost.guests).then_some(guests);
        let words = words().map(|word| word.load(Ordering::Acquire)).enumerate();
        let words = words.filter(|(at, word)| is_odd(*word) && self.lost.words.get(*at) != Some(word));
        guests.into_iter().chain(words.map(|(_, word)| word))
    }

    fn has_intruders(&self) -> bool {
        // With that of `Gate::enter`.
        fence(Ordering::Acquire);
        self.gate.intruders.load(Ordering::Relaxed) != self.intruders
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        // Release: see the page.
        self.gate.readings.fetch_add(1, Ordering::Release);
    }
}

#[inline]
fn is_odd(word: u64) -> bool {
    word % 2 == 1
}
