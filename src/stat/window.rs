//! A sliding window of values.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::nanos;
use crate::stat::distribution::Distribution;

/// Slots of the usual window, and their length: a minute, the usual time between two reports, in steps that are short
/// against it.
const SLOTS: usize = 6;
const SLOT: Duration = Duration::from_secs(10);

/// More slots than this are not kept: each is merged at every reading.
const MAX_SLOTS: usize = 1000;

/// The distribution of the values of the last minute, or another time.
///
/// Time is cut into slots; a value counts as long as its slot is one of the last ones. A window of 6 slots of 10 s holds the
/// values of the last 50 to 60 seconds, the running slot included, so that the first value is seen at once.
///
/// Units: those of the values; times are those of one [`Clock`](crate::clock::Clock).
/// Range: a window in which nothing was recorded empties. A value of an older time than the newest counts in its own slot;
/// where the window has left that slot behind, it is left out.
/// Memory is 88 bytes a slot for every doubling (1 to 2 ms, 2 to 4 ms …) that was touched: 5.8 KiB for latencies from 1 ms
/// to 1 s with all six slots in use. A doubling in which one bin meets more than 255 values takes 152 bytes, above 65 535
/// 280.
///
/// ```
/// use std::time::Duration;
/// use tagmeter::stat::Window;
///
/// let mut window = Window::default();
/// window.record(Duration::from_secs(3), 0.25);
/// window.record(Duration::from_secs(45), 0.75);
/// assert_eq!(window.read(Duration::from_secs(59)).count(), 2);
/// assert_eq!(window.read(Duration::from_secs(60)).min(), Some(0.75)); // the first slot has gone
/// assert_eq!(window.read(Duration::from_secs(3600)).max(), None);
/// ```
#[derive(Debug, Clone)]
pub struct Window {
    /// Nanoseconds of a slot.
    slot: u64,
    /// Number of the newest slot: whole slots from the clock's start to it.
    newest: u64,
    /// Slot `n` is at `n % slots.len()`; all of them are among the last `slots.len()` up to the newest.
    slots: Vec<Distribution>,
}

impl Window {
    /// Slots of the usual window: 6.
    ///
    /// ```
    /// assert_eq!(tagmeter::stat::Window::SLOTS, 6);
    /// ```
    pub const SLOTS: usize = SLOTS;

    /// Length of a slot of the usual window: 10 s.
    ///
    /// ```
    /// assert_eq!(tagmeter::stat::Window::SLOT.as_secs(), 10);
    /// ```
    pub const SLOT: Duration = SLOT;

    /// A window of `slots` slots of `slot` each: at least one of at least a nanosecond, at most 1 000.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tagmeter::stat::Window;
    ///
    /// let mut window = Window::new(2, Duration::from_secs(1));
    /// window.record(Duration::ZERO, 5.0);
    /// assert_eq!(window.read(Duration::from_millis(1999)).count(), 1);
    /// assert_eq!(window.read(Duration::from_millis(2000)).count(), 0);
    /// ```
    pub fn new(slots: usize, slot: Duration) -> Self {
        let slots = vec![Distribution::default(); slots.clamp(1, MAX_SLOTS)];
        Window { slot: nanos::of(slot).max(1), newest: 0, slots }
    }

    /// Adds a value at a time since the clock's start. One that is not finite is left out.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let mut window = tagmeter::stat::Window::default();
    /// window.record(Duration::from_secs(1), -2.0);
    /// window.record(Duration::from_secs(1), f64::NAN);
    /// assert_eq!(window.read(Duration::from_secs(1)).count(), 1);
    /// ```
    pub fn record(&mut self, now: Duration, value: f64) {
        self.record_n(now, value, 1);
    }

    /// Adds a value `times` times.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let mut window = tagmeter::stat::Window::default();
    /// window.record_n(Duration::ZERO, 2.5, 3);
    /// assert_eq!(window.read(Duration::ZERO).count(), 3);
    /// ```
    pub fn record_n(&mut self, now: Duration, value: f64, times: u64) {
        if let Some(slot) = self.slot(self.number(now)) {
            slot.record_n(value, times);
        }
    }

    /// What the window holds at a time since the clock's start. Reading changes nothing.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let window = tagmeter::stat::Window::default();
    /// assert_eq!(window.read(Duration::ZERO).quantile(0.5), None);
    /// ```
    pub fn read(&self, now: Duration) -> Distribution {
        self.read_slots(self.newest.max(self.number(now)))
    }

    /// What the window holds once it has come to a slot; the memory of what that leaves behind is given back.
    pub(crate) fn advance_and_read(&mut self, number: u64) -> Distribution {
        self.advance(number);
        self.read_slots(self.newest)
    }

    /// Adds all values of a window with as many slots of the same length.
    pub(crate) fn merge(&mut self, other: &Window) {
        for number in other.numbers() {
            let theirs = &other.slots[other.place(number)];
            if theirs.count() > 0
                && let Some(slot) = self.slot(number)
            {
                slot.merge(theirs);
            }
        }
    }

    /// The slot with a number; `None` if the window has left it behind.
    pub(crate) fn slot(&mut self, number: u64) -> Option<&mut Distribution> {
        self.advance(number);
        let at = self.place(number);
        if self.numbers().contains(&number) { self.slots.get_mut(at) } else { None }
    }

