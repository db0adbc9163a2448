//! How far a backend of increases has got.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::sink::{Point, Reading};
use crate::model::Nanos;
use crate::name::Name;
use crate::tag::Tags;

/// The totals that a backend has had the increases up to, one reporter's: others on the registry have their own.
///
/// A total moves on only when its increase is settled. What was not delivered needs no backlog: it is in the next
/// increase.
///
/// A series that is absent from a report, because it is hidden or its collector failed, may come back with its count
/// continued, so it is remembered: as many such series as the largest report had increases, the longest absent forgotten
/// first. One that is forgotten and does come back sends its whole total again.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    settled: HashMap<(Name, Tags), Settled, RandomState>,
    /// Reports so far.
    reports: u64,
    /// The most increases that a report had.
    largest: usize,
}

/// A total, and since when it counts: one that began anew may be greater than it was before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Total {
    pub(super) value: f64,
    pub(super) start: Nanos,
}

/// What a backend has had.
#[derive(Debug)]
struct Settled {
    total: Total,
    /// The last report that had this series.
    report: u64,
}

impl Cursor {
    /// Makes increases of the totals among these points, which count since these times, and gives back what was there.
    pub(super) fn lower(&self, points: &mut [Point], starts: &[Nanos]) -> Vec<Total> {
        points.iter_mut().zip(starts).map(|(point, start)| self.lower_one(point, *start)).collect()
    }

    fn lower_one(&self, point: &mut Point, start: Nanos) -> Total {
        let total = Total { value: point.value, start };
        if point.reading == Reading::Total {
            let before = self.settled.get(&(point.name.clone(), point.tags.clone()));
            point.value = before.map_or(total.value, |before| total.increase_since(before.total));
            point.reading = Reading::Increase;
        }
        total
    }

    /// The first `settled` of these points need not be sent again.
    pub(super) fn advance(&mut self, points: &[Point], totals: &[Total], settled: usize) {
        self.reports += 1;
        let mut present = 0;
        for (at, (point, total)) in points.iter().zip(totals).enumerate() {
            if point.reading == Reading::Increase {
                present += 1;
                self.note(point, *total, at < settled);
            }
        }
        self.largest = self.largest.max(present);
        self.forget();
    }

    fn note(&mut self, point: &Point, total: Total, is_settled: bool) {
        let (key, report) = ((point.name.clone(), point.tags.clone()), self.reports);
        if is_settled {
            self.settled.insert(key, Settled { total, report });
        } else if let Some(known) = self.settled.get_mut(&key) {
            known.report = report;
        }
    }

    /// Forgets those of the absent that are too many, the longest absent first.
    fn forget(&mut self) {
        let absent = self.settled.values().map(|known| known.report).filter(|report| *report < self.reports);
        let mut absent: Vec<u64> = absent.collect();
        let excess = absent.len().saturating_sub(self.largest);
        absent.sort_unstable();
        let Some(newest) = absent[..excess].last().copied() else { return };
        let mut of_newest = excess - absent.partition_point(|report| *report < newest);
        self.settled.retain(|_, known| {
            let is_one_of_newest = known.report == newest && of_newest > 0;
            of_newest -= usize::from(is_one_of_newest);
            known.report >= newest && !is_one_of_newest
        });
    }
}

impl Total {
    /// All of it, where it began anew.
    fn increase_since(self, before: Total) -> f64 {
        let began_anew = self.start != before.start || self.value < before.value;
        if began_anew { self.value } else { self.value - before.value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Timestamp;

    fn total(name: &str, value: f64) -> Point {
        let reading = Reading::Total;
        Point { name: name.into(), tags: Tags::new(), timestamp: Timestamp::from(1), value, reading }
    }

    /// Lowers totals, settles the first of them, and gives the increases.
    fn increases(cursor: &mut Cursor, totals: &[(&str, f64)], settled: usize) -> Vec<f64> {
        increases_since(cursor, 0, totals, settled)
    }

    fn increases_since(
        cursor: &mut Cursor,
        start: Nanos,
        totals: &[(&str, f64)],
        settled: usize,
    ) -> Vec<f64> {
        let mut points: Vec<Point> = totals.iter().map(|(name, value)| total(name, *value)).collect();
        let totals = cursor.lower(&mut points, &vec![start; totals.len()]);
        cursor.advance(&points, &totals, settled);
        points.iter().map(|point| point.value).collect()
    }

    #[test]
    fn an_increase_that_was_not_settled_is_in_the_next() {
        let mut cursor = Cursor::default();
        assert_eq!(increases(&mut cursor, &[("a", 3.0), ("b", 5.0)], 1), [3.0, 5.0]);
        assert_eq!(increases(&mut cursor, &[("a", 4.0), ("b", 7.0)], 0), [1.0, 7.0]);
        assert_eq!(increases(&mut cursor, &[("a", 6.0), ("b", 8.0)], 2), [3.0, 8.0]);
        assert_eq!(increases(&mut cursor, &[("a", 6.0), ("b", 8.0)], 2), [0.0, 0.0]);
    }

    #[test]
    fn a_series_that_was_absent_goes_on_where_it_was() {
        let mut cursor = Cursor::default();
        increases(&mut cursor, &[("a", 3.0), ("b", 5.0)], 2);
        assert_eq!(increases(&mut cursor, &[("a", 4.0)], 1), [1.0]);
        assert_eq!(increases(&mut cursor, &[], 0), [0.0; 0]);
        assert_eq!(increases(&mut cursor, &[("a", 4.0), ("b", 6.0)], 2), [0.0, 1.0]);
    }

    #[test]
    fn a_total_that_fell_or_has_another_start_began_anew() {
        let mut cursor = Cursor::default();
        increases(&mut cursor, &[("a", 3.0)], 1);
        assert_eq!(increases(&mut cursor, &[("a", 2.0)], 1), [2.0]);
        assert_eq!(increases_since(&mut cursor, 7, &[("a", 5.0)], 1), [5.0]);
        assert_eq!(increases_since(&mut cursor, 7, &[("a", 6.0)], 1), [1.0]);
    }

    #[test]
    fn as_many_absent_series_are_remembered_as_the_largest_report_had() {
        let mut cursor = Cursor::default();
        for pair in [["a", "b"], ["c", "d"], ["e", "f"], ["g", "h"]] {
            increases(&mut cursor, &pair.map(|name| (name, 1.0)), 2);
        }
        assert_eq!(cursor.settled.len(), 4);
        let all = [("e", 3.0), ("h", 3.0), ("a", 3.0)];
        assert_eq!(increases(&mut cursor, &all, 3), [2.0, 2.0, 3.0]);
        for name in 0..100 {
            increases(&mut cursor, &[(&format!("n{name}"), 1.0)], 1);
            assert!(cursor.settled.len() <= 1 + 3);
        }
    }

    #[test]
    fn a_level_stays_what_it_is() {
        let mut cursor = Cursor::default();
        increases(&mut cursor, &[("a", 3.0)], 1);
        let mut level = [Point { reading: Reading::Level, ..total("a", 4.0) }];
        cursor.lower(&mut level, &[0]);
        assert_eq!((level[0].value, level[0].reading), (4.0, Reading::Level));
    }
}
