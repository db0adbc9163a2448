//! Points as bytes, and back.
//!
//! One point after the other. What is as in the point before is not said again, and a name is said once:
//!
//! | part | bytes |
//! |---|---|
//! | marks | 1: which of the following are left out, what kind of time and of reading it is |
//! | name | 0 and a text; or which of the names so far, from 1 on |
//! | tags, if not as before | how many; key and value of each, as texts |
//! | time, if not as before | 8: seconds, whole or as a float |
//! | value | 8: a float |
//!
//! Counts and lengths are varints as in protobuf; a text is its length and UTF-8; all else is little-endian.

use std::collections::HashMap;

use crate::name::Name;
use crate::report::sink::{Point, Reading};
use crate::report::timestamp::Timestamp;
use crate::tag::Tags;
use crate::wire::push_varint;

/// Marks: the tags, the time are those of the point before.
const SAME_TAGS: u8 = 1;
const SAME_TIME: u8 = 1 << 1;
/// The time is a float.
const FRACTION: u8 = 1 << 2;
/// Where in the marks the reading is, and how much of them that is.
const READING_SHIFT: u8 = 3;
const READING_MASK: u8 = 0b11;

/// Appends points.
pub(super) fn encode(points: &[Point], out: &mut Vec<u8>) {
    let mut names = HashMap::new();
    let before = [None].into_iter().chain(points.iter().map(Some));
    for (point, before) in points.iter().zip(before) {
        out.push(marks(point, before));
        push_name(point.name.as_str(), &mut names, out);
        if before.is_none_or(|before| before.tags != point.tags) {
            push_tags(&point.tags, out);
        }
        if before.is_none_or(|before| before.timestamp != point.timestamp) {
            out.extend_from_slice(&time_bytes(point.timestamp));
        }
        out.extend_from_slice(&point.value.to_le_bytes());
    }
}

fn marks(point: &Point, before: Option<&Point>) -> u8 {
    let mut marks = reading_code(point.reading) << READING_SHIFT;
    if before.is_some_and(|before| before.tags == point.tags) {
        marks |= SAME_TAGS;
    }
    if before.is_some_and(|before| before.timestamp == point.timestamp) {
        marks |= SAME_TIME;
    }
    if point.timestamp.as_whole().is_none() {
        marks |= FRACTION;
    }
    marks
}

fn reading_code(reading: Reading) -> u8 {
    match reading {
        Reading::Level => 0,
        Reading::Total => 1,
        Reading::Increase => 2,
    }
}

fn reading_of(code: u8) -> Option<Reading> {
    match code {
        0 => Some(Reading::Level),
        1 => Some(Reading::Total),
        2 => Some(Reading::Increase),
        _ => None,
    }
}

fn push_name<'a>(name: &'a str, names: &mut HashMap<&'a str, u64>, out: &mut Vec<u8>) {
    if let Some(number) = names.get(name) {
        return push_varint(out, *number);
    }
    names.insert(name, names.len() as u64 + 1);
    push_varint(out, 0);
    push_text(name, out);
}

fn push_tags(tags: &Tags, out: &mut Vec<u8>) {
    push_varint(out, tags.len() as u64);
    for (key, value) in tags.iter() {
        push_text(key, out);
        push_text(value, out);
    }
}

fn push_text(text: &str, out: &mut Vec<u8>) {
    push_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn time_bytes(timestamp: Timestamp) -> [u8; 8] {
    match timestamp.as_whole() {
        Some(seconds) => seconds.to_le_bytes(),
        None => timestamp.as_f64().to_le_bytes(),
    }
}

/// So many points, if that is what these bytes are.
pub(super) fn decode(bytes: &[u8], points: usize) -> Option<Vec<Point>> {
    let mut rest = Rest { bytes, names: Vec::new() };
    // No more room than the bytes can fill, whatever number was read.
    let mut decoded: Vec<Point> = Vec::with_capacity(points.min(bytes.len()));
    while decoded.len() < points {
        let point = rest.point(decoded.last())?;
        decoded.push(point);
    }
    rest.bytes.is_empty().then_some(decoded)
}

/// What is not read yet.
struct Rest<'a> {
    bytes: &'a [u8],
    /// The names so far.
    names: Vec<Name>,
}

