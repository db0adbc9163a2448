//! How a client is made.

use std::fmt;
use std::time::Duration;

use super::client::{Client, Settings};
use crate::report::Rules;
use crate::report::rules::Collisions;
use crate::tag::{APPTUIT_MAX_TAGS, Environment, EnvironmentError, ExcessTags, IllegalName, Sanitize, Tags};
use crate::transport::{
    Authorization, Endpoint, Http, HttpBuildError, InvalidAuthorization, InvalidUrl, Transport,
};

const TOKEN_VARIABLE: &str = "APPTUIT_API_TOKEN";
const DEPRECATED_TOKEN_VARIABLE: &str = "APPTUIT_PY_TOKEN";
const ENDPOINT_VARIABLE: &str = "APPTUIT_API_ENDPOINT";
/// Where Apptuit listens.
const DEFAULT_ENDPOINT: &str = "https://api.apptuit.ai";
/// Put points, and say which failed. The query string is the bare word.
const PUT_PATH: &str = "/api/put?details";
/// The most points in one request of a reporter.
const MAX_BATCH: usize = 50_000;
/// Longest time for one request, connecting included.
const SEND_TIMEOUT: Duration = Duration::from_secs(60);
/// The same for a query: a database may have much to read.
#[cfg(feature = "query")]
const QUERY_TIMEOUT: Duration = Duration::from_secs(180);
/// Longest time for one call with all its attempts and the waits between them.
const DEADLINE: Duration = Duration::from_secs(300);

/// Makes a [`Client`]; what is not said is taken from the environment.
///
/// ```
/// use std::time::Duration;
/// use tagmeter::apptuit::Client;
/// use tagmeter::tag::Sanitize;
///
/// let client = Client::builder()
///     .token("very secret")
///     .endpoint("http://localhost:4242/")
///     .global_tags([("env", "dev")])
///     .sanitize(Sanitize::Apptuit)
///     .timeout(Duration::from_secs(5))
///     .build()?;
/// assert_eq!(client.endpoint(), "http://localhost:4242");
/// # Ok::<(), tagmeter::apptuit::BuildError>(())
/// ```
#[must_use]
pub struct ClientBuilder {
    token: Option<String>,
    endpoint: Option<String>,
    global_tags: Tags,
    sanitize: Sanitize,
    timeout: Duration,
    #[cfg(feature = "query")]
    query_timeout: Duration,
    deadline: Duration,
    retries: u32,
    max_batch: usize,
    excess_tags: ExcessTags,
    transport: Option<Transport>,
    environment: Environment,
    environment_tags: bool,
}

