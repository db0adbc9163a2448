//! What a forked child has: the totals of its parent, and storage that goes on working.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "there is no fork without")]

use std::thread;

use tagmeter::{Histogram, Registry};

/// Values in a histogram's window.
fn in_window(histogram: &Histogram) -> u64 {
    histogram.value().window.map_or(0, |window| window.count())
}

#[test]
fn a_child_counts_on_from_its_parents_totals_and_the_parent_sees_none_of_it() {
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

    // SAFETY: the child only uses what this crate promises to work in one, and leaves by `_exit`.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "no fork");
    if child == 0 {
        (0..5).for_each(|_| record());
        let right = counter.get() == 106
            && sizes.value().count() == 106
            && sizes.value().sum == 106.0
            && in_window(&sizes) == 106;
        // SAFETY: ends the child without running anything of the parent's.
        unsafe { libc::_exit(if right { 0 } else { 1 }) }
    }
    let mut status = 0;
    // SAFETY: waits for that child; `status` is a local.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "the child saw other totals");
    assert_eq!((counter.get(), sizes.value().count(), in_window(&sizes)), (101, 101, 101));
}
