//! A histogram with native buckets: classic ones too where it has bounds, and the sum, readable only as a whole.
//!
//! What is recorded goes into a part of one of some [stripes](super::stripes), so that no thread waits for another or for a
//! reader. A reader pours all parts into the first. So each record is in one part, whole, and what a reader has seen stays
//! where the next reader sees it.
//!
//! Memory is bounded: a part that has too many buckets becomes coarser at once, as the whole would when it is read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use super::recent::Changing;
use super::stripes::Stripes;
use super::word::Word;
use crate::stat::{NativeBuckets, NativeCounts};

/// Native and classic buckets and their sum.
#[derive(Debug)]
pub(crate) struct NativeCells<S: Word> {
    buckets: NativeBuckets,
    /// Classic buckets; one where there are no bounds.
    classic: usize,
    stripes: Stripes<Option<Box<Recorded<S::Amount>>>>,
    /// Records that came to a stripe, ever.
    records: AtomicU64,
    beginning: Mutex<Beginning>,
}

/// What was recorded up to some moment, or a part of it.
#[derive(Debug, Clone)]
pub(crate) struct Recorded<A> {
    /// By classic bucket.
    pub(crate) counts: Vec<u64>,
    pub(crate) sum: A,
    pub(crate) native: NativeCounts,
}

/// When a histogram began, or began anew.
#[derive(Debug, Clone, Copy)]
struct Beginning {
    at: Duration,
    /// If anew.
    restarted: Option<SystemTime>,
}

/// A moment, on the clock that does not jump and on the wall.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: Duration,
    pub(crate) wall: SystemTime,
}

impl<S: Word> NativeCells<S> {
    pub(crate) fn new(buckets: &NativeBuckets, classic: usize, now: Duration) -> Self {
        NativeCells {
            buckets: *buckets,
            classic,
            stripes: Stripes::default(),
            records: AtomicU64::new(0),
            beginning: Mutex::new(Beginning { at: now, restarted: None }),
        }
    }

    /// Counts a finite value `times` times, in a classic bucket too, and adds `amount`, their sum.
    pub(crate) fn record(&self, bucket: usize, value: f64, times: u64, amount: S::Amount) {
        let Some(_changing) = Changing::begin() else { return };
        // Relaxed, as its reading: it orders nothing.
        self.records.fetch_add(1, Ordering::Relaxed);
        self.stripes.change(|part| {
            let part = part.get_or_insert_with(|| Box::new(self.nothing()));
            if let Some(count) = part.counts.get_mut(bucket) {
                *count = count.wrapping_add(times);
            }
            part.sum = S::sum(part.sum, amount);
            part.native.record_n(value, times);
            part.native.limit(&self.buckets);
        });
    }

    /// Everything recorded since it began, and when it began anew. Where it had to become coarser and may begin anew, it
    /// does so right after.
    pub(crate) fn read(&self, moment: Moment) -> (Recorded<S::Amount>, Option<SystemTime>) {
        let mut beginning = self.beginning.lock();
        let restarted = beginning.restarted;
        let Some(mut all) = self.stripes.gather(pour::<S>) else { return (self.nothing(), restarted) };
        let mut recorded = all.as_deref().cloned().unwrap_or_else(|| self.nothing());
        recorded.native.limit(&self.buckets);
        let is_due = |time| moment.now.saturating_sub(beginning.at) >= time;
        if recorded.native.is_coarser_than(&self.buckets) && self.buckets.resets_after().is_some_and(is_due) {
            *all = None;
            *beginning = Beginning { at: moment.now, restarted: Some(moment.wall) };
        }
        (recorded, restarted)
    }

    /// Records that were begun, ever. May be behind; waits for nobody.
    pub(crate) fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    /// Forgets everything recorded before now.
    pub(crate) fn reset(&self, now: Duration) {
        let mut beginning = self.beginning.lock();
        if let Some(mut all) = self.stripes.gather(pour::<S>) {
            *all = None;
        }
        *beginning = Beginning { at: now, restarted: None };
    }

    fn nothing(&self) -> Recorded<S::Amount> {
        Recorded {
            counts: vec![0; self.classic],
            sum: S::amount(0),
            native: NativeCounts::new(&self.buckets),
        }
    }
}

/// Adds a part to the others.
fn pour<S: Word>(all: &mut Option<Box<Recorded<S::Amount>>>, part: Option<Box<Recorded<S::Amount>>>) {
    match (all.as_mut(), part) {
        (Some(all), Some(part)) => all.merge::<S>(*part),
        (None, part) => *all = part,
        (Some(_), None) => {}
    }
}

