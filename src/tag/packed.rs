//! Tags and the labels they become, in one allocation.
//!
//! Most tags are labels as they are: then keys and values are parts of the very text that pages copy, and being
//! rendered costs no memory. Where a key is changed or a value escaped, what was given stands behind the labels once more.
//!
//! | part | what |
//! |---|---|
//! | lengths | of the lengths that follow, of the labels, how many tags, whether they stand apart, and of each key and value |
//! | labels | `route="/orders",status="200"` |
//! | tags | of the same form but as given; only where they stand apart |
//!
//! A pointer to text and not to a struct, because text of any length can stand behind its reference counts without
//! `unsafe`; lengths are ASCII for the same reason.

use std::sync::Arc;

use super::label;

/// Tags and their labels. Equal where the tags are equal.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Packed(Arc<str>);

/// Bits of a length that go into one byte; the rest follow in further bytes.
const LENGTH_BITS: u32 = 6;
/// Set in each byte of a length but the last.
const MORE: u8 = 1 << LENGTH_BITS;
/// Between key and value, and between a value and the next key: `="` and `",`.
const BETWEEN: usize = 2;

impl Packed {
    /// Packs tags that are sorted by key, no key twice, no value empty.
    pub(crate) fn new<'a>(tags: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Self {
        let mut labels = Vec::new();
        label::push_tags(&mut labels, tags.clone(), "");
        let mut rendered = String::new();
        label::push_labels(&mut rendered, &labels);
        let mut given = String::new();
        tags.clone().for_each(|tag| push_given(&mut given, tag));
        let apart = given != rendered;

        let mut lengths = String::new();
        push_length(&mut lengths, rendered.len());
        push_length(&mut lengths, tags.clone().count());
        push_length(&mut lengths, usize::from(apart));
        tags.flat_map(|(key, value)| [key.len(), value.len()])
            .for_each(|length| push_length(&mut lengths, length));

        let mut all = String::with_capacity(1 + lengths.len() + rendered.len() + given.len());
        push_length(&mut all, lengths.len());
        all.push_str(&lengths);
        all.push_str(&rendered);
        if apart {
            all.push_str(&given);
        }
        Packed(all.into())
    }

    /// The labels as they stand between the braces of a page, in a family without a label of its own.
    #[inline]
    pub(crate) fn labels(&self) -> &str {
        let mut lengths = Lengths { bytes: self.0.as_bytes(), at: 0 };
        let head = lengths.take();
        let start = lengths.at + head;
        self.0.get(start..start + lengths.take()).unwrap_or("")
    }

    /// Keys and values, as given.
    #[inline]
    pub(crate) fn iter(&self) -> PackedTags<'_> {
        let mut lengths = Lengths { bytes: self.0.as_bytes(), at: 0 };
        let head = lengths.take();
        let labels_at = lengths.at + head;
        let labels_len = lengths.take();
        let left = lengths.take();
        let at = if lengths.take() == 0 { labels_at } else { labels_at + labels_len };
        PackedTags { text: &self.0, at, left, lengths }
    }

    pub(crate) fn len(&self) -> usize {
        self.iter().left
    }
}

/// Keys and values of [`Packed`].
#[derive(Debug, Clone)]
pub(crate) struct PackedTags<'a> {
    text: &'a str,
    /// Where the next key begins.
    at: usize,
    left: usize,
    lengths: Lengths<'a>,
}

impl<'a> PackedTags<'a> {
    #[inline]
    fn text(&mut self) -> &'a str {
        let start = self.at;
        let end = start + self.lengths.take();
        self.at = end + BETWEEN;
        self.text.get(start..end).unwrap_or("")
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

fn push_given(out: &mut String, (key, value): (&str, &str)) {
    let comma = if out.is_empty() { "" } else { "," };
    [comma, key, "=\"", value, "\""].iter().for_each(|part| out.push_str(part));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packed(tags: &[(&str, &str)]) -> Packed {
        Packed::new(tags.iter().copied())
    }

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
    fn tags_that_are_labels_as_they_are_stand_there_once() {
        let tags = packed(&[("route", "/orders"), ("status", "200")]);
        assert_eq!(tags.labels(), r#"route="/orders",status="200""#);
        assert_eq!(tags.0.len(), tags.labels().len() + 8);
    }

    #[test]
    fn changed_keys_and_escaped_values_are_labels_only() {
        let tags = packed(&[("http.route", "say \"hi\""), ("le", "é\n")]);
        assert_eq!(tags.labels(), r#"http_route="say \"hi\"",le_="é\n""#);
        assert!(tags.iter().eq([("http.route", "say \"hi\""), ("le", "é\n")]));
    }

    #[test]
    fn tags_of_which_one_gives_way_are_all_kept() {
        let tags = packed(&[("a.b", "dot"), ("a_b", "underscore")]);
        assert_eq!(tags.labels(), r#"a_b="underscore""#);
        assert_eq!(tags.iter().count(), 2);
    }
}
