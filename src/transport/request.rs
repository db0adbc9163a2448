//! One request and its answer.

use std::fmt;
use std::time::Duration;

use super::coding::Body;
use super::secrets::Secrets;
use super::{Authorization, Endpoint};

/// Characters of a body that is not what was expected and is shown nevertheless.
const EXCERPT_CHARS: usize = 200;

/// A request, ready to be sent.
///
/// What `Debug` shows: the address without its query, and the size of the body. Headers and queries may hold a credential and
/// are left out.
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
    pub(super) endpoint: Endpoint,
    pub(super) headers: Vec<(&'static str, Vec<u8>)>,
    pub(super) authorization: Option<Authorization>,
    pub(super) body: Body,
    pub(super) timeout: Duration,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    #[cfg_attr(not(feature = "query"), expect(dead_code, reason = "only queries get something"))]
    Get,
    Post,
}

/// What a server answered.
///
/// [`Memory`](super::Memory) makes them for tests. What `Debug` shows of the body is its [`excerpt`](Answer::excerpt).
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// What a `Retry-After` header says, in seconds or as a date.
    pub retry_after: Option<Duration>,
    /// The body, cut where it broke off or came to 16 MiB.
    pub body: Vec<u8>,
    /// What the request said, which a server may repeat.
    secrets: Secrets,
}

impl Request {
    /// A request that brings something, to be over within a time.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tagmeter::transport::{Endpoint, Request};
    ///
    /// let endpoint = Endpoint::new("http://localhost:8086/write")?;
    /// assert_eq!(Request::post(&endpoint, Duration::from_secs(5)).method(), "POST");
    /// # Ok::<(), tagmeter::transport::InvalidUrl>(())
    /// ```
    pub fn post(endpoint: &Endpoint, timeout: Duration) -> Self {
        Request {
            method: Method::Post,
            endpoint: endpoint.clone(),
            headers: Vec::new(),
            authorization: None,
            body: Body::default(),
            timeout,
        }
    }

    #[cfg(feature = "query")]
    pub(crate) fn get(endpoint: &Endpoint, timeout: Duration) -> Self {
        Request { method: Method::Get, ..Request::post(endpoint, timeout) }
    }

