//! The tag keys of a family.

use std::sync::Arc;

use super::sought::{KeyHash, Schema, Sought, hash_of};
use crate::tag::{PackedKeys, Tags};

/// Keys that know where their values stand in the order of the definition.
#[derive(Debug, Clone)]
pub(crate) struct Keys(Arc<KeySet>);

#[derive(Debug)]
struct KeySet {
    /// As tags are.
    sorted: Box<[Key]>,
    /// As tags have them that have them all.
    packed: PackedKeys,
    /// In the order of the definition; none where a key is given twice, so that who comes with values goes the slow way.
    hashes: Box<[KeyHash]>,
    /// Where the values of the sorted keys stand; none where there are no hashes.
    places: Box<[usize]>,
    /// That of all tags which were made of values for these.
    schema: Schema,
}

#[derive(Debug)]
struct Key {
    text: Box<str>,
    /// The place of its value; [`NOWHERE`] where the key is given again later.
    place: usize,
}

/// No value stands there, and what has no value is an absent tag.
const NOWHERE: usize = usize::MAX;

impl Keys {
    /// Of a key given twice the later counts.
    pub(crate) fn new<K: AsRef<str>>(keys: &[K]) -> Self {
        let again_after =
            |place: usize, key: &K| keys.iter().skip(place + 1).any(|later| later.as_ref() == key.as_ref());
        let key = |(place, key): (usize, &K)| Key {
            text: key.as_ref().into(),
            place: if again_after(place, key) { NOWHERE } else { place },
        };
        let mut sorted: Box<[Key]> = keys.iter().enumerate().map(key).collect();
        sorted.sort_by(|a, b| a.text.cmp(&b.text));
        let packed = PackedKeys::new(sorted.iter().map(|key| &*key.text));
        let mut hashes: Box<[KeyHash]> = keys.iter().map(|key| KeyHash::new(key.as_ref())).collect();
        if sorted.iter().any(|key| key.place == NOWHERE) {
            hashes = Box::default();
        }
        let places = sorted.iter().map(|key| key.place).take(hashes.len()).collect();
        Keys(Arc::new(KeySet { sorted, packed, hashes, places, schema: Schema::next() }))
    }

    /// These keys with values, which stand in the order of the definition.
    #[inline]
    pub(crate) fn with<'a, V: Values>(&'a self, values: &'a V) -> WithValues<'a, V> {
        WithValues { keys: self, values }
    }
}

/// Texts in the order of a definition's keys.
pub(crate) trait Values {
    fn count(&self) -> usize;

    /// The empty text where there is none.
    fn at(&self, place: usize) -> &str;

    #[inline]
    fn bytes_at(&self, place: usize) -> &[u8] {
        self.at(place).as_bytes()
    }
}

impl<S: AsRef<str>, const N: usize> Values for [S; N] {
    #[inline]
    fn count(&self) -> usize {
        N
    }

    #[inline]
    fn at(&self, place: usize) -> &str {
        self.get(place).map_or("", AsRef::as_ref)
    }
}

impl<S: AsRef<str>> Values for &[S] {
    #[inline]
    fn count(&self) -> usize {
        self.len()
    }

    #[inline]
    fn at(&self, place: usize) -> &str {
        self.get(place).map_or("", AsRef::as_ref)
    }
}

/// The tags that keys and values are; an empty value is an absent tag.
///
/// Two pointers, so that they are passed in registers.
#[derive(Debug)]
pub(crate) struct WithValues<'a, V> {
    keys: &'a Keys,
    values: &'a V,
}

// Not derived: a derived one would ask for `V: Copy`.
impl<V> Clone for WithValues<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for WithValues<'_, V> {}

impl<'a, V: Values> WithValues<'a, V> {
    /// Keys and values, sorted by key, without the empty ones.
    fn present(self) -> impl Iterator<Item = (&'a str, &'a str)> + Clone {
        let all = self.keys.0.sorted.iter().map(move |key| (&*key.text, self.values.at(key.place)));
        all.filter(|(_, value)| !value.is_empty())
    }

    /// The values in the order of the sorted keys, for each key one, as there nearly always is. Where the number of values is
    /// a constant, that of the keys is one too once it was compared, here and in `hash`, and loops over them are unrolled.
    #[inline(always)]
    fn all(self) -> Option<impl ExactSizeIterator<Item = &'a [u8]>> {
        let places = &*self.keys.0.places;
        (places.len() == self.values.count())
            .then(|| places.iter().map(move |place| self.values.bytes_at(*place)))
    }

    /// As `is`, where nothing is known of the keys of the tags.
    #[inline(never)]
    fn is_unknown(self, tags: &Tags) -> bool {
        let are = self.all().and_then(|values| tags.are(&self.keys.0.packed, values));
        are.unwrap_or_else(|| self.is_slow(tags))
    }

    #[cold]
    fn hash_slow(self) -> u32 {
        hash_of(self.present())
    }

    #[cold]
    fn is_slow(self, tags: &Tags) -> bool {
        self.present().eq(tags.iter())
    }
}

