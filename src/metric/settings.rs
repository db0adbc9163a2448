//! What a definition says about an instrument beyond its name.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Place;
use crate::model::{Kind, Shape};
use crate::stat::{Buckets, NativeBuckets};

/// Everything a definition said; each instrument takes what concerns it and refuses the rest.
#[derive(Debug, Clone, Default)]
#[doc(hidden)]
pub struct Requested {
    pub(crate) buckets: Option<Buckets>,
    pub(crate) native: Option<NativeBuckets>,
    pub(crate) quantiles: bool,
    pub(crate) exemplars: bool,
    pub(crate) summary: Option<Vec<f64>>,
    pub(crate) extreme: Option<(Extreme, Duration)>,
    pub(crate) states: Vec<Box<str>>,
}

impl Requested {
    /// Refuses what only histograms and timers have.
    pub(crate) fn no_distribution(&self, kind: Kind) -> Result<(), Unsuitable> {
        let asked = [
            ("buckets", self.buckets.is_some()),
            ("native buckets", self.native.is_some()),
            ("quantiles", self.quantiles),
            ("summary", self.summary.is_some()),
        ];
        refuse_first(&asked, kind)
    }

    /// Refuses what only gauges have.
    pub(crate) fn no_extreme(&self, kind: Kind) -> Result<(), Unsuitable> {
        refuse_first(&[("max_over or min_over", self.extreme.is_some())], kind)
    }

    /// Refuses what only counters, histograms and timers have.
    pub(crate) fn no_exemplars(&self, kind: Kind) -> Result<(), Unsuitable> {
        refuse_first(&[("exemplars", self.exemplars)], kind)
    }

    /// Refuses everything.
    pub(crate) fn nothing(&self, kind: Kind) -> Result<(), Unsuitable> {
        self.no_distribution(kind)?;
        self.no_exemplars(kind)?;
        self.no_extreme(kind)
    }

    /// What a counter has.
    pub(crate) fn counter(&self, kind: Kind) -> Result<CounterSettings, Unsuitable> {
        self.no_distribution(kind)?;
        self.no_extreme(kind)?;
        Ok(CounterSettings { exemplars: self.exemplars })
    }

    pub(crate) fn distribution(&self, kind: Kind) -> Result<Arc<DistributionSettings>, Unsuitable> {
        self.no_extreme(kind)?;
        if self.native.is_some() && self.summary.is_some() {
            return Err(Unsuitable::NativeSummary);
        }
        let shape = match &self.summary {
            None => Shape::Histogram,
            Some(quantiles) => Shape::Summary(summary_quantiles(quantiles)?),
        };
        Ok(Arc::new(DistributionSettings {
            buckets: self.classic(),
            native: self.native,
            quantiles: self.quantiles || self.summary.is_some(),
            exemplars: self.exemplars,
            shape,
        }))
    }
}

impl Requested {
    /// The classic buckets: those asked for, and the usual ones where none of any kind were.
    fn classic(&self) -> Buckets {
        match (&self.buckets, &self.native) {
            (Some(buckets), _) => buckets.clone(),
            (None, Some(_)) => Buckets::none(),
            (None, None) => Buckets::default(),
        }
    }
}

fn refuse_first(asked: &[(&'static str, bool)], kind: Kind) -> Result<(), Unsuitable> {
    match asked.iter().find(|(_, asked)| *asked) {
        Some((setting, _)) => Err(Unsuitable::NotForKind { setting, kind }),
        None => Ok(()),
    }
}

fn summary_quantiles(quantiles: &[f64]) -> Result<Arc<[f64]>, Unsuitable> {
    if let Some(wrong) = quantiles.iter().find(|q| !(0.0..=1.0).contains(*q)) {
        return Err(Unsuitable::Quantile(*wrong));
    }
    let mut sorted = quantiles.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    Ok(sorted.into())
}

/// Which end of a window a gauge keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extreme {
    Max,
    Min,
}

/// What a definition says about a gauge.
#[derive(Debug, Clone, PartialEq, Default)]
#[doc(hidden)]
pub struct GaugeSettings {
    pub(crate) extreme: Option<(Extreme, Duration)>,
}

/// What a definition says about a counter.
#[derive(Debug, Clone, PartialEq, Default)]
#[doc(hidden)]
pub struct CounterSettings {
    /// Whether each record is given the current span.
    pub(crate) exemplars: bool,
}

impl CounterSettings {
    /// Where its count begins: in cells, if each record is given the current span, since it is those that ask for it.
    pub(crate) fn place(&self, place: Place) -> Place {
        if self.exemplars && place == Place::Shared { Place::Cells } else { place }
    }
}

impl fmt::Display for CounterSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.exemplars { "exemplars" } else { "" })
    }
}

/// What a definition says about a histogram or a timer.
#[derive(Debug, Clone, PartialEq, Default)]
#[doc(hidden)]
pub struct DistributionSettings {
    pub(crate) buckets: Buckets,
    pub(crate) native: Option<NativeBuckets>,
    pub(crate) quantiles: bool,
    /// Whether each record is given the current span.
    pub(crate) exemplars: bool,
    pub(crate) shape: Shape,
}

impl fmt::Display for DistributionSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.native {
            None => write!(f, "buckets {:?}", self.buckets.bounds())?,
            Some(native) if self.buckets.bounds().is_empty() => write!(f, "{native}")?,
            Some(native) => write!(f, "buckets {:?} and {native}", self.buckets.bounds())?,
        }
        match &self.shape {
            Shape::Summary(quantiles) => write!(f, " and summary quantiles {quantiles:?}")?,
            Shape::Histogram if self.quantiles => f.write_str(" and quantiles")?,
            Shape::Histogram => {}
        }
        f.write_str(if self.exemplars { " and exemplars" } else { "" })
    }
}

/// Why a definition does not fit the instrument it ends in.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsuitable {
    /// The instrument has no such setting.
    #[error("a {kind} has no {setting}")]
    NotForKind {
        /// What was said.
        setting: &'static str,
        /// What it was said of.
        kind: Kind,
    },
    /// A quantile of a summary is not between 0 and 1.
    #[error("quantile {0} is not between 0 and 1")]
    Quantile(f64),
    /// A summary shows no buckets.
    #[error("a summary has no native buckets")]
    NativeSummary,
    /// The window of a maximum or minimum is empty.
    #[error("a window of zero length holds nothing")]
    EmptyWindow,
    /// A state set without states.
    #[error("a state set needs at least one state")]
    NoStates,
    /// A state set with the same state twice.
    #[error("state {0:?} is given twice")]
    StateTwice(Box<str>),
}
