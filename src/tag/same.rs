//! Equality of short texts.

/// Whether two texts are equal; faster than `==` for short ones, which it does not call a function for.
#[inline]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        16.. => same_long(a, b),
        8.. => same_ends::<8>(a, b),
        4.. => same_ends::<4>(a, b),
        2.. => same_ends::<2>(a, b),
        _ => a.first() == b.first(),
    }
}

/// Whether two texts of `SIZE` to twice as many bytes are equal: their first and their last bytes are, which may overlap.
#[inline]
fn same_ends<const SIZE: usize>(a: &[u8], b: &[u8]) -> bool {
    a.first_chunk::<SIZE>() == b.first_chunk() && a.last_chunk::<SIZE>() == b.last_chunk()
}

#[cold]
#[inline(never)]
fn same_long(a: &[u8], b: &[u8]) -> bool {
    a == b
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
