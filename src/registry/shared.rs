//! What a registry shares with its families.

use std::sync::Arc;
use std::time::SystemTime;

use super::problem::Problems;
use crate::metric::Context;
use crate::model::Nanos;

/// Clock, wishes and problems of one registry.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) context: Context,
    /// Those of the registry that shows a scope are its own.
    pub(crate) problems: Arc<Problems>,
    /// Series a family may have where its definition does not say.
    pub(crate) max_series: usize,
    pub(crate) max_families: usize,
    pub(crate) start: SystemTime,
    /// Whether nothing is recorded.
    pub(crate) is_noop: bool,
}

impl Shared {
    pub(crate) fn wall(&self) -> SystemTime {
        self.context.clock.wall()
    }

    /// When a series that is made now began.
    pub(crate) fn series_start(&self) -> Nanos {
        self.context.clock.coarse_wall_nanos()
    }
}
