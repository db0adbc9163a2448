//! How far a backend of increases has got.

use std::collections::HashMap;

use super::sink::{Point, Reading};
use crate::name::Name;
use crate::tag::Tags;

/// The totals that a backend has had the increases up to, one reporter's: others on the registry have their own.
///
/// A total moves on only when its increase is settled. What was not delivered needs no backlog: it is in the next
/// increase.
#[derive(Debug, Default)]
pub(super) struct Cursor(HashMap<(Name, Tags), f64>);

impl Cursor {
    /// Makes increases of the totals among these points, and gives back what was there.
    pub(super) fn lower(&self, points: &mut [Point]) -> Vec<f64> {
        points.iter_mut().map(|point| self.lower_one(point)).collect()
    }

    fn lower_one(&self, point: &mut Point) -> f64 {
        let total = point.value;
        if point.reading == Reading::Total {
            let before = self.0.get(&(point.name.clone(), point.tags.clone())).copied().unwrap_or(0.0);
            // A total that fell began anew.
            point.value = if total < before { total } else { total - before };
            point.reading = Reading::Increase;
        }
        total
    }

    /// The first `settled` of these points need not be sent again. What is not among the points is forgotten: its series
    /// is gone.
    pub(super) fn advance(&mut self, points: &[Point], totals: &[f64], settled: usize) {
        let mut now = HashMap::with_capacity(self.0.len());
        for (at, (point, total)) in points.iter().zip(totals).enumerate() {
            if point.reading != Reading::Increase {
                continue;
            }
            let key = (point.name.clone(), point.tags.clone());
            match self.0.remove(&key) {
                _ if at < settled => drop(now.insert(key, *total)),
                Some(before) => drop(now.insert(key, before)),
                None => {}
            }
        }
        self.0 = now;
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
        let mut points: Vec<Point> = totals.iter().map(|(name, value)| total(name, *value)).collect();
        let totals = cursor.lower(&mut points);
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
    fn a_total_that_fell_began_anew_and_one_that_went_is_forgotten() {
        let mut cursor = Cursor::default();
        increases(&mut cursor, &[("a", 3.0), ("b", 5.0)], 2);
        assert_eq!(increases(&mut cursor, &[("a", 2.0)], 1), [2.0]);
        assert_eq!(cursor.0.len(), 1);
        assert_eq!(increases(&mut cursor, &[("b", 6.0)], 1), [6.0]);
    }

    #[test]
    fn a_level_stays_what_it_is() {
        let cursor = Cursor(HashMap::from([(("a".into(), Tags::new()), 3.0)]));
        let mut level = [Point { reading: Reading::Level, ..total("a", 4.0) }];
        cursor.lower(&mut level);
        assert_eq!((level[0].value, level[0].reading), (4.0, Reading::Level));
    }
}