impl<'a> Rest<'a> {
    fn point(&mut self, before: Option<&Point>) -> Option<Point> {
        let [marks] = self.take()?;
        let name = self.name()?;
        let tags = if marks & SAME_TAGS == 0 { self.tags()? } else { before?.tags.clone() };
        let timestamp = if marks & SAME_TIME == 0 { self.time(marks)? } else { before?.timestamp };
        let value = f64::from_le_bytes(self.take()?);
        let reading = reading_of(marks >> READING_SHIFT & READING_MASK)?;
        Some(Point { name, tags, timestamp, value, reading })
    }

    fn name(&mut self) -> Option<Name> {
        match self.number()?.checked_sub(1) {
            Some(number) => self.names.get(usize::try_from(number).ok()?).cloned(),
            None => {
                let name = Name::from(self.text()?);
                self.names.push(name.clone());
                Some(name)
            }
        }
    }

    fn tags(&mut self) -> Option<Tags> {
        let count = self.number()?;
        let pairs: Option<Vec<(&str, &str)>> =
            (0..count).map(|_| Some((self.text()?, self.text()?))).collect();
        Some(Tags::from(pairs?))
    }

    fn time(&mut self, marks: u8) -> Option<Timestamp> {
        let bytes = self.take()?;
        Some(match marks & FRACTION {
            0 => Timestamp::from(i64::from_le_bytes(bytes)),
            _ => Timestamp::from(f64::from_le_bytes(bytes)),
        })
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        std::str::from_utf8(text).ok()
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let [byte] = self.take()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(*taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(points: &[Point]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(points, &mut out);
        out
    }

    fn points() -> impl Strategy<Value = Vec<Point>> {
        let tags = prop::collection::vec(("[a-c]?", "[x-z]{0,2}|é|.{0,200}"), 0..4);
        let time = prop_oneof![
            any::<i64>().prop_map(Timestamp::from),
            Just(Timestamp::from(7)),
            (-1e15..1e15).prop_map(|seconds: f64| Timestamp::from(seconds)),
        ];
        let reading = prop::sample::select(vec![Reading::Level, Reading::Total, Reading::Increase]);
        let point =
            ("[a-c]{0,2}|.{0,300}", tags, time, prop::num::f64::NORMAL | prop::num::f64::ZERO, reading);
        let point = point.prop_map(|(name, tags, timestamp, value, reading)| Point {
            name: name.into(),
            tags: tags.into(),
            timestamp,
            value,
            reading,
        });
        prop::collection::vec(point, 0..30)
    }

    proptest! {
        #[test]
        fn what_was_encoded_decodes_to_the_same(points in points()) {
            let bytes = encoded(&points);
            prop_assert_eq!(decode(&bytes, points.len() + 1), None);
            if let Some(fewer) = points.len().checked_sub(1) {
                prop_assert_eq!(decode(&bytes, fewer), None);
                prop_assert_eq!(decode(&bytes[..bytes.len() - 1], points.len()), None);
            }
            prop_assert_eq!(decode(&bytes, points.len()), Some(points));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), points in any::<u32>()) {
            let decoded = decode(&bytes, points as usize);
            prop_assert!(decoded.is_none_or(|decoded| decoded.len() == points as usize));
        }
    }

    #[test]
    fn a_series_is_said_once() {
        let point = |name: &str, value| Point {
            name: name.into(),
            tags: [("host", "a"), ("route", "/orders")].into(),
            timestamp: Timestamp::from(1_600_000_000),
            value,
            reading: Reading::Total,
        };
        let one = encoded(&[point("requests_count", 1.0)]).len();
        assert_eq!(encoded(&[point("requests_count", 1.0), point("requests_count", 2.0)]).len(), one + 10);
    }
}
