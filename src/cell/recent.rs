//! The values of the recent past, where somebody asks for quantiles.
//!
//! A record goes into the thread's own [`buffer`]. A full buffer, and one of a slot of time that is over, is added to the
//! window: to one of several [stripes](super::stripes), so that no thread waits for another or for a reader. Threads
//! without buffers add each value to a stripe. A buffer that an ended thread has left is read on, and emptied by whoever
//! gets its cells next.
//!
//! A reading at rest has every value once, in the slot it was recorded in. While threads record it can lack what is being
//! handed over in that moment; it never has more than was recorded.

use std::cell::Cell;
use std::sync::atomic::AtomicU64;

use super::buffer::{self, BUFFER, Filling};
use super::count::Place;
use super::promotion::Promotion;
use super::rare::Rare;
use super::slot::{OwnCells, everybodys};
use super::stripes::Stripes;
use crate::stat::{Distribution, Window};

/// A window that is made at the first value.
#[derive(Debug)]
pub(crate) struct RecentCell {
    stripes: Rare<Stripes<Window>>,
    /// Where the buffers are, or how many races for the first stripe were lost. None before the first value.
    buffers: Promotion,
    place: Place,
}

const SLOT_NANOS: u64 = Window::SLOT.as_nanos() as u64;

impl RecentCell {
    pub(crate) fn new(place: Place) -> Self {
        RecentCell { stripes: Rare::new(), buffers: Promotion::new(Place::Shared, BUFFER), place }
    }

    /// Records a finite value at a time in nanoseconds.
    #[inline]
    pub(crate) fn record(&self, now: u64, value: f64) {
        let slot = now / SLOT_NANOS;
        let cells = OwnCells::near(self.buffers.known());
        if !cells.is_some_and(|cells| buffer::push(|place| cells.at(place), slot, value)) {
            self.record_slow(slot, value, 1);
        }
    }

    /// Records a finite value some times.
    #[inline]
    pub(crate) fn record_n(&self, now: u64, value: f64, times: u64) {
        match times {
            0 => {}
            1 => self.record(now, value),
            _ => self.record_slow(now / SLOT_NANOS, value, times),
        }
    }

    /// Adds values that were recorded elsewhere, as if all of them were of this time in nanoseconds.
    pub(crate) fn merge(&self, now: u64, values: &Distribution) {
        let Some(_changing) = Changing::begin() else { return };
        self.stripes.get_or_make(Stripes::default).change(|window| {
            if let Some(slot) = window.slot(now / SLOT_NANOS) {
                slot.merge(values);
            }
        });
    }

    pub(crate) fn read(&self, now: u64) -> Distribution {
        self.stripes.get().map(|stripes| self.read_all(stripes, now / SLOT_NANOS)).unwrap_or_default()
    }

    /// Forgets everything recorded before now.
    pub(crate) fn reset(&self) {
        let Some(stripes) = self.stripes.get() else { return };
        self.everybodys().for_each(buffer::forget);
        if let Some(mut window) = stripes.gather(|_, _| ()) {
            *window = Window::default();
        }
    }

    #[cold]
    fn record_slow(&self, slot: u64, value: f64, times: u64) {
        let Some(_changing) = Changing::begin() else { return };
        let stripes = self.stripes.get_or_make(Stripes::default);
        match self.buffers.cells().and_then(OwnCells::mine) {
            Some(cells) if times == 1 => hand_over(stripes, cells, slot, value),
            _ => self.record_shared(stripes, slot, value, times),
        }
    }

    fn record_shared(&self, stripes: &Stripes<Window>, slot: u64, value: f64, times: u64) {
        let alone = stripes.change(|window| {
            if let Some(slot) = window.slot(slot) {
                slot.record_n(value, times);
            }
        });
        match self.place {
            Place::Cells => self.buffers.give(BUFFER),
            Place::Shared if !alone => self.buffers.lose(BUFFER),
            Place::Shared | Place::Nowhere => {}
        }
    }

    fn everybodys(&self) -> impl Iterator<Item = &'static [AtomicU64]> {
        self.buffers.cells().into_iter().flat_map(|place| everybodys(place, BUFFER))
    }

    fn read_all(&self, stripes: &Stripes<Window>, slot: u64) -> Distribution {
        self.buffers.forget_races();
        let mut waiting: Vec<(&[AtomicU64], Filling)> =
            self.everybodys().map(|cells| (cells, buffer::read(cells))).collect();
        let Some(mut window) = stripes.gather(|all, part| all.merge(&part)) else {
            return Distribution::default();
        };
        waiting.retain(|(cells, filling)| !filling.is_empty() && buffer::is_current(cells, filling));
        let newest = waiting.iter().map(|(_, filling)| filling.slot).fold(slot, u64::max);
        let mut recent = window.advance_and_read(newest);
        let held = window.numbers();
        for (cells, filling) in waiting.iter().filter(|(_, filling)| held.contains(&filling.slot)) {
            recent.record_all(filling.values(buffer::forgotten(|place| &cells[place])));
        }
        recent
    }
}

