//! How bytes reach another machine.
//!
//! [`Transport::Http`] makes real requests, all of them on one thread of ours; [`Transport::Memory`] keeps them for a
//! test to look at and answers what the test said.

mod memory;
mod request;
mod retry;
mod worker;

pub use memory::Memory;
pub use request::{Answer, InvalidUrl, Request};
pub(crate) use request::{Url, parse_url};
pub(crate) use retry::Tries;

use std::thread;
use std::time::Duration;

/// Where requests go.
///
/// ```
/// use tagmeter::transport::Transport;
///
/// assert!(matches!(Transport::default(), Transport::Http));
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Transport {
    /// Over the network, from the one thread of this process that makes our requests.
    #[default]
    Http,
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
    /// The thread that makes requests could not be started, or a header or certificate store could not be used.
    #[error("no request was made: {reason}")]
    Unavailable {
        /// What was missing.
        reason: String,
    },
}

impl Transport {
    /// Sends one request and waits for its answer, in any thread: inside or outside a runtime, and in `drop`.
    pub(crate) fn send(&self, request: Request) -> Result<Answer, TransportError> {
        match self {
            Transport::Http => worker::send(request),
            Transport::Memory(memory) => memory.take(request),
        }
    }

    /// Sends one request; the future needs no particular runtime. Dropping it gives the request up.
    pub(crate) async fn send_async(&self, request: Request) -> Result<Answer, TransportError> {
        match self {
            Transport::Http => worker::send_async(request).await,
            Transport::Memory(memory) => memory.take(request),
        }
    }

    /// Lets a time pass in this thread.
    fn wait(&self, wait: Duration) {
        match self {
            Transport::Http => thread::sleep(wait),
            Transport::Memory(memory) => memory.note_wait(wait),
        }
    }

    /// Lets a time pass; the future needs no particular runtime.
    async fn wait_async(&self, wait: Duration) {
        match self {
            Transport::Http => worker::wait_async(wait).await,
            Transport::Memory(memory) => memory.note_wait(wait),
        }
    }
}
