//! A web server of our own for the metrics page, on a thread of its own.
//!
//! [`serve`] is for programs that have no web server; those that have one call [`respond`](crate::http::respond).
//! One thread runs a small runtime that answers everybody, so that the program needs none, and [`serve`] may be called
//! from inside any. Pages are written on a second thread that exists only while there is something to write: a large
//! registry or a slow collector keeps neither `/health` nor new connections waiting.
//!
//! A server that anybody can reach must not be a way to hurt the program: see `Limits` for what holds it back. Three ways to
//! meet more clients than there is room for were weighed. To cut off the longest answer lets everybody in and few out: of a
//! thousand scrapes at once three hundred ended. To refuse whatever is beyond the limit leaves holes in the graphs for
//! a burst of a second. So a burst waits, in its own connections as far as file descriptors go and in the system's queue
//! beyond; only clients that do not move make room, and only an eighth of the seats answers 503, to have some for
//! `/health`.

mod answer;
mod builder;
mod connections;
mod credentials;
mod limits;
mod routes;
mod socket;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
mod work;

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::SockRef;
use tokio::sync::oneshot;
use tokio::time::Instant;

pub use builder::ServerBuilder;
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub use tls::{Tls, TlsError};

use crate::http::server::limits::QUEUE;
use crate::http::server::work::{Serving, Worker};
use crate::registry::View;

/// Name of the server's thread. Linux shows 15 bytes of it.
const SERVER_THREAD: &str = "tagmeter-serve";

/// Serves a registry over HTTP, on a thread of its own.
///
/// `/metrics` is the page for Prometheus, `/health` says `ok`, `/` links them. The server goes on when the [`Server`] is
/// dropped, until the program ends. Give a loopback address unless others shall read your metrics; port 0 takes a free
/// one, which [`Server::addr`] tells. It needs no runtime and may be called inside any.
///
/// ```
/// use tagmeter::Registry;
///
/// let registry = Registry::new();
/// let server = tagmeter::serve("127.0.0.1:0", &registry)?;
/// println!("http://{}/metrics", server.addr());
/// # server.stop(std::time::Duration::from_secs(1))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Limits
///
/// Clients share the server, so each may take only so much:
///
/// | what | how much | beyond |
/// |---|---|---|
/// | connections | a quarter of the file descriptors that the process may open, at most 2 048 | see below |
/// | connections that scrape | seven eighths of those | 503 |
/// | head of a request | 16 KiB, 100 headers | 431 |
/// | body of a request, which is ignored | 64 KiB | 413 |
/// | time until the next request is complete | 75 s | the connection ends, with 408 if only the body is missing |
/// | time until the page is written | 60 s | 503 |
/// | time to read an answer | 60 s | the connection ends |
/// | pages being written or read | 8 | the next waits, see below |
///
/// [`ServerBuilder`] changes the number of connections and the times.
///
/// When there are too many connections, one that is idle goes; if none is, one whose client has been 1 s sending a request,
/// or has taken less than 64 KiB of its answer in 5 s. While there are none of these, new ones wait in the system's queue:
/// nobody who asks and reads is cut off for others. When there are too many pages, clients that take less than that of theirs
/// go, and the next page waits for its turn. `/health` is answered however many scrape.
///
/// A page is written once for all who ask for the same before it is begun, so that a thousand scrapes at once cost little
/// more than two. Each sees all that was recorded before it came.
///
/// # Errors
///
/// The address does not resolve, cannot be listened on (somebody else does, say), or the thread cannot be started.
pub fn serve(addr: impl ToSocketAddrs, source: impl Into<View>) -> Result<Server, ServeError> {
    Server::builder(source).start(addr)
}

