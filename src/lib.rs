//! tagmeter

pub mod clock;
pub mod encode;
pub mod http;
pub mod model;
mod name;
mod number;
pub mod stat;
pub mod tag;
mod unit;

pub use name::Name;
pub use tag::Tags;
pub use unit::Unit;
