//! A stand-in for Apptuit on loopback, so that the example runs anywhere: takes pushes, checks every one as the real
//! API does, answers in its words, and prints a line for each.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use flate2::read::ZlibDecoder;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The token it takes.
pub(crate) const TOKEN: &str = "a-token-for-trying-things-out";
/// The metric whose sum over all tags a line shows: the requests answered so far.
const WATCHED: &str = "requests_count";
/// Apptuit takes at most this many tags a point.
const MAX_TAGS: usize = 25;
/// A push of 50 000 points has about 8 MB before compression.
const MAX_BODY: usize = 64 << 20;

/// Starts it on a free port; gives the address to push to.
pub(crate) async fn start() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let app = Router::new()
        .route("/api/put", post(put))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Arc::new(AtomicU64::new(0)));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(endpoint)
}

/// One value of one series at one time.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Point {
    metric: String,
    timestamp: u64,
    value: f64,
    tags: BTreeMap<String, String>,
}

impl Point {
    fn read(datapoint: &Value) -> Result<Point, String> {
        let point = Point::deserialize(datapoint).map_err(|error| error.to_string())?;
        match point.tags.len() {
            _ if point.metric.is_empty() => Err("metric is empty".into()),
            _ if point.timestamp == 0 => Err("timestamp is 0".into()),
            1..=MAX_TAGS => Ok(point),
            tags => Err(format!("{tags} tags, expected 1 to {MAX_TAGS}")),
        }
    }
}

/// `POST /api/put?details`.
async fn put(State(pushes): State<Arc<AtomicU64>>, headers: HeaderMap, body: Bytes) -> Response {
    let push = pushes.fetch_add(1, Ordering::Relaxed) + 1;
    if !is_authorized(&headers) {
        println!("push {push}: refused, not our token");
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match datapoints(&headers, &body) {
        Ok(datapoints) => answer(push, body.len(), &datapoints),
        Err(problem) => {
            println!("push {push}: refused, {problem}");
            let error = json!({"error": {"code": 400, "message": problem}});
            (StatusCode::BAD_REQUEST, axum::Json(error)).into_response()
        }
    }
}

fn is_authorized(headers: &HeaderMap) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    given.and_then(|value| value.strip_prefix("Bearer ")) == Some(TOKEN)
}

/// The points of a body, which is JSON in a zlib stream.
fn datapoints(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Value>, String> {
    if headers.get(header::CONTENT_ENCODING).is_none_or(|coding| coding != "deflate") {
        return Err("expected Content-Encoding: deflate".into());
    }
    let mut text = String::new();
    let inflated = ZlibDecoder::new(body).take(MAX_BODY as u64).read_to_string(&mut text);
    inflated.map_err(|error| format!("not a zlib stream: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("not an array of points: {error}"))
}

/// Checks each point, says how many were good and what was wrong with the others.
fn answer(push: u64, bytes: usize, datapoints: &[Value]) -> Response {
    let (mut points, mut errors) = (Vec::new(), Vec::new());
    for datapoint in datapoints {
        match Point::read(datapoint) {
            Ok(point) => points.push(point),
            Err(error) => errors.push(json!({"datapoint": datapoint, "error": error})),
        }
    }
    let (success, failed) = (points.len(), errors.len());
    println!("push {push}: {success} points taken, {failed} refused, {bytes} bytes; {}", gist(&points));
    let status = if failed == 0 { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    (status, axum::Json(json!({"success": success, "failed": failed, "errors": errors}))).into_response()
}

/// What one line has room for: the requests so far, or else where the points start.
fn gist(points: &[Point]) -> String {
    let watched = points.iter().filter(|point| point.metric == WATCHED).map(|point| point.value);
    match (watched.reduce(|a, b| a + b), points.first()) {
        (Some(total), _) => format!("{WATCHED} is {total}"),
        (None, Some(first)) => format!("starting with {}", first.metric),
        (None, None) => "nothing to show".to_owned(),
    }
}
