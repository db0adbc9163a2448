//! Tags that somebody looks for, and their hash.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

use foldhash::SharedSeed;
use foldhash::fast::FoldHasher;

use crate::tag::Tags;

/// Tags that somebody looks for, in the form that he has them in.
///
/// All forms of the same tags have one hash: the sum of the hashes of their pairs, so that neither the order of the keys
/// nor an absent tag matters, and the processor works at all pairs at once.
pub(crate) trait Sought: Copy {
    fn hash(self) -> u32;

    /// Whether they are these tags.
    fn is(self, tags: &Tags) -> bool;

    fn is_empty(self) -> bool;

    fn to_tags(self) -> Tags;
}

impl Sought for &Tags {
    fn hash(self) -> u32 {
        hash_of(self.iter())
    }

    fn is(self, tags: &Tags) -> bool {
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

    #[inline]
    fn is(self, tags: &Tags) -> bool {
        self.tags.is(tags)
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
    #[inline]
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
