//! Running the user's functions while metrics are read.

use std::any::Any;
use std::cell::Cell;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::cell::{RecordingProblem, Refused};

thread_local! {
    static RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// Runs a user's function. `None` where it panics, and where it is reached from inside another one: a function that
/// reads the registry it belongs to would otherwise call itself for ever.
pub(crate) fn call<T>(refused: &Refused, function: impl FnOnce() -> T) -> Option<T> {
    let _running = Running::enter()?;
    let result = caught(function);
    if result.is_none() {
        refused.note(RecordingProblem::CallbackPanicked);
    }
    result
}

/// Whether a function of the user's is what this thread runs, or it is ending: then no other is to be begun for it.
pub(crate) fn is_inside_function() -> bool {
    RUNNING.try_with(Cell::get).unwrap_or(true)
}

/// What a function of the user's gives; `None` where it panics.
pub(crate) fn caught<T>(function: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(function)).map_err(drop_quietly).ok()
}

/// Drops what a function panicked with, which may panic in its turn.
fn drop_quietly(payload: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        mem::forget(another);
    }
}

struct Running;

impl Running {
    fn enter() -> Option<Self> {
        // A thread that is ending has no thread-locals any more: it reads without functions.
        match RUNNING.try_with(|running| running.replace(true)) {
            Ok(false) => Some(Running),
            Ok(true) | Err(_) => None,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = RUNNING.try_with(|running| running.set(false));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_inside_a_function_is_not_run() {
        assert_eq!(call(&Refused::default(), || call(&Refused::default(), || 1)), Some(None));
        assert_eq!(call(&Refused::default(), || 2), Some(2));
    }

    #[test]
    fn a_panic_that_panics_when_dropped_ends_there() {
        struct Again;
        impl Drop for Again {
            fn drop(&mut self) {
                panic!("again");
            }
        }
        assert_eq!(call(&Refused::default(), || std::panic::panic_any(Again)), None::<()>);
    }

    #[test]
    fn after_a_panic_functions_run_again() {
        assert_eq!(call(&Refused::default(), || panic!("once")), None::<()>);
        assert_eq!(call(&Refused::default(), || 3), Some(3));
    }
}
