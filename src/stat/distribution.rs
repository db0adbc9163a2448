//! What a window of values looks like.

/// Count, extremes, moments and quantiles of the values in a window.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Distribution {
    count: u64,
}

impl Distribution {
    /// How many values the window holds.
    pub fn count(&self) -> u64 {
        self.count
    }
    /// Least value; `None` when empty.
    pub fn min(&self) -> Option<f64> {
        None
    }
    /// Greatest value; `None` when empty.
    pub fn max(&self) -> Option<f64> {
        None
    }
    /// Mean; `None` when empty.
    pub fn mean(&self) -> Option<f64> {
        None
    }
    /// Sample standard deviation (n − 1); `0.0` for one value, `None` when empty.
    pub fn std_dev(&self) -> Option<f64> {
        None
    }
    /// The value below which the share `q` of all values lies; `None` when empty or `q` is outside 0 to 1.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let _ = q;
        None
    }
}
