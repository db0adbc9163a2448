//! retry: how often `send` and `query` try, and how long they wait.

use serde_json::{Value, json};
use tagmeter::apptuit::{Client, DataPoint, SendError};
use tagmeter::query::QueryError;
use tagmeter::report::PushError;
use tagmeter::transport::{Memory, Transport, TransportError};

use crate::support::Golden;

#[test]
fn retry() {
    Golden::open("retry").seen_as(seen).agreeing_when(|_, recorded, ours| same(recorded, ours)).run(|case| {
        let retries = u32::try_from(case.input["retry_count"].as_i64()?).ok()?;
        let spy = scripted(&case.input, retries);
        let client = Client::builder().token("tok").ignore_environment().retry(retries);
        let client = client.transport(Transport::Memory(spy.clone())).build().unwrap();
        let failed = match case.input["operation"].as_str()? {
            "send" => client.send(&[DataPoint::new("m", [("k", "v")], 1, 1).unwrap()]).err().map(of_send),
            "query" => client.query("q", 1..).err().map(of_query),
            other => panic!("no operation {other}"),
        };
        let waits: Value = spy.waits().iter().map(|wait| wait.as_secs_f64()).collect();
        Some(json!({ "failed": failed, "attempts": spy.requests().len(), "waits": waits }))
    });
}

/// A server that gives the answers of a case.
fn scripted(input: &Value, retries: u32) -> Memory {
    let spy = Memory::new();
    let answers = input["statuses"].as_array().unwrap().iter();
    for answer in answers.chain((0..=retries).map(|_| &input["then"])) {
        match answer.as_u64() {
            Some(status) => spy.answer(status.try_into().unwrap(), r#"{"outputs": []}"#),
            None => {
                spy.fail(TransportError::Broken { host: "server".into(), reason: "closed".into() });
            }
        }
    }
    spy
}

fn of_send(error: SendError) -> Value {
    match error {
        SendError::Push(PushError::Rejected(refused)) => refused.status.into(),
        SendError::Push(PushError::Unreachable { .. }) => "connection".into(),
        other => panic!("{other}"),
    }
}

fn of_query(error: QueryError) -> Value {
    match error {
        QueryError::Refused { status, .. } => status.into(),
        QueryError::Unreachable { .. } => "connection".into(),
        other => panic!("{other}"),
    }
}

fn seen(recorded: &Value) -> Value {
    json!({
        "failed": recorded.get("error").map(failed),
        "attempts": recorded["attempts"],
        "waits": recorded["backoff_ranges_s"],
    })
}

/// The status that an error tells; only in words, where it is a query's.
fn failed(error: &Value) -> Value {
    let message = error["message"].as_str().unwrap_or_default();
    match message.split_once("due to exception: ").and_then(|(_, status)| status.split(' ').next()) {
        _ if error["type"] == "ConnectionError" => "connection".into(),
        Some(status) => status.parse::<u16>().unwrap().into(),
        None => error["status_code"].clone(),
    }
}

/// Recorded are the ranges that waits were drawn from.
fn same(recorded: &Value, ours: &Value) -> bool {
    let (ranges, waits) = (recorded["waits"].as_array().unwrap(), ours["waits"].as_array().unwrap());
    let within = |(range, wait): (&Value, &Value)| {
        let wait = wait.as_f64().unwrap();
        range[0].as_f64().unwrap() <= wait && wait < range[1].as_f64().unwrap()
    };
    recorded["failed"] == ours["failed"]
        && recorded["attempts"] == ours["attempts"]
        && ranges.len() == waits.len()
        && ranges.iter().zip(waits).all(within)
}
