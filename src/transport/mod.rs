//! How bytes reach another machine: one way to say it for every sink over HTTP.
//!
//! * [`Http`] says how requests travel; [`Transport`] is that, or a [`Memory`] that keeps them for a test.
//! * [`Request`] is what a sink has to say: [`Endpoint`], headers, body. [`Answer`] is what comes back.
//!
//! All requests are made by one thread of ours, which is started by the first of them. Connections are kept and used again,
//! and a request is one attempt over HTTP/1.1. Redirects are never followed, netrc files not read, and of an answer
//! no more than 16 MiB.
//!
//! # Options
//!
//! [`HttpBuilder`] takes them all; whatever cannot be used is an error of [`build`](HttpBuilder::build), not of the first push.
//!
//! | option | says | unless said |
//! |---|---|---|
//! | [`bearer`](HttpBuilder::bearer), [`basic`](HttpBuilder::basic), [`authorize`](HttpBuilder::authorize) | who requests are from | what the sink says: its token |
//! | [`authorize_with`](HttpBuilder::authorize_with) | the same, by a function that is asked before each attempt and after each 401 | |
//! | [`header`](HttpBuilder::header) | a header more, such as a tenant | none |
//! | [`proxy`](HttpBuilder::proxy), [`no_proxy`](HttpBuilder::no_proxy), [`direct`](HttpBuilder::direct) | by which proxy, and where without | `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, in either case, as curl reads them; `HTTP_PROXY` not in a CGI program |
//! | [`unix_socket`](HttpBuilder::unix_socket) | to a socket on this machine | TCP |
//! | [`trust`](HttpBuilder::trust), [`trust_only`](HttpBuilder::trust_only) | whose certificates are taken, besides the system's or alone | the system's |
//! | [`client_certificate`](HttpBuilder::client_certificate) | who we are, for servers that ask (mTLS) | nobody |
//! | [`connect_timeout`](HttpBuilder::connect_timeout) | until there is a connection | 10 s |
//! | [`read_timeout`](HttpBuilder::read_timeout) | between two pieces of an answer | as long as the request may take |
//! | [`timeout`](HttpBuilder::timeout) | for a request in all | what the sink or the reporter says |
//! | [`coding`](HttpBuilder::coding) | how bodies are made smaller | what the sink says: deflate for Apptuit |
//!
//! No credentials are in a `Debug`, a log line or an error, and where a server repeats them, `…` stands in their place. That holds
//! for tokens, passwords (also of proxies) and values of headers of six bytes or more, for keys, and for what follows the `?` of
//! an address.
//!
//! # A sink over HTTP
//!
//! It needs an endpoint, headers and a body. Credentials, proxies, certificates, timeouts, coding and what an answer means
//! are the same for all.
//!
//! ```
//! use std::io::Write;
//! use std::time::Instant;
//! use tagmeter::report::{Outcome, Point, PushError, Rules, Sink};
//! use tagmeter::transport::{Coding, Endpoint, Request, Transport};
//!
//! /// Posts a line for each point.
//! struct Lines {
//!     endpoint: Endpoint,
//!     transport: Transport,
//! }
//!
//! impl Sink for Lines {
//!     fn name(&self) -> &str {
//!         "lines"
//!     }
//!
//!     fn rules(&self) -> Rules {
//!         Rules::default()
//!     }
//!
//!     fn push(&mut self, batch: &[Point], deadline: Instant) -> Result<Outcome, PushError> {
//!         let lines = |out: &mut dyn Write| {
//!             batch.iter().try_for_each(|point| {
//!                 writeln!(out, "{}{} {} {}", point.name, point.tags, point.value, point.timestamp)
//!             })
//!         };
//!         let answer = self.transport.body(Coding::gzip(), lines).and_then(|body| {
//!             let request = Request::post(&self.endpoint, deadline.saturating_duration_since(Instant::now()));
//!             self.transport.send(request.header("content-type", "text/plain").body(body))
//!         });
//!         Outcome::of(answer, batch.len())
//!     }
//! }
//! # use tagmeter::{Registry, Reporter, transport::Memory};
//! # let spy = Memory::new();
//! # spy.answer(400, "no such tenant");
//! # let registry = Registry::new();
//! # registry.counter("orders").inc();
//! # let sink = Lines { endpoint: Endpoint::new("http://localhost:8086/write")?, transport: spy.clone().into() };
//! # let last = Reporter::new(&registry, sink).start()?.stop(std::time::Duration::from_secs(5))?;
//! # assert_eq!((last.failed, spy.requests().len()), (1, 1));
//! # assert_eq!(spy.requests()[0].header_value("content-encoding"), Some(b"gzip".as_slice()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ask;
mod authorization;
mod build_error;
mod builder;
mod clients;
mod coding;
mod endpoint;
mod exchange;
mod http;
mod memory;
mod proxy;
mod request;
mod retry;
mod retry_after;
mod secrets;
mod tls;
mod worker;

pub use ask::Asked;
pub use authorization::{Authorization, InvalidAuthorization};
pub use build_error::HttpBuildError;
pub use builder::HttpBuilder;
pub use coding::{Body, Coding};
pub use endpoint::{Endpoint, InvalidUrl};
pub use http::Http;
pub use memory::Memory;
pub use request::{Answer, Request};
pub(crate) use retry::Tries;
pub use tls::Pem;

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

