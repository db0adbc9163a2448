//! The mathematics of metrics: averages that fade, buckets, windows and quantiles. Plain data; knows no names, no
//! locks and no clocks (time is handed in).
//!
//! - [`Buckets`]: the bounds of a histogram, where a value belongs, and a quantile guessed from bucket counts.
//! - [`Ewma`]: one rate that fades. [`Averages`]: the three of a meter, with the ticks they have seen. [`Rates`]: what a
//!   reader gets.
//! - [`Distribution`]: count, extremes, moments and quantiles of a set of values. [`Window`]: the distribution of the last
//!   minute.
//!
//! To know how many were faster than a bound, over any time and summed over many servers, take buckets. To know what the
//! slowest percent of one server did within the last minute, without thinking about bounds, take a window.
//!
//! # Where our definitions differ
//!
//! The names come from Coda Hale's `metrics` for Java and from pyformance, its Python relative. On purpose, some of the
//! numbers do not:
//!
//! | | pyformance 0.4 | `metrics` (Java) | here | why |
//! |---|---|---|---|---|
//! | ticks of a rate | at a read, when 5 s have passed | at a mark or read, each 5 s | every 5 s from the start, whoever reads ([`Averages`]) | a rate must not depend on how often it is looked at |
//! | an idle hour | one smoothed step | 720 steps | one step, in closed form ([`Ewma::idle`]) | the same number as 720 steps, in constant time |
//! | mean rate in the first instant | division by zero | 0 | 0 | no rate is ever NaN or infinite |
//! | clock set back | negative rates | monotonic clock | monotonic clock; a time that goes back ends no tick | |
//! | min, max, mean, std_dev | of all values ever | of the reservoir | of the [`Window`], exact | an extreme from last week says nothing about now |
//! | variance | restarts when the running mean is −1 | of the sample | n − 1, over all values of the window | |
//! | percentiles | of a random sample of 1 028 values that favours the last minutes | the same | of every value of the window, from bins within 1 % ([`Distribution::quantile`]) | the 99.9th percentile of a sample of 1 028 rests on one value |
//! | between two values | on a straight line from one to the next | the same | the nearer one | a time that nobody waited is no percentile |
//! | empty | 0, least value 2147483647 | 0 | absent (`None`) | zero is a value |
//! | NaN, ±Inf | spoil every later number | not possible: whole numbers | left out; the instruments count them | |
//!
//! Sources: pyformance 0.4 as released on PyPI; [`EWMA`], [`Meter`], [`ExponentiallyDecayingReservoir`] and
//! [`UniformSnapshot`] of Dropwizard Metrics 4.
//!
//! [`EWMA`]: https://github.com/dropwizard/metrics/blob/release/4.2.x/metrics-core/src/main/java/com/codahale/metrics/EWMA.java
//! [`Meter`]: https://github.com/dropwizard/metrics/blob/release/4.2.x/metrics-core/src/main/java/com/codahale/metrics/Meter.java
//! [`ExponentiallyDecayingReservoir`]: https://github.com/dropwizard/metrics/blob/release/4.2.x/metrics-core/src/main/java/com/codahale/metrics/ExponentiallyDecayingReservoir.java
//! [`UniformSnapshot`]: https://github.com/dropwizard/metrics/blob/release/4.2.x/metrics-core/src/main/java/com/codahale/metrics/UniformSnapshot.java

mod bins;
mod buckets;
mod distribution;
mod ewma;
mod moments;
mod window;

pub use buckets::{Buckets, InvalidBuckets};
pub use distribution::Distribution;
pub use ewma::{Averages, Ewma, Rates};
pub use window::Window;
