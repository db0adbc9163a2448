//! The whole path on real traffic: the order service as a process, thousands of requests, two real Prometheus and a
//! real time-series database. Every count must come out as it was sent.
//!
//! The servers are started by `tests/backends.sh`; `tests/run` installs them.

#[path = "support/backends.rs"]
mod backends;
#[path = "support/example.rs"]
mod example;
#[path = "support/traffic.rs"]
mod traffic;

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime};

use backends::{History, Prometheus, Series, Victoria};
use example::Running;
use reqwest::Client;
use tagmeter::Registry;
use tagmeter::http::{Server, Tls};
use traffic::Traffic;

/// How long a value may take to arrive: Prometheus looks for new targets every five seconds.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks.
const A_MOMENT: Duration = Duration::from_millis(100);
/// The tags compared; the others say who sent or scraped.
const TAGS: [&str; 5] = ["route", "status", "outcome", "state", "le"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_and_the_database_count_what_was_sent() {
    let client = client();
    let scrapers = ["prometheus:e2e", "prometheus3:e2e"].map(|name| Prometheus::start(name, &client));
    let database = Victoria::start("victoria-new:e2e", &client);
    let (service, address) = start(&database, "1");
    scrapers.iter().for_each(|prometheus| prometheus.scrape("orders", &address));

    let mut traffic = Traffic::to(&address, &client);
    traffic.send(4_000).await;
    for prometheus in &scrapers {
        let expected = traffic.scraped();
        let names = names(&expected);
        agree(prometheus.name(), &expected, async || prometheus.series("orders", &names, &TAGS).await).await;
    }
    let expected = traffic.pushed();
    agree("the database", &expected, async || database.newest(&selector(&expected), &TAGS).await).await;

    traffic.send(400).await;
    let printed = service.terminate();
    let expected = traffic.pushed();
    agree("the database, after the end", &expected, async || {
        database.newest(&selector(&expected), &TAGS).await
    })
    .await;
    assert!(printed.contains("last report"), "{printed}");
    for history in database.export(&selector(&expected), &TAGS).await {
        assert!(history.values.is_sorted(), "{} fell: {:?}", history.series, history.values);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_counted_since_the_last_report_is_pushed_once_at_the_end() {
    let client = client();
    let database = Victoria::start("victoria-new:last", &client);
    let (service, address) = start(&database, "3600");
    let mut traffic = Traffic::to(&address, &client);
    traffic.send(200).await;
    service.interrupt();

    let expected = traffic.pushed();
    agree("the database", &expected, async || database.newest(&selector(&expected), &TAGS).await).await;
    for history in database.export(r#"{env="e2e"}"#, &TAGS).await {
        assert_eq!(history.values.len(), 1, "{} was pushed more than once", history.series);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_token_it_pushes_to_a_receiver_of_its_own() {
    let mut service = Running::start("order_service", &[("PORT", "0"), ("REPORT_SECONDS", "1")]);
    let address = service.after("listening on http://");
    let mut traffic = Traffic::to(&address, &client());
    traffic.send(100).await;

    let line = service.after("push ");
    assert!(line.contains(" 0 refused"), "{line}");
    let printed = service.terminate();
    let (_, at_the_end) = printed.split_once("stopping").expect("it says so");
    assert!(
        at_the_end.contains("; requests_count is 101\n"),
        "the order that goes ahead, and 100: {printed}"
    );
}

/// VictoriaMetrics answers 204 when points are in its memory, and writes them down a few seconds later
/// (`-inmemoryDataFlushInterval`, 5 s). Asked to end it writes them down first, so what it took it has. Killed, it has
/// lost what it took in the last seconds, two to five of them here: nobody who was told "delivered" can send that again. What is counted is not lost
/// with it, because totals are sent: the next report has all of it. What it did not take waits, and comes with its own
/// timestamps, each once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_ended_and_killed_in_the_middle_has_the_totals_in_the_end() {
    let client = client();
    let database = Victoria::start("victoria-new:killed", &client);
    let (service, address) = start(&database, "1");
    let mut traffic = Traffic::to(&address, &client);
    traffic.send(500).await;
    arrives(&database, &traffic).await;

    traffic.send_while(1_000, || database.terminate()).await;
    traffic.send(500).await;
    waits(&client, &address).await;
    traffic.send_while(500, || database.start_again()).await;
    all_that_was_taken_is_there(&client, &address, &database).await;

    let killed = traffic.send_while(1_000, || killed(&database)).await;
    traffic.send(500).await;
    waits(&client, &address).await;
    traffic.send_while(500, || database.start_again()).await;
    arrives(&database, &traffic).await;
    traffic.send(300).await;
    service.terminate();

    arrives(&database, &traffic).await;
    for history in database.export(&selector(&traffic.pushed()), &TAGS).await {
        assert!(history.values.is_sorted(), "{} fell: {:?}", history.series, history.values);
    }
    for History { series, times, .. } in database.export(EVERYTHING, &TAGS).await {
        assert!(times.is_sorted_by(|one, next| one < next), "{series} has a timestamp twice: {times:?}");
        for gap in times.windows(2).filter(|pair| pair[1] - pair[0] > GAP) {
            let is_lost = gap[0] >= killed - UNWRITTEN && gap[1] <= killed + GAP;
            assert!(is_lost, "{series} has nothing from {gap:?}; the kill was at {killed}");
        }
    }
}

/// Seconds between two reports that follow each other, at most: a report may come late, and the next on time.
const GAP: f64 = 3.0;
/// Seconds that the database keeps points before it writes them down, and half as many again for a slow disk.
const UNWRITTEN: f64 = 7.5;
/// What the service pushed, but not what its reporter says of itself, which it does not count.
const EVERYTHING: &str = r#"{env="e2e",__name__!~"apptuit_reporter.*"}"#;

/// Kills a database; says when, in seconds since 1970.
fn killed(database: &Victoria) -> f64 {
    database.kill();
    SystemTime::UNIX_EPOCH.elapsed().expect("the clock is right").as_secs_f64()
}

/// Waits until the database has the newest of everything.
async fn arrives(database: &Victoria, traffic: &Traffic) {
    let expected = traffic.pushed();
    agree("the database", &expected, async || database.newest(&selector(&expected), &TAGS).await).await;
}

/// Waits until points wait for the database.
async fn waits(client: &Client, address: &str) {
    until("nothing waits for a database that is gone", async || {
        reported(client, address, "tagmeter_reporter_backlog_points").await > 0.0
    })
    .await;
}

/// The database has as many samples as the reporter says it took. Looked at between two reports.
async fn all_that_was_taken_is_there(client: &Client, address: &str, database: &Victoria) {
    let taken = async || reported(client, address, "tagmeter_reporter_delivered_points_total").await;
    until("the database has not what it took", async || {
        let (before, waiting) =
            (taken().await, reported(client, address, "tagmeter_reporter_backlog_points").await);
        let held: usize =
            database.export(EVERYTHING, &TAGS).await.iter().map(|history| history.values.len()).sum();
        waiting == 0.0 && before == held as f64 && taken().await == before
    })
    .await;
}

/// What the service's page says about its reporter.
async fn reported(client: &Client, address: &str, metric: &str) -> f64 {
    let page = client.get(format!("http://{address}/metrics")).send().await.expect("the service is there");
    let page = page.text().await.expect("a page");
    let line =
        page.lines().find_map(|line| line.strip_prefix(metric)).expect("the page tells of the reporter");
    line.rsplit(' ').next().and_then(|number| number.parse().ok()).expect("a number")
}

async fn until(problem: &str, holds: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "{problem}");
        tokio::time::sleep(A_MOMENT).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_scrapes_over_tls_with_a_token() {
    let (certificate, key) = (tls_file("first.pem"), tls_file("first.key.pem"));
    let registry = Registry::new();
    let orders = registry.counter(("orders", [("route", "/orders")]));
    orders.add(41);
    let tls = Tls::from_files(&certificate, key).expect("a pair");
    let server = Server::builder(&registry).tls(tls).bearer_token("t0ken");
    let server = server.start("127.0.0.1:0").expect("a free port");
    let address = server.addr().to_string();
    let client = client();
    for (name, token) in [
        ("prometheus:tls", "t0ken"),
        ("prometheus3:tls", "t0ken"),
        ("prometheus3:refused", "t0ken-of-nobody"),
    ] {
        let prometheus = Prometheus::start_tls(name, &client, &certificate, token);
        prometheus.scrape_tls("orders", &address);
        let mut expected = Series::from([("up".to_owned(), 0.0)]);
        if token == "t0ken" {
            expected.insert("up".into(), 1.0);
            expected.insert("orders_total{route=\"/orders\"}".into(), orders.get() as f64);
        }
        agree(name, &expected, async || prometheus.series("orders", "up|orders_total", &TAGS).await).await;
        orders.inc();
    }
    server.stop(PATIENCE).expect("all answers are read");
}

/// The path of a certificate or key of the tests.
fn tls_file(name: &str) -> String {
    format!("{}/tests/tls/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// The service, pushing to a database, and its address.
fn start(database: &Victoria, report_seconds: &str) -> (Running, String) {
    let environment = [
        ("PORT", "0"),
        ("REPORT_SECONDS", report_seconds),
        ("APPTUIT_API_TOKEN", "any"),
        ("APPTUIT_API_ENDPOINT", database.endpoint()),
        ("APPTUIT_TAGS", "env: e2e"),
    ];
    let mut service = Running::start("order_service", &environment);
    let address = service.after("listening on http://");
    (service, address)
}

/// Waits until the answer is as expected, then fails with the differences.
async fn agree(who: &str, expected: &Series, ask: impl AsyncFn() -> Series) {
    let deadline = Instant::now() + PATIENCE;
    let mut answer = ask().await;
    while answer != *expected && Instant::now() < deadline {
        tokio::time::sleep(A_MOMENT).await;
        answer = ask().await;
    }
    let differences = differences(expected, &answer);
    assert!(differences.is_empty(), "{who} does not agree:\n{}", differences.join("\n"));
}

fn differences(expected: &Series, answer: &Series) -> Vec<String> {
    let all: BTreeSet<&String> = expected.keys().chain(answer.keys()).collect();
    let different = all.into_iter().filter(|series| expected.get(*series) != answer.get(*series));
    let told = |value: Option<&f64>| value.map_or("nothing".to_owned(), f64::to_string);
    let tell = |series: &String| {
        format!("{series}: expected {}, has {}", told(expected.get(series)), told(answer.get(series)))
    };
    different.map(tell).collect()
}

/// A pattern of the names of these series.
fn names(expected: &Series) -> String {
    let mut names: Vec<&str> =
        expected.keys().map(|series| series.split('{').next().unwrap_or(series)).collect();
    names.dedup();
    names.join("|")
}

/// These series with the tags of the environment, of the reporter and of the machine.
fn selector(expected: &Series) -> String {
    format!("{{env=\"e2e\",service=\"order-service\",host!=\"\",__name__=~{:?}}}", names(expected))
}

/// A client for plain HTTP; it asks for a TLS provider all the same.
fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client")
}
