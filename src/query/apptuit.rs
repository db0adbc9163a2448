//! Apptuit's query service.

use std::fmt::Write as _;

use super::answer;
use super::result::QueryResult;
use super::span::Span;
use crate::report::apptuit::Client;
use crate::transport::{Answer, TransportError};

/// Where queries are put, below the endpoint.
const QUERY_PATH: &str = "/api/query";

/// Why a query has no result.
///
/// ```
/// use tagmeter::query::QueryError;
///
/// let error = QueryError::Refused { status: 400, reason: "no such function".into() };
/// assert_eq!(error.to_string(), "the query was refused with status 400: no such function");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// Nobody answered.
    #[error("the query was not answered: {reason}")]
    Unreachable {
        /// What went wrong.
        reason: String,
    },
    /// The answer is not a 2xx.
    #[error("the query was refused with status {status}: {reason}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What the answer says, or its beginning.
        reason: String,
    },
    /// The answer cannot be read. One of more than 16 MiB is cut and so cannot.
    #[error("the answer to the query cannot be read: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
}

impl Client {
    /// Asks for what a query finds in a span of time, both ends included.
    ///
    /// The client's [`retry`](crate::apptuit::ClientBuilder::retry) applies. Tags, limits and steps are said in the
    /// query's text.
    ///
    /// # Errors
    ///
    /// Nobody answered, the answer is not a 2xx, or it is not the answer of a query.
    ///
    /// ```
    /// use tagmeter::apptuit::Client;
    /// # use tagmeter::transport::{Memory, Transport};
    /// # let spy = Memory::new();
    /// # let network = Transport::Memory(spy.clone());
    /// # spy.answer(200, r#"{"outputs":[{"id":"cpu","result":[{"metric":"cpu","tags":{"host":"a"},"dps":[[10,1.5]]}]}]}"#);
    ///
    /// let client = Client::builder().token("very secret").ignore_environment().transport(network).build()?;
    /// let answer = client.query("cpu = fetch('cpu'); output(cpu)", 10..=20)?;
    /// let cpu = answer.named("cpu").ok_or("no output cpu")?;
    /// assert_eq!(cpu.series()[0].to_string(), "cpu{host:a}");
    /// assert_eq!(cpu.series()[0].points(), [(10.into(), 1.5)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn query(&self, text: &str, span: impl Into<Span>) -> Result<QueryResult, QueryError> {
        let span = span.into();
        Client::read_query(self.get(&path(text, span)), span)
    }

    /// As [`query`](Client::query), without holding up the thread. Needs no particular runtime; dropping the future gives
    /// the request up.
    ///
    /// # Errors
    ///
    /// As [`query`](Client::query).
    pub async fn query_async(&self, text: &str, span: impl Into<Span>) -> Result<QueryResult, QueryError> {
        let span = span.into();
        Client::read_query(self.get_async(&path(text, span)).await, span)
    }

    fn read_query(answer: Result<Answer, TransportError>, span: Span) -> Result<QueryResult, QueryError> {
        let answer = answer.map_err(|error| QueryError::Unreachable { reason: error.to_string() })?;
        match answer.status {
            200..=299 => answer::read(&answer.body, span)
                .map_err(|reason| QueryError::Malformed { reason: answer.redact(reason) }),
            status => Err(QueryError::Refused { status, reason: answer.excerpt() }),
        }
    }
}

fn path(text: &str, Span { start, end }: Span) -> String {
    let mut path = format!("{QUERY_PATH}?start={start}");
    if let Some(end) = end {
        let _ = write!(path, "&end={end}");
    }
    path + "&q=" + &escaped(text)
}

/// Everything but the unreserved characters of RFC 3986, section 2.3, as bytes of UTF-8 in hexadecimal.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => escaped.push(byte.into()),
            _ => drop(write!(escaped, "%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_stands_in_the_address() {
        assert_eq!(path("a b", (1000..).into()), "/api/query?start=1000&q=a%20b");
        assert_eq!(path("~-_.é", (0..=5).into()), "/api/query?start=0&end=5&q=~-_.%C3%A9");
        assert_eq!(path("q", (1.5..).into()), "/api/query?start=1.5&q=q");
    }
}
