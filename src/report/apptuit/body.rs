//! Points as the body of a put request: JSON.

use std::io::{self, Write};

use crate::number::{push_float, push_i64};
use crate::report::{Point, Timestamp};
use crate::tag::{Tags, write_json_text};

/// Text that is written at once.
const CHUNK_BYTES: usize = 16 << 10;

pub(super) fn write(points: &[Point], out: &mut dyn Write) -> io::Result<()> {
    let mut json = String::with_capacity(2 * CHUNK_BYTES);
    for (at, point) in points.iter().enumerate() {
        json.push(if at == 0 { '[' } else { ',' });
        push_point(&mut json, point);
        if json.len() >= CHUNK_BYTES {
            out.write_all(json.as_bytes())?;
            json.clear();
        }
    }
    json.push_str(if points.is_empty() { "[]" } else { "]" });
    out.write_all(json.as_bytes())
}

fn push_point(json: &mut String, Point { name, tags, timestamp, value, .. }: &Point) {
    json.push_str("{\"metric\":");
    write_json_text(name.as_str(), json);
    json.push_str(",\"timestamp\":");
    push_seconds(json, *timestamp);
    json.push_str(",\"value\":");
    push_float(json, *value);
    json.push_str(",\"tags\":");
    push_tags(json, tags);
    json.push('}');
}

fn push_seconds(json: &mut String, timestamp: Timestamp) {
    match timestamp.as_whole() {
        Some(seconds) => push_i64(json, seconds),
        None => push_float(json, timestamp.as_f64()),
    }
}

fn push_tags(json: &mut String, tags: &Tags) {
    let mut before = '{';
    for (key, value) in tags.iter() {
        json.push(before);
        write_json_text(key, json);
        json.push(':');
        write_json_text(value, json);
        before = ',';
    }
    json.push_str(if tags.is_empty() { "{}" } else { "}" });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Reading;

    fn json_of(points: &[Point]) -> String {
        let mut json = Vec::new();
        write(points, &mut json).unwrap();
        String::from_utf8(json).unwrap()
    }

    fn point(timestamp: impl Into<Timestamp>, value: f64) -> Point {
        Point {
            name: "a".into(),
            tags: [("k", "\"é\n")].into(),
            timestamp: timestamp.into(),
            value,
            reading: Reading::Level,
        }
    }

    #[test]
    fn a_point_is_an_object_of_four() {
        let json = json_of(&[point(1, 1.0), point(1600000000.75, -0.0)]);
        let expected = "[{\"metric\":\"a\",\"timestamp\":1,\"value\":1.0,\"tags\":{\"k\":\"\\\"\\u00e9\\n\"}},\
                        {\"metric\":\"a\",\"timestamp\":1600000000.75,\"value\":-0.0,\"tags\":{\"k\":\"\\\"\\u00e9\\n\"}}]";
        assert_eq!(json, expected);
        assert_eq!(json_of(&[]), "[]");
    }

    #[test]
    fn every_value_comes_back_to_the_bit() {
        for value in [5e-324, f64::MAX, 1e16, 123456789.125, 0.1, -7.0, 9007199254740992.0] {
            let json: serde_json::Value = serde_json::from_str(&json_of(&[point(1, value)])).unwrap();
            assert_eq!(json[0]["value"].as_f64().map(f64::to_bits), Some(value.to_bits()), "{value}");
        }
    }
}
