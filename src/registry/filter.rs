//! Which families a view shows.

use std::ptr;

use parking_lot::Mutex;

use crate::cell::{RecordingProblem, Refused};
use crate::metric::caught;
use crate::name::Name;

/// A function of the user's that says by their names which families are shown.
///
/// It runs wherever a view is read: inside a collector, a function of a gauge, another filter. So what keeps it from calling
/// itself for ever is its own, and not that of [`call`](crate::metric::call), which lets none run inside another.
pub(super) struct Filter {
    keep: Box<dyn Fn(&Name) -> bool + Send + Sync>,
    /// Threads that are inside it.
    running: Mutex<Vec<usize>>,
}

impl Filter {
    pub(super) fn new(keep: impl Fn(&Name) -> bool + Send + Sync + 'static) -> Self {
        Filter { keep: Box::new(keep), running: Mutex::default() }
    }

    /// Whether a family of that name is shown: not where the function panics, which is noted, and not inside itself.
    pub(super) fn keeps(&self, name: &Name, refused: &Refused) -> bool {
        let Some(_running) = Running::enter(self) else { return false };
        let answer = caught(|| (self.keep)(name));
        if answer.is_none() {
            refused.note(RecordingProblem::CallbackPanicked);
        }
        answer.unwrap_or(false)
    }
}

/// This thread inside a filter.
struct Running<'a>(&'a Filter);

impl<'a> Running<'a> {
    fn enter(filter: &'a Filter) -> Option<Self> {
        let (mut running, thread) = (filter.running.lock(), this_thread());
        if running.contains(&thread) {
            return None;
        }
        running.push(thread);
        Some(Running(filter))
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let (mut running, thread) = (self.0.running.lock(), this_thread());
        running.retain(|other| *other != thread);
    }
}

/// Tells threads that run apart. Not their `ThreadId`: one that is ending must be able to ask.
fn this_thread() -> usize {
    thread_local! {
        static HERE: u8 = const { 0 };
    }
    HERE.with(|here| ptr::from_ref(here).addr())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Barrier, OnceLock};
    use std::thread;

    use super::*;

    #[test]
    fn a_filter_inside_itself_keeps_nothing_and_inside_another_it_answers() {
        let (inside, refused) = (Arc::new(OnceLock::<Filter>::new()), Refused::default());
        let again = inside.clone();
        let ask = move |name: &Name| !again.get().unwrap().keeps(name, &Refused::default());
        let filter = inside.get_or_init(|| Filter::new(ask));
        assert!(filter.keeps(&"jobs".into(), &refused));
        let other = Filter::new({
            let inside = inside.clone();
            move |name| inside.get().unwrap().keeps(name, &Refused::default())
        });
        assert!(other.keeps(&"jobs".into(), &refused));
        assert!(filter.running.lock().is_empty());
    }

    #[test]
    fn threads_are_in_it_at_once() {
        let met = Barrier::new(2);
        let met: &'static Barrier = Box::leak(Box::new(met));
        let filter = Filter::new(|_| {
            met.wait();
            true
        });
        thread::scope(|threads| {
            for _ in 0..2 {
                threads.spawn(|| assert!(filter.keeps(&"jobs".into(), &Refused::default())));
            }
        });
    }
}
