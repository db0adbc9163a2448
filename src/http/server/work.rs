//! What the server's thread does: accepts, answers, and ends in order.

use std::convert::Infallible;
use std::error::Error;
use std::future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::http::server::answer::Answers;
use crate::http::server::connections::{Connections, Seat};
use crate::http::server::limits::Limits;
use crate::http::server::socket::Socket;
use crate::http::server::tls::Tls;

/// Name of the thread that pages are written on. Linux shows 15 bytes of it.
const PAGE_THREAD: &str = "tagmeter-page";

/// Pause after a connection could not be accepted, mostly because the process has no file descriptor left, when none of
/// ours can be given back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long the end of a page that is being written is waited for once its reader has been cut off.
const CUT_OFF_PAGE: Duration = Duration::from_millis(100);

/// What is served, and how.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) answers: Answers,
    pub(super) tls: Option<Tls>,
    pub(super) limits: Limits,
}

/// All that the server's thread needs.
pub(super) struct Worker {
    runtime: Runtime,
    listener: TcpListener,
    serving: Arc<Serving>,
}

impl Worker {
    /// Made on the server's thread: a runtime may not be dropped inside another, where the program may be.
    pub(super) fn new(listener: std::net::TcpListener, serving: Serving) -> io::Result<Self> {
        let mut builder = Builder::new_current_thread();
        let runtime =
            builder.enable_io().enable_time().max_blocking_threads(1).thread_name(PAGE_THREAD).build()?;
        let inside = runtime.enter();
        let listener = TcpListener::from_std(listener)?;
        drop(inside);
        Ok(Worker { runtime, listener, serving: Arc::new(serving) })
    }

    /// Answers until it is told to stop, and by when to be done. Returns how many answers it cut off.
    pub(super) fn run(self, stopped: oneshot::Receiver<Instant>) -> usize {
        let Worker { runtime, listener, serving } = self;
        let connections = Connections::new(serving.limits);
        let unfinished = runtime.block_on(async {
            let accepting = tokio::spawn(accept(listener, Arc::clone(&connections), serving));
            // Without anybody left who could stop it, it goes on.
            let Ok(deadline) = stopped.await else { return future::pending().await };
            accepting.abort();
            // The port is free only when the task is gone.
            let _ = accepting.await;
            let _ = timeout_at(deadline, connections.all_done()).await;
            connections.drop_all()
        });
        runtime.shutdown_timeout(CUT_OFF_PAGE);
        unfinished
    }
}

async fn accept(listener: TcpListener, connections: Arc<Connections>, serving: Arc<Serving>) {
    let mut told = false;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let seat = Arc::new(connections.seat().await);
                let task = tokio::spawn(converse(stream, Arc::clone(&seat), Arc::clone(&serving)));
                seat.taken_by(task.abort_handle());
            }
            Err(error) => {
                if !told {
                    log::warn!("tagmeter: cannot accept a connection: {error}");
                    told = true;
                }
                if connections.drop_waiting() {
                    // Its task ends, and with it goes the descriptor that we need.
                    yield_now().await;
                } else {
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Answers the requests of one connection.
async fn converse(stream: TcpStream, seat: Arc<Seat>, serving: Arc<Serving>) {
    // Only time is lost if it fails.
    let _ = stream.set_nodelay(true);
    let socket = Socket::new(stream, Arc::clone(&seat), serving.limits);
    let ended = match &serving.tls {
        None => talk(socket, seat, Arc::clone(&serving)).await,
        Some(tls) => match timeout(serving.limits.request, tls.accept(socket)).await {
            Ok(Ok(stream)) => talk(stream, seat, Arc::clone(&serving)).await,
            Ok(Err(error)) => Err(error.into()),
            Err(late) => Err(late.into()),
        },
    };
    if let Err(error) = ended {
        log::debug!("tagmeter: a connection ended early: {error}");
    }
}

async fn talk<S>(
    stream: S,
    seat: Arc<Seat>,
    serving: Arc<Serving>,
) -> Result<(), Box<dyn Error + Send + Sync>>
where
    S: Read + Write + Unpin + Send + 'static,
{
    let limits = serving.limits;
    let service = service_fn(move |request| {
        let (serving, seat) = (Arc::clone(&serving), Arc::clone(&seat));
        async move { Ok::<_, Infallible>(serving.answers.answer(request, &seat).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.request)
        .max_header_size(limits.head_bytes)
        // Of a body, too, no more is read at a time.
        .max_buf_size(limits.head_bytes)
        // A client may close its side after its last request and still read.
        .half_close(true)
        .serve_connection(stream, service);
    Ok(connection.await?)
}
