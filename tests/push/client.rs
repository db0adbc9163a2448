//! What `Client::send` sends and returns.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::json;
use tagmeter::apptuit::{Client, DataPoint, SendError, TimeSeries};
use tagmeter::report::{Outcome, PushError, Rejection};
use tagmeter::tag::{ExcessTags, Sanitize};
use tagmeter::transport::{Memory, Transport};

use crate::loopback::Loopback;
use crate::{Reply, client, point};

fn two() -> [DataPoint; 2] {
    [point("a", 1.0), point("b", 2.0)]
}

fn sent_two(reply: Reply) -> Result<Outcome, SendError> {
    let server = Loopback::start();
    server.reply(reply);
    let sent = client(&server).send(&two());
    assert_eq!(server.next().points(), 2);
    assert!(server.drain().is_empty(), "one call is one request");
    sent
}

fn rejection(sent: Result<Outcome, SendError>) -> Rejection {
    match sent.unwrap_err() {
        SendError::Push(PushError::Rejected(rejection)) => rejection,
        other => panic!("{other}"),
    }
}

fn unreachable(sent: Result<Outcome, SendError>) -> (usize, String) {
    match sent.unwrap_err() {
        SendError::Push(PushError::Unreachable { points, reason }) => (points, reason),
        other => panic!("{other}"),
    }
}

const ONE_FAILED: &str = r#"{"success":1,"failed":1,"errors":[{"datapoint":{"metric":"a"},"error":"bad"}]}"#;

#[test]
fn a_point_goes_out_as_the_server_wants_it() {
    let server = Loopback::start();
    let point = DataPoint::new("proc.cpu", [("host.name", "h\"1\n")], 1600000000.75, 12.5).unwrap();
    client(&server).send(&[point]).unwrap();
    let request = server.next();
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/api/put?details"));
    assert_eq!(request.header("authorization").as_deref(), Some("Bearer tok"));
    assert_eq!(request.header("content-type").as_deref(), Some("application/json"));
    assert_eq!(request.header("content-encoding").as_deref(), Some("deflate"));
    assert_eq!(request.header("transfer-encoding"), None);
    assert_eq!(request.header("user-agent"), Some(format!("tagmeter/{}", env!("CARGO_PKG_VERSION"))));
    let expected = json!([{"metric": "proc_cpu", "timestamp": 1600000000.75, "value": 12.5, "tags": {"host_name": "h\"1\n"}}]);
    assert_eq!(request.json(), expected);
}

#[test]
fn a_204_and_a_200_are_success() {
    for reply in [Reply::status(204), Reply::status(200), Reply::status(202)] {
        let outcome = sent_two(reply).unwrap();
        assert_eq!((outcome.successful, outcome.failed), (2, 0));
    }
}

#[test]
fn a_200_that_names_failures_is_believed() {
    let outcome = sent_two(Reply::with_body(200, ONE_FAILED)).unwrap();
    assert_eq!((outcome.status, outcome.successful, outcome.failed), (Some(200), 1, 1));
    assert_eq!(outcome.errors[0].to_string(), r#"bad: {"metric":"a"}"#);
}

#[test]
fn a_400_says_which_points_failed() {
    let refused = rejection(sent_two(Reply::with_body(400, ONE_FAILED)));
    assert_eq!((refused.status, refused.successful, refused.failed, refused.errors.len()), (400, 1, 1, 1));
}

#[test]
fn other_refusals_are_about_all_points() {
    for (status, reason) in
        [(401, "token"), (403, "refused"), (413, "2 points"), (500, "server"), (503, "server")]
    {
        let refused = rejection(sent_two(Reply::with_body(status, ONE_FAILED)));
        assert_eq!((refused.status, refused.successful, refused.failed), (status, 0, 2));
        assert!(refused.reason.contains(reason), "{refused}");
    }
}

#[test]
fn a_server_can_ask_for_rest() {
    let date = ("date", "Fri, 31 Dec 1999 23:59:52 GMT");
    for headers in [vec![("retry-after", "7")], vec![date, ("retry-after", "Fri, 31 Dec 1999 23:59:59 GMT")]]
    {
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let refused = rejection(sent_two(Reply::Answer { status: 429, headers, body: String::new() }));
        assert_eq!(refused.retry_after, Some(Duration::from_secs(7)));
    }
}

#[test]
fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let headers = vec![("location".to_owned(), "/other".to_owned())];
        let refused = rejection(sent_two(Reply::Answer { status, headers, body: String::new() }));
        assert_eq!((refused.status, refused.failed), (status, 2));
    }
}

#[test]
fn a_refused_connection_is_told_with_its_cause() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = Client::builder().token("tok").endpoint(format!("http://{free}")).ignore_environment();
    let (points, reason) = unreachable(client.build().unwrap().send(&two()));
    assert_eq!(points, 2);
    assert!(reason.contains("Connection refused") && reason.contains(&free.to_string()), "{reason}");
}

#[test]
fn a_broken_connection_is_told() {
    let (points, reason) = unreachable(sent_two(Reply::Close));
    assert_eq!(points, 2);
    assert!(reason.contains("broke"), "{reason}");
}

#[test]
fn a_retry_that_would_come_too_late_is_not_made() {
    let server = Loopback::start();
    let headers = vec![("retry-after".to_owned(), "3600".to_owned())];
    server.reply(Reply::Answer { status: 503, headers, body: String::new() });
    let client = Client::builder().token("tok").endpoint(server.url()).ignore_environment().retry(9);
    let refused = rejection(client.build().unwrap().send(&two()));
    assert_eq!((refused.status, server.drain().len()), (503, 1));
}

