//! Quantiles of the recent past, inside a histogram and a timer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Common, Context, DistributionSettings, Place};
use crate::cell::{RecentCell, Refused};
use crate::clock::Clock;
use crate::stat::Distribution;

/// The window of recent values, where somebody wants it.
#[derive(Debug)]
pub(crate) struct Recent {
    clock: Clock,
    always: bool,
    common: Arc<Common>,
    cell: RecentCell,
}

impl Recent {
    pub(crate) fn new(settings: &DistributionSettings, context: &Context, place: Place) -> Self {
        Recent {
            clock: context.clock.clone(),
            always: settings.quantiles,
            common: context.common.clone(),
            cell: RecentCell::new(place),
        }
    }

    #[inline]
    pub(crate) fn record(&self, value: f64, times: u64) {
        if self.is_wanted() {
            self.cell.record_n(self.clock.coarse_nanos(), value, times);
        }
    }

    pub(crate) fn read(&self) -> Option<Distribution> {
        self.is_wanted().then(|| self.cell.read(self.clock.coarse_nanos()))
    }

    pub(crate) fn reset(&self) {
        self.cell.reset();
    }

    /// Where a histogram notes what it cannot record.
    pub(crate) fn refused(&self) -> &Refused {
        &self.common.refused
    }

    #[inline]
    pub(crate) fn is_wanted(&self) -> bool {
        // Relaxed: a record more or less around the moment somebody starts to ask makes no difference.
        self.always || self.common.quantiles.load(Ordering::Relaxed)
    }
}
