//! Series of one family whose labels come out equal: counters are added up, of other kinds the first is kept.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::encode::exposed::Label;
use crate::model::{Family, Number, Series, Value};

/// Which series of a family are hidden by an earlier one, and which have others added. By position in the family.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clashes {
    hidden: BTreeSet<usize>,
    sums: BTreeMap<usize, Number>,
}

impl Clashes {
    /// Looks for clashes. `label` gives a series' labels and whether different tags may have come out equal; where no
    /// series' did, there is nothing to compare.
    pub(crate) fn of<'a>(
        family: &'a Family,
        label: impl Fn(&'a Series, &mut Vec<Label<'a>>) -> bool,
    ) -> Self {
        let mut labels = Vec::new();
        if !family.series.iter().any(|series| label(series, &mut labels)) {
            return Clashes::default();
        }
        let mut clashes = Clashes::default();
        let mut first_with = HashMap::new();
        for (at, series) in family.series.iter().enumerate() {
            label(series, &mut labels);
            // Where no label changed they are still in the order of the tags, which is the same order.
            match first_with.entry(labels.clone()) {
                Entry::Vacant(entry) => _ = entry.insert(at),
                Entry::Occupied(entry) => clashes.hide(family, at, *entry.get()),
            }
        }
        clashes
    }

    fn hide(&mut self, family: &Family, at: usize, first: usize) {
        self.hidden.insert(at);
        let total = |at: usize| match family.series.get(at).map(|series| &series.value) {
            Some(Value::Counter(total)) => Some(*total),
            _ => None,
        };
        let so_far = self.sums.get(&first).copied().or_else(|| total(first));
        if let (Some(so_far), Some(more)) = (so_far, total(at)) {
            self.sums.insert(first, add(so_far, more));
        }
    }

    /// Whether the series at this position is not shown.
    pub(crate) fn hides(&self, at: usize) -> bool {
        !self.hidden.is_empty() && self.hidden.contains(&at)
    }

    /// The sum to show for the series at this position, where others were added to it.
    pub(crate) fn sum(&self, at: usize) -> Option<Number> {
        if self.sums.is_empty() { None } else { self.sums.get(&at).copied() }
    }

    /// How many series are not shown.
    pub(crate) fn count(&self) -> usize {
        self.hidden.len()
    }
}

/// Whole counts stay whole and wrap as counters do.
fn add(a: Number, b: Number) -> Number {
    match (a, b) {
        (Number::Integer(a), Number::Integer(b)) => Number::Integer(a.wrapping_add(b)),
        (a, b) => Number::Float(a.as_f64() + b.as_f64()),
    }
}

#[cfg(test)]
mod tests {
    use crate::registry::Registry;

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
