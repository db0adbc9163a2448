//! One request and its answer.

use std::fmt;
use std::time::Duration;

pub(crate) use reqwest::Url;

/// A request, ready to be sent.
///
/// What `Debug` shows: the address and the size of the body. Headers may hold a credential and are left out.
///
/// ```
/// use tagmeter::apptuit::{Client, DataPoint};
/// use tagmeter::transport::{Memory, Transport};
///
/// let spy = Memory::new();
/// let network = Transport::Memory(spy.clone());
/// let client = Client::builder().token("very secret").ignore_environment().transport(network).build()?;
/// client.send(&[DataPoint::new("queue.depth", [("host", "a")], 1_600_000_000, 7)?])?;
///
/// let request = &spy.requests()[0];
/// assert_eq!((request.method(), request.url()), ("POST", "https://api.apptuit.ai/api/put?details"));
/// assert_eq!(request.header_value("Content-Encoding"), Some(b"deflate".as_slice()));
/// assert_eq!(request.body_bytes()[0], 0x78);            // a zlib stream
/// assert_eq!(request.timeout().as_secs(), 60);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(&'static str, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    pub(super) timeout: Duration,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    #[cfg_attr(not(feature = "query"), expect(dead_code, reason = "only queries get something"))]
    Get,
    Post,
}

/// Why a text is no address to send requests to.
///
/// ```
/// use tagmeter::apptuit::{BuildError, Client};
/// use tagmeter::transport::InvalidUrl;
///
/// let built = Client::builder().token("very secret").endpoint("localhost:4242").build();
/// assert!(matches!(built, Err(BuildError::InvalidEndpoint(InvalidUrl::Scheme { .. }))));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidUrl {
    /// It is not a URL.
    #[error("{url:?} is not a URL ({reason}): expected http://host or https://host")]
    Syntax {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It is a URL of something else.
    #[error("{url:?} is not an http or https URL")]
    Scheme {
        /// What was given.
        url: String,
    },
    /// It holds a user name or password; credentials have their own place.
    #[error("the URL of host {host:?} holds a user name or password: expected neither")]
    Credentials {
        /// The host, without the credentials.
        host: String,
    },
}

/// What a server answered.
///
/// [`Memory`](super::Memory) makes them for tests.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The seconds of a `Retry-After` header.
    pub retry_after: Option<Duration>,
    /// The body, cut where it became too long or broke off.
    pub body: Vec<u8>,
}

impl Request {
    pub(crate) fn post(url: &Url, timeout: Duration) -> Self {
        Request { method: Method::Post, url: url.clone(), headers: Vec::new(), body: Vec::new(), timeout }
    }

    #[cfg(feature = "query")]
    pub(crate) fn get(url: &Url, timeout: Duration) -> Self {
        Request { method: Method::Get, ..Request::post(url, timeout) }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    /// `GET` or `POST`.
    pub fn method(&self) -> &'static str {
        match self.method {
            Method::Get => "GET",
            Method::Post => "POST",
        }
    }

    /// Where it goes.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The value of a header, by its name in any case.
    pub fn header_value(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
    }

    /// The body as it travels, compressed if it is.
    pub fn body_bytes(&self) -> &[u8] {
        &self.body
    }

    /// How long the request may take in all.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Host and port, for messages.
    pub(super) fn host(&self) -> String {
        host_of(&self.url)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({} bytes)", self.method(), self.url, self.body.len())
    }
}

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Answer { status, retry_after: None, body: body.into() }
    }
}

/// An address that requests can be sent to.
pub(crate) fn parse_url(text: &str) -> Result<Url, InvalidUrl> {
    let syntax =
        |error: &dyn fmt::Display| InvalidUrl::Syntax { url: redact(text), reason: error.to_string() };
    let url = Url::parse(text).map_err(|error| syntax(&error))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidUrl::Credentials { host: host_of(&url) });
    }
    match (url.scheme(), url.host_str()) {
        ("http" | "https", Some(_)) => Ok(url),
        _ => Err(InvalidUrl::Scheme { url: redact(text) }),
    }
}

/// The text without what stands before an `@`, where a password would be.
fn redact(url: &str) -> String {
    url.rsplit_once('@').map_or_else(|| url.to_owned(), |(_, rest)| format!("…@{rest}"))
}

fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_urls_without_credentials_are_taken() {
        assert!(parse_url("http://127.0.0.1:4242/base").is_ok());
        assert!(parse_url("https://api.example").is_ok());
        assert!(matches!(parse_url("/api"), Err(InvalidUrl::Syntax { .. })));
        assert!(matches!(parse_url("ftp://host"), Err(InvalidUrl::Scheme { .. })));
        assert!(matches!(parse_url("mailto:someone"), Err(InvalidUrl::Scheme { .. })));
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        for url in ["http://user:hunter2@host/", "http://user:hunter2@", "ftp://user:hunter2@host"] {
            let error = parse_url(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn debug_shows_no_header() {
        let url = parse_url("http://host/api").unwrap();
        let request =
            Request::post(&url, Duration::ZERO).header("Authorization", "Bearer secret").body(vec![0; 7]);
        assert_eq!(format!("{request:?}"), "POST http://host/api (7 bytes)");
    }
}
