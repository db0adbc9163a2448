//! What a reporter pushes, when, and whom it tells what went wrong.

use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tagmeter::clock::ManualClock;
use tagmeter::report::{Apptuit, Report, ReportError, Reporter, ReporterBuilder, StopError};
use tagmeter::tag::{Environment, ExcessTags};
use tagmeter::{Registry, Tags};

use crate::Reply;
use crate::loopback::{FOREVER, Loopback};

const MINUTE: Duration = Duration::from_secs(60);

fn registry_of_two() -> (Registry, ManualClock) {
    let clock = ManualClock::new();
    let registry = Registry::builder().clock(clock.clone()).build();
    registry.counter("a").inc();
    registry.counter("b").inc();
    (registry, clock)
}

fn builder(registry: &Registry, endpoint: &str) -> ReporterBuilder<Apptuit> {
    let sink = Apptuit::builder().token("tok").endpoint(endpoint).timeout(FOREVER).build().unwrap();
    Reporter::new(registry, sink)
        .every(MINUTE)
        .host_tag(false)
        .tags([("env", "test")])
        .environment(Environment::empty())
}

/// One report of two points against one reply: what `report_now` gives and what the handler is told.
fn reported(reply: Reply) -> (Report, Vec<ReportError>) {
    let server = Loopback::start();
    server.reply(reply);
    report_to(&server.url())
}

fn report_to(endpoint: &str) -> (Report, Vec<ReportError>) {
    let (told, heard) = channel();
    let tell = move |error: &ReportError| told.send(error.clone()).unwrap();
    let reporter = builder(&registry_of_two().0, endpoint).on_error(tell).start().unwrap();
    let report = reporter.report_now().unwrap();
    let heard = heard.try_iter().collect();
    // Without the last push: the endpoint may hang.
    let _ = reporter.stop(Duration::ZERO);
    (report, heard)
}

/// What the handler was told: status, successful, failed.
fn told(reply: Reply) -> Vec<(Option<u16>, usize, usize)> {
    let (report, heard) = reported(reply);
    assert_eq!(report.errors, heard);
    assert_eq!(report.points, 2);
    assert_eq!(report.successful + report.failed, 2);
    heard.iter().map(|error| (error.status, error.successful, error.failed)).collect()
}

#[test]
fn success_is_not_an_error() {
    assert_eq!(told(Reply::status(200)), []);
    assert_eq!(told(Reply::status(204)), []);
}

#[test]
fn each_kind_of_failure_reaches_the_handler() {
    let one = r#"{"success":1,"failed":1,"errors":[{"datapoint":{"metric":"a_count"},"error":"bad"}]}"#;
    assert_eq!(told(Reply::with_body(200, one)), [(Some(200), 1, 1)]);
    assert_eq!(told(Reply::with_body(400, one)), [(Some(400), 1, 1)]);
    assert_eq!(told(Reply::with_body(400, "Bad Request")), [(Some(400), 0, 2)]);
    for status in [301, 401, 403, 404, 413, 429, 500, 503] {
        assert_eq!(told(Reply::status(status)), [(Some(status), 0, 2)]);
    }
    assert_eq!(told(Reply::Close), [(None, 0, 2)]);
}

#[test]
fn a_refused_connection_reaches_the_handler() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (report, heard) = report_to(&format!("http://{free}"));
    assert_eq!((report.failed, heard[0].status, heard[0].failed), (2, None, 2));
    assert!(heard[0].to_string().contains("Connection refused"), "{}", heard[0]);
}

#[test]
fn a_server_that_never_answers_reaches_the_handler() {
    let server = Loopback::start();
    let (silence, _held) = Reply::held();
    server.reply(silence);
    let sink =
        Apptuit::builder().token("tok").endpoint(server.url()).timeout(Duration::from_millis(50)).build();
    let (told, heard) = channel();
    let reporter = Reporter::new(&registry_of_two().0, sink.unwrap())
        .on_error(move |error| told.send(error.clone()).unwrap())
        .start()
        .unwrap();
    let report = reporter.report_now().unwrap();
    assert_eq!((report.successful, report.failed), (0, 2));
    assert!(heard.recv().unwrap().to_string().contains("no answer"));
}

/// A reporter on a manual clock whose requests the server keeps.
struct Driven {
    server: Loopback,
    clock: ManualClock,
    registry: Registry,
    reporter: Reporter,
}

fn driven() -> Driven {
    let server = Loopback::start();
    let (registry, clock) = registry_of_two();
    let reporter = builder(&registry, &server.url()).start().unwrap();
    Driven { server, clock, registry, reporter }
}

#[test]
fn the_first_push_comes_one_interval_after_the_start() {
    let Driven { server, clock, reporter, .. } = driven();
    clock.advance(MINUTE - Duration::from_millis(1));
    // An order is taken after the look at the clock: had there been a push, it would be here.
    reporter.report_now().unwrap();
    assert_eq!(server.drain().len(), 1);
    clock.advance(Duration::from_millis(1));
    assert_eq!(server.next().points(), 2);
    drop(reporter);
}

