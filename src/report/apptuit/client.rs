//! Sends points made by hand, and those of a reporter.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::builder::ClientBuilder;
use super::point::{DataPoint, TimeSeries};
use crate::report::rules::Collisions;
use crate::report::{Outcome, PushError, RefusedPoint, Rules};
use crate::tag::{Sanitize, TagLayers, Tags};
use crate::transport::{Authorization, Endpoint, Transport};

/// Sends points. Connections are reused; clones share everything.
///
/// One call is one request and one attempt, unless there are more points than fit into one
/// ([`max_batch`](ClientBuilder::max_batch)) or the client was told to try again ([`retry`](ClientBuilder::retry)).
///
/// Call it from any thread: inside a runtime, outside, in `drop`. [`send`](Client::send) waits for the answer, so inside
/// a runtime [`send_async`](Client::send_async) is kinder to other tasks. Redirects are not followed, netrc files not read;
/// proxies named in the environment (`HTTPS_PROXY`, `NO_PROXY`) apply. All else about the way is said by
/// [`transport::Http`](crate::transport::Http), for [`ClientBuilder::transport`].
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
pub struct Client(pub(super) Arc<Settings>);

pub(super) struct Settings {
    /// None where the transport says who we are.
    pub(super) token: Option<Authorization>,
    pub(super) endpoint: String,
    pub(super) put: Endpoint,
    pub(super) global_tags: Tags,
    pub(super) layers: TagLayers,
    pub(super) collisions: Collisions,
    pub(super) rules: Rules,
    pub(super) timeout: Duration,
    #[cfg(feature = "query")]
    pub(super) query_timeout: Duration,
    pub(super) deadline: Duration,
    pub(super) retries: u32,
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
    /// There were several requests, and not all of them were delivered.
    #[error("{} requests failed, {} points were delivered; the first: {}", failures.len(), delivered.successful, first(failures))]
    Batches {
        /// What became of those that were.
        delivered: Outcome,
        /// Why the others were not, in their order.
        failures: Vec<PushError>,
    },
}

fn first(failures: &[PushError]) -> String {
    failures.first().map(PushError::to_string).unwrap_or_default()
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

    /// Sends points. No points: no request.
    ///
    /// # Errors
    ///
    /// A point cannot be sent (then none is), nobody answered, or the answer is not a 2xx. Points that a 2xx names as
    /// failed are in the [`Outcome`]. One of several requests that fails keeps no other back.
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
        self.deliver(&self.points(points)?)
    }

    /// Sends series. No points: no request.
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
        self.deliver(&self.series_points(series)?)
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
        self.deliver_async(&self.points(points)?).await
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
        self.deliver_async(&self.series_points(series)?).await
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
