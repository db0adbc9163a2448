//! What a page could not show, and why.

use std::fmt;

use crate::name::Name;

/// Something that a format could not show as it is.
///
/// ```
/// use tagmeter::{Registry, encode::text};
///
/// let registry = Registry::new();
/// registry.gauge("queue.depth").set(1.0);
/// registry.gauge("queue/depth").set(2.0);
/// let left_out = text::encode_into(&registry.snapshot(), &mut std::io::sink())?;
/// assert_eq!(left_out[0].to_string(), r#""queue/depth" is left out: "queue.depth" has the name queue_depth"#);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOut {
    /// The family, by the name it was registered with.
    pub family: Name,
    /// What stood in its way.
    pub reason: Reason,
}

/// Why something was left out.
///
/// ```
/// use tagmeter::{Registry, encode::{Reason, text}};
///
/// let registry = Registry::new();
/// registry.counter(("hits", [("a.b", "1")])).inc();
/// registry.counter(("hits", [("a/b", "1")])).inc();
/// let mut page = Vec::new();
/// let left_out = text::encode_into(&registry.snapshot(), &mut page)?;
/// assert_eq!(left_out[0].reason, Reason::TagsEqual { series: 1 });
/// assert!(page.ends_with(b"hits_total{a_b=\"1\"} 2\n"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Another family, registered before, has a name that this one needs. The whole family is left out.
    NameTaken {
        /// The name both need, as exposed.
        name: String,
        /// The family that has it.
        by: Name,
    },
    /// Tags that differ only in characters the format does not have came out equal. Counters were added up; of other
    /// kinds the series made first is shown.
    TagsEqual {
        /// How many series are not shown on their own.
        series: usize,
    },
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = &self.family;
        match &self.reason {
            Reason::NameTaken { name, by } => {
                write!(f, "{family:?} is left out: {by:?} has the name {name}")
            }
            Reason::TagsEqual { series } => {
                write!(
                    f,
                    "{series} series of {family:?} have the labels of another and are not shown on their own"
                )
            }
        }
    }
}
