//! http_requests: what `send`, `send_series` and a reporter put on the wire.

use serde_json::{Map, Value, json};
use tagmeter::apptuit::{Client, DataPoint, InvalidPoint, SendError, TimeSeries};
use tagmeter::report::{Apptuit, RefusedPoint, Reporter, Timestamp};
use tagmeter::tag::Environment;
use tagmeter::{Registry, Tags};

use super::loopback::{FOREVER, Loopback, Received};
use super::registries::{LATENCIES, named};
use super::{client, mode, strings};
use crate::support::{Golden, agree, read_float};

#[test]
fn http_requests() {
    Golden::open("http_requests").seen_as(seen).agreeing_when(|_, recorded, ours| same(recorded, ours)).run(
        |case| {
            let server = Loopback::start();
            let refused = match case.input["operation"].as_str()? {
                "send" => send(&case.input, &server)?,
                "send_timeseries" => send_series(&case.input, &server)?,
                "reporter" => report(&case.input, &server)?,
                other => panic!("no operation {other}"),
            };
            let requests: Value = server.drain().iter().map(request).collect();
            Some(match refused {
                Some(kind) => json!({"error": kind, "requests": requests}),
                None => json!({"requests": requests}),
            })
        },
    );
}

/// Why nothing was sent, if so. The outer `None`: our types cannot say it.
type Refused = Option<Option<&'static str>>;

fn send(input: &Value, server: &Loopback) -> Refused {
    let points = input["points"].as_array()?.iter().map(data_point).collect::<Option<Result<Vec<_>, _>>>()?;
    let points = match points {
        Ok(points) => points,
        Err(error) => return Some(Some(kind_of_point(&error))),
    };
    Some(configured(input, server)?.send(&points).err().map(|error| kind_of_send(&error)))
}

fn data_point(point: &Value) -> Option<Result<DataPoint, InvalidPoint>> {
    let (metric, tags) = (point["metric"].as_str()?, pairs(&point["tags"])?);
    Some(DataPoint::new(metric, tags, timestamp(&point["timestamp"])?, read_float(&point["value"])?))
}

fn send_series(input: &Value, server: &Loopback) -> Refused {
    let series = input["series"].as_array()?.iter().map(time_series).collect::<Option<Vec<_>>>()?;
    Some(configured(input, server)?.send_series(&series).err().map(|error| kind_of_send(&error)))
}

fn time_series(series: &Value) -> Option<TimeSeries> {
    // No tags are an empty map to us.
    let tags = if series["tags"].is_null() { Vec::new() } else { strings(&series["tags"])? };
    let mut built = TimeSeries::new(series["metric"].as_str()?, tags).ok()?;
    for point in series.get("points")?.as_array()? {
        built.add(timestamp(&point[0])?, read_float(&point[1])?).ok()?;
    }
    Some(built)
}

fn configured(input: &Value, server: &Loopback) -> Option<Client> {
    let settings = &input["client"];
    let mut builder = client(server).sanitize(mode(settings.get("sanitize_mode")));
    if let Some(token) = settings["token"].as_str() {
        builder = builder.token(token);
    }
    if let Some(suffix) = settings["suffix"].as_str() {
        builder = builder.endpoint(server.url() + suffix);
    }
    if settings["global_tags"].is_object() {
        builder = builder.global_tags(strings(&settings["global_tags"])?);
    }
    builder.build().ok()
}

fn report(input: &Value, server: &Loopback) -> Refused {
    let settings = &input["reporter"];
    if settings["collect_process_metrics"] == true {
        return None;
    }
    let (registry, clock) = named(input["registry"].as_str()?)?;
    let reporter = reporter(&registry, settings, server)?;
    let mut times = input["timestamps"].as_array()?.iter().map(|time| timestamp(time)?.as_whole());
    times.next()?;
    reporter.report_now().unwrap();
    for time in times {
        clock.advance(std::time::Duration::from_secs(u64::try_from(time?).ok()?) - clock.elapsed());
        reporter.report_now().unwrap();
    }
    // Without the last push, which the record does not have.
    let _ = reporter.stop(std::time::Duration::ZERO);
    Some(None)
}

fn reporter(registry: &Registry, settings: &Value, server: &Loopback) -> Option<Reporter> {
    let sink =
        Apptuit::builder().token("tok").endpoint(server.url()).sanitize(mode(settings.get("sanitize_mode")));
    let tags = match &settings["tags"] {
        Value::Null => Tags::from([("host", "h1")]),
        tags => strings(tags)?.into(),
    };
    let reporter = Reporter::new(registry, sink.timeout(FOREVER).build().unwrap())
        .every(FOREVER * 1000)
        .environment(Environment::empty())
        .prefix(settings["prefix"].as_str().unwrap_or_default())
        .tags(tags);
    Some(reporter.start().unwrap())
}

/// Pairs in a list; `None` if a value is not text.
fn pairs(list: &Value) -> Option<Vec<(String, String)>> {
    let pair = |pair: &Value| Some((pair[0].as_str()?.to_owned(), pair[1].as_str()?.to_owned()));
    list.as_array()?.iter().map(pair).collect()
}

