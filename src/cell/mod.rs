//! The memory that instruments write. Nothing above this module knows how a number is stored.
//!
//! - [`thread`]: cells that one thread writes and everybody reads; read its page first. [`slot`] gives them to instruments.
//! - [`count`]: totals: a shared [`word`], and cells once the word is fought over. [`level`]: what is set, one word.
//! - [`mod@histogram`]: buckets and their sum, shared in [`buckets`] or in cells by the protocol of [`sequence`].
//!   [`native`]: the same with native buckets, in [`windows`] that are cells, and behind a free lock.
//! - [`entries`]: a list that only grows, of pages here, of series in a family.
//! - [`promotion`]: whether what is shared has cells. [`rare`]: a box that most never need.
//! - [`late`]: how an instrument holds its cell, or the name by which it will find it.
//! - [`text`]: the tags of a series, shared with snapshots.
//! - [`section`]: what a reader looks at stays until it is done; [`epoch`] tells how. [`chains`]: entries found that way, by
//!   hash, which can go. [`presence`]: whether an entry is shown, hidden or gone.
//! - [`group`]: records that are seen together; [`gate`] tells how, [`behind`] what keeps a reading from it.
//! - [`recent`]: a window of values, which wait in a [`buffer`] of their thread's and then go into one of some [`stripes`].
//! - [`exemplars`]: some of what was recorded, beside the numbers.
//! - [`sampling`]: which calls are measured where not all of them are.
//! - [`ticks`]: a meter's averages, behind a short lock.
//! - [`coarse`]: quick clocks. [`problem`]: what was refused.
//!
//! | | one record costs | a reader |
//! |---|---|---|
//! | total in cells | load, addition, store | adds up the cells |
//! | total in a word | one compare-exchange | loads it |
//! | histogram in cells | four stores | sees whole records, tries again where it came between |
//! | histogram shared | four locked operations | waits a moment for the records in flight, never the other way round |
//! | window in cells | two stores; every 61st, a free lock | copies under a lock that no writer waits for |
//! | window shared | a free lock | the same |
//! | exemplars | a load; ten times a second and bucket, a free lock | copies under a lock that no writer waits for |
//!
//! **What a reader waits for, and for how long.** Writers wait for nobody; a group, before it begins, for a reader: a second.
//!
//! | | for what | at most |
//! |---|---|---|
//! | histogram in cells | a thread's record in flight | 64 looks a thread; then it has what it read of that thread last |
//! | histogram shared | records in flight in the cold half | 1 024 looks, the most of them yields; then what it read last |
//! | histogram, meter | another reader of the same one | the time that one takes: the above |
//! | window, native buckets that share a stripe | who changes a stripe | a second, once a stripe; then what is new there is left out until it is free |
//! | exemplars | who changes the list | 20 ms; then this reading is without |
//! | totals, levels, entries, pages of cells | nothing | |
//! | chains, epochs | who has the turn: inserts, unlinks, copies 1 024 entries, asks for a barrier | the time of that |
//! | groups | its turn; groups under way, and, between groups, the first two above | a second; 100 ms for all of them, and for each only once; then they may be split |
//! | what sections hold back | nothing: it is looked at again later | |
//!
//! In the child of a fork, threads of the parent that had a lock have it for ever, but for stripes: fork where no other
//! thread takes a snapshot, makes or drops an instrument, or begins or ends to record. A record that another thread was in
//! the middle of hides, in the child, what that thread has recorded into that histogram since its last reading; if the
//! histogram is shared, what anybody has, until the second reading in the child gives it cells. What is recorded after that
//! is seen; but one of more than 61 bounds has no cells, and stays as it was read last.

mod barrier;
mod behind;
mod buckets;
mod buffer;
mod chains;
mod coarse;
mod count;
mod entries;
mod epoch;
mod exemplars;
mod gate;
mod group;
mod histogram;
mod index;
mod late;
mod level;
mod linked;
mod native;
mod presence;
mod problem;
mod promotion;
mod rare;
mod recent;
mod sampling;
mod section;
mod sequence;
mod slot;
mod stripes;
mod sync;
#[cfg(test)]
mod tests;
mod text;
mod thread;
mod ticks;
mod windows;
mod word;

pub(crate) use chains::{Chains, Node, Turn};
pub(crate) use coarse::{coarse_nanos, coarse_wall_nanos, exact_nanos};
pub use count::Place;
pub(crate) use count::{Count, FloatCount, Total};
pub(crate) use entries::Entries;
pub(crate) use epoch::{Passed, Stamp};
pub(crate) use exemplars::Exemplars;
pub(crate) use gate::Groups;
pub(crate) use group::{Group, read_between, read_without_groups};
pub(crate) use histogram::HistogramCells;
pub(crate) use index::{Index, Indexes};
pub(crate) use late::Late;
pub(crate) use level::Level;
pub(crate) use native::{Moment, NativeCells, Recorded};
pub(crate) use presence::{Presence, State};
pub(crate) use problem::{RecordingProblem, Refused};
pub(crate) use rare::Rare;
pub(crate) use recent::{Changing, RecentCell};
pub(crate) use sampling::Sampling;
pub(crate) use section::{Section, passed_soon, stamp};
pub(crate) use text::{SharedText, TextWriter};
pub(crate) use thread::{CellPlace, KnownPlace};
pub(crate) use ticks::Ticks;
pub(crate) use word::{FloatWord, WholeWord, Word};
