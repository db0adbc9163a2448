//! HTTP requests, all made by one thread of ours.
//!
//! The thread runs a current-thread runtime with an asynchronous client. Callers hand it a request and wait on a
//! channel, so it makes no difference whether they are inside a runtime, in a destructor or in a plain thread.
//! A blocking client, or `block_on` in the caller's thread, would panic inside the caller's runtime.

use std::cell::Cell;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::pin;
use std::process;
use std::sync::mpsc as thread_channel;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::clients::Clients;
use super::exchange::{exchange, innermost};
use super::{Answer, Http, Request, TransportError};

/// How much longer than the request's own time a caller waits for the thread, which enforces that time.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a lock is waited for, which is held for some instructions, or until a thread has begun: in a forked child who held
/// it is gone.
pub(super) const LOCK_PATIENCE: Duration = Duration::from_millis(500);

/// What tools show the thread as.
const THREAD_NAME: &str = "tagmeter-http";

/// The thread, started by the first request; tried again by the next one if it cannot be, and anew in a forked child,
/// which has no thread but its own.
static WORKER: Mutex<Option<Worker>> = Mutex::new(None);

thread_local! {
    /// Whether this is the thread.
    static IS_WORKER: Cell<bool> = const { Cell::new(false) };
}

type Reply = Result<Answer, TransportError>;

/// Sends a request and waits for the answer. Call it from anywhere.
pub(super) fn send(http: &Http, request: Request) -> Reply {
    let (patience, host, after) =
        (request.timeout.saturating_add(PATIENCE), request.endpoint.host(), request.timeout);
    let (reply, answer) = thread_channel::channel();
    Worker::get()?.take(Job::Request(http.clone(), Box::new(request), ReplyTo::Thread(reply)))?;
    match answer.recv_timeout(patience) {
        Ok(reply) => reply,
        Err(thread_channel::RecvTimeoutError::Timeout) => Err(TransportError::Timeout { host, after }),
        Err(thread_channel::RecvTimeoutError::Disconnected) => Err(ended()),
    }
}

/// Sends a request; dropping the future gives it up.
pub(super) async fn send_async(http: &Http, request: Request) -> Reply {
    let (reply, answer) = oneshot::channel();
    Worker::get()?.take(Job::Request(http.clone(), Box::new(request), ReplyTo::Task(reply)))?;
    answer.await.unwrap_or_else(|_| Err(ended()))
}

/// Lets a time pass on the thread's clock: a caller's runtime may have none. At once if there is no thread.
pub(super) async fn wait_async(wait: Duration) {
    let (over, waiting) = oneshot::channel();
    if Worker::get().and_then(|worker| worker.take(Job::Wait(wait, over))).is_ok() {
        let _ = waiting.await;
    }
}

#[derive(Clone)]
struct Worker {
    jobs: mpsc::UnboundedSender<Job>,
    process: u32,
}

enum Job {
    Request(Http, Box<Request>, ReplyTo),
    Wait(Duration, oneshot::Sender<()>),
}

/// Who waits. A waiting thread gets a channel of the standard library: those of tokio refuse to block inside a runtime,
/// and polling one by hand there can starve when the task's budget is used up.
enum ReplyTo {
    Thread(thread_channel::Sender<Reply>),
    Task(oneshot::Sender<Reply>),
}

impl Worker {
    fn get() -> Result<Worker, TransportError> {
        // A logger that sends what the HTTP library logs would have the thread wait for itself.
        if IS_WORKER.get() {
            let reason = "the thread that makes requests cannot wait for one".to_owned();
            return Err(TransportError::Unavailable { reason });
        }
        Worker::get_from(&WORKER)
    }

    fn get_from(place: &Mutex<Option<Worker>>) -> Result<Worker, TransportError> {
        let mut worker = place.try_lock_for(LOCK_PATIENCE).ok_or_else(held)?;
        match &*worker {
            Some(worker) if worker.process == process::id() => Ok(worker.clone()),
            _ => {
                // What is left of the parent's is not touched: its threads may have held any of it when this process
                // came to be.
                mem::forget(worker.take());
                Ok(worker.insert(Worker::start()?).clone())
            }
        }
    }

    /// The runtime is made inside the thread, because dropping one on failure would panic in the caller's runtime.
    fn start() -> Result<Worker, TransportError> {
        let (jobs, inbox) = mpsc::unbounded_channel();
        let (ready, started) = thread_channel::channel();
        let run = move || {
            IS_WORKER.set(true);
            match runtime() {
                Ok(runtime) => {
                    let _ = ready.send(Ok(()));
                    runtime.block_on(work(inbox));
                }
                Err(error) => drop(ready.send(Err(error))),
            }
        };
        thread::Builder::new().name(THREAD_NAME.to_owned()).spawn(run).map_err(unavailable)?;
        started.recv().map_err(|_| ended())??;
        Ok(Worker { jobs, process: process::id() })
    }

    fn take(&self, job: Job) -> Result<(), TransportError> {
        self.jobs.send(job).map_err(|_| ended())
    }
}

impl ReplyTo {
    fn reply(self, reply: Reply) {
        // Nobody may be waiting any more.
        match self {
            ReplyTo::Thread(waiting) => drop(waiting.send(reply)),
            ReplyTo::Task(waiting) => drop(waiting.send(reply)),
        }
    }

    /// Ready when nobody waits any more. A thread waits until its time is up, as long as the request may take.
    fn poll_given_up(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match self {
            ReplyTo::Thread(_) => Poll::Pending,
            ReplyTo::Task(waiting) => waiting.poll_closed(context),
        }
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, TransportError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(unavailable)
}

async fn work(mut inbox: mpsc::UnboundedReceiver<Job>) {
    let clients = Clients::default();
    while let Some(job) = inbox.recv().await {
        match job {
            Job::Request(http, request, reply_to) => {
                drop(tokio::spawn(answer(clients.clone(), http, *request, reply_to)));
            }
            Job::Wait(wait, over) => drop(tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                let _ = over.send(());
            })),
        }
    }
}

async fn answer(clients: Clients, http: Http, request: Request, mut reply_to: ReplyTo) {
    let mut answer = pin!(exchange(clients, http, request));
    let reply = poll_fn(|context| match reply_to.poll_given_up(context) {
        Poll::Ready(()) => Poll::Ready(None),
        Poll::Pending => answer.as_mut().poll(context).map(Some),
    });
    if let Some(reply) = reply.await {
        reply_to.reply(reply);
    }
}

pub(super) fn unavailable(error: impl Error) -> TransportError {
    TransportError::Unavailable { reason: innermost(&error) }
}

fn held() -> TransportError {
    let reason = "who asked for the thread that makes requests was not forked with this process".to_owned();
    TransportError::Unavailable { reason }
}

fn ended() -> TransportError {
    TransportError::Unavailable { reason: "the thread that makes requests has ended".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    #[test]
    fn a_lock_that_nobody_gives_back_holds_up_nobody() {
        let place = Mutex::new(None);
        let _held = place.lock();
        assert!(matches!(Worker::get_from(&place), Err(TransportError::Unavailable { .. })));
    }

    #[test]
    fn a_wait_needs_no_runtime_of_the_caller() {
        let mut wait = pin!(wait_async(Duration::ZERO));
        let mut context = Context::from_waker(Waker::noop());
        while wait.as_mut().poll(&mut context).is_pending() {
            thread::yield_now();
        }
    }
}
