//! What goes wrong around recording, counted and said once.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;

use crate::cell::RecordingProblem;
use crate::metric::Common;
use crate::model::{Family, Kind, Number, SeriesList, Value};
use crate::name::Name;
use crate::unit::Unit;

/// Something that was not done as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Problem {
    /// A name that is taken by something else: the instrument works and is exposed nowhere.
    Conflict,
    /// An empty name: as above.
    EmptyName,
    /// More families than allowed: as above.
    TooManyFamilies,
    /// More series than allowed: recorded in the overflow series.
    TooManySeries,
    /// Typed tags that do not fit the family: recorded in the overflow series.
    UnfitTags,
    /// A collector's family that is already there, or a value that cannot be: left out.
    CollectorRefused,
    /// Labels that are those of no exemplar: recorded without.
    InvalidExemplar,
    /// A snapshot that may show a part of a group.
    SplitGroup,
    /// A collector that gave an error: without its families.
    CollectorFailed,
    /// A collector that took longer than it may: as above.
    CollectorLate,
    /// A family or series left out of a format because its exposed name is taken.
    LeftOut,
}

impl Problem {
    const ALL: [Problem; 11] = [
        Problem::Conflict,
        Problem::EmptyName,
        Problem::TooManyFamilies,
        Problem::TooManySeries,
        Problem::UnfitTags,
        Problem::CollectorRefused,
        Problem::InvalidExemplar,
        Problem::SplitGroup,
        Problem::CollectorFailed,
        Problem::CollectorLate,
        Problem::LeftOut,
    ];

    /// The `reason` it is exposed under.
    fn reason(self) -> &'static str {
        match self {
            Problem::Conflict => "conflict",
            Problem::EmptyName => "empty_name",
            Problem::TooManyFamilies => "too_many_families",
            Problem::TooManySeries => "too_many_series",
            Problem::UnfitTags => "unfit_tags",
            Problem::CollectorRefused => "collector_refused",
            Problem::InvalidExemplar => "invalid_exemplar",
            Problem::SplitGroup => "split_group",
            Problem::CollectorFailed => "collector_failed",
            Problem::CollectorLate => "collector_late",
            Problem::LeftOut => "left_out",
        }
    }
}

/// The problems of one registry.
#[derive(Debug)]
pub(crate) struct Problems {
    counts: [AtomicU64; Problem::ALL.len()],
    /// Where the instruments count what they refuse.
    common: Arc<Common>,
    said: Mutex<HashSet<(Problem, Name)>>,
}

/// How many problems are logged: a program that makes names out of outside input does not fill the disk with them.
const MOST_SAID: usize = 1000;
/// Where the numbers are shown.
const NAME: &str = "tagmeter_problems";

impl Problems {
    pub(crate) fn new(common: Arc<Common>) -> Self {
        Problems { counts: Default::default(), common, said: Mutex::default() }
    }

    /// Counts a problem and, the first time it meets this name, logs it.
    #[cold]
    pub(crate) fn note(&self, problem: Problem, name: &Name, what: impl FnOnce() -> String) {
        self.note_n(problem, name, 1, what);
    }

    /// The same for what happened several times.
    #[cold]
    pub(crate) fn note_n(&self, problem: Problem, name: &Name, times: u64, what: impl FnOnce() -> String) {
        // No lock is held: the logger may use this registry.
        if self.count(problem, name, times) {
            log::warn!("tagmeter: {}", what());
        }
    }

    /// Counts a problem; tells whether it has to be said.
    fn count(&self, problem: Problem, name: &Name, times: u64) -> bool {
        let first = {
            let mut said = self.said.lock();
            said.len() < MOST_SAID && said.insert((problem, name.clone()))
        };
        // What a format leaves out it leaves out again at each scrape: it is one problem.
        if first || problem != Problem::LeftOut {
            self.counts[problem as usize].fetch_add(times, Ordering::Relaxed);
        }
        first
    }

    /// `tagmeter_problems_total{reason="…"}`, once there is one.
    pub(crate) fn family(&self, start: SystemTime) -> Option<Family> {
        let own = Problem::ALL
            .into_iter()
            .map(|problem| (problem.reason(), self.counts[problem as usize].load(Ordering::Relaxed)));
        let refused = &self.common.refused;
        let recording =
            RecordingProblem::ALL.into_iter().map(|problem| (problem.reason(), refused.count(problem)));
        let series: SeriesList = own
            .chain(recording)
            .filter(|(_, count)| *count > 0)
            .map(|(reason, count)| ([("reason", reason)], Value::Counter(Number::Integer(count)), start))
            .collect();
        (!series.is_empty()).then(|| Family {
            name: Name::from(NAME),
            kind: Kind::Counter,
            help: Arc::from("What tagmeter could not do as asked, by reason."),
            unit: Unit::None,
            series,
        })
    }
}
