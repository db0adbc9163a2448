//! Metrics over HTTP.
//!
//! - [`answer`] says what to answer a scraper: status, headers and body, for any framework.
//! - [`Request`] and [`Response`] are all it needs of a framework.

mod accept;
mod respond;

pub use respond::{Request, Response, answer};
