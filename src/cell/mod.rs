//! The memory that instruments write. Nothing above this module knows how a number is stored.
//!
//! - [`thread`]: cells that one thread writes and everybody reads; read its page first. [`slot`] gives them to instruments.
//! - [`count`]: totals: a shared [`word`], and cells once the word is fought over. [`level`]: what is set, one word.
//! - [`mod@histogram`]: buckets and their sum, shared in [`buckets`] or in cells by the protocol of [`sequence`].
//! - [`section`]: what a reader looks at stays until it is done; [`epoch`] tells how. [`chains`]: entries found that way, by
//!   hash, which can go. [`presence`]: whether an entry is shown, hidden or gone.
//! - [`recent`]: a window of values, [`ticks`]: a meter's averages; both behind a short lock.
//! - [`coarse`]: a quick clock. [`problem`]: what was refused.
//!
//! | | one record costs | a reader |
//! |---|---|---|
//! | total in cells | load, addition, store | adds up the cells |
//! | total in a word | one compare-exchange | loads it |
//! | histogram in cells | five stores | sees whole records, tries again where it came between |
//! | histogram shared | four locked operations | waits for the records in flight, never the other way round |
//! | window of quantiles | a short lock | copies under the lock |

mod barrier;
mod buckets;
mod chains;
mod coarse;
mod count;
mod epoch;
mod histogram;
mod level;
mod presence;
mod problem;
mod recent;
mod section;
mod sequence;
mod slot;
mod sync;
#[cfg(test)]
mod tests;
mod thread;
mod ticks;
mod word;

pub(crate) use chains::{Chains, Node, Turn};
pub(crate) use coarse::coarse_nanos;
pub use count::Place;
pub(crate) use count::{Count, FloatCount};
pub(crate) use epoch::{Passed, Stamp};
pub(crate) use histogram::HistogramCells;
pub(crate) use level::Level;
pub(crate) use presence::{Presence, State};
pub(crate) use problem::{RecordingProblem, Refused};
pub(crate) use recent::RecentCell;
pub(crate) use section::{Section, passed_soon, stamp};
pub(crate) use thread::KnownPlace;
pub(crate) use ticks::Ticks;
pub(crate) use word::{FloatWord, WholeWord, Word};
