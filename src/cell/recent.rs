//! The values of the recent past, where somebody asks for quantiles.

use std::sync::OnceLock;
use std::time::Duration;

use parking_lot::Mutex;

use crate::stat::{Distribution, Window};

/// A window behind a short lock, made at the first value.
#[derive(Debug, Default)]
pub(crate) struct RecentCell(OnceLock<Box<Mutex<Window>>>);

impl RecentCell {
    pub(crate) fn record(&self, now: Duration, value: f64, times: u64) {
        self.window().lock().record_n(now, value, times);
    }

    pub(crate) fn read(&self, now: Duration) -> Distribution {
        self.window().lock().read(now)
    }

    pub(crate) fn reset(&self) {
        if let Some(window) = self.0.get() {
            *window.lock() = Window::default();
        }
    }

    fn window(&self) -> &Mutex<Window> {
        self.0.get_or_init(Box::default)
    }
}
