//! The memory that instruments write.
//!
//! Plain shared atomics: [`Count`] and [`FloatCount`] are one word, [`BucketCells`] is a histogram whose readers never
//! see half a record, [`RecentCell`] is a window of values behind a short lock. Nothing above this module
//! knows how a number is stored, so storage can change without touching an instrument.

mod buckets;
mod coarse;
mod count;
mod histogram;
mod level;
mod problem;
mod recent;
mod sequence;
mod slot;
mod sync;
mod thread;
mod ticks;
mod word;

pub(crate) use coarse::coarse_nanos;
pub use count::Place;
pub(crate) use count::{Count, FloatCount};
pub(crate) use histogram::HistogramCells;
pub(crate) use level::Level;
pub(crate) use problem::{RecordingProblem, Refused};
pub(crate) use recent::RecentCell;
pub(crate) use thread::KnownPlace;
pub(crate) use ticks::Ticks;
pub(crate) use word::{FloatWord, WholeWord, Word};
