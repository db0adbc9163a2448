//! Metrics over HTTP.
//!
//! - [`answer`] says what to answer a scraper: status, headers and body, for any framework.
//! - [`Request`] and [`Response`] are all it needs of a framework.

mod accept;
mod respond;
#[cfg(feature = "serve")]
#[cfg_attr(docsrs, doc(cfg(feature = "serve")))]
mod server;

pub use respond::{Request, Response, answer};
#[cfg(feature = "serve")]
#[cfg_attr(docsrs, doc(cfg(feature = "serve")))]
pub use server::{ServeError, Server, StopError, serve};
