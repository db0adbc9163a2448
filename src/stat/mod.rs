//! The mathematics of metrics: averages that fade, buckets, windows and quantiles. Plain data; knows no names, no
//! locks and no clocks (time is handed in).
//!
//! - [`Buckets`]: the bounds of a histogram, where a value belongs, and a quantile guessed from bucket counts.
//!   [`NativeBuckets`]: those of a native histogram, which grow by a factor and need no bounds, with their [`Schema`];
//!   [`NativeCounts`]: what fell into them.
//! - [`Ewma`]: one rate that fades. [`Averages`]: the three of a meter, with the ticks they have seen. [`Rates`]: what a
//!   reader gets.
//! - [`Distribution`]: count, extremes, moments and quantiles of a set of values. [`Window`]: the distribution of the last
//!   minute. [`SlidingExtreme`]: only its greatest or least value.
//!
//! To know how many were faster than a bound, over any time and summed over many servers, take buckets; native ones where
//! nobody knows the bounds beforehand and the database takes them. To know what the slowest percent of one server did within the last minute, without thinking about bounds, take a window.
//!
//! # Where our definitions differ
//!
//! The names come from Coda Hale's `metrics` for Java and from pyformance, its Python relative. On purpose, some of the
//! numbers do not:
//!
//! | | pyformance 0.4 | `metrics` 4 (Java) | here | why |
//! |---|---|---|---|---|
//! | ticks of a rate | at a read, when 5 s or more have passed | every 5 s from the start | every 5 s from the start ([`Averages`]) | a rate must not depend on how often it is looked at |
//! | an idle hour | one step, smoothed by the hour | 720 steps | one step that equals 720 ([`Ewma::idle`]) | constant time |
//! | mean rate when no time has passed | division by zero | infinite | 0 | no rate is ever NaN or infinite |
//! | a clock that goes back | negative rates, lost durations | monotonic clock | monotonic clock; a time that goes back ends no tick | |
//! | min, max, mean, std_dev | of all values ever | of the sample, weighted | of the [`Window`], exact | an extreme from last week says nothing about now |
//! | variance | n − 1, restarts when the running mean is −1 | of the weighted sample | n − 1 ([`Distribution::std_dev`]) | |
//! | percentiles | of a random sample of 1 028 values, newer ones preferred | the same | of every value in the window, by bins within 1 % ([`Distribution::quantile`]) | the 99.9th percentile of 1 028 values is one value |
//! | position of a percentile | p·(n + 1), on a straight line between two values | by weight, no line | p·(n + 1), the nearer value | what nobody measured is no percentile |
//! | empty | 0; min 2147483647, max −2147483647 | 0 | absent (`None`) | zero is a value |
//! | NaN, ±Inf | spoil every later number | cannot be given: whole numbers | left out, and counted by the instruments | |
//!
//! Sources: pyformance 0.4 as released on PyPI; [`Meter`], [`ExponentialMovingAverages`] and [`WeightedSnapshot`] of
//! Dropwizard Metrics.
//!
//! [`Meter`]: https://github.com/dropwizard/metrics/blob/release/4.2.x/metrics-core/src/main/java/com/codahale/metrics/Meter.java
//! [`ExponentialMovingAverages`]: https://github.com/dropwizard/metrics/blob/release/4.2.x/metrics-core/src/main/java/com/codahale/metrics/ExponentialMovingAverages.java
//! [`WeightedSnapshot`]: https://github.com/dropwizard/metrics/blob/release/4.2.x/metrics-core/src/main/java/com/codahale/metrics/WeightedSnapshot.java

mod averages;
mod bins;
mod buckets;
mod distribution;
mod ewma;
mod extreme;
mod moments;
mod native;
mod native_buckets;
mod native_counts;
mod powers;
mod search;
#[cfg(test)]
mod whole;
mod window;

pub use averages::{Averages, Rates};
pub use buckets::{Buckets, InvalidBuckets};
pub use distribution::Distribution;
pub use ewma::Ewma;
pub use extreme::SlidingExtreme;
pub use native::{InvalidSchema, Schema};
pub use native_buckets::{InvalidThreshold, NativeBuckets};
pub use native_counts::{InvalidNativeCounts, NativeCounts};
pub use window::Window;
