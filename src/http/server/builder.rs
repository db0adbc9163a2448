//! A server in the making.

use std::net::ToSocketAddrs;

use crate::http::server::answer::Answers;
use crate::http::server::limits::Limits;
use crate::http::server::routes::Routes;
use crate::http::server::{ServeError, Server, bind, start};
use crate::registry::Registry;

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
    registry: Registry,
    prefix: String,
    limits: Limits,
}

impl ServerBuilder {
    pub(super) fn new(registry: &Registry) -> Self {
        ServerBuilder { registry: registry.clone(), prefix: String::new(), limits: Limits::default() }
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

    #[cfg(test)]
    pub(super) fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Serves, as [`serve`](super::serve) does.
    ///
    /// # Errors
    ///
    /// Those of [`serve`](super::serve), and a prefix that is no path.
    ///
    /// ```
    /// # use tagmeter::{Registry, http::Server};
    /// let server = Server::builder(&Registry::new()).start("127.0.0.1:0")?;
    /// # server.stop(std::time::Duration::from_secs(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start(self, addr: impl ToSocketAddrs) -> Result<Server, ServeError> {
        let ServerBuilder { registry, prefix, limits } = self;
        let routes = Routes::below(&prefix).ok_or(ServeError::Prefix { prefix })?;
        start(bind(addr)?, Answers::new(registry, routes, limits), limits)
    }
}
