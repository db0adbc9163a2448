//! Real Prometheus, 3.5 by each protocol and escaping scheme and 2.42 as it likes, scrapes our pages: what it has then is
//! what was recorded.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request as Asked, State};
use axum::response::Response;
use reqwest::Client;
use serde_json::Value;
use tagmeter::encode::Escaping;
use tagmeter::http::{Request, respond};
use tagmeter::{Registry, model::Snapshot};

use crate::backends::Prometheus;
use crate::fixture::fixture;
use crate::hostile::odd;
use crate::judges::{Format, Samples, samples_of};

/// How long a value may take to arrive: Prometheus looks for new targets every five seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);
/// What Prometheus adds itself.
const OWN: [&str; 2] = ["up", "scrape_"];

const UTF8: Escaping = Escaping::AllowUtf8;

/// Protocols of `backends.sh`, and the page they come to: `Content-Type` without its charset, and how it is written.
const PROTOCOLS: [(&str, &str, Format, Escaping); 10] = [
    ("any", "application/openmetrics-text; version=1.0.0; escaping=allow-utf-8", Format::OpenMetrics, UTF8),
    ("text0", "text/plain; version=0.0.4", Format::Text, Escaping::Underscores),
    ("text1", "text/plain; version=1.0.0; escaping=allow-utf-8", Format::Text, UTF8),
    (
        "text1-underscores",
        "text/plain; version=1.0.0; escaping=underscores",
        Format::Text,
        Escaping::Underscores,
    ),
    ("text1-dots", "text/plain; version=1.0.0; escaping=dots", Format::Text, Escaping::Dots),
    ("text1-values", "text/plain; version=1.0.0; escaping=values", Format::Text, Escaping::Values),
    ("om", "application/openmetrics-text; version=1.0.0; escaping=allow-utf-8", Format::OpenMetrics, UTF8),
    (
        "om-underscores",
        "application/openmetrics-text; version=1.0.0; escaping=underscores",
        Format::OpenMetrics,
        Escaping::Underscores,
    ),
    (
        "om-dots",
        "application/openmetrics-text; version=1.0.0; escaping=dots",
        Format::OpenMetrics,
        Escaping::Dots,
    ),
    (
        "om-values",
        "application/openmetrics-text; version=1.0.0; escaping=values",
        Format::OpenMetrics,
        Escaping::Values,
    ),
];

/// What was answered last on each path: `Content-Type` and `Content-Encoding`.
type Answers = Arc<Mutex<BTreeMap<String, [String; 2]>>>;

/// A server whose pages are those of two registries, by the first word of the path.
#[derive(Clone)]
struct Pages {
    plain: Registry,
    hostile: Registry,
    answers: Answers,
}

