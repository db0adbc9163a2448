//! What is known about a family, as data.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::DEFAULT_LIMIT;
use crate::metric::Place;
use crate::model::{Kind, Shape};
use crate::name::Name;
use crate::stat::Buckets;
use crate::tag::Tags;
use crate::unit::Unit;

/// What a family was defined as. Conflicts show two of them.
///
/// ```
/// use tagmeter::registry::RegisterError;
///
/// let registry = tagmeter::Registry::new();
/// registry.define("jobs").help("Jobs done.").counter()?;
/// match registry.define("jobs").gauge() {
///     Err(RegisterError::Conflict { existing, requested }) => {
///         assert_eq!(existing.to_string(), r#"counter "jobs" with help "Jobs done.""#);
///         assert_eq!(requested.to_string(), r#"gauge "jobs""#);
///     }
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), RegisterError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Definition {
    /// The name, as given.
    pub name: Name,
    /// What kind of instrument it holds.
    pub kind: Kind,
    /// What it means; empty when nobody said.
    pub help: Arc<str>,
    /// What it is measured in.
    pub unit: Unit,
    /// The keys of its tags, sorted; `None` for an open family, whose series may have any.
    pub tag_keys: Option<Arc<[Box<str>]>>,
    /// How many series it may have, its overflow series not counted.
    pub max_series: usize,
    /// What becomes of series that are no longer wanted.
    pub removal: Removal,
    /// The classic buckets of histograms and timers; `None` for other kinds.
    pub buckets: Option<Buckets>,
    /// What histograms and timers show themselves as; of no meaning for other kinds.
    pub shape: Shape,
    /// What else it was told: buckets, quantiles, states.
    pub settings: String,
}

/// What becomes of series that are no longer wanted.
///
/// ```
/// use tagmeter::registry::{RegisterError, Removal};
///
/// let registry = tagmeter::Registry::new();
/// registry.define("sessions").tags(["peer"]).removable().counters()?;
/// match registry.define("sessions").tags(["peer"]).counters() {
///     Err(RegisterError::Conflict { existing, requested }) => {
///         assert_eq!((existing.removal, requested.removal), (Removal::ByHand, Removal::Hides));
///     }
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), RegisterError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Removal {
    /// A removed series is hidden and keeps its memory.
    Hides,
    /// A removed series gives its memory back.
    ByHand,
    /// So does one that was idle for so long.
    Idle(Duration),
}

impl Definition {
    /// Whether both say the same; to names alone it would be one whether they are exact.
    pub(crate) fn is_like(&self, other: &Definition) -> bool {
        self == other && self.name.is_exact() == other.name.is_exact()
    }

    /// Whether these could be the tags of one of its series: keys it has, and some where it has any.
    pub(crate) fn has_series(&self, tags: &Tags) -> bool {
        match &self.tag_keys {
            None => true,
            Some(keys) => {
                let known = tags.iter().all(|(key, _)| keys.iter().any(|own| **own == *key));
                known && (keys.is_empty() || !tags.is_empty())
            }
        }
    }
}

/// Series a family may have so that each of them is worth cells from the start.
pub(crate) const FEW_SERIES: usize = 64;

impl Definition {
    /// Where its series keep their numbers: few ones in cells, many in words that get cells when they are fought over.
    pub(crate) fn place_of_series(&self) -> Place {
        if self.max_series <= FEW_SERIES { Place::Cells } else { Place::Shared }
    }
}

impl fmt::Display for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.kind, self.name)?;
        let mut joint = " with";
        let mut part = |f: &mut fmt::Formatter<'_>, text: fmt::Arguments<'_>| {
            write!(f, "{joint} {text}")?;
            joint = ",";
            Ok(())
        };
        if self.name.is_exact() {
            part(f, format_args!("this exact name"))?;
        }
        match self.tag_keys.as_deref() {
            None => part(f, format_args!("any tags"))?,
            Some([]) => {}
            Some(keys) => part(f, format_args!("tags {keys:?}"))?,
        }
        if self.max_series != DEFAULT_LIMIT {
            part(f, format_args!("at most {} series", self.max_series))?;
        }
        match self.removal {
            Removal::Hides => {}
            Removal::ByHand => part(f, format_args!("removable series"))?,
            Removal::Idle(timeout) => part(f, format_args!("idle timeout {timeout:?}"))?,
        }
        if self.unit != Unit::None {
            part(f, format_args!("unit {}", self.unit))?;
        }
        if !self.settings.is_empty() {
            part(f, format_args!("{}", self.settings))?;
        }
        if !self.help.is_empty() {
            part(f, format_args!("help {:?}", self.help))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::registry::Registry;

    #[test]
    fn definitions_that_conflict_never_read_the_same() {
        let registry = Registry::new();
        registry.define("jobs").max_series(5).counter().unwrap();
        let error = registry.define("jobs").counter().unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"counter "jobs" conflicts with counter "jobs" with at most 5 series"#
        );
    }
}