/// Where requests go.
///
/// ```
/// use tagmeter::transport::{Http, Memory, Transport};
///
/// let network: Transport = Http::builder().build()?.into();
/// assert!(matches!(network, Transport::Http(_)));
/// assert!(matches!(Memory::new().into(), Transport::Memory(_)));
/// # Ok::<(), tagmeter::transport::HttpBuildError>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Transport {
    /// Over the network, from the one thread of this process that makes our requests.
    Http(Http),
    /// Nowhere: kept for a test.
    Memory(Memory),
}

/// Why a request got no answer.
///
/// ```
/// use tagmeter::transport::TransportError;
///
/// let error = TransportError::Unavailable { reason: "no thread".into() };
/// assert_eq!(error.to_string(), "no request was made: no thread");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection: refused, no route, unknown host, a certificate nobody vouches for.
    #[error("no connection to \"{host}\": {reason}")]
    Connect {
        /// Host and port.
        host: String,
        /// What the operating system or the TLS library said.
        reason: String,
    },
    /// The time given to the request passed before the answer was there.
    #[error("no answer from \"{host}\" within {after:?}")]
    Timeout {
        /// Host and port.
        host: String,
        /// The time given.
        after: Duration,
    },
    /// The connection ended before the answer.
    #[error("the connection to \"{host}\" broke: {reason}")]
    Broken {
        /// Host and port.
        host: String,
        /// What the HTTP library said.
        reason: String,
    },
    /// The function that gives credentials gave none: it failed, panicked, or took too long.
    #[error("no request was made, for there were no credentials: {reason}")]
    NoCredentials {
        /// What went wrong.
        reason: String,
    },
    /// The thread that makes requests could not be started, or a header or certificate store could not be used.
    #[error("no request was made: {reason}")]
    Unavailable {
        /// What was missing.
        reason: String,
    },
}

impl Transport {
    /// A body, in the coding that the options say or, where they do not, in this one.
    ///
    /// # Errors
    ///
    /// What `write` fails with, as [`TransportError::Unavailable`]: compressing into memory does not fail.
    ///
    /// ```
    /// # use tagmeter::transport::{Coding, Memory, Transport};
    /// let transport = Transport::Memory(Memory::new());
    /// let body = transport.body(Coding::deflate(), |out| out.write_all(&[b' '; 1_000]))?;
    /// assert!(body.len() < 100);
    /// # Ok::<(), tagmeter::transport::TransportError>(())
    /// ```
    pub fn body(
        &self,
        coding: Coding,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Body, TransportError> {
        let coding = match self {
            Transport::Http(http) => http.coding().unwrap_or(coding),
            Transport::Memory(_) => coding,
        };
        coding.body(write).map_err(|error| TransportError::Unavailable { reason: error.to_string() })
    }

    /// Sends one request and waits for its answer, in any thread: inside or outside a runtime, and in `drop`.
    ///
    /// # Errors
    ///
    /// There is no answer. Every status is one.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tagmeter::transport::{Endpoint, Memory, Request, Transport};
    /// # let transport = Transport::Memory(Memory::new());
    /// let endpoint = Endpoint::new("http://localhost:8086/write")?;
    /// let answer = transport.send(Request::post(&endpoint, Duration::from_secs(5)))?;
    /// assert_eq!(answer.status, 204);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send(&self, request: Request) -> Result<Answer, TransportError> {
        match self {
            Transport::Http(http) => worker::send(http, http.limited(request)),
            Transport::Memory(memory) => memory.take(request),
        }
    }

    /// Sends one request; the future needs no particular runtime. Dropping it gives the request up.
    ///
    /// # Errors
    ///
    /// As [`send`](Transport::send).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tagmeter::transport::{Endpoint, Memory, Request, Transport};
    /// # let transport = Transport::Memory(Memory::new());
    /// # let endpoint = Endpoint::new("http://localhost:8086/write")?;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// assert_eq!(transport.send_async(Request::post(&endpoint, Duration::from_secs(5))).await?.status, 204);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn send_async(&self, request: Request) -> Result<Answer, TransportError> {
        match self {
            Transport::Http(http) => worker::send_async(http, http.limited(request)).await,
            Transport::Memory(memory) => memory.take(request),
        }
    }

    /// Whether the options say who requests are from, so that a sink need not.
    pub(crate) fn has_credentials(&self) -> bool {
        matches!(self, Transport::Http(http) if http.has_credentials())
    }

    /// Lets a time pass in this thread.
    fn wait(&self, wait: Duration) {
        match self {
            Transport::Http(_) => thread::sleep(wait),
            Transport::Memory(memory) => memory.note_wait(wait),
        }
    }

    /// Lets a time pass; the future needs no particular runtime.
    async fn wait_async(&self, wait: Duration) {
        match self {
            Transport::Http(_) => worker::wait_async(wait).await,
            Transport::Memory(memory) => memory.note_wait(wait),
        }
    }
}

impl From<Http> for Transport {
    fn from(http: Http) -> Self {
        Transport::Http(http)
    }
}

impl From<Memory> for Transport {
    fn from(memory: Memory) -> Self {
        Transport::Memory(memory)
    }
}
