//! A histogram with native buckets: classic ones too where it has bounds, and the sum, readable only as a whole.
//!
//! | what | where |
//! |---|---|
//! | values above zero, among few series or once they are fought over | cells, in [`windows`](super::windows) |
//! | other values, and those far from all windows | a part, in one of some [stripes](super::stripes), which no thread waits for |
//!
//! Each record is in one of them, whole. What a reader has seen stays where the next reader sees it: it takes the parts out
//! of the stripes and adds them to one that only readers have. So a writer that is stopped at its part keeps that from being
//! seen, and nothing that was seen before.
//!
//! Memory is bounded: windows are few, and a part that has too many buckets becomes coarser at once, as the whole would when
//! it is read. An allocator that records values without a window can lose those that it records while memory is made for
//! such a part, three deep.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use super::count::Place;
use super::promotion::LOST_RACES;
use super::recent::Changing;
use super::stripes::Stripes;
use super::windows::Windows;
use super::word::Word;
use crate::stat::{Buckets, NativeBuckets, NativeCounts};

/// Native and classic buckets and their sum.
#[derive(Debug)]
pub(crate) struct NativeCells<S: Word> {
    buckets: NativeBuckets,
    /// One without bounds where it has native ones alone.
    classic: Buckets,
    has_bounds: bool,
    windows: Windows<S>,
    has_windows: AtomicBool,
    stripes: Stripes<Part<S::Amount>>,
    /// Races for the first stripe that were lost since the last reading.
    lost: AtomicU32,
    /// Records that came to a stripe, ever.
    records: AtomicU64,
    readers: Mutex<Readers<S::Amount>>,
}

/// What readers keep.
#[derive(Debug)]
struct Readers<A> {
    beginning: Beginning,
    /// What they have taken out of the stripes.
    taken: Part<A>,
}

/// A part of what was recorded; nothing where there is nothing in it.
type Part<A> = Option<Box<Recorded<A>>>;

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
    /// Whether the next reading is the last before it begins anew.
    ends: bool,
}

/// A moment, on the clock that does not jump and on the wall.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: Duration,
    pub(crate) wall: SystemTime,
}

impl<S: Word> NativeCells<S> {
    pub(crate) fn new(buckets: &NativeBuckets, classic: &Buckets, place: Place, now: Duration) -> Self {
        NativeCells {
            buckets: *buckets,
            classic: classic.clone(),
            has_bounds: !classic.bounds().is_empty(),
            windows: Windows::new(buckets.schema()),
            has_windows: AtomicBool::new(place == Place::Cells),
            stripes: Stripes::default(),
            lost: AtomicU32::new(0),
            records: AtomicU64::new(0),
            readers: Mutex::new(Readers {
                beginning: Beginning { at: now, restarted: None, ends: false },
                taken: None,
            }),
        }
    }

    /// Counts a finite value and adds `amount` to the sum, if this thread finds its cells at once.
    #[inline]
    pub(crate) fn record_in_own(&self, value: f64, amount: S::Amount) -> bool {
        let bucket = if self.has_bounds { self.classic.index_of(value) } else { 0 };
        value > self.buckets.threshold() && self.windows.record_in_own(bucket, value, amount)
    }

    /// Counts a finite value `times` times, in a classic bucket too, and adds `amount`, their sum.
    pub(crate) fn record(&self, bucket: usize, value: f64, times: u64, amount: S::Amount) {
        // Relaxed: it says where to, and nothing of what is there.
        let may_have_window = value > self.buckets.threshold() && self.has_windows.load(Ordering::Relaxed);
        if !(may_have_window && self.windows.record(&self.classic, bucket, value, times, amount)) {
            self.record_in_stripe(bucket, value, times, amount);
        }
    }

    /// Everything recorded since it began, and when it began anew. Where it had to become coarser and may begin anew, the
    /// next reading is the last before it does.
    pub(crate) fn read(&self, moment: Moment) -> (Recorded<S::Amount>, Option<SystemTime>) {
        let mut readers = self.readers.lock();
        let Beginning { at, restarted, ends } = readers.beginning;
        let mut recorded = self.recorded(&mut readers.taken, ends);
        recorded.native.limit(&self.buckets);
        if ends {
            readers.beginning = Beginning { at: moment.now, restarted: Some(moment.wall), ends: false };
        } else {
            let is_old = |time| moment.now.saturating_sub(at) >= time;
            let is_due = self.buckets.resets_after().is_some_and(is_old);
            readers.beginning.ends = is_due && recorded.native.is_coarser_than(&self.buckets);
        }
        (recorded, restarted)
    }

