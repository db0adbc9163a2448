//! The recorded vectors of two Python packages against ours.
//!
//! `data/*.json` says what the packages did; nothing in it was written by hand. Each topic module runs its files
//! through [`support::Golden`], which sorts every case into one of three classes:
//!
//! | class | meaning | listed in `departures.toml` |
//! |---|---|---|
//! | keep | ours is what was recorded | no |
//! | ours | our rule differs on purpose | yes, with the reason and the value we give |
//! | none | the input cannot be written in our types | yes, with the reason |

// Each feature set uses its own part of it.
#[allow(dead_code, unused_imports)]
mod support;

mod maths;
mod names;

#[cfg(feature = "apptuit")]
mod apptuit;
