//! Sections of the running program: inside one, what a thread has found stays, whoever takes it away. See
//! [`epoch`](super::epoch).
//!
//! A thread's word is a cell of its set, so threads that record have it anyway. After a fork, sections that the parent's
//! other threads had open stay open in the child: what is taken away there is not freed then, and counts against limits.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::barrier;
use super::epoch::{Epochs, Guests, Passed, Stamp};
use super::thread::{self, SECTIONS, SECTIONS_PAGE};

/// The only ones of the program.
static EPOCHS: Epochs =
    Epochs { now: AtomicU64::new(1), guests: Guests([const { AtomicU64::new(0) }; 2]), turn: Mutex::new(()) };

/// Looks at the sections of others that somebody takes before going on without.
const TRIES: usize = 16;

/// A section of this thread, until it is dropped.
#[derive(Debug)]
pub(crate) struct Section {
    word: Option<&'static AtomicU64>,
    /// What ends it.
    before: u64,
    /// It belongs to its thread.
    not_send: PhantomData<*const ()>,
}

impl Section {
    #[inline]
    pub(crate) fn enter() -> Self {
        match thread::mine(SECTIONS_PAGE) {
            Some(block) => {
                let word = &block.cells[0];
                Section { word: Some(word), before: EPOCHS.enter(word), not_send: PhantomData }
            }
            None => Section::enter_as_guest(),
        }
    }

    /// Whether this thread is in one, as far as its word tells.
    fn is_open() -> bool {
        let block = thread::mine(SECTIONS_PAGE);
        block.is_some_and(|block| block.cells[0].load(Ordering::Relaxed) != 0)
    }

    #[cold]
    fn enter_as_guest() -> Self {
        Section { word: None, before: EPOCHS.enter_as_guest(), not_send: PhantomData }
    }
}

impl Drop for Section {
    #[inline]
    fn drop(&mut self) {
        match self.word {
            Some(word) => Epochs::leave(word, self.before),
            None => EPOCHS.leave_as_guest(self.before),
        }
    }
}

/// A stamp for what this thread has just made unreachable.
pub(crate) fn stamp() -> Stamp {
    EPOCHS.stamp()
}

/// Which stamps have passed. Takes some microseconds.
pub(crate) fn passed() -> Passed {
    EPOCHS.passed(SECTIONS.blocks().map(|block| &block.cells[0]))
}

/// As [`passed`], with some patience for this stamp: most sections last nanoseconds.
pub(crate) fn passed_soon(stamp: Stamp) -> Passed {
    let mut answer = passed();
    // What this thread has open itself does not end by patience.
    let tries = if Section::is_open() { 0 } else { TRIES };
    for _ in 0..tries {
        if answer.has(stamp) {
            break;
        }
        std::thread::yield_now();
        answer = passed();
    }
    answer
}

/// To be called before there is anything that sections are for: those begun earlier cost more.
pub(crate) fn prepare() {
    barrier::prepare();
}

#[cfg(test)]
mod tests {
    use super::*;

    // Other tests of this process have sections too, all of them short: what has to pass, passes in the end.
    fn passes(stamp: Stamp) -> bool {
        (0..100_000).any(|_| passed_soon(stamp).has(stamp))
    }

    #[test]
    fn a_section_of_another_thread_is_seen_until_it_ends() {
        let (enter, entered) = std::sync::mpsc::channel();
        let (leave, left) = std::sync::mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let section = Section::enter();
                enter.send(()).unwrap();
                left.recv().unwrap();
                drop(section);
            });
            entered.recv().unwrap();
            let stamp = stamp();
            assert!((0..100).all(|_| !passed().has(stamp)));
            leave.send(()).unwrap();
            assert!(passes(stamp));
        });
    }

    #[test]
    fn a_panic_ends_a_section() {
        let panicked = std::panic::catch_unwind(|| {
            let _section = Section::enter();
            panic!("inside");
        });
        assert!(panicked.is_err());
        assert!(passes(stamp()));
    }
}
