//! A transport for tests: keeps requests, answers as told.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::{Answer, Request, TransportError};

/// A spy: keeps every request and answers what it was told to, in turn, then `204`. Clones share both.
///
/// ```
/// use tagmeter::apptuit::{Client, DataPoint};
/// use tagmeter::transport::{Memory, Transport};
///
/// let spy = Memory::new();
/// spy.answer(401, "");
/// let client = Client::builder().token("t").ignore_environment().transport(Transport::Memory(spy.clone())).build()?;
///
/// let point = DataPoint::new("queue_depth", [("host", "a")], 1_600_000_000, 17)?;
/// assert!(client.send(&[point]).is_err());
/// assert_eq!(spy.requests().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Tape>>);

#[derive(Debug, Default)]
struct Tape {
    requests: Vec<Request>,
    waits: Vec<Duration>,
    answers: VecDeque<Result<Answer, TransportError>>,
}

impl Memory {
    /// A spy that has seen nothing.
    ///
    /// ```
    /// assert!(tagmeter::transport::Memory::new().requests().is_empty());
    /// ```
    pub fn new() -> Self {
        Memory::default()
    }

    /// Answers a request to come with this status and body; several are used in turn.
    ///
    /// ```
    /// # use tagmeter::apptuit::{Client, DataPoint};
    /// # use tagmeter::transport::{Memory, Transport, TransportError};
    /// # let spy = Memory::new();
    /// # let network = Transport::Memory(spy.clone());
    /// # let client = Client::builder().token("very secret").ignore_environment().transport(network).build()?;
    /// # let point = DataPoint::new("queue.depth", [("host", "a")], 1_600_000_000, 7)?;
    /// spy.answer(200, r#"{"failed": 1}"#);
    /// assert_eq!(client.send(&[point])?.failed, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn answer(&self, status: u16, body: impl Into<Vec<u8>>) {
        self.0.lock().answers.push_back(Ok(Answer::new(status, body)));
    }

    /// Fails a request to come.
    ///
    /// ```
    /// # use tagmeter::apptuit::{Client, DataPoint};
    /// # use tagmeter::transport::{Memory, Transport, TransportError};
    /// # let spy = Memory::new();
    /// # let network = Transport::Memory(spy.clone());
    /// # let client = Client::builder().token("very secret").ignore_environment().transport(network).build()?;
    /// # let point = DataPoint::new("queue.depth", [("host", "a")], 1_600_000_000, 7)?;
    /// spy.fail(TransportError::Unavailable { reason: "rehearsal".into() });
    /// assert!(client.send(&[point]).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fail(&self, error: TransportError) {
        self.0.lock().answers.push_back(Err(error));
    }

    /// The requests so far.
    ///
    /// ```
    /// # use tagmeter::apptuit::{Client, DataPoint};
    /// # use tagmeter::transport::{Memory, Transport, TransportError};
    /// # let spy = Memory::new();
    /// # let network = Transport::Memory(spy.clone());
    /// # let client = Client::builder().token("very secret").ignore_environment().transport(network).build()?;
    /// # let point = DataPoint::new("queue.depth", [("host", "a")], 1_600_000_000, 7)?;
    /// client.send(&[point])?;
    /// assert_eq!(spy.requests()[0].url(), "https://api.apptuit.ai/api/put?details");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn requests(&self) -> Vec<Request> {
        self.0.lock().requests.clone()
    }

    /// The waits between attempts so far. Nobody waited: tests do not sleep.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tagmeter::apptuit::{Client, DataPoint};
    /// # use tagmeter::transport::{Memory, Transport};
    /// # let spy = Memory::new();
    /// # let network = Transport::Memory(spy.clone());
    /// # let builder = Client::builder().token("very secret").ignore_environment();
    /// # let point = DataPoint::new("queue.depth", [("host", "a")], 1_600_000_000, 7)?;
    /// let client = builder.transport(network).retry(1).build()?;
    /// spy.answer(503, "");
    /// client.send(&[point])?;
    /// assert!(spy.waits()[0] < Duration::from_secs(4));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn waits(&self) -> Vec<Duration> {
        self.0.lock().waits.clone()
    }

    pub(super) fn note_wait(&self, wait: Duration) {
        self.0.lock().waits.push(wait);
    }

    pub(super) fn take(&self, request: Request) -> Result<Answer, TransportError> {
        let mut tape = self.0.lock();
        let mut answer = tape.answers.pop_front().unwrap_or_else(|| Ok(Answer::new(204, "")));
        answer.iter_mut().for_each(|answer| answer.note_secrets_of(request.authorization.as_ref()));
        tape.requests.push(request);
        answer
    }
}
