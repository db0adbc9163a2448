//! Native buckets: spans of buckets that follow each other, and the differences of their counts.

use crate::stat::NativeCounts;
use crate::wire::{push_f64, push_message, push_sint, push_u64};

/// Fields of a histogram.
const SCHEMA: u64 = 5;
const ZERO_THRESHOLD: u64 = 6;
const ZERO_COUNT: u64 = 7;
const NEGATIVE: Fields = Fields { span: 9, delta: 10 };
const POSITIVE: Fields = Fields { span: 12, delta: 13 };
/// Fields of a span.
const OFFSET: u64 = 1;
const LENGTH: u64 = 2;

/// Empty buckets that are written out: another span would take as many bytes.
const SMALL_GAP: i32 = 2;

struct Fields {
    span: u64,
    delta: u64,
}

/// Appends the native part of a histogram.
pub(super) fn push(out: &mut Vec<u8>, native: &NativeCounts) {
    push_sint(out, SCHEMA, native.schema().get().into());
    push_f64(out, ZERO_THRESHOLD, native.zero_threshold());
    push_u64(out, ZERO_COUNT, native.zero_count());
    push_side(out, &NEGATIVE, native.negative());
    push_side(out, &POSITIVE, native.positive());
    if native.count() == 0 && native.zero_threshold() == 0.0 {
        push_span(out, POSITIVE.span, 0, 0);
    }
}

fn push_side(out: &mut Vec<u8>, fields: &Fields, buckets: &[(i32, u64)]) {
    let mut end = 0;
    for span in spans(buckets) {
        let (Some((first, _)), Some((last, _))) = (span.first(), span.last()) else { continue };
        push_span(out, fields.span, first - end, last - first + 1);
        end = last + 1;
    }
    let mut before = 0;
    for count in spans(buckets).flat_map(filled) {
        push_sint(out, fields.delta, count.wrapping_sub(before) as i64);
        before = count;
    }
}

fn push_span(out: &mut Vec<u8>, field: u64, offset: i32, length: i32) {
    push_message(out, field, |out| {
        push_sint(out, OFFSET, offset.into());
        push_u64(out, LENGTH, length as u64);
    });
}

/// Buckets with small gaps between them.
fn spans(buckets: &[(i32, u64)]) -> impl Iterator<Item = &[(i32, u64)]> {
    buckets.chunk_by(|(before, _), (index, _)| index - before - 1 <= SMALL_GAP)
}

/// The counts of a span, with those of its gaps.
fn filled(span: &[(i32, u64)]) -> impl Iterator<Item = u64> {
    let first = span.first().map_or(0, |(index, _)| *index);
    let mut next = first;
    span.iter().flat_map(move |(index, count)| {
        let gap = index - next;
        next = index + 1;
        std::iter::repeat_n(0, gap as usize).chain([*count])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stat::NativeBuckets;

    #[test]
    fn small_gaps_are_written_out_and_large_ones_begin_a_span() {
        let buckets = [(-2, 3), (-1, 5), (2, 1), (6, 2), (7, 2)];
        let rows: Vec<Vec<u64>> = spans(&buckets).map(|span| filled(span).collect()).collect();
        assert_eq!(rows, [vec![3, 5, 0, 0, 1], vec![2, 2]]);
        let mut out = Vec::new();
        push_side(&mut out, &POSITIVE, &buckets);
        let spans = b"\x62\x04\x08\x03\x10\x05\x62\x04\x08\x06\x10\x02";
        let deltas = b"\x68\x06\x68\x04\x68\x09\x68\x00\x68\x02\x68\x02\x68\x00";
        assert_eq!(out, [&spans[..], deltas].concat());
    }

    #[test]
    fn what_holds_nothing_says_that_it_is_native() {
        let push_empty = |threshold| {
            let mut out = Vec::new();
            let buckets = NativeBuckets::default().zero_threshold(threshold).unwrap();
            push(&mut out, &NativeCounts::new(&buckets));
            out
        };
        assert!(push_empty(0.0).ends_with(b"\x62\x04\x08\x00\x10\x00"));
        assert!(push_empty(1.0).ends_with(b"\x38\x00"));
    }
}
