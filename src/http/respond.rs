//! The answer to a scrape, for any HTTP framework.

use crate::http::coding;
use crate::http::representation::Representation;
use crate::http::request::Request;
use crate::model::Snapshot;
use crate::registry::View;

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

    pub(super) fn new(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        let length = body.len().to_string();
        let headers = vec![("Content-Type", content_type.to_owned()), ("Content-Length", length)];
        Response { status, headers, body }
    }

    pub(super) fn plain(status: u16, text: &str) -> Self {
        Response::new(status, "text/plain; charset=utf-8", text.as_bytes().to_vec())
    }

    pub(super) fn method_not_allowed(allowed: &str) -> Self {
        let mut response = Response::plain(405, &format!("only {allowed}\n"));
        response.headers.push(("Allow", allowed.to_owned()));
        response
    }

    pub(super) fn not_acceptable() -> Self {
        let text = format!("no acceptable encoding, expected one of {}\n", coding::offered());
        Response::plain(406, &text).varying()
    }

    /// Tells caches which headers it was chosen by.
    pub(super) fn varying(mut self) -> Self {
        self.headers.push(("Vary", "Accept, Accept-Encoding".to_owned()));
        self
    }

    /// As it answers this request: without its body for `HEAD`.
    pub(super) fn to(mut self, request: &Request<'_>) -> Self {
        if request.method() == "HEAD" {
            self.body.clear();
        }
        self
    }
}

