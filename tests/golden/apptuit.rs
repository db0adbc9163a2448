//! Apptuit's client: client_construct, objects, http_requests, send_response, query, reporter_errors, retry.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

#[path = "../support/loopback.rs"]
#[allow(dead_code)]
mod loopback;
mod objects;
#[cfg(feature = "query")]
mod query;
mod registries;
mod reporter;
mod requests;
#[cfg(feature = "query")]
mod retry;

use serde_json::{Value, json};
use tagmeter::apptuit::{BuildError, Client, ClientBuilder, DataPoint, SendError};
use tagmeter::report::{PointError, PushError};
use tagmeter::tag::{Environment, Sanitize};
use tagmeter::transport::{Memory, Transport};

use crate::support::{Golden, logged, with_kind};
use loopback::{Loopback, Reply};

#[test]
fn client_construct() {
    let view = |recorded: &Value| {
        let mut seen = with_kind(recorded, build_kind);
        if let Some(warnings) = recorded.get("deprecation_warnings").and_then(Value::as_array) {
            seen["deprecation_warnings"] = warnings.len().into();
        }
        // Tags that are not read are no tags.
        if recorded.get("global_tags").is_some_and(Value::is_null) {
            seen["global_tags"] = json!({});
        }
        seen
    };
    Golden::open("client_construct").seen_as(view).run(|case| {
        let spy = Memory::new();
        let (built, lines) = logged(|| build(&case.input, spy.clone()));
        let mut result = match built? {
            Ok(client) => constructed(&client, &spy),
            Err(kind) => return Some(json!({"error": kind})),
        };
        if let warnings @ 1.. = lines.iter().filter(|line| line.contains("is deprecated")).count() {
            result["deprecation_warnings"] = warnings.into();
        }
        Some(result)
    });
}

fn build(input: &Value, spy: Memory) -> Option<Result<Client, &'static str>> {
    let arguments = &input["args"];
    let variables: Vec<(String, String)> = strings(&input["env"])?;
    let lookup = move |name: &str| Some(variables.iter().find(|(own, _)| own == name)?.1.clone());
    let mut builder =
        Client::builder().environment(Environment::new(lookup)).transport(Transport::Memory(spy));
    if let Some(token) = arguments["token"].as_str() {
        builder = builder.token(token);
    }
    if let Some(endpoint) = arguments["api_endpoint"].as_str() {
        builder = builder.endpoint(endpoint);
    }
    if arguments["ignore_environ_tags"] == true {
        builder = builder.ignore_environment();
    }
    if !arguments["global_tags"].is_null() {
        builder = builder.global_tags(strings(&arguments["global_tags"])?);
    }
    if let Some(mode) = arguments["sanitize_mode"].as_str() {
        match mode.parse() {
            Ok(mode) => builder = builder.sanitize(mode),
            Err(_) => return Some(Err("mode")),
        }
    }
    Some(builder.build().map_err(|error| kind_of_build(&error)))
}

/// A client as seen from outside: its token and address show in what it sends.
fn constructed(client: &Client, spy: &Memory) -> Value {
    let point = DataPoint::new("m", [("k", "v")], 1, 1).unwrap();
    client.send(&[point]).unwrap();
    let [request] = &spy.requests()[..] else { panic!("one call is one request") };
    let bearer = request.header_value("authorization").unwrap();
    json!({
        "token": String::from_utf8_lossy(bearer).strip_prefix("Bearer "),
        "endpoint": client.endpoint(),
        "put_url": request.url(),
        "global_tags": client.global_tags().iter().collect::<std::collections::BTreeMap<_, _>>(),
        "sanitizer": client.sanitize().to_string(),
    })
}

fn build_kind(_: &str, message: &str) -> &'static str {
    match message {
        _ if message.contains("Missing Apptuit API token") => "token",
        _ if message.contains("sanitizer_mode") => "mode",
        _ if message.contains("api_endpoint") => "endpoint",
        _ if message.contains("APPTUIT_TAGS") => "environment",
        _ => panic!("no kind for {message}"),
    }
}