impl Pages {
    async fn serve() -> (Pages, SocketAddr) {
        let pages = Pages { plain: fixture(), hostile: odd(), answers: Answers::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = axum::Router::new().fallback(answer).with_state(pages.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (pages, address)
    }

    fn registry(&self, path: &str) -> &Registry {
        if path.starts_with("/hostile/") { &self.hostile } else { &self.plain }
    }

    fn answered(&self, path: &str) -> Option<[String; 2]> {
        self.answers.lock().unwrap().get(path).cloned()
    }
}

async fn answer(State(pages): State<Pages>, asked: Asked) -> Response {
    let path = asked.uri().path();
    let headers = asked.headers().iter();
    let request = headers.fold(Request::new("GET", path), |request, (name, value)| {
        request.header(name.as_str(), value.to_str().unwrap())
    });
    let page = respond(pages.registry(path), &request);
    let said = ["Content-Type", "Content-Encoding"].map(|name| page.header(name).unwrap_or("").to_owned());
    pages.answers.lock().unwrap().insert(path.to_owned(), said);
    let answer = page
        .headers
        .iter()
        .fold(Response::builder().status(page.status), |answer, (name, value)| answer.header(*name, value));
    answer.body(Body::from(page.body)).unwrap()
}

fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

/// The samples of a page as Prometheus keeps them: no empty labels, bounds in one spelling, of equal ones the first.
fn kept(snapshot: &Snapshot, format: Format, scheme: Escaping) -> Samples {
    let (page, _) = format.page(snapshot, scheme);
    let mut samples = samples_of(&format.read(&page).unwrap());
    for (_, labels, value) in &mut samples {
        labels.retain(|_, value| !value.is_empty());
        *value = spelled(value);
    }
    samples
}

/// A number as text, whoever wrote it.
fn spelled(number: &str) -> String {
    format!("{:?}", number.parse::<f64>().unwrap())
}

/// The samples that Prometheus has of a job.
async fn scraped(prometheus: &Prometheus, job: &str) -> Samples {
    let results = prometheus.query(&format!("{{job={job:?}}}")).await;
    let mut samples: Samples = results.iter().map(sample).collect();
    samples.retain(|(name, _, _)| !OWN.iter().any(|own| name.starts_with(own)));
    samples.sort();
    samples
}

fn sample(result: &Value) -> (String, BTreeMap<String, String>, String) {
    let labels = result["metric"].as_object().unwrap().iter();
    let mut labels: BTreeMap<String, String> =
        labels.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect();
    let name = labels.remove("__name__").unwrap();
    labels.retain(|key, _| !["job", "instance"].contains(&key.as_str()));
    (name, labels, spelled(result["value"][1].as_str().unwrap()))
}

/// Waits until Prometheus has of a job what it should.
async fn agree(
    prometheus: &Prometheus,
    job: &str,
    expected: impl Fn() -> Samples,
    seen: fn(Samples) -> Samples,
) {
    let began = Instant::now();
    loop {
        let (found, expected) = (seen(scraped(prometheus, job).await), seen(expected()));
        if found == expected {
            return;
        }
        if began.elapsed() > PATIENCE {
            let missing: Vec<_> = expected.iter().filter(|sample| !found.contains(sample)).collect();
            let odd: Vec<_> = found.iter().filter(|sample| !expected.contains(sample)).collect();
            panic!("{} {job}: missing {missing:#?}\nand not expected {odd:#?}", prometheus.name());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn all(samples: Samples) -> Samples {
    samples
}

/// Without the values, of which some change as time goes by.
fn series(samples: Samples) -> Samples {
    samples.into_iter().map(|(name, labels, _)| (name, labels, String::new())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_3_has_what_was_recorded_by_each_protocol_and_scheme() {
    let (pages, address) = Pages::serve().await;
    // With native histograms it would prefer protobuf to what is asked here.
    let prometheus = Prometheus::start("prometheus3:classic", &client());
    for (protocol, ..) in PROTOCOLS {
        for page in ["plain", "hostile"] {
            let (job, path) = (format!("{page}-{protocol}"), format!("/{page}/{protocol}"));
            prometheus.scrape_by(&job, &address.to_string(), &path, protocol);
        }
    }
    for (protocol, content_type, format, scheme) in PROTOCOLS {
        agree(
            &prometheus,
            &format!("plain-{protocol}"),
            || kept(&pages.plain.snapshot(), format, scheme),
            all,
        )
        .await;
        let [said, coding] = pages.answered(&format!("/plain/{protocol}")).unwrap();
        assert_eq!(
            (said.replace(" charset=utf-8;", "").trim_end_matches("; charset=utf-8"), coding.as_str()),
            (content_type, "gzip")
        );
        let hostile = || kept(&pages.hostile.snapshot(), format, scheme);
        agree(&prometheus, &format!("hostile-{protocol}"), hostile, series).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_2_has_what_was_recorded() {
    let (pages, address) = Pages::serve().await;
    let prometheus = Prometheus::start("prometheus:classic", &client());
    for page in ["plain", "hostile"] {
        prometheus.scrape_by(page, &address.to_string(), &format!("/{page}/any"), "any");
    }
    let (format, scheme) = (Format::OpenMetrics, Escaping::Underscores);
    agree(&prometheus, "plain", || kept(&pages.plain.snapshot(), format, scheme), all).await;
    let [said, coding] = pages.answered("/plain/any").unwrap();
    assert_eq!(said, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert_eq!(coding, "gzip");
    agree(&prometheus, "hostile", || kept(&pages.hostile.snapshot(), format, scheme), series).await;
}
