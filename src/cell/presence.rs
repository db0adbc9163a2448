//! Whether an entry that can go is shown, hidden or gone.
//!
//! | state | shown | whoever uses it | whoever sweeps |
//! |---|---|---|---|
//! | touched | yes | uses it, writes nothing | makes it idle |
//! | idle | yes | makes it touched | hides it after a while, unless held |
//! | hidden | no | makes it touched: it goes on where it was | gives it up after another while |
//! | removed | no | has it shown again, from the beginning | gives it up when nobody uses or holds it |
//! | gone | no | makes a new one | takes it away |
//!
//! **Why nothing that was recorded goes with an entry.** It is used inside a section only, after `touch` has seen or made
//! it touched there; or by handles, which are counted. An entry is hidden only when the stamp taken after it became idle
//! has passed: sections that saw it touched before are over, and what they recorded, and the handles they made, are seen.
//! Sections since then have to write `touched` first, and then it is not hidden: both are one compare-exchange from
//! `idle`. The same holds from hidden to gone.

use super::sync::{AtomicU8, Ordering};

/// The state of an entry.
#[derive(Debug)]
pub(crate) struct Presence(AtomicU8);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum State {
    Touched,
    Idle,
    Hidden,
    Removed,
    Gone,
}

impl State {
    fn of(byte: u8) -> Self {
        match byte {
            0 => State::Touched,
            1 => State::Idle,
            2 => State::Hidden,
            3 => State::Removed,
            _ => State::Gone,
        }
    }
}

impl Presence {
    /// Touched.
    pub(crate) fn new() -> Self {
        Presence(AtomicU8::new(State::Touched as u8))
    }

    pub(crate) fn state(&self) -> State {
        State::of(self.0.load(Ordering::Relaxed))
    }

    pub(crate) fn is_shown(&self) -> bool {
        matches!(self.state(), State::Touched | State::Idle)
    }

    /// Makes it touched; `false` where it was removed or is gone. To be called, and followed by the use, in one section.
    #[inline]
    pub(crate) fn touch(&self) -> bool {
        // Acquire: who sees it shown again sees it reset.
        self.0.load(Ordering::Acquire) == State::Touched as u8 || self.touch_slow()
    }

    #[cold]
    fn touch_slow(&self) -> bool {
        let touched =
            |byte| matches!(State::of(byte), State::Touched | State::Idle | State::Hidden).then_some(0);
        // Acquire: as above.
        self.0.fetch_update(Ordering::Acquire, Ordering::Acquire, touched).is_ok()
    }

    /// From touched to idle. A stamp taken after this tells when nobody uses it any more who has not touched it again.
    pub(crate) fn rest(&self) -> bool {
        self.change(State::Touched, State::Idle)
    }

    /// From idle to hidden.
    pub(crate) fn hide(&self) -> bool {
        self.change(State::Idle, State::Hidden)
    }

    /// From hidden or removed to gone; `state` says from which.
    pub(crate) fn give_up(&self, state: State) -> bool {
        self.change(state, State::Gone)
    }

    /// Removes it; tells whether it was shown. A stamp as for [`rest`](Presence::rest).
    pub(crate) fn remove(&self) -> bool {
        let removed = |byte| (State::of(byte) != State::Gone).then_some(State::Removed as u8);
        match self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, removed) {
            Ok(before) => matches!(State::of(before), State::Touched | State::Idle),
            Err(_) => false,
        }
    }

    /// From removed to touched; one thread at a time.
    pub(crate) fn show(&self) {
        // Release: see `touch`.
        self.0.store(State::Touched as u8, Ordering::Release);
    }

    fn change(&self, from: State, to: State) -> bool {
        // Relaxed: stamps and sections order what matters, see the page.
        self.0.compare_exchange(from as u8, to as u8, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}
