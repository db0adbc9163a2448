//! The instrumented program, as a process: a registry, a reporter with short intervals, and orders by standard input.

use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tagmeter::Registry;
use tagmeter::report::{
    Apptuit, Fate, Outcome, Point, PushError, Report, Reporter, Rules, Sink, Spool, Status, Survives,
};
use tagmeter::tag::Environment;

use crate::process::{PATIENCE, Process, command, say, wait_until};

/// The variable that says so, and how.
pub(crate) const ROLE: &str = "TAGMETER_MATRIX_PROGRAM";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) endpoint: String,
    pub(crate) every: Duration,
    /// The longest time for one request.
    pub(crate) timeout: Duration,
    /// The time for the end.
    pub(crate) stop: Duration,
    pub(crate) series: u64,
    /// The most points in one push.
    pub(crate) batch: usize,
    pub(crate) backlog_points: Option<usize>,
    /// Tells the lives of a program apart.
    pub(crate) life: u64,
    /// A directory.
    pub(crate) spool: Option<PathBuf>,
    /// Whether its points survive the end of the machine, or only that of the program.
    pub(crate) survives_power_loss: bool,
}

/// Time between two reports, where a case does not say otherwise.
pub(crate) const EVERY: Duration = Duration::from_millis(50);

/// More than ever waits, and little enough for the spool to need many files: each has a sixteenth.
const SPOOL_BYTES: u64 = 1 << 20;

impl Settings {
    /// Twenty points a report, in three pushes.
    pub(crate) fn to(endpoint: &str) -> Settings {
        Settings {
            endpoint: endpoint.to_owned(),
            every: EVERY,
            timeout: Duration::from_secs(30),
            stop: PATIENCE,
            series: 20,
            batch: 8,
            backlog_points: None,
            life: 0,
            spool: None,
            survives_power_loss: false,
        }
    }
}

/// How the reporter of a program is doing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// Reports that were made.
    pub(crate) reports: u64,
    pub(crate) accepted: u64,
    pub(crate) delivered: u64,
    pub(crate) refused: u64,
    pub(crate) overflow: u64,
    pub(crate) stopped: u64,
    pub(crate) superseded: u64,
    pub(crate) unreadable: u64,
    pub(crate) waiting: u64,
    pub(crate) pushes: u64,
    pub(crate) failed_pushes: u64,
    pub(crate) last_error: Option<String>,
    /// Points that wait on disk.
    pub(crate) on_disk: u64,
    /// Why the disk takes none now.
    pub(crate) spool_failure: Option<String>,
}

impl Figures {
    pub(crate) fn dropped(&self) -> u64 {
        self.refused + self.overflow + self.stopped + self.superseded + self.unreadable
    }
}

/// The order to report until the end.
pub(crate) const REPORT_ON: &str = "report on";

/// What a program says that reports on.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Made {
    /// Reports that have been made: what could not be delivered waits.
    pub(crate) reports: u64,
    /// Points that are counted as dropped.
    pub(crate) dropped: u64,
}

/// A running program, as its parent sees it.
pub(crate) struct Program {
    process: Process,
    pub(crate) settings: Settings,
}

impl Program {
    pub(crate) fn start(settings: Settings) -> Program {
        Program::start_by(&mut command(ROLE, &settings), settings)
    }

    /// Started by a command with more to it.
    pub(crate) fn start_by(command: &mut Command, settings: Settings) -> Program {
        let process = Process::start(command);
        assert_eq!(process.next(), "started");
        Program { process, settings }
    }

    pub(crate) fn figures(&mut self) -> Figures {
        serde_json::from_str(&self.process.ask("figures")).unwrap()
    }

    /// Waits until they are so.
    pub(crate) fn wait_for(&mut self, what: &str, is_so: impl Fn(&Figures) -> bool) -> Figures {
        let mut figures = Figures::default();
        wait_until(what, || {
            figures = self.figures();
            is_so(&figures)
        });
        figures
    }

    /// Waits for so many reports more.
    pub(crate) fn report(&mut self, more: u64) -> Figures {
        let now = self.figures().reports;
        self.wait_for("more reports", |figures| figures.reports >= now + more)
    }

    /// Waits until nothing waits for the backend, and the newest points have arrived.
    pub(crate) fn catch_up(&mut self) {
        self.wait_for("everything to arrive", |figures| {
            figures.waiting == 0 && figures.accepted == figures.delivered + figures.dropped()
        });
    }

    /// Ends it at once, by SIGKILL.
    pub(crate) fn kill(mut self) {
        self.process.kill();
    }

    /// Stops the reporter; what came of all its points.
    pub(crate) fn stop(mut self) -> Figures {
        let figures = serde_json::from_str(&self.process.ask("stop")).unwrap();
        self.process.ended();
        figures
    }
}

