//! The HTTP side: what each route does, what is measured around all of them, and the page that Prometheus reads.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, Path, Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tagmeter::registry::RegisterError;
use tagmeter::{Registry, TimedExt};

use crate::metrics::Metrics;
use crate::orders::{InvalidOrder, NewOrder, Order, Warehouse, WarehouseBroke};
use crate::tree::Tree;

/// The `route` of requests that no route takes. One value, whatever scanners ask for.
const UNMATCHED: &str = "unmatched";
/// A tree of this depth has 131 071 nodes.
const MAX_DEPTH: u32 = 16;

/// What all requests share.
pub(crate) struct Service {
    registry: Registry,
    metrics: Metrics,
    warehouse: Arc<Warehouse>,
}

impl Service {
    pub(crate) fn new(registry: &Registry) -> Result<Service, RegisterError> {
        let warehouse = Arc::new(Warehouse::default());
        let metrics = Metrics::register(registry, warehouse.clone())?;
        Ok(Service { registry: registry.clone(), metrics, warehouse })
    }

    /// Shows what the service is doing.
    pub(crate) fn is(&self, state: &str) {
        self.metrics.state.switch_to(state);
    }
}

pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/orders", post(create_order))
        .route("/orders/{id}", get(find_order))
        .route("/treecounter", get(count_tree))
        .fallback(unmatched)
        .layer(middleware::from_fn_with_state(service.clone(), measure))
        .route("/metrics", get(metrics_page)) // after the layer: the measuring is not measured
        .with_state(service)
}

/// Counts and times every request by its route: the template, not the path, which has as many values as orders.
async fn measure(
    State(service): State<Arc<Service>>,
    route: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let metrics = &service.metrics.http;
    let route = route.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
    let _in_progress = metrics.requests_in_progress.in_progress();
    let response = next.run(request).timed(metrics.request.with([route])).await;
    metrics.requests.with([route, response.status().as_str()]).inc();
    response
}

/// `POST /orders`
async fn create_order(
    State(service): State<Arc<Service>>,
    body: Bytes,
) -> Result<impl IntoResponse, Problem> {
    let order = NewOrder::from_json(&body)?;
    let pieces = order.amount;
    let order = service.warehouse.keep(order).timed_outcome(&service.metrics.order_save).await?;
    let shop = &service.metrics.shop;
    shop.orders.mark();
    shop.pieces.add(pieces.into());
    shop.order_bytes.record(body.len() as f64);
    Ok((StatusCode::CREATED, Json(order)))
}

/// `GET /orders/{id}`
async fn find_order(
    State(service): State<Arc<Service>>,
    Path(id): Path<usize>,
) -> Result<Json<Order>, Problem> {
    service.warehouse.find(id).map(Json).ok_or(Problem::NoSuchOrder(id))
}

#[derive(Deserialize)]
struct Wanted {
    depth: Option<u32>,
}

/// `GET /treecounter?depth=10`
async fn count_tree(
    State(service): State<Arc<Service>>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, Problem> {
    let depth = wanted.depth.unwrap_or(10);
    if depth > MAX_DEPTH {
        return Err(Problem::TooDeep(depth));
    }
    let shop = &service.metrics.shop;
    let timing = shop.tree_count.start();
    let nodes = Tree::grow(depth).count();
    let took = timing.stop();
    shop.tree_nodes.set(nodes as f64);
    Ok(Json(json!({"depth": depth, "nodes": nodes, "seconds": took.as_secs_f64()})))
}

async fn unmatched() -> Problem {
    Problem::NoSuchRoute
}

/// `GET /metrics`. The same in any framework: `respond` takes the parts of a request and gives those of a response.
async fn metrics_page(State(service): State<Arc<Service>>, request: Request) -> Result<Response, StatusCode> {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let asked = tagmeter::http::Request::new(request.method().as_str(), target);
    let headers =
        request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let asked = headers.fold(asked, |asked, (name, value)| asked.header(name, value));

    let answer = tagmeter::http::respond(&service.registry, &asked);
    let response = Response::builder().status(answer.status);
    let response =
        answer.headers.into_iter().fold(response, |response, (name, value)| response.header(name, value));
    response.body(Body::from(answer.body)).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Invalid(#[from] InvalidOrder),
    #[error("depth is {0}, expected 0 to {MAX_DEPTH}")]
    TooDeep(u32),
    #[error("there is no order {0}")]
    NoSuchOrder(usize),
    #[error("there is nothing here; see /orders, /treecounter and /metrics")]
    NoSuchRoute,
    #[error(transparent)]
    Broken(#[from] WarehouseBroke),
}

impl Problem {
    fn status(&self) -> StatusCode {
        match self {
            Problem::Invalid(_) | Problem::TooDeep(_) => StatusCode::BAD_REQUEST,
            Problem::NoSuchOrder(_) | Problem::NoSuchRoute => StatusCode::NOT_FOUND,
            Problem::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status(), Json(json!({"error": self.to_string()}))).into_response()
    }
}
