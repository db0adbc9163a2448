//! What `Client::query` asks and returns.

use tagmeter::apptuit::Client;
use tagmeter::query::{QueryError, QueryResult};
use tagmeter::transport::{Memory, Transport};

use crate::loopback::Loopback;
use crate::{Reply, client};

const ONE: &str =
    r#"{"outputs":[{"id":"cpu","result":[{"metric":"cpu","tags":{"h":"a"},"dps":[[5,1],[10,2.5]]}]}]}"#;

fn asked(reply: Reply) -> Result<QueryResult, QueryError> {
    let server = Loopback::start();
    server.reply(reply);
    client(&server).query("cpu = fetch('cpu'); output(cpu)", 10..=20)
}

#[test]
fn a_query_is_a_get_without_a_body() {
    let server = Loopback::start();
    server.reply(Reply::with_body(200, ONE));
    let endpoint = server.url() + "/base/";
    let client = Client::builder().token("tok").endpoint(endpoint).ignore_environment().build().unwrap();
    let answer = client.query("a b", 10..=20).unwrap();
    assert_eq!(answer.named("cpu").unwrap().series()[0].points(), [(10.into(), 2.5)]);
    let request = server.next();
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("GET", "/base/api/query?start=10&end=20&q=a%20b")
    );
    assert_eq!(request.header("authorization").as_deref(), Some("Bearer tok"));
    assert!(request.body.is_empty());
}

#[test]
fn a_refusal_is_told_with_its_status_and_without_the_token() {
    let server = Loopback::start();
    server.reply(Reply::with_body(400, "no function sekret-token"));
    let client = Client::builder().token("sekret-token").endpoint(server.url()).ignore_environment();
    let error = client.build().unwrap().query("q", 1..).unwrap_err();
    assert_eq!(error, QueryError::Refused { status: 400, reason: "no function …".into() });
}

#[test]
fn an_answer_that_is_none_is_told() {
    assert!(matches!(asked(Reply::Close), Err(QueryError::Unreachable { .. })));
    assert!(matches!(asked(Reply::status(204)), Err(QueryError::Malformed { .. })));
    assert!(matches!(asked(Reply::with_body(200, "<html>")), Err(QueryError::Malformed { .. })));
    assert!(matches!(asked(Reply::with_body(200, &ONE[..40])), Err(QueryError::Malformed { .. })));
}

#[test]
fn a_redirect_is_not_followed() {
    let headers = vec![("location".to_owned(), "/elsewhere".to_owned())];
    let refused = asked(Reply::Answer { status: 302, headers, body: String::new() });
    assert!(matches!(refused, Err(QueryError::Refused { status: 302, .. })));
}

#[test]
fn an_async_query_is_tried_again_as_well() {
    let spy = Memory::new();
    spy.answer(503, "");
    spy.answer(200, ONE);
    let client =
        Client::builder().token("tok").ignore_environment().transport(Transport::Memory(spy.clone()));
    let client = client.retry(1).build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answer = runtime.block_on(client.query_async("q", 1..)).unwrap();
    assert_eq!((answer.outputs().len(), spy.requests().len(), spy.waits().len()), (1, 2, 1));
}
