//! The mathematics of metrics: averages that fade, buckets, windows and quantiles. Plain data; knows no names, no
//! locks and no clocks (time is handed in).

mod buckets;
mod distribution;
mod ewma;
mod window;

pub use buckets::{Buckets, InvalidBuckets};
pub use distribution::Distribution;
pub use ewma::{Ewma, Rates};
pub use window::Window;
