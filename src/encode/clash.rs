//! Series of one family whose labels come out equal: counters are added up, of other kinds the first is kept.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::RandomState;

use crate::model::{Family, Nanos, Series, Value};
use crate::tag::label::LabelText;

/// Which series of a family are hidden by an earlier one, and which have others added. By position in the family.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clashes {
    hidden: BTreeSet<usize>,
    /// Sums, and since when they count.
    sums: BTreeMap<usize, (Value, Nanos)>,
}

impl Clashes {
    /// Compares the labels of all series, as they stand on a page.
    pub(crate) fn of<'a>(
        family: &'a Family,
        labels: impl Fn(Series<'a>, LabelText<'a>) -> Cow<'a, str>,
    ) -> Self {
        let mut clashes = Clashes::default();
        let mut first_with: HashMap<Cow<'a, str>, (usize, Series<'a>), RandomState> = HashMap::default();
        family.series.each_labelled(|at, series, rendered| {
            match first_with.entry(labels(series, rendered)) {
                Entry::Vacant(entry) => _ = entry.insert((at, series)),
                Entry::Occupied(entry) => clashes.hide((at, series), *entry.get()),
            }
        });
        clashes
    }

    fn hide(&mut self, (at, series): (usize, Series<'_>), (first, first_series): (usize, Series<'_>)) {
        self.hidden.insert(at);
        let so_far = self.shown(first, first_series);
        if let (Value::Counter(total), Value::Counter(other)) = (so_far.value, series.value) {
            // The earlier of the two starts, and that is the one that nobody knows (0) if there is one.
            let sum = (Value::Counter(total.plus(*other)), so_far.start.min(series.start));
            self.sums.insert(first, sum);
        }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.hidden.is_empty()
    }

    /// Whether the series at this position is not shown.
    pub(crate) fn hides(&self, at: usize) -> bool {
        self.hidden.contains(&at)
    }

    /// What to show for the series at this position: it, with the sum for its value where others were added to it.
    pub(crate) fn shown<'a>(&'a self, at: usize, mut series: Series<'a>) -> Series<'a> {
        if let Some((sum, start)) = self.sums.get(&at) {
            (series.value, series.start) = (sum, *start);
        }
        series
    }

    /// How many series are not shown.
    pub(crate) fn count(&self) -> usize {
        self.hidden.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::encode::Escaping;
    use crate::encode::exposed::Exposed;
    use crate::model::Kind;
    use crate::registry::Registry;
    use crate::unit::Unit;

    #[test]
    fn counters_are_added_up_and_stay_whole() {
        let registry = Registry::new();
        registry.counter(("hits", [("a.b", "1")])).add(1 << 60);
        registry.counter(("hits", [("a/b", "1")])).add(1);
        registry.counter(("hits", [("a_b", "1")])).add(1);
        assert_eq!(
            registry.snapshot().to_text(),
            "# TYPE hits_total counter\nhits_total{a_b=\"1\"} 1152921504606846978\n"
        );
    }

    #[test]
    fn float_counters_are_added_up_too() {
        let registry = Registry::new();
        registry.float_counter(("seconds", [("a.b", "1")])).add(0.5);
        registry.float_counter(("seconds", [("a/b", "1")])).add(0.25);
        assert!(registry.snapshot().to_text().ends_with(" 0.75\n"));
    }

    #[test]
    fn a_sum_counts_since_the_first_of_them_began() {
        let began = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let shown = |starts: [u64; 3]| {
            let keys = ["a.b", "a/b", "a_b"].into_iter().zip(starts);
            let series = keys.map(|(key, start)| ([(key, "1")], Value::Counter(1_u64.into()), began(start)));
            let (name, help, unit) = ("hits".into(), "".into(), Unit::None);
            let family = Family { name, kind: Kind::Counter, help, unit, series: series.collect() };
            let mut all = Vec::new();
            Exposed::of(&family, Escaping::Underscores)
                .each(|shown| all.push((shown.value.number(), shown.series.start())));
            all
        };
        assert_eq!(shown([30, 20, 40]), [(Some(3.0), began(20))]);
        assert_eq!(shown([30, 0, 20]), [(Some(3.0), began(0))], "nobody knows");
    }

    #[test]
    fn of_other_kinds_the_first_is_kept() {
        let registry = Registry::new();
        registry.gauge(("level", [("a.b", "1")])).set(1.0);
        registry.gauge(("level", [("a/b", "1")])).set(2.0);
        registry.gauge(("level", [("a/b", "2")])).set(3.0);
        let expected = "# TYPE level gauge\nlevel{a_b=\"1\"} 1\nlevel{a_b=\"2\"} 3\n";
        assert_eq!(registry.snapshot().to_text(), expected);
    }

    #[test]
    fn infos_are_told_apart_by_tags_and_facts_together() {
        let registry = Registry::new();
        registry.info("build").set([("a", "1")]);
        registry.info(("build", [("a", "1")])).set(());
        assert_eq!(registry.snapshot().to_text(), "# TYPE build_info gauge\nbuild_info{a=\"1\"} 1\n");
    }
}
