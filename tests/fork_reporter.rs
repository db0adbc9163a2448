//! What a forked child has of a reporter: nothing that waits, and room for one of its own.
//!
//! Apart from `fork.rs`, which runs under sanitizers: they do not stand threads that begin in a child.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

#[path = "support/fork.rs"]
mod fork;
#[cfg(feature = "apptuit")]
#[path = "support/loopback.rs"]
#[allow(dead_code)]
mod loopback;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fork::{alone, holds_in_a_child};
use tagmeter::Registry;
use tagmeter::report::{Outcome, Point, PushError, ReportNowError, Reporter, Rules, Sink, Status, StopError};

/// Counts the points it is given.
struct Counting(Arc<AtomicUsize>);

impl Sink for Counting {
    fn name(&self) -> &str {
        "counting"
    }

    fn rules(&self) -> Rules {
        Rules::default()
    }

    fn push(&mut self, batch: &[Point], _: Instant) -> Result<Outcome, PushError> {
        self.0.fetch_add(batch.len(), Ordering::SeqCst);
        Ok(Outcome::all(batch.len()))
    }
}

#[test]
fn a_child_is_told_that_its_reporter_is_in_the_parent_and_can_start_another() {
    let _alone = alone();
    let (registry, pushed) = (Registry::new(), Arc::new(AtomicUsize::new(0)));
    registry.counter("hits").inc();
    let start = || Reporter::new(&registry, Counting(pushed.clone())).start().unwrap();
    let (stopped, dropped) = (Cell::new(Some(start())), Cell::new(Some(start())));
    assert!(registry.snapshot().to_text().contains("tagmeter_reporter_points_total"));
    let right = || {
        let (stopped, dropped) = (stopped.take().unwrap(), dropped.take());
        stopped.pause();
        stopped.resume();
        let told = stopped.report_now() == Err(ReportNowError::Forked)
            && stopped.status() == Status::default()
            && stopped.stop(Duration::from_secs(5)) == Err(StopError::Forked);
        drop(dropped);
        let nothing_came = pushed.load(Ordering::SeqCst) == 0;
        let unlisted = !registry.snapshot().to_text().contains("tagmeter_reporter");
        let own = start().stop(Duration::from_secs(5)).is_ok_and(|last| last.successful == 1);
        told && nothing_came && unlisted && own
    };
    assert!(holds_in_a_child(right));
    let last = stopped.take().unwrap().stop(Duration::from_secs(5)).unwrap();
    assert_eq!((last.successful, pushed.load(Ordering::SeqCst)), (1, 1));
}

#[cfg(feature = "spool")]
#[test]
fn a_child_has_no_part_in_the_spool_of_its_parent() {
    use tagmeter::report::{SpoolError, StartError};

    let _alone = alone();
    let (registry, pushed) = (Registry::new(), Arc::new(AtomicUsize::new(0)));
    registry.counter("hits").inc();
    let directory = std::env::temp_dir().join(format!("tagmeter-fork-{}", std::process::id()));
    let start = || Reporter::new(&registry, Counting(pushed.clone())).spool(directory.as_path()).start();
    let reporter = Cell::new(Some(start().unwrap()));
    let right = || {
        let in_use = || matches!(start(), Err(StartError::Spool(SpoolError::InUse { .. })));
        let before = in_use();
        drop(reporter.take());
        before && in_use()
    };
    assert!(holds_in_a_child(right));
    assert!(
        matches!(start(), Err(StartError::Spool(SpoolError::InUse { .. }))),
        "the child has not let go of it"
    );
    reporter.take().unwrap().stop(Duration::from_secs(5)).unwrap();
    drop(start().unwrap());
    std::fs::remove_dir_all(directory).unwrap();
}

#[cfg(feature = "apptuit")]
#[test]
fn a_child_makes_requests_of_its_own() {
    use tagmeter::apptuit::{Client, DataPoint};

    let _alone = alone();
    let server = loopback::Loopback::start();
    let client = Client::builder().token("t").endpoint(server.url()).timeout(Duration::from_secs(10));
    let client = client.ignore_environment().build().unwrap();
    let point = DataPoint::new("hits", [("host", "a")], 1, 1).unwrap();
    client.send(std::slice::from_ref(&point)).unwrap();
    assert!(holds_in_a_child(|| client.send(&[point]).is_ok_and(|outcome| outcome.successful == 1)));
    assert_eq!(server.drain().len(), 2);
}
