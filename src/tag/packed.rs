//! Tags in one allocation: the lengths of keys and values, and behind them keys and values.
//!
//! A pointer to text and not to a struct, because text of any length can stand behind its reference counts without
//! `unsafe`; lengths are ASCII for the same reason.

use std::sync::Arc;

/// Keys and values. Equal where the tags are equal.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Packed(Arc<str>);

/// Bits of a length that go into one byte; the rest follow in further bytes.
const LENGTH_BITS: u32 = 6;
/// Set in each byte of a length but the last.
const MORE: u8 = 1 << LENGTH_BITS;

impl Packed {
    /// Packs tags that are sorted by key, no key twice, no value empty.
    pub(crate) fn new<'a>(tags: impl ExactSizeIterator<Item = (&'a str, &'a str)> + Clone) -> Self {
        let parts = || tags.clone().flat_map(|(key, value)| [key, value]);
        let mut lengths = String::new();
        push_length(&mut lengths, tags.len());
        parts().for_each(|part| push_length(&mut lengths, part.len()));

        let size = 1 + lengths.len() + parts().map(str::len).sum::<usize>();
        let mut all = String::with_capacity(size);
        push_length(&mut all, lengths.len());
        all.push_str(&lengths);
        parts().for_each(|part| all.push_str(part));
        Packed(all.into())
    }

    /// Keys and values.
    #[inline]
    pub(crate) fn iter(&self) -> PackedTags<'_> {
        let mut lengths = Lengths { bytes: self.0.as_bytes(), at: 0 };
        let head = lengths.take();
        let at = lengths.at + head;
        PackedTags { text: &self.0, at, left: lengths.take(), lengths }
    }

    pub(crate) fn len(&self) -> usize {
        self.iter().left
    }
}

/// Keys and values of [`Packed`].
#[derive(Debug, Clone)]
pub(crate) struct PackedTags<'a> {
    text: &'a str,
    /// Where the next key or value begins.
    at: usize,
    left: usize,
    lengths: Lengths<'a>,
}

impl<'a> PackedTags<'a> {
    #[inline]
    fn text(&mut self) -> &'a str {
        let start = self.at;
        self.at += self.lengths.take();
        self.text.get(start..self.at).unwrap_or("")
    }
}

impl<'a> Iterator for PackedTags<'a> {
    type Item = (&'a str, &'a str);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some((self.text(), self.text()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for PackedTags<'_> {}

/// Lengths, read one after the other.
#[derive(Debug, Clone)]
struct Lengths<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Lengths<'_> {
    #[inline]
    fn take(&mut self) -> usize {
        let byte = self.byte();
        if byte & MORE == 0 { usize::from(byte) } else { self.take_long(byte) }
    }

    #[cold]
    fn take_long(&mut self, first: u8) -> usize {
        let (mut length, mut byte, mut shift) = (0, first, 0);
        loop {
            length |= usize::from(byte & (MORE - 1)) << shift;
            if byte & MORE == 0 {
                return length;
            }
            shift += LENGTH_BITS;
            byte = self.byte();
        }
    }

    #[inline]
    fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }
}

fn push_length(out: &mut String, length: usize) {
    let low = (length % usize::from(MORE)) as u8;
    match length >> LENGTH_BITS {
        0 => out.push(char::from(low)),
        rest => {
            out.push(char::from(low | MORE));
            push_length(out, rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_comes_out(
            tags in prop::collection::vec((any::<String>(), "(?s).{0,300}"), 0..5)
        ) {
            let packed = Packed::new(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())));
            prop_assert_eq!(packed.len(), tags.len());
            prop_assert!(packed.iter().eq(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))));
        }

        #[test]
        fn lengths_of_any_size_come_out(lengths in prop::collection::vec(any::<usize>(), 0..9)) {
            let mut text = String::new();
            lengths.iter().for_each(|length| push_length(&mut text, *length));
            let mut read = Lengths { bytes: text.as_bytes(), at: 0 };
            lengths.iter().for_each(|length| assert_eq!(read.take(), *length));
        }
    }

    #[test]
    fn a_tag_costs_its_text_and_two_bytes() {
        let tags = Packed::new([("route", "/orders"), ("status", "200")].into_iter());
        assert_eq!(tags.0.len(), "route/ordersstatus200".len() + 2 + 2 * 2);
    }
}
