//! What a page could not show, and why.

use std::fmt;

use crate::name::Name;

/// Something that a format could not show as it is.
///
/// ```
/// # use std::time::SystemTime;
/// # use tagmeter::{Tags, Unit, model::{Family, Kind, Series, Snapshot, Value}};
/// # fn gauge(name: &str) -> Family {
/// #     let series = Series { tags: Tags::new(), value: Value::Gauge(1.0), start: SystemTime::UNIX_EPOCH };
/// #     Family { name: name.into(), kind: Kind::Gauge, help: "".into(), unit: Unit::None, series: vec![series] }
/// # }
/// let snapshot = Snapshot::new(SystemTime::UNIX_EPOCH, vec![gauge("queue.depth"), gauge("queue/depth")]);
/// let mut page = Vec::new();
/// let left_out = tagmeter::encode::text::encode_into(&snapshot, &mut page).unwrap();
/// assert_eq!(left_out[0].to_string(), r#""queue/depth" is left out: "queue.depth" has the name queue_depth"#);
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
