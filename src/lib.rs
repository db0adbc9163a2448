//! tagmeter

#[macro_use]
#[doc(hidden)]
pub mod macros;

mod cell;
pub mod clock;
pub mod encode;
pub mod http;
pub mod metric;
pub mod model;
mod name;
mod number;
pub mod parse;
pub mod registry;
pub mod report;
pub mod stat;
pub mod tag;
#[cfg(feature = "apptuit")]
#[cfg_attr(docsrs, doc(cfg(feature = "apptuit")))]
pub mod transport;
mod unit;

pub use metric::{
    Counter, FloatCounter, Gauge, Histogram, Info, Meter, OutcomeTimer, StateSet, TimedExt, Timer,
    UpDownCounter,
};
pub use name::Name;
pub use registry::{Registry, global};
pub use report::Reporter;
#[cfg(feature = "apptuit")]
#[cfg_attr(docsrs, doc(cfg(feature = "apptuit")))]
pub use report::{Apptuit, apptuit};
pub use tag::Tags;
pub use unit::Unit;
