//! Equality of short texts.

/// Whether two texts are equal; faster than `==` for short ones, which it does not call a function for.
#[inline]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match (Words::<8>::of(a), Words::<8>::of(b)) {
        (Some(a), Some(b)) => a.same(&b),
        _ => match (Words::<4>::of(a), Words::<4>::of(b)) {
            (Some(a), Some(b)) => a.same(&b),
            // At most three bytes: the first, the middle and the last one.
            _ => [0, a.len() / 2, a.len().saturating_sub(1)].iter().all(|at| a.get(*at) == b.get(*at)),
        },
    }
}

/// A text of at least `SIZE` bytes: its first and its last bytes, which may overlap, and what is between them.
struct Words<'a, const SIZE: usize> {
    first: &'a [u8; SIZE],
    last: &'a [u8; SIZE],
    all: &'a [u8],
}

impl<'a, const SIZE: usize> Words<'a, SIZE> {
    #[inline]
    fn of(all: &'a [u8]) -> Option<Self> {
        Some(Words { first: all.first_chunk()?, last: all.last_chunk()?, all })
    }

    #[inline]
    fn same(&self, other: &Self) -> bool {
        let ends = self.first == other.first && self.last == other.last;
        ends && (self.all.len() <= 2 * SIZE || self.all == other.all)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn same_texts_are_equal_texts(a in "[ab]{0,40}", b in "[ab]{0,40}", at in 0usize..40) {
            prop_assert_eq!(same(a.as_bytes(), b.as_bytes()), a == b);
            prop_assert!(same(a.as_bytes(), a.clone().as_bytes()));
            let mut changed = a.clone().into_bytes();
            if let Some(byte) = changed.get_mut(at) {
                *byte ^= 1;
                prop_assert!(!same(a.as_bytes(), &changed));
            }
        }
    }
}
