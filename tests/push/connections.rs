//! Connections: kept, used again, and lost without losing a point.

use std::time::Duration;

use tagmeter::apptuit::SendError;
use tagmeter::report::{Apptuit, PushError, Report, Reporter};
use tagmeter::transport::Http;
use tagmeter::{Registry, apptuit::Client};

use crate::loopback::{FOREVER, Loopback};
use crate::{Reply, client, point, tls};

const REPORTS: usize = 100;

/// Reports so often, and once more at the end.
fn report(server: &Loopback, sink: Apptuit) -> Report {
    let registry = Registry::new();
    let orders = registry.counter("orders");
    let reporter = Reporter::new(&registry, sink).every(Duration::from_secs(3600)).tags([("host", "h1")]);
    let reporter = reporter.push_own_metrics(false).start().unwrap();
    for _ in 0..REPORTS {
        orders.inc();
        // One that fails waits for the next.
        let _ = reporter.report_now();
    }
    let last = reporter.stop(FOREVER).unwrap();
    assert_eq!(last.waiting, 0, "{last:?}");
    let counts = server.drain().iter().map(|request| request.json()[0]["value"].as_f64().unwrap()).collect();
    let counts: Vec<f64> = counts;
    for expected in 1..=REPORTS {
        assert!(counts.contains(&(expected as f64)), "{expected} is missing: {counts:?}");
    }
    last
}

fn sink(server: &Loopback) -> Apptuit {
    Apptuit::builder().token("tok").endpoint(server.url()).transport(direct()).build().unwrap()
}

fn direct() -> Http {
    Http::builder().direct().build().unwrap()
}

#[test]
fn a_hundred_reports_take_one_connection() {
    let server = Loopback::start();
    report(&server, sink(&server));
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_hundred_reports_over_tls_take_one_connection() {
    let server = tls::server();
    for _ in 0..REPORTS {
        server.reply(Reply::with_body(200, r#"{"success":1,"failed":0}"#));
    }
    let http = tls::trusting().build().unwrap();
    let sink = Apptuit::builder().token("tok").endpoint(tls::endpoint(&server)).transport(http);
    report(&server, sink.build().unwrap());
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_server_that_closes_what_is_idle_loses_no_point() {
    let server = Loopback::start();
    for _ in 0..=REPORTS {
        server.reply(Reply::Farewell);
    }
    report(&server, sink(&server));
    assert!(server.connections() >= REPORTS);
}

#[test]
fn clients_that_go_the_same_way_share_connections() {
    let server = Loopback::start();
    for http in [direct(), direct()] {
        let client = Client::builder().token("tok").endpoint(server.url()).transport(http);
        client.ignore_environment().build().unwrap().send(&[point("a", 1.0)]).unwrap();
    }
    assert_eq!((server.drain().len(), server.connections()), (2, 1));
}

#[test]
fn an_endless_answer_is_cut() {
    let server = Loopback::start();
    server.reply(Reply::Endless);
    let outcome = client(&server).send(&[point("a", 1.0)]).unwrap();
    assert_eq!((outcome.status, outcome.successful), (Some(200), 1));
}

#[test]
fn half_an_answer_is_used_as_far_as_it_came_when_the_time_is_over() {
    let server = Loopback::start();
    // On a busy machine not even the first half comes at once.
    let times = (0..10).map(|doubled| Duration::from_millis(50 << doubled));
    let outcome = times.into_iter().find_map(|time| {
        let (half, _held) = Reply::half();
        server.reply(half);
        tls::client(server.url(), Http::builder().direct().timeout(time)).send(&[point("a", 1.0)]).ok()
    });
    let outcome = outcome.unwrap();
    assert_eq!((outcome.status, outcome.successful), (Some(200), 1));
}

#[test]
fn a_server_that_says_nothing_is_left_after_any_of_the_times() {
    let times: [fn() -> tagmeter::transport::HttpBuilder; 2] = [
        || Http::builder().direct().read_timeout(Duration::from_millis(50)),
        || Http::builder().direct().timeout(Duration::from_millis(50)),
    ];
    for http in times {
        let server = Loopback::start();
        let (silence, _held) = Reply::held();
        server.reply(silence);
        let error = tls::client(server.url(), http()).send(&[point("a", 1.0)]).unwrap_err();
        assert!(
            matches!(&error, SendError::Push(PushError::Unreachable { reason, .. }) if reason.contains("no answer")),
            "{error}"
        );
    }
}

#[test]
fn a_connection_that_does_not_come_is_given_up() {
    // TLS is part of connecting, and this server never begins it.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    let client = tls::client(endpoint, tls::trusting().connect_timeout(Duration::from_millis(50)));
    let error = client.send(&[point("a", 1.0)]).unwrap_err().to_string();
    assert!(error.contains("no connection to") && error.contains("timed out"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_socket_of_this_machine_is_a_way_as_well() {
    let path = std::env::temp_dir().join(format!("tagmeter-push-{}.sock", std::process::id()));
    let http = || Http::builder().unix_socket(&path);
    let client = || tls::client("http://agent.example:4242".into(), http());
    let error = client().send(&[point("a", 1.0)]).unwrap_err().to_string();
    assert!(error.contains("agent.example") && error.contains("No such file"), "{error}");
    let server = Loopback::start_on(&path);
    let sink = Apptuit::builder().token("tok").endpoint("http://agent.example:4242");
    report(&server, sink.transport(http().build().unwrap()).build().unwrap());
    client().send(&[point("a", 1.0)]).unwrap();
    assert_eq!(server.next().header("host").as_deref(), Some("agent.example:4242"));
    assert_eq!(server.connections(), 1);
    std::fs::remove_file(&path).unwrap();
}
