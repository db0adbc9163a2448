//! Why options cannot be used.

use std::path::PathBuf;

use super::{Coding, InvalidAuthorization, InvalidUrl};

/// Why options cannot be used. No part of a secret is ever shown.
///
/// ```
/// use tagmeter::transport::{Http, HttpBuildError};
///
/// let error = Http::builder().proxy("socks5://user:very-secret@proxy").build().unwrap_err();
/// assert!(matches!(error, HttpBuildError::Proxy(_)));
/// assert!(!error.to_string().contains("secret"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpBuildError {
    /// The credentials cannot be sent.
    #[error(transparent)]
    Authorization(#[from] InvalidAuthorization),
    /// A header cannot be called so.
    #[error("{name:?} is not the name of a header")]
    HeaderName {
        /// What was given.
        name: String,
    },
    /// A header's value cannot be sent. It is not repeated here.
    #[error(
        "the value of header {name:?} holds a control character or one beyond U+00FF: expected text that fits into an HTTP header"
    )]
    HeaderValue {
        /// Whose value.
        name: String,
    },
    /// A header that requests have anyway, or that is said otherwise.
    #[error(
        "header {name:?} is not for the asking: expected one that says nothing of body, connection or credentials"
    )]
    ReservedHeader {
        /// Which one.
        name: String,
    },
    /// The proxy has no address.
    #[error("the proxy cannot be used")]
    Proxy(#[source] InvalidUrl),
    /// The environment names a proxy that has no address.
    #[error("the proxy of environment variable {variable} cannot be used")]
    ProxyVariable {
        /// The variable.
        variable: &'static str,
        /// What is wrong with it.
        source: InvalidUrl,
    },
    /// The coding has no such level.
    #[error("{coding:?} has no such level: expected one up to {most}")]
    Level {
        /// The coding as it was given.
        coding: Coding,
        /// Its greatest level.
        most: u32,
    },
    /// A file cannot be read.
    #[error("cannot read {path:?}, expected a file in PEM form: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// There is no certificate, or one that is not in PEM form.
    #[error("no certificate in {pem}, expected one in PEM form")]
    NoCertificate {
        /// Where it was looked for.
        pem: String,
    },
    /// A certificate is none of an authority.
    #[error("a certificate in {pem} cannot be trusted: {reason}")]
    BrokenCertificate {
        /// Where it is.
        pem: String,
        /// What the TLS library said.
        reason: String,
    },
    /// There is no private key, or one that is not in PEM form, or encrypted.
    #[error("no private key in {pem}, expected one in PEM form (PKCS #8, PKCS #1 or SEC 1), not encrypted")]
    NoKey {
        /// Where it was looked for.
        pem: String,
    },
    /// The key is not that of the client certificate, or of a kind that is not known.
    #[error(
        "client certificate and private key cannot be used, expected a pair that belongs together: {reason}"
    )]
    Pair {
        /// What the TLS library said.
        reason: String,
    },
    /// No socket can have this path.
    #[error("{path:?} is no path of a Unix socket: {reason}")]
    Socket {
        /// What was given.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}
