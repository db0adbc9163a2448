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

    /// Whether these are the tags; `None` where there are more or fewer tags, or where telling takes longer.
    #[inline]
    pub(crate) fn are<'a>(&self, tags: impl ExactSizeIterator<Item = (&'a [u8], &'a [u8])>) -> Option<bool> {
        let (lengths, texts) = self.short(tags.len())?;
        Some(are_short(lengths, texts, tags))
    }

    /// Lengths and texts, if there are so many tags and every length is one byte.
    #[inline]
    fn short(&self, tags: usize) -> Option<(&[u8], &[u8])> {
        let [head, count, rest @ ..] = self.0.as_bytes() else {
            return None;
        };
        let one_byte_each = usize::from(*count) == tags && usize::from(*head) == 1 + 2 * tags;
        // The length of the head is one byte as well: that of a longer head would not be so small.
        let short = one_byte_each && *head < MORE;
        if short { rest.split_at_checked(2 * tags) } else { None }
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

/// Whether keys and values have these lengths of one byte, and then, one behind the other, these texts.
#[inline]
fn are_short<'a>(lengths: &[u8], mut texts: &[u8], tags: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> bool {
    let mut next_is = |length: u8, part: &[u8]| {
        if usize::from(length) != part.len() {
            return false;
        }
        match texts.split_at_checked(part.len()) {
            Some((own, others)) => {
                texts = others;
                same(own, part)
            }
            None => false,
        }
    };
    let (lengths, _) = lengths.as_chunks::<2>();
    lengths.iter().zip(tags).all(|([key_length, value_length], (key, value))| {
        next_is(*key_length, key) && next_is(*value_length, value)
    })
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

    fn bytes(tags: &[(String, String)]) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        tags.iter().map(|(key, value)| (key.as_bytes(), value.as_bytes()))
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_out(
            tags in prop::collection::vec((any::<String>(), "(?s).{0,300}"), 0..5)
        ) {
            let packed = Packed::new(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())));
            prop_assert_eq!(packed.len(), tags.len());
            prop_assert!(packed.are(bytes(&tags)).is_none_or(|same| same));
            prop_assert!(packed.iter().eq(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))));
        }

        #[test]
        fn other_tags_are_not_these(
            tags in prop::collection::vec(("[ab]{0,2}", "[ab]{0,2}"), 0..4),
            others in prop::collection::vec(("[ab]{0,2}", "[ab]{0,2}"), 0..4),
        ) {
            let packed = Packed::new(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())));
            let same = packed.are(bytes(&others));
            prop_assert_eq!(same, (tags.len() == others.len()).then_some(tags == others));
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