impl<A: Copy> Recorded<A> {
    fn merge<S: Word<Amount = A>>(&mut self, part: Recorded<A>) {
        for (count, more) in self.counts.iter_mut().zip(part.counts) {
            *count = count.wrapping_add(more);
        }
        self.sum = S::sum(self.sum, part.sum);
        self.native.merge(part.native);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use proptest::prelude::*;

    use super::super::word::{FloatWord, WholeWord};
    use super::*;

    fn at(seconds: u64) -> Moment {
        let now = Duration::from_secs(seconds);
        Moment { now, wall: SystemTime::UNIX_EPOCH + now }
    }

    fn histogram(buckets: NativeBuckets) -> NativeCells<FloatWord> {
        NativeCells::new(&buckets, 2, Duration::ZERO)
    }

    #[test]
    fn reads_are_whole_and_never_fall_while_four_threads_write() {
        const EACH: u64 = 20_000;
        let cells = histogram(NativeBuckets::default());
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let write = || {
                for n in 0..EACH {
                    let value = [0.0, 1.0, 1024.0, 1048576.0][(n % 4) as usize];
                    cells.record((n % 2) as usize, value, 1 + n % 2, (1 + n % 2) as f64);
                }
            };
            let writers: Vec<_> = (0..4).map(|_| scope.spawn(write)).collect();
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut last = 0;
                    while !done.load(Ordering::Relaxed) {
                        let (read, _) = cells.read(at(0));
                        let count = read.native.count();
                        assert_eq!((read.counts.iter().sum::<u64>(), read.sum), (count, count as f64));
                        assert!(count >= last);
                        last = count;
                    }
                });
            }
            writers.into_iter().for_each(|writer| writer.join().unwrap());
            done.store(true, Ordering::Relaxed);
        });
        let (read, _) = cells.read(at(0));
        assert_eq!((read.native.count(), read.sum), (6 * EACH, (6 * EACH) as f64));
        assert_eq!(read.native.zero_count(), EACH);
    }

    #[test]
    fn what_has_become_coarse_begins_anew_once_it_is_old_enough_and_after_it_was_read() {
        let buckets = NativeBuckets::growth(2.0).unwrap().max_buckets(2).reset_after(Duration::from_secs(60));
        let cells = histogram(buckets);
        [1.0, 2.0, 4.0].iter().for_each(|value| cells.record(0, *value, 1, *value));
        let schema_and_count = |seconds| {
            let (read, restarted) = cells.read(at(seconds));
            (read.native.schema().get(), read.native.count(), read.counts.iter().sum::<u64>(), restarted)
        };
        assert_eq!(schema_and_count(59), (-1, 3, 3, None));
        assert_eq!(schema_and_count(60), (-1, 3, 3, None));
        let restarted = Some(at(60).wall);
        assert_eq!(schema_and_count(61), (0, 0, 0, restarted));
        [1.0, 2.0].iter().for_each(|value| cells.record(0, *value, 1, *value));
        assert_eq!(schema_and_count(200), (0, 2, 2, restarted));
        assert_eq!(schema_and_count(201), (0, 2, 2, restarted), "it was not too coarse");
    }

    #[test]
    fn values_of_all_magnitudes_take_bounded_memory() {
        let cells = histogram(NativeBuckets::growth(1.0027).unwrap());
        for exponent in -1074..1024 {
            let value = 2.0_f64.powi(exponent);
            [value, -value].iter().for_each(|value| cells.record(0, *value, 1, 0.0));
        }
        let part = cells.stripes.gather(pour::<FloatWord>).unwrap();
        let native = &part.as_ref().unwrap().native;
        assert!(native.positive().len() + native.negative().len() <= 160);
        assert_eq!(native.count(), 2 * 2098);
    }

    #[test]
    fn a_reset_forgets_the_past_only() {
        let cells = NativeCells::<WholeWord>::new(&NativeBuckets::default(), 1, Duration::ZERO);
        cells.record(0, 5.0, 2, 10);
        cells.reset(Duration::ZERO);
        cells.record(0, 7.0, 1, 7);
        let (read, _) = cells.read(at(0));
        assert_eq!((read.native.count(), read.sum, read.counts.as_slice()), (1, 7, [1].as_slice()));
    }

    proptest! {
        #[test]
        fn it_holds_what_one_list_of_values_holds(
            values in prop::collection::vec((prop_oneof![-1e9..1e9, Just(0.0), 1e-3..1e1], 1..5_u64), 0..200),
            most in 1..100_usize,
        ) {
            let buckets = NativeBuckets::default().max_buckets(most);
            let (cells, mut oracle) = (histogram(buckets), NativeCounts::new(&buckets));
            for (value, times) in &values {
                cells.record(usize::from(*value > 1.0), *value, *times, *value * *times as f64);
                oracle.record_n(*value, *times);
            }
            oracle.limit(&buckets);
            let (read, _) = cells.read(at(0));
            prop_assert_eq!(&read.native, &oracle);
            let above = values.iter().filter(|(value, _)| *value > 1.0).map(|(_, times)| times);
            prop_assert_eq!(read.counts, [oracle.count() - above.clone().sum::<u64>(), above.sum()]);
        }
    }
}
