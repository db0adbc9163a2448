//! Tags that somebody looks for, and their hash.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use foldhash::SharedSeed;
use foldhash::fast::FoldHasher;

use crate::tag::Tags;

/// Tags that somebody looks for, in the form that he has them in.
///
/// All forms of the same tags have one hash: the sum of the hashes of their pairs, so that neither the order of the keys
/// nor an absent tag matters, and the processor works at all pairs at once.
pub(crate) trait Sought: Copy {
    fn hash(self) -> u32;

    /// What the tags that are made of them are remembered with.
    fn schema(self) -> Schema;

    /// Whether they are these tags, which were made of something with that schema.
    fn is(self, tags: &Tags, schema: Schema) -> bool;

    fn is_empty(self) -> bool;

    fn to_tags(self) -> Tags;
}

/// Which keys some tags have: those with the same schema have the same keys, all of them with a value. That keys have
/// different schemas tells nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schema(u32);

impl Schema {
    /// Of tags whose keys nobody has numbered.
    pub(crate) const UNKNOWN: Schema = Schema(0);
    /// Of keys that there was no number left for: tags have [`UNKNOWN`](Schema::UNKNOWN) in its place.
    const NONE_LEFT: Schema = Schema(u32::MAX);

    /// One that nothing else has.
    pub(crate) fn next() -> Self {
        static LAST: AtomicU32 = AtomicU32::new(0);
        // Relaxed: the number is all that is taken.
        let next = |last: u32| last.checked_add(1).filter(|next| Schema(*next) != Schema::NONE_LEFT);
        let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        last.map_or(Schema::NONE_LEFT, |last| Schema(last + 1))
    }

    /// That of tags with keys of this schema.
    pub(crate) fn of_tags(self) -> Self {
        if self == Schema::NONE_LEFT { Schema::UNKNOWN } else { self }
    }
}

impl Sought for &Tags {
    fn hash(self) -> u32 {
        hash_of(self.iter())
    }

    fn schema(self) -> Schema {
        Schema::UNKNOWN
    }

    fn is(self, tags: &Tags, _: Schema) -> bool {
        self == tags
    }

    fn is_empty(self) -> bool {
        self.len() == 0
    }

    fn to_tags(self) -> Tags {
        self.clone()
    }
}

/// The hash of pairs.
pub(crate) fn hash_of<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> u32 {
    pairs.fold(0, |sum, (key, value)| sum.wrapping_add(KeyHash::new(key).pair(value.as_bytes())))
}

/// Tags that were hashed, for who looks for them again.
#[derive(Clone, Copy)]
pub(crate) struct Hashed<S> {
    tags: S,
    hash: u32,
}

impl<S: Sought> Hashed<S> {
    #[inline]
    pub(crate) fn new(tags: S, hash: u32) -> Self {
        Hashed { tags, hash }
    }
}

impl<S: Sought> Sought for Hashed<S> {
    #[inline]
    fn hash(self) -> u32 {
        self.hash
    }

    fn schema(self) -> Schema {
        self.tags.schema()
    }

    #[inline(always)]
    fn is(self, tags: &Tags, schema: Schema) -> bool {
        self.tags.is(tags, schema)
    }

    fn is_empty(self) -> bool {
        self.tags.is_empty()
    }

    fn to_tags(self) -> Tags {
        self.tags.to_tags()
    }
}

/// The hash of a key, which hashes of its pairs begin with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyHash {
    seed: u64,
    shared: &'static SharedSeed,
}

/// Random, so that values from outside cannot aim at one slot. One for the program, so that keys are hashed once for all
/// families.
static SEED: LazyLock<(u64, SharedSeed)> = LazyLock::new(|| {
    // The standard library's hasher is keyed by the operating system's random numbers.
    let random = || RandomState::new().build_hasher().finish();
    (random(), SharedSeed::from_u64(random()))
});

impl KeyHash {
    pub(crate) fn new(key: &str) -> Self {
        let (seed, shared) = &*SEED;
        KeyHash { seed: hash_from(*seed, shared, key.as_bytes()), shared }
    }

    /// The hash of this key with a value; 0 where the value is empty, for then there is no tag.
    #[inline(always)]
    pub(crate) fn pair(self, value: &[u8]) -> u32 {
        if value.is_empty() { 0 } else { hash_from(self.seed, self.shared, value) as u32 }
    }
}

#[inline]
fn hash_from(seed: u64, shared: &'static SharedSeed, text: &[u8]) -> u64 {
    let mut hasher = FoldHasher::with_seed(seed, shared);
    // Mixes the length in too.
    hasher.write(text);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn equal_tags_have_equal_hashes(pairs in prop::collection::vec(("[a-c]", "[a-z]{0,20}"), 0..5)) {
            let tags = Tags::from(pairs.clone());
            let again: Tags = tags.iter().collect::<Vec<_>>().into_iter().rev().collect();
            prop_assert_eq!((&tags).hash(), (&again).hash());
        }
    }

    #[test]
    fn tags_whose_text_is_the_same_when_joined_have_different_hashes() {
        let sets = [
            Tags::from([("a", "bc")]),
            Tags::from([("ab", "c")]),
            Tags::from([("a", "b"), ("c", "d")]),
            Tags::from([("a", "d"), ("c", "b")]),
            Tags::from([("b", "a"), ("d", "c")]),
            Tags::from([("a", "b")]),
            Tags::new(),
        ];
        let mut hashes = sets.each_ref().map(|tags| tags.hash()).to_vec();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), sets.len());
    }
}
