//! What a forked child has: the totals of its parent, and storage that goes on working.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

#[path = "support/fork.rs"]
mod fork;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use fork::{alone, holds_in_a_child};
use tagmeter::{Histogram, Registry};

/// Values in a histogram's window.
fn in_window(histogram: &Histogram) -> u64 {
    histogram.value().window.map_or(0, |window| window.count())
}

#[test]
fn a_child_counts_on_from_its_parents_totals_and_the_parent_sees_none_of_it() {
    let _alone = alone();
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
    let _alone = alone();
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
