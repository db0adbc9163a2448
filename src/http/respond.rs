//! The answer to a scrape, for any HTTP framework.

use crate::encode::{LeftOut, openmetrics, text};
use crate::http::accept::{Offer, choose};
use crate::model::Snapshot;
use crate::registry::{Problem, Registry};

/// What a draft of OpenMetrics was called. Scrapers that ask for it read version 1.0.0 as well.
const DRAFT_CONTENT_TYPE: &str = "application/openmetrics-text; version=0.0.1; charset=utf-8";
/// Methods that a page of metrics answers.
const ALLOWED: &str = "GET, HEAD";

/// What there is to know of an HTTP request: method, target and headers.
///
/// ```
/// use tagmeter::http::Request;
///
/// let request = Request::new("GET", "/metrics").header("Accept", "text/plain");
/// # let _ = request;
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Request<'a> {
    method: &'a str,
    target: &'a str,
    headers: Vec<(&'a str, &'a str)>,
}

impl<'a> Request<'a> {
    /// A request without headers. The target is the path with its query; whoever calls has routed by it already.
    ///
    /// ```
    /// # use tagmeter::http::Request;
    /// let request = Request::new("GET", "/metrics");
    /// # let _ = request;
    /// ```
    pub fn new(method: &'a str, target: &'a str) -> Self {
        Request { method, target, headers: Vec::new() }
    }

    /// Adds a header; names are alike in either case, and a header may come more than once.
    ///
    /// ```
    /// # use tagmeter::http::Request;
    /// let request = Request::new("GET", "/metrics").header("accept", "*/*");
    /// # let _ = request;
    /// ```
    pub fn header(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The path with its query.
    ///
    /// ```
    /// # use tagmeter::http::Request;
    /// assert_eq!(Request::new("GET", "/metrics?x=1").target(), "/metrics?x=1");
    /// ```
    pub fn target(&self) -> &str {
        self.target
    }

    /// All values of a header as one list.
    fn list(&self, name: &str) -> String {
        let same = self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        same.map(|(_, value)| *value).collect::<Vec<_>>().join(",")
    }
}

/// What to answer: status, headers and body.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names and values of headers, the length of the body among them.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty for `HEAD`.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// # use tagmeter::{http::{Request, answer}, model::Snapshot};
    /// # let snapshot = || Snapshot::new(SystemTime::UNIX_EPOCH, vec![]);
    /// let response = answer(snapshot, &Request::new("GET", "/metrics"));
    /// assert_eq!(response.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    /// ```
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn page(content_type: &str, body: Vec<u8>) -> Self {
        let headers = vec![
            ("Content-Type", content_type.to_owned()),
            ("Content-Length", body.len().to_string()),
            ("Vary", "Accept".to_owned()),
        ];
        Response { status: 200, headers, body }
    }

    fn method_not_allowed() -> Self {
        let body = b"only GET and HEAD\n".to_vec();
        let headers = vec![
            ("Content-Type", "text/plain; charset=utf-8".to_owned()),
            ("Content-Length", body.len().to_string()),
            ("Allow", ALLOWED.to_owned()),
        ];
        Response { status: 405, headers, body }
    }

    fn without_body(mut self) -> Self {
        self.body.clear();
        self
    }
}

/// Answers a scrape of a registry: text 0.0.4 or OpenMetrics 1.0, by the request's `Accept`; for methods other than
/// `GET` and `HEAD`, 405.
///
/// Any path is answered: whoever calls has routed already. What the format cannot show is counted in
/// `tagmeter_problems_total{reason="left_out"}` and logged once a family.
///
/// ```
/// use tagmeter::Registry;
/// use tagmeter::http::{Request, respond};
///
/// let registry = Registry::new();
/// registry.counter("hits").inc();
/// let request = Request::new("GET", "/metrics").header("Accept", "application/openmetrics-text; version=1.0.0");
/// let response = respond(&registry, &request);
/// assert_eq!(response.status, 200);
/// assert_eq!(response.header("Content-Type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
/// assert_eq!(response.body, b"# TYPE hits counter\nhits_total 1\n# EOF\n");
/// ```
pub fn respond(registry: &Registry, request: &Request<'_>) -> Response {
    let note = |left_out: &LeftOut| {
        registry.note_problem(Problem::LeftOut, &left_out.family, || left_out.to_string());
    };
    scrape(|| registry.snapshot(), request, note)
}

