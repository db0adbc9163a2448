//! A web server of our own for the metrics page, on a thread of its own.
//!
//! [`serve`] is for programs that have no web server; those that have one call [`respond`](crate::http::respond).
//! One thread runs a small runtime that answers everybody, so that the program needs none, and [`serve`] may be called
//! from inside any. Pages are written on a second thread that exists only while there is something to write: a large
//! registry or a slow collector keeps neither `/health` nor new connections waiting.
//!
//! A server that anybody can reach must not be a way to hurt the program: see [`Limits`] for what holds it back.

mod answer;
mod connections;
mod socket;

use std::convert::Infallible;
use std::future;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout_at};

use crate::http::server::answer::Answers;
use crate::http::server::connections::{Connections, Seat};
use crate::http::server::socket::Socket;
use crate::registry::Registry;

/// Names of our two threads, as `top -H` and debuggers show them (Linux cuts a name after 15 bytes).
const SERVER_THREAD: &str = "tagmeter-serve";
const PAGE_THREAD: &str = "tagmeter-page";

/// Pause after a connection could not be accepted, mostly because the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long the end of a page that is being written is waited for once its reader has been cut off.
const CUT_OFF_PAGE: Duration = Duration::from_millis(100);

/// Serves a registry over HTTP, on a thread of its own.
///
/// `/metrics` is the page for Prometheus, `/health` says `ok`, `/` links them. The server goes on when the [`Server`] is
/// dropped, until the program ends. Give a loopback address unless others shall read your metrics; port 0 takes a free
/// one, which [`Server::addr`] tells.
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
/// # Errors
///
/// The address does not resolve, cannot be listened on (somebody else does, say), or the thread cannot be started.
pub fn serve(addr: impl ToSocketAddrs, registry: &Registry) -> Result<Server, ServeError> {
    start(bind(addr)?, registry.clone(), Limits::default())
}

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address does not resolve.
    #[error("the address to serve on does not resolve, expected `host:port`")]
    Resolve {
        /// What the resolver said.
        source: io::Error,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StopError {
    /// Some clients had not read their answers.
    #[error("{unfinished} answers were cut off, unfinished after {timeout:?}")]
    CutOff {
        /// How many answers.
        unfinished: usize,
        /// The time that they were given.
        timeout: Duration,
    },
}

impl Server {
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

/// What the server allows a client, so that no client can keep it from the others, or fill the memory.
///
/// When there are too many connections, or file descriptors run out, the connection that has waited longest for its
/// client to send a request goes; if none waits, the one whose answer was begun first. So half-sent requests hold
/// nothing up, however many there are, and an idle connection costs its client a new one.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Connections at a time: a quarter of the 1 024 file descriptors that a process is usually allowed.
    connections: usize,
    /// Bytes of a request's head; a scrape by Prometheus sends some 400. More is answered 431.
    head_bytes: usize,
    /// Bytes of a request's body, which is read and ignored. More is answered 413.
    body_bytes: usize,
    /// From the beginning of a connection, or from its last answer, to the end of the next request. Longer than a
    /// minute, so that the usual scrapes reuse their connection.
    request: Duration,
    /// For the page to be written, its turn included. Longer than scrapes wait; then it is answered 503.
    page: Duration,
    /// Pages being written or read at a time: they are what takes memory.
    pages: usize,
    /// From an answer's first byte that the client does not take to its last.
    read_answer: Duration,
    /// After an answer that ends a connection, for the client to see it and close.
    linger: Duration,
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
    listener.set_nonblocking(true)?;
    Ok(Listening { addr: listener.local_addr()?, listener })
}

fn start(listening: Listening, registry: Registry, limits: Limits) -> Result<Server, ServeError> {
    let Listening { addr, listener } = listening;
    let (stop, stopped) = oneshot::channel();
    let (started, starting) = mpsc::sync_channel(1);
    // The runtime lives and dies inside the thread: dropping one is not allowed inside another, where we may be now.
    let run = move || match runtime(listener) {
        Ok((runtime, listener)) => {
            let _ = started.send(Ok(()));
            run(runtime, listener, registry, limits, stopped)
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

fn runtime(listener: std::net::TcpListener) -> io::Result<(Runtime, TcpListener)> {
    let mut builder = Builder::new_current_thread();
    let runtime =
        builder.enable_io().enable_time().max_blocking_threads(1).thread_name(PAGE_THREAD).build()?;
    let listener = {
        let _inside = runtime.enter();
        TcpListener::from_std(listener)?
    };
    Ok((runtime, listener))
}

/// What the server's thread does: answers until it is told to stop. Returns how many answers it cut off.
fn run(
    runtime: Runtime,
    listener: TcpListener,
    registry: Registry,
    limits: Limits,
    stopped: oneshot::Receiver<Instant>,
) -> usize {
    let connections = Connections::new();
    let answers = Arc::new(Answers::new(registry, limits));
    let unfinished = runtime.block_on(async {
        let accepting = tokio::spawn(accept(listener, Arc::clone(&connections), answers, limits));
        let Ok(deadline) = stopped.await else { return future::pending().await };
        accepting.abort();
        // The port is free only when the task is gone.
        let _ = accepting.await;
        finish(&connections, deadline).await
    });
    runtime.shutdown_timeout(CUT_OFF_PAGE);
    unfinished
}

async fn accept(listener: TcpListener, connections: Arc<Connections>, answers: Arc<Answers>, limits: Limits) {
    let mut told = false;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.make_room(limits.connections);
                let seat = Arc::new(connections.seat());
                let task = tokio::spawn(converse(stream, Arc::clone(&seat), Arc::clone(&answers), limits));
                seat.taken_by(task.abort_handle());
            }
            Err(error) => {
                if !told {
                    log::warn!("tagmeter: cannot accept a connection: {error}");
                    told = true;
                }
                connections.drop_one();
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Answers the requests of one connection.
async fn converse(stream: TcpStream, seat: Arc<Seat>, answers: Arc<Answers>, limits: Limits) {
    // Only time is lost if it fails.
    let _ = stream.set_nodelay(true);
    let socket = Socket::new(stream, Arc::clone(&seat), limits);
    let service = service_fn(move |request| {
        let (answers, seat) = (Arc::clone(&answers), Arc::clone(&seat));
        async move { Ok::<_, Infallible>(answers.answer(request, &seat).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.request)
        .max_header_size(limits.head_bytes)
        // A client may close its side after its last request and still read.
        .half_close(true)
        .serve_connection(socket, service);
    if let Err(error) = connection.await {
        log::debug!("tagmeter: a connection ended early: {error}");
    }
}

/// Waits until no answer is unfinished. Returns how many are at the deadline.
async fn finish(connections: &Connections, deadline: Instant) -> usize {
    let _ = timeout_at(deadline, connections.all_done()).await;
    connections.drop_all()
}

/// The moment a timeout from now ends; a timeout beyond reckoning is a year.
fn deadline(timeout: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    Instant::now() + timeout.min(YEAR)
}