/// Why there is no client.
///
/// ```
/// use tagmeter::apptuit::{BuildError, Client};
/// use tagmeter::tag::Environment;
///
/// let error = Client::builder().environment(Environment::empty()).build().unwrap_err();
/// assert_eq!(error, BuildError::NoToken);
/// assert!(error.to_string().contains("APPTUIT_API_TOKEN"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Neither code nor environment gave a token.
    #[error("no API token: expected one in the code or in the environment variable {TOKEN_VARIABLE}")]
    NoToken,
    /// The token cannot be sent.
    #[error(transparent)]
    InvalidToken(#[from] InvalidAuthorization),
    /// The endpoint was given as empty text.
    #[error("the endpoint is empty: expected http://host or https://host")]
    NoEndpoint,
    /// The endpoint is no address.
    #[error(transparent)]
    InvalidEndpoint(#[from] InvalidUrl),
    /// The environment's proxy cannot be used.
    #[error(transparent)]
    Http(#[from] HttpBuildError),
    /// The environment's tags cannot be read.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The key of a global tag cannot be sent.
    #[error("global tags cannot be sent")]
    IllegalKey(#[from] IllegalName),
}

impl ClientBuilder {
    pub(super) fn new() -> Self {
        ClientBuilder {
            token: None,
            endpoint: None,
            global_tags: Tags::new(),
            sanitize: Sanitize::default(),
            timeout: SEND_TIMEOUT,
            #[cfg(feature = "query")]
            query_timeout: QUERY_TIMEOUT,
            deadline: DEADLINE,
            retries: 0,
            max_batch: MAX_BATCH,
            excess_tags: ExcessTags::default(),
            transport: None,
            environment: Environment::default(),
            environment_tags: true,
        }
    }

    /// The token. Empty or not given: that of `APPTUIT_API_TOKEN`. Needed unless the
    /// [`transport`](ClientBuilder::transport) has credentials of its own, which then are sent instead.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into()).filter(|token| !token.is_empty());
        self
    }

    /// Where to send to, `http://host:port/path`; one `/` at the end is left out. Not given: `APPTUIT_API_ENDPOINT`,
    /// and without that `https://api.apptuit.ai`.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// Tags of every point that has no tag of that key itself. Giving some leaves `APPTUIT_TAGS` unread.
    pub fn global_tags(mut self, tags: impl Into<Tags>) -> Self {
        self.global_tags = tags.into();
        self
    }

    /// How names and keys are made legal; [`Sanitize::Prometheus`] unless said.
    pub fn sanitize(mut self, mode: Sanitize) -> Self {
        self.sanitize = mode;
        self
    }

    /// Longest time for one request with points, connecting included; 60 s unless said.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Longest time for one request of a query, connecting included; 180 s unless said.
    #[cfg(feature = "query")]
    #[cfg_attr(docsrs, doc(cfg(feature = "query")))]
    pub fn query_timeout(mut self, timeout: Duration) -> Self {
        self.query_timeout = timeout;
        self
    }

    /// How often a request is tried again; not at all unless said.
    ///
    /// That is done where it may pass by itself: nobody answers, or the answer is 408, 429 or 5xx. Before that the
    /// thread (or the future) waits for any time up to 4 seconds, then 8, 16, and 30 for all others, or longer where
    /// the answer asks for it.
    ///
    /// ```
    /// use tagmeter::apptuit::{Client, DataPoint};
    /// # use tagmeter::transport::{Memory, Transport};
    /// # let spy = Memory::new();
    /// # spy.answer(503, "");
    /// # spy.answer(429, "");
    /// # let network = Transport::Memory(spy.clone());
    /// # let builder = Client::builder().token("very secret").ignore_environment().transport(network);
    ///
    /// let client = builder.retry(3).build()?;
    /// let point = DataPoint::new("queue.depth", [("host", "a")], 1_600_000_000, 7)?;
    /// assert_eq!(client.send(&[point])?.successful, 1);
    /// # assert_eq!(spy.requests().len(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn retry(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Longest time for one call, with all its requests, attempts and waits; 5 minutes unless said. A retry that would
    /// begin later is not made.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The most points in one request; what is more goes into further ones. 50 000 unless said, and at least one.
    pub fn max_batch(mut self, points: usize) -> Self {
        self.max_batch = points;
        self
    }

    /// What becomes of a point with more than 25 tags; [`ExcessTags::Refuse`] unless said.
    pub fn excess_tags(mut self, policy: ExcessTags) -> Self {
        self.excess_tags = policy;
        self
    }

    /// Leaves `APPTUIT_TAGS` unread.
    pub fn ignore_environment(mut self) -> Self {
        self.environment_tags = false;
        self
    }

    /// Where variables are looked up; the process's environment unless said.
    ///
    /// ```
    /// use tagmeter::apptuit::Client;
    /// use tagmeter::tag::Environment;
    ///
    /// let environment = Environment::new(|name| (name == "APPTUIT_API_TOKEN").then(|| "very secret".into()));
    /// assert!(Client::builder().environment(environment).build().is_ok());
    /// ```
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// What carries the requests: [`Http`] with its options, or a spy. The network unless said, by the proxies of the
    /// environment.
    ///
    /// ```
    /// use tagmeter::apptuit::Client;
    /// use tagmeter::transport::{Coding, Http};
    ///
    /// let http = Http::builder().basic("shop", "very secret").coding(Coding::gzip()).build()?;
    /// let client = Client::builder().endpoint("http://localhost:4242").transport(http).build()?;
    /// # let _ = client;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn transport(mut self, transport: impl Into<Transport>) -> Self {
        self.transport = Some(transport.into());
        self
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// There is no token, or something given, or taken from the environment, cannot be used.
    pub fn build(self) -> Result<Client, BuildError> {
        let token = self.find_token()?;
        let endpoint = self.find_endpoint()?;
        let put = Endpoint::below(&endpoint, PUT_PATH)?;
        let global_tags = self.find_tags()?;
        let rules = self.rules();
        let layers = rules.layers().layer(&global_tags)?;
        let collisions = Collisions::default();
        collisions.note(layers.collisions());
        Ok(Client::new(Settings {
            token,
            endpoint,
            put,
            global_tags,
            layers,
            collisions,
            rules,
            timeout: self.timeout,
            #[cfg(feature = "query")]
            query_timeout: self.query_timeout,
            deadline: self.deadline,
            retries: self.retries,
            transport: self.into_transport()?,
        }))
    }

    fn into_transport(self) -> Result<Transport, BuildError> {
        match self.transport {
            Some(transport) => Ok(transport),
            None => Ok(Http::builder().environment(self.environment).build()?.into()),
        }
    }

    fn find_token(&self) -> Result<Option<Authorization>, BuildError> {
        if self.transport.as_ref().is_some_and(Transport::has_credentials) {
            return Ok(None);
        }
        let from_environment = || self.environment.setting(TOKEN_VARIABLE, Some(DEPRECATED_TOKEN_VARIABLE));
        let token = self.token.clone().or_else(from_environment).ok_or(BuildError::NoToken)?;
        Ok(Some(Authorization::bearer(token)?))
    }

    fn find_endpoint(&self) -> Result<String, BuildError> {
        let from_environment = || self.environment.setting(ENDPOINT_VARIABLE, None);
        let given = self.endpoint.clone().or_else(from_environment);
        let endpoint = given.unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned());
        if endpoint.is_empty() {
            return Err(BuildError::NoEndpoint);
        }
        Ok(endpoint.strip_suffix('/').unwrap_or(&endpoint).to_owned())
    }

    fn find_tags(&self) -> Result<Tags, BuildError> {
        if !self.environment_tags {
            return Ok(self.global_tags.clone());
        }
        Ok(self.environment.tags_unless(&self.global_tags)?)
    }

    fn rules(&self) -> Rules {
        Rules {
            sanitize: self.sanitize,
            max_tags: APPTUIT_MAX_TAGS,
            excess_tags: self.excess_tags,
            max_batch: self.max_batch,
            ..Rules::default()
        }
    }
}

/// Without the token, and without the endpoint, which nobody has looked at yet.
impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("transport", &self.transport)
            .field("global_tags", &self.global_tags)
            .field("sanitize", &self.sanitize)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder(variables: &'static [(&'static str, &'static str)]) -> ClientBuilder {
        let lookup =
            |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, text)| text.to_string());
        ClientBuilder::new().environment(Environment::new(lookup))
    }

    #[test]
    fn a_missing_token_is_an_error_that_names_the_variable() {
        let error = builder(&[]).build().unwrap_err();
        assert_eq!(error, BuildError::NoToken);
        assert!(error.to_string().contains("APPTUIT_API_TOKEN"));
        assert!(builder(&[("APPTUIT_PY_TOKEN", "old")]).token("").build().is_ok());
    }

    #[test]
    fn the_endpoint_is_that_of_the_code_then_of_the_environment() {
        let variables = &[("APPTUIT_API_TOKEN", "t"), ("APPTUIT_API_ENDPOINT", "http://environment/")];
        assert_eq!(builder(variables).build().unwrap().endpoint(), "http://environment");
        assert_eq!(builder(variables).endpoint("http://code//").build().unwrap().endpoint(), "http://code/");
        assert_eq!(builder(&[]).token("t").build().unwrap().endpoint(), DEFAULT_ENDPOINT);
        assert_eq!(builder(&[]).token("t").endpoint("").build().unwrap_err(), BuildError::NoEndpoint);
    }

    #[test]
    fn nothing_that_is_shown_holds_the_token() {
        let secret = "very-secret-token";
        let client = builder(&[]).token(secret).build().unwrap();
        let broken = builder(&[]).token(format!("{secret}\n")).build().unwrap_err();
        let builder = builder(&[]).token(secret);
        for shown in [format!("{client:?}"), format!("{builder:?}"), format!("{broken:?} {broken}")] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
