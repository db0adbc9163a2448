//! The way of points: made legal, cut into batches, sent, judged.

use std::time::Duration;

use super::answer::{Sent, judge};
use super::body;
use super::client::{Client, SendError};
use super::point::{DataPoint, TimeSeries};
use crate::report::allowance::deadline_in;
use crate::report::merged::Merged;
use crate::report::rules::Fit;
use crate::report::{Outcome, Point, PushError, Reading, RefusedPoint};
use crate::transport::{Answer, Coding, Request, TransportError, Tries};
#[cfg(feature = "query")]
use crate::transport::{Endpoint, InvalidUrl};

/// Name and keys made legal, tags merged.
impl Client {
    pub(super) fn points(&self, points: &[DataPoint]) -> Result<Vec<Point>, RefusedPoint> {
        let mut merged = Merged::default();
        let mut fit = self.fit(&mut merged);
        let fitted = |DataPoint { metric, tags, timestamp, value }: &DataPoint| {
            let (name, tags) = (fit.name(metric)?, fit.tags(metric, tags)?);
            Ok(Point { name, tags, timestamp: *timestamp, value: *value, reading: Reading::Level })
        };
        points.iter().map(fitted).collect()
    }

    pub(super) fn series_points(&self, all: &[TimeSeries]) -> Result<Vec<Point>, RefusedPoint> {
        let mut merged = Merged::default();
        let mut fit = self.fit(&mut merged);
        let mut points = Vec::with_capacity(all.iter().map(TimeSeries::len).sum());
        for TimeSeries { metric, tags, points: numbers } in all {
            let (name, tags) = (fit.name(metric)?, fit.tags(metric, tags)?);
            let point = |&(timestamp, value)| Point {
                name: name.clone(),
                tags: tags.clone(),
                timestamp,
                value,
                reading: Reading::Level,
            };
            points.extend(numbers.iter().map(point));
        }
        Ok(points)
    }

    fn fit<'a>(&'a self, merged: &'a mut Merged) -> Fit<'a> {
        let (layers, collisions) = (&self.0.layers, &self.0.collisions);
        Fit { sanitize: self.0.rules.sanitize, layers, collisions, merged }
    }
}

/// Points that are legal already.
impl Client {
    /// Sends all of them, batch by batch.
    pub(super) fn deliver(&self, points: &[Point]) -> Result<Outcome, SendError> {
        let (tries, mut tally) = (self.tries(), Tally::default());
        for batch in self.batches(points) {
            let pushed = self.request(batch, self.0.timeout).and_then(|(request, sent)| {
                self.read(self.0.transport.send_until(&request, tries.clone()), sent)
            });
            tally.note(pushed);
        }
        tally.into_result()
    }

    pub(super) async fn deliver_async(&self, points: &[Point]) -> Result<Outcome, SendError> {
        let (tries, mut tally) = (self.tries(), Tally::default());
        for batch in self.batches(points) {
            let pushed = match self.request(batch, self.0.timeout) {
                Ok((request, sent)) => {
                    self.read(self.0.transport.send_until_async(&request, tries.clone()).await, sent)
                }
                Err(error) => Err(error),
            };
            tally.note(pushed);
        }
        tally.into_result()
    }

    /// Sends one batch in one attempt, for a reporter, which tries again itself.
    pub(super) fn push(&self, points: &[Point], timeout: Duration) -> Result<Outcome, PushError> {
        if points.is_empty() {
            return Ok(Outcome::default());
        }
        let (request, sent) = self.request(points, timeout.min(self.0.timeout))?;
        self.read(self.0.transport.send(request), sent)
    }

    /// How often each request of a call that begins now is tried, and until when.
    pub(super) fn tries(&self) -> Tries {
        Tries::new(self.0.retries, deadline_in(self.0.deadline))
    }

    fn batches<'a>(&self, points: &'a [Point]) -> impl Iterator<Item = &'a [Point]> {
        points.chunks(self.0.rules.max_batch.max(1))
    }

    fn request(&self, points: &[Point], timeout: Duration) -> Result<(Request, Sent), PushError> {
        let body = self.0.transport.body(Coding::deflate(), |out| body::write(points, out));
        let body = body.map_err(|error| unreachable(points.len(), &error))?;
        let sent = Sent { points: points.len(), body_bytes: body.len() };
        let request =
            Request::post(&self.0.put, timeout).header("content-type", "application/json").body(body);
        Ok((self.authorized(request), sent))
    }

    fn authorized(&self, request: Request) -> Request {
        match &self.0.token {
            Some(token) => request.authorization(token),
            None => request,
        }
    }

    fn read(&self, answer: Result<Answer, TransportError>, sent: Sent) -> Result<Outcome, PushError> {
        let answer = answer.map_err(|error| unreachable(sent.points, &error))?;
        Ok(judge(&answer, sent)?)
    }
}

fn unreachable(points: usize, error: &TransportError) -> PushError {
    PushError::Unreachable { points, reason: error.to_string() }
}

/// What a query needs.
#[cfg(feature = "query")]
impl Client {
    /// Asks for a path below the endpoint.
    pub(crate) fn get(&self, path: &str) -> Result<Answer, TransportError> {
        self.0.transport.send_until(&self.get_request(path)?, self.tries())
    }

    /// As [`get`](Client::get), without holding up the thread.
    pub(crate) async fn get_async(&self, path: &str) -> Result<Answer, TransportError> {
        self.0.transport.send_until_async(&self.get_request(path)?, self.tries()).await
    }

    fn get_request(&self, path: &str) -> Result<Request, TransportError> {
        let unavailable = |error: InvalidUrl| TransportError::Unavailable { reason: error.to_string() };
        let endpoint = Endpoint::below(&self.0.endpoint, path).map_err(unavailable)?;
        Ok(self.authorized(Request::get(&endpoint, self.0.query_timeout)))
    }
}

/// What became of the batches of one call.
#[derive(Default)]
struct Tally {
    delivered: Outcome,
    failures: Vec<PushError>,
    batches: usize,
}

impl Tally {
    fn note(&mut self, pushed: Result<Outcome, PushError>) {
        self.batches += 1;
        match pushed {
            Ok(Outcome { status, successful, failed, errors }) => {
                self.delivered.status = status;
                self.delivered.successful += successful;
                self.delivered.failed += failed;
                self.delivered.errors.extend(errors);
            }
            Err(error) => self.failures.push(error),
        }
    }

    /// The only batch's failure is the call's.
    fn into_result(mut self) -> Result<Outcome, SendError> {
        match (self.batches, self.failures.pop()) {
            (_, None) => Ok(self.delivered),
            (1, Some(only)) => Err(SendError::Push(only)),
            (_, Some(last)) => {
                self.failures.push(last);
                Err(SendError::Batches { delivered: self.delivered, failures: self.failures })
            }
        }
    }
}
