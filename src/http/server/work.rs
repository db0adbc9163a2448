//! What the server's thread does: accepts, answers, and ends in order.

use std::convert::Infallible;
use std::future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout_at};

use crate::http::server::answer::Answers;
use crate::http::server::connections::{Connections, Seat};
use crate::http::server::limits::Limits;
use crate::http::server::socket::Socket;

/// Name of the thread that pages are written on. Linux shows 15 bytes of it.
const PAGE_THREAD: &str = "tagmeter-page";

/// Pause after a connection could not be accepted, mostly because the process has no file descriptor left, when none of
/// ours can be given back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long the end of a page that is being written is waited for once its reader has been cut off.
const CUT_OFF_PAGE: Duration = Duration::from_millis(100);

/// All that the server's thread needs.
pub(super) struct Worker {
    runtime: Runtime,
    listener: TcpListener,
    answers: Arc<Answers>,
    limits: Limits,
}

impl Worker {
    /// Made on the server's thread: a runtime may not be dropped inside another, where the program may be.
    pub(super) fn new(listener: std::net::TcpListener, answers: Answers, limits: Limits) -> io::Result<Self> {
        let mut builder = Builder::new_current_thread();
        let runtime =
            builder.enable_io().enable_time().max_blocking_threads(1).thread_name(PAGE_THREAD).build()?;
        let inside = runtime.enter();
        let listener = TcpListener::from_std(listener)?;
        drop(inside);
        Ok(Worker { runtime, listener, answers: Arc::new(answers), limits })
    }

    /// Answers until it is told to stop, and by when to be done. Returns how many answers it cut off.
    pub(super) fn run(self, stopped: oneshot::Receiver<Instant>) -> usize {
        let Worker { runtime, listener, answers, limits } = self;
        let connections = Connections::new();
        let unfinished = runtime.block_on(async {
            let accepting = tokio::spawn(accept(listener, Arc::clone(&connections), answers, limits));
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
                if connections.drop_one() {
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
