//! The tag keys of a family, in the order of its definition.

use std::sync::Arc;

/// Keys as defined, and the order that sorts them: series are known by tags sorted by key.
#[derive(Debug, Clone)]
pub(crate) struct Keys<const N: usize>(Arc<Ordered<N>>);

#[derive(Debug)]
struct Ordered<const N: usize> {
    keys: [Box<str>; N],
    /// Places of the keys, sorted by key; of a key given twice, only the later one.
    sorted: Box<[usize]>,
}

impl<const N: usize> Keys<N> {
    pub(crate) fn new(keys: [Box<str>; N]) -> Self {
        let mut sorted: Vec<usize> = (0..N).collect();
        sorted.sort_by(|a, b| keys[*a].cmp(&keys[*b]).then(b.cmp(a)));
        sorted.dedup_by(|earlier, later| keys[*earlier] == keys[*later]);
        Keys(Arc::new(Ordered { keys, sorted: sorted.into() }))
    }

    /// Keys and values, sorted by key, without the empty ones.
    #[inline]
    pub(crate) fn pairs<'a, S: AsRef<str>>(
        &'a self,
        values: &'a [S; N],
    ) -> impl Iterator<Item = (&'a str, &'a str)> + Clone {
        let pairs = self.0.sorted.iter().map(|at| (&*self.0.keys[*at], values[*at].as_ref()));
        pairs.filter(|(_, value)| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_sorted_and_without_empty_values() {
        let keys = Keys::new(["status".into(), "empty".into(), "route".into()]);
        let pairs: Vec<_> = keys.pairs(&["200", "", "/orders"]).collect();
        assert_eq!(pairs, [("route", "/orders"), ("status", "200")]);
    }

    #[test]
    fn of_a_key_given_twice_the_later_counts() {
        let keys = Keys::new(["k".into(), "k".into()]);
        assert_eq!(keys.pairs(&["first", "second"]).collect::<Vec<_>>(), [("k", "second")]);
    }
}
