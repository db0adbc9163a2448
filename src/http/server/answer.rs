//! What is answered to a request.

use std::sync::Arc;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::http::request;
use crate::http::respond::{self, respond};
use crate::http::server::connections::{Seat, Stage};
use crate::http::server::limits::Limits;
use crate::registry::Registry;

const INDEX: &str = include_str!("index.html");
const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// An answer, ready to be sent.
pub(super) type Answer = Response<Full<Bytes>>;

/// Answers requests from a registry.
#[derive(Debug)]
pub(super) struct Answers {
    registry: Registry,
    pages: Arc<Semaphore>,
    limits: Limits,
}

impl Answers {
    /// Answers from this registry.
    pub(super) fn new(registry: Registry, limits: Limits) -> Self {
        Answers { registry, pages: Arc::new(Semaphore::new(limits.pages)), limits }
    }

    /// Answers one request of a connection.
    pub(super) async fn answer(&self, request: Request<Incoming>, seat: &Seat) -> Answer {
        let (head, body) = request.into_parts();
        let refused = self.read_out(body).await.err();
        seat.enter(Stage::Answering);
        let answer = match refused {
            Some(refused) => refused,
            None => self.route(head, seat).await,
        };
        seat.enter(Stage::Writing);
        answer
    }

    /// Reads a body to its end, since a connection that closes on unread bytes can lose the answer.
    async fn read_out(&self, body: Incoming) -> Result<(), Answer> {
        let body = Limited::new(body, self.limits.body_bytes).collect();
        match timeout(self.limits.request, body).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(closing(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large, or broken\n")),
            Err(_) => Err(closing(StatusCode::REQUEST_TIMEOUT, "the body did not arrive\n")),
        }
    }

    async fn route(&self, head: Parts, seat: &Seat) -> Answer {
        let known = matches!(head.uri.path(), "/" | "/health" | "/metrics");
        if known && head.method != Method::GET && head.method != Method::HEAD {
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n");
            answer.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match head.uri.path() {
            "/metrics" => self.page(head, seat).await,
            "/health" => plain(StatusCode::OK, TEXT, "ok\n"),
            "/" => plain(StatusCode::OK, HTML, INDEX),
            _ => plain(StatusCode::NOT_FOUND, TEXT, "not found, expected /metrics, /health or /\n"),
        }
    }

    /// The page of metrics, written where it keeps nobody waiting but other pages.
    async fn page(&self, head: Parts, seat: &Seat) -> Answer {
        if self.pages.available_permits() == 0 {
            seat.drop_slowest_reader();
        }
        match timeout(self.limits.page, self.write_page(head)).await {
            Ok(Some(page)) => page,
            // The page panicked, or the server ends.
            Ok(None) => plain(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "the page could not be written\n"),
            Err(_) => {
                log::warn!("tagmeter: a page was not written within {:?}", self.limits.page);
                plain(
                    StatusCode::SERVICE_UNAVAILABLE,
                    TEXT,
                    "the page takes too long: is a collector stuck?\n",
                )
            }
        }
    }

    async fn write_page(&self, head: Parts) -> Option<Answer> {
        let permit = Arc::clone(&self.pages).acquire_owned().await.ok()?;
        let registry = self.registry.clone();
        let page = spawn_blocking(move || (written(&registry, &head), permit));
        let (response, permit) = page.await.ok()?;
        sendable(response, permit)
    }
}

fn written(registry: &Registry, head: &Parts) -> respond::Response {
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let request = request::Request::new(head.method.as_str(), target);
    let headers = head.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let request = headers.fold(request, |request, (name, value)| request.header(name, value));
    respond(registry, &request)
}

fn sendable(response: respond::Response, permit: OwnedSemaphorePermit) -> Option<Answer> {
    let page = Bytes::from_owner(Page { body: response.body, _permit: permit });
    let builder = Response::builder().status(response.status);
    let headers = response.headers.into_iter();
    headers.fold(builder, |builder, (name, value)| builder.header(name, value)).body(Full::new(page)).ok()
}

/// A page's bytes, which hold the page's permit until they have been sent.
struct Page {
    body: Vec<u8>,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Page {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

fn plain(status: StatusCode, content_type: &'static str, body: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    answer
}

/// An answer after which the connection ends.
fn closing(status: StatusCode, body: &'static str) -> Answer {
    let mut answer = plain(status, TEXT, body);
    answer.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    answer
}
