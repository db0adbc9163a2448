//! How much a client may take.

use std::time::Duration;

/// What the server allows a client, so that no client can keep it from the others, or fill the memory.
///
/// When there are too many connections, or file descriptors run out, the connection that has waited longest for its
/// client to send a request goes; if none waits, the one whose answer was begun first. So half-sent requests hold
/// nothing up, however many there are, and an idle connection costs its client a new one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Connections at a time: a quarter of the 1 024 file descriptors that a process is usually allowed.
    pub(super) connections: usize,
    /// Bytes of a request's head; a scrape by Prometheus sends some 400. More is answered 431.
    pub(super) head_bytes: usize,
    /// Bytes of a request's body, which is read and ignored. More is answered 413.
    pub(super) body_bytes: usize,
    /// From the beginning of a connection, or from its last answer, to the end of the next request. Longer than a
    /// minute, so that the usual scrapes reuse their connection.
    pub(super) request: Duration,
    /// For the page to be written, its turn included. Longer than scrapes wait; then it is answered 503.
    pub(super) page: Duration,
    /// Pages being written or read at a time: they are what takes memory.
    pub(super) pages: usize,
    /// From an answer's first byte that the client does not take to its last.
    pub(super) read_answer: Duration,
    /// After an answer that ends a connection, for the client to see it and close.
    pub(super) linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 256,
            head_bytes: 16 * 1024,
            body_bytes: 64 * 1024,
            request: Duration::from_secs(75),
            page: Duration::from_secs(60),
            pages: 32,
            read_answer: Duration::from_secs(60),
            linger: Duration::from_secs(1),
        }
    }
}
