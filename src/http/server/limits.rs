//! How much a client may take.

use std::fs;
use std::time::Duration;

/// What the server allows a client, so that no client can keep it from the others, or fill the memory.
///
/// When there are too many connections, an idle one goes; if none is idle, one whose client has been too slow in sending
/// its request or taking its answer; and if all are busy, new ones wait in the system's queue until one ends. Nobody who
/// keeps asking and reading is cut off for others. A part of the connections is closed to scrapes, which are answered
/// 503 there, so that `/health` is told however many scrape.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Connections at a time.
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
    /// For a request to arrive while others want the connection. A packet that is lost is sent again after 0.2 s.
    pub(super) slow_request: Duration,
    /// For [`STEP`] of an answer to be taken while others want the connection or the page's memory.
    pub(super) slow_reader: Duration,
    /// After an answer that ends a connection, for the client to see it and close.
    pub(super) linger: Duration,
}

/// Bytes of an answer that a reader who is not slow takes within [`Limits::slow_reader`].
pub(super) const STEP: usize = 64 * 1024;

/// Connections that wait for us to accept them. The system may allow fewer: Linux 4 096, other systems 128 and up.
pub(super) const QUEUE: i32 = 1024;

/// Of the file descriptors that the process may open, connections take at most one in so many: most are the program's.
const DESCRIPTORS_SHARE: usize = 4;
/// More connections than this are of no use. Each takes 13 KB, and 33 KB while a head of the greatest size arrives.
const MOST_CONNECTIONS: usize = 2048;
/// The file descriptors that a process may usually open.
const USUAL_DESCRIPTORS: usize = 1024;

/// Of the connections, one in so many is closed to scrapes.
const RESERVED_SHARE: usize = 8;

impl Limits {
    /// Connections that scrape at a time.
    pub(super) fn scrapes(&self) -> usize {
        self.connections - self.connections.div_ceil(RESERVED_SHARE).min(self.connections - 1)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: (descriptors() / DESCRIPTORS_SHARE).clamp(1, MOST_CONNECTIONS),
            head_bytes: 16 * 1024,
            body_bytes: 64 * 1024,
            request: Duration::from_secs(75),
            page: Duration::from_secs(60),
            pages: 8,
            read_answer: Duration::from_secs(60),
            slow_request: Duration::from_secs(1),
            slow_reader: Duration::from_secs(5),
            linger: Duration::from_secs(1),
        }
    }
}

/// How many file descriptors the process may open, where the system tells.
fn descriptors() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    soft_limit(&limits).unwrap_or(USUAL_DESCRIPTORS)
}

/// The number of `Max open files            1024                 524288               files`.
fn soft_limit(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(usize::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_of_descriptors_counts() {
        let limits =
            |files| format!("Max processes 7 8 processes\nMax open files   {files}  files\nMax x 1 2 y");
        assert_eq!(soft_limit(&limits("1024   524288")), Some(1024));
        assert_eq!(soft_limit(&limits("unlimited   unlimited")), Some(usize::MAX));
        assert_eq!(soft_limit(""), None);
    }

    #[test]
    fn some_connections_are_kept_from_scrapes() {
        let scrapes = |connections| Limits { connections, ..Limits::default() }.scrapes();
        assert_eq!([1, 2, 8, 9, 256, 2048].map(scrapes), [1, 1, 7, 7, 224, 1792]);
    }
}
