//! Apptuit, and whatever else takes OpenTSDB's `POST /api/put?details`.
//!
//! * [`Client`] sends [`DataPoint`]s and [`TimeSeries`] made by hand.
//! * [`Apptuit`] is the sink that a [`Reporter`](crate::report::Reporter) pushes a registry to.
//!
//! Environment variables, read where the same thing is not said in code:
//!
//! | variable | deprecated | means |
//! |---|---|---|
//! | `APPTUIT_API_TOKEN` | `APPTUIT_PY_TOKEN` | the token |
//! | `APPTUIT_API_ENDPOINT` | | where to send to; `https://api.apptuit.ai` if unset |
//! | `APPTUIT_TAGS` | `APPTUIT_PY_TAGS` | tags of every point, `key:value,key:value` |
//! | `APPTUIT_DISABLE_HOST_TAG` | | `true`: a reporter adds no `host` tag |
//! | `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, also in lower case | | the way there, as curl reads them |
//!
//! A deprecated name is read where the other is unset or empty, with a warning in the log.
//!
//! All else about the way there is said in code, by [`transport::Http`](crate::transport::Http).
//!
//! Coming from Python's `apptuit`: [`from_python`] has both side by side.

mod answer;
mod body;
mod builder;
mod client;
mod point;
mod sending;
mod sink;

pub use builder::{BuildError, ClientBuilder};
pub use client::{Client, SendError};
#[cfg(feature = "query")]
pub(crate) use point::write_series;
pub use point::{DataPoint, InvalidPoint, TimeSeries};
pub use sink::{Apptuit, ApptuitBuilder};

#[doc = include_str!("from_python.md")]
pub mod from_python {}
