//! Checks in a forked child.
#![allow(unsafe_code, reason = "there is no fork without")]

use std::sync::{Mutex, MutexGuard, PoisonError};

/// One test at a time: a child has copies of all locks, also of those that another test's thread holds.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether this holds in a forked child, which has half a minute.
pub(crate) fn holds_in_a_child(check: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child only uses what this crate promises to work in one, and leaves by `_exit`.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "no fork");
    if child == 0 {
        // SAFETY: ends a child that hangs; sets no handler.
        unsafe { libc::alarm(30) };
        let holds = check();
        // SAFETY: ends the child without running anything of the parent's.
        unsafe { libc::_exit(if holds { 0 } else { 1 }) }
    }
    let mut status = 0;
    // SAFETY: waits for that child; `status` is a local.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    status == 0
}
