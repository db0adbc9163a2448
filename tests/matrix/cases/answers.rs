//! Answers that are none, or not the ones hoped for.

use std::path::Path;
use std::time::Instant;

use super::{drained, finished, program};
use crate::database::Database;
use crate::endpoint::{Controlled, Endpoint};
use crate::faults::{Fault, Kind};
use crate::figures::Row;
use crate::program::{Figures, Program, Settings};

/// A backend that fails from the start, until that has been seen, and is mended then.
fn mended<E: Endpoint>(scratch: &Path, fault: Fault, seen: impl Fn(&Figures) -> bool) -> Row {
    let mut endpoint = E::new(scratch);
    endpoint.up();
    endpoint.fault(fault);
    let mut program = program(&endpoint);
    program.wait_for("the fault to be met", seen);
    endpoint.fault(Fault::NONE);
    drained(program, &endpoint)
}

/// Enough failures for the share to be seen, and enough reports for points to wait meanwhile.
fn often(figures: &Figures) -> bool {
    figures.failed_pushes >= 30 && figures.reports >= 40
}

fn twenty_reports(figures: &Figures) -> bool {
    figures.reports >= 20 && figures.waiting > 0
}

pub(super) fn some_5xx<E: Endpoint>(scratch: &Path) -> Row {
    mended::<E>(scratch, Fault::share(20, Kind::ServerError), often)
}

pub(super) fn some_5xx_after_storing(scratch: &Path) -> Row {
    let fault = Fault::share(20, Kind::ServerErrorAfterStoring);
    let row = mended::<Controlled>(scratch, fault, often);
    assert!(row.duplicates > 0);
    row
}

pub(super) fn every_answer_503<E: Endpoint>(scratch: &Path) -> Row {
    mended::<E>(scratch, Fault::always(Kind::ServerError), twenty_reports)
}

pub(super) fn asks_for_rest<E: Endpoint>(scratch: &Path) -> Row {
    let start = Instant::now();
    let row = mended::<E>(scratch, Fault::always(Kind::Rest), |figures| figures.reports >= 25);
    // Each time it is left alone for a second.
    assert!(row.failed_pushes <= 1 + start.elapsed().as_secs(), "{row:?}");
    row
}

pub(super) fn refuses_some(scratch: &Path) -> Row {
    let row = mended::<Controlled>(scratch, Fault::always(Kind::RefusePoints), |figures| {
        figures.refused >= 20 && figures.reports >= 20
    });
    assert!(row.dropped.iter().all(|(reason, points)| *reason == "refused" || *points == 0), "{row:?}");
    row
}

pub(super) fn takes_few_at_once(scratch: &Path) -> Row {
    let row =
        mended::<Controlled>(scratch, Fault::always(Kind::TooLargeAbove(3)), |figures| figures.reports >= 20);
    assert!(row.failed_pushes > 0 && row.held == row.accepted, "{row:?}");
    row
}

pub(super) fn wrong_token(scratch: &Path) -> Row {
    let row = mended::<Controlled>(scratch, Fault::always(Kind::WrongToken), twenty_reports);
    assert_eq!(row.held, row.accepted);
    row
}

pub(super) fn resets_while_reading<E: Endpoint>(scratch: &Path) -> Row {
    mended::<E>(scratch, Fault::share(50, Kind::ResetWhileReading), often)
}

pub(super) fn closed_while_reading(scratch: &Path) -> Row {
    mended::<Database>(scratch, Fault::always(Kind::ResetWhileReading), twenty_reports)
}

pub(super) fn resets_after_storing(scratch: &Path) -> Row {
    let row = mended::<Controlled>(scratch, Fault::share(50, Kind::ResetBeforeAnswering), often);
    assert!(row.duplicates > 0);
    row
}

/// The one case in which a point is held and counted as dropped: it was stored, the answer was lost, and its second try
/// never came, because the backlog was full or the program ended.
pub(super) fn resets_after_storing_then_dropped(scratch: &Path) -> Row {
    let mut endpoint = Controlled::new(scratch);
    endpoint.up();
    let settings = Settings { backlog_points: Some(100), ..Settings::to(&endpoint.url()) };
    let mut program = Program::start(settings);
    program.report(3);
    endpoint.fault(Fault::share(50, Kind::ResetBeforeAnswering));
    program.wait_for("points to be dropped", |figures| figures.failed_pushes >= 20);
    endpoint.fault(Fault::always(Kind::ResetBeforeAnswering));
    program.wait_for("an overflow", |figures| figures.overflow >= 100);
    let row = finished(program, &endpoint);
    assert!(row.held_and_dropped > 0, "{row:?}");
    row
}
