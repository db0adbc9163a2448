//! Points made by hand.

use std::fmt;

use crate::name::Name;
use crate::report::Timestamp;
use crate::tag::Tags;

/// One number of one metric at one time.
///
/// ```
/// use std::time::SystemTime;
/// use tagmeter::apptuit::DataPoint;
///
/// DataPoint::new("proc.cpu.percent", [("host", "a")], SystemTime::now(), 12.5)?;
/// DataPoint::new("proc.cpu.percent", [("host", "a")], 1_600_000_000, 12)?;
/// assert!(DataPoint::new("proc.cpu.percent", [("host", "a")], 1_600_000_000, f64::NAN).is_err());
/// # Ok::<(), tagmeter::apptuit::InvalidPoint>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DataPoint {
    pub(super) metric: Name,
    pub(super) tags: Tags,
    pub(super) timestamp: Timestamp,
    pub(super) value: f64,
}

/// Why something is no point.
///
/// ```
/// use tagmeter::apptuit::{DataPoint, InvalidPoint};
///
/// assert_eq!(DataPoint::new("", [("host", "a")], 1, 1), Err(InvalidPoint::EmptyName));
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPoint {
    /// The metric has no name.
    #[error("the metric's name is empty: expected at least one character")]
    EmptyName,
    /// A tag has no key.
    #[error("metric {metric:?} has a tag with an empty key: expected at least one character")]
    EmptyKey {
        /// The metric.
        metric: Name,
    },
    /// The value is not finite: it could not be written, and would spoil all points sent with it.
    #[error("metric {metric:?} has the value {value}: expected a finite number")]
    Value {
        /// The metric.
        metric: Name,
        /// What was given.
        value: f64,
    },
    /// The timestamp is not finite.
    #[error("metric {metric:?} has the timestamp {timestamp}: expected a finite number of seconds")]
    Timestamp {
        /// The metric.
        metric: Name,
        /// What was given.
        timestamp: f64,
    },
}

impl DataPoint {
    /// A point. What the backend thinks of the name and the tags is found out on sending.
    ///
    /// # Errors
    ///
    /// The name or a key is empty, or a number is not finite.
    ///
    /// ```
    /// use tagmeter::apptuit::DataPoint;
    ///
    /// assert!(DataPoint::new("queue.depth", [("host", "a")], 1600000000.75, 7).is_ok());
    /// assert!(DataPoint::new("queue.depth", [("", "a")], 1600000000.75, 7).is_err());
    /// ```
    pub fn new(
        metric: impl Into<Name>,
        tags: impl Into<Tags>,
        timestamp: impl Into<Timestamp>,
        value: impl Into<f64>,
    ) -> Result<Self, InvalidPoint> {
        let (metric, tags) = checked(metric.into(), tags.into())?;
        let (timestamp, value) = finite(&metric, timestamp.into(), value.into())?;
        Ok(DataPoint { metric, tags, timestamp, value })
    }

    /// What is measured, as given.
    pub fn metric(&self) -> &Name {
        &self.metric
    }

    /// Its tags, as given.
    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    /// When it was measured.
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// The number; finite.
    pub fn value(&self) -> f64 {
        self.value
    }
}

/// `name{key:value, timestamp: 1600000000, value: 12.500000}`, as Apptuit's clients write it.
///
/// ```
/// let point = tagmeter::apptuit::DataPoint::new("queue.depth", [("host", "a")], 1_600_000_000, 7)?;
/// assert_eq!(point.to_string(), "queue.depth{host:a, timestamp: 1600000000, value: 7.000000}");
/// # Ok::<(), tagmeter::apptuit::InvalidPoint>(())
/// ```
impl fmt::Display for DataPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DataPoint { metric, tags, timestamp, value } = self;
        write!(f, "{metric}{{")?;
        for (key, tag) in tags.iter() {
            write!(f, "{key}:{tag}, ")?;
        }
        write!(f, "timestamp: {}, value: {value:.6}}}", timestamp.as_f64().trunc())
    }
}

/// Numbers of one metric over time.
///
/// ```
/// use tagmeter::apptuit::TimeSeries;
///
/// let mut series = TimeSeries::new("proc.cpu.percent", [("host", "a")])?;
/// series.add(1_600_000_000, 12.5)?;
/// series.add(1_600_000_060, 11)?;
/// assert_eq!(series.len(), 2);
/// # Ok::<(), tagmeter::apptuit::InvalidPoint>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TimeSeries {
    pub(super) metric: Name,
    pub(super) tags: Tags,
    pub(super) points: Vec<(Timestamp, f64)>,
}

impl TimeSeries {
    /// A series without points.
    ///
    /// # Errors
    ///
    /// The name or a key is empty.
    ///
    /// ```
    /// assert!(tagmeter::apptuit::TimeSeries::new("queue.depth", [("host", "a")]).is_ok());
    /// ```
    pub fn new(metric: impl Into<Name>, tags: impl Into<Tags>) -> Result<Self, InvalidPoint> {
        let (metric, tags) = checked(metric.into(), tags.into())?;
        Ok(TimeSeries { metric, tags, points: Vec::new() })
    }

    /// A series with points, each a timestamp and a number.
    ///
    /// # Errors
    ///
    /// The name or a key is empty, or a number is not finite.
    ///
    /// ```
    /// use tagmeter::apptuit::TimeSeries;
    ///
    /// let points = [(1_600_000_000, 7.0), (1_600_000_060, 8.0)];
    /// assert_eq!(TimeSeries::with_points("queue.depth", [("host", "a")], points)?.len(), 2);
    /// # Ok::<(), tagmeter::apptuit::InvalidPoint>(())
    /// ```
    pub fn with_points<T: Into<Timestamp>, V: Into<f64>>(
        metric: impl Into<Name>,
        tags: impl Into<Tags>,
        points: impl IntoIterator<Item = (T, V)>,
    ) -> Result<Self, InvalidPoint> {
        let mut series = TimeSeries::new(metric, tags)?;
        for (timestamp, value) in points {
            series.add(timestamp, value)?;
        }
        Ok(series)
    }

