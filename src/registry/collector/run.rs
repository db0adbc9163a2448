//! One run of a collector: the user's function, and what is made of how it ends.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::families::Families;
use super::ledger::{Ledger, Outcome};
use super::seen::Seen;
use crate::metric::call;
use crate::model::Family;
use crate::name::Name;
use crate::registry::problem::Problem;
use crate::registry::shared::Shared;

/// A function that fills families, or says why it cannot.
pub(super) type Collect = Box<dyn Fn(&mut Families<'_>) -> Result<(), String> + Send + Sync>;

/// What a collector's families are made with.
pub(super) struct Workshop {
    pub(super) name: Name,
    pub(super) shared: Arc<Shared>,
    pub(super) max_series: usize,
    /// `None` where nobody asked what becomes of it.
    pub(super) ledger: Option<Ledger>,
    seen: Mutex<Seen>,
}

impl Workshop {
    pub(super) fn new(name: Name, shared: Arc<Shared>, max_series: usize, ledger: Option<Ledger>) -> Self {
        Workshop { name, shared, max_series, ledger, seen: Mutex::default() }
    }

    /// The families that a function fills. Those of one that fails are lost.
    pub(super) fn fill<E>(
        &self,
        fill: impl FnOnce(&mut Families<'_>) -> Result<(), E>,
    ) -> Result<Vec<Family>, E> {
        let mut filling = Filling::begin(self);
        let mut families = Families::new(&self.shared, &self.seen, filling.readings, self.max_series);
        fill(&mut families)?;
        filling.is_whole = true;
        Ok(families.into_families())
    }

    pub(super) fn count(&self, outcome: Outcome) {
        self.ledger.iter().for_each(|ledger| ledger.count(outcome));
    }

    /// Counts and, the first time, logs what went wrong.
    pub(super) fn note(&self, problem: Problem, what: impl fmt::Display) {
        let Workshop { name, shared, .. } = self;
        shared.problems.note(problem, name, || format!("collector {name:?} {what}"));
    }
}

/// A function that fills families. However it ends, also by a panic, its time is added and what nobody brings is forgotten.
struct Filling<'a> {
    workshop: &'a Workshop,
    began: Duration,
    /// The readings there were when it began.
    readings: u64,
    is_whole: bool,
}

impl<'a> Filling<'a> {
    fn begin(workshop: &'a Workshop) -> Self {
        let (began, readings) = (workshop.shared.context.clock.now(), workshop.seen.lock().readings());
        Filling { workshop, began, readings, is_whole: false }
    }
}

impl Drop for Filling<'_> {
    fn drop(&mut self) {
        let Workshop { shared, ledger, seen, .. } = self.workshop;
        seen.lock().forget_absent(self.readings, self.is_whole);
        if let Some(ledger) = ledger {
            ledger.took(shared.context.clock.now().saturating_sub(self.began));
        }
    }
}

/// A collector's function and what it needs.
pub(super) struct Run {
    pub(super) workshop: Workshop,
    pub(super) collect: Collect,
}

impl Run {
    /// Runs the function: its families, or none, and how it ended, which the caller counts. A panic ends here.
    pub(super) fn run(&self) -> (Outcome, Option<Vec<Family>>) {
        let Run { workshop, collect } = self;
        let filled = call(&workshop.shared.context.common.refused, || workshop.fill(collect));
        match filled {
            Some(Ok(families)) => (Outcome::Ok, Some(families)),
            Some(Err(error)) => {
                workshop.note(Problem::CollectorFailed, format_args!("failed: {error}"));
                (Outcome::Error, None)
            }
            None => (Outcome::Panic, None),
        }
    }
}
