//! Backends that take their time.

use std::path::Path;
use std::time::Duration;

use super::drained;
use super::kill::{delivered_by_another, spooled};
use crate::endpoint::{Controlled, Endpoint};
use crate::faults::{Fault, Kind};
use crate::figures::Row;
use crate::program::{EVERY, Program, Settings};

/// Ten intervals.
const LATENCY: Duration = EVERY.saturating_mul(10);
/// Four intervals: a request that takes ten is given up.
const TIMEOUT: Duration = EVERY.saturating_mul(4);

fn slow(scratch: &Path, fault: Fault, timeout: Duration) -> (Controlled, Program) {
    let mut endpoint = Controlled::new(scratch);
    endpoint.up();
    endpoint.fault(fault);
    let settings = Settings { timeout, ..Settings::to(&endpoint.url()) };
    let program = Program::start(settings);
    (endpoint, program)
}

/// Each of a report's three pushes takes ten intervals: ticks fall out, and nothing else happens.
pub(super) fn latency(scratch: &Path) -> Row {
    let (mut endpoint, mut program) = slow(scratch, Fault::always(Kind::Latency(LATENCY)), LATENCY * 100);
    let figures = program.report(3);
    assert_eq!(figures.failed_pushes, 0);
    endpoint.fault(Fault::NONE);
    let row = drained(program, &endpoint);
    assert_eq!((row.duplicates, row.failed_pushes), (0, 0));
    row
}

pub(super) fn latency_beyond_the_timeout(scratch: &Path) -> Row {
    let (mut endpoint, mut program) = slow(scratch, Fault::always(Kind::Latency(LATENCY)), TIMEOUT);
    program.wait_for("requests to be given up", |figures| figures.failed_pushes >= 10 && figures.waiting > 0);
    endpoint.fault(Fault::NONE);
    let row = drained(program, &endpoint);
    assert!(row.duplicates > 0 && row.held == row.accepted, "{row:?}");
    row
}

/// The time that a report has where the interval is shorter.
const REPORT_TIME: Duration = Duration::from_secs(5);

pub(super) fn latency_beyond_a_report_s_time(scratch: &Path) -> Row {
    let latency = REPORT_TIME + EVERY * 10;
    let (mut endpoint, mut program) = slow(scratch, Fault::always(Kind::Latency(latency)), latency * 10);
    let figures = program.wait_for("a push to be given up", |figures| figures.failed_pushes > 0);
    assert!(figures.reports <= 2, "a hundred ticks have fallen out: {figures:?}");
    endpoint.fault(Fault::NONE);
    let row = drained(program, &endpoint);
    assert!(row.duplicates > 0 && row.held == row.accepted, "{row:?}");
    row
}

/// Time for retries between two reports.
const SECONDS: Duration = Duration::from_secs(6);
/// Of each push, when the backend is there again.
const SLOWNESS: Duration = Duration::from_millis(300);

/// What waits takes longer than a report gives it, so the rest follows before the next one. No push that was begun is cut
/// off for that, neither in a report nor between two.
pub(super) fn latency_while_catching_up(scratch: &Path) -> Row {
    let mut endpoint = Controlled::new(scratch);
    let mut first = Program::start(spooled(&endpoint, scratch, 0));
    first.report(10);
    let first = first.stop();
    endpoint.up();
    endpoint.fault(Fault::always(Kind::Latency(SLOWNESS)));
    let settings = Settings { every: SECONDS, ..spooled(&endpoint, scratch, 1) };
    let row = delivered_by_another(&endpoint, &first, settings);
    assert_eq!((row.duplicates, row.failed_pushes), (0, first.failed_pushes), "none failed since");
    row
}

/// Read so slowly that the time of a request is over before its end.
pub(super) fn slow_reading(scratch: &Path) -> Row {
    let (mut endpoint, mut program) = slow(scratch, Fault::share(50, Kind::SlowReading(TIMEOUT)), TIMEOUT);
    program
        .wait_for("requests to be given up", |figures| figures.failed_pushes >= 10 && figures.delivered > 0);
    endpoint.fault(Fault::NONE);
    drained(program, &endpoint)
}
