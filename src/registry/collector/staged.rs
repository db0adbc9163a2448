//! Sets of families that are made aside and shown as one.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;

use super::define::CollectorHandle;
use super::families::Families;
use super::flights::{Landed, Set};
use super::ledger::Outcome;
use super::run::Workshop;

/// A set of families that you publish, and every reader sees as a whole: the old one or the new one, never some of each.
///
/// Made by [`Registry::staged`](crate::registry::Registry::staged), for sources that are too slow or too much in motion to
/// be read during a scrape. Clones share the set; when the last of them is dropped, the set is shown no more: nothing would
/// renew it.
///
/// Of two sets that are published at the same time, the one that is finished last stays. How old the set is stands on the page
/// as `tagmeter_collector_age_seconds{collector="…"}`.
///
/// ```
/// let registry = tagmeter::Registry::new();
/// let disks = registry.staged("disks");
/// disks.publish(|families| {
///     families.gauge("disk_free_bytes", "Space left.").set([("disk", "sda")], 7e9);
///     families.counter("disk_reads", "Blocks read.").set([("disk", "sda")], 12_u64);
/// });
/// assert_eq!(registry.value(("disk_free_bytes", [("disk", "sda")])), Some(7e9));
/// drop(disks);
/// assert_eq!(registry.value(("disk_free_bytes", [("disk", "sda")])), None);
/// ```
#[derive(Clone)]
#[must_use = "what is published is shown only while this lives"]
pub struct Staged(Arc<Publisher>);

struct Publisher {
    stage: Arc<Stage>,
    handle: CollectorHandle,
}

/// Counts how a filling ended when it has, by whatever way.
struct Publishing<'a> {
    workshop: &'a Workshop,
    outcome: Outcome,
}

impl Drop for Publishing<'_> {
    fn drop(&mut self) {
        self.workshop.count(self.outcome);
    }
}

/// What the registry reads.
pub(super) struct Stage {
    pub(super) workshop: Workshop,
    shown: RwLock<Option<Landed>>,
}

impl Stage {
    pub(super) fn new(workshop: Workshop) -> Self {
        Stage { workshop, shown: RwLock::default() }
    }

    pub(super) fn set(&self) -> Option<Set> {
        Some(self.shown.read().as_ref()?.set.clone())
    }

    pub(super) fn age(&self) -> Option<Duration> {
        let at = self.shown.read().as_ref()?.at;
        Some(self.workshop.shared.context.clock.now().saturating_sub(at))
    }

    fn show(&self, landed: Option<Landed>) {
        let replaced = std::mem::replace(&mut *self.shown.write(), landed);
        // Not under the lock: a large set takes its time.
        drop(replaced);
    }
}

impl Staged {
    pub(super) fn new(stage: Arc<Stage>, handle: CollectorHandle) -> Self {
        Staged(Arc::new(Publisher { stage, handle }))
    }

    /// Shows the families that the function fills, and those alone. Readers have the set before until it returns; they keep
    /// it where it panics, which goes on to you and counts as a run with outcome `panic`.
    ///
    /// See the type's example.
    pub fn publish(&self, fill: impl FnOnce(&mut Families<'_>)) {
        let Ok(()) = self.try_publish(|families| {
            fill(families);
            Ok::<(), Infallible>(())
        });
    }

    /// Shows the families that the function fills, unless it gives an error: then readers keep the set before.
    ///
    /// # Errors
    /// Those of the function; counted as a run with outcome `error`.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// let load = registry.staged("load");
    /// let read = |text: &str| load.try_publish(|families| {
    ///     families.gauge("load", "Processes that run or wait.").set((), text.parse::<f64>()?);
    ///     Ok::<(), std::num::ParseFloatError>(())
    /// });
    /// read("1.5")?;
    /// assert!(read("a lot").is_err());
    /// assert_eq!(registry.value("load"), Some(1.5));
    /// # Ok::<(), std::num::ParseFloatError>(())
    /// ```
    pub fn try_publish<E>(&self, fill: impl FnOnce(&mut Families<'_>) -> Result<(), E>) -> Result<(), E> {
        let Stage { workshop, .. } = &*self.0.stage;
        let mut publishing = Publishing { workshop, outcome: Outcome::Panic };
        let filled = workshop.fill(fill);
        publishing.outcome = if filled.is_ok() { Outcome::Ok } else { Outcome::Error };
        drop(publishing);
        let set = Arc::new(filled?);
        self.0.stage.show(Some(Landed { set, at: workshop.shared.context.clock.now() }));
        Ok(())
    }

    /// Shows nothing until the next set is published: the source is gone, and its last state is no longer true.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// let load = registry.staged("load");
    /// load.publish(|families| _ = families.gauge("load", "").set((), 1.5));
    /// load.withdraw();
    /// assert_eq!(registry.value("load"), None);
    /// ```
    pub fn withdraw(&self) {
        self.0.stage.show(None);
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.handle.unregister();
    }
}

impl fmt::Debug for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staged").field("name", &self.0.stage.workshop.name).finish_non_exhaustive()
    }
}