impl Drop for RecentCell {
    fn drop(&mut self) {
        self.buffers.end(BUFFER);
    }
}

/// Adds what is in this thread's buffer to the window, and begins the buffer anew with a value.
fn hand_over(stripes: &Stripes<Window>, cells: OwnCells, slot: u64, value: f64) {
    let cell = |place| cells.at(place);
    // The buffer first: what an allocator records while the window grows finds room there.
    let filling = buffer::take(cell, slot);
    buffer::push(cell, slot, value);
    if filling.is_empty() {
        return;
    }
    stripes.change(|window| {
        if let Some(slot) = window.slot(filling.slot) {
            slot.record_all(filling.values(buffer::forgotten(cell)));
        }
    });
}

thread_local! {
    static CHANGING: Cell<u8> = const { Cell::new(0) };
}

/// That this thread is changing a window, or keeping an exemplar, for which it may have to allocate: an allocator that records
/// comes through here again, maybe with another window. What it records [`DEEPEST`] deep, and finds no room in a buffer, is
/// not in a window.
pub(crate) struct Changing;

/// Changes inside one another: enough for a buffer that is full just then; the next level finds it empty.
const DEEPEST: u8 = 3;

impl Changing {
    pub(crate) fn begin() -> Option<Self> {
        let depth = CHANGING.get();
        (depth < DEEPEST).then(|| {
            CHANGING.set(depth + 1);
            Changing
        })
    }
}