/// Answers a scrape of a registry, or of a [`View`], in the format, coding and choice of families that the request asks for: see
/// [the module's page](crate::http).
///
/// Any path is answered: whoever calls has routed already. Methods other than `GET` and `HEAD` are answered 405. What
/// the format cannot show is counted in `tagmeter_problems_total{reason="left_out"}` and logged once a family.
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
pub fn respond(source: impl Into<View>, request: &Request<'_>) -> Response {
    let response = Representation::of(request).map(|wanted| wanted.of_view(&source.into()));
    response.unwrap_or_else(|refusal| refusal).to(request)
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
    let response = Representation::of(request).map(|wanted| wanted.of_snapshot(snapshot()));
    response.unwrap_or_else(|refusal| refusal).to(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::openmetrics;
    use crate::model::{Family, Kind, Value};
    use crate::registry::Registry;
    use crate::unit::Unit;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
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
        assert_eq!(response.header("Vary"), Some("Accept, Accept-Encoding"));
        assert_eq!(response.header("Content-Encoding"), None);
        assert_eq!(response.body, b"# TYPE depth gauge\ndepth 1\n");
    }

    #[test]
    fn openmetrics_is_named_as_it_was_asked_for() {
        let types = [
            ("application/openmetrics-text;version=1.0.0", openmetrics::CONTENT_TYPE.to_owned()),
            (
                "application/openmetrics-text;version=0.0.1",
                openmetrics::CONTENT_TYPE.replace("1.0.0", "0.0.1"),
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
                format!("{}; escaping=allow-utf-8", openmetrics::CONTENT_TYPE),
            ),
        ];
        for (accept, content_type) in types {
            let response = get(&[accept]);
            assert_eq!(response.header("Content-Type"), Some(content_type.as_str()));
            assert_eq!(response.body, b"# TYPE depth gauge\ndepth 1.0\n# EOF\n");
        }
    }

    #[test]
    fn names_are_escaped_as_it_was_asked_for() {
        let registry = Registry::new();
        registry.gauge(("pool.size", [("db.name", "a")])).set(1.0);
        let openmetrics = "application/openmetrics-text;version=1.0.0";
        let cases = [
            ("text/plain", "allow-utf-8", "{\"pool.size\",\"db.name\"=\"a\"} 1\n"),
            ("text/plain;version=1.0.0", "dots", "pool_dot_size{db_dot_name=\"a\"} 1\n"),
            ("text/plain;version=1.0.0", "underscores", "pool_size{db_name=\"a\"} 1\n"),
            (openmetrics, "values", "U__pool_2e_size{U__db_2e_name=\"a\"} 1.0\n# EOF\n"),
            (openmetrics, "allow-utf-8", "{\"pool.size\",\"db.name\"=\"a\"} 1.0\n# EOF\n"),
        ];
        for (media, scheme, sample) in cases {
            let accept = format!("{media};escaping={scheme}");
            let response = respond(&registry, &Request::new("GET", "/metrics").header("Accept", &accept));
            let content_type = response.header("Content-Type").unwrap();
            assert!(content_type.ends_with(&format!("; escaping={scheme}")), "{content_type}");
            let page = String::from_utf8(response.body).unwrap();
            assert!(page.ends_with(sample), "{accept}: {page}");
        }
    }

    #[test]
    fn json_has_the_names_that_were_given() {
        let registry = Registry::new();
        registry.timer("http.request").record(std::time::Duration::from_secs(1));
        let families = |target| {
            let request = Request::new("GET", target).header("Accept", "application/json;escaping=values");
            let response = respond(&registry, &request);
            assert_eq!(response.header("Content-Type"), Some("application/json"));
            let page: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
            page["families"]
                .as_array()
                .unwrap()
                .iter()
                .map(|family| family["name"].to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(families("/metrics"), ["\"http.request\""]);
        assert_eq!(families("/metrics?name[]=http.request").len(), 1);
        assert_eq!(families("/metrics?name[]=http_request_seconds").len(), 0);
    }

    #[test]
    fn families_are_asked_for_by_the_names_they_have_on_the_page() {
        let registry = Registry::new();
        registry.gauge("pool.size").set(1.0);
        let samples = |scheme: &str, name: &str| {
            let (accept, target) =
                (format!("text/plain;escaping={scheme}"), format!("/metrics?name[]={name}"));
            respond(&registry, &Request::new("GET", &target).header("Accept", &accept)).body.len()
        };
        assert!(samples("allow-utf-8", "pool.size") > 0 && samples("allow-utf-8", "pool_size") == 0);
        assert!(samples("values", "U__pool_2e_size") > 0 && samples("values", "pool.size") == 0);
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
    fn who_takes_no_encoding_of_ours_is_told_which_there_are() {
        for (method, has_body) in [("GET", true), ("HEAD", false)] {
            let request = Request::new(method, "/metrics").header("accept-encoding", "br, *;q=0");
            let response = answer(|| unreachable!("no snapshot"), &request);
            assert_eq!(response.status, 406);
            assert_eq!(response.header("Vary"), Some("Accept, Accept-Encoding"));
            assert_eq!(!response.body.is_empty(), has_body);
        }
    }

    #[cfg(feature = "compress")]
    #[test]
    fn a_large_page_is_compressed_for_those_who_ask() {
        use std::io::Read;
        let registry = Registry::new();
        (0..5000).for_each(|n| registry.counter(("hits", [("n", n.to_string())])).inc());
        let plain = respond(&registry, &Request::new("GET", "/metrics"));
        let request = |method| Request::new(method, "/metrics").header("Accept-Encoding", "gzip");
        let coded = respond(&registry, &request("GET"));
        assert_eq!(coded.header("Content-Encoding"), Some("gzip"));
        assert_eq!(coded.header("Content-Length"), Some(coded.body.len().to_string().as_str()));
        assert_eq!(coded.header("Content-Type"), plain.header("Content-Type"));
        let mut page = Vec::new();
        flate2::read::GzDecoder::new(&*coded.body).read_to_end(&mut page).unwrap();
        assert_eq!(page, plain.body);
        assert_eq!(respond(&registry, &request("HEAD")).headers, coded.headers);
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

    #[test]
    fn only_families_that_are_asked_for_are_shown_and_read() {
        let registry = Registry::new();
        registry.counter("hits").inc();
        registry.timer("work").record(std::time::Duration::ZERO);
        registry.collector("pool", |families| {
            families.gauge("idle", "").set((), 3.0);
            families.gauge("busy", "").set((), 5.0);
        });
        let reads = Arc::new(AtomicUsize::new(0));
        let read = reads.clone();
        registry.gauge_fn("asked", move || read.fetch_add(1, Ordering::Relaxed) as f64);
        let page = |query: &str| {
            let target = format!("/metrics?{query}");
            String::from_utf8(respond(&registry, &Request::new("GET", &target)).body).unwrap()
        };
        let hits = "# TYPE hits_total counter\nhits_total 1\n";
        assert_eq!(page("name[]=hits"), hits);
        assert_eq!(page("name%5B%5D=hits_total&name[]=hits_tot"), hits);
        assert_eq!(page("name[]=busy"), "# TYPE busy gauge\nbusy 5\n");
        assert_eq!(page("name[]=nothing"), "");
        assert!(
            page("name[]=work_seconds_count").contains("work_seconds_bucket"),
            "families are shown whole"
        );
        assert_eq!(reads.load(Ordering::Relaxed), 0);
        assert!(page("").contains("asked 0\n"));
    }

    #[test]
    fn a_snapshot_from_elsewhere_is_filtered_too() {
        let page = |target| answer(snapshot, &Request::new("GET", target)).body;
        assert_eq!(page("/?name[]=depth"), get(&[]).body);
        assert_eq!(page("/?name[]=width"), b"");
    }
}
