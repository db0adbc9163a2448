//! The business: orders and the warehouse that keeps them. Knows nothing of metrics or HTTP.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use serde::{Deserialize, Serialize};

/// The most pieces one order may ask for.
const MAX_AMOUNT: u32 = 1_000;
/// The item that the warehouse breaks on, so that there is something to see when things fail.
const UNLUCKY_ITEM: &str = "boom";

/// What a customer sends.
#[derive(Debug, Deserialize)]
pub(crate) struct NewOrder {
    item: String,
    pub(crate) amount: u32,
}

/// What the warehouse keeps.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Order {
    pub(crate) id: usize,
    item: String,
    amount: u32,
}

/// Why an order was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidOrder {
    #[error("expected an order such as {{\"item\": \"tree\", \"amount\": 2}}: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error("item is empty, expected the name of one")]
    NoItem,
    #[error("amount is {0}, expected 1 to {MAX_AMOUNT}")]
    Amount(u32),
}

impl NewOrder {
    pub(crate) fn from_json(body: &[u8]) -> Result<NewOrder, InvalidOrder> {
        let order: NewOrder = serde_json::from_slice(body)?;
        match order.amount {
            _ if order.item.is_empty() => Err(InvalidOrder::NoItem),
            1..=MAX_AMOUNT => Ok(order),
            amount => Err(InvalidOrder::Amount(amount)),
        }
    }
}

/// The warehouse could not keep an order.
#[derive(Debug, thiserror::Error)]
#[error("the warehouse broke on {0:?}")]
pub(crate) struct WarehouseBroke(String);

/// Where orders are kept, by number from 1.
#[derive(Debug, Default)]
pub(crate) struct Warehouse(RwLock<Vec<Order>>);

impl Warehouse {
    /// Keeps an order and numbers it. Asynchronous because a real one would be on the other side of a network.
    pub(crate) async fn keep(&self, order: NewOrder) -> Result<Order, WarehouseBroke> {
        tokio::task::yield_now().await;
        if order.item == UNLUCKY_ITEM {
            return Err(WarehouseBroke(order.item));
        }
        let mut orders = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let kept = Order { id: orders.len() + 1, item: order.item, amount: order.amount };
        orders.push(kept.clone());
        Ok(kept)
    }

    pub(crate) fn find(&self, id: usize) -> Option<Order> {
        self.orders().get(id.checked_sub(1)?).cloned()
    }

    pub(crate) fn len(&self) -> usize {
        self.orders().len()
    }

    fn orders(&self) -> RwLockReadGuard<'_, Vec<Order>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}
