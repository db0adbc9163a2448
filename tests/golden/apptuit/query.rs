//! query: what is asked, and what an answer becomes.

use serde_json::{Value, json};
use tagmeter::query::{Output, QueryResult, QuerySeries, Span};

use super::client;
use super::loopback::{Loopback, Reply};
use super::requests::timestamp;
use crate::support::{Golden, float};

/// What is at a position where there is no output.
const NOTHING: &str = "nothing";

#[test]
fn query() {
    Golden::open("query").seen_as(seen).run(|case| {
        let server = Loopback::start();
        // Where no answer is recorded, there was nothing in it.
        let body = case.input["body"].as_str().unwrap_or(r#"{"outputs": []}"#);
        server.reply(Reply::with_body(case.input["status"].as_u64()?.try_into().ok()?, body));
        let start = timestamp(&case.input["start"])?;
        let span = match &case.input["end"] {
            Value::Null => Span::from(start..),
            end => Span::from(start..=timestamp(end)?),
        };
        let answer = client(&server).build().unwrap().query(case.input["query"].as_str()?, span);
        let asked = server.next();
        let mut shown = json!({
            "asked": format!("{} {}", asked.method, asked.path),
            "authorization": asked.header("authorization"),
        });
        match answer {
            Ok(answer) => shown["result"] = result(&answer),
            Err(_) => shown["error"] = true.into(),
        }
        Some(shown)
    });
}

/// Nothing found is no result in the record.
fn result(answer: &QueryResult) -> Value {
    let outputs = answer.outputs();
    if outputs.is_empty() {
        return Value::Null;
    }
    let at = |position: usize| answer.at(position).map_or(NOTHING, Output::name);
    json!({
        "outputs": outputs.iter().map(output).collect::<Value>(),
        "at": (0..=outputs.len()).map(at).collect::<Vec<_>>(),
    })
}

fn output(output: &Output) -> Value {
    json!({"id": output.name(), "series": output.series().iter().map(series).collect::<Value>()})
}

fn series(series: &QuerySeries) -> Value {
    let times: Vec<f64> = series.points().iter().map(|(time, _)| time.as_f64()).collect();
    let tags: serde_json::Map<String, Value> =
        series.tags().iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
    json!({
        "metric": series.metric(),
        "tags": tags,
        "timestamps": times,
        "values": series.points().iter().map(|(_, value)| float(*value)).collect::<Value>(),
        "text": series.to_string(),
    })
}

fn seen(recorded: &Value) -> Value {
    let headers = recorded["headers"].as_array().expect("a list");
    let authorization = headers.iter().find(|header| header[0] == "Authorization").map(|header| &header[1]);
    let mut seen = json!({
        "asked": format!("{} {}", recorded["method"].as_str().unwrap(), recorded["path"].as_str().unwrap()),
        "authorization": authorization,
    });
    match (recorded.get("error"), &recorded["result"]) {
        (Some(_), _) => seen["error"] = true.into(),
        (None, Value::Null) => seen["result"] = Value::Null,
        (None, result) => {
            let outputs = &result["outputs"];
            let count = outputs.as_array().unwrap().len();
            let at = |position: usize| &result["by_index"][position.to_string()];
            let name = |name: &Value| if name.is_string() { name.clone() } else { NOTHING.into() };
            seen["result"] = json!({
                "outputs": outputs,
                "at": (0..=count).map(|position| name(at(position))).collect::<Value>(),
            });
        }
    }
    seen
}
