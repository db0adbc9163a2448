//! reporter_errors: what a reporter makes of refusals: whom it tells, what it counts, what it sends again.

use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use serde_json::{Map, Value, json};
use tagmeter::clock::ManualClock;
use tagmeter::report::{Apptuit, Outcome, Point, PushError, Report, ReportError, Reporter, Rules, Sink};
use tagmeter::tag::Environment;
use tagmeter::{Registry, Tags};

use super::loopback::{FOREVER, Loopback, Received, Reply};
use super::{entry, number};
use crate::support::Golden;

/// Replies for whatever a case sends after those it lists.
const MANY: usize = 20;
/// The reporter's own metrics of which a case tells.
const OWN: [&str; 4] = ["total", "successful", "failed", "time"];

#[test]
fn reporter_errors() {
    Golden::open("reporter_errors").seen_as(seen).run(|case| {
        // Ours tries again until the next report, and has no number for that.
        if case.input["retry_count"].is_number() {
            return None;
        }
        let server = Loopback::start();
        script(&server, &case.input);
        let (reporter, told) = start(&case.input, &server)?;
        let reports = case.input["reports"].as_u64()?;
        let reports: Vec<Report> = (0..reports).map(|_| reporter.report_now().unwrap()).collect();
        let posts: Vec<usize> = server.drain().iter().map(Received::points).collect();
        let calls: Vec<Value> = told.try_iter().map(|error| call(&error)).collect();
        let mut result = json!({
            "reports": reports.iter().map(Report::is_complete).collect::<Vec<_>>(),
            "handler_calls": calls,
            "meta_counts": own_counts(&reporter, &server),
            "posts_points": posts,
        });
        if case.input["handler"] == "default" {
            result["stderr"] = reports.iter().flat_map(|report| &report.errors).map(line).collect();
        }
        Some(result)
    });
}

fn script(server: &Loopback, input: &Value) {
    for answer in input["statuses"].as_array().unwrap() {
        server.reply(reply(&answer[0], answer[1].as_str().unwrap()));
    }
    for _ in 0..MANY {
        server.reply(reply(&input["then"], ""));
    }
}

fn reply(status: &Value, body: &str) -> Reply {
    match status.as_u64() {
        Some(status) => Reply::with_body(status.try_into().unwrap(), body),
        None => Reply::Close,
    }
}

/// A reporter of so many counters whose clock stands still, so that it does nothing by itself.
fn start(input: &Value, server: &Loopback) -> Option<(Reporter, Receiver<ReportError>)> {
    let registry = Registry::builder().clock(ManualClock::new()).build();
    (0..input["counters"].as_u64()?).for_each(|n| registry.counter(format!("c{n}")).inc());
    let sink = Apptuit::builder().token("tok").endpoint(server.url()).timeout(FOREVER).build().unwrap();
    let max_batch = usize::try_from(input["batch_size"].as_u64()?).ok()?;
    let reporter = Reporter::new(&registry, Batches { sink, max_batch });
    let reporter =
        reporter.every(FOREVER).environment(Environment::empty()).tags(Tags::from([("host", "h1")]));
    let (tell, told) = channel();
    let reporter = match input["handler"].as_str()? {
        "recording" => reporter.on_error(move |error| tell.send(error.clone()).unwrap()),
        _ => reporter,
    };
    Some((reporter.start().unwrap(), told))
}

/// Apptuit's sink with batches of another size.
struct Batches {
    sink: Apptuit,
    max_batch: usize,
}

impl Sink for Batches {
    fn name(&self) -> &str {
        self.sink.name()
    }

    fn rules(&self) -> Rules {
        Rules { max_batch: self.max_batch, ..self.sink.rules() }
    }

    fn push(&mut self, batch: &[Point], deadline: Instant) -> Result<Outcome, PushError> {
        self.sink.push(batch, deadline)
    }
}

/// What it says of itself: with the next report, how it stood after the last.
fn own_counts(reporter: &Reporter, server: &Loopback) -> Value {
    server.forget_replies();
    reporter.report_now().unwrap();
    let bodies: Vec<Value> = server.drain().iter().map(Received::json).collect();
    let points = || bodies.iter().flat_map(|body| body.as_array().unwrap());
    let value =
        |name: &str| points().find(|point| point["metric"] == name).map(|point| point["value"].clone());
    let count = |own: &&str| Some(((*own).to_owned(), value(&format!("apptuit_reporter_send_{own}_count"))?));
    OWN.iter().filter_map(count).collect::<Map<String, Value>>().into()
}

/// `[status, successful, failed, errors]`; the general message is ours alone.
fn call(error: &ReportError) -> Value {
    let particular = error.messages.iter().filter_map(|message| {
        let (message, point) = message.split_once(": {")?;
        Some(json!([message, serde_json::from_str::<Value>(&format!("{{{point}")).unwrap()]))
    });
    let status = error.status.map_or_else(|| json!("none"), Value::from);
    json!([status, error.successful, error.failed, particular.collect::<Value>()])
}

/// What a line for people says in numbers: how many of how many failed, with which status.
fn line(error: &ReportError) -> Value {
    numbers(&error.to_string())
}

fn numbers(text: &str) -> Value {
    let words = text.split(|c: char| !c.is_ascii_digit()).filter(|word| !word.is_empty());
    words.take(3).map(|digits| digits.parse::<u64>().unwrap()).collect()
}

fn seen(recorded: &Value) -> Value {
    let list = |key: &str| recorded[key].as_array().unwrap().iter();
    let own = recorded["meta_counts"].as_object().unwrap().iter();
    let own = own.map(|(name, count)| (name.rsplit('.').next().unwrap().to_owned(), count.clone()));
    let mut seen = json!({
        "reports": list("reports").map(|report| report.get("ok").is_some()).collect::<Value>(),
        "handler_calls": list("handler_calls").map(recorded_call).collect::<Value>(),
        "meta_counts": own.collect::<Map<String, Value>>(),
        "posts_points": recorded["posts_points"],
    });
    if let Some(text) = recorded["stderr"].as_str() {
        seen["stderr"] = json!([numbers(text)]);
    }
    seen
}

fn recorded_call(call: &Value) -> Value {
    let errors: Value = call[3].as_array().unwrap().iter().map(entry).collect();
    json!([call[0], number(&call[1]), number(&call[2]), errors])
}
