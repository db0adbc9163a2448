//! What a backend takes, and how names and tags are made to fit.

use std::collections::{HashMap, HashSet};
use std::fmt;

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use super::merged::Merged;
use crate::name::Name;
use crate::tag::{ExcessTags, IllegalName, MergeError, Sanitize, TagLayers, Tags};

/// What a backend takes. A reporter makes every point fit before a sink sees it.
///
/// ```
/// use tagmeter::report::Rules;
/// use tagmeter::tag::Sanitize;
///
/// let rules = Rules { max_batch: 1_000, ..Rules::default() };
/// assert_eq!(rules.sanitize, Sanitize::Prometheus);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// How names and tag keys are made legal.
    pub sanitize: Sanitize,
    /// The most tags on one point, after merging.
    pub max_tags: usize,
    /// What becomes of a point that has more.
    pub excess_tags: ExcessTags,
    /// The most points in one push; at least one is sent.
    pub max_batch: usize,
    /// Whether percentiles are sent: a reporter then has the registry record them.
    pub percentiles: bool,
    /// Whether the backend counts by itself and wants increases instead of totals. Points that it does not take do not
    /// wait: the next report's increases have theirs, and its levels are newer. Where only the answer to a push was lost, the
    /// backend has those increases twice. A series that is absent from reports for a
    /// while, hidden or because its collector failed, goes on where it was: as many of these are remembered as the largest
    /// report had increases. One absent for longer sends its whole total again.
    pub increases: bool,
}

impl Default for Rules {
    /// Prometheus names, any number of tags, 10 000 points at once, with percentiles, totals as they are.
    fn default() -> Self {
        Rules {
            sanitize: Sanitize::default(),
            max_tags: usize::MAX,
            excess_tags: ExcessTags::default(),
            max_batch: 10_000,
            percentiles: true,
            increases: false,
        }
    }
}

impl Rules {
    /// No layers of tags yet, to be merged by these rules.
    pub(super) fn layers(&self) -> TagLayers {
        TagLayers::new(self.sanitize).max_tags(self.max_tags).excess(self.excess_tags)
    }
}

/// Why a point was not sent.
///
/// ```
/// use tagmeter::report::RefusedPoint;
/// use tagmeter::tag::MergeError;
///
/// let refused = RefusedPoint::Tags { metric: "hits".into(), source: MergeError::NoTags };
/// assert_eq!(refused.to_string(), "metric \"hits\" cannot be sent with its tags");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedPoint {
    /// Its name is not one.
    #[error("metric {metric:?} cannot be sent under its name")]
    Name {
        /// The metric.
        metric: Name,
        /// What is wrong with the name.
        source: IllegalName,
    },
    /// Its tags are too few or too many, or a key is not one.
    #[error("metric {metric:?} cannot be sent with its tags")]
    Tags {
        /// The metric.
        metric: Name,
        /// What is wrong with the tags.
        source: MergeError,
    },
    /// Another metric has the name that its own becomes.
    #[error("metric {metric:?} cannot be sent as {name:?}: that is what metric {by:?} is sent as")]
    Taken {
        /// The metric.
        metric: Name,
        /// The name that both become.
        name: Name,
        /// The metric that is sent under it: the one that was registered first.
        by: Name,
    },
}

/// Makes names and tags fit.
pub(super) struct Fit<'a> {
    pub(super) sanitize: Sanitize,
    pub(super) layers: &'a TagLayers,
    pub(super) collisions: &'a Collisions,
    /// Tags that did fit.
    pub(super) merged: &'a mut Merged,
}

impl Fit<'_> {
    /// The name as the backend wants it.
    pub(super) fn name(&self, metric: &Name) -> Result<Name, RefusedPoint> {
        let legal = self.sanitize.check(metric.as_str());
        let legal = legal.map_err(|source| RefusedPoint::Name { metric: metric.clone(), source })?;
        Ok(if legal == metric.as_str() { metric.clone() } else { Name::from(&*legal) })
    }

    /// The metric's tags over all layers, as the backend wants them.
    pub(super) fn tags(&mut self, metric: &Name, own: &Tags) -> Result<Tags, RefusedPoint> {
        let Fit { layers, collisions, .. } = *self;
        self.merged.of(own, || {
            let merged = layers.merge(own);
            let merged = merged.map_err(|source| RefusedPoint::Tags { metric: metric.clone(), source })?;
            collisions.note(merged.collisions());
            collisions.note(merged.dropped());
            Ok(merged.to_tags())
        })
    }
}

/// The names of one report's points, each with the metric it was made from.
#[derive(Debug, Default)]
pub(super) struct Takers(HashMap<Name, Name, RandomState>);

impl Takers {
    /// Gives the name to this metric, unless it was given to another, whose series nobody could tell from this one's.
    pub(super) fn take(&mut self, name: Name, metric: &Name) -> Result<Name, RefusedPoint> {
        let by = self.0.entry(name.clone()).or_insert_with(|| metric.clone());
        if by == metric {
            return Ok(name);
        }
        Err(RefusedPoint::Taken { metric: metric.clone(), name, by: by.clone() })
    }
}

/// Lines already logged; no more are remembered, and then none logged.
const MAX_COLLISIONS: usize = 1_000;

/// Keys that became the same or were left out. Each is logged once.
#[derive(Debug, Default)]
pub(super) struct Collisions(Mutex<HashSet<String>>);

impl Collisions {
    pub(super) fn note(&self, noteworthy: &[impl fmt::Display]) {
        for line in noteworthy.iter().map(ToString::to_string) {
            let mut known = self.0.lock();
            let new = known.len() < MAX_COLLISIONS && known.insert(line.clone());
            // A logger may call us.
            drop(known);
            if new {
                log::warn!("{line}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers() -> TagLayers {
        TagLayers::new(Sanitize::Prometheus).max_tags(2).layer(&[("a.b", "below")].into()).unwrap()
    }

    #[test]
    fn a_metric_s_tag_wins_where_only_rewritten_keys_are_equal() {
        let (layers, collisions, merged) = (layers(), Collisions::default(), &mut Merged::default());
        let mut fit =
            Fit { sanitize: Sanitize::Prometheus, layers: &layers, collisions: &collisions, merged };
        let own = Tags::from([("a_b", "own")]);
        assert_eq!(fit.tags(&"m".into(), &own).unwrap(), own);
        assert_eq!(fit.tags(&"m".into(), &own).unwrap(), own);
        assert_eq!(fit.tags(&"m".into(), &Tags::new()).unwrap(), Tags::from([("a_b", "below")]));
        assert_eq!(collisions.0.lock().len(), 1);
    }

    #[test]
    fn what_cannot_be_sent_names_the_metric() {
        let (layers, collisions, merged) = (layers(), Collisions::default(), &mut Merged::default());
        let mut fit = Fit { sanitize: Sanitize::None, layers: &layers, collisions: &collisions, merged };
        let error = fit.name(&"bad name".into()).unwrap_err();
        assert_eq!(error.to_string(), "metric \"bad name\" cannot be sent under its name");
        let error = fit.tags(&"m".into(), &[("c", "1"), ("d", "2")].into()).unwrap_err();
        assert!(matches!(error, RefusedPoint::Tags { source: MergeError::TooManyTags { found: 3, .. }, .. }));
    }
}
