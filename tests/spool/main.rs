//! Reporters with a backlog on disk, on real disks that fail and in processes that end.
#![cfg(all(unix, feature = "spool"))]
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod child;
mod crash;
mod failing;
mod owner;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tagmeter::report::{
    Outcome, Point, PushError, ReportError, Reporter, ReporterBuilder, Rules, Sink, Spool, Status, Survives,
};
use tagmeter::tag::Environment;
use tagmeter::{Gauge, Registry};

/// Far more than anything takes here.
const FOREVER: Duration = Duration::from_secs(60);

/// A directory of a test's, which goes with it.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("tagmeter-spools-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Place(path)
    }

    fn spool(&self) -> PathBuf {
        self.0.join("spool")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A backend that is up or down.
#[derive(Clone, Default)]
struct Backend(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    is_up: bool,
    /// The values it took, in order.
    taken: Vec<f64>,
    /// What the error handler was told, besides what was not delivered.
    told: Vec<String>,
}

impl Sink for Backend {
    fn name(&self) -> &str {
        "backend"
    }

    fn rules(&self) -> Rules {
        Rules::default()
    }

    fn push(&mut self, batch: &[Point], _: Instant) -> Result<Outcome, PushError> {
        let points = batch.len();
        let mut state = self.0.lock().unwrap();
        if !state.is_up {
            return Err(PushError::Unreachable { points, reason: "down".into() });
        }
        state.taken.extend(batch.iter().map(|point| point.value));
        Ok(Outcome::all(points))
    }
}

impl Backend {
    fn up() -> Self {
        let backend = Backend::default();
        backend.be(true);
        backend
    }

    fn be(&self, is_up: bool) {
        self.0.lock().unwrap().is_up = is_up;
    }

    fn taken(&self) -> Vec<f64> {
        self.0.lock().unwrap().taken.clone()
    }

    fn told(&self) -> Vec<String> {
        self.0.lock().unwrap().told.clone()
    }

    /// A reporter to it that pushes nothing of its own.
    fn reporter(&self, registry: &Registry) -> ReporterBuilder<Backend> {
        let state = self.0.clone();
        let tell = move |error: &ReportError| {
            if error.failed == 0 {
                state.lock().unwrap().told.extend(error.messages.clone());
            }
        };
        let builder = Reporter::new(registry, self.clone()).push_own_metrics(false).on_error(tell);
        builder.host_tag(false).tags([("host", "a")]).environment(Environment::empty())
    }
}

/// A reporter of one number, which each report has another of.
struct Numbered {
    reporter: Reporter,
    number: Gauge,
    backend: Backend,
}

impl Numbered {
    fn start(backend: &Backend, spool: impl Into<Spool>) -> Self {
        let registry = Registry::new();
        let number = registry.gauge("number");
        let reporter = backend.reporter(&registry).spool(spool).start().unwrap();
        Numbered { reporter, number, backend: backend.clone() }
    }

    fn report(&self, number: u32) {
        self.number.set(number.into());
        assert_eq!(self.reporter.report_now().unwrap().points, 1);
    }

    fn status(&self) -> Status {
        self.reporter.status()
    }

    /// Why the spool takes or gives no points now.
    fn failure(&self) -> Option<String> {
        self.status().spool.unwrap().failure
    }

    /// What has to hold between two reports.
    fn check(&self) -> Status {
        let status = self.status();
        assert_eq!(status.accepted, status.delivered + status.dropped.total() + status.backlog_points as u64);
        assert_eq!(status.delivered, self.backend.taken().len() as u64);
        status
    }
}

/// What a spool has, delivered by a reporter that has nothing of its own to report; and how many of its points it counted
/// as lost.
fn delivered_from(spool: &Path) -> (Vec<f64>, u64) {
    let (registry, backend) = (Registry::new(), Backend::up());
    let reporter = backend.reporter(&registry).spool(spool).start().unwrap();
    reporter.report_now().unwrap();
    let status = reporter.status();
    assert_eq!(status.accepted, status.delivered + status.dropped.unreadable);
    assert_eq!((status.backlog_points, status.backlog_bytes), (0, 0));
    reporter.stop(FOREVER).unwrap();
    (backend.taken(), status.dropped.unreadable)
}

fn numbers(range: impl Iterator<Item = u32>) -> Vec<f64> {
    range.map(f64::from).collect()
}