    /// With this header, whose place one of that name among the transport's options takes. What cannot be sent is told when
    /// it is, as [`TransportError::Unavailable`](super::TransportError::Unavailable).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tagmeter::transport::{Endpoint, Request};
    /// # let endpoint = Endpoint::new("http://localhost:8086/write")?;
    /// let request = Request::post(&endpoint, Duration::from_secs(5)).header("content-type", "text/plain");
    /// assert_eq!(request.header_value("Content-Type"), Some(b"text/plain".as_slice()));
    /// # Ok::<(), tagmeter::transport::InvalidUrl>(())
    /// ```
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// From this one, where the transport's options do not say.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tagmeter::transport::{Endpoint, Request};
    /// use tagmeter::transport::Authorization;
    ///
    /// # let endpoint = Endpoint::new("http://localhost:8086/write")?;
    /// let request = Request::post(&endpoint, Duration::from_secs(5)).authorization(&Authorization::bearer("t")?);
    /// assert_eq!(request.header_value("Authorization"), Some(b"Bearer t".as_slice()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn authorization(mut self, authorization: &Authorization) -> Self {
        self.authorization = Some(authorization.clone());
        self
    }

    /// With this body, made by [`Transport::body`](super::Transport::body).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tagmeter::transport::{Endpoint, Request};
    /// use tagmeter::transport::{Coding, Memory, Transport};
    ///
    /// # let endpoint = Endpoint::new("http://localhost:8086/write")?;
    /// let body = Transport::Memory(Memory::new()).body(Coding::gzip(), |out| out.write_all(b"depth 7"))?;
    /// let request = Request::post(&endpoint, Duration::from_secs(5)).body(body);
    /// assert_eq!(request.header_value("Content-Encoding"), Some(b"gzip".as_slice()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
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
        self.endpoint.as_str()
    }

    /// The value of a header, by its name in any case.
    pub fn header_value(&self, name: &str) -> Option<&[u8]> {
        let same = self.all_headers().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        same.last().map(|(_, value)| value)
    }

    /// The body as it travels, compressed if it is.
    pub fn body_bytes(&self) -> &[u8] {
        &self.body.bytes
    }

    /// How long the request may take in all.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// All headers but those of the connection, the later of one name counting.
    pub(super) fn all_headers(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let own = self.headers.iter().map(|(name, value)| (*name, value.as_slice()));
        let authorization = self.authorization.as_ref().map(Authorization::header_value);
        let coding = self.body.coding.map(str::as_bytes);
        own.chain(authorization.map(|value| ("authorization", value)))
            .chain(coding.map(|value| ("content-encoding", value)))
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} ({} bytes)", self.method(), self.endpoint, self.body.bytes.len())
    }
}

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Answer { status, retry_after: None, body: body.into(), secrets: Secrets::default() }
    }

    pub(super) fn note_secrets(&mut self, secrets: &Secrets) {
        self.secrets.add_all(secrets);
    }

    pub(super) fn note_secrets_of(&mut self, authorization: Option<&Authorization>) {
        authorization.into_iter().for_each(|authorization| self.secrets.add_all(authorization.secrets()));
    }

    /// A text from the body without what the request said in confidence: credentials, and values of headers that the options
    /// said, as they are or with the escapes of JSON. For whatever is shown.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tagmeter::transport::{Authorization, Endpoint, Memory, Request, Transport};
    /// # let spy = Memory::new();
    /// # spy.answer(401, "no such token: very-secret");
    /// # let transport = Transport::Memory(spy);
    /// # let endpoint = Endpoint::new("http://localhost:8086/write")?;
    /// # let request = Request::post(&endpoint, Duration::from_secs(5));
    /// let answer = transport.send(request.authorization(&Authorization::bearer("very-secret")?))?;
    /// assert_eq!(answer.body, b"no such token: very-secret");
    /// assert_eq!(answer.redact("no such token: very-secret".into()), "no such token: …");
    /// assert_eq!(answer.excerpt(), "no such token: …");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn redact(&self, text: String) -> String {
        self.secrets.redact(text)
    }

    /// The beginning of the body, 200 characters at most, to be shown where it is not what was expected. Without what the
    /// request said in confidence.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tagmeter::transport::{Endpoint, Memory, Request, Transport};
    /// # let spy = Memory::new();
    /// # let transport = Transport::Memory(spy.clone());
    /// # let request = Request::post(&Endpoint::new("http://localhost:8086/write")?, Duration::from_secs(5));
    /// spy.answer(400, "  bad line  ");
    /// assert_eq!(transport.send(request)?.excerpt(), "bad line");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn excerpt(&self) -> String {
        // Redacted first: half a secret is one, too.
        let text = self.redact(String::from_utf8_lossy(&self.body).into_owned());
        text.trim().chars().take(EXCERPT_CHARS).collect()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("retry_after", &self.retry_after)
            .field("body", &self.excerpt())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_header_and_no_query() {
        let endpoint = Endpoint::new("http://host/api?token=secret").unwrap();
        let body = Body { bytes: vec![0; 7], coding: None };
        let request = Request::post(&endpoint, Duration::ZERO).header("x-token", "secret").body(body);
        assert_eq!(format!("{request:?}"), "POST http://host/api?… (7 bytes)");
    }

    #[test]
    fn what_a_server_repeats_is_taken_out_before_it_is_cut() {
        let authorization = Authorization::bearer("s3cr3t").unwrap();
        let mut answer = Answer::new(400, format!("{}s3cr3t", "x".repeat(EXCERPT_CHARS - 3)));
        answer.note_secrets_of(Some(&authorization));
        assert!(answer.excerpt().ends_with("xx…"), "{}", answer.excerpt());
        assert!(!format!("{answer:?}").contains("s3c"));
    }
}
