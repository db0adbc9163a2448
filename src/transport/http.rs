//! How requests travel.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName};

use super::HttpBuilder;
use super::ask::Ask;
use super::proxy::Way;
use super::secrets::Secrets;
use super::tls::{Identity, Trust};
use super::{Authorization, Coding, Request};

/// How requests travel to a server: what every sink over HTTP shares, said once. See the [module's table](super#options).
///
/// Clones share everything, and whatever goes the same way shares connections, which are kept for 90 s.
///
/// What `Debug` shows: no credentials and no values of headers.
///
/// ```
/// use std::time::Duration;
/// use tagmeter::report::Apptuit;
/// use tagmeter::transport::{Coding, Http};
///
/// let http = Http::builder()
///     .basic("shop", "very secret")
///     .header("X-Scope-OrgID", "shop")
///     .proxy("http://proxy.example:3128")
///     .connect_timeout(Duration::from_secs(2))
///     .coding(Coding::gzip())
///     .build()?;
/// let sink = Apptuit::builder().endpoint("https://metrics.example").transport(http).build()?;
/// # let _ = sink;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Http(pub(super) Arc<Options>);

pub(super) struct Options {
    pub(super) route: Arc<Route>,
    pub(super) credentials: Option<Credentials>,
    pub(super) headers: HeaderMap,
    pub(super) coding: Option<Coding>,
    pub(super) timeout: Duration,
    /// Values of headers and the proxy's password.
    pub(super) secrets: Secrets,
}

/// Who requests are from, where the sink does not say.
#[derive(Clone)]
pub(super) enum Credentials {
    /// Always the same.
    Fixed(Authorization),
    /// Whoever the program says, each time.
    Asked(Ask),
}

/// What a connection depends on: requests of equal routes share connections.
#[derive(PartialEq, Eq)]
pub(super) struct Route {
    pub(super) way: Way,
    pub(super) trust: Trust,
    pub(super) identity: Option<Identity>,
    pub(super) connect_timeout: Duration,
    pub(super) read_timeout: Option<Duration>,
}

impl Http {
    /// Options in the making.
    ///
    /// ```
    /// assert!(tagmeter::transport::Http::builder().build().is_ok());
    /// ```
    pub fn builder() -> HttpBuilder {
        HttpBuilder::new()
    }

    pub(super) fn has_credentials(&self) -> bool {
        self.0.credentials.is_some()
    }

    /// The request with no more time than the options give.
    pub(super) fn limited(&self, request: Request) -> Request {
        Request { timeout: request.timeout.min(self.0.timeout), ..request }
    }

    pub(super) fn coding(&self) -> Option<Coding> {
        self.0.coding
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { route, credentials, headers, coding, timeout, .. } = &*self.0;
        f.debug_struct("Http")
            .field("way", &route.way)
            .field("credentials", credentials)
            .field("headers", &headers.keys().map(HeaderName::as_str).collect::<Vec<_>>())
            .field("authorities", &route.trust.own.len())
            .field("trusts_system", &!route.trust.only)
            .field("client_certificate", &route.identity.is_some())
            .field("coding", coding)
            .field("connect_timeout", &route.connect_timeout)
            .field("read_timeout", &route.read_timeout)
            .field("timeout", timeout)
            .finish()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credentials::Fixed(authorization) => authorization.fmt(f),
            Credentials::Asked(_) => f.write_str("asked for"),
        }
    }
}
