//! The exemplars of a family, as a snapshot takes them.

use super::problem::Problem;
use super::shared::Shared;
use crate::metric::{Exemplified, Instrument};
use crate::model::Exemplar;
use crate::name::Name;

impl Shared {
    /// The exemplars of an instrument, the oldest first. To be taken before its value is: all of them are counted there.
    pub(super) fn exemplars(&self, name: &Name, instrument: &impl Instrument) -> Option<Box<[Exemplar]>> {
        let exemplified = instrument.exemplified()?;
        let refused = exemplified.take_refused();
        if refused > 0 {
            self.problems.note_n(Problem::InvalidExemplar, name, refused, || {
                format!(
                    "metric {name:?} was given exemplars that no format can show, and has counted their values without: \
                     labels have at most 128 characters in all, and names of letters, digits and `_`"
                )
            });
        }
        let all = exemplified.read();
        (!all.is_empty()).then(|| all.into())
    }

    /// Whether there is any use in looking.
    pub(super) fn may_have_exemplars() -> bool {
        Exemplified::any()
    }
}
