//! Ten thousand threads that come, count and go leave nothing behind.
#![allow(unsafe_code, reason = "a global allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tagmeter::{Counter, Registry};

/// Bytes that are allocated now. What the system has for the process would depend on its allocator, or a sanitizer's.
static LIVE: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: every call is handed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are those of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn short_lived_threads_leave_memory_flat() {
    let registry = Registry::new();
    let counters: Vec<Counter> = (0..200).map(|n| registry.counter(format!("c{n}"))).collect();
    let sizes = registry.define("sizes").quantiles().histogram().unwrap();
    let spawn = |threads: usize| {
        for _ in 0..threads {
            let thread = || {
                counters.iter().for_each(Counter::inc);
                sizes.record(1.0);
            };
            // `join` waits until the thread's locals are gone; the end of a scope does not.
            thread::scope(|scope| scope.spawn(thread).join().unwrap());
        }
    };
    spawn(1_000);
    let before = LIVE.load(Ordering::Relaxed);
    spawn(9_000);
    let grown = LIVE.load(Ordering::Relaxed).saturating_sub(before);
    assert_eq!((counters[7].get(), sizes.value().count()), (10_000, 10_000));
    // A set of cells is 2 KiB here: one a thread would be 18 MB.
    assert!(grown < 1024, "{grown} bytes more after 9 000 threads");
}
