//! A sliding window of values.
use super::Distribution;
use std::time::Duration;

/// Values of the last slots.
#[derive(Debug, Clone)]
pub struct Window {}

impl Window {
    /// A window of `slots` slots of `slot` each.
    pub fn new(slots: usize, slot: Duration) -> Self {
        let _ = (slots, slot);
        Window {}
    }
    /// Adds a finite value at a time since the clock's start.
    pub fn record(&mut self, now: Duration, value: f64) {
        let _ = (now, value);
    }
    /// What the window holds at that time.
    pub fn read(&self, now: Duration) -> Distribution {
        let _ = now;
        Distribution::default()
    }
}
