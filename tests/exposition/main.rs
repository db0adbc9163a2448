//! Pages as scrapers read them: golden bytes, hostile names and values, arbitrary snapshots; judged by our parsers, by
//! promtool, by Prometheus' Python parsers, and by what another crate prints for the same records.

#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod arbitrary;
mod fixture;
mod golden;
mod hostile;
mod judges;
mod oracle;
#[cfg(feature = "protobuf")]
mod protobuf;
mod round_trip;