pub(super) fn timestamp(time: &Value) -> Option<Timestamp> {
    time.as_i64().map(Timestamp::from).or_else(|| time.as_f64().map(Timestamp::from))
}

fn kind_of_point(error: &InvalidPoint) -> &'static str {
    match error {
        InvalidPoint::Value { .. } => "value",
        other => panic!("no kind for {other}"),
    }
}

fn kind_of_send(error: &SendError) -> &'static str {
    match error {
        SendError::Refused(RefusedPoint::Name { .. }) => "name",
        SendError::Refused(RefusedPoint::Tags { .. }) => "tags",
        other => panic!("no kind for {other}"),
    }
}

fn recorded_kind(message: &str) -> &'static str {
    match message {
        _ if message.starts_with("Metric Name") => "name",
        _ if message.starts_with("Tag key") || message.contains("tags") => "tags",
        _ => "other",
    }
}

/// A request as it is compared: not the header order, `User-Agent`, `Accept` or compressed bytes.
fn request(seen: &Received) -> Value {
    json!({
        "request": format!("{} {}", seen.method, seen.path),
        "authorization": seen.header("authorization"),
        "content_type": seen.header("content-type"),
        "content_encoding": seen.header("content-encoding"),
        "points": points(&seen.json()),
    })
}

fn seen(recorded: &Value) -> Value {
    let requests: Value =
        recorded["requests"].as_array().expect("a list").iter().map(recorded_request).collect();
    match recorded["error"]["message"].as_str() {
        Some(message) => json!({"error": recorded_kind(message), "requests": requests}),
        None => json!({"requests": requests}),
    }
}

fn recorded_request(request: &Value) -> Value {
    let header = |name: &str| {
        let headers = request["headers"].as_array().expect("a list");
        headers.iter().find(|header| header[0] == name).map_or(Value::Null, |header| header[1].clone())
    };
    json!({
        "request": format!("{} {}", request["method"].as_str().unwrap(), request["path"].as_str().unwrap()),
        "authorization": header("Authorization"),
        "content_type": header("Content-Type"),
        "content_encoding": header("Content-Encoding"),
        "points": if request["body"].is_null() { "not JSON".into() } else { points(&request["body"]) },
    })
}

/// Each point as what it is about, and its value.
fn points(body: &Value) -> Value {
    body.as_array().expect("an array of points").iter().map(point).collect()
}

/// The reporter's own metrics are compared by names, tags and counts: their times are those of the recording.
fn point(point: &Value) -> Value {
    let fields: &Map<String, Value> = point.as_object().expect("a point is an object");
    assert_eq!(fields.len(), 4, "{point}");
    let metric = fields["metric"].as_str().expect("a name is text");
    let own = metric.contains("reporter");
    let timestamp = if own { "…".into() } else { fields["timestamp"].to_string() };
    let value = if own && !metric.ends_with("count") { Value::Null } else { fields["value"].clone() };
    json!([format!("{metric} {} @{timestamp}", fields["tags"]), value])
}

/// [`agree`], but a percentile is within 1 % of a recorded value next to its position.
fn same(recorded: &Value, ours: &Value) -> bool {
    match (recorded, ours) {
        (Value::Array(a), Value::Array(b)) if is_percentile(a, b) => same_percentile(a, b),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => agree(recorded, ours),
    }
}

fn is_percentile(recorded: &[Value], ours: &[Value]) -> bool {
    let named = |point: &[Value]| {
        point.len() == 2
            && point[1].is_number()
            && point[0].as_str().is_some_and(|what| what.contains("percentile"))
    };
    named(recorded) && named(ours)
}

/// Percentiles come from bins; the record interpolates between two of the values.
fn same_percentile(recorded: &[Value], ours: &[Value]) -> bool {
    let what = recorded[0].as_str().expect("what the point is about");
    let [below, above] = neighbours(what);
    let ours_value = ours[1].as_f64().expect("a number");
    let near = |value: f64| (ours_value - value).abs() <= 0.01 * value.abs();
    recorded[0] == ours[0] && (near(below) || near(above))
}

/// The two values around position `p·(n+1)` of what was recorded.
fn neighbours(what: &str) -> [f64; 2] {
    let mut values = match what {
        _ if what.starts_with("latency") => LATENCIES.to_vec(),
        _ if what.starts_with("size") => (1..=10).map(|n| f64::from(n) * 10.0).collect(),
        _ => panic!("no values for {what}"),
    };
    values.sort_by(f64::total_cmp);
    let digits: String =
        what.split("_percentile").next().unwrap().split(['_', '.']).next_back().unwrap().into();
    let share: f64 = format!("0.{digits}").parse().expect("the digits of a percentile");
    let position = share * (values.len() as f64 + 1.0);
    let at = |position: f64| values[(position.max(1.0) as usize - 1).min(values.len() - 1)];
    [at(position.floor()), at(position.ceil())]
}
