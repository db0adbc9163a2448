//! The tag keys of a family.

use std::sync::Arc;

use super::sought::{KeyHash, Sought};
use crate::tag::Tags;

/// Keys, sorted as tags are, that know where their values stand in the order of the definition.
#[derive(Debug, Clone)]
pub(crate) struct Keys(Arc<[Key]>);

#[derive(Debug)]
struct Key {
    text: Box<str>,
    hash: KeyHash,
    /// The place of its value.
    place: usize,
}

impl Keys {
    /// Of a key given twice the later counts.
    pub(crate) fn new<K: AsRef<str>>(keys: &[K]) -> Self {
        let key = |(place, key): (usize, &K)| Key {
            text: key.as_ref().into(),
            hash: KeyHash::new(key.as_ref()),
            place,
        };
        let mut sorted: Vec<Key> = keys.iter().enumerate().map(key).collect();
        sorted.sort_by(|a, b| a.text.cmp(&b.text).then(b.place.cmp(&a.place)));
        sorted.dedup_by(|earlier, later| earlier.text == later.text);
        Keys(sorted.into())
    }

    /// These keys with values, which stand in the order of the definition.
    #[inline]
    pub(crate) fn with<'a, S>(&'a self, values: &'a [S]) -> WithValues<'a, S> {
        WithValues { keys: &self.0, values }
    }
}

/// The tags that keys and values are; an empty value is an absent tag.
#[derive(Debug)]
pub(crate) struct WithValues<'a, S> {
    keys: &'a [Key],
    values: &'a [S],
}

// Not derived: a derived one would ask for `S: Copy`.
impl<S> Clone for WithValues<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for WithValues<'_, S> {}

impl<'a, S: AsRef<str>> WithValues<'a, S> {
    /// Keys and values, sorted by key, without the empty ones.
    #[inline]
    fn pairs(self) -> impl Iterator<Item = (&'a Key, &'a str)> + Clone {
        self.keys.iter().filter_map(move |key| {
            let value = self.values.get(key.place)?.as_ref();
            (!value.is_empty()).then_some((key, value))
        })
    }

    #[inline]
    fn texts(self) -> impl Iterator<Item = (&'a str, &'a str)> + Clone {
        self.pairs().map(|(key, value)| (&*key.text, value))
    }
}

impl<S: AsRef<str>> Sought for WithValues<'_, S> {
    #[inline]
    fn hash(self) -> u64 {
        self.pairs().fold(0, |sum, (key, value)| sum.wrapping_add(key.hash.pair(value)))
    }

    #[inline]
    fn is(self, tags: &Tags) -> bool {
        tags.are(self.texts())
    }

    fn is_empty(self) -> bool {
        self.pairs().next().is_none()
    }

    fn to_tags(self) -> Tags {
        Tags::of_sorted(self.texts())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_with_values_are_the_tags_of_those_pairs(
            pairs in prop::collection::vec(("[a-d]{1,2}", "[xy]{0,3}"), 0..5),
            other in prop::collection::vec(("[a-d]{1,2}", "[xy]{0,3}"), 0..3),
        ) {
            let (names, values): (Vec<_>, Vec<_>) = pairs.iter().cloned().unzip();
            let keys = Keys::new(&names);
            let sought = keys.with(&values);
            let tags = Tags::from(pairs);
            prop_assert_eq!(sought.to_tags(), tags.clone());
            prop_assert_eq!(sought.hash(), (&tags).hash());
            prop_assert!(sought.is(&tags));
            let other = Tags::from(other);
            prop_assert_eq!(sought.is(&other), tags == other);
        }
    }

    #[test]
    fn an_empty_value_is_an_absent_tag() {
        let keys = Keys::new(&["status", "empty", "route"]);
        let tags = keys.with(&["200", "", "/orders"]).to_tags();
        assert_eq!(tags, Tags::from([("route", "/orders"), ("status", "200")]));
    }

    #[test]
    fn of_a_key_given_twice_the_later_counts() {
        let keys = Keys::new(&["k", "k"]);
        assert_eq!(keys.with(&["first", "second"]).to_tags(), Tags::from([("k", "second")]));
        assert!(keys.with(&["first", ""]).to_tags().is_empty());
    }
}
