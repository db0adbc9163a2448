//! Tags as Prometheus takes them in protobuf: labels as fields of a metric's message.
//!
//! Source: `LabelPair` and `Metric.label` of Prometheus' data model.

use crate::tag::label::{Label, push_tags, tag_key};
use crate::wire::{push_message, push_text};

/// The field of a metric that holds its labels.
const LABEL: u64 = 1;
/// The fields of a label.
const NAME: u64 = 1;
const VALUE: u64 = 2;

/// Appends labels as fields of a metric.
pub(crate) fn push_pairs(out: &mut Vec<u8>, labels: &[Label<'_>]) {
    labels.iter().for_each(|(name, value)| push_pair(out, name, value));
}

/// Appends one label.
pub(crate) fn push_pair(out: &mut Vec<u8>, name: &str, value: &str) {
    push_message(out, LABEL, |out| {
        push_text(out, NAME, name);
        push_text(out, VALUE, value);
    });
}

/// The labels of series, one behind the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct LabelPairs {
    bytes: Vec<u8>,
    lengths: Vec<usize>,
}

impl LabelPairs {
    /// Appends the labels of one more series, in a family without a label of its own.
    pub(crate) fn push<'a>(&mut self, tags: impl Iterator<Item = (&'a str, &'a str)>) {
        let mut labels = Vec::new();
        push_tags(&mut labels, tags, |key| tag_key(key, ""));
        let start = self.bytes.len();
        push_pairs(&mut self.bytes, &labels);
        self.lengths.push(self.bytes.len() - start);
    }

    /// How many bytes the labels of each series are.
    pub(crate) fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// The labels of each series.
    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes.as_slice();
        self.lengths.iter().map(move |length| {
            let (own, others) = rest.split_at_checked(*length).unwrap_or((rest, &[]));
            rest = others;
            own
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_series_has_its_labels() {
        let mut all = LabelPairs::default();
        all.push([("le", "a\n"), ("z", "")].into_iter());
        all.push(std::iter::empty());
        all.push([("é", "1")].into_iter());
        let labels: Vec<&[u8]> = all.iter().collect();
        let expected = [
            &b"\x0a\x09\x0a\x03le_\x12\x02a\n\x0a\x05\x0a\x01z\x12\x00"[..],
            b"",
            b"\x0a\x06\x0a\x01_\x12\x011",
        ];
        assert_eq!(labels, expected);
    }
}
