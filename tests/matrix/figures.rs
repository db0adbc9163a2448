//! A row of the table, and the equation that each row has to satisfy.

use std::collections::BTreeSet;

use crate::ledger::Held;
use crate::program::Figures;

/// What came of all points in one case.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) reports: u64,
    pub(crate) accepted: u64,
    pub(crate) held: u64,
    /// By reason.
    pub(crate) dropped: Vec<(&'static str, u64)>,
    /// Points that the backend took without being able to say so, and that the program then counted as dropped.
    pub(crate) held_and_dropped: u64,
    pub(crate) duplicates: u64,
    /// Not known of programs that were killed.
    pub(crate) pushes: u64,
    pub(crate) failed_pushes: u64,
}

/// The head of the table.
pub(crate) const HEAD: &str = "\
| case | backend | reports | accepted | held | dropped | held, though dropped | duplicates | pushes, failed |
|---|---|---:|---:|---:|---:|---:|---:|---:|";

impl Row {
    /// Checks what a program says of its points by what the backend holds of them, each by itself.
    pub(crate) fn of(told: &Figures, series: u64, held: &Held) -> Row {
        let row = Row {
            reports: told.reports,
            accepted: told.accepted,
            held: held.distinct(),
            dropped: by_reason(told),
            held_and_dropped: held.unacknowledged(),
            duplicates: held.duplicates(),
            pushes: told.pushes,
            failed_pushes: told.failed_pushes,
        };
        assert_eq!(told.accepted, told.reports * series, "every report had all points: {told:?}");
        assert_eq!(told.accepted, told.delivered + told.dropped(), "{told:?}");
        assert_eq!(row.held, told.delivered + row.held_and_dropped, "{row:?} {told:?}");
        held.check_times();
        check_points(held, told.reports, series);
        row.checked()
    }

    /// The equation.
    pub(crate) fn checked(self) -> Row {
        let dropped: u64 = self.dropped.iter().map(|(_, points)| points).sum();
        assert_eq!(self.accepted + self.held_and_dropped, self.held + dropped, "{self:?}");
        self
    }

    pub(crate) fn line(&self, case: &str, backend: &str) -> String {
        let reasons = self.dropped.iter().filter(|(_, points)| *points > 0);
        let reasons: Vec<String> = reasons.map(|(reason, points)| format!("{points} {reason}")).collect();
        let dropped = if reasons.is_empty() { "0".to_owned() } else { reasons.join(", ") };
        let pushes = match (self.pushes, self.failed_pushes) {
            (0, _) => "–".to_owned(),
            (pushes, failed) => format!("{pushes}, {failed}"),
        };
        let Row { reports, accepted, held, held_and_dropped, duplicates, .. } = self;
        format!(
            "| {case} | {backend} | {reports} | {accepted} | {held} | {dropped} | {held_and_dropped} | {duplicates} \
             | {pushes} |"
        )
    }
}

fn by_reason(told: &Figures) -> Vec<(&'static str, u64)> {
    vec![
        ("refused", told.refused),
        ("overflow", told.overflow),
        ("stopped", told.stopped),
        ("superseded", told.superseded),
        ("unreadable", told.unreadable),
    ]
}

/// Nothing is held that no report had.
fn check_points(held: &Held, reports: u64, series: u64) {
    for point in held.points() {
        let of: u64 = point.tags["series"].parse().unwrap();
        assert!(point.metric == "reports_count" && of < series && point.report <= reports, "{point:?}");
    }
}

/// The numbers of the reports of which a point is missing.
pub(crate) fn incomplete(held: &Held, reports: u64, series: u64) -> BTreeSet<u64> {
    let is_incomplete = |report: &u64| {
        let has = held.points().filter(|point| point.report == *report).count() as u64;
        has < series
    };
    (1..=reports).filter(is_incomplete).collect()
}
