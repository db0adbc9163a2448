//! The table of answers on the wire: what is sent again, when, and what becomes of the points.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;
use tagmeter::Registry;
use tagmeter::clock::ManualClock;
use tagmeter::report::{Apptuit, Reporter, Status};
use tagmeter::tag::Environment;

use crate::Reply;
use crate::loopback::{FOREVER, Loopback, Received};

const MINUTE: Duration = Duration::from_secs(60);
/// The first retry comes sooner.
const FIRST_WAIT: Duration = Duration::from_secs(4);

/// A reporter of two counters on a manual clock, and the server it pushes to.
struct Setup {
    server: Loopback,
    clock: ManualClock,
    reporter: Reporter,
}

fn setup(replies: impl IntoIterator<Item = Reply>) -> Setup {
    let (server, clock) = (Loopback::start(), ManualClock::new());
    for reply in replies {
        server.reply(reply);
    }
    let registry = Registry::builder().clock(clock.clone()).build();
    registry.counter("a").inc();
    registry.counter("b").inc();
    let sink = Apptuit::builder().token("tok").endpoint(server.url()).timeout(FOREVER).build().unwrap();
    let reporter = Reporter::new(&registry, sink)
        .every(MINUTE)
        .push_own_metrics(false)
        .host_tag(false)
        .tags([("env", "test")])
        .environment(Environment::empty())
        .on_error(|_| ())
        .start()
        .unwrap();
    Setup { server, clock, reporter }
}

/// Name and second of each point in a request.
fn points(request: &Received) -> Vec<(String, i64)> {
    let point = |point: &Value| {
        Some((point["metric"].as_str()?.trim_end_matches("_count").to_owned(), point["timestamp"].as_i64()?))
    };
    request.json().as_array().unwrap().iter().map(|of| point(of).unwrap()).collect()
}

fn ab(second: i64) -> Vec<(String, i64)> {
    vec![("a".to_owned(), second), ("b".to_owned(), second)]
}

impl Setup {
    /// Reports once, at second 0, and checks that so many of the two points are waiting, delivered and refused.
    fn reported(&self, waiting: usize, delivered: u64, refused: u64) {
        let report = self.reporter.report_now().unwrap();
        assert_eq!((report.points, report.waiting, report.successful as u64), (2, waiting, delivered));
        let Status { dropped, backlog_points, .. } = self.reporter.status();
        assert_eq!((backlog_points, dropped.refused, dropped.total()), (waiting, refused, refused));
    }

    fn next(&self) -> Vec<(String, i64)> {
        points(&self.server.next())
    }

    /// Everything has arrived, and nothing has twice.
    fn ends(self) {
        self.ends_with(0);
    }

    /// Everything has arrived but so many points, which do with the last push.
    fn ends_with(self, waiting: usize) {
        self.server.forget_replies();
        let last = self.reporter.stop(FOREVER).unwrap();
        assert!(last.is_complete() && last.caught_up == waiting, "{last:?}");
    }
}

#[test]
fn what_a_2xx_does_not_name_is_delivered_and_what_it_names_is_lost() {
    setup([Reply::status(204)]).reported(0, 2, 0);
    let names_one = r#"{"success":1,"failed":1,"errors":[{"datapoint":{"metric":"a_count"},"error":"bad"}]}"#;
    setup([Reply::with_body(200, names_one)]).reported(0, 1, 1);
    setup([Reply::with_body(400, names_one)]).reported(0, 1, 1);
}

#[test]
fn a_400_that_names_nothing_and_other_refusals_lose_all_points() {
    for status in [400, 402, 405, 409, 410, 415, 422] {
        let setup = setup([Reply::status(status)]);
        setup.reported(0, 0, 2);
        setup.server.drain();
        assert_eq!(setup.reporter.report_now().unwrap().successful, 2);
        assert_eq!(setup.server.drain().len(), 1, "{status}: nothing is sent again");
    }
}

#[test]
fn what_may_pass_by_itself_is_sent_again_soon_with_its_own_time() {
    let statuses = [408, 429, 500, 502, 503, 504].map(Reply::status);
    for reply in statuses.into_iter().chain([Reply::Close]) {
        let setup = setup([reply]);
        setup.reported(2, 0, 0);
        assert_eq!(setup.next(), ab(0));
        setup.clock.advance(FIRST_WAIT);
        assert_eq!(setup.next(), ab(0));
        assert_eq!(setup.reporter.report_now().unwrap().caught_up, 0, "it has arrived");
        setup.ends();
    }
}

