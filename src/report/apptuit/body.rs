//! Points as the body of a put request: JSON.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::report::{Point, Timestamp};
use crate::tag::Tags;

pub(super) fn write(points: &[Point], out: &mut dyn Write) -> io::Result<()> {
    Ok(serde_json::to_writer(out, &Array(points))?)
}

struct Array<'a>(&'a [Point]);

impl Serialize for Array<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Object))
    }
}

struct Object<'a>(&'a Point);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Object(point) = self;
        let mut object = serializer.serialize_map(Some(4))?;
        object.serialize_entry("metric", point.name.as_str())?;
        object.serialize_entry("timestamp", &Seconds(point.timestamp))?;
        object.serialize_entry("value", &point.value)?;
        object.serialize_entry("tags", &Pairs(&point.tags))?;
        object.end()
    }
}

struct Seconds(Timestamp);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_whole() {
            Some(seconds) => serializer.serialize_i64(seconds),
            None => serializer.serialize_f64(self.0.as_f64()),
        }
    }
}

struct Pairs<'a>(&'a Tags);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter())
    }
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
        let expected = "[{\"metric\":\"a\",\"timestamp\":1,\"value\":1.0,\"tags\":{\"k\":\"\\\"é\\n\"}},\
                        {\"metric\":\"a\",\"timestamp\":1600000000.75,\"value\":-0.0,\"tags\":{\"k\":\"\\\"é\\n\"}}]";
        assert_eq!(json, expected);
    }

    #[test]
    fn every_value_comes_back_to_the_bit() {
        for value in [5e-324, f64::MAX, 1e16, 123456789.125, 0.1, -7.0, 9007199254740992.0] {
            let json: serde_json::Value = serde_json::from_str(&json_of(&[point(1, value)])).unwrap();
            assert_eq!(json[0]["value"].as_f64().map(f64::to_bits), Some(value.to_bits()), "{value}");
        }
    }
}
