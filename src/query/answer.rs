//! An answer of Apptuit's query service as a result.

use serde_json::Value;

use super::floats::quoted;
use super::result::{Output, QueryResult, QuerySeries};
use super::span::Span;
use crate::report::Timestamp;
use crate::tag::Tags;

/// Reads `{"outputs": [{"id": name, "result": [{"metric", "tags", "dps": [[time, number], …], "aggregatedTags"}]}]}`.
///
/// What is missing or null is empty; what has another shape is an error that says where.
pub(super) fn read(body: &[u8], span: Span) -> Result<QueryResult, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let json: Value = match serde_json::from_str(text) {
        Ok(json) => json,
        Err(error) => serde_json::from_str(&quoted(text)).map_err(|_| error.to_string())?,
    };
    let answer = json.as_object().ok_or("the answer is not an object")?;
    let outputs = answer.get("outputs").ok_or("the answer has no \"outputs\"")?;
    Ok(QueryResult { span, outputs: list(outputs, "outputs", |item| output(item, span))? })
}

fn output(json: &Value, span: Span) -> Result<Output, String> {
    let name = text(&json["id"], "id")?;
    Ok(Output { name, series: list(&json["result"], "result", |item| series(item, span))? })
}

fn series(json: &Value, span: Span) -> Result<QuerySeries, String> {
    let mut points = list(&json["dps"], "dps", point)?;
    points.retain(|(time, _)| span.contains(*time));
    Ok(QuerySeries {
        metric: text(&json["metric"], "metric")?,
        tags: tags(&json["tags"])?,
        aggregated_tags: list(&json["aggregatedTags"], "aggregatedTags", |key| text(key, "aggregatedTags"))?,
        points,
    })
}

fn point(json: &Value) -> Result<(Timestamp, f64), String> {
    let pair = json.as_array().map(Vec::as_slice);
    let Some([time, value]) = pair else { return Err(unexpected("dps", "pairs of time and number", json)) };
    let time = time.as_i64().map(Timestamp::from).or_else(|| time.as_f64().map(Timestamp::from));
    match (time, number(value)) {
        (Some(time), Some(value)) => Ok((time, value)),
        _ => Err(unexpected("dps", "pairs of time and number", json)),
    }
}

/// A number, also as text; null is none.
fn number(json: &Value) -> Option<f64> {
    match json {
        Value::Null => Some(f64::NAN),
        Value::String(text) => text.parse().ok(),
        _ => json.as_f64(),
    }
}

fn tags(json: &Value) -> Result<Tags, String> {
    match json {
        Value::Null => Ok(Tags::new()),
        Value::Object(tags) => {
            tags.iter().map(|(key, value)| Ok((key.as_str(), text(value, "tags")?))).collect()
        }
        other => Err(unexpected("tags", "an object", other)),
    }
}

fn text(json: &Value, what: &str) -> Result<String, String> {
    match json {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        other => Err(unexpected(what, "text", other)),
    }
}

fn list<T>(json: &Value, what: &str, read: impl Fn(&Value) -> Result<T, String>) -> Result<Vec<T>, String> {
    match json {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => items.iter().map(read).collect(),
        other => Err(unexpected(what, "a list", other)),
    }
}

/// Characters of the answer that a message shows.
const EXCERPT_CHARS: usize = 100;

fn unexpected(what: &str, expected: &str, found: &Value) -> String {
    let found: String = found.to_string().chars().take(EXCERPT_CHARS).collect();
    format!("{what:?} holds {found}: expected {expected}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_all(body: &str) -> Result<QueryResult, String> {
        read(body.as_bytes(), Span::from(0..))
    }

    #[test]
    fn what_is_missing_is_empty() {
        assert_eq!(read_all(r#"{"outputs":null}"#).unwrap().outputs, []);
        let answer = read_all(r#"{"outputs":[{"id":"a"},{"result":[{}]}]}"#).unwrap();
        assert_eq!((answer.outputs[0].series.len(), answer.outputs[1].series.len()), (0, 1));
        assert_eq!(answer.outputs[1].series[0].to_string(), "{}");
    }

    #[test]
    fn another_shape_is_an_error_that_says_where() {
        for (body, says) in [
            ("", "EOF"),
            ("[]", "not an object"),
            ("{}", "no \"outputs\""),
            (r#"{"outputs":7}"#, "\"outputs\" holds 7: expected a list"),
            (r#"{"outputs":[{"id":7}]}"#, "\"id\" holds 7: expected text"),
            (r#"{"outputs":[{"id":"a","result":[{"tags":[]}]}]}"#, "\"tags\" holds []: expected an object"),
            (r#"{"outputs":[{"id":"a","result":[{"dps":[[1]]}]}]}"#, "\"dps\" holds [1]"),
            (r#"{"outputs":[{"id":"a","result":[{"dps":[[1,"x"]]}]}]}"#, "\"dps\" holds [1,\"x\"]"),
        ] {
            let error = read_all(body).unwrap_err();
            assert!(error.contains(says), "{body}: {error}");
        }
    }

    #[test]
    fn numbers_that_json_does_not_have_are_read() {
        let body = r#"{"outputs":[{"id":"a","result":[{"dps":[[1,NaN],[2,null],[3,-Infinity],[4,"5"]]}]}]}"#;
        let points = &read_all(body).unwrap().outputs[0].series[0].points;
        assert!(points[0].1.is_nan() && points[1].1.is_nan());
        assert_eq!((points[2].1, points[3].1), (f64::NEG_INFINITY, 5.0));
    }

    proptest! {
        #[test]
        fn no_body_panics(body: Vec<u8>) {
            let _ = read(&body, Span::from(0..));
        }
    }
}
