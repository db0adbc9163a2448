//! The collectors of a registry, and how a snapshot reads them.

use std::collections::HashSet;
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::RwLock;

use super::flights::{Flights, Ticket};
use super::ledger::Report;
use super::run::{Run, Workshop};
use super::staged::Stage;
use crate::metric::is_inside_function;
use crate::model::Family;
use crate::name::Name;
use crate::registry::problem::Problem;

/// The collectors of a registry, in the order of their registration.
#[derive(Default)]
pub(crate) struct CollectorList(RwLock<Vec<Arc<Entry>>>);

/// A registered collector, by where its families come from.
pub(super) enum Entry {
    /// From a run for each reader, on the reader's thread.
    Direct(Box<Run>),
    /// From runs that readers share.
    Shared(Arc<Flights>),
    /// From whoever publishes them.
    Staged(Arc<Stage>),
}

impl CollectorList {
    /// Adds a collector; one of the same name goes.
    pub(super) fn insert(&self, entry: Arc<Entry>) {
        let mut entries = self.0.write();
        let name = &entry.workshop().name;
        let replaced = match entries.iter_mut().find(|own| own.workshop().name == *name) {
            Some(own) => Some(std::mem::replace(own, entry)),
            None => {
                entries.push(entry);
                None
            }
        };
        drop(entries);
        // Last: what the old function owns may do anything when it goes.
        drop(replaced);
    }

    /// Takes this very collector away; tells whether it was there.
    pub(super) fn remove(&self, entry: &Arc<Entry>) -> bool {
        let mut entries = self.0.write();
        let place = entries.iter().position(|own| Arc::ptr_eq(own, entry));
        let removed = place.map(|place| entries.remove(place));
        drop(entries);
        // With no lock held, what is removed goes: see above.
        removed.is_some()
    }

    /// Adds the families of all collectors, but those whose name is taken. Inside a function of the user's none are read.
    pub(crate) fn read_into(&self, families: &mut Vec<Family>) {
        let entries = self.0.read().clone();
        if entries.is_empty() || is_inside_function() {
            return;
        }
        // All that have threads of their own first: then their times do not add up.
        let begun: Vec<Ticket> = entries.iter().map(|entry| entry.begin()).collect();
        let mut taken: HashSet<Name, RandomState> =
            families.iter().map(|family| family.name.clone()).collect();
        for (entry, ticket) in entries.iter().zip(begun) {
            for family in entry.end(ticket) {
                if taken.insert(family.name.clone()) {
                    families.push(family);
                } else {
                    entry.refuse(&family.name);
                }
            }
        }
        let own = report(&entries).into_families();
        families.extend(own.filter(|family| taken.insert(family.name.clone())));
    }
}

fn report(entries: &[Arc<Entry>]) -> Report {
    let mut report = Report::default();
    for entry in entries {
        if let Some(ledger) = &entry.workshop().ledger {
            report.add(ledger, entry.age());
        }
    }
    report
}

impl Entry {
    fn begin(&self) -> Ticket {
        match self {
            Entry::Direct(_) | Entry::Staged(_) => Ticket::Later,
            Entry::Shared(flights) => flights.begin(),
        }
    }

    fn end(&self, ticket: Ticket) -> Vec<Family> {
        let set = match self {
            Entry::Direct(run) => {
                let (outcome, families) = run.run();
                run.workshop.count(outcome);
                return families.unwrap_or_default();
            }
            Entry::Shared(flights) => flights.end(ticket),
            Entry::Staged(stage) => stage.set(),
        };
        set.map(|set| set.to_vec()).unwrap_or_default()
    }

    /// How old the families are that it shows, where it keeps them.
    fn age(&self) -> Option<std::time::Duration> {
        match self {
            Entry::Direct(_) => None,
            Entry::Shared(flights) => flights.age(),
            Entry::Staged(stage) => stage.age(),
        }
    }

    fn workshop(&self) -> &Workshop {
        match self {
            Entry::Direct(run) => &run.workshop,
            Entry::Shared(flights) => &flights.run().workshop,
            Entry::Staged(stage) => &stage.workshop,
        }
    }

    fn refuse(&self, family: &Name) {
        let Workshop { name, shared, .. } = self.workshop();
        shared.problems.note(Problem::CollectorRefused, family, || {
            format!("metric {family:?} of collector {name:?} is there already; the collector's is left out")
        });
    }
}
