//! More tags than a backend takes.

use std::fmt;

/// What becomes of a metric that has more tags than a backend takes, counted as they are sent.
///
/// Another metric's points are never affected.
///
/// ```
/// use tagmeter::tag::ExcessTags;
///
/// assert_eq!(ExcessTags::default(), ExcessTags::Refuse);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ExcessTags {
    /// It is not sent, and that is told: nothing arrives under tags that nobody gave it.
    #[default]
    Refuse,
    /// Tags that all metrics share (environment, reporter, global tags) are left out: those of the lowest rank first
    /// and, of one rank, the last in sorted order. A metric's own tags never are, because its series would become one;
    /// with too many of its own it is not sent.
    DropShared,
}

/// A tag that was left out of a metric with too many.
///
/// ```
/// use tagmeter::tag::DroppedTag;
///
/// let dropped = DroppedTag { key: "zone".into(), limit: 25 };
/// assert_eq!(dropped.to_string(), r#"tag "zone" is left out where there are more than 25"#);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DroppedTag {
    /// Its key as it would have been sent.
    pub key: String,
    /// How many there may be.
    pub limit: usize,
}

impl fmt::Display for DroppedTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tag {:?} is left out where there are more than {}", self.key, self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag::{MergeError, Sanitize, TagLayers, Tags};

    fn layers(max_tags: usize) -> TagLayers {
        let none = TagLayers::new(Sanitize::Prometheus).max_tags(max_tags).excess(ExcessTags::DropShared);
        let environment = none.layer(&[("zone", "eu"), ("env", "prod")].into()).unwrap();
        environment.layer(&[("service", "orders")].into()).unwrap()
    }

    fn merged(max_tags: usize, own: &Tags) -> (Tags, Vec<String>) {
        let layers = layers(max_tags);
        let merged = layers.merge(own).unwrap();
        (merged.to_tags(), merged.dropped().iter().map(|dropped| dropped.key.clone()).collect())
    }

    #[test]
    fn what_all_share_goes_first_the_lowest_rank_before_the_others() {
        let own = Tags::from([("route", "/"), ("status", "200")]);
        assert_eq!(merged(5, &own).1, [""; 0]);
        assert_eq!(merged(4, &own).1, ["zone"]);
        assert_eq!(merged(3, &own).1, ["zone", "env"]);
        assert_eq!(merged(2, &own), (own, vec!["zone".into(), "env".into(), "service".into()]));
    }

    #[test]
    fn a_metric_keeps_its_own_tags_or_is_not_sent() {
        let own = Tags::from([("route", "/"), ("zone", "own")]);
        assert_eq!(merged(2, &own).0, own);
        let refused = layers(1).merge(&own).unwrap_err();
        assert_eq!(refused, MergeError::TooManyTags { found: 2, limit: 1 });
    }
}