impl<V: Values> Sought for WithValues<'_, V> {
    #[inline(always)]
    fn hash(self) -> u32 {
        let hashes = &*self.keys.0.hashes;
        if hashes.len() != self.values.count() {
            return self.hash_slow();
        }
        let mut sum = 0_u32;
        // A loop and not a fold, here and in comparing: closures that are this long become calls.
        for (place, key) in hashes.iter().enumerate() {
            sum = sum.wrapping_add(key.pair(self.values.bytes_at(place)));
        }
        sum
    }

    fn schema(self) -> Schema {
        let full = self.all().is_some_and(|mut values| values.all(|value| !value.is_empty()));
        if full { self.keys.0.schema.of_tags() } else { Schema::UNKNOWN }
    }

    #[inline(always)]
    fn is(self, tags: &Tags, schema: Schema) -> bool {
        if schema != self.keys.0.schema {
            return self.is_unknown(tags);
        }
        // No tag is empty: an empty value among as many others is not there.
        let are = self.all().and_then(|values| tags.have(&self.keys.0.packed, values));
        are.unwrap_or_else(|| self.is_slow(tags))
    }

    fn is_empty(self) -> bool {
        self.present().next().is_none()
    }

    fn to_tags(self) -> Tags {
        let keys = &self.keys.0;
        let values = keys.sorted.iter().map(|key| self.values.at(key.place));
        // A set without tags is made once for all.
        if keys.sorted.is_empty() || values.clone().any(str::is_empty) {
            Tags::of_sorted(self.present())
        } else {
            Tags::with_keys(&keys.packed, values)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_with_values_are_the_tags_of_those_pairs(
            pairs in prop::collection::vec(("[a-d]{1,2}", "[xy]{0,3}|x{4,9}|x{60,70}"), 0..5),
            other in prop::collection::vec(("[a-d]{1,2}", "[xy]{0,3}"), 0..3),
        ) {
            let (names, values): (Vec<_>, Vec<_>) = pairs.iter().cloned().unzip();
            let keys = Keys::new(&names);
            let values = values.as_slice();
            let sought = keys.with(&values);
            let tags = Tags::from(pairs);
            prop_assert_eq!(sought.to_tags(), tags.clone());
            prop_assert_eq!(sought.hash(), (&tags).hash());
            prop_assert!(sought.is(&tags, Schema::UNKNOWN) && sought.is(&tags, sought.schema()));
            let other = Tags::from(other);
            prop_assert_eq!(sought.is(&other, Schema::UNKNOWN), tags == other);
        }
    }

    proptest! {
        /// Of some keys, values that are all there or not, short or not.
        #[test]
        fn tags_of_the_same_keys_are_told_apart_by_their_values(
            values in prop::collection::vec(["[xy]{0,3}|x{4,9}|x{60,70}", "[xy]{0,3}|x{4,9}|x{60,70}"], 2..20),
        ) {
            let keys = Keys::new(&["b", "a"]);
            for [b, a] in &values {
                let (own, texts) = (Tags::from([("b", b), ("a", a)]), [b, a]);
                for other in &values {
                    let sought = keys.with(other);
                    let made = keys.with(&texts);
                    prop_assert_eq!(sought.is(&own, made.schema()), sought.to_tags() == own);
                    prop_assert_eq!(made.schema() == Schema::UNKNOWN, a.is_empty() || b.is_empty());
                }
            }
        }
    }

    #[test]
    fn keys_have_a_schema_of_their_own() {
        let (one, same) = (Keys::new(&["a"]), Keys::new(&["a"]));
        assert_ne!(one.with(&["x"]).schema(), same.with(&["x"]).schema());
        let tags = one.with(&["x"]).to_tags();
        assert!(same.with(&["x"]).is(&tags, one.with(&["x"]).schema()));
        assert!(!same.with(&["y"]).is(&tags, one.with(&["x"]).schema()));
    }

    #[test]
    fn an_empty_value_is_an_absent_tag() {
        let keys = Keys::new(&["status", "empty", "route"]);
        let tags = keys.with(&["200", "", "/orders"]).to_tags();
        assert_eq!(tags, Tags::from([("route", "/orders"), ("status", "200")]));
    }

    #[test]
    fn a_value_that_is_missing_is_an_absent_tag_and_one_too_many_is_nothing() {
        let keys = Keys::new(&["b", "a"]);
        for (values, tags) in [
            (&["2"][..], Tags::from([("b", "2")])),
            (&["2", "1", "0"], Tags::from([("b", "2"), ("a", "1")])),
            (&[], Tags::new()),
        ] {
            let sought = keys.with(&values);
            assert!(sought.is(&tags, Schema::UNKNOWN));
            assert_eq!((sought.to_tags(), sought.hash()), (tags.clone(), (&tags).hash()));
        }
    }

    #[test]
    fn of_a_key_given_twice_the_later_counts() {
        let keys = Keys::new(&["k", "k"]);
        assert_eq!(keys.with(&["first", "second"]).to_tags(), Tags::from([("k", "second")]));
        assert!(keys.with(&["first", ""]).to_tags().is_empty());
    }
}
