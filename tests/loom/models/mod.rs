//! What is modelled, by what it is about.

mod exemplars;
mod groups;
mod lives;
mod records;
mod windows;
