//! What is answered to a request.

use std::error::Error;
use std::pin::pin;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::time::timeout;

use crate::http::flights::{Answer, Asked, Flights, PageNumber, Until};
use crate::http::server::connections::{Seat, Stage};
use crate::http::server::credentials::Credentials;
use crate::http::server::limits::Limits;
use crate::http::server::routes::{Route, Routes};
use crate::registry::View;

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
/// When to come back, for whoever could not be answered.
const RETRY_SECONDS: &str = "1";

/// Answers requests from a view.
#[derive(Debug)]
pub(super) struct Answers {
    flights: Flights,
    routes: Routes,
    credentials: Credentials,
    limits: Limits,
}

impl Answers {
    /// Answers from this view.
    pub(super) fn new(view: View, routes: Routes, credentials: Credentials, limits: Limits) -> Self {
        let flights = Flights::new(view, limits.pages, Until::Read);
        Answers { flights, routes, credentials, limits }
    }

    /// Answers one request of a connection.
    pub(super) async fn answer(&self, request: Request<Incoming>, seat: &Seat) -> Answer {
        seat.enter(Stage::Asking);
        let (head, body) = request.into_parts();
        let refused = self.read_out(body).await.err();
        seat.enter(Stage::Answering);
        let answer = match refused {
            Some(refused) => refused,
            None => self.route(Request::from_parts(head, ()), seat).await,
        };
        seat.enter(Stage::Writing(answer.extensions().get::<PageNumber>().copied()));
        answer
    }

    /// Reads a body to its end, since a connection that closes on unread bytes can lose the answer.
    async fn read_out(&self, body: Incoming) -> Result<(), Answer> {
        let mut body = Limited::new(body, self.limits.body_bytes);
        let read = async {
            while let Some(frame) = body.frame().await {
                frame?;
            }
            Ok::<_, Box<dyn Error + Send + Sync>>(())
        };
        match timeout(self.limits.request, read).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(closing(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large, or broken\n")),
            Err(_) => Err(closing(StatusCode::REQUEST_TIMEOUT, "the body did not arrive\n")),
        }
    }

    async fn route(&self, request: Request<()>, seat: &Seat) -> Answer {
        let route = self.routes.of(request.uri().path());
        if route != Route::Health && !self.credentials.permit(request.headers()) {
            return self.unauthorized();
        }
        if route != Route::Nowhere && request.method() != Method::GET && request.method() != Method::HEAD {
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n");
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match route {
            Route::Metrics => self.page(&request, seat).await,
            Route::Health => plain(StatusCode::OK, TEXT, "ok\n"),
            Route::Index => plain(StatusCode::OK, HTML, self.routes.index()),
            Route::Nowhere => plain(StatusCode::NOT_FOUND, TEXT, self.routes.not_found()),
        }
    }

    fn unauthorized(&self) -> Answer {
        let mut answer = plain(StatusCode::UNAUTHORIZED, TEXT, "unauthorized\n");
        let challenges = self.credentials.challenges().map(|value| (header::WWW_AUTHENTICATE, value));
        challenges.for_each(|(name, value)| _ = answer.headers_mut().append(name, value));
        answer
    }

    /// The page of metrics, written where it keeps nobody waiting but other pages.
    async fn page(&self, request: &Request<()>, seat: &Seat) -> Answer {
        if !seat.scrape() {
            return unavailable("too many scrapes at a time\n");
        }
        match timeout(self.limits.page, self.landed(request, seat)).await {
            Ok(Some(page)) => page,
            // The page panicked, or the server ends.
            Ok(None) => plain(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "the page could not be written\n"),
            Err(_) => {
                log::warn!("tagmeter: a page was not written within {:?}", self.limits.page);
                unavailable("the page takes too long: is a collector stuck?\n")
            }
        }
    }

    /// Waits for the page. While there is no memory for it, readers that are slow lose theirs.
    async fn landed(&self, request: &Request<()>, seat: &Seat) -> Option<Answer> {
        let mut answer = pin!(self.flights.answer(Asked::of(request)));
        loop {
            if self.flights.are_full() {
                seat.drop_slow_readers();
            }
            if let Ok(page) = timeout(self.limits.slow_reader, &mut answer).await {
                return page;
            }
        }
    }
}

/// An answer to come back for.
fn unavailable(body: &'static str) -> Answer {
    let mut answer = plain(StatusCode::SERVICE_UNAVAILABLE, TEXT, body);
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
    answer
}

fn plain(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// An answer after which the connection ends.
fn closing(status: StatusCode, body: &'static str) -> Answer {
    let mut answer = plain(status, TEXT, body);
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}
