//! A snapshot as points that a backend takes.

use super::rules::{Fit, RefusedPoint, Takers};
use super::sink::{Point, Reading};
use super::timestamp::Timestamp;
use crate::encode::fields::{self, Field};
use crate::model::{Nanos, Snapshot};
use crate::name::Name;

/// What a snapshot became.
#[derive(Debug, Default)]
pub(super) struct Points {
    pub(super) points: Vec<Point>,
    /// When the series of each point began to count.
    pub(super) starts: Vec<Nanos>,
    /// Numbers left out because they are not finite.
    pub(super) not_finite: usize,
    /// Why others were left out, one entry a number.
    pub(super) refused: Vec<RefusedPoint>,
}

/// Every number of a snapshot as a point named `prefix` + metric + `.` + field, all with one timestamp. A metric that
/// cannot be sent takes nothing else with it.
pub(super) fn points(snapshot: &Snapshot, timestamp: Timestamp, prefix: &str, fit: Fit<'_>) -> Points {
    let series = snapshot.families().iter().map(|family| family.series.len()).sum();
    let (points, starts) = (Vec::with_capacity(series), Vec::with_capacity(series));
    let done = Points { points, starts, ..Points::default() };
    let mut lowering =
        Lowering { prefix, timestamp, fit, family: None, names: Vec::new(), takers: Takers::default(), done };
    let not_finite = fields::each(snapshot, |field| lowering.take(field));
    Points { not_finite, ..lowering.done }
}

struct Lowering<'a> {
    prefix: &'a str,
    timestamp: Timestamp,
    fit: Fit<'a>,
    /// The family whose points have these names.
    family: Option<Name>,
    /// Names of points by field, few: all series of a family share them.
    names: Vec<(&'static str, Name)>,
    takers: Takers,
    done: Points,
}

impl Lowering<'_> {
    fn take(&mut self, field: Field<'_>) {
        match self.fitted(field) {
            Ok(point) => {
                self.done.points.push(point);
                self.done.starts.push(field.start);
            }
            Err(refused) => self.done.refused.push(refused),
        }
    }

    fn fitted(&mut self, field: Field<'_>) -> Result<Point, RefusedPoint> {
        let name = self.name(field.name, field.field)?;
        let tags = self.fit.tags(field.name, field.tags)?;
        let reading = if field.is_total { Reading::Total } else { Reading::Level };
        Ok(Point { name, tags, timestamp: self.timestamp, value: field.value, reading })
    }

    fn name(&mut self, metric: &Name, field: &'static str) -> Result<Name, RefusedPoint> {
        if self.family.as_ref() != Some(metric) {
            self.family = Some(metric.clone());
            self.names.clear();
        }
        if let Some((_, known)) = self.names.iter().find(|(known, _)| *known == field) {
            return Ok(known.clone());
        }
        let whole = Name::from(format!("{}{metric}.{field}", self.prefix));
        let name = self.takers.take(self.fit.name(&whole)?, metric)?;
        self.names.push((field, name.clone()));
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Family, Kind, Value};
    use crate::report::merged::Merged;
    use crate::report::rules::Collisions;
    use crate::tag::{Sanitize, TagLayers, Tags};
    use crate::unit::Unit;
    use std::time::{Duration, SystemTime};

    fn gauges(gauges: &[(&str, Tags, f64)]) -> Snapshot {
        let start = SystemTime::UNIX_EPOCH + Duration::from_millis(2_500);
        let family = |(name, tags, level): &(&str, Tags, f64)| Family {
            name: (*name).into(),
            kind: Kind::Gauge,
            help: "".into(),
            unit: Unit::None,
            series: [(tags, Value::Gauge(*level), start)].into_iter().collect(),
        };
        Snapshot::new(start, gauges.iter().map(family).collect())
    }

    fn points_of(prefix: &str, sanitize: Sanitize, snapshot: &Snapshot) -> Points {
        let layers = TagLayers::new(sanitize).max_tags(2).layer(&[("host", "a")].into()).unwrap();
        let (collisions, merged) = (Collisions::default(), &mut Merged::default());
        let fit = Fit { sanitize, layers: &layers, collisions: &collisions, merged };
        points(snapshot, Timestamp::from(snapshot.taken_at()), prefix, fit)
    }

    #[test]
    fn a_name_is_made_legal_as_a_whole() {
        let snapshot = gauges(&[("queue.depth", Tags::new(), 7.5)]);
        let name = |prefix, mode| points_of(prefix, mode, &snapshot).points[0].name.to_string();
        assert_eq!(name("", Sanitize::Prometheus), "queue_depth_value");
        assert_eq!(name("1.", Sanitize::Prometheus), "_1_queue_depth_value");
        assert_eq!(name("app.", Sanitize::Apptuit), "app.queue.depth.value");
    }

    #[test]
    fn all_points_have_the_snapshot_s_second() {
        let snapshot = gauges(&[("a", Tags::new(), 1.0), ("b", [("k", "v")].into(), 2.0)]);
        let points = points_of("", Sanitize::default(), &snapshot).points;
        assert!(points.iter().all(|point| point.timestamp == Timestamp::from(2)));
        assert_eq!(points[1].tags, Tags::from([("host", "a"), ("k", "v")]));
    }

    #[test]
    fn a_name_that_two_metrics_become_is_the_first_one_s() {
        let (one, two) = (Tags::from([("k", "1")]), Tags::from([("k", "2")]));
        let snapshot = gauges(&[
            ("a.b", one.clone(), 1.0),
            ("a_b", one, 2.0),
            ("a_b", two, 3.0),
            ("c", Tags::new(), 4.0),
        ]);
        let done = points_of("app.", Sanitize::Prometheus, &snapshot);
        let values: Vec<f64> = done.points.iter().map(|point| point.value).collect();
        assert_eq!((values, done.starts.len()), (vec![1.0, 4.0], 2));
        let (metric, name, by) = ("a_b".into(), "app_a_b_value".into(), "a.b".into());
        let refused = RefusedPoint::Taken { metric, name, by };
        let text = r#"metric "a_b" cannot be sent as "app_a_b_value": that is what metric "a.b" is sent as"#;
        assert_eq!(refused.to_string(), text);
        assert_eq!(done.refused, [refused.clone(), refused]);
        assert_eq!(points_of("app.", Sanitize::Apptuit, &snapshot).points.len(), 4);
    }

    #[test]
    fn a_metric_that_cannot_be_sent_takes_nothing_else_with_it() {
        let many = Tags::from([("k", "v"), ("l", "v")]);
        let snapshot = gauges(&[
            ("bad name", Tags::new(), 1.0),
            ("many", many, 1.0),
            ("nan", Tags::new(), f64::NAN),
            ("good", Tags::new(), 1.0),
        ]);
        let done = points_of("", Sanitize::None, &snapshot);
        assert_eq!((done.points.len(), done.refused.len(), done.not_finite), (1, 2, 1));
        assert_eq!(done.points[0].name, "good.value");
    }
}
