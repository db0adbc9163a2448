//! objects: points and series made by hand, and their text.

use serde_json::{Map, Value, json};
use tagmeter::Tags;
use tagmeter::apptuit::{DataPoint, InvalidPoint, TimeSeries};
use tagmeter::report::Timestamp;
use tagmeter::tag::Id;

use super::requests::timestamp;
use super::strings;
use crate::support::{Golden, read_float};

#[test]
fn objects() {
    Golden::open("objects").run(|case| match case.input["what"].as_str()? {
        "DataPoint" => data_point(&case.input),
        "TimeSeries" => time_series(&case.input),
        other => panic!("no {other}"),
    });
}

fn data_point(input: &Value) -> Option<Value> {
    let (metric, tags) = (input["metric"].as_str()?, strings(&input["tags"])?);
    let point = DataPoint::new(metric, tags, timestamp(&input["timestamp"])?, read_float(&input["value"])?);
    Some(match point {
        Ok(point) => json!({
            "metric": point.metric().as_str(),
            "tags": map(point.tags()),
            "timestamp": seconds(point.timestamp()),
            "value": point.value(),
            "text": point.to_string(),
        }),
        Err(error) => json!({"error": kind(&error)}),
    })
}

fn time_series(input: &Value) -> Option<Value> {
    let (metric, tags) = (input["metric"].as_str()?, strings(&input["tags"])?);
    let (times, values) = (list(&input["index"]), list(&input["values"]));
    // Our points are pairs.
    if times.len() != values.len() {
        return None;
    }
    let points = times.iter().zip(&values).map(|(time, value)| Some((timestamp(time)?, read_float(value)?)));
    let mut series = match TimeSeries::with_points(metric, tags.clone(), points.collect::<Option<Vec<_>>>()?)
    {
        Ok(series) => series,
        Err(error) => return Some(json!({"error": kind(&error)})),
    };
    let mut added = Vec::new();
    for call in list(&input["add_point_calls"]) {
        let outcome = series.add(timestamp(&call[0])?, read_float(&call[1])?).map(drop);
        added.push(outcome.map_or_else(|error| kind(&error), |()| "ok"));
    }
    let (times, values): (Vec<Value>, Vec<f64>) =
        series.points().iter().map(|(time, value)| (seconds(*time), *value)).unzip();
    let mut shown = json!({
        "metric": series.metric().as_str(),
        "tags": map(series.tags()),
        "timestamps": times,
        "values": values,
        "len": series.len(),
        "text": series.to_string(),
        "name_text": Id::from((metric, tags)).encode().unwrap(),
    });
    if !added.is_empty() {
        shown["add_point"] = added.into();
    }
    Some(shown)
}

fn list(json: &Value) -> Vec<Value> {
    json.as_array().cloned().unwrap_or_default()
}

fn map(tags: &Tags) -> Map<String, Value> {
    tags.iter().map(|(key, value)| (key.to_owned(), value.into())).collect()
}

fn seconds(time: Timestamp) -> Value {
    time.as_whole().map_or_else(|| time.as_f64().into(), Value::from)
}

fn kind(error: &InvalidPoint) -> &'static str {
    match error {
        InvalidPoint::EmptyName => "name",
        InvalidPoint::EmptyKey { .. } => "key",
        InvalidPoint::Value { .. } => "value",
        other => panic!("no kind for {other}"),
    }
}
