//! One reading of all registries that are shown together.
//!
//! First it is planned what is to be read, then that is read at once, so that groups over several registries are seen as a
//! whole, then it is put together as it is shown. Functions of the user's run in the first step and in the last.

use std::sync::Arc;
use std::vec;

use super::family::AnyFamily;
use super::{Registry, View};
use crate::model::Family;

/// What is to be read: registries, each followed by its scopes.
#[derive(Default)]
pub(super) struct Plan {
    families: Vec<Arc<dyn AnyFamily>>,
    registries: Vec<Planned>,
}

struct Planned {
    families: usize,
    scopes: Vec<View>,
}

impl Plan {
    /// Plans a registry: families that are wanted, and scopes that are shown. The scopes are to be planned next.
    pub(super) fn add(&mut self, families: Vec<Arc<dyn AnyFamily>>, scopes: Vec<View>) {
        self.registries.push(Planned { families: families.len(), scopes });
        self.families.extend(families);
    }

    /// Reads everything; what goes wrong is counted at `home`.
    pub(super) fn read(self, home: &Registry) -> Reading {
        let families = home.read_families(&self.families);
        Reading { families: families.into_iter(), registries: self.registries.into_iter() }
    }
}

/// What was read, in the order of the plan.
pub(super) struct Reading {
    families: vec::IntoIter<Family>,
    registries: vec::IntoIter<Planned>,
}

impl Reading {
    /// The families of the next registry that have series, and its scopes, which come next.
    pub(super) fn next(&mut self) -> (Vec<Family>, Vec<View>) {
        let Some(Planned { families, scopes }) = self.registries.next() else { return Default::default() };
        let read = self.families.by_ref().take(families);
        (read.filter(|family| !family.series.is_empty()).collect(), scopes)
    }
}