impl Drop for Changing {
    fn drop(&mut self) {
        CHANGING.set(CHANGING.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::time::Duration;

    use parking_lot::Mutex;
    use proptest::prelude::*;

    use super::*;

    fn cells() -> Vec<AtomicU64> {
        (0..BUFFER).map(|_| AtomicU64::new(0)).collect()
    }

    #[test]
    fn a_filling_holds_values_of_one_slot() {
        let cells = cells();
        let cell = |place: usize| &cells[place];
        assert!(buffer::push(cell, 0, 1.0) && buffer::push(cell, 0, 2.0));
        assert!(!buffer::push(cell, 1, 3.0));
        let filling = buffer::take(cell, 1);
        assert_eq!((filling.slot, filling.values(0)), (0, [1.0, 2.0].as_slice()));
        assert!(buffer::push(cell, 1, 3.0));
        assert_eq!((buffer::read(&cells).slot, buffer::read(&cells).values(0)), (1, [3.0].as_slice()));
    }

    #[test]
    fn a_full_buffer_takes_no_more() {
        let cells = cells();
        let taken = (0..100).filter(|n| buffer::push(|place| &cells[place], 0, f64::from(*n))).count();
        assert_eq!((taken, buffer::read(&cells).values(0).len()), (buffer::ROOM, buffer::ROOM));
    }

    #[test]
    fn a_filling_that_was_taken_out_is_not_current() {
        let cells = cells();
        let cell = |place: usize| &cells[place];
        buffer::push(cell, 0, 1.0);
        let seen = buffer::read(&cells);
        buffer::push(cell, 0, 2.0);
        assert!(buffer::is_current(&cells, &seen));
        buffer::take(cell, 0);
        assert!(!buffer::is_current(&cells, &seen));
    }

    #[test]
    fn what_a_reset_forgets_is_what_was_there() {
        let cells = cells();
        let cell = |place: usize| &cells[place];
        buffer::push(cell, 0, 1.0);
        buffer::forget(&cells);
        buffer::push(cell, 0, 2.0);
        assert_eq!(buffer::take(cell, 0).values(buffer::forgotten(cell)), [2.0]);
        buffer::push(cell, 0, 3.0);
        assert_eq!(buffer::take(cell, 0).values(buffer::forgotten(cell)), [3.0]);
        buffer::push(cell, 0, 4.0);
        let late = buffer::take(cell, 0);
        buffer::forget(&cells);
        assert!(late.values(buffer::forgotten(cell)).is_empty());
    }

    #[test]
    fn who_finds_a_stripe_held_takes_the_next_and_a_reader_finds_both() {
        let stripes = Stripes::<u64>::default();
        assert!(stripes.change(|outer| {
            assert!(!stripes.change(|part| *part += 10));
            assert!(!stripes.change(|part| *part += 100));
            *outer += 1;
        }));
        assert_eq!(*stripes.gather(|all, part| *all += part).unwrap(), 111);
        assert_eq!(*stripes.gather(|all, part| *all += part).unwrap(), 111, "poured, not doubled");
    }

    #[test]
    fn a_stripe_that_is_never_given_back_is_left_out() {
        let stripes = Stripes::<u64>::default();
        std::mem::forget(stripes.gather(|_, _| ()).unwrap());
        stripes.change(|part| *part += 5);
        assert_eq!(*stripes.gather(|all, part| *all += part).unwrap(), 5);
    }

    fn seconds(seconds: u64) -> u64 {
        Duration::from_secs(seconds).as_nanos() as u64
    }

    #[test]
    fn the_first_value_is_seen_at_once_and_a_value_goes_with_its_slot() {
        for place in [Place::Cells, Place::Shared] {
            let recent = RecentCell::new(place);
            (0..6).for_each(|slot| recent.record(seconds(10 * slot + 9), slot as f64));
            let counts = [59, 60, 109, 110].map(|second| recent.read(seconds(second)).count());
            assert_eq!(counts, [6, 5, 1, 0], "{place:?}");
        }
    }

    #[test]
    fn what_an_ended_thread_left_in_its_buffer_counts_in_the_slot_it_was_recorded_in() {
        let recent = RecentCell::new(Place::Cells);
        recent.record(seconds(0), 0.0); // brings the buffers
        let record = |second, value| {
            std::thread::scope(|scope| scope.spawn(|| recent.record(seconds(second), value)).join().unwrap());
        };
        record(1, 1.0);
        record(2, 2.0);
        assert_eq!(recent.read(seconds(59)).count(), 3);
        assert_eq!(recent.read(seconds(60)).count(), 0);
        record(65, 3.0);
        recent.record(seconds(66), 4.0);
        assert_eq!(recent.read(seconds(66)).min(), Some(3.0));
    }

    #[test]
    fn a_reset_forgets_buffers_and_windows() {
        for place in [Place::Cells, Place::Shared] {
            let recent = RecentCell::new(place);
            (0..100).for_each(|n| recent.record(0, f64::from(n)));
            recent.reset();
            assert_eq!(recent.read(0), Distribution::default(), "{place:?}");
            (0..100).for_each(|_| recent.record(0, 7.0));
            let after = recent.read(0);
            assert_eq!((after.count(), after.min(), after.max()), (100, Some(7.0), Some(7.0)), "{place:?}");
        }
    }

    #[test]
    fn a_reader_sees_no_value_twice_while_four_threads_write_and_all_of_them_afterwards() {
        for place in [Place::Cells, Place::Shared] {
            read_while_writing(place);
        }
    }

    fn read_while_writing(place: Place) {
        const EACH: u64 = 30_000;
        let recent = RecentCell::new(place);
        let (begun, done) = (AtomicU64::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let write = || {
                for n in 0..EACH {
                    begun.fetch_add(1, Ordering::SeqCst);
                    recent.record_n(n, (n % 100) as f64, 1 + n % 2);
                }
            };
            let writers: Vec<_> = (0..4).map(|_| scope.spawn(write)).collect();
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        let read = recent.read(0);
                        // Every second value counts twice.
                        assert!(read.count() <= 2 * begun.load(Ordering::SeqCst));
                        assert!(read.max().is_none_or(|max| max <= 99.0));
                    }
                });
            }
            writers.into_iter().for_each(|writer| writer.join().unwrap());
            done.store(true, Ordering::Relaxed);
        });
        let read = recent.read(0);
        assert_eq!((read.count(), read.min(), read.max()), (4 * EACH * 3 / 2, Some(0.0), Some(99.0)));
    }

    /// One step of a history: who, how many seconds later, which value, how often. No value is a reading.
    type Step = (usize, u64, Option<f64>, u64);

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let value = prop_oneof![4 => (-1e3..1e3).prop_map(Some), 1 => Just(None)];
        let later = prop_oneof![8 => Just(0), 1 => 0..30_u64];
        prop::collection::vec((0..3_usize, later, value, prop_oneof![9 => Just(1), 1 => 0..5_u64]), 1..300)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn three_threads_record_what_one_window_would_hold(steps in steps(), shared: bool) {
            let recent = RecentCell::new(if shared { Place::Shared } else { Place::Cells });
            let (oracle, turn) = (Mutex::new(Window::default()), AtomicUsize::new(0));
            // Compared at the end: a thread that panics would keep the others waiting for their turn.
            let readings = Mutex::new(Vec::new());
            let take_step = |now: u64, value: Option<f64>, times: u64| {
                let (mut oracle, time) = (oracle.lock(), Duration::from_nanos(now));
                match value {
                    Some(value) => {
                        recent.record_n(now, value, times);
                        oracle.record_n(time, value, times);
                    }
                    None => readings.lock().push((recent.read(now), oracle.read(time))),
                }
            };
            let play = |me: usize| {
                let mut now = 0;
                for (n, (who, later, value, times)) in steps.iter().enumerate() {
                    now += seconds(*later);
                    if *who == me {
                        while turn.load(Ordering::Acquire) != n {
                            std::thread::yield_now();
                        }
                        take_step(now, *value, *times);
                        turn.store(n + 1, Ordering::Release);
                    }
                }
            };
            std::thread::scope(|scope| (0..3).for_each(|me| { scope.spawn(move || play(me)); }));
            for (read, expected) in readings.into_inner() {
                prop_assert_eq!((read.count(), read.min()), (expected.count(), expected.min()));
                prop_assert_eq!((read.max(), read.quantile(0.6)), (expected.max(), expected.quantile(0.6)));
                let [mean, naive] = [read.mean(), expected.mean()].map(Option::unwrap_or_default);
                prop_assert!((mean - naive).abs() <= 1e-9, "{} instead of {}", mean, naive);
            }
        }
    }
}
