//! Metrics over HTTP.
//!
//! - [`respond`] says what to answer a scraper of a registry: status, headers and body, for any framework; [`answer`]
//!   does for a snapshot from elsewhere.
//! - [`Request`] and [`Response`] are all they need of a framework.
#![cfg_attr(feature = "serve", doc = "- [`serve`] is a server of our own, for programs that have none.")]
#![cfg_attr(feature = "axum", doc = "- [`axum`] and [`tower`] have it as a route and as a service.")]
//!
//! # Which format do I get?
//!
//! By `Accept`: of its clauses that name a format, the one with the highest weight counts, the first of equals. Clauses
//! that are malformed or have `q=0` do not count; where none is left, the page is text 0.0.4.
//!
//! | clause | format |
//! |---|---|
//! | `application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited` | [Prometheus' protobuf](crate::encode), with the feature `protobuf` |
//! | `application/openmetrics-text;version=1.0.0` | [OpenMetrics 1.0](crate::encode::openmetrics) |
//! | `application/openmetrics-text`, with `version=0.0.1` or none | the same page, called 0.0.1 |
//! | `text/plain;version=1.0.0` | [text](crate::encode::text) 1.0.0 |
//! | `text/plain`, with `version=0.0.4` or none | text 0.0.4: the same page |
//! | `text/*`, `*/*` | text 0.0.4 |
//! | anything else | none: the next clause counts |
//!
//! A clause may ask for an [escaping scheme](crate::encode::Escaping) of names with `escaping=…`, whatever its format.
//! The last known one counts among the clauses up to the one that is taken, as in Go's client; unknown ones do not count.
//! Whoever asked is told in `Content-Type`; who did not gets `underscores`.
//!
//! | scraper | asks for | gets |
//! |---|---|---|
//! | Prometheus 2.42, 2.53 | OpenMetrics 1.0, then 0.0.1, then text 0.0.4 | OpenMetrics 1.0 |
//! | the same, for native histograms | protobuf, then as above | protobuf with that feature, else OpenMetrics 1.0 |
//! | Prometheus 3.5 | OpenMetrics 1.0 with `allow-utf-8`, then as above | OpenMetrics 1.0, names as they are |
//! | the same, for native histograms | protobuf, then as above | protobuf with that feature, names by `underscores` |
//! | VictoriaMetrics 1.145 | text 0.0.4 | text 0.0.4 |
//! | a browser, curl | `text/html`, `*/*` | text 0.0.4 |
//!
//! # Compressed pages
//!
//! With the feature `compress` a page of 1 KiB or more is compressed with gzip for those who take it by
//! `Accept-Encoding`, with `zstd` also with that; the highest weight counts, zstd among equals. It passes through the
//! encoder piece by piece, so that all of it is never in memory uncompressed. The page as it is need not be listed and
//! is refused only by `identity;q=0`, or `*;q=0` without `identity`; who refuses it and takes no coding of ours is
//! answered 406, as RFC 9110 asks.
//!
//! # Some families only
//!
//! `/metrics?name[]=orders_total&name[]=queue_depth` shows only the families that have one of these names on the page,
//! exactly, as their own or as that of a sample: a counter `orders` answers to `orders` and `orders_total`, a timer
//! `request` to `request_seconds` and `request_seconds_bucket`, a meter `order` to `order_total` and `order_rate`. A
//! family is shown whole, where Python's client shows only the samples that were named: half a histogram is no histogram.
//! A name that no family has adds nothing; where none has one the page is empty.
//!
//! Other families are not read, and their functions not asked; collectors run, since nobody knows what they bring. A
//! family that a whole page leaves out because another has its name may be shown where the other is not asked for.

mod accept;
#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub mod axum;
mod clause;
mod coding;
#[cfg(feature = "compress")]
mod compress;
mod filter;
#[cfg(any(feature = "serve", feature = "tower"))]
mod flights;
mod format;
mod representation;
mod request;
mod respond;
#[cfg(feature = "serve")]
#[cfg_attr(docsrs, doc(cfg(feature = "serve")))]
mod server;
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub mod tower;

pub use request::Request;
pub use respond::{Response, answer, respond};
#[cfg(feature = "serve")]
#[cfg_attr(docsrs, doc(cfg(feature = "serve")))]
pub use server::{ServeError, Server, ServerBuilder, StopError, serve};
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub use server::{Tls, TlsError};
