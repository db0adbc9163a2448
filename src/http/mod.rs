//! Metrics over HTTP.
//!
//! - [`respond`] says what to answer a scraper of a registry: status, headers and body, for any framework; [`answer`]
//!   does for a snapshot from elsewhere.
//! - [`Request`] and [`Response`] are all they need of a framework.
#![cfg_attr(feature = "serve", doc = "- [`serve`] is a server of our own, for programs that have none.")]

mod accept;
mod respond;
#[cfg(feature = "serve")]
#[cfg_attr(docsrs, doc(cfg(feature = "serve")))]
mod server;

pub use respond::{Request, Response, answer, respond};
#[cfg(feature = "serve")]
#[cfg_attr(docsrs, doc(cfg(feature = "serve")))]
pub use server::{ServeError, Server, StopError, serve};
