//! Sends points made by hand, and those of a reporter.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::answer::{Sent, judge};
use super::body;
use super::builder::ClientBuilder;
use super::point::{DataPoint, TimeSeries};
use super::token::Token;
use crate::report::rules::{Collisions, Fit};
use crate::report::{Outcome, Point, PointError, PushError, Reading, RefusedPoint, Rejection, Rules};
use crate::tag::{Sanitize, TagLayers, Tags};
use crate::transport::{Answer, Request, Transport, TransportError, Url};

/// Sends points. One call is one request and one attempt; connections are reused. Clones share everything.
///
/// Call it from any thread: inside a runtime, outside, in `drop`. [`send`](Client::send) waits for the answer, so inside
/// a runtime [`send_async`](Client::send_async) is kinder to other tasks. Redirects are not followed, netrc files not read;
/// proxies named in the environment (`HTTPS_PROXY`, `NO_PROXY`) apply.
///
/// ```
/// use tagmeter::apptuit::{Client, DataPoint};
/// use tagmeter::transport::{Memory, Transport};
///
/// # let network = Transport::Memory(Memory::new());
/// let client = Client::builder().token("very secret").global_tags([("env", "dev")]).transport(network).build()?;
/// let point = DataPoint::new("proc.cpu.percent", [("host", "a")], 1_600_000_000, 12.5)?;
/// let outcome = client.send(&[point])?;
/// assert_eq!((outcome.successful, outcome.failed), (1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Client(Arc<Settings>);

pub(super) struct Settings {
    pub(super) token: Token,
    pub(super) endpoint: String,
    pub(super) put_url: Url,
    pub(super) global_tags: Tags,
    pub(super) layers: TagLayers,
    pub(super) collisions: Collisions,
    pub(super) rules: Rules,
    pub(super) timeout: Duration,
    pub(super) transport: Transport,
}

/// Why points were not delivered, or not all of them.
///
/// ```
/// use tagmeter::apptuit::{Client, DataPoint, SendError};
///
/// let client = Client::builder().token("very secret").ignore_environment().build()?;
/// let tagless = DataPoint::new("queue.depth", (), 1_600_000_000, 7)?;
/// assert!(matches!(client.send(&[tagless]), Err(SendError::Refused(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// A point cannot be sent; nothing was.
    #[error(transparent)]
    Refused(#[from] RefusedPoint),
    /// The request failed, or its answer says that points did.
    #[error(transparent)]
    Push(#[from] PushError),
}

impl Client {
    /// A client in the making.
    ///
    /// ```
    /// let client = tagmeter::apptuit::Client::builder().token("very secret").build();
    /// assert!(client.is_ok());
    /// ```
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    pub(super) fn new(settings: Settings) -> Self {
        Client(Arc::new(settings))
    }

    /// Sends points, all in one request. No points: no request.
    ///
    /// # Errors
    ///
    /// A point cannot be sent (then none is), nobody answered, or the answer is not a 2xx. Points that a 2xx names as
    /// failed are in the [`Outcome`].
    ///
    /// ```
    /// # use tagmeter::apptuit::{Client, DataPoint};
    /// # use tagmeter::transport::{Memory, Transport};
    /// # let network = Transport::Memory(Memory::new());
    /// # let client = Client::builder().token("very secret").ignore_environment().transport(network).build()?;
    /// let outcome = client.send(&[
    ///     DataPoint::new("queue.depth", [("host", "a")], 1_600_000_000, 7)?,
    ///     DataPoint::new("queue.depth", [("host", "b")], 1_600_000_000, 9)?,
    /// ])?;
    /// assert_eq!(outcome.successful, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send(&self, points: &[DataPoint]) -> Result<Outcome, SendError> {
        Ok(self.push(&self.points(points)?, self.0.timeout)?)
    }

    /// Sends series, all in one request. No points: no request.
    ///
    /// # Errors
    ///
    /// As [`send`](Client::send); a series that cannot be sent counts even if it is empty.
    ///
    /// ```
    /// # use tagmeter::apptuit::{Client, TimeSeries};
    /// # use tagmeter::transport::{Memory, Transport};
    /// # let network = Transport::Memory(Memory::new());
    /// # let client = Client::builder().token("very secret").ignore_environment().transport(network).build()?;
    /// let mut series = TimeSeries::new("queue.depth", [("host", "a")])?;
    /// series.add(1_600_000_000, 7)?.add(1_600_000_060, 8)?;
    /// assert_eq!(client.send_series(&[series])?.successful, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_series(&self, series: &[TimeSeries]) -> Result<Outcome, SendError> {
        Ok(self.push(&self.series_points(series)?, self.0.timeout)?)
    }

    /// As [`send`](Client::send), without holding up the thread. Needs no particular runtime; dropping the future gives
    /// the request up.
    ///
    /// # Errors
    ///
    /// As [`send`](Client::send).
    ///
    /// ```
    /// # use tagmeter::apptuit::{Client, DataPoint};
    /// # use tagmeter::transport::{Memory, Transport};
    /// # let network = Transport::Memory(Memory::new());
    /// # let client = Client::builder().token("very secret").ignore_environment().transport(network).build()?;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let points = [DataPoint::new("queue.depth", [("host", "a")], 1_600_000_000, 7)?];
    /// assert_eq!(client.send_async(&points).await?.successful, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn send_async(&self, points: &[DataPoint]) -> Result<Outcome, SendError> {
        Ok(self.push_async(&self.points(points)?).await?)
    }

    /// As [`send_series`](Client::send_series), without holding up the thread.
    ///
    /// # Errors
    ///
    /// As [`send_series`](Client::send_series).
    ///
    /// ```
    /// # use tagmeter::apptuit::Client;
    /// # let client = Client::builder().token("very secret").ignore_environment().build()?;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// assert_eq!(client.send_series_async(&[]).await?.successful, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn send_series_async(&self, series: &[TimeSeries]) -> Result<Outcome, SendError> {
        Ok(self.push_async(&self.series_points(series)?).await?)
    }

    /// Where it sends to.
    ///
    /// ```
    /// # use tagmeter::apptuit::Client;
    /// let client = Client::builder().token("very secret").endpoint("http://localhost:4242/").build()?;
    /// assert_eq!(client.endpoint(), "http://localhost:4242");
    /// # Ok::<(), tagmeter::apptuit::BuildError>(())
    /// ```
    pub fn endpoint(&self) -> &str {
        &self.0.endpoint
    }

    /// Tags of every point that has no tag of that key itself, as given.
    ///
    /// ```
    /// # use tagmeter::apptuit::Client;
    /// let client = Client::builder().token("very secret").global_tags([("env", "dev")]).build()?;
    /// assert_eq!(client.global_tags().get("env"), Some("dev"));
    /// # Ok::<(), tagmeter::apptuit::BuildError>(())
    /// ```
    pub fn global_tags(&self) -> &Tags {
        &self.0.global_tags
    }

    /// How names and keys are made legal.
    ///
    /// ```
    /// # use tagmeter::{apptuit::Client, tag::Sanitize};
    /// let client = Client::builder().token("very secret").ignore_environment().build()?;
    /// assert_eq!(client.sanitize(), Sanitize::Prometheus);
    /// # Ok::<(), tagmeter::apptuit::BuildError>(())
    /// ```
    pub fn sanitize(&self) -> Sanitize {
        self.0.rules.sanitize
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.0.rules
    }

    /// Sends points that are legal already.
    pub(super) fn push(&self, points: &[Point], timeout: Duration) -> Result<Outcome, PushError> {
        if points.is_empty() {
            return Ok(Outcome::default());
        }
        let (request, sent) = self.request(points, timeout.min(self.0.timeout))?;
        self.read(self.0.transport.send(request), sent)
    }

    async fn push_async(&self, points: &[Point]) -> Result<Outcome, PushError> {
        if points.is_empty() {
            return Ok(Outcome::default());
        }
        let (request, sent) = self.request(points, self.0.timeout)?;
        self.read(self.0.transport.send_async(request).await, sent)
    }

    fn request(&self, points: &[Point], timeout: Duration) -> Result<(Request, Sent), PushError> {
        let body = body::encode(points)
            .map_err(|error| PushError::Unreachable { points: points.len(), reason: error.to_string() })?;
        let sent = Sent { points: points.len(), body_bytes: body.len() };
        let request = Request::post(&self.0.put_url, timeout)
            .header("authorization", self.0.token.bearer())
            .header("content-type", "application/json")
            .header("content-encoding", "deflate")
            .body(body);
        Ok((request, sent))
    }

    fn read(&self, answer: Result<Answer, TransportError>, sent: Sent) -> Result<Outcome, PushError> {
        let answer = answer
            .map_err(|error| PushError::Unreachable { points: sent.points, reason: error.to_string() })?;
        judge(&answer, sent)
            .map(|outcome| Outcome { errors: self.redacted(outcome.errors), ..outcome })
            .map_err(|refused| PushError::Rejected(self.redacted_rejection(refused)))
    }
}