#[test]
fn what_somebody_has_to_mend_is_sent_again_with_the_next_report_first() {
    for status in [301, 302, 307, 308, 401, 403, 404] {
        let setup = setup([Reply::status(status)]);
        setup.reported(2, 0, 0);
        assert_eq!(setup.next(), ab(0));
        setup.clock.advance(MINUTE - Duration::from_secs(1));
        setup.clock.advance(Duration::from_secs(1));
        assert_eq!((setup.next(), setup.next()), (ab(0), ab(60)), "{status}");
        setup.ends();
    }
}

#[test]
fn what_is_too_large_is_halved_down_to_one_point() {
    let setup = setup([Reply::status(413), Reply::status(204), Reply::status(413)]);
    setup.reported(0, 1, 1);
    let sent: Vec<usize> = setup.server.drain().iter().map(Received::points).collect();
    assert_eq!(sent, [2, 1, 1]);
}

#[test]
fn a_server_that_asks_for_rest_is_not_asked_before() {
    let headers = vec![("retry-after".to_owned(), "90".to_owned())];
    let setup = setup([Reply::Answer { status: 429, headers, body: String::new() }]);
    setup.reported(2, 0, 0);
    assert_eq!(setup.next(), ab(0));
    setup.clock.advance(MINUTE);
    // A report is made, and kept: nothing outside tells of it.
    while setup.reporter.status().accepted < 4 {
        std::thread::yield_now();
    }
    setup.clock.advance(MINUTE);
    // Had the reporter asked at the first minute, that minute's points would come with the second request.
    assert_eq!([setup.next(), setup.next(), setup.next()], [ab(0), ab(60), ab(120)]);
    assert_eq!(setup.reporter.report_now().unwrap().caught_up, 0);
    setup.ends();
}

#[test]
fn a_hundred_minutes_of_outage_arrive_in_order() {
    let setup = setup((0..2_000).map(|_| Reply::Close));
    for _ in 0..100 {
        setup.clock.advance(MINUTE);
        // Orders are taken in turn: the report that was due has been made when this one is answered.
        setup.reporter.report_now().unwrap();
    }
    let waiting = setup.reporter.status().backlog_points;
    assert!(waiting >= 300, "{waiting}");
    setup.server.forget_replies();
    setup.server.drain();
    setup.clock.advance(MINUTE);
    setup.reporter.report_now().unwrap();
    let seconds: Vec<i64> = setup.server.drain().iter().flat_map(points).map(|(_, second)| second).collect();
    assert!(seconds.is_sorted(), "{seconds:?}");
    let status = setup.reporter.status();
    assert_eq!((status.delivered, status.on_the_way()), (seconds.len() as u64, 0));
    assert_eq!(status.accepted, status.delivered);
    setup.ends();
}

#[test]
fn whatever_a_server_answers_every_point_is_held_by_it_or_counted_as_dropped() {
    // Half of them well, the others one by one through the table; some of both arrive when reports are made by hand.
    let statuses: Vec<u16> =
        [204, 503, 204, 413, 401, 204, 429, 400, 204, 404, 204, 301, 500, 422].repeat(20);
    let setup = setup(statuses.iter().map(|status| Reply::status(*status)));
    for step in 0..100_u32 {
        // Each report in seconds of its own: what is due and what is asked for may fall together.
        setup.clock.advance(Duration::from_secs(u64::from(3 + step * 7 % 50)));
        setup.reporter.report_now().unwrap();
    }
    let status = setup.reporter.status();
    let requests = setup.server.drain();
    // Requests are answered in turn, and with 204 when there is nothing more to say.
    let held: Vec<(String, i64)> = requests
        .iter()
        .enumerate()
        .filter(|(at, _)| statuses.get(*at).is_none_or(|status| *status == 204))
        .flat_map(|(_, request)| points(request))
        .collect();
    let distinct: HashSet<&(String, i64)> = held.iter().collect();
    assert_eq!(distinct.len(), held.len(), "nothing twice");
    assert_eq!(status.delivered, held.len() as u64);
    assert_eq!(status.accepted, status.delivered + status.dropped.total() + status.backlog_points as u64);
    assert!(status.dropped.refused > 0 && status.pushes > 150, "{status:?}");
    setup.ends_with(status.backlog_points);
}
