//! A client's socket, whose patience ends.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use crate::http::server::connections::Seat;
use crate::http::server::limits::{Limits, STEP};

/// Bytes that are thrown away at a time while lingering.
const SCRAP: usize = 4096;

/// A client's socket.
///
/// Clients that do not take an answer lose the connection. At the end it lingers: a socket that closes while there are
/// unread bytes resets the connection, and the client may lose the answer that told it why.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TokioIo<TcpStream>,
    seat: Arc<Seat>,
    limits: Limits,
    /// Set while an answer is on its way and the client did not take all of it at once.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Bytes taken since the seat was last told.
    taken: usize,
    /// Set while we wait for the client to close.
    lingering: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    /// Of this connection.
    pub(super) fn new(stream: TcpStream, seat: Arc<Seat>, limits: Limits) -> Self {
        Socket { stream: TokioIo::new(stream), seat, limits, stalled: None, taken: 0, lingering: None }
    }

    /// Tells the seat of what was written; fails what is pending once the client had its time to read the answer.
    fn patient(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Pending => {
                ready!(elapsed(&mut self.stalled, self.limits.read_answer, cx));
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            Poll::Ready(Ok(bytes)) => self.taken += bytes,
            Poll::Ready(Err(_)) => (),
        }
        if self.taken >= STEP {
            self.taken = 0;
            self.seat.progressed();
        }
        written
    }

    /// Throws away what the client still sends, until it closes.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Asked first: a client that never stops sending leaves us no other moment.
        if elapsed(&mut self.lingering, self.limits.linger, cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        loop {
            let mut scrap = [0; SCRAP];
            let mut buffer = ReadBuf::new(&mut scrap);
            ready!(Pin::new(&mut self.stream).poll_read(cx, buffer.unfilled()))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// Ready once the time is up, which starts with the first call.
fn elapsed(timer: &mut Option<Pin<Box<Sleep>>>, limit: Duration, cx: &mut Context<'_>) -> Poll<()> {
    timer.get_or_insert_with(|| Box::pin(sleep(limit))).as_mut().poll(cx)
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.patient(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.patient(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes when it has nothing left to write: the answer has been handed over.
        self.stalled = None;
        self.seat.written();
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        }
        self.poll_linger(cx)
    }
}
