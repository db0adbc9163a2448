//! A backend for tests, which answers as told and keeps what it took.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::rules::Rules;
use super::sink::{Outcome, Point, PushError, Rejection, Sink};

/// How the backend answers a push.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Answer {
    Takes,
    /// Takes all but the first point, and says so in a favourable answer.
    NamesOne,
    /// Takes all but the first point, and says so in a 400.
    RefusesOne,
    Unreachable,
    Status(u16),
    /// A 429 that asks for so many seconds.
    AsksForRest(u64),
    /// Takes that many points at most.
    TooLargeAbove(usize),
    Panics,
}

type Script = Box<dyn FnMut(&[Point]) -> Answer + Send>;

pub(super) struct Spy {
    script: Script,
    taken: Arc<Mutex<Vec<Point>>>,
    deadlines: Arc<Mutex<Vec<Instant>>>,
    rules: Rules,
}

impl Spy {
    pub(super) fn new(script: impl FnMut(&[Point]) -> Answer + Send + 'static) -> Self {
        Spy {
            script: Box::new(script),
            taken: Arc::default(),
            deadlines: Arc::default(),
            rules: Rules::default(),
        }
    }

    pub(super) fn with_rules(self, rules: Rules) -> Self {
        Spy { rules, ..self }
    }

    /// What it took so far, in order.
    pub(super) fn taken(&self) -> Arc<Mutex<Vec<Point>>> {
        self.taken.clone()
    }

    /// Until when it was to answer, each time.
    pub(super) fn deadlines(&self) -> Arc<Mutex<Vec<Instant>>> {
        self.deadlines.clone()
    }

    fn take(&self, points: &[Point]) -> usize {
        self.taken.lock().extend_from_slice(points);
        points.len()
    }
}

impl Sink for Spy {
    fn name(&self) -> &str {
        "spy"
    }

    fn rules(&self) -> Rules {
        self.rules.clone()
    }

    fn push(&mut self, batch: &[Point], deadline: Instant) -> Result<Outcome, PushError> {
        self.deadlines.lock().push(deadline);
        let points = batch.len();
        match (self.script)(batch) {
            Answer::TooLargeAbove(most) if points > most => {
                Err(PushError::TooLarge { points, bytes: points, most })
            }
            Answer::Takes | Answer::TooLargeAbove(_) => Ok(Outcome::all(self.take(batch))),
            Answer::NamesOne => {
                let successful = self.take(&batch[1..]);
                Ok(Outcome { successful, failed: 1, ..Outcome::default() })
            }
            Answer::RefusesOne => {
                let successful = self.take(&batch[1..]);
                Err(Rejection { successful, failed: 1, ..rejection(400, points) }.into())
            }
            Answer::Unreachable => Err(PushError::Unreachable { points, reason: "down".into() }),
            Answer::Status(status) => Err(rejection(status, points).into()),
            Answer::AsksForRest(seconds) => {
                let retry_after = Some(Duration::from_secs(seconds));
                Err(Rejection { retry_after, ..rejection(429, points) }.into())
            }
            Answer::Panics => panic!("a bug in a sink"),
        }
    }
}

fn rejection(status: u16, failed: usize) -> Rejection {
    let (errors, reason) = (Vec::new(), status.to_string());
    Rejection { status, successful: 0, failed, errors, reason, retry_after: None }
}
