//! The sink a reporter pushes to.

use std::time::{Duration, Instant};

use super::builder::{BuildError, ClientBuilder};
use super::client::Client;
use crate::registry::View;
use crate::report::{Outcome, Point, PushError, Reporter, ReporterBuilder, Rules, Sink};
use crate::tag::{Environment, ExcessTags, Sanitize};
use crate::transport::Transport;

/// Apptuit, or another server that takes `POST /api/put?details`, as the sink of a [`Reporter`](crate::report::Reporter).
///
/// ```no_run
/// use std::time::Duration;
/// use tagmeter::Registry;
/// use tagmeter::report::{Apptuit, Reporter};
///
/// let registry = Registry::new();
/// let reporter = Reporter::new(&registry, Apptuit::from_env()?)   // APPTUIT_API_TOKEN, APPTUIT_TAGS
///     .every(Duration::from_secs(60))
///     .tags([("service", "order-service")])
///     .start()?;
/// let last = reporter.stop(Duration::from_secs(5))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Apptuit(Client);

/// Makes an [`Apptuit`] sink; what is not said is taken from the environment.
///
/// ```
/// use tagmeter::report::Apptuit;
///
/// let sink = Apptuit::builder().token("very secret").endpoint("http://localhost:4242").build()?;
/// assert_eq!(sink.endpoint(), "http://localhost:4242");
/// # Ok::<(), tagmeter::apptuit::BuildError>(())
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct ApptuitBuilder(ClientBuilder);

impl Apptuit {
    /// The sink that the environment describes: token, and endpoint and proxies if it names any.
    ///
    /// # Errors
    ///
    /// `APPTUIT_API_TOKEN` is not set, or a variable cannot be used.
    pub fn from_env() -> Result<Self, BuildError> {
        Apptuit::builder().build()
    }

    /// The sink with this token; the endpoint is that of the environment, or Apptuit's own.
    ///
    /// # Errors
    ///
    /// The token cannot stand in an HTTP header, or the environment's endpoint is no address.
    ///
    /// ```
    /// assert!(tagmeter::report::Apptuit::new("very secret").is_ok());
    /// ```
    pub fn new(token: impl Into<String>) -> Result<Self, BuildError> {
        Apptuit::builder().token(token).build()
    }

    /// A sink in the making.
    ///
    /// ```
    /// let sink = tagmeter::report::Apptuit::builder().token("very secret").build();
    /// assert!(sink.is_ok());
    /// ```
    pub fn builder() -> ApptuitBuilder {
        // A reporter merges all tags, those of the environment too.
        ApptuitBuilder(Client::builder().ignore_environment())
    }

    /// Where it sends to.
    ///
    /// ```
    /// let sink = tagmeter::report::Apptuit::builder().token("t").endpoint("http://localhost/").build()?;
    /// assert_eq!(sink.endpoint(), "http://localhost");
    /// # Ok::<(), tagmeter::apptuit::BuildError>(())
    /// ```
    pub fn endpoint(&self) -> &str {
        self.0.endpoint()
    }
}

/// What the environment says in one call.
impl Reporter {
    /// A reporter in the making, to the backend that the environment describes: `APPTUIT_API_TOKEN`,
    /// `APPTUIT_API_ENDPOINT`, proxies (`HTTPS_PROXY`, `NO_PROXY`), and, when it is started, `APPTUIT_TAGS` and
    /// `APPTUIT_DISABLE_HOST_TAG`. The [table](crate::apptuit) has their deprecated names.
    ///
    /// # Errors
    ///
    /// `APPTUIT_API_TOKEN` is not set, or a variable cannot be used.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use tagmeter::{Registry, Reporter};
    ///
    /// let registry = Registry::new();
    /// let reporter = Reporter::from_env(&registry)?.start()?;
    /// registry.counter("orders").inc();
    /// reporter.stop(Duration::from_secs(5))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_env(source: impl Into<View>) -> Result<ReporterBuilder<Apptuit>, BuildError> {
        Ok(Reporter::new(source, Apptuit::from_env()?))
    }
}

impl ApptuitBuilder {
    /// The token. Empty or not given: that of `APPTUIT_API_TOKEN`. Needed unless the
    /// [`transport`](ApptuitBuilder::transport) has credentials of its own, which then are sent instead.
    pub fn token(self, token: impl Into<String>) -> Self {
        ApptuitBuilder(self.0.token(token))
    }

    /// Where to send to, `http://host:port/path`. Not given: `APPTUIT_API_ENDPOINT`, and without that
    /// `https://api.apptuit.ai`.
    pub fn endpoint(self, endpoint: impl Into<String>) -> Self {
        ApptuitBuilder(self.0.endpoint(endpoint))
    }

    /// How names and keys are made legal; [`Sanitize::Prometheus`] unless said.
    pub fn sanitize(self, mode: Sanitize) -> Self {
        ApptuitBuilder(self.0.sanitize(mode))
    }

    /// What becomes of a metric with more than 25 tags, host, environment's and reporter's included;
    /// [`ExcessTags::Refuse`] unless said: it is left out, counted in [`Report::skipped`](crate::report::Report) and told once.
    ///
    /// ```
    /// use tagmeter::report::Apptuit;
    /// use tagmeter::tag::ExcessTags;
    ///
    /// let sink = Apptuit::builder().token("very secret").excess_tags(ExcessTags::DropShared).build();
    /// assert!(sink.is_ok());
    /// ```
    pub fn excess_tags(self, policy: ExcessTags) -> Self {
        ApptuitBuilder(self.0.excess_tags(policy))
    }

    /// Longest time for one request, connecting included; 60 s unless said.
    pub fn timeout(self, timeout: Duration) -> Self {
        ApptuitBuilder(self.0.timeout(timeout))
    }

    /// Where variables are looked up; the process's environment unless said.
    pub fn environment(self, environment: Environment) -> Self {
        ApptuitBuilder(self.0.environment(environment))
    }

    /// What carries the requests: [`Http`](crate::transport::Http) with its options, or a spy. The network unless said, by the
    /// proxies of the environment.
    ///
    /// ```
    /// use tagmeter::report::Apptuit;
    /// use tagmeter::transport::Http;
    ///
    /// let http = Http::builder().unix_socket("/run/collector.sock").build()?;
    /// let sink = Apptuit::builder().token("very secret").endpoint("http://collector").transport(http).build()?;
    /// # let _ = sink;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn transport(self, transport: impl Into<Transport>) -> Self {
        ApptuitBuilder(self.0.transport(transport))
    }

    /// The sink.
    ///
    /// # Errors
    ///
    /// There is no token, or something given, or taken from the environment, cannot be used.
    pub fn build(self) -> Result<Apptuit, BuildError> {
        Ok(Apptuit(self.0.build()?))
    }
}

impl Sink for Apptuit {
    fn name(&self) -> &str {
        "apptuit"
    }

    fn rules(&self) -> Rules {
        self.0.rules().clone()
    }

    fn push(&mut self, batch: &[Point], deadline: Instant) -> Result<Outcome, PushError> {
        self.0.push(batch, deadline.saturating_duration_since(Instant::now()))
    }
}
