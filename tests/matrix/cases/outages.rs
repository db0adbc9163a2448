//! Nobody listens.

use std::path::Path;

use super::{drained, finished, program};
use crate::endpoint::Endpoint;
use crate::faults::{Fault, Kind};
use crate::figures::{Row, incomplete};
use crate::program::{Program, Settings};

pub(super) fn down_at_the_start<E: Endpoint>(scratch: &Path) -> Row {
    let mut endpoint = E::new(scratch);
    let mut program = program(&endpoint);
    let figures = program.report(20);
    assert_eq!((figures.delivered, figures.dropped()), (0, 0));
    endpoint.up();
    drained(program, &endpoint)
}

pub(super) fn down_for_50_intervals<E: Endpoint>(scratch: &Path) -> Row {
    let mut endpoint = E::new(scratch);
    endpoint.up();
    let mut program = program(&endpoint);
    program.report(5);
    endpoint.down();
    let figures = program.report(50);
    assert!(figures.waiting >= 49 * program.settings.series, "{figures:?}");
    endpoint.up();
    drained(program, &endpoint)
}

pub(super) fn flapping<E: Endpoint>(scratch: &Path) -> Row {
    let mut endpoint = E::new(scratch);
    let mut program = program(&endpoint);
    for _ in 0..10 {
        endpoint.up();
        program.report(3);
        endpoint.down();
        program.report(3);
    }
    endpoint.up();
    let row = drained(program, &endpoint);
    assert!(row.failed_pushes >= 10, "{row:?}");
    row
}

/// The most that waits: ten reports.
const BACKLOG_POINTS: usize = 200;

pub(super) fn down_for_too_long<E: Endpoint>(scratch: &Path) -> Row {
    let mut endpoint = E::new(scratch);
    let settings = Settings { backlog_points: Some(BACKLOG_POINTS), ..Settings::to(&endpoint.url()) };
    let series = settings.series;
    let mut program = Program::start(settings);
    program.wait_for("the backlog to overflow", |figures| figures.overflow >= 20 * series);
    endpoint.up();
    let row = drained(program, &endpoint);
    let missing = incomplete(&endpoint.held(), row.reports, series);
    let oldest: Vec<u64> = (1..=missing.len() as u64).collect();
    assert!(missing.iter().eq(&oldest), "the oldest are missing, and no other: {missing:?}");
    row
}

pub(super) fn down_at_the_end<E: Endpoint>(scratch: &Path) -> Row {
    let mut endpoint = E::new(scratch);
    endpoint.up();
    let mut program = program(&endpoint);
    program.report(5);
    // Before the end nothing is stored any more: a kill could come between that and its acknowledgement.
    endpoint.fault(Fault::always(Kind::ResetWhileReading));
    program.report(3);
    endpoint.down();
    program.report(3);
    let row = finished(program, &endpoint);
    let stopped = row.dropped.iter().find(|(reason, _)| *reason == "stopped");
    assert!(stopped.is_some_and(|(_, points)| *points > 0), "{row:?}");
    row
}
