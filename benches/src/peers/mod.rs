//! What the targets need of other crates: their label types, and their families behind one trait.

pub mod labels;
pub mod otel;
pub mod series;
