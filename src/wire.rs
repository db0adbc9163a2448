//! Numbers and texts as protobuf writes them.
//!
//! Source: Protocol Buffers, "Encoding".

/// What a field's value looks like on the wire: the low bits of its tag.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH: u64 = 2;

/// The first byte that needs a second one behind it.
const MORE: u64 = 0x80;

/// Bytes of a number.
#[inline]
pub(crate) fn varint_len(number: u64) -> usize {
    ((70 - (number | 1).leading_zeros()) / 7) as usize
}

/// Appends a number, seven bits a byte, the lowest first.
#[inline]
pub(crate) fn push_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= MORE {
        out.push((number | MORE) as u8);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a field with a number that is not negative.
#[inline]
pub(crate) fn push_u64(out: &mut Vec<u8>, field: u64, number: u64) {
    push_varint(out, field << 3 | VARINT);
    push_varint(out, number);
}

/// Appends a field with a number of either sign, of which small ones are short.
#[inline]
pub(crate) fn push_sint(out: &mut Vec<u8>, field: u64, number: i64) {
    push_u64(out, field, ((number << 1) ^ (number >> 63)) as u64);
}

/// Appends a field with a float.
#[inline]
pub(crate) fn push_f64(out: &mut Vec<u8>, field: u64, number: f64) {
    push_varint(out, field << 3 | FIXED64);
    out.extend_from_slice(&number.to_le_bytes());
}

/// Appends the beginning of a field of so many bytes.
#[inline]
pub(crate) fn push_length(out: &mut Vec<u8>, field: u64, length: usize) {
    push_varint(out, field << 3 | LENGTH);
    push_varint(out, length as u64);
}

/// Appends a field with a text.
#[inline]
pub(crate) fn push_text(out: &mut Vec<u8>, field: u64, text: &str) {
    push_length(out, field, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// Appends a field with a message, which `fill` appends.
#[inline]
pub(crate) fn push_message(out: &mut Vec<u8>, field: u64, fill: impl FnOnce(&mut Vec<u8>)) {
    push_varint(out, field << 3 | LENGTH);
    // Most messages are short: room for one byte of length, and what is longer is moved.
    let start = out.len();
    out.push(0);
    fill(out);
    let length = (out.len() - start - 1) as u64;
    if length < MORE {
        out[start] = length as u8;
    } else {
        insert_length(out, start, length);
    }
}

#[cold]
fn insert_length(out: &mut Vec<u8>, at: usize, length: u64) {
    let mut varint = Vec::with_capacity(varint_len(length));
    push_varint(&mut varint, length);
    out.splice(at..=at, varint);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn made(push: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        push(&mut out);
        out
    }

    #[test]
    fn numbers_are_as_the_specification_shows_them() {
        assert_eq!(made(|out| push_u64(out, 1, 150)), [0x08, 0x96, 0x01]);
        assert_eq!(made(|out| push_text(out, 2, "testing")), b"\x12\x07testing");
        let zigzag = [(0, 0), (-1, 1), (1, 2), (-2, 3), (i64::MAX, u64::MAX - 1), (i64::MIN, u64::MAX)];
        for (number, sent) in zigzag {
            assert_eq!(made(|out| push_sint(out, 1, number)), made(|out| push_u64(out, 1, sent)));
        }
        assert_eq!(made(|out| push_f64(out, 1, 1.0)), [9, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
    }

    #[test]
    fn messages_know_their_length_however_long_they_are() {
        for length in [0_usize, 1, 127, 128, 300, 20_000] {
            let text = "x".repeat(length);
            let message = made(|out| push_message(out, 3, |out| out.extend_from_slice(text.as_bytes())));
            assert_eq!(message, made(|out| push_text(out, 3, &text)));
        }
    }

    proptest! {
        #[test]
        fn a_number_has_the_length_that_is_said(number: u64, bits in 0..64_u32) {
            let number = number >> bits;
            prop_assert_eq!(made(|out| push_varint(out, number)).len(), varint_len(number));
        }
    }
}
