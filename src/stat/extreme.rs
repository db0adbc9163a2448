//! The greatest or least value of a sliding window.

use std::time::Duration;

use crate::nanos;

/// Parts a window is forgotten in: it holds at least five sixths of its length and at most all of it.
const SLOTS: u32 = 6;

/// Keeps the value that `wins` over the others of the recent past.
///
/// Plain data; time is handed in. A time that goes back counts as the newest.
///
/// ```
/// use std::time::Duration;
/// use tagmeter::stat::SlidingExtreme;
///
/// let mut greatest = SlidingExtreme::new(Duration::from_secs(60), f64::max);
/// greatest.record(Duration::from_secs(1), 7.0);
/// greatest.record(Duration::from_secs(30), 3.0);
/// assert_eq!(greatest.read(Duration::from_secs(31)), Some(7.0));
/// assert_eq!(greatest.read(Duration::from_secs(75)), Some(3.0));
/// assert_eq!(greatest.read(Duration::from_secs(500)), None);
/// ```
#[derive(Debug, Clone)]
pub struct SlidingExtreme {
    slot_nanos: u64,
    slots: [Option<Slot>; SLOTS as usize],
    newest: u64,
    better: fn(f64, f64) -> f64,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    tick: u64,
    value: f64,
}

impl SlidingExtreme {
    /// An empty window of that length; `better` picks one of two values, as `f64::max` does.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tagmeter::stat::SlidingExtreme;
    /// let least = SlidingExtreme::new(Duration::from_secs(10), f64::min);
    /// assert_eq!(least.read(Duration::ZERO), None);
    /// ```
    pub fn new(window: Duration, better: fn(f64, f64) -> f64) -> Self {
        let slot_nanos = nanos::of(window / SLOTS).max(1);
        SlidingExtreme { slot_nanos, slots: [None; SLOTS as usize], newest: 0, better }
    }

    /// Adds a value.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tagmeter::stat::SlidingExtreme;
    /// let mut least = SlidingExtreme::new(Duration::from_secs(10), f64::min);
    /// least.record(Duration::ZERO, 2.0);
    /// assert_eq!(least.read(Duration::ZERO), Some(2.0));
    /// ```
    pub fn record(&mut self, now: Duration, value: f64) {
        let tick = self.tick(now);
        self.newest = tick;
        let better = self.better;
        let slot = &mut self.slots[(tick % u64::from(SLOTS)) as usize];
        match slot {
            Some(slot) if slot.tick == tick => slot.value = better(slot.value, value),
            _ => *slot = Some(Slot { tick, value }),
        }
    }

    /// The best value of the window that ends at `now`; `None` when nothing was recorded in it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tagmeter::stat::SlidingExtreme;
    /// assert_eq!(SlidingExtreme::new(Duration::from_secs(1), f64::max).read(Duration::ZERO), None);
    /// ```
    pub fn read(&self, now: Duration) -> Option<f64> {
        let tick = self.tick(now);
        let inside = |slot: &Slot| tick - slot.tick < u64::from(SLOTS);
        self.slots.iter().flatten().filter(|slot| inside(slot)).map(|slot| slot.value).reduce(self.better)
    }

    fn tick(&self, now: Duration) -> u64 {
        let nanos = nanos::of(now);
        (nanos / self.slot_nanos).max(self.newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_goes_back_loses_nothing() {
        let mut greatest = SlidingExtreme::new(Duration::from_secs(60), f64::max);
        greatest.record(Duration::from_secs(100), 1.0);
        greatest.record(Duration::from_secs(5), 9.0);
        assert_eq!(greatest.read(Duration::from_secs(5)), Some(9.0));
    }
}
