//! Exponentially weighted moving averages with fixed five-second ticks.
use std::time::Duration;

/// One average.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ewma {
    rate: Option<f64>,
}

/// The four rates of a meter, in events per second.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rates {
    /// Events divided by the time since the start.
    pub mean: f64,
    /// Average of the last minute.
    pub one_minute: f64,
    /// Average of the last five minutes.
    pub five_minutes: f64,
    /// Average of the last fifteen minutes.
    pub fifteen_minutes: f64,
}

#[allow(dead_code)]
fn unused(_: Duration) {}
