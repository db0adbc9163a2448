//! Real Prometheus and VictoriaMetrics as processes, by `tests/backends.sh`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use reqwest::{Client, Url};
use serde_json::Value;

/// Series as text, such as `requests_total{route="/orders",status="201"}`, and their values.
pub(crate) type Series = BTreeMap<String, f64>;

/// A started server; ended when dropped.
pub(crate) struct Server(&'static str);

impl Server {
    fn start(name: &'static str) -> Server {
        Server::start_with(name, &[])
    }

    /// Starts it with these environment variables.
    fn start_with(name: &'static str, environment: &[(&str, &str)]) -> Server {
        Server::start_at(name, 0, environment)
    }

    /// As [`start_with`](Self::start_with), at this port; at any with 0.
    pub(crate) fn start_at(name: &'static str, port: u16, environment: &[(&str, &str)]) -> Server {
        script(&["stop", name]);
        said(command(&["start", name, &port.to_string()]).envs(environment.iter().copied()));
        Server(name)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = command(&["stop", self.0]).status();
    }
}

/// A Prometheus that scrapes every second.
pub(crate) struct Prometheus {
    server: Server,
    url: String,
    client: Client,
}

impl Prometheus {
    /// Starts one: `prometheus:…` is 2.42, `prometheus3:…` is 3.5.
    pub(crate) fn start(name: &'static str, client: &Client) -> Prometheus {
        let server = Server::start(name);
        Prometheus { url: script(&["url", name]), server, client: client.clone() }
    }

    /// As [`start`](Self::start), with these features instead of the usual ones.
    #[allow(dead_code, reason = "the usual ones do for most tests")]
    pub(crate) fn start_with(name: &'static str, client: &Client, features: &str) -> Prometheus {
        let server = Server::start_with(name, &[("PROM_FEATURES", features)]);
        Prometheus { url: script(&["url", name]), server, client: client.clone() }
    }

    /// As [`start`](Self::start), for [`scrape_tls`](Self::scrape_tls): it trusts this certificate, a file, and shows this
    /// token.
    pub(crate) fn start_tls(
        name: &'static str,
        client: &Client,
        certificate: &str,
        token: &str,
    ) -> Prometheus {
        let server = Server::start_with(name, &[("PROM_CA", certificate), ("PROM_TOKEN", token)]);
        Prometheus { url: script(&["url", name]), server, client: client.clone() }
    }

    /// Lets it scrape `https://<address>/metrics`.
    pub(crate) fn scrape_tls(&self, job: &str, address: &str) {
        script(&["target", self.name(), job, address, "/metrics", "tls"]);
    }

    pub(crate) fn name(&self) -> &'static str {
        self.server.0
    }

    /// Lets it scrape `http://<address>/metrics`.
    pub(crate) fn scrape(&self, job: &str, address: &str) {
        script(&["target", self.name(), job, address, "/metrics"]);
    }

    /// Lets it scrape `http://<address><path>` by a protocol that `backends.sh` knows.
    #[allow(dead_code, reason = "not every test asks for a protocol")]
    pub(crate) fn scrape_by(&self, job: &str, address: &str, path: &str, protocol: &str) {
        script(&["target", self.name(), job, address, path, protocol]);
    }

    /// What a query answers: a vector's elements.
    pub(crate) async fn query(&self, query: &str) -> Vec<Value> {
        let url = Url::parse_with_params(&format!("{}/api/v1/query", self.url), [("query", query)])
            .expect("is one");
        let answer = get(&self.client, url).await;
        let answer: Value = serde_json::from_str(&answer).expect("Prometheus speaks JSON");
        answer["data"]["result"].as_array().expect("a vector").clone()
    }

    /// What it has of the exemplars of a selector's series: an array of these, each with its exemplars.
    #[allow(dead_code, reason = "few tests ask")]
    pub(crate) async fn exemplars(&self, selector: &str) -> Vec<Value> {
        // All the time there is.
        let parameters = [("query", selector), ("start", "0"), ("end", "9999999999")];
        let url = Url::parse_with_params(&format!("{}/api/v1/query_exemplars", self.url), parameters);
        let answer = get(&self.client, url.expect("is one")).await;
        let answer: Value = serde_json::from_str(&answer).expect("Prometheus speaks JSON");
        answer["data"].as_array().expect("an array of series").clone()
    }

    /// What it has now of a job's series of these names, with these of their tags.
    pub(crate) async fn series(&self, job: &str, names: &str, tags: &[&str]) -> Series {
        let results = self.query(&format!("{{job={job:?},__name__=~{names:?}}}")).await;
        results.iter().map(|result| (text(&result["metric"], tags), number(&result["value"][1]))).collect()
    }
}

/// A VictoriaMetrics that takes OpenTSDB puts.
pub(crate) struct Victoria {
    server: Server,
    url: String,
    endpoint: String,
    client: Client,
}