fn in_batches(server: &Loopback, points: usize) -> Client {
    let client = Client::builder().token("tok").endpoint(server.url()).ignore_environment();
    client.max_batch(points).build().unwrap()
}

#[test]
fn more_points_than_fit_go_into_further_requests() {
    let server = Loopback::start();
    server.reply(Reply::status(204)).reply(Reply::with_body(200, ONE_FAILED));
    let points: Vec<DataPoint> = (0..5).map(|n| point("a", f64::from(n))).collect();
    let outcome = in_batches(&server, 2).send(&points).unwrap();
    assert_eq!((outcome.successful, outcome.failed, outcome.errors.len()), (4, 1, 1));
    assert_eq!(server.drain().iter().map(|request| request.points()).collect::<Vec<_>>(), [2, 2, 1]);
}

#[test]
fn a_batch_that_fails_keeps_no_other_back() {
    let server = Loopback::start();
    server.reply(Reply::status(204)).reply(Reply::status(500)).reply(Reply::Close).reply(Reply::status(204));
    let series = TimeSeries::with_points("a", [("k", "v")], (0..4).map(|n| (n, n))).unwrap();
    let error = in_batches(&server, 1).send_series(&[series]).unwrap_err();
    let shown = error.to_string();
    let SendError::Batches { delivered, failures } = error else { panic!("{error}") };
    assert_eq!((delivered.successful, failures.len(), server.drain().len()), (2, 2, 4));
    assert!(matches!(&failures[0], PushError::Rejected(refused) if refused.status == 500));
    assert!(matches!(&failures[1], PushError::Unreachable { points: 1, .. }));
    assert!(shown.starts_with("2 requests failed, 2 points were delivered; the first: 1 of 1"), "{shown}");
}

#[test]
fn an_async_call_is_cut_into_batches_and_tried_again_as_well() {
    let spy = Memory::new();
    spy.answer(204, "");
    spy.answer(503, "");
    let client =
        Client::builder().token("tok").ignore_environment().transport(Transport::Memory(spy.clone()));
    let client = client.max_batch(1).retry(1).build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let sent = runtime.block_on(client.send_async(&two()));
    assert_eq!((sent.unwrap().successful, spy.requests().len(), spy.waits().len()), (2, 3, 1));
}

#[test]
fn a_point_with_too_many_tags_is_refused_or_loses_what_all_share() {
    let server = Loopback::start();
    let own: Vec<(String, &str)> = (0..25).map(|n| (format!("k{n}"), "v")).collect();
    let crowded = DataPoint::new("a", own, 1, 1).unwrap();
    let client = Client::builder().token("tok").endpoint(server.url()).global_tags([("env", "dev")]);
    assert!(matches!(
        client.build().unwrap().send(std::slice::from_ref(&crowded)),
        Err(SendError::Refused(_))
    ));
    let client = Client::builder().token("tok").endpoint(server.url()).global_tags([("env", "dev")]);
    client.excess_tags(ExcessTags::DropShared).build().unwrap().send(&[crowded]).unwrap();
    let tags = &server.next().json()[0]["tags"];
    assert_eq!((tags.as_object().unwrap().len(), &tags["env"]), (25, &serde_json::Value::Null));
}

#[test]
fn a_server_that_never_answers_is_left_after_the_timeout() {
    let server = Loopback::start();
    let (silence, _held) = Reply::held();
    server.reply(silence);
    let client = Client::builder().token("tok").endpoint(server.url()).timeout(Duration::from_millis(50));
    let (points, reason) = unreachable(client.ignore_environment().build().unwrap().send(&two()));
    assert_eq!(points, 2);
    assert!(reason.contains("within 50ms"), "{reason}");
}

#[test]
fn a_certificate_that_is_none_is_no_connection() {
    let server = Loopback::start();
    let endpoint = server.url().replace("http:", "https:");
    let client = Client::builder().token("tok").endpoint(endpoint).ignore_environment().build().unwrap();
    assert_eq!(unreachable(client.send(&two())).0, 2);
    assert!(server.drain().is_empty());
}

#[test]
fn nothing_to_send_is_no_request() {
    let server = Loopback::start();
    let client = client(&server);
    assert_eq!(client.send(&[]), Ok(Outcome::default()));
    assert_eq!(client.send_series(&[TimeSeries::new("a", [("k", "v")]).unwrap()]), Ok(Outcome::default()));
    assert!(server.drain().is_empty());
}

#[test]
fn one_point_that_cannot_be_sent_keeps_all_back() {
    let server = Loopback::start();
    let strict =
        Client::builder().token("tok").endpoint(server.url()).ignore_environment().sanitize(Sanitize::None);
    let sent = strict.build().unwrap().send(&[point("good", 1.0), point("bad name", 1.0)]);
    assert!(matches!(sent, Err(SendError::Refused(_))));
    let tagless = DataPoint::new("a", (), 1, 1).unwrap();
    assert!(matches!(client(&server).send(&[tagless]), Err(SendError::Refused(_))));
    assert!(server.drain().is_empty());
}

#[test]
fn series_are_made_legal_like_points() {
    let server = Loopback::start();
    let mut series = TimeSeries::new("proc.cpu", [("host.name", "h")]).unwrap();
    series.add(1, 1).unwrap().add(2, 2.5).unwrap();
    client(&server).send_series(&[series]).unwrap();
    let tags = json!({"host_name": "h"});
    let expected = json!([
        {"metric": "proc_cpu", "timestamp": 1, "value": 1.0, "tags": tags},
        {"metric": "proc_cpu", "timestamp": 2, "value": 2.5, "tags": tags},
    ]);
    assert_eq!(server.next().json(), expected);
}
