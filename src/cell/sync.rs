//! The atomics of the protocols that a model checker runs too, with its own in this module's place: `tests/loom.rs`.

pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU64, Ordering, fence};
pub(crate) use std::thread::yield_now;

pub(crate) use parking_lot::{Mutex, MutexGuard};
