//! Sections whose words are found by the model's own numbers for its threads: a thread-local's end cannot be modelled.

use super::epoch::{Epochs, Guests, Passed, Stamp};
use super::sync::{AtomicU64, Mutex};

loom::lazy_static! {
    static ref EPOCHS: Epochs = Epochs {
        now: AtomicU64::new(1),
        guests: Guests([AtomicU64::new(0), AtomicU64::new(0)]),
        turn: Mutex::new(()),
    };
    static ref WORDS: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];
}

/// Of a thread with a word, or of a guest.
pub(crate) enum Section {
    Own(&'static AtomicU64, u64),
    Guest(u64),
}

impl Section {
    /// As the thread that takes away: it has the first word.
    pub(crate) fn enter() -> Self {
        Section::of(0)
    }

    pub(crate) fn of(thread: usize) -> Self {
        let word = &WORDS[thread];
        Section::Own(word, EPOCHS.enter(word))
    }

    pub(crate) fn of_guest() -> Self {
        Section::Guest(EPOCHS.enter_as_guest())
    }
}

impl Drop for Section {
    fn drop(&mut self) {
        match self {
            Section::Own(word, before) => Epochs::leave(word, *before),
            Section::Guest(epoch) => EPOCHS.leave_as_guest(*epoch),
        }
    }
}

pub(crate) fn prepare() {}

pub(crate) fn stamp() -> Stamp {
    EPOCHS.stamp()
}

pub(crate) fn passed() -> Passed {
    EPOCHS.passed(WORDS.iter())
}