/// Why nothing is served.
///
/// ```
/// use tagmeter::{Registry, http::ServeError};
///
/// let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let error = tagmeter::serve(taken.local_addr()?, &Registry::new()).unwrap_err();
/// assert!(matches!(error, ServeError::Bind { addr, .. } if addr == taken.local_addr()?));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address does not resolve.
    #[error("the address to serve on does not resolve, expected `host:port`")]
    Resolve {
        /// What the resolver said.
        source: io::Error,
    },
    /// The prefix is no path.
    #[error("path prefix {prefix:?} is no path, expected one such as \"/shop\"")]
    Prefix {
        /// The prefix.
        prefix: String,
    },
    /// Credentials that no client can send, or that are none. They are not shown.
    #[error("credentials cannot be used, expected {expected}")]
    Credentials {
        /// What would have been of use.
        expected: &'static str,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}, expected a free port of this machine")]
    Bind {
        /// The address; the last one if there were several.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The thread that serves cannot be started.
    #[error("cannot start the thread that serves {addr}")]
    Start {
        /// The address that was to be served.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// A running server: made by [`serve`], goes on when dropped.
///
/// ```
/// use std::time::Duration;
///
/// let server = tagmeter::serve("127.0.0.1:0", &tagmeter::Registry::new())?;
/// assert_ne!(server.addr().port(), 0);
/// server.stop(Duration::from_secs(1))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    stop: oneshot::Sender<Instant>,
    thread: JoinHandle<usize>,
}

/// Why a server did not end in peace. It has ended all the same.
///
/// ```
/// use std::time::Duration;
/// use tagmeter::http::StopError;
///
/// let error = StopError::CutOff { unfinished: 2, timeout: Duration::from_secs(5) };
/// assert_eq!(error.to_string(), "answers unfinished after 5s and cut off: 2");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StopError {
    /// Some clients had not read their answers.
    #[error("answers unfinished after {timeout:?} and cut off: {unfinished}")]
    CutOff {
        /// How many answers.
        unfinished: usize,
        /// The time that they were given.
        timeout: Duration,
    },
}

impl Server {
    /// A server with more to say than [`serve`] takes.
    ///
    /// ```
    /// use tagmeter::{Registry, http::Server};
    ///
    /// let server = Server::builder(&Registry::new()).path_prefix("/shop").start("127.0.0.1:0")?;
    /// println!("http://{}/shop/metrics", server.addr());
    /// # server.stop(std::time::Duration::from_secs(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder(source: impl Into<View>) -> ServerBuilder {
        ServerBuilder::new(source.into())
    }

    /// The address that is served, with the port that was taken when 0 was asked for.
    ///
    /// ```
    /// let server = tagmeter::serve("127.0.0.1:0", &tagmeter::Registry::new())?;
    /// assert!(server.addr().ip().is_loopback());
    /// # server.stop(std::time::Duration::from_secs(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Ends the server: frees its port, waits until begun answers are read, and joins its thread.
    ///
    /// Blocks for at most about `timeout`; connections without a request in work are closed at once.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let server = tagmeter::serve("127.0.0.1:0", &tagmeter::Registry::new())?;
    /// let addr = server.addr();
    /// server.stop(Duration::from_secs(1))?;
    /// assert!(std::net::TcpStream::connect(addr).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Answers were still unfinished after `timeout` and have been cut off.
    pub fn stop(self, timeout: Duration) -> Result<(), StopError> {
        // A thread that has ended has nothing to stop.
        let _ = self.stop.send(deadline(timeout));
        match self.thread.join() {
            Ok(unfinished) if unfinished > 0 => Err(StopError::CutOff { unfinished, timeout }),
            _ => Ok(()),
        }
    }
}

/// Listens on the first of the addresses that can be listened on.
fn bind(addr: impl ToSocketAddrs) -> Result<Listening, ServeError> {
    let addrs = addr.to_socket_addrs().map_err(|source| ServeError::Resolve { source })?;
    let mut last = ServeError::Resolve { source: io::ErrorKind::NotFound.into() };
    for addr in addrs {
        match listen(addr) {
            Ok(listening) => return Ok(listening),
            Err(source) => last = ServeError::Bind { addr, source },
        }
    }
    Err(last)
}

/// A socket that listens, and where.
struct Listening {
    addr: SocketAddr,
    listener: std::net::TcpListener,
}

fn listen(addr: SocketAddr) -> io::Result<Listening> {
    let listener = std::net::TcpListener::bind(addr)?;
    // The standard library asks for 128, which a burst of scrapes overflows: the rest would come back a second later.
    SockRef::from(&listener).listen(QUEUE)?;
    listener.set_nonblocking(true)?;
    Ok(Listening { addr: listener.local_addr()?, listener })
}

fn start(listening: Listening, serving: Serving) -> Result<Server, ServeError> {
    let Listening { addr, listener } = listening;
    let (stop, stopped) = oneshot::channel();
    let (started, starting) = mpsc::sync_channel(1);
    let run = move || match Worker::new(listener, serving) {
        Ok(worker) => {
            let _ = started.send(Ok(()));
            worker.run(stopped)
        }
        Err(source) => {
            let _ = started.send(Err(source));
            0
        }
    };
    let thread = thread::Builder::new().name(SERVER_THREAD.to_owned()).spawn(run);
    let thread = thread.map_err(|source| ServeError::Start { addr, source })?;
    // A thread that says nothing has ended.
    let begun = starting.recv().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()));
    begun.map_err(|source| ServeError::Start { addr, source })?;
    Ok(Server { addr, stop, thread })
}

