//! Pages back into plain data, one file a format.
//!
//! - [`text`]: Prometheus text 0.0.4 and 1.0.0.
//! - [`openmetrics`]: OpenMetrics 1.0.
//!
//! Both are strict, stricter than a scraper: what they accept is a valid page. A [`ParsedFamily`] holds
//! [`ParsedSample`]s; a [`ParseError`] says line, column, and what was expected there. Each module also writes what it
//! read as a page again (`page`), for what passes pages on.
//!
//! ```
//! let families = tagmeter::parse::text::parse("# TYPE hits_total counter\nhits_total{city=\"Oslo\"} 3\n")?;
//! assert_eq!(families[0].name, "hits_total");
//! assert_eq!(families[0].samples[0].label("city"), Some("Oslo"));
//! assert_eq!(families[0].samples[0].value, 3.0);
//!
//! let error = tagmeter::parse::text::parse("hits{city=Oslo} 3\n").unwrap_err();
//! assert_eq!(error.to_string(), r#"line 1, column 11: found "Oslo} 3", expected a quoted value"#);
//! # Ok::<(), tagmeter::parse::ParseError>(())
//! ```

mod braces;
mod check;
mod error;
mod families;
mod lexer;
pub mod openmetrics;
mod page;
pub mod text;
mod write;

pub use error::{ParseError, Problem};
pub use page::{Exemplar, ParsedFamily, ParsedKind, ParsedSample};
