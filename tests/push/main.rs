//! Pushes against a real HTTP server on loopback.
#![cfg(feature = "apptuit")]
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

#[path = "../support/log.rs"]
mod log;
#[path = "../support/loopback.rs"]
mod loopback;
#[path = "../support/proxy.rs"]
mod proxy;

mod answers;
mod client;
mod codings;
mod connections;
mod credentials;
mod options;
mod proxies;
#[cfg(feature = "query")]
mod query;
mod reporter;
mod runtimes;
mod secrets;
#[cfg(feature = "spool")]
mod spooled;
mod tls;

use loopback::{Loopback, Reply};
use tagmeter::apptuit::{Client, DataPoint};

/// A client of this server that knows nothing of the environment.
fn client(server: &Loopback) -> Client {
    Client::builder().token("tok").endpoint(server.url()).ignore_environment().build().unwrap()
}

fn point(metric: &str, value: f64) -> DataPoint {
    DataPoint::new(metric, [("host", "h1")], 1_600_000_000, value).unwrap()
}