/// The way of a point: name and keys made legal, tags merged.
impl Client {
    fn points(&self, points: &[DataPoint]) -> Result<Vec<Point>, RefusedPoint> {
        let mut fit = self.fit();
        let fitted = |DataPoint { metric, tags, timestamp, value }: &DataPoint| {
            let (name, tags) = (fit.name(metric)?, fit.tags(metric, tags)?);
            Ok(Point { name, tags, timestamp: *timestamp, value: *value, reading: Reading::Level })
        };
        points.iter().map(fitted).collect()
    }

    fn series_points(&self, all: &[TimeSeries]) -> Result<Vec<Point>, RefusedPoint> {
        let mut fit = self.fit();
        let mut points = Vec::with_capacity(all.iter().map(TimeSeries::len).sum());
        for TimeSeries { metric, tags, points: numbers } in all {
            let (name, tags) = (fit.name(metric)?, fit.tags(metric, tags)?);
            let point = |&(timestamp, value)| Point {
                name: name.clone(),
                tags: tags.clone(),
                timestamp,
                value,
                reading: Reading::Level,
            };
            points.extend(numbers.iter().map(point));
        }
        Ok(points)
    }

    fn fit(&self) -> Fit<'_> {
        Fit::new(self.0.rules.sanitize, &self.0.layers, &self.0.collisions)
    }
}

/// A server may repeat in its answer what it was sent.
impl Client {
    fn redacted(&self, errors: Vec<PointError>) -> Vec<PointError> {
        let redacted = |error: PointError| PointError {
            message: self.0.token.redact(error.message),
            point: self.0.token.redact(error.point),
        };
        errors.into_iter().map(redacted).collect()
    }

    fn redacted_rejection(&self, refused: Rejection) -> Rejection {
        let (errors, reason) = (self.redacted(refused.errors), self.0.token.redact(refused.reason));
        Rejection { errors, reason, ..refused }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.0.endpoint)
            .field("global_tags", &self.0.global_tags)
            .field("sanitize", &self.0.rules.sanitize)
            .finish_non_exhaustive()
    }
}
