//! Series of one family whose labels come out equal: counters are added up, of other kinds the first is kept.

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
                std::collections::hash_map::Entry::Vacant(entry) => _ = entry.insert(at),
                std::collections::hash_map::Entry::Occupied(entry) => clashes.hide(family, at, *entry.get()),
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
