//! The native buckets of a histogram and a timer, where their definition asks for them.

use std::time::SystemTime;

use super::{Context, DistributionSettings};
use crate::cell::{Moment, NativeCells, Recorded, Word};
use crate::clock::Clock;
use crate::stat::NativeCounts;

/// Native buckets with the classic ones besides, filled by one record.
#[derive(Debug)]
pub(crate) struct Native<S: Word> {
    clock: Clock,
    cells: NativeCells<S>,
}

/// What was recorded, in buckets of either kind.
pub(crate) struct Read<A> {
    pub(crate) counts: Vec<u64>,
    pub(crate) sum: A,
    pub(crate) native: Option<NativeCounts>,
    pub(crate) restarted: Option<SystemTime>,
}

impl<S: Word> Native<S> {
    /// Those of a definition, if it has some.
    pub(crate) fn of(settings: &DistributionSettings, context: &Context) -> Option<Box<Self>> {
        let classic = settings.buckets.bounds().len() + 1;
        settings.native.as_ref().map(|buckets| {
            let cells = NativeCells::new(buckets, classic, context.clock.now());
            Box::new(Native { clock: context.clock.clone(), cells })
        })
    }

    /// Counts a finite value `times` times, in a classic bucket too, and adds `amount`, their sum.
    pub(crate) fn record(&self, bucket: usize, value: f64, times: u64, amount: S::Amount) {
        self.cells.record(bucket, value, times, amount);
    }

    pub(crate) fn read(&self) -> Read<S::Amount> {
        let moment = Moment { now: self.clock.now(), wall: self.clock.wall() };
        let (Recorded { counts, sum, native }, restarted) = self.cells.read(moment);
        Read { counts, sum, native: Some(native), restarted }
    }

    pub(crate) fn reset(&self) {
        self.cells.reset(self.clock.now());
    }
}

/// What was recorded where there are classic buckets alone.
impl<A> From<(Vec<u64>, A)> for Read<A> {
    fn from((counts, sum): (Vec<u64>, A)) -> Self {
        Read { counts, sum, native: None, restarted: None }
    }
}
