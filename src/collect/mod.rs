//! Collectors that come with the crate.
//!
//! * [`process_metrics`]: what the operating system says this process has used, under the names of Python's client;
//!   [`ProcessMetrics`] for other names and other sources.
//! * [`ResourceUsage`]: the same as plain data.

mod process;
mod usage;

pub use process::{ProcessMetrics, process_metrics};
pub use usage::ResourceUsage;