/// As [`respond`], for a snapshot from elsewhere, which is taken only when there is a page to write. What the format
/// cannot show is left out without a word.
///
/// ```
/// # use std::time::SystemTime;
/// # use tagmeter::model::Snapshot;
/// use tagmeter::http::{Request, answer};
///
/// # let snapshot = || Snapshot::new(SystemTime::UNIX_EPOCH, vec![]);
/// assert_eq!(answer(snapshot, &Request::new("GET", "/metrics")).status, 200);
/// assert_eq!(answer(snapshot, &Request::new("POST", "/metrics")).status, 405);
/// ```
pub fn answer(snapshot: impl FnOnce() -> Snapshot, request: &Request<'_>) -> Response {
    scrape(snapshot, request, |_| ())
}

fn scrape(
    snapshot: impl FnOnce() -> Snapshot,
    request: &Request<'_>,
    note: impl FnMut(&LeftOut),
) -> Response {
    let page = |snapshot: Snapshot| page(&snapshot, choose(&request.list("Accept")), note);
    match request.method {
        "GET" => page(snapshot()),
        // The length a GET would have is known only when its body is.
        "HEAD" => page(snapshot()).without_body(),
        _ => Response::method_not_allowed(),
    }
}

fn page(snapshot: &Snapshot, offer: Offer, note: impl FnMut(&LeftOut)) -> Response {
    let mut body = Vec::new();
    let (content_type, left_out) = match offer {
        Offer::Text => (text::CONTENT_TYPE, text::encode_into(snapshot, &mut body)),
        Offer::OpenMetrics => (openmetrics::CONTENT_TYPE, openmetrics::encode_into(snapshot, &mut body)),
        Offer::OpenMetricsDraft => (DRAFT_CONTENT_TYPE, openmetrics::encode_into(snapshot, &mut body)),
    };
    // A `Vec` takes every byte: there is no error to report.
    left_out.unwrap_or_default().iter().for_each(note);
    Response::page(content_type, body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Family, Kind, Value};
    use crate::unit::Unit;
    use std::time::SystemTime;

    fn snapshot() -> Snapshot {
        let series = [((), Value::Gauge(1.0), SystemTime::UNIX_EPOCH)].into_iter().collect();
        let (name, help) = ("depth".into(), "".into());
        let family = Family { name, kind: Kind::Gauge, help, unit: Unit::None, series };
        Snapshot::new(SystemTime::UNIX_EPOCH, vec![family])
    }

    fn get(accept: &[&str]) -> Response {
        let request = Request::new("GET", "/metrics");
        answer(snapshot, &accept.iter().fold(request, |request, value| request.header("accept", value)))
    }

    #[test]
    fn without_accept_it_is_text() {
        let response = get(&[]);
        assert_eq!(response.header("Content-Type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        assert_eq!(response.header("Vary"), Some("Accept"));
        assert_eq!(response.body, b"# TYPE depth gauge\ndepth 1\n");
    }

    #[test]
    fn openmetrics_is_named_as_it_was_asked_for() {
        let types = [
            ("application/openmetrics-text;version=1.0.0", openmetrics::CONTENT_TYPE),
            ("application/openmetrics-text;version=0.0.1", DRAFT_CONTENT_TYPE),
        ];
        for (accept, content_type) in types {
            let response = get(&[accept]);
            assert_eq!(response.header("Content-Type"), Some(content_type));
            assert_eq!(response.body, b"# TYPE depth gauge\ndepth 1.0\n# EOF\n");
        }
    }

    #[test]
    fn headers_that_come_twice_are_one_list() {
        let response = get(&["text/plain;q=0.1", "application/openmetrics-text;version=1.0.0"]);
        assert_eq!(response.header("Content-Type"), Some(openmetrics::CONTENT_TYPE));
    }

    #[test]
    fn head_has_the_headers_of_get_and_no_body() {
        let head = answer(snapshot, &Request::new("HEAD", "/metrics"));
        assert_eq!(head.headers, get(&[]).headers);
        assert_eq!(head.header("Content-Length"), Some("27"));
        assert!(head.body.is_empty());
    }

    #[test]
    fn other_methods_are_told_which_there_are_and_take_no_snapshot() {
        for method in ["POST", "OPTIONS", "get", ""] {
            let response =
                answer(|| unreachable!("no snapshot for {method}"), &Request::new(method, "/metrics"));
            assert_eq!(response.status, 405);
            assert_eq!(response.header("Allow"), Some("GET, HEAD"));
        }
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let registry = Registry::new();
        registry.gauge("a.b").set(1.0);
        registry.gauge("a/b").set(2.0);
        let response = respond(&registry, &Request::new("GET", "/metrics"));
        assert_eq!(response.body, b"# TYPE a_b gauge\na_b 1\n");
        assert_eq!(registry.value(("tagmeter_problems", [("reason", "left_out")])), Some(1.0));
    }
}
