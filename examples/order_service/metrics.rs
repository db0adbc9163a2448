//! What the service measures: every instrument there is, defined in one place.

use std::sync::Arc;

use tagmeter::metric::OutcomeTimer;
use tagmeter::registry::RegisterError;
use tagmeter::stat::Buckets;
use tagmeter::{Registry, StateSet};

use crate::orders::Warehouse;

pub(crate) const STARTING: &str = "starting";
pub(crate) const SERVING: &str = "serving";
pub(crate) const STOPPING: &str = "stopping";

tagmeter::metrics! {
    /// What is measured around every request.
    pub(crate) struct RequestMetrics {
        /// Requests answered.
        requests: Counter[route, status],
        /// Time to answer a request.
        request: Timer[route],
        /// Requests being answered.
        requests_in_progress: UpDownCounter,
    }
}

tagmeter::metrics! {
    /// What is measured in the business.
    pub(crate) struct OrderMetrics {
        /// Orders accepted.
        orders: Meter,
        /// Pieces in accepted orders.
        pieces: Counter,
        /// Bytes of an accepted order.
        order_bytes: Histogram = Buckets::powers(2, 32, 8),
        /// Time to count a tree.
        tree_count: Timer,
        /// Nodes of the tree that was counted last.
        tree_nodes: Gauge,
    }
}

/// All of it.
pub(crate) struct Metrics {
    pub(crate) http: RequestMetrics,
    pub(crate) shop: OrderMetrics,
    /// Told apart by how it ended, because a failed save is quick.
    pub(crate) order_save: OutcomeTimer,
    pub(crate) state: StateSet,
}

impl Metrics {
    pub(crate) fn register(registry: &Registry, warehouse: Arc<Warehouse>) -> Result<Metrics, RegisterError> {
        let define = |name: &str, help: &str| registry.define(name).help(help);
        define("order_service_build", "Which build runs.")
            .info()?
            .set([("version", env!("CARGO_PKG_VERSION"))]);
        define("orders_stored", "Orders in the warehouse.").gauge()?;
        registry.gauge_fn("orders_stored", move || warehouse.len() as f64); // asked at each scrape and push

        let state = define("order_service_state", "What the service is doing.")
            .state_set([STARTING, SERVING, STOPPING])?;
        state.switch_to(STARTING);
        Ok(Metrics {
            http: RequestMetrics::register(registry)?,
            shop: OrderMetrics::register(registry)?,
            order_save: define("order_save", "Time to save an order.").outcome().timer()?,
            state,
        })
    }
}
