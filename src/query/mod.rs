//! Asking a database for what was sent to it.
//!
//! * [`Client::query`](crate::apptuit::Client::query) asks Apptuit, over a [`Span`] of time.
//! * [`QueryResult`] is the answer: [`Output`]s by position or name, each with its [`QuerySeries`].
//! * [`Output::to_table`] puts the series of an output side by side; with feature `polars` there is a data frame of it.
//!
//! ```no_run
//! use tagmeter::apptuit::Client;
//!
//! let client = Client::builder().build()?; // APPTUIT_API_TOKEN
//! let answer = client.query("cpu = fetch('proc.cpu.percent'); output(cpu)", 1_600_000_000..=1_600_003_600)?;
//! for series in answer.named("cpu").map(|cpu| cpu.series()).unwrap_or_default() {
//!     println!("{series}: {:?}", series.points().last());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod apptuit;
mod floats;
#[cfg(feature = "polars")]
mod frame;
mod result;
mod span;
mod table;

pub use apptuit::QueryError;
pub use result::{Output, QueryResult, QuerySeries};
pub use span::Span;
pub use table::Table;