/// The moment a timeout from now ends; a timeout beyond reckoning is a year.
fn deadline(timeout: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    Instant::now() + timeout.min(YEAR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::server::limits::Limits;
    use crate::registry::Registry;
    use std::io::{Read, Write};
    use std::net::TcpStream;

    /// Soon, in a test of a limit.
    const SOON: Duration = Duration::from_millis(20);
    /// Never, in a test.
    const LATE: Duration = Duration::from_secs(60);

    fn server(registry: &Registry, limits: Limits) -> Server {
        Server::builder(registry).limits(limits).start("127.0.0.1:0").unwrap()
    }

    fn send(server: &Server, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(server.addr()).unwrap();
        stream.set_read_timeout(Some(LATE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    fn read_to_the_end(mut stream: TcpStream) -> String {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_request_that_does_not_arrive_ends_the_connection() {
        // Long enough for the request that does arrive, on a busy machine too.
        let limits = Limits { request: Duration::from_secs(1), ..Limits::default() };
        let server = server(&Registry::new(), limits);
        let body_missing = "GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n";
        let whole = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
        let streams = ["", "GET /metr", body_missing, whole].map(|request| send(&server, request));
        let [silent, half_sent, body_missing, idle] = streams.map(read_to_the_end);
        assert_eq!([silent.as_str(), half_sent.as_str()], ["", ""]);
        assert!(body_missing.starts_with("HTTP/1.1 408 "), "{body_missing}");
        assert!(idle.ends_with("\r\n\r\nok\n"), "{idle}");
    }

    #[test]
    fn a_page_that_is_not_written_in_time_is_given_up() {
        let registry = Registry::new();
        let (_end, ended) = mpsc::channel::<()>();
        let ended = parking_lot::Mutex::new(ended);
        registry.gauge_fn("stuck", move || ended.lock().recv_timeout(LATE).map_or(0.0, |()| 1.0));
        let server = server(&registry, Limits { page: SOON, ..Limits::default() });
        let scrape = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        for _ in 0..3 {
            assert!(read_to_the_end(send(&server, scrape)).starts_with("HTTP/1.1 503 "));
        }
    }

    /// A registry whose page fills the buffers of any socket.
    fn large_registry() -> Registry {
        let registry = Registry::new();
        let long = "x".repeat(10_000);
        for number in 0..2_000 {
            registry.gauge(("depth", [("long", format!("{long}{number}"))])).set(1.0);
        }
        registry
    }

    #[test]
    fn an_answer_that_is_not_read_is_given_up() {
        let server = server(&large_registry(), Limits { read_answer: SOON, ..Limits::default() });
        let mut reader = send(&server, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        reader.read_exact(&mut [0]).unwrap();
        // It would be cut off, and say so, if it had not been given up before.
        assert_eq!(server.stop(LATE), Ok(()));
    }

    #[test]
    fn slow_readers_go_when_there_are_too_many_pages() {
        let server = server(&large_registry(), Limits { pages: 1, slow_reader: SOON, ..Limits::default() });
        let request = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let mut first = send(&server, request);
        first.read_exact(&mut [0]).unwrap();
        let second = read_to_the_end(send(&server, request));
        assert!(second.len() > 20_000_000);
        let mut rest = Vec::new();
        let _ = first.read_to_end(&mut rest);
        assert!(rest.len() < second.len() - 1, "the first page was not dropped");
        server.stop(LATE).unwrap();
    }

    #[test]
    fn a_client_that_never_stops_sending_is_cut_off() {
        let server = server(&Registry::new(), Limits { linger: SOON, ..Limits::default() });
        let mut stream = send(&server, "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n");
        stream.set_write_timeout(Some(LATE)).unwrap();
        let error = loop {
            if let Err(error) = stream.write_all(&[b'x'; 4096]) {
                break error;
            }
        };
        assert!(
            matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe),
            "{error}"
        );
    }

    #[test]
    fn no_timeout_is_too_long() {
        server(&Registry::new(), Limits::default()).stop(Duration::MAX).unwrap();
    }
}
