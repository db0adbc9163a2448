//! The memory that instruments write.
//!
//! Plain shared atomics: [`Count`] and [`FloatCount`] are one word, [`BucketCells`] is a histogram whose readers never
//! see half a record, [`RecentCell`] is a window of values behind a short lock. Nothing above this module
//! knows how a number is stored, so storage can change without touching an instrument.

mod buckets;
mod count;
mod problem;
mod recent;
mod ticks;

pub(crate) use buckets::BucketCells;
pub(crate) use count::{Count, FloatCount, Level, Total};
pub(crate) use problem::{RecordingProblem, note, noted};
pub(crate) use recent::RecentCell;
pub(crate) use ticks::Ticks;
