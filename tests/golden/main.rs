//! The recorded vectors of two Python packages against ours.
//!
//! `data/*.json` says what apptuit 2.4.2 and pyformance 0.4 did; nothing in it was written by hand, and every file names
//! the versions it was recorded with. Each topic module runs its files through [`support::Golden`], which sorts every
//! case into one of three classes and prints how many there are of each:
//!
//! | class | meaning | listed in `departures.toml` |
//! |---|---|---|
//! | keep | ours is what was recorded | no |
//! | ours | our rule differs on purpose | yes, with the reason and the value we give |
//! | none | the input cannot be written in our types | yes, with the reason |
//!
//! What was recorded under `reference` is a crash or plainly wrong: such a case is listed, unless ours is the same
//! because that one consequence of the fault is right (a text that stays an error, say).

// Each feature set uses its own part of it.
#[allow(dead_code, unused_imports)]
mod support;

mod maths;
mod names;
#[cfg(feature = "process")]
mod process;
mod registry;

#[cfg(feature = "apptuit")]
mod apptuit;
