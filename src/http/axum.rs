//! The metrics page as a route of an axum server.

use axum::routing::{MethodRouter, any_service};

use crate::http::tower::Metrics;
use crate::registry::View;

/// A route that answers what [`respond`](crate::http::respond) does; for whatever state the router has. See
/// [`Metrics`] for where pages are written.
///
/// ```
/// use axum::Router;
/// use tagmeter::Registry;
///
/// let registry = Registry::new();
/// let app: Router = Router::new().route("/metrics", tagmeter::http::axum::metrics(&registry));
/// # let _ = app;
/// ```
pub fn metrics<S: Clone + Send + Sync + 'static>(source: impl Into<View>) -> MethodRouter<S> {
    any_service(Metrics::new(source))
}
