//! Who requests say they are from.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tagmeter::apptuit::{BuildError, Client, SendError};
use tagmeter::report::{Apptuit, PushError};
use tagmeter::tag::Environment;
use tagmeter::transport::{Asked, Authorization, Http, HttpBuilder};

use crate::loopback::Loopback;
use crate::{Reply, client, point};

fn direct() -> HttpBuilder {
    Http::builder().direct()
}

/// A client without a token.
fn tokenless(server: &Loopback, http: HttpBuilder) -> Client {
    let client = Client::builder().environment(Environment::empty()).endpoint(server.url());
    client.transport(http.build().unwrap()).build().unwrap()
}

fn unreachable(error: SendError) -> String {
    match error {
        SendError::Push(PushError::Unreachable { reason, .. }) => reason,
        other => panic!("{other}"),
    }
}

#[test]
fn options_say_who_we_are_in_place_of_the_token() {
    let server = Loopback::start();
    let other = Authorization::header("ApiKey abc").unwrap();
    for (http, expected) in [
        (direct().bearer("other"), "Bearer other"),
        (direct().basic("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        (direct().authorize(other), "ApiKey abc"),
    ] {
        tokenless(&server, http).send(&[point("a", 1.0)]).unwrap();
        assert_eq!(server.next().header("authorization").as_deref(), Some(expected));
    }
    let sink = Apptuit::builder().environment(Environment::empty()).transport(direct().build().unwrap());
    assert_eq!(sink.build().unwrap_err(), BuildError::NoToken, "neither says it");
}

#[test]
fn headers_are_added_and_may_take_the_place_of_ours() {
    let server = Loopback::start();
    let http = direct().header("X-Scope-OrgID", "shop").header("User-Agent", "shop/1").bearer("t");
    tokenless(&server, http).send(&[point("a", 1.0)]).unwrap();
    let request = server.next();
    assert_eq!(request.header("x-scope-orgid").as_deref(), Some("shop"));
    assert_eq!(request.header("user-agent").as_deref(), Some("shop/1"));
}

/// A function that numbers its tokens, and what it was asked.
fn numbered() -> (HttpBuilder, Arc<Mutex<Vec<Asked>>>) {
    let calls: Arc<Mutex<Vec<Asked>>> = Arc::default();
    let noted = calls.clone();
    let http = direct().authorize_with(move |asked| {
        let mut calls = noted.lock().unwrap();
        calls.push(asked);
        Ok(Authorization::bearer(format!("token-{}", calls.len()))?)
    });
    (http, calls)
}

#[test]
fn a_function_is_asked_before_each_attempt() {
    let (server, (http, calls)) = (Loopback::start(), numbered());
    let client = tokenless(&server, http);
    for expected in ["Bearer token-1", "Bearer token-2"] {
        client.send(&[point("a", 1.0)]).unwrap();
        assert_eq!(server.next().header("authorization").as_deref(), Some(expected));
    }
    assert_eq!(*calls.lock().unwrap(), [Asked::BeforeRequest; 2]);
}

#[test]
fn a_401_has_it_asked_anew_and_the_same_points_sent_again() {
    let (server, (http, calls)) = (Loopback::start(), numbered());
    server.reply(Reply::status(401));
    assert_eq!(tokenless(&server, http).send(&[point("a", 1.0)]).unwrap().successful, 1);
    let (first, second) = (server.next(), server.next());
    assert_eq!(first.json(), second.json());
    assert_eq!(second.header("authorization").as_deref(), Some("Bearer token-2"));
    assert_eq!(*calls.lock().unwrap(), [Asked::BeforeRequest, Asked::AfterRefusal]);
}

#[test]
fn a_401_is_believed_where_there_is_nothing_else_to_say_or_it_comes_twice() {
    let same = || direct().authorize_with(|_| Ok(Authorization::bearer("same")?));
    let fails_then = || {
        direct().authorize_with(|asked| match asked {
            Asked::BeforeRequest => Ok(Authorization::bearer("old")?),
            Asked::AfterRefusal => Err("no other".into()),
        })
    };
    for (http, requests) in [(same(), 1), (fails_then(), 1), (numbered().0, 2), (direct().bearer("t"), 1)] {
        let server = Loopback::start();
        for _ in 0..requests {
            server.reply(Reply::status(401));
        }
        let error = tokenless(&server, http).send(&[point("a", 1.0)]).unwrap_err();
        assert!(matches!(error, SendError::Push(PushError::Rejected(refused)) if refused.status == 401));
        assert_eq!(server.drain().len(), requests);
    }
}

#[test]
fn a_function_that_panics_or_fails_costs_one_attempt() {
    let server = Loopback::start();
    let calls = AtomicUsize::new(0);
    let http = direct().authorize_with(move |_| match calls.fetch_add(1, Ordering::SeqCst) {
        0 => panic!("s3cr3t"),
        1 => Err("the token service is down".into()),
        _ => Ok(Authorization::bearer("t")?),
    });
    let client = tokenless(&server, http);
    let panicked = unreachable(client.send(&[point("a", 1.0)]).unwrap_err());
    assert!(panicked.contains("panicked") && !panicked.contains("s3cr3t"), "{panicked}");
    let failed = unreachable(client.send(&[point("a", 1.0)]).unwrap_err());
    assert!(failed.contains("the token service is down"), "{failed}");
    client.send(&[point("a", 1.0)]).unwrap();
    assert_eq!(server.drain().len(), 1);
}

#[test]
fn a_function_that_does_not_return_holds_up_its_own_requests_alone_and_is_called_once() {
    let server = Loopback::start();
    let (release, held) = channel::<()>();
    let (held, calls) = (Mutex::new(held), Arc::new(AtomicUsize::new(0)));
    let counted = calls.clone();
    let http = direct().timeout(Duration::from_millis(50)).authorize_with(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        let _ = held.lock().unwrap().recv();
        Ok(Authorization::bearer("late")?)
    });
    let slow = tokenless(&server, http);
    for _ in 0..3 {
        let reason = unreachable(slow.send(&[point("a", 1.0)]).unwrap_err());
        assert!(reason.contains("none within 50ms"), "{reason}");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1, "one thread is all it may hold");
    client(&server).send(&[point("b", 1.0)]).unwrap();
    assert_eq!(server.next().header("authorization").as_deref(), Some("Bearer tok"));
    drop(release);
    // It has returned, so the next attempt asks again. Until then there are more of the same errors.
    while slow.send(&[point("a", 1.0)]).is_err() {}
    assert_eq!(server.next().header("authorization").as_deref(), Some("Bearer late"));
}

#[test]
fn a_function_may_use_a_client_itself() {
    let (server, tokens) = (Loopback::start(), Loopback::start());
    let asked = client(&tokens);
    let http = direct().authorize_with(move |_| {
        let outcome = asked.send(&[point("token_wanted", 1.0)])?;
        Ok(Authorization::bearer(format!("given-{}", outcome.successful))?)
    });
    let slow = tokenless(&server, http);
    let points = [point("a", 1.0)];
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(slow.send_async(&points)).unwrap();
    assert_eq!(server.next().header("authorization").as_deref(), Some("Bearer given-1"));
}
