//! The metrics page as a tower service.
//!
//! [`Metrics`] answers what [`respond`](crate::http::respond) does, for hyper, tonic, warp and whatever else takes a
//! [`Service`]. axum has a function of its own, in `http::axum`.
//!
//! Pages are written where tokio runs what may block, since a large one, or a function of yours, takes its time; outside
//! tokio they are written in place. A page is written once for all who ask for the same before it is begun. There is no
//! timeout: put one around it where a collector may be stuck.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower_service::Service;

use crate::http::flights::{Asked, Flights, Until};
use crate::registry::View;

/// Pages that are written at a time: one is a processor's work and, while it is written, its memory.
const PAGES: usize = 4;

/// The metrics page as a service: any path, `GET` and `HEAD`.
///
/// ```
/// use tagmeter::{Registry, http::tower::Metrics};
/// use tower_service::Service;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let registry = Registry::new();
/// let mut metrics = Metrics::new(&registry);
/// let request = http::Request::builder().uri("/metrics").body(())?;
/// let response = metrics.call(request).await?;
/// assert_eq!(response.status(), 200);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Metrics {
    flights: Arc<Flights>,
}

impl Metrics {
    /// The page of this registry, or of a [`View`]. Clones share the pages that are being written.
    ///
    /// ```
    /// let metrics = tagmeter::http::tower::Metrics::new(&tagmeter::Registry::new());
    /// # let _ = metrics;
    /// ```
    pub fn new(source: impl Into<View>) -> Self {
        Metrics { flights: Arc::new(Flights::new(source, PAGES, Until::Written)) }
    }
}

impl<B> Service<Request<B>> for Metrics {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (asked, flights) = (Asked::of(&request), Arc::clone(&self.flights));
        Box::pin(async move { Ok(flights.answer(asked).await.unwrap_or_else(not_written)) })
    }
}

/// The page panicked, or the runtime ends.
fn not_written() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"the page could not be written\n")));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
