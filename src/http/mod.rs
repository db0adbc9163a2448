//! Metrics over HTTP.
//!
//! - [`respond`] says what to answer a scraper of a registry: status, headers and body, for any framework; [`answer`]
//!   does for a snapshot from elsewhere.
//! - [`Request`] and [`Response`] are all they need of a framework.
#![cfg_attr(
    feature = "serve",
    doc = "- [`serve`] is a server of our own, for programs that have none; [`Server::builder`]"
)]
#![cfg_attr(feature = "serve", doc = "  guards it by passwords or tokens and changes its limits.")]
#![cfg_attr(feature = "tls", doc = "- [`Tls`] makes that HTTPS.")]
#![cfg_attr(feature = "axum", doc = "- [`axum`] and [`tower`] have it as a route and as a service.")]
//!
//! # Which format do I get?
//!
//! By `Accept`: of its clauses that name a format, the one with the highest weight counts, the first of equals. Clauses
//! that are malformed or have `q=0` do not count; where none is left, the page is text 0.0.4.
//!
//! | clause | `Content-Type` | what it is |
//! |---|---|---|
//! | `application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited` | `application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited` | [protobuf](crate::encode), with the feature `protobuf` |
//! | `application/openmetrics-text;version=1.0.0` | `application/openmetrics-text; version=1.0.0; charset=utf-8` | [OpenMetrics](crate::encode::openmetrics) |
//! | `application/openmetrics-text;version=0.0.1` | `application/openmetrics-text; version=0.0.1; charset=utf-8` | the same page |
//! | `application/openmetrics-text` without `version` | `application/openmetrics-text; version=0.0.1; charset=utf-8` | the same page |
//! | `text/plain;version=1.0.0` | `text/plain; version=1.0.0; charset=utf-8; escaping=underscores` | [text](crate::encode::text) |
//! | `text/plain;version=0.0.4` | `text/plain; version=0.0.4; charset=utf-8` | the same page |
//! | `text/plain` without `version` | `text/plain; version=0.0.4; charset=utf-8` | the same page |
//! | `application/json` | `application/json` | the [snapshot](crate::encode::json), no name changed |
//! | `text/*` | `text/plain; version=0.0.4; charset=utf-8` | text |
//! | `*/*` | `text/plain; version=0.0.4; charset=utf-8` | text |
//!
//! Whatever else a clause says, the next counts. JSON is for those who say so: no scraper does.
//!
//! A clause may ask for an [escaping scheme](crate::encode::Escaping) of names with `escaping=…`, whatever its format; JSON
//! takes no notice. The last known one counts among the clauses up to the one that is taken, as in Go's client; unknown ones
//! do not count. Whoever asked is told in `Content-Type`; who did not gets `underscores`.
//!
//! | scraper | gets |
//! |---|---|
//! | Prometheus 2.42 | `application/openmetrics-text; version=1.0.0; charset=utf-8` |
//! | Prometheus 2.42, for native histograms | `application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited` |
//! | Prometheus 2.53 | `application/openmetrics-text; version=1.0.0; charset=utf-8` |
//! | Prometheus 3.5 | `application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8` |
//! | Prometheus 3.5, for native histograms | `application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited` |
//! | VictoriaMetrics 1.145 | `text/plain; version=0.0.4; charset=utf-8` |
//! | curl | `text/plain; version=0.0.4; charset=utf-8` |
//! | a browser | `text/plain; version=0.0.4; charset=utf-8` |
//! | a script that prefers JSON | `application/json` |
//!
//! Without the feature `protobuf` those who want native histograms get what the line above theirs says. Prometheus names a scheme
//! only with the formats that come after protobuf, whose names then are escaped by `underscores`.
//!
//! Which one to ask for, where one may choose (`scrape_protocols` of Prometheus 3):
//!
//! | wanted | format |
//! |---|---|
//! | types of infos and state sets, units | OpenMetrics |
//! | what everything reads, to look at as well | text |
//! | names and keys with dots or in other alphabets as they are | OpenMetrics or text 1.0.0 with `escaping=allow-utf-8` |
//! | native histograms, start times | protobuf |
//! | exemplars | OpenMetrics or protobuf |
//! | something for a script | JSON |
//!
//! # Start times
//!
//! `/metrics?created=true` shows in OpenMetrics when each counter, histogram and summary began to count:
//! [`x_created`](crate::encode::Options::with_created). Protobuf says so always. It is asked for by who scrapes
//! (`params: {created: ["true"]}`), since who scrapes must know what to do with it.
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
//! exactly and as they are escaped there, as their own or as that of a sample: a counter `orders` answers to `orders` and
//! `orders_total`, a timer `request` to `request_seconds` and `request_seconds_bucket`, a meter `order` to `order_total` and
//! `order_rate`; in JSON each to the name it was given. A family is shown whole, where Python's client shows only the samples
//! that were named: half a histogram is no histogram.
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
