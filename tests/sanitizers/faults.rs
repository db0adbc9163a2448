//! One fault of each kind, made on purpose: a sanitizer that does not see it would see none of ours either.

use std::cell::UnsafeCell;
use std::hint::black_box;
use std::sync::Barrier;
use std::thread;

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("race") => race(),
        Some("use-after-free") => use_after_free(),
        Some("leak") => leak(),
        _ => println!("faults race|use-after-free|leak"),
    }
}

struct Unguarded(UnsafeCell<u64>);

// SAFETY: none, which is the fault.
unsafe impl Sync for Unguarded {}

/// Two threads add to a number without an atomic or a lock.
fn race() {
    let number = Unguarded(UnsafeCell::new(0));
    let both = Barrier::new(2);
    let add = || {
        both.wait();
        for _ in 0..1_000 {
            let number = black_box(&number);
            // SAFETY: none, which is the fault.
            unsafe { *number.0.get() += 1 }
        }
    };
    thread::scope(|scope| {
        scope.spawn(add);
        scope.spawn(add);
    });
}

fn use_after_free() {
    let pointer = black_box(Box::into_raw(Box::new(7_u64)));
    // SAFETY: it came from a box.
    drop(unsafe { Box::from_raw(pointer) });
    // SAFETY: none, which is the fault.
    println!("{}", unsafe { pointer.read_volatile() });
}

/// On a thread of its own, so that no pointer to the block stays on the stack.
fn leak() {
    let thread = thread::spawn(|| std::mem::forget(black_box(Box::new([7_u64; 100]))));
    thread.join().expect("it does not panic");
}
