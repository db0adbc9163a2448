//! The exemplars of a family, as a snapshot takes them.

use super::problem::Problem;
use super::shared::Shared;
use crate::metric::{Exemplified, Instrument};
use crate::model::Exemplar;
use crate::name::Name;

impl Shared {
    /// Counts and logs what instruments of a family were given that is no exemplar. Before it is read: the logger is the
    /// user's, and must not run while groups wait for the reading to end.
    pub(super) fn note_refused(&self, name: &Name, refused: impl Iterator<Item = u64>) {
        // It takes a look at each series, so that most programs are better off without.
        let refused = if Exemplified::any_refused() { refused.sum() } else { 0 };
        if refused > 0 {
            self.problems.note_n(Problem::InvalidExemplar, name, refused, || {
                format!(
                    "metric {name:?} was given exemplars that no format can show, and has counted their values without: \
                     labels have at most 128 characters in all, and names of letters, digits and `_`"
                )
            });
        }
    }
}

/// The exemplars of an instrument, the oldest first. To be taken before its value is: all of them are counted there.
pub(super) fn of(instrument: &impl Instrument) -> Option<Box<[Exemplar]>> {
    let all = instrument.exemplified()?.read();
    (!all.is_empty()).then(|| all.into())
}

/// Whether any instrument can have some.
pub(super) fn are_possible() -> bool {
    Exemplified::any()
}

/// How many things an instrument was given that are no exemplars, since this was last asked.
pub(super) fn take_refused(instrument: &impl Instrument) -> u64 {
    instrument.exemplified().map_or(0, Exemplified::take_refused)
}