/// Reports until it is told to stop, or nobody is there to tell it.
pub(crate) fn run(settings: &Settings) -> ExitCode {
    let reports = Arc::new(AtomicU64::new(0));
    let registry = registry(settings, &reports);
    let reporter = start(settings, &registry);
    say("started");
    for order in io::stdin().lines().map_while(Result::ok) {
        match order.as_str() {
            "figures" => tell(&figures(&reporter.status(), &reports)),
            REPORT_ON => report_on(&reporter, &reports),
            "stop" => {
                tell(&stop(reporter, settings.stop, &reports));
                return ExitCode::SUCCESS;
            }
            _ => panic!("{order:?} is no order"),
        }
    }
    std::process::exit(1);
}

/// Series whose value is the number of the report that reads them, so that no two points are the same.
fn registry(settings: &Settings, reports: &Arc<AtomicU64>) -> Registry {
    let registry = Registry::new();
    for series in 0..settings.series {
        // The first tells of all: they are read together.
        let number = if series == 0 { reports.clone() } else { Arc::default() };
        let tags = [("series", series.to_string()), ("life", settings.life.to_string())];
        registry.counter_fn(("reports", tags), move || number.fetch_add(1, Ordering::SeqCst) + 1);
    }
    registry
}

fn start(settings: &Settings, registry: &Registry) -> Reporter {
    let sink = Apptuit::builder()
        .token("any")
        .endpoint(&settings.endpoint)
        .timeout(settings.timeout)
        .environment(Environment::empty())
        .build()
        .unwrap();
    let mut builder = Reporter::new(registry, InBatches { sink, batch: settings.batch })
        .every(settings.every)
        .push_own_metrics(false)
        .host_tag(false)
        .environment(Environment::empty())
        .on_error(|_| ());
    if let Some(points) = settings.backlog_points {
        builder = builder.backlog_points(points);
    }
    if let Some(directory) = &settings.spool {
        let survives = if settings.survives_power_loss { Survives::PowerLoss } else { Survives::Kill };
        builder = builder.spool(Spool::in_dir(directory).max_bytes(SPOOL_BYTES).survives(survives));
    }
    builder.start().unwrap()
}

/// Apptuit in pushes of a few points, so that a fault can hit a report in its middle.
struct InBatches {
    sink: Apptuit,
    batch: usize,
}

impl Sink for InBatches {
    fn name(&self) -> &str {
        self.sink.name()
    }

    fn rules(&self) -> Rules {
        Rules { max_batch: self.batch, ..self.sink.rules() }
    }

    fn push(&mut self, batch: &[Point], deadline: Instant) -> Result<Outcome, PushError> {
        self.sink.push(batch, deadline)
    }

    fn fate(&self, error: &PushError) -> Fate {
        self.sink.fate(error)
    }
}

fn figures(status: &Status, reports: &AtomicU64) -> Figures {
    Figures {
        reports: reports.load(Ordering::SeqCst),
        accepted: status.accepted,
        delivered: status.delivered,
        refused: status.dropped.refused,
        overflow: status.dropped.overflow,
        stopped: status.dropped.stopped,
        superseded: status.dropped.superseded,
        unreadable: status.dropped.unreadable,
        waiting: status.backlog_points as u64,
        pushes: status.pushes,
        failed_pushes: status.failed_pushes,
        last_error: status.last_error.as_ref().map(ToString::to_string),
        on_disk: status.spool.as_ref().map_or(0, |spool| spool.points as u64),
        spool_failure: status.spool.as_ref().and_then(|spool| spool.failure.clone()),
    }
}

/// Reports besides the schedule until it is killed, and says after each how many reports had been made by then at least:
/// they are made one by one.
fn report_on(reporter: &Reporter, reports: &AtomicU64) -> ! {
    loop {
        let made = reports.load(Ordering::SeqCst) + 1;
        reporter.report_now().unwrap();
        say(serde_json::to_string(&Made { reports: made, dropped: reporter.status().dropped.total() })
            .unwrap());
    }
}

/// What was told before the end, and what the last report says of it.
fn stop(reporter: Reporter, timeout: Duration, reports: &AtomicU64) -> Figures {
    reporter.pause();
    // Made after whatever was in flight: nothing moves the figures afterwards.
    reporter.report_now().unwrap();
    let before = figures(&reporter.status(), reports);
    let last = reporter.stop(timeout).unwrap();
    Figures {
        reports: reports.load(Ordering::SeqCst),
        accepted: before.accepted + last.points as u64,
        delivered: before.delivered + (last.successful + last.caught_up) as u64,
        refused: before.refused + told(&last, "points were refused"),
        overflow: before.overflow + told(&last, "the backlog is full"),
        stopped: before.stopped + told(&last, "the reporter was stopped"),
        waiting: last.waiting as u64,
        ..before
    }
}

/// Points that the last report's errors of a kind are about.
fn told(last: &Report, kind: &str) -> u64 {
    let is_of_kind = |message: &String| message.starts_with(kind);
    let errors = last.errors.iter().filter(|error| error.messages.first().is_some_and(is_of_kind));
    errors.map(|error| error.failed as u64).sum()
}

fn tell(figures: &Figures) {
    say(serde_json::to_string(figures).unwrap());
}
