//! The failure matrix: a program that reports, as a process of its own, and backends that fail in every way they can.
//!
//! For each case, and exactly: points that reports had = distinct points that the backend holds + points counted as
//! dropped. A point may arrive more than once; that is counted apart. A backend that took points and was cut off before
//! it could say so may hold what the program then counted as dropped: the only other column, and the backend counts it.
//!
//! `cargo test --features full --test matrix` prints the table of `src/report/failures.md`; words after `--` choose cases by
//! their names. `MATRIX_SEED` is what chance begins with. The programs and the servers under control are this program,
//! too, in other roles; the database and what is in front of it are started by `tests/backends.sh`.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

#[path = "../support/backends.rs"]
#[allow(dead_code, reason = "no Prometheus is among these backends")]
mod backends;
mod cases;
mod database;
mod endpoint;
mod faults;
mod figures;
mod ledger;
#[path = "../support/loopback.rs"]
#[allow(dead_code, reason = "what it speaks, not how it listens")]
mod loopback;
mod process;
mod program;
mod receiver;
mod runner;

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(settings) = process::role(program::ROLE) {
        program::run(&settings)
    } else if let Some(settings) = process::role(receiver::ROLE) {
        receiver::run(settings)
    } else {
        runner::run(&cases::all())
    }
}