fn kind_of_build(error: &BuildError) -> &'static str {
    match error {
        BuildError::NoToken | BuildError::InvalidToken(_) => "token",
        BuildError::NoEndpoint | BuildError::InvalidEndpoint(_) => "endpoint",
        BuildError::Environment(_) => "environment",
        BuildError::IllegalKey(_) => "key",
        other => panic!("no kind for {other}"),
    }
}

/// Pairs of a map of texts; `None` if something else is in it.
fn strings(map: &Value) -> Option<Vec<(String, String)>> {
    map.as_object()?.iter().map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

#[test]
fn send_response() {
    Golden::open("send_response").seen_as(seen_response).run(|case| {
        let server = Loopback::start();
        server.reply(scripted(&case.input, &server));
        let points = usize::try_from(case.input["points_sent"].as_u64()?).ok()?;
        let points: Vec<DataPoint> =
            (1..=points).map(|n| DataPoint::new(format!("m{n}"), [("k", "v")], 1, 1).unwrap()).collect();
        let mut result = match client(&server).build().unwrap().send(&points) {
            Ok(outcome) if outcome.failed == 0 => json!({"ok": true}),
            Ok(outcome) => {
                json!({"ok": true, "success": outcome.successful, "failed": outcome.failed, "errors": entries(&outcome.errors)})
            }
            Err(SendError::Push(PushError::Rejected(refused))) => json!({
                "status_code": refused.status,
                "success": refused.successful,
                "failed": refused.failed,
                "errors": entries(&refused.errors),
            }),
            Err(other) => panic!("{}: {other}", case.id),
        };
        let requests = server.drain();
        result["requests"] =
            requests.iter().map(|seen| json!([seen.method, seen.path, !seen.body.is_empty()])).collect();
        Some(result)
    });
}

/// The answer of a case; `SERVER` in a header is the server itself.
fn scripted(input: &Value, server: &Loopback) -> Reply {
    let headers = strings(&input["headers"]).expect("headers are text");
    Reply::Answer {
        status: input["status"].as_u64().and_then(|status| status.try_into().ok()).expect("a status"),
        headers: headers
            .into_iter()
            .map(|(name, value)| (name, value.replace("SERVER", &server.url())))
            .collect(),
        body: input["body"].as_str().expect("a body").into(),
    }
}

/// What a send error says, without its wording; a crash is an error of its own.
fn seen_response(recorded: &Value) -> Value {
    let error = &recorded["error"];
    if error.is_null() {
        return recorded.clone();
    }
    let requests = &recorded["requests"];
    if error.get("status_code").is_none() {
        return json!({"error": "crash", "requests": requests});
    }
    json!({
        "status_code": error["status_code"],
        "success": number(&error["success"]),
        "failed": number(&error["failed"]),
        "errors": error["errors"].as_array().expect("a list").iter().map(entry).collect::<Value>(),
        "requests": requests,
    })
}

/// A count, also where it was written as text.
fn number(count: &Value) -> Value {
    count.as_str().map_or_else(|| count.clone(), |digits| digits.parse::<u64>().unwrap().into())
}

/// `[message, point]` of one recorded error.
fn entry(error: &Value) -> Value {
    match error.get("error") {
        Some(message) => json!([text(message), error["datapoint"]]),
        None => json!([text(error), null]),
    }
}

fn text(message: &Value) -> String {
    message.as_str().map_or_else(|| message.to_string(), str::to_owned)
}

fn entries(errors: &[PointError]) -> Value {
    let point = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    errors.iter().map(|error| json!([error.message, point(&error.point)])).collect()
}

/// A client of this server that knows nothing of the environment.
fn client(server: &Loopback) -> ClientBuilder {
    Client::builder().token("tok").endpoint(server.url()).environment(Environment::empty())
}

/// The mode that a case names: nothing means the default, `null` none.
fn mode(setting: Option<&Value>) -> Sanitize {
    match setting {
        None => Sanitize::default(),
        Some(Value::Null) => Sanitize::None,
        Some(mode) => mode.as_str().expect("a mode is text").parse().expect("a known mode"),
    }
}
