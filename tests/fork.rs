//! What a forked child has: the totals of its parent, storage that goes on working, and no reporter.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "there is no fork without")]
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

#[cfg(feature = "apptuit")]
#[path = "support/loopback.rs"]
#[allow(dead_code)]
mod loopback;

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tagmeter::report::{Outcome, Point, PushError, ReportNowError, Reporter, Rules, Sink, Status, StopError};
use tagmeter::{Histogram, Registry};

/// Values in a histogram's window.
fn in_window(histogram: &Histogram) -> u64 {
    histogram.value().window.map_or(0, |window| window.count())
}

/// One test at a time: a child has copies of all locks, also of those that another test's thread holds.
static ALONE: Mutex<()> = Mutex::new(());

/// Whether this holds in a forked child, which has half a minute.
fn holds_in_a_child(check: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child only uses what this crate promises to work in one, and leaves by `_exit`.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "no fork");
    if child == 0 {
        // SAFETY: ends a child that hangs; sets no handler.
        unsafe { libc::alarm(30) };
        let holds = check();
        // SAFETY: ends the child without running anything of the parent's.
        unsafe { libc::_exit(if holds { 0 } else { 1 }) }
    }
    let mut status = 0;
    // SAFETY: waits for that child; `status` is a local.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    status == 0
}

#[test]
fn a_child_counts_on_from_its_parents_totals_and_the_parent_sees_none_of_it() {
    let _alone = ALONE.lock();
    let registry = Registry::new();
    let (counter, sizes) =
        (registry.counter("hits"), registry.define("sizes").quantiles().histogram().unwrap());
    let record = || {
        counter.inc();
        sizes.record(1.0);
    };
    thread::scope(|scope| {
        scope.spawn(|| (0..100).for_each(|_| record()));
    });
    record();

    let right = || {
        (0..5).for_each(|_| record());
        counter.get() == 106
            && sizes.value().count() == 106
            && sizes.value().sum == 106.0
            && in_window(&sizes) == 106
    };
    assert!(holds_in_a_child(right), "the child saw other totals");
    assert_eq!((counter.get(), sizes.value().count(), in_window(&sizes)), (101, 101, 101));
}

/// Forks at moments that a thread does not know which records without a pause, into shared buckets and into cells of its
/// own: in the child that thread is gone, maybe in the middle.
#[test]
fn a_child_of_a_fork_in_the_middle_of_a_record_reads_whole_records_and_goes_on() {
    const FORKS: usize = 50;
    let _alone = ALONE.lock();
    let registry = Registry::new();
    let family = registry.define("tagged_sizes").tags(["of"]).histograms().unwrap();
    let histograms = [family.with(["x"]).clone(), registry.histogram("sizes")];
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                histograms.iter().for_each(|sizes| sizes.record(1.0));
            }
        });
        for _ in 0..FORKS {
            let read: Vec<u64> = histograms.iter().map(|sizes| sizes.value().count()).collect();
            let right = || histograms.iter().zip(read).all(|(sizes, read)| goes_on(sizes, read));
            assert!(holds_in_a_child(right), "torn, lower, or stopped for ever");
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// In the child: what is read is whole and no less than the parent had read, and soon grows with what the child records.
fn goes_on(sizes: &Histogram, read: u64) -> bool {
    let mut last = read;
    let mut count = || {
        let value = sizes.value();
        let whole = value.sum == value.count() as f64 && value.count() >= last;
        last = value.count();
        whole.then_some(last)
    };
    // A reader that is kept waiting twice has the histogram given cells.
    let first = (0..3).map(|_| count()).last().flatten();
    (0..5).for_each(|_| sizes.record(1.0));
    first.is_some_and(|first| count() == Some(first + 5))
}

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
    let _alone = ALONE.lock();
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

#[cfg(feature = "apptuit")]
#[test]
fn a_child_makes_requests_of_its_own() {
    use tagmeter::apptuit::{Client, DataPoint};
    let _alone = ALONE.lock();
    let server = loopback::Loopback::start();
    let client = Client::builder().token("t").endpoint(server.url()).timeout(Duration::from_secs(10));
    let client = client.ignore_environment().build().unwrap();
    let point = DataPoint::new("hits", [("host", "a")], 1, 1).unwrap();
    client.send(std::slice::from_ref(&point)).unwrap();
    assert!(holds_in_a_child(|| client.send(&[point]).is_ok_and(|outcome| outcome.successful == 1)));
    assert_eq!(server.drain().len(), 2);
}
