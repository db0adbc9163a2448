//! Whether readings of this thread are behind what was recorded before them.
//!
//! A reader that meets a thread stopped inside a record goes on with what it read last. For one histogram that is older and
//! true; beside others it can lack a group that they show. So who reads between groups has more patience with such a
//! record, and is told where that was not enough.

use std::cell::Cell;
use std::time::Instant;

use super::sync::wait_until;

thread_local! {
    // Const and without a destructor: there to the thread's end.
    static UNTIL: Cell<Option<Instant>> = const { Cell::new(None) };
    static BEHIND: Cell<bool> = const { Cell::new(false) };
}

/// Reads with patience, and tells whether something in it is behind.
pub(crate) fn patiently<R>(until: Instant, read: impl FnOnce() -> R) -> (R, bool) {
    let patience = Patience(UNTIL.replace(Some(until)));
    BEHIND.set(false);
    let result = read();
    drop(patience);
    (result, BEHIND.get())
}

/// Looks again until patience ends, if this thread has some; notes that it was not enough.
#[cold]
pub(crate) fn look_again(look: impl FnMut() -> bool) -> bool {
    let seen = UNTIL.get().is_some_and(|until| wait_until(until, look));
    if !seen {
        note();
    }
    seen
}

/// Notes that a reading is behind.
#[cold]
pub(crate) fn note() {
    BEHIND.set(true);
}

/// Goes back to what there was, also where a reading panics.
struct Patience(Option<Instant>);

impl Drop for Patience {
    fn drop(&mut self) {
        UNTIL.set(self.0);
    }
}
