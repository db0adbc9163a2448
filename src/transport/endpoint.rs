//! Where requests go.

use std::fmt;

use reqwest::Url;

use super::secrets::REDACTED;

/// An address that requests can be sent to: `http://host:port/path?query`, or with `https`. Credentials have their own place.
///
/// What `Debug` shows: all but the query, which may hold a token.
///
/// ```
/// let endpoint = tagmeter::transport::Endpoint::new("http://localhost:8086/write?db=shop")?;
/// assert_eq!(format!("{endpoint:?}"), "http://localhost:8086/write?…");
/// # Ok::<(), tagmeter::transport::InvalidUrl>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(pub(super) Url);

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
    /// It has a query or a fragment, where only paths are added to it.
    #[error("the URL of host {host:?} holds a query or a fragment: expected neither")]
    Query {
        /// The host, without the query.
        host: String,
    },
    /// It holds a user name or password; credentials have their own place.
    #[error("the URL of host {host:?} holds a user name or password: expected neither")]
    Credentials {
        /// The host, without the credentials.
        host: String,
    },
}

impl Endpoint {
    /// An address.
    ///
    /// # Errors
    ///
    /// It is not a URL of a host by `http` or `https`, or it holds a user name or password.
    ///
    /// ```
    /// use tagmeter::transport::{Endpoint, InvalidUrl};
    ///
    /// assert!(matches!(Endpoint::new("ftp://host"), Err(InvalidUrl::Scheme { .. })));
    /// ```
    pub fn new(url: impl AsRef<str>) -> Result<Self, InvalidUrl> {
        let url = parse_scheme(url.as_ref())?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidUrl::Credentials { host: shown_host(&url) });
        }
        Ok(Endpoint(url))
    }

    /// An address below another one, which has no query yet.
    pub(crate) fn below(base: &str, path: &str) -> Result<Self, InvalidUrl> {
        let Endpoint(url) = Endpoint::new(base)?;
        match url.query().or(url.fragment()) {
            Some(_) => Err(InvalidUrl::Query { host: shown_host(&url) }),
            None => Endpoint::new(format!("{base}{path}")),
        }
    }

    /// The address as text, its query included.
    ///
    /// ```
    /// let endpoint = tagmeter::transport::Endpoint::new("http://localhost:8086/write?db=shop")?;
    /// assert_eq!(endpoint.as_str(), "http://localhost:8086/write?db=shop");
    /// # Ok::<(), tagmeter::transport::InvalidUrl>(())
    /// ```
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub(super) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Host and port, for messages.
    pub(super) fn host(&self) -> String {
        shown_host(&self.0)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(self.as_str()))
    }
}

/// An address, whoever it names as the user.
pub(super) fn parse_scheme(text: &str) -> Result<Url, InvalidUrl> {
    let syntax =
        |error: &dyn fmt::Display| InvalidUrl::Syntax { url: redact(text), reason: error.to_string() };
    let url = Url::parse(text).map_err(|error| syntax(&error))?;
    match (url.scheme(), url.host_str()) {
        ("http" | "https", Some(_)) => Ok(url),
        _ => Err(InvalidUrl::Scheme { url: redact(text) }),
    }
}

/// The text without what stands before an `@`, where a password would be, and after a `?` or `#`, where a token would.
fn redact(url: &str) -> String {
    let (head, tail) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
    if tail.contains('@') {
        // Which of both it is, nobody can tell.
        return REDACTED.to_owned();
    }
    let head =
        head.rsplit_once('@').map_or_else(|| head.to_owned(), |(_, rest)| format!("{REDACTED}@{rest}"));
    let tail = tail.chars().next().map(|mark| format!("{mark}{REDACTED}"));
    head + &tail.unwrap_or_default()
}

/// Host and port, which are no secret.
pub(super) fn shown_host(url: &Url) -> String {
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
        assert!(Endpoint::new("http://127.0.0.1:4242/base").is_ok());
        assert!(Endpoint::new("https://api.example").is_ok());
        assert!(matches!(Endpoint::new("/api"), Err(InvalidUrl::Syntax { .. })));
        assert!(matches!(Endpoint::new("ftp://host"), Err(InvalidUrl::Scheme { .. })));
        assert!(matches!(Endpoint::new("mailto:someone"), Err(InvalidUrl::Scheme { .. })));
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        for url in [
            "http://user:hunter2@host/",
            "http://user:hunter2@",
            "ftp://user:hunter2@host",
            "http://user:hun?hunter2@host",
            "http://host/?token=hunter2",
            "http://host/#hunter2",
            "http:///?token=hunter2",
            "ftp://host/?mail=a@b&token=hunter2",
        ] {
            let error = Endpoint::below(url, "").unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }
}
