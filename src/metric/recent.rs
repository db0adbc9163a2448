//! Quantiles of the recent past, inside a histogram and a timer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Common, Context, DistributionSettings, Place};
use crate::cell::{RecentCell, Refused};
use crate::stat::Distribution;

/// The window of recent values, where somebody wants it.
#[derive(Debug)]
pub(crate) struct Recent {
    always: bool,
    /// Whether somebody always wants to be told of a record: this, or exemplars.
    told: bool,
    common: Arc<Common>,
    cell: RecentCell,
}

impl Recent {
    pub(crate) fn new(settings: &DistributionSettings, context: &Context, place: Place) -> Self {
        Recent {
            always: settings.quantiles,
            told: settings.quantiles || settings.exemplars,
            common: context.common.clone(),
            cell: RecentCell::new(place),
        }
    }

    /// Records a value at a time of the clock in nanoseconds. To be called where it [is wanted](Recent::is_wanted).
    pub(crate) fn record(&self, now: u64, value: f64) {
        self.cell.record(now, value);
    }

    /// The same for a value that comes several times.
    pub(crate) fn record_n(&self, now: u64, value: f64, times: u64) {
        self.cell.record_n(now, value, times);
    }

    /// The same for values that were recorded elsewhere.
    pub(crate) fn merge(&self, now: u64, values: &Distribution) {
        self.cell.merge(now, values);
    }

    /// What was recorded up to now, if that is wanted.
    pub(crate) fn read(&self, now: u64) -> Option<Distribution> {
        self.is_wanted().then(|| self.cell.read(now))
    }

    pub(crate) fn reset(&self) {
        self.cell.reset();
    }

    /// Where a histogram notes what it cannot record.
    pub(crate) fn refused(&self) -> &Refused {
        &self.common.refused
    }

    /// Whether anything is wanted of a record beyond its buckets and sum: one question for all, on the way of all.
    #[inline]
    pub(crate) fn is_more_wanted(&self) -> bool {
        self.told || self.common.quantiles.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn is_wanted(&self) -> bool {
        // Relaxed: a record more or less around the moment somebody starts to ask makes no difference.
        self.always || self.common.quantiles.load(Ordering::Relaxed)
    }
}
