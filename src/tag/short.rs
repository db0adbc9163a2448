//! Equality and copies of short texts, without calling a function.

/// Whether two texts are equal; faster than `==` for short ones.
#[inline(always)]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        33.. => same_long(a, b),
        16.. => same_ends::<16>(a, b),
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

/// Copies a text to the beginning of a room that is large enough; faster than `copy_from_slice` for short ones.
#[inline]
pub(crate) fn copy(text: &[u8], room: &mut [u8]) {
    let Some(room) = room.get_mut(..text.len()) else { return };
    match text.len() {
        33.. => copy_long(text, room),
        16.. => copy_ends::<16>(text, room),
        8.. => copy_ends::<8>(text, room),
        4.. => copy_ends::<4>(text, room),
        2.. => copy_ends::<2>(text, room),
        _ => room.iter_mut().zip(text).for_each(|(room, byte)| *room = *byte),
    }
}

/// Copies a text of `SIZE` to twice as many bytes: its first and its last bytes, which may overlap.
#[inline]
fn copy_ends<const SIZE: usize>(text: &[u8], room: &mut [u8]) {
    if let (Some(first), Some(room)) = (text.first_chunk::<SIZE>(), room.first_chunk_mut()) {
        *room = *first;
    }
    if let (Some(last), Some(room)) = (text.last_chunk::<SIZE>(), room.last_chunk_mut()) {
        *room = *last;
    }
}

#[cold]
#[inline(never)]
fn copy_long(text: &[u8], room: &mut [u8]) {
    room.copy_from_slice(text);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_copy_is_the_text_and_leaves_the_rest(text in "[ab]{0,70}", more in 0usize..9) {
            let mut room = vec![b'x'; text.len() + more];
            copy(text.as_bytes(), &mut room);
            prop_assert_eq!(room, [text.as_bytes(), &vec![b'x'; more]].concat());
        }

        #[test]
        fn same_texts_are_equal_texts(a in "[ab]{0,70}", b in "[ab]{0,70}", at in 0usize..70) {
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