    /// The numbers of the slots that the window holds, up to that of the latest record.
    pub(crate) fn numbers(&self) -> RangeInclusive<u64> {
        self.numbers_up_to(self.newest)
    }

    fn read_slots(&self, newest: u64) -> Distribution {
        let mut all = Distribution::default();
        for number in self.numbers_up_to(newest).filter(|number| *number <= self.newest) {
            all.merge(&self.slots[self.place(number)]);
        }
        all
    }

    /// Empties the slots that a later one leaves behind, and gives their memory back.
    fn advance(&mut self, number: u64) {
        let passed = number.saturating_sub(self.newest);
        for step in 1..=passed.min(self.slots.len() as u64) {
            let at = self.place(self.newest.saturating_add(step));
            self.slots[at] = Distribution::default();
        }
        self.newest += passed;
    }

    fn numbers_up_to(&self, newest: u64) -> RangeInclusive<u64> {
        newest.saturating_sub(self.slots.len() as u64 - 1)..=newest
    }

    /// The number of the slot that a time falls into: whole slots from the clock's start to it.
    fn number(&self, now: Duration) -> u64 {
        nanos::of(now) / self.slot
    }

    fn place(&self, number: u64) -> usize {
        (number % self.slots.len() as u64) as usize
    }
}

/// The usual window: 6 slots of 10 s.
///
/// ```
/// let window = tagmeter::stat::Window::default();
/// assert_eq!(window.read(std::time::Duration::ZERO).count(), 0);
/// ```
impl Default for Window {
    fn default() -> Self {
        Window::new(SLOTS, SLOT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_idle_window_empties_slot_by_slot() {
        let mut window = Window::default();
        (0..6).for_each(|slot| window.record(seconds(10 * slot), slot as f64));
        let counts: Vec<u64> = (5..13).map(|slot| window.read(seconds(10 * slot)).count()).collect();
        assert_eq!(counts, [6, 5, 4, 3, 2, 1, 0, 0]);
    }

    #[test]
    fn a_value_of_an_older_time_counts_in_its_own_slot() {
        let mut window = Window::default();
        window.record(seconds(100), 1.0);
        window.record(seconds(55), 2.0);
        window.record(seconds(49), 3.0); // left behind
        assert_eq!(window.read(seconds(0)).count(), 2);
        assert_eq!(window.read(seconds(110)).max(), Some(1.0));
        assert_eq!(window.read(seconds(160)).count(), 0);
    }

    #[test]
    fn sizes_without_sense_become_the_nearest_with_sense() {
        let mut window = Window::new(0, Duration::ZERO);
        window.record(Duration::MAX, 1.0);
        assert_eq!(window.read(Duration::MAX).count(), 1);
        assert_eq!(Window::new(usize::MAX, SLOT).slots.len(), MAX_SLOTS);
    }

    #[test]
    fn recording_gives_the_memory_of_old_slots_back() {
        let mut window = Window::default();
        (0..60).for_each(|second| window.record(seconds(second), 1.5_f64.powi(second as i32)));
        window.record(seconds(3600), 1.0);
        assert_eq!(window.slots.iter().filter(|slot| slot.heap_bytes() > 0).count(), 1);
    }

    #[test]
    fn a_full_window_of_latencies_over_three_decades_takes_less_than_eight_kibibytes() {
        let mut window = Window::default();
        for second in 0..60_u64 {
            // Spread evenly over the logarithm, from 1 ms to 1 s.
            (0..2_000)
                .for_each(|i| window.record(seconds(second), 0.001 * 1000_f64.powf(f64::from(i) / 2_000.0)));
        }
        assert_eq!(window.read(seconds(59)).count(), 120_000);
        let bytes = size_of::<Window>()
            + window.slots.iter().map(|slot| size_of::<Distribution>() + slot.heap_bytes()).sum::<usize>();
        assert!(bytes <= 8 * 1024, "{bytes}");
    }

    proptest! {
        #[test]
        fn a_window_holds_what_a_list_of_recent_values_holds(
            slots in 1..8_usize,
            steps in prop::collection::vec((-20_i64..40, -1e3..1e3), 1..80),
            cut: prop::sample::Index,
            later in 0_u64..100,
        ) {
            let [mut window, mut other] = [Window::new(slots, seconds(10)), Window::new(slots, seconds(10))];
            let (mut now, mut latest, mut list) = (0_u64, 0, Vec::new());
            let cut = cut.index(steps.len());
            for (n, (step, value)) in steps.into_iter().enumerate() {
                now = now.saturating_add_signed(step);
                latest = latest.max(now);
                if n < cut { window.record(seconds(now), value) } else { other.record(seconds(now), value) }
                list.push((now / 10, value));
            }
            window.merge(&other);
            let newest = (latest + later) / 10;
            let recent = list.iter().filter(|(slot, _)| slot + slots as u64 > newest).map(|(_, value)| *value);
            let (window, naive) = (window.read(seconds(latest + later)), Distribution::from_values(recent));
            prop_assert_eq!((window.count(), window.min(), window.max()), (naive.count(), naive.min(), naive.max()));
            prop_assert_eq!(window.quantile(0.7), naive.quantile(0.7));
        }
    }
}
