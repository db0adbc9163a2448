//! Tags in one allocation: the lengths of keys and values, and behind them keys and values.
//!
//! Lengths are ASCII, so that all of it is text.

use super::same;
use crate::cell::{SharedText, TextWriter};

/// Keys and values. Equal where the tags are equal.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Packed(SharedText);

/// Bits of a length that go into one byte; the rest follow in further bytes.
const LENGTH_BITS: u32 = 6;
/// Set in each byte of a length but the last.
const MORE: u8 = 1 << LENGTH_BITS;

impl Packed {
    /// Packs tags that are sorted by key, no key twice, no value empty.
    pub(crate) fn new<'a>(tags: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Self {
        let (mut count, mut head, mut size) = (0, 0, 0);
        for (key, value) in tags.clone() {
            count += 1;
            head += bytes_of_length(key.len()) + bytes_of_length(value.len());
            size += key.len() + value.len();
        }
        head += bytes_of_length(count);
        Packed(SharedText::new(bytes_of_length(head) + head + size, |out| {
            push_length(out, head);
            push_length(out, count);
            for (key, value) in tags.clone() {
                push_length(out, key.len());
                push_length(out, value.len());
            }
            for (key, value) in tags {
                out.push_str(key);
                out.push_str(value);
            }
        }))
    }

    /// Whether these are the tags.
    #[inline]
    pub(crate) fn is<'a>(&self, tags: impl Iterator<Item = (&'a str, &'a str)>) -> bool {
        let Some((mut lengths, mut texts)) = self.short() else {
            return self.is_long(tags);
        };
        for (key, value) in tags {
            let [key_length, value_length, others @ ..] = lengths else {
                return false;
            };
            lengths = others;
            for (length, part) in [(key_length, key), (value_length, value)] {
                match texts.split_at_checked(usize::from(*length)) {
                    Some((own, others)) if same(own, part.as_bytes()) => texts = others,
                    _ => return false,
                }
            }
        }
        lengths.is_empty()
    }

    #[cold]
    fn is_long<'a>(&self, mut tags: impl Iterator<Item = (&'a str, &'a str)>) -> bool {
        let mut own = self.iter();
        tags.all(|tag| own.next() == Some(tag)) && own.next().is_none()
    }

    /// Lengths and texts, if every length is one byte.
    #[inline]
    fn short(&self) -> Option<(&[u8], &[u8])> {
        let [head, rest @ ..] = self.0.as_bytes() else {
            return None;
        };
        let (head, texts) = rest.split_at_checked(usize::from(*head))?;
        let [count, lengths @ ..] = head else {
            return None;
        };
        // The length of the head is one byte as well: that of a longer head would not be so small.
        (lengths.len() == 2 * usize::from(*count) && head.len() < usize::from(MORE))
            .then_some((lengths, texts))
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

/// How many bytes [`push_length`] appends.
fn bytes_of_length(length: usize) -> usize {
    (length.checked_ilog2().unwrap_or(0) / LENGTH_BITS + 1) as usize
}

fn push_length(out: &mut TextWriter<'_>, length: usize) {
    let low = (length % usize::from(MORE)) as u8;
    match length >> LENGTH_BITS {
        0 => out.push_ascii(low),
        rest => {
            out.push_ascii(low | MORE);
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
            prop_assert!(packed.is(packed.iter()));
            prop_assert!(packed.iter().eq(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))));
        }

        #[test]
        fn other_tags_are_not_these(
            tags in prop::collection::vec(("[ab]{0,2}", "[ab]{0,2}"), 0..4),
            others in prop::collection::vec(("[ab]{0,2}", "[ab]{0,2}"), 0..4),
        ) {
            let packed = Packed::new(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())));
            let same = packed.is(others.iter().map(|(key, value)| (key.as_str(), value.as_str())));
            prop_assert_eq!(same, tags == others);
        }

        #[test]
        fn lengths_of_any_size_come_out(lengths in prop::collection::vec(any::<usize>(), 0..9)) {
            let bytes = lengths.iter().map(|length| bytes_of_length(*length)).sum();
            let write = |out: &mut TextWriter<'_>| lengths.iter().for_each(|length| push_length(out, *length));
            let text = SharedText::new(bytes, write);
            prop_assert!(!text.ends_with('\0') || lengths.last() == Some(&0));
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
