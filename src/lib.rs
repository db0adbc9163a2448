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
pub mod registry;
pub mod stat;
pub mod tag;
mod unit;

#[cfg(feature = "serve")]
#[cfg_attr(docsrs, doc(cfg(feature = "serve")))]
pub use http::serve;
pub use metric::{
    Counter, FloatCounter, Gauge, Histogram, Info, Meter, OutcomeTimer, StateSet, TimedExt, Timer,
    UpDownCounter,
};
pub use name::Name;
pub use registry::{Registry, global};
pub use tag::Tags;
pub use unit::Unit;
