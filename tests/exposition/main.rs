//! Pages as scrapers read them: golden bytes, hostile names and values, arbitrary snapshots; judged by our parsers, by
//! promtool, by Prometheus' Python parsers, by Prometheus that scrapes them, and by what another crate prints for the same records.

#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod arbitrary;
#[cfg(all(feature = "apptuit", feature = "axum", feature = "compress"))]
#[path = "../support/backends.rs"]
#[allow(dead_code, reason = "pages are pulled; what is pushed is for other tests")]
mod backends;
mod conformance;
mod exemplars;
mod fixture;
mod golden;
mod hostile;
mod json;
mod judges;
mod lies;
mod lint;
mod merged;
mod oracle;
#[cfg(feature = "protobuf")]
mod protobuf;
mod round_trip;
#[cfg(all(feature = "apptuit", feature = "axum", feature = "compress"))]
mod scrapes;
