//! What the bench targets share: inputs, the loop and its clock, rows, and tables of rows.
//!
//! A target builds a [`Bench`], adds a row for each way of doing its work, and calls [`Bench::run`]. [`Bench`] says how
//! it measures; [`Row`] says what comes out; `series` holds what memory, creation, encoding and stalls have in common.
//! [`table`], [`goals`] and [`ratios`] make the rows readable; [`budgets`] holds counts of instructions to what they were.

mod bench;
pub mod budgets;
mod count;
pub mod counting;
pub mod goals;
pub mod inputs;
#[cfg(feature = "peers")]
pub mod peers;
pub mod ratios;
mod row;
mod running;
mod stopwatch;
pub mod table;

pub use bench::{ALL_THREADS, Bench, COUNTED_ONLY, ONE_THREAD, Turn};
pub use count::counted_region;
pub use row::{Row, rows_dir};
pub use stopwatch::{Stopwatch, median, timed};
