//! Why a metric was not registered.

use super::definition::Definition;
use crate::metric::Unsuitable;
use crate::name::Name;
use crate::stat::InvalidBuckets;

/// Why a definition was refused.
///
/// ```
/// use tagmeter::registry::RegisterError;
///
/// let registry = tagmeter::Registry::new();
/// let refused = registry.define("requests").tags(["le"]).counters();
/// assert!(matches!(refused, Err(RegisterError::ReservedTagKey { .. })));
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The name is empty.
    #[error("the name of a metric is empty")]
    EmptyName,
    /// A tag key is empty.
    #[error("metric {name:?} has an empty tag key")]
    EmptyTagKey {
        /// The metric's name.
        name: Name,
    },
    /// A tag key is given twice.
    #[error("metric {name:?} has tag key {key:?} twice")]
    TagKeyTwice {
        /// The metric's name.
        name: Name,
        /// The key.
        key: Box<str>,
    },
    /// A tag key means something to Prometheus: `le`, `quantile`, or anything that begins with `__`.
    #[error(
        "metric {name:?} has tag key {key:?}, but `le`, `quantile` and everything that begins with `__` are reserved"
    )]
    ReservedTagKey {
        /// The metric's name.
        name: Name,
        /// The key.
        key: Box<str>,
    },
    /// The definition says something that this kind of instrument does not have.
    #[error("metric {name:?} cannot be defined like this")]
    Unsuitable {
        /// The name.
        name: Name,
        /// What does not fit.
        #[source]
        reason: Unsuitable,
    },
    /// The buckets given to `metrics!` are none.
    #[error("these are no buckets")]
    InvalidBuckets(#[from] InvalidBuckets),
    /// The name is taken by another definition.
    #[error("{requested} conflicts with {existing}")]
    Conflict {
        /// What is registered.
        existing: Box<Definition>,
        /// What was asked for.
        requested: Box<Definition>,
    },
    /// The name of an alias is taken.
    #[error("alias {name:?} conflicts with {by}")]
    AliasTaken {
        /// The name.
        name: Name,
        /// What has it.
        by: String,
    },
    /// The registry has as many families as it may have.
    #[error("metric {name:?} is one more than the {limit} families this registry may have")]
    TooManyFamilies {
        /// The name.
        name: Name,
        /// The limit, set by [`RegistryBuilder::max_families`](super::RegistryBuilder::max_families).
        limit: usize,
    },
}
