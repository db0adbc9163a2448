//! A server in the making.

use std::net::ToSocketAddrs;
use std::time::Duration;

use crate::http::server::answer::Answers;
use crate::http::server::credentials::Credentials;
use crate::http::server::limits::Limits;
use crate::http::server::routes::Routes;
use crate::http::server::tls::Tls;
use crate::http::server::work::Serving;
use crate::http::server::{ServeError, Server, bind, start};
use crate::registry::View;

/// A server in the making: see [`Server::builder`].
///
/// ```
/// use tagmeter::{Registry, http::Server};
///
/// let server = Server::builder(&Registry::new()).start("127.0.0.1:0")?;
/// # server.stop(std::time::Duration::from_secs(1))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `start`"]
pub struct ServerBuilder {
    view: View,
    prefix: String,
    limits: Limits,
    credentials: Credentials,
    tls: Option<Tls>,
}

impl ServerBuilder {
    pub(super) fn new(view: View) -> Self {
        ServerBuilder {
            view,
            prefix: String::new(),
            limits: Limits::default(),
            credentials: Credentials::default(),
            tls: None,
        }
    }

    /// Serves `/shop/metrics`, `/shop/health` and `/shop/` for the prefix `/shop`, and nothing outside it.
    ///
    /// ```
    /// # use tagmeter::{Registry, http::{ServeError, Server}};
    /// let error = Server::builder(&Registry::new()).path_prefix("shop/").start("127.0.0.1:0").unwrap_err();
    /// assert_eq!(error.to_string(), r#"path prefix "shop/" is no path, expected one such as "/shop""#);
    /// ```
    pub fn path_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Shows everything but `/health` only to who gives this user and password, or another that was allowed. Others are
    /// answered 401. Without TLS everybody on the way can read it.
    ///
    /// `/health` says `ok` to all, since those who watch over a process seldom have passwords.
    ///
    /// ```
    /// # use tagmeter::{Registry, http::{ServeError, Server}};
    /// let server = Server::builder(&Registry::new()).basic_auth("prometheus", "s3cr3t").start("127.0.0.1:0")?;
    /// # server.stop(std::time::Duration::from_secs(1))?;
    ///
    /// let empty = Server::builder(&Registry::new()).basic_auth("prometheus", "").start("127.0.0.1:0");
    /// assert!(matches!(empty, Err(ServeError::Credentials { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn basic_auth(mut self, user: impl AsRef<str>, password: impl AsRef<str>) -> Self {
        self.credentials.add_basic(user.as_ref(), password.as_ref());
        self
    }

    /// As [`basic_auth`](Self::basic_auth), for who bears this token. More than one can be given, so that scrapers can
    /// change from one to the next.
    ///
    /// ```
    /// # use tagmeter::{Registry, http::{ServeError, Server}};
    /// let builder = Server::builder(&Registry::new()).bearer_token("t0ken").bearer_token("t0ken-of-tomorrow");
    /// assert!(!format!("{builder:?}").contains("t0ken"));
    /// # builder.start("127.0.0.1:0")?.stop(std::time::Duration::from_secs(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn bearer_token(mut self, token: impl AsRef<str>) -> Self {
        self.credentials.add_bearer(token.as_ref());
        self
    }

    /// Serves HTTPS and nothing else.
    ///
    /// ```
    /// # use tagmeter::{Registry, http::{Server, Tls, TlsError}};
    /// # fn serve(certificate: Vec<u8>, key: Vec<u8>) -> Result<(), Box<dyn std::error::Error>> {
    /// let tls = Tls::from_pem(certificate, key)?;
    /// let server = Server::builder(&Registry::new()).tls(tls).start("0.0.0.0:9100")?;
    /// # let _ = server;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Connections at a time, of which an eighth is closed to scrapes. The default is a quarter of the file descriptors
    /// that the process may open, at most 2 048. Zero is one.
    ///
    /// ```
    /// # use tagmeter::{Registry, http::Server};
    /// let server = Server::builder(&Registry::new()).max_connections(64).start("127.0.0.1:0")?;
    /// # server.stop(std::time::Duration::from_secs(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.limits.connections = connections.max(1);
        self
    }

    /// How long a client may take from its connection, or its last answer, to the end of its request. The default is
    /// 75 s, so that scrapes once a minute keep their connection.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tagmeter::{Registry, http::Server};
    /// let server =
    ///     Server::builder(&Registry::new()).request_timeout(Duration::from_secs(30)).start("127.0.0.1:0")?;
    /// # server.stop(std::time::Duration::from_secs(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.limits.request = timeout;
        self
    }

    /// How long a page may take to be written, until its clients are answered 503. The default is 60 s.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tagmeter::{Registry, http::Server};
    /// let server = Server::builder(&Registry::new()).page_timeout(Duration::from_secs(10)).start("127.0.0.1:0")?;
    /// # server.stop(std::time::Duration::from_secs(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn page_timeout(mut self, timeout: Duration) -> Self {
        self.limits.page = timeout;
        self
    }

    /// How long a client may take to read an answer. The default is 60 s.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tagmeter::{Registry, http::Server};
    /// let server =
    ///     Server::builder(&Registry::new()).answer_timeout(Duration::from_secs(10)).start("127.0.0.1:0")?;
    /// # server.stop(std::time::Duration::from_secs(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn answer_timeout(mut self, timeout: Duration) -> Self {
        self.limits.read_answer = timeout;
        self
    }

    #[cfg(test)]
    pub(super) fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Serves, as [`serve`](super::serve) does.
    ///
    /// # Errors
    ///
    /// Those of [`serve`](super::serve), a prefix that is no path, and credentials that no client can send.
    ///
    /// ```
    /// # use tagmeter::{Registry, http::Server};
    /// let server = Server::builder(&Registry::new()).start("127.0.0.1:0")?;
    /// # server.stop(std::time::Duration::from_secs(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start(self, addr: impl ToSocketAddrs) -> Result<Server, ServeError> {
        let ServerBuilder { view, prefix, limits, credentials, tls } = self;
        let routes = Routes::below(&prefix).ok_or(ServeError::Prefix { prefix })?;
        if let Some(expected) = credentials.refused() {
            return Err(ServeError::Credentials { expected });
        }
        let listening = bind(addr)?;
        start(listening, Serving { answers: Answers::new(view, routes, credentials, limits), tls, limits })
    }
}
