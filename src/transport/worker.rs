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
use std::sync::Arc;
use std::sync::mpsc as thread_channel;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use once_cell::sync::OnceCell;
use parking_lot::Mutex;
use reqwest::header::{HeaderMap, HeaderValue};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::sync::{mpsc, oneshot};

use super::request::Method;
use super::{Answer, Request, TransportError};

/// `User-Agent` of every request.
const USER_AGENT: &str = concat!("tagmeter/", env!("CARGO_PKG_VERSION"));
/// More of an answer's body is not read: enough for some 300 bytes on each point of the largest batch, 50 000.
const MAX_ANSWER_BYTES: usize = 16 << 20;
/// A connection that takes longer will not come.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How much longer than the request's own time a caller waits for the thread, which enforces that time.
const PATIENCE: Duration = Duration::from_secs(1);

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
pub(super) fn send(request: Request) -> Reply {
    let (patience, host, after) = (request.timeout.saturating_add(PATIENCE), request.host(), request.timeout);
    let (reply, answer) = thread_channel::channel();
    Worker::get()?.take(Job::Request(request, ReplyTo::Thread(reply)))?;
    match answer.recv_timeout(patience) {
        Ok(reply) => reply,
        Err(thread_channel::RecvTimeoutError::Timeout) => Err(TransportError::Timeout { host, after }),
        Err(thread_channel::RecvTimeoutError::Disconnected) => Err(ended()),
    }
}

/// Sends a request; dropping the future gives it up.
pub(super) async fn send_async(request: Request) -> Reply {
    let (reply, answer) = oneshot::channel();
    Worker::get()?.take(Job::Request(request, ReplyTo::Task(reply)))?;
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
    Request(Request, ReplyTo),
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
        let mut worker = WORKER.lock();
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
            match runtime_and_clients() {
                Ok((runtime, clients)) => {
                    let _ = ready.send(Ok(()));
                    runtime.block_on(work(inbox, clients));
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

fn runtime_and_clients() -> Result<(tokio::runtime::Runtime, Clients), TransportError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(unavailable)?;
    Ok((runtime, Clients::new()?))
}

async fn work(mut inbox: mpsc::UnboundedReceiver<Job>, clients: Clients) {
    while let Some(job) = inbox.recv().await {
        match job {
            Job::Request(request, reply_to) => drop(tokio::spawn(answer(clients.clone(), request, reply_to))),
            Job::Wait(wait, over) => drop(tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                let _ = over.send(());
            })),
        }
    }
}

async fn answer(clients: Clients, request: Request, mut reply_to: ReplyTo) {
    let mut answer = pin!(clients.answer(request));
    let reply = poll_fn(|context| match reply_to.poll_given_up(context) {
        Poll::Ready(()) => Poll::Ready(None),
        Poll::Pending => answer.as_mut().poll(context).map(Some),
    });
    if let Some(reply) = reply.await {
        reply_to.reply(reply);
    }
}

/// One client for `http`, and one for `https` that is made when it is first needed: reading the system's certificates
/// takes milliseconds, and their absence is nothing to a program that talks to its own network.
#[derive(Clone)]
struct Clients {
    plain: reqwest::Client,
    secure: Arc<OnceCell<reqwest::Client>>,
}

impl Clients {
    fn new() -> Result<Self, TransportError> {
        let no_roots = tls_builder()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        Ok(Clients { plain: client(no_roots)?, secure: Arc::default() })
    }

    fn secure(&self) -> Result<&reqwest::Client, TransportError> {
        self.secure.get_or_try_init(|| {
            client(tls_builder()?.with_platform_verifier().map_err(unavailable)?.with_no_client_auth())
        })
    }

    async fn answer(&self, request: Request) -> Reply {
        let client = if request.url.scheme() == "https" { self.secure()? } else { &self.plain };
        let (host, timeout) = (request.host(), request.timeout);
        let failed = |error| transport_error(host, timeout, error);
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
        };
        let sending = client
            .request(method, request.url)
            .headers(header_map(request.headers)?)
            .body(request.body)
            .timeout(timeout)
            .send();
        match sending.await {
            Ok(response) => Ok(read(response).await),
            Err(error) => Err(failed(error)),
        }
    }
}

fn tls_builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, TransportError> {
    let provider = Arc::new(ring::default_provider());
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(unavailable)
}

/// One attempt, no redirect (it would turn the POST into a GET or carry the token elsewhere), no netrc (the library
/// knows none). Proxies named in the environment apply.
fn client(tls: ClientConfig) -> Result<reqwest::Client, TransportError> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .build()
        .map_err(unavailable)
}

fn header_map(headers: Vec<(&'static str, Vec<u8>)>) -> Result<HeaderMap, TransportError> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let mut value = HeaderValue::from_bytes(&value).map_err(unavailable)?;
        value.set_sensitive(true);
        map.insert(name, value);
    }
    Ok(map)
}

/// Reads an answer. Its status decides; a body that breaks off is used as far as it came.
async fn read(mut response: reqwest::Response) -> Answer {
    let mut answer = Answer::new(response.status().as_u16(), Vec::new());
    answer.retry_after = response.headers().get("retry-after").and_then(seconds);
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = MAX_ANSWER_BYTES - answer.body.len();
        answer.body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if answer.body.len() == MAX_ANSWER_BYTES {
            break;
        }
    }
    answer
}

fn seconds(header: &HeaderValue) -> Option<Duration> {
    header.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

fn transport_error(host: String, after: Duration, error: reqwest::Error) -> TransportError {
    let reason = innermost(&error);
    // Connecting has a time limit of its own, so this comes first.
    if error.is_connect() {
        TransportError::Connect { host, reason }
    } else if error.is_timeout() {
        TransportError::Timeout { host, after }
    } else {
        TransportError::Broken { host, reason }
    }
}

/// The text of the cause at the bottom: `Connection refused`, not the three layers that pass it on.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

fn unavailable(error: impl Error) -> TransportError {
    TransportError::Unavailable { reason: innermost(&error) }
}

fn ended() -> TransportError {
    TransportError::Unavailable { reason: "the thread that makes requests has ended".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    #[test]
    fn a_wait_needs_no_runtime_of_the_caller() {
        let mut wait = pin!(wait_async(Duration::ZERO));
        let mut context = Context::from_waker(Waker::noop());
        while wait.as_mut().poll(&mut context).is_pending() {
            thread::yield_now();
        }
    }
}