    /// Records that were begun, ever. May be behind; waits for nobody.
    pub(crate) fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed).wrapping_add(self.windows.records())
    }

    /// Forgets everything recorded before now.
    pub(crate) fn reset(&self, now: Duration) {
        let mut readers = self.readers.lock();
        self.recorded(&mut readers.taken, true);
        readers.beginning = Beginning { at: now, restarted: None, ends: false };
    }

    /// Lets values go to cells, from now on.
    pub(crate) fn give_cells(&self) {
        self.has_windows.store(true, Ordering::Relaxed);
    }

    /// Everything recorded since it was last forgotten, and forgets it, if so wanted.
    fn recorded(&self, taken: &mut Part<S::Amount>, forget: bool) -> Recorded<S::Amount> {
        self.lost.store(0, Ordering::Relaxed);
        let mut recorded = self.nothing();
        self.windows.read(&self.classic, forget, &mut recorded);
        self.stripes.drain(|part| pour::<S>(taken, part));
        if let Some(all) = taken {
            all.native.limit(&self.buckets);
        }
        if let Some(all) = if forget { taken.take() } else { taken.clone() } {
            recorded.merge::<S>(*all);
        }
        recorded
    }

    /// Adds what was counted elsewhere, in classic buckets of this histogram and in native ones: seen all at once.
    pub(crate) fn record_many(&self, counted: Recorded<S::Amount>) {
        self.change_part(|part| part.merge::<S>(counted));
    }

    fn record_in_stripe(&self, bucket: usize, value: f64, times: u64, amount: S::Amount) {
        self.change_part(|part| {
            if let Some(count) = part.counts.get_mut(bucket) {
                *count = count.saturating_add(times);
            }
            part.sum = S::sum(part.sum, amount);
            part.native.record_n(value, times);
        });
    }

    fn change_part(&self, change: impl FnOnce(&mut Recorded<S::Amount>)) {
        let Some(_changing) = Changing::begin() else { return };
        // Relaxed, as its reading: it orders nothing.
        self.records.fetch_add(1, Ordering::Relaxed);
        let alone = self.stripes.change(|part| {
            let part = part.get_or_insert_with(|| Box::new(self.nothing()));
            change(part);
            part.native.limit(&self.buckets);
        });
        if !alone && self.lost.fetch_add(1, Ordering::Relaxed) >= LOST_RACES {
            self.give_cells();
        }
    }

    fn nothing(&self) -> Recorded<S::Amount> {
        let counts = vec![0; self.classic.bounds().len() + 1];
        Recorded { counts, sum: S::amount(0), native: NativeCounts::new(&self.buckets) }
    }
}

/// Adds a part to the others.
fn pour<S: Word>(all: &mut Part<S::Amount>, part: Part<S::Amount>) {
    match (all.as_mut(), part) {
        (Some(all), Some(part)) => all.merge::<S>(*part),
        (None, part) => *all = part,
        (Some(_), None) => {}
    }
}

impl<A: Copy> Recorded<A> {
    /// Counts values above zero: in a classic bucket, and in the native one of this index in the schema of the definition.
    pub(crate) fn add(&mut self, bucket: usize, index: i32, times: u64) {
        if let (Some(count), true) = (self.counts.get_mut(bucket), times > 0) {
            *count = count.saturating_add(times);
            self.native.add_above(index, times);
        }
    }