    /// Adds a point; a refused one leaves the series as it was.
    ///
    /// # Errors
    ///
    /// A number is not finite.
    ///
    /// ```
    /// # use tagmeter::apptuit::TimeSeries;
    /// let mut series = TimeSeries::new("queue.depth", [("host", "a")])?;
    /// series.add(1_600_000_000, 7)?.add(1_600_000_060, 8)?;
    /// assert!(series.add(1_600_000_120, f64::NAN).is_err());
    /// assert_eq!(series.len(), 2);
    /// # Ok::<(), tagmeter::apptuit::InvalidPoint>(())
    /// ```
    pub fn add(
        &mut self,
        timestamp: impl Into<Timestamp>,
        value: impl Into<f64>,
    ) -> Result<&mut Self, InvalidPoint> {
        self.points.push(finite(&self.metric, timestamp.into(), value.into())?);
        Ok(self)
    }

    /// What is measured, as given.
    pub fn metric(&self) -> &Name {
        &self.metric
    }

    /// Its tags, as given.
    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    /// Its points, in the order they were added.
    ///
    /// ```
    /// # use tagmeter::apptuit::TimeSeries;
    /// let series = TimeSeries::with_points("queue.depth", (), [(1_600_000_000, 7)])?;
    /// assert_eq!(series.points(), [(1_600_000_000.into(), 7.0)]);
    /// # Ok::<(), tagmeter::apptuit::InvalidPoint>(())
    /// ```
    pub fn points(&self) -> &[(Timestamp, f64)] {
        &self.points
    }

    /// How many points it has.
    ///
    /// ```
    /// # use tagmeter::apptuit::TimeSeries;
    /// assert_eq!(TimeSeries::new("queue.depth", ())?.len(), 0);
    /// # Ok::<(), tagmeter::apptuit::InvalidPoint>(())
    /// ```
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether it has none.
    ///
    /// ```
    /// # use tagmeter::apptuit::TimeSeries;
    /// assert!(TimeSeries::new("queue.depth", ())?.is_empty());
    /// # Ok::<(), tagmeter::apptuit::InvalidPoint>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }
}

/// `name{key:value, key:value}`, as Apptuit's clients write it.
///
/// ```
/// let series = tagmeter::apptuit::TimeSeries::new("queue.depth", [("host", "a"), ("env", "dev")])?;
/// assert_eq!(series.to_string(), "queue.depth{env:dev, host:a}");
/// # Ok::<(), tagmeter::apptuit::InvalidPoint>(())
/// ```
impl fmt::Display for TimeSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_series(f, self.metric.as_str(), &self.tags)
    }
}

/// `name{key:value, key:value}`.
pub(crate) fn write_series(f: &mut fmt::Formatter<'_>, metric: &str, tags: &Tags) -> fmt::Result {
    write!(f, "{metric}{{")?;
    for (at, (key, value)) in tags.iter().enumerate() {
        write!(f, "{}{key}:{value}", if at == 0 { "" } else { ", " })?;
    }
    f.write_str("}")
}

fn checked(metric: Name, tags: Tags) -> Result<(Name, Tags), InvalidPoint> {
    if metric.as_str().is_empty() {
        return Err(InvalidPoint::EmptyName);
    }
    if tags.get("").is_some() {
        return Err(InvalidPoint::EmptyKey { metric });
    }
    Ok((metric, tags))
}

fn finite(metric: &Name, timestamp: Timestamp, value: f64) -> Result<(Timestamp, f64), InvalidPoint> {
    if !value.is_finite() {
        return Err(InvalidPoint::Value { metric: metric.clone(), value });
    }
    if !timestamp.as_f64().is_finite() {
        return Err(InvalidPoint::Timestamp { metric: metric.clone(), timestamp: timestamp.as_f64() });
    }
    Ok((timestamp, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_point_leaves_the_series_as_it_was() {
        let mut series = TimeSeries::new("m", [("k", "v")]).unwrap();
        series.add(1, 1).unwrap();
        assert!(matches!(series.add(2, f64::INFINITY), Err(InvalidPoint::Value { .. })));
        assert!(matches!(series.add(f64::NAN, 2), Err(InvalidPoint::Timestamp { .. })));
        series.add(3, 3).unwrap();
        assert_eq!(series.points, [(Timestamp::from(1), 1.0), (Timestamp::from(3), 3.0)]);
    }

    #[test]
    fn a_series_is_made_with_all_its_points_or_not_at_all() {
        let refused = TimeSeries::with_points("m", [("k", "v")], [(1, 1.0), (2, f64::NAN)]);
        assert!(matches!(refused, Err(InvalidPoint::Value { .. })));
    }

    #[test]
    fn without_tags_the_name_is_whole() {
        let point = DataPoint::new("name", (), 1.9, 1).unwrap();
        assert_eq!(point.to_string(), "name{timestamp: 1, value: 1.000000}");
        assert_eq!(TimeSeries::new("name", ()).unwrap().to_string(), "name{}");
    }

    #[test]
    fn a_point_has_a_name_and_its_tags_have_keys() {
        assert_eq!(DataPoint::new("", [("k", "v")], 1, 1), Err(InvalidPoint::EmptyName));
        let keyless = TimeSeries::new("m", [("", "v")]);
        assert_eq!(keyless, Err(InvalidPoint::EmptyKey { metric: "m".into() }));
    }
}
