//! What became of a collector's runs, on the page of its registry.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use crate::model::{Family, Kind, Number, SeriesList, SummaryValue, Value};
use crate::name::Name;
use crate::tag::Tags;
use crate::unit::Unit;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// With families.
    Ok,
    /// With an error that it gave.
    Error,
    /// With a panic.
    Panic,
    /// Not within its time.
    Timeout,
}

impl Outcome {
    const ALL: [Outcome; 4] = [Outcome::Ok, Outcome::Error, Outcome::Panic, Outcome::Timeout];

    fn word(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Error => "error",
            Outcome::Panic => "panic",
            Outcome::Timeout => "timeout",
        }
    }
}

/// The runs of one collector.
#[derive(Debug)]
pub(super) struct Ledger {
    name: Name,
    start: SystemTime,
    runs: Mutex<Runs>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Runs {
    by_outcome: [u64; Outcome::ALL.len()],
    ended: u64,
    taken: Duration,
}

impl Ledger {
    pub(super) fn new(name: Name, start: SystemTime) -> Self {
        Ledger { name, start, runs: Mutex::default() }
    }

    /// Counts a run by its outcome: each once.
    pub(super) fn count(&self, outcome: Outcome) {
        self.runs.lock().by_outcome[outcome as usize] += 1;
    }

    /// Adds the time of a run that has ended, however late.
    pub(super) fn took(&self, time: Duration) {
        let mut runs = self.runs.lock();
        runs.ended += 1;
        runs.taken = runs.taken.saturating_add(time);
    }
}

/// Makes the families that tell of collectors.
#[derive(Debug, Default)]
pub(super) struct Report {
    seconds: SeriesList,
    runs: SeriesList,
    ages: SeriesList,
}

impl Report {
    /// Adds a collector, and how old its families are where they are kept.
    pub(super) fn add(&mut self, ledger: &Ledger, age: Option<Duration>) {
        let Ledger { name, start, .. } = ledger;
        let runs = *ledger.runs.lock();
        let tags = Tags::from([("collector", name.as_str())]);
        let taken = SummaryValue {
            count: runs.ended,
            sum: runs.taken.as_secs_f64(),
            sum_can_fall: false,
            quantiles: Vec::new(),
        };
        self.seconds.push(tags.clone(), taken.into(), *start);
        for (outcome, count) in Outcome::ALL.into_iter().zip(runs.by_outcome) {
            let tags = Tags::from([("outcome", outcome.word())]).over(&tags);
            self.runs.push(tags, Value::Counter(Number::Integer(count)), *start);
        }
        if let Some(age) = age {
            self.ages.push(tags, Value::Gauge(age.as_secs_f64()), *start);
        }
    }

    /// The families that are not empty.
    pub(super) fn into_families(self) -> impl Iterator<Item = Family> {
        let family = |name: &str, kind, unit, help: &str, series| Family {
            name: name.into(),
            kind,
            help: Arc::from(help),
            unit,
            series,
        };
        let families = [
            family(
                "tagmeter_collector_seconds",
                Kind::Summary,
                Unit::Seconds,
                "Time that runs of a collector took.",
                self.seconds,
            ),
            family("tagmeter_collector_runs", Kind::Counter, Unit::None, "Runs of a collector.", self.runs),
            family(
                "tagmeter_collector_age_seconds",
                Kind::Gauge,
                Unit::Seconds,
                "Time since the families that a collector shows were read.",
                self.ages,
            ),
        ];
        families.into_iter().filter(|family| !family.series.is_empty())
    }
}
