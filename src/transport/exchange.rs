//! One request and its answer, on the thread that makes requests.

use std::error::Error;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use tokio::time::{Instant, timeout};

use super::ask::Asked;
use super::clients::Clients;
use super::http::{Credentials, Http};
use super::request::Method;
use super::worker::unavailable;
use super::{Answer, Authorization, Request, TransportError, retry_after};

/// More of an answer's body is not read: enough for some 300 bytes on each point of the largest batch, 50 000.
const MAX_ANSWER_BYTES: usize = 16 << 20;
/// The longest that a request without a limit can take: a hundred years.
const NEVER: Duration = Duration::from_secs(100 * 365 * 86_400);
/// What a server answers that does not know who asks.
const UNAUTHORIZED: u16 = 401;

/// Makes a request, and once more where it was refused for credentials that the program then gives anew.
pub(super) async fn exchange(
    clients: Clients,
    http: Http,
    request: Request,
) -> Result<Answer, TransportError> {
    let now = Instant::now();
    let until = now.checked_add(request.timeout).unwrap_or_else(|| now + NEVER);
    let exchange = Exchange { clients, http, until, request };
    let asked = exchange.authorization(Asked::BeforeRequest).await?;
    let answer = exchange.send(asked.as_ref()).await?;
    let is_asked = matches!(exchange.http.0.credentials, Some(Credentials::Asked(_)));
    if answer.status != UNAUTHORIZED || !is_asked {
        return Ok(answer);
    }
    match exchange.authorization(Asked::AfterRefusal).await {
        Ok(other) if other != asked => exchange.send(other.as_ref()).await,
        // The server's word says more than that there is nothing else to tell it.
        _ => Ok(answer),
    }
}

struct Exchange {
    clients: Clients,
    http: Http,
    until: Instant,
    request: Request,
}

impl Exchange {
    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Who this request is from.
    async fn authorization(&self, asked: Asked) -> Result<Option<Authorization>, TransportError> {
        match &self.http.0.credentials {
            None => Ok(self.request.authorization.clone()),
            Some(Credentials::Fixed(authorization)) => Ok(Some(authorization.clone())),
            Some(Credentials::Asked(ask)) => match timeout(self.left(), ask.ask(asked)).await {
                Ok(given) => given.map(Some),
                Err(_) => Err(TransportError::NoCredentials {
                    reason: format!("none within {:?}", self.request.timeout),
                }),
            },
        }
    }

    async fn send(&self, authorization: Option<&Authorization>) -> Result<Answer, TransportError> {
        let Request { method, endpoint, body, .. } = &self.request;
        let client = self.clients.client(&self.http.0.route, endpoint.is_https())?;
        let method = match method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
        };
        let sending = client
            .request(method, endpoint.0.clone())
            .headers(self.headers(authorization)?)
            .body(body.bytes.clone())
            .timeout(self.left())
            .send();
        let response = sending.await.map_err(|error| self.failed(error))?;
        let mut answer = read(response).await;
        answer.note_secrets(&self.http.0.secrets);
        answer.note_secrets_of(authorization);
        Ok(answer)
    }

    fn headers(&self, authorization: Option<&Authorization>) -> Result<HeaderMap, TransportError> {
        let mut map = HeaderMap::new();
        for (name, value) in self.request.all_headers() {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(unavailable)?;
            map.insert(name, sensitive(value)?);
        }
        // `extend` would do, but for headers of several values.
        self.http.0.headers.iter().for_each(|(name, value)| drop(map.insert(name, value.clone())));
        if let Some(authorization) = authorization {
            map.insert(AUTHORIZATION, sensitive(authorization.header_value())?);
        }
        Ok(map)
    }

    fn failed(&self, error: reqwest::Error) -> TransportError {
        // The address may have a token in it.
        let error = error.without_url();
        let (host, reason) = (self.request.endpoint.host(), innermost(&error));
        // Connecting has a time limit of its own, so this comes first.
        if error.is_connect() {
            TransportError::Connect { host, reason }
        } else if error.is_timeout() {
            TransportError::Timeout { host, after: self.request.timeout }
        } else {
            TransportError::Broken { host, reason }
        }
    }
}

fn sensitive(value: &[u8]) -> Result<HeaderValue, TransportError> {
    let mut value = HeaderValue::from_bytes(value).map_err(unavailable)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Reads an answer. Its status decides; a body that breaks off is used as far as it came.
async fn read(mut response: reqwest::Response) -> Answer {
    let mut answer = Answer::new(response.status().as_u16(), Vec::new());
    answer.retry_after = retry_after::read(response.headers());
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = MAX_ANSWER_BYTES - answer.body.len();
        answer.body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if answer.body.len() == MAX_ANSWER_BYTES {
            break;
        }
    }
    answer
}

/// The text of the cause at the bottom: `Connection refused`, not the three layers that pass it on.
pub(super) fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