/// The samples of one series, which must be a count, in the order of their times.
pub(crate) struct History {
    pub(crate) series: String,
    /// Seconds since 1970.
    pub(crate) times: Vec<f64>,
    pub(crate) values: Vec<f64>,
}

impl Victoria {
    /// Starts one: `victoria-new:…` reads the compressed bodies of Apptuit's clients.
    pub(crate) fn start(name: &'static str, client: &Client) -> Victoria {
        let server = Server::start(name);
        let put = script(&["url", name, "opentsdb"]);
        let endpoint = put.strip_suffix("/api/put").expect("the address of a put").to_owned();
        Victoria { url: script(&["url", name]), endpoint, server, client: client.clone() }
    }

    /// What to push to.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Ends it as an init system does, which gives it time to write down what it has in memory.
    #[allow(dead_code, reason = "not every test ends its database")]
    pub(crate) fn terminate(&self) {
        script(&["stop", self.server.0]);
    }

    /// Ends it at once.
    #[allow(dead_code, reason = "not every test ends its database")]
    pub(crate) fn kill(&self) {
        script(&["kill", self.server.0]);
    }

    /// Starts it again, at the same address and with what it had written down.
    #[allow(dead_code, reason = "not every test ends its database")]
    pub(crate) fn start_again(&self) {
        script(&["start", "--keep", self.server.0]);
    }

    /// Every sample it has of the series that a selector picks, with these of their tags.
    pub(crate) async fn export(&self, selector: &str, tags: &[&str]) -> Vec<History> {
        let url = |path: &str| format!("{}{path}", self.url);
        get(&self.client, Url::parse(&url("/internal/force_flush")).expect("is one")).await;
        // Of two reports in a second, the later is stamped with the next, which has not come.
        let parameters = [("match[]", selector), ("end", "2100")];
        let export = Url::parse_with_params(&url("/api/v1/export"), parameters).expect("is one");
        let lines = get(&self.client, export).await;
        lines.lines().map(|line| history(line, tags)).collect()
    }

    /// The newest value of each of those series.
    pub(crate) async fn newest(&self, selector: &str, tags: &[&str]) -> Series {
        let histories = self.export(selector, tags).await;
        histories.into_iter().filter_map(|history| Some((history.series, *history.values.last()?))).collect()
    }
}

fn history(line: &str, tags: &[&str]) -> History {
    let line: Value = serde_json::from_str(line).expect("VictoriaMetrics exports lines of JSON");
    let numbers = |key: &str| line[key].as_array().expect("an array").iter().map(number).collect::<Vec<_>>();
    let mut samples: Vec<_> = numbers("timestamps").into_iter().zip(numbers("values")).collect();
    // Pushes carry whole seconds. Of two in the same second, the later has the greater count.
    samples.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let (times, values) = samples.into_iter().map(|(millis, value)| (millis / 1e3, value)).unzip();
    History { series: text(&line["metric"], tags), times, values }
}

async fn get(client: &Client, url: Url) -> String {
    let answer = client.get(url.clone()).send().await.unwrap_or_else(|error| panic!("{url}: {error}"));
    let status = answer.status();
    let body = answer.text().await.expect("an answer has a body");
    assert!(status.is_success(), "{url}: {status} {body}");
    body
}

/// A series as text, with only these tags; the numbers of `le` as Rust prints them, for Prometheus 3 rewrites them.
fn text(metric: &Value, keep: &[&str]) -> String {
    let metric = metric.as_object().expect("a map of tags");
    let tags = metric.iter().filter(|(key, _)| keep.contains(&key.as_str()));
    let tags: Vec<String> = tags.map(|(key, value)| format!("{key}={:?}", tag_value(key, value))).collect();
    let name = metric["__name__"].as_str().expect("a name");
    if tags.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", tags.join(",")) }
}

fn tag_value(key: &str, value: &Value) -> String {
    let value = value.as_str().expect("a tag's value");
    match value.parse::<f64>() {
        Ok(bound) if key == "le" => bound.to_string(),
        _ => value.to_owned(),
    }
}

/// A number, which Prometheus writes as a string.
fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .or_else(|| value.as_str()?.parse().ok())
        .unwrap_or_else(|| panic!("{value} is not a number"))
}

/// Runs `tests/backends.sh`; gives what it printed.
pub(crate) fn script(arguments: &[&str]) -> String {
    said(&mut command(arguments))
}

fn said(command: &mut Command) -> String {
    let done = command.output().expect("bash runs");
    let said = String::from_utf8_lossy(&done.stderr);
    let arguments: Vec<_> = command.get_args().skip(1).collect();
    assert!(
        done.status.success(),
        "backends.sh {arguments:?}: {said}\ntests/run installs what the tests need"
    );
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new("bash");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backends.sh")).args(arguments);
    command.stdin(Stdio::null());
    command
}
