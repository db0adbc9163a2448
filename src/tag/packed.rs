//! Tags in one allocation: a column of keys, and behind it one of values.
//!
//! | part of a column | what |
//! |---|---|
//! | size | how many bytes the lengths take |
//! | lengths | of each text |
//! | texts | one behind the other |
//!
//! Sizes and lengths are ASCII, so that all of it is text. Keys stand together, for those of a family are looked for all at
//! once.

use super::short::same;
use crate::cell::{SharedText, TextWriter};

/// Keys and values. Equal where the tags are equal.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Packed(SharedText);

/// A column of keys, for whoever looks for tags with just these.
#[derive(Debug)]
pub(crate) struct PackedKeys(Box<str>);

/// Bits of a length that go into one byte; the rest follow in further bytes.
const LENGTH_BITS: u32 = 6;
/// Set in each byte of a length but the last.
const MORE: u8 = 1 << LENGTH_BITS;

impl Packed {
    /// Packs tags that are sorted by key, no key twice, no value empty.
    pub(crate) fn new<'a>(tags: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Self {
        let (keys, values) = (Column(tags.clone().map(|(key, _)| key)), Column(tags.map(|(_, value)| value)));
        let (keys_size, values_size) = (keys.size(), values.size());
        Packed(SharedText::new(keys_size.bytes() + values_size.bytes(), |out| {
            keys.write(keys_size, out);
            values.write(values_size, out);
        }))
    }

    /// Packs values of all these keys, in their order, none of them empty.
    pub(crate) fn with_keys<'a>(keys: &PackedKeys, values: impl Iterator<Item = &'a str> + Clone) -> Self {
        let values = Column(values);
        let size = values.size();
        Packed(SharedText::new(keys.0.len() + size.bytes(), |out| {
            out.push_str(&keys.0);
            values.write(size, out);
        }))
    }

    /// Whether these are the tags; `None` where telling takes longer, and where there are other keys.
    #[inline]
    pub(crate) fn are<'a>(
        &self,
        keys: &PackedKeys,
        values: impl ExactSizeIterator<Item = &'a [u8]>,
    ) -> Option<bool> {
        let own = self.0.as_bytes().get(..keys.0.len())?;
        if same(own, keys.0.as_bytes()) { self.have(keys, values) } else { None }
    }

    /// Whether the values are these, where the keys are; `None` where telling takes longer.
    #[inline(always)]
    pub(crate) fn have<'a>(
        &self,
        keys: &PackedKeys,
        values: impl ExactSizeIterator<Item = &'a [u8]>,
    ) -> Option<bool> {
        let (lengths, texts) = short(self.0.as_bytes().get(keys.0.len()..)?, values.len())?;
        Some(are_short(lengths, texts, values))
    }

    /// Keys and values.
    #[inline]
    pub(crate) fn iter(&self) -> PackedTags<'_> {
        let (keys, values) = Texts::of_column(&self.0, 0);
        PackedTags { keys, values: Texts::of_column(&self.0, values).0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.iter().len()
    }
}

impl PackedKeys {
    /// Packs keys that are sorted.
    pub(crate) fn new<'a>(keys: impl Iterator<Item = &'a str> + Clone) -> Self {
        let column = Column(keys);
        let size = column.size();
        PackedKeys((*SharedText::new(size.bytes(), |out| column.write(size, out))).into())
    }
}

/// Lengths and texts of a column, if there are so many texts and every length is one byte.
#[inline(always)]
fn short(column: &[u8], texts: usize) -> Option<(&[u8], &[u8])> {
    let (size, rest) = column.split_first()?;
    if texts < usize::from(MORE) && usize::from(*size) == texts { rest.split_at_checked(texts) } else { None }
}

/// Whether the values have these lengths of one byte, and are, one behind the other, these texts.
#[inline(always)]
fn are_short<'a>(lengths: &[u8], mut texts: &[u8], values: impl Iterator<Item = &'a [u8]>) -> bool {
    for (length, value) in lengths.iter().zip(values) {
        match texts.split_at_checked(value.len()) {
            Some((own, others)) if usize::from(*length) == value.len() && same(own, value) => texts = others,
            _ => return false,
        }
    }
    true
}

/// Texts to be packed.
struct Column<T>(T);

/// Bytes of a column's lengths and of its texts.
#[derive(Clone, Copy)]
struct Size {
    lengths: usize,
    texts: usize,
}

impl Size {
    /// Bytes of the whole column.
    fn bytes(self) -> usize {
        bytes_of_length(self.lengths) + self.lengths + self.texts
    }
}

impl<'a, T: Iterator<Item = &'a str> + Clone> Column<T> {
    fn size(&self) -> Size {
        self.0.clone().fold(Size { lengths: 0, texts: 0 }, |size, text| Size {
            lengths: size.lengths + bytes_of_length(text.len()),
            texts: size.texts + text.len(),
        })
    }

    fn write(self, size: Size, out: &mut TextWriter<'_>) {
        push_length(out, size.lengths);
        self.0.clone().for_each(|text| push_length(out, text.len()));
        self.0.for_each(|text| out.push_str(text));
    }
}

/// Keys and values of [`Packed`].
#[derive(Debug, Clone)]
pub(crate) struct PackedTags<'a> {
    keys: Texts<'a>,
    values: Texts<'a>,
}