#[test]
fn a_long_sleep_is_followed_by_one_push() {
    let Driven { server, clock, reporter, .. } = driven();
    clock.advance(MINUTE * 100);
    assert_eq!(server.next().points(), 2);
    reporter.report_now().unwrap();
    let requests = server.drain();
    let reports = requests.iter().filter(|request| request.points() == 2).count();
    assert_eq!(reports, 1, "the one that was asked for");
}

#[test]
fn the_last_push_is_made_exactly_once() {
    let Driven { server, registry, reporter, .. } = driven();
    registry.counter("a").inc();
    let last = reporter.stop(FOREVER).unwrap();
    assert_eq!((last.points, last.successful, last.failed), (2, 2, 0));
    let requests = server.drain();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].json()[0]["value"], 2.0);

    let Driven { server, reporter, .. } = driven();
    drop(reporter);
    assert_eq!(server.drain().len(), 1);
}

#[test]
fn stopping_waits_for_the_push_in_flight() {
    let Driven { server, clock, registry, reporter } = driven();
    let (silence, release) = Reply::held();
    server.reply(silence);
    clock.advance(MINUTE);
    assert_eq!(server.next().json()[0]["value"], 1.0);
    registry.counter("a").inc();
    let stopping = std::thread::spawn(move || reporter.stop(FOREVER));
    assert!(server.drain().is_empty());
    release.send(()).unwrap();
    let last = stopping.join().unwrap().unwrap();
    assert_eq!((last.points, last.successful), (2, 2));
    let last: Vec<_> = server.drain().into_iter().filter(|request| request.points() == 2).collect();
    assert_eq!(last.len(), 1);
    assert_eq!(last[0].json()[0]["value"], 2.0);
}

#[test]
fn stopping_does_not_wait_longer_than_it_was_told_to() {
    let Driven { server, reporter, clock, .. } = driven();
    let (silence, release) = Reply::held();
    server.reply(silence);
    clock.advance(MINUTE);
    server.next();
    assert_eq!(reporter.stop(Duration::from_millis(20)), Err(StopError::TimedOut));
    release.send(()).unwrap();
}

#[test]
fn reports_asked_for_at_once_are_made_one_by_one() {
    let Driven { server, clock, reporter, .. } = driven();
    let reports: Vec<Report> = std::thread::scope(|scope| {
        let ask = || scope.spawn(|| reporter.report_now().unwrap());
        let asking: Vec<_> = (0..4).map(|_| ask()).collect();
        clock.advance(MINUTE);
        asking.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    assert!(reports.iter().all(|report| report.successful == 2));
    assert_eq!(reporter.stop(FOREVER).unwrap().successful, 2);
    let reports = server.drain().iter().filter(|request| request.points() == 2).count();
    assert_eq!(reports, 6, "four asked for, one due, the last");
}

#[test]
fn a_handler_that_waits_for_its_own_reporter_gets_an_error() {
    use std::sync::{Arc, Mutex};
    let server = Loopback::start();
    server.reply(Reply::status(500));
    let slot: Arc<Mutex<Option<Reporter>>> = Arc::default();
    let (told, heard): (_, Receiver<bool>) = channel();
    let own = slot.clone();
    let handle = move |_: &ReportError| {
        let reporter = own.lock().unwrap().take();
        let refused = reporter.as_ref().is_some_and(|reporter| reporter.report_now().is_err());
        // Dropped here, by its own thread.
        drop(reporter);
        told.send(refused).unwrap();
    };
    let (registry, clock) = registry_of_two();
    *slot.lock().unwrap() = Some(builder(&registry, &server.url()).on_error(handle).start().unwrap());
    clock.advance(MINUTE);
    assert!(heard.recv_timeout(FOREVER).unwrap());
}

#[test]
fn a_metric_with_too_many_tags_is_left_out_or_loses_those_that_all_share() {
    let registry = Registry::new();
    registry.counter(("crowded", (0..25).map(|n| (format!("tag{n:02}"), "x")).collect::<Tags>())).inc();
    for (policy, skipped, tags) in [(ExcessTags::Refuse, 1, None), (ExcessTags::DropShared, 0, Some(25))] {
        let server = Loopback::start();
        let sink = Apptuit::builder().token("tok").endpoint(server.url()).excess_tags(policy);
        let reporter =
            Reporter::new(&registry, sink.build().unwrap()).tags([("env", "test")]).host_tag(false);
        let last = reporter.environment(Environment::empty()).start().unwrap().stop(FOREVER).unwrap();
        assert_eq!(last.skipped, skipped);
        let sent: Vec<_> = server.drain().iter().map(|request| request.json()).collect();
        let counted = |json: &serde_json::Value| json[0]["tags"].as_object().map(|tags| tags.len());
        assert_eq!(sent.first().and_then(counted), tags);
    }
}
