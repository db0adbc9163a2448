//! Averages, buckets, percentiles: ewma, meter, histogram, percentile, timer.