impl<'a> Iterator for PackedTags<'a> {
    type Item = (&'a str, &'a str);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        Some((self.keys.next()?, self.values.next()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.keys.left();
        (left, Some(left))
    }
}

impl ExactSizeIterator for PackedTags<'_> {}

/// The texts of a column.
#[derive(Debug, Clone)]
struct Texts<'a> {
    all: &'a str,
    /// Where the next text begins.
    at: usize,
    lengths: Lengths<'a>,
}

impl<'a> Texts<'a> {
    /// Those of the column that begins at a place, and where it ends.
    #[inline]
    fn of_column(all: &'a str, start: usize) -> (Self, usize) {
        let mut size = Lengths { bytes: all.as_bytes().get(start..).unwrap_or(&[]) };
        let lengths = size.next().unwrap_or(0);
        let (own, _) = size.bytes.split_at_checked(lengths).unwrap_or_default();
        let at = all.len() - size.bytes.len() + own.len();
        let lengths = Lengths { bytes: own };
        let end = at + lengths.clone().sum::<usize>();
        (Texts { all, at, lengths }, end)
    }

    fn left(&self) -> usize {
        self.lengths.bytes.iter().filter(|byte| **byte & MORE == 0).count()
    }
}

impl<'a> Iterator for Texts<'a> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.at += self.lengths.next()?;
        self.all.get(start..self.at)
    }
}

/// Lengths, read one after the other.
#[derive(Debug, Clone)]
struct Lengths<'a> {
    bytes: &'a [u8],
}

impl Lengths<'_> {
    #[cold]
    fn long(&mut self, first: u8) -> Option<usize> {
        let (mut length, mut byte, mut shift) = (0, first, 0);
        loop {
            length |= usize::from(byte & (MORE - 1)) << shift;
            if byte & MORE == 0 {
                return Some(length);
            }
            shift += LENGTH_BITS;
            byte = self.byte()?;
        }
    }

    #[inline]
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }
}

impl Iterator for Lengths<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let byte = self.byte()?;
        if byte & MORE == 0 { Some(usize::from(byte)) } else { self.long(byte) }
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

    fn packed(tags: &[(String, String)]) -> Packed {
        Packed::new(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))
    }

    fn are(packed: &Packed, tags: &[(String, String)]) -> Option<bool> {
        let keys = PackedKeys::new(tags.iter().map(|(key, _)| key.as_str()));
        packed.are(&keys, tags.iter().map(|(_, value)| value.as_bytes()))
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_out(
            tags in prop::collection::vec((any::<String>(), "(?s).{0,300}"), 0..5)
        ) {
            let packed = packed(&tags);
            prop_assert_eq!(packed.len(), tags.len());
            let long = tags.iter().any(|(_, value)| value.len() >= usize::from(MORE));
            prop_assert_eq!(are(&packed, &tags), (!long).then_some(true));
            prop_assert!(packed.iter().eq(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))));
            let keys = PackedKeys::new(tags.iter().map(|(key, _)| key.as_str()));
            prop_assert!(Packed::with_keys(&keys, tags.iter().map(|(_, value)| value.as_str())) == packed);
        }

        #[test]
        fn other_tags_are_not_these(
            tags in prop::collection::vec(("[ab]{0,2}", "[ab]{0,2}"), 0..4),
            others in prop::collection::vec(("[ab]{0,2}", "[ab]{0,2}"), 0..4),
        ) {
            let keys = |tags: &[(String, String)]| tags.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
            let same_keys = keys(&tags) == keys(&others);
            prop_assert_eq!(are(&packed(&tags), &others), same_keys.then_some(tags == others));
        }

        #[test]
        fn as_many_tags_as_there_may_be_come_out(count in 0usize..200, length in 0usize..70) {
            let tag = |n: usize| (format!("k{n:03}"), "v".repeat(length));
            let tags: Vec<(String, String)> = (0..count).map(tag).collect();
            let packed = packed(&tags);
            prop_assert!(packed.iter().eq(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))));
            prop_assert_eq!(packed.iter().len(), count);
            prop_assert!(are(&packed, &tags).is_none_or(|same| same));
            let one_more = tags.iter().cloned().chain([tag(count)]).collect::<Vec<_>>();
            prop_assert!(are(&packed, &one_more).is_none_or(|same| !same));
        }

        #[test]
        fn lengths_of_any_size_come_out(lengths in prop::collection::vec(any::<usize>(), 0..9)) {
            let bytes = lengths.iter().map(|length| bytes_of_length(*length)).sum();
            let write = |out: &mut TextWriter<'_>| lengths.iter().for_each(|length| push_length(out, *length));
            let text = SharedText::new(bytes, write);
            prop_assert!(!text.ends_with('\0') || lengths.last() == Some(&0));
            let read = Lengths { bytes: text.as_bytes() };
            prop_assert!(read.eq(lengths.iter().copied()));
        }
    }

    #[test]
    fn a_tag_costs_its_text_and_two_bytes() {
        let tags = Packed::new([("route", "/orders"), ("status", "200")].into_iter());
        assert_eq!(tags.0.len(), "route/ordersstatus200".len() + 2 + 2 * 2);
    }
}
