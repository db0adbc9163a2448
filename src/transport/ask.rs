//! Credentials from a function of the program.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::worker::LOCK_PATIENCE;
use super::{Authorization, TransportError};

/// What tools show the thread as that runs such a function.
const THREAD_NAME: &str = "tagmeter-auth";

/// Why credentials are asked for, for the function of [`HttpBuilder::authorize_with`](super::HttpBuilder::authorize_with).
///
/// ```
/// use tagmeter::transport::{Asked, Authorization, Http};
///
/// # fn token(_: bool) -> Result<String, std::io::Error> { Ok("t".into()) }
/// let http = Http::builder().authorize_with(|asked| {
///     let fetch_anew = asked == Asked::AfterRefusal;
///     Ok(Authorization::bearer(token(fetch_anew)?)?)
/// });
/// assert!(http.build().is_ok());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Asked {
    /// A request is about to be made. What is kept from the last time will do, if it has not run out.
    BeforeRequest,
    /// The server answered 401 to what was just given. Other credentials are tried at once, the same ones are not.
    AfterRefusal,
}

/// What such a function gives.
pub(super) type Given = Result<Authorization, Box<dyn Error + Send + Sync>>;

type Function = dyn Fn(Asked) -> Given + Send + Sync;

/// The function, which may be slow, may never return, and may panic. It runs on a thread of its own, one call at a
/// time, so that neither other requests nor memory suffer from it.
#[derive(Clone)]
pub(super) struct Ask {
    function: Arc<Function>,
    turn: Arc<Mutex<Turn>>,
}

/// Whose turn it is, in this process: the thread that had it in a parent is not here to give it back.
struct Turn {
    one: Arc<Semaphore>,
    process: u32,
}

impl Turn {
    fn new() -> Self {
        Turn { one: Arc::new(Semaphore::new(1)), process: process::id() }
    }
}

impl Ask {
    pub(super) fn new(function: impl Fn(Asked) -> Given + Send + Sync + 'static) -> Self {
        Ask { function: Arc::new(function), turn: Arc::new(Mutex::new(Turn::new())) }
    }

    /// Asks; waits as long as the function takes, and for calls before. Give it up whenever you like.
    pub(super) async fn ask(&self, asked: Asked) -> Result<Authorization, TransportError> {
        let failed = |reason: String| TransportError::NoCredentials { reason };
        let held = || failed("who asked for them was not forked with this process".to_owned());
        let one = self.turns().ok_or_else(held)?;
        let turn = one.acquire_owned().await.map_err(|error| failed(error.to_string()))?;
        let (reply, answer) = oneshot::channel();
        let function = Arc::clone(&self.function);
        thread::Builder::new()
            .name(THREAD_NAME.to_owned())
            .spawn(move || drop(reply.send(call(&*function, asked, turn))))
            .map_err(|error| failed(error.to_string()))?;
        answer.await.unwrap_or_else(|_| Err(failed("its thread has ended".to_owned())))
    }

    fn turns(&self) -> Option<Arc<Semaphore>> {
        let mut turn = self.turn.try_lock_for(LOCK_PATIENCE)?;
        if turn.process != process::id() {
            *turn = Turn::new();
        }
        Some(Arc::clone(&turn.one))
    }
}

/// The turn is over when the function has returned, not when nobody waits for it any more.
fn call(
    function: &Function,
    asked: Asked,
    _turn: OwnedSemaphorePermit,
) -> Result<Authorization, TransportError> {
    match catch_unwind(AssertUnwindSafe(|| function(asked))) {
        Ok(Ok(authorization)) => Ok(authorization),
        Ok(Err(error)) => Err(TransportError::NoCredentials { reason: error.to_string() }),
        // What a panic says is left out: it may be the credentials.
        Err(_) => Err(TransportError::NoCredentials { reason: "the function panicked".to_owned() }),
    }
}
