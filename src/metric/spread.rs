//! How the values of a histogram or timer are spread over buckets: classic, native, or both.

use std::time::SystemTime;

use super::{DistributionSettings, Place};
use crate::cell::{HistogramCells, Moment, NativeCells, Recorded, Word};
use crate::clock::Clock;
use crate::stat::NativeCounts;

/// Buckets as a definition asks for them, filled by one record, and their sum.
#[derive(Debug)]
pub(crate) struct Spread<S: Word> {
    /// Empty where there are native buckets.
    classic: HistogramCells<S>,
    native: Option<Box<NativeCells<S>>>,
}

/// What was recorded.
pub(crate) struct Read<A> {
    pub(crate) counts: Vec<u64>,
    pub(crate) sum: A,
    pub(crate) native: Option<NativeCounts>,
    pub(crate) restarted: Option<SystemTime>,
}

impl<S: Word> Spread<S> {
    pub(crate) fn new(settings: &DistributionSettings, clock: &Clock, place: Place) -> Self {
        match &settings.native {
            None => {
                let buckets = settings.buckets.bounds().len() + 1;
                Spread { classic: HistogramCells::new(buckets, place), native: None }
            }
            Some(native) => Spread {
                classic: HistogramCells::new(0, Place::Shared),
                native: Some(Box::new(NativeCells::new(native, &settings.buckets, place, clock.now()))),
            },
        }
    }

    /// Counts a value in a classic bucket and adds `amount` to the sum, if that is all and this thread finds its cells at
    /// once.
    #[inline]
    pub(crate) fn record_in_own(&self, bucket: usize, amount: S::Amount) -> bool {
        self.classic.record_in_own(bucket, amount)
    }

    /// Counts a value that is finite and not negative in native buckets, if there are some and this thread finds its cells
    /// at once.
    #[inline]
    pub(crate) fn record_natively(&self, value: f64, amount: S::Amount) -> bool {
        self.native.as_ref().is_some_and(|native| native.record_in_own(value, amount))
    }

    /// Counts a finite value `times` times, in this classic bucket where there are some, and adds `amount`, their sum.
    pub(crate) fn record(&self, bucket: usize, value: f64, times: u64, amount: S::Amount) {
        match &self.native {
            Some(native) => native.record(bucket, value, times, amount),
            None => self.classic.record(bucket, times, amount),
        }
    }

    /// Counts many values, seen all at once: how many fell into each classic bucket, in which native ones, and their sum.
    pub(crate) fn record_many(&self, counts: Vec<u64>, native: Option<NativeCounts>, sum: S::Amount) {
        match (&self.native, native) {
            (Some(cells), Some(native)) => cells.record_many(Recorded { counts, sum, native }),
            _ => {
                let occupied = counts.into_iter().enumerate().filter(|(_, times)| *times > 0);
                self.classic.record_many(occupied, sum);
            }
        }
    }

    /// Records that were begun, ever. May be behind; waits for nobody.
    pub(crate) fn records(&self) -> u64 {
        self.native.as_ref().map_or_else(|| self.classic.records(), |native| native.records())
    }

    pub(crate) fn read(&self, clock: &Clock) -> Read<S::Amount> {
        let Some(native) = &self.native else {
            let (counts, sum) = self.classic.read();
            return Read { counts, sum, native: None, restarted: None };
        };
        let (recorded, restarted) = native.read(Moment { now: clock.now(), wall: clock.wall() });
        let Recorded { counts, sum, native } = recorded;
        Read { counts, sum, native: Some(native), restarted }
    }

    /// Forgets everything recorded before now.
    pub(crate) fn reset(&self, clock: &Clock) {
        match &self.native {
            Some(native) => native.reset(clock.now()),
            None => self.classic.reset(),
        }
    }

    pub(crate) fn give_cells(&self) {
        match &self.native {
            Some(native) => native.give_cells(),
            None => self.classic.give_cells(),
        }
    }
}