    fn merge<S: Word<Amount = A>>(&mut self, part: Recorded<A>) {
        for (count, more) in self.counts.iter_mut().zip(part.counts) {
            *count = count.saturating_add(more);
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
    use crate::stat::Schema;

    fn at(seconds: u64) -> Moment {
        let now = Duration::from_secs(seconds);
        Moment { now, wall: SystemTime::UNIX_EPOCH + now }
    }

    fn histogram(buckets: NativeBuckets, place: Place) -> NativeCells<FloatWord> {
        NativeCells::new(&buckets, &Buckets::new([1.0]).unwrap(), place, Duration::ZERO)
    }

    #[test]
    fn reads_are_whole_and_never_fall_while_four_threads_write() {
        read_while_writing(Place::Shared);
        read_while_writing(Place::Cells);
    }

    /// Values of both stores and of several windows, one of them far from the others.
    const VALUES: [f64; 8] = [0.0, 1.0, 2.5, 1024.0, 1e-6, -1.0, 1e300, 3.0];

    fn read_while_writing(place: Place) {
        const EACH: u64 = 20_000;
        let cells = histogram(NativeBuckets::default(), place);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let write = || {
                for n in 0..EACH {
                    let (value, times) = (VALUES[(n % 8) as usize], 1 + n % 2);
                    cells.record(usize::from(value > 1.0), value, times, times as f64);
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
        assert_eq!((read.native.zero_count(), cells.records()), (EACH / 2, 4 * EACH));
    }

    #[test]
    fn what_has_become_coarse_begins_anew_once_it_is_old_enough_and_was_read_once_more() {
        let buckets = NativeBuckets::growth(2.0).unwrap().max_buckets(2).reset_after(Duration::from_secs(60));
        for place in [Place::Shared, Place::Cells] {
            let cells = histogram(buckets, place);
            let record = |value: f64| cells.record(usize::from(value > 1.0), value, 1, value);
            [0.0, 1.0, 2.0, 4.0].into_iter().for_each(record);
            let schema_and_count = |seconds| {
                let (read, restarted) = cells.read(at(seconds));
                (read.native.schema().get(), read.native.count(), read.counts.iter().sum::<u64>(), restarted)
            };
            assert_eq!(schema_and_count(59), (-1, 4, 4, None));
            assert_eq!(schema_and_count(60), (-1, 4, 4, None));
            record(4.0);
            assert_eq!(schema_and_count(61), (-1, 5, 5, None), "nothing is lost on the way");
            let restarted = Some(at(61).wall);
            assert_eq!(schema_and_count(62), (0, 0, 0, restarted));
            [1.0, 2.0].into_iter().for_each(record);
            assert_eq!(schema_and_count(200), (0, 2, 2, restarted));
            assert_eq!(schema_and_count(201), (0, 2, 2, restarted), "it was not too coarse");
        }
    }

    #[test]
    fn values_of_all_magnitudes_take_bounded_memory() {
        for place in [Place::Shared, Place::Cells] {
            let cells = histogram(NativeBuckets::growth(1.0027).unwrap(), place);
            let bucket = |value: f64| usize::from(value > 1.0);
            for exponent in -1074..1024 {
                let value = 2.0_f64.powi(exponent);
                [value, -value].iter().for_each(|value| cells.record(bucket(*value), *value, 1, 0.0));
            }
            let part = cells.stripes.gather(pour::<FloatWord>).unwrap();
            let native = &part.as_ref().unwrap().native;
            assert!(native.positive().len() + native.negative().len() <= 160);
            drop(part);
            assert_eq!(cells.read(at(0)).0.native.count(), 2 * 2098);
        }
    }

    #[test]
    fn a_writer_that_is_stopped_inside_a_record_takes_nothing_away() {
        let cells = histogram(NativeBuckets::default(), Place::Shared);
        let count = || cells.read(at(0)).0.native.count();
        cells.record(1, 2.0, 3, 6.0);
        assert_eq!(count(), 3);
        cells.stripes.change(|_| {
            assert_eq!(count(), 3, "as before");
            cells.record(1, 2.0, 1, 2.0);
            assert_eq!(count(), 4, "others go on");
        });
        assert_eq!(count(), 4);
    }

    #[test]
    fn a_reset_forgets_the_past_only() {
        for place in [Place::Shared, Place::Cells] {
            let (buckets, classic) = (NativeBuckets::default(), Buckets::none());
            let cells = NativeCells::<WholeWord>::new(&buckets, &classic, place, Duration::ZERO);
            [5.0, 0.0].iter().for_each(|value| cells.record(0, *value, 2, 10));
            cells.reset(Duration::ZERO);
            [7.0, 0.0].iter().for_each(|value| cells.record(0, *value, 1, 7));
            let (read, _) = cells.read(at(0));
            assert_eq!((read.native.count(), read.sum, read.counts.as_slice()), (2, 14, [2].as_slice()));
        }
    }

    #[test]
    fn what_is_fought_over_goes_to_cells() {
        let cells = histogram(NativeBuckets::default(), Place::Shared);
        cells.record(1, 2.0, 1, 2.0);
        let held = cells.stripes.gather(pour::<FloatWord>).unwrap();
        (0..=LOST_RACES).for_each(|_| cells.record(1, 2.0, 1, 2.0));
        drop(held);
        cells.record(1, 2.0, 1, 2.0);
        assert_eq!(cells.windows.records(), 1);
        assert_eq!(cells.read(at(0)).0.native.count(), u64::from(LOST_RACES) + 3);
    }

    proptest! {
        #[test]
        fn it_holds_what_one_list_of_values_holds(
            values in prop::collection::vec(
                (prop_oneof![1 => prop::num::f64::NORMAL, 2 => -1e9..1e9, 1 => Just(0.0), 6 => 1e-3..1e1], 1..5_u64),
                0..200,
            ),
            mut bounds in prop::collection::vec(prop_oneof![1e-3..1e1, -1e3..1e9], 0..40),
            (schema, most) in (-4..=8_i32, 1..300_usize),
            shared: bool,
        ) {
            bounds.sort_by(f64::total_cmp);
            let classic = Buckets::new(&bounds).unwrap_or_else(|_| Buckets::none());
            let buckets = NativeBuckets::with_schema(Schema::new(schema).unwrap()).max_buckets(most);
            let place = if shared { Place::Shared } else { Place::Cells };
            let cells = NativeCells::<WholeWord>::new(&buckets, &classic, place, Duration::ZERO);
            let mut native = NativeCounts::new(&buckets);
            let mut counts = vec![0; classic.bounds().len() + 1];
            for (value, times) in &values {
                let bucket = classic.index_of(*value);
                cells.record(bucket, *value, *times, *times);
                native.record_n(*value, *times);
                counts[bucket] += times;
            }
            native.limit(&buckets);
            let (read, _) = cells.read(at(0));
            prop_assert_eq!(read.sum, native.count());
            prop_assert_eq!(&read.native, &native);
            prop_assert_eq!(read.counts, counts);
        }
    }
}
