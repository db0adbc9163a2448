//! Counts of an outside source that never fall, whatever the source does.
//!
//! Where the source begins anew, what it had shown before is added to all that it shows from then on. Prometheus would find
//! the fall by itself and come to the same rates; what cannot are deltas, line protocols and people who read two snapshots.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::model::Number;
use crate::name::Name;
use crate::tag::Tags;

/// Series that were not brought lately are remembered up to this many, or up to as many as were.
const MOST_ABSENT: usize = 1000;

/// What was seen of a collector's counters.
#[derive(Debug, Default)]
pub(super) struct Seen {
    series: HashMap<(Name, Tags), Last, RandomState>,
    /// How many readings were followed.
    readings: u64,
    /// How many series the last whole collection brought.
    whole: usize,
}

#[derive(Debug)]
struct Last {
    /// What the source showed.
    source: Number,
    /// What it had counted before it began anew, all times together.
    before: Number,
    /// Which reading this was.
    reading: u64,
}

impl Seen {
    /// How many readings there were, for [`follow`](Self::follow).
    pub(super) fn readings(&self) -> u64 {
        self.readings
    }

    /// The total once the source shows `now`, which was asked for after so many readings.
    pub(super) fn follow(&mut self, name: &Name, tags: &Tags, now: Number, began: u64) -> Number {
        self.readings += 1;
        let first = || Last { source: now, before: Number::Integer(0), reading: 0 };
        let last = self.series.entry((name.clone(), tags.clone())).or_insert_with(first);
        // Of two readings at the same time nobody knows which is older; an older one looks like a fall.
        if last.reading <= began {
            if now.as_f64() < last.source.as_f64() {
                last.before = sum(last.before, last.source);
            }
            last.source = now;
            last.reading = self.readings;
        }
        sum(last.before, last.source)
    }

    /// Forgets series that were not among the readings since `began`, where they are too many. A collection that ended early
    /// says nothing of what it did not come to: then as many are remembered as the last whole one brought.
    pub(super) fn forget_absent(&mut self, began: u64, is_whole: bool) {
        let present = self.series.values().filter(|last| last.reading > began).count();
        self.whole = if is_whole { present } else { self.whole };
        if self.series.len() - present > present.max(self.whole).max(MOST_ABSENT) {
            self.series.retain(|_, last| last.reading > began);
        }
    }
}

/// Whole counts stay whole and wrap as counters do; floats stay finite.
fn sum(a: Number, b: Number) -> Number {
    match (a, b) {
        (Number::Integer(a), Number::Integer(b)) => Number::Integer(a.wrapping_add(b)),
        (a, b) => Number::Float((a.as_f64() + b.as_f64()).min(f64::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(seen: &mut Seen, tag: usize, now: impl Into<Number>, began: u64) -> f64 {
        seen.follow(&"x".into(), &Tags::from([("n", tag.to_string())]), now.into(), began).as_f64()
    }

    #[test]
    fn a_source_that_falls_began_anew() {
        let mut seen = Seen::default();
        let mut next = |now: f64| {
            let began = seen.readings();
            follow(&mut seen, 0, now, began)
        };
        assert_eq!([5.0, 8.0, 8.0, 3.0, 4.5, 1.0].map(&mut next), [5.0, 8.0, 8.0, 11.0, 12.5, 13.5]);
    }

    #[test]
    fn whole_counts_stay_whole() {
        let mut seen = Seen::default();
        let large = (1 << 60) + 1;
        let shown = [large, 1_u64].map(|now| {
            let began = seen.readings();
            seen.follow(&"x".into(), &Tags::new(), now.into(), began)
        });
        assert_eq!(shown, [Number::Integer(large), Number::Integer(large + 1)]);
    }

    #[test]
    fn of_two_readings_at_once_the_later_answer_counts_nothing_twice() {
        let mut seen = Seen::default();
        follow(&mut seen, 0, 9_u64, 0);
        let both_began = seen.readings();
        assert_eq!(follow(&mut seen, 0, 12_u64, both_began), 12.0);
        assert_eq!(follow(&mut seen, 0, 10_u64, both_began), 12.0, "10 came late, and is no fall");
    }

    #[test]
    fn what_comes_and_goes_is_not_remembered_for_ever() {
        let mut seen = Seen::default();
        for round in 0..50 {
            let began = seen.readings();
            (0..100).for_each(|n| _ = follow(&mut seen, round * 100 + n, 1_u64, began));
            seen.forget_absent(began, round % 2 == 0);
            assert!(seen.series.len() <= 100 + MOST_ABSENT, "{}", seen.series.len());
        }
        let began = seen.readings();
        assert_eq!(follow(&mut seen, 4999, 0_u64, began), 1.0, "what was there a moment ago is remembered");
    }
}
