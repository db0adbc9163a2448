//! A program whose allocator counts: every allocation records, those inside this crate too.
#![allow(unsafe_code, reason = "a global allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::OnceLock;
use std::thread;

use tagmeter::metric::SpanIds;
use tagmeter::{Counter, Histogram, Registry};

static ALLOCATIONS: Counter = Counter::new("allocations");
/// With quantiles, in cells and shared.
static SIZES: OnceLock<[Histogram; 2]> = OnceLock::new();
/// By hand, and with the span that is running.
static EXEMPLIFIED: OnceLock<[Counter; 2]> = OnceLock::new();

thread_local! {
    /// Whether this thread's allocations are counted: not before `main` begins, when there is nothing to test.
    static COUNTED: Cell<bool> = const { Cell::new(false) };
}

struct Counting;

// SAFETY: every call is handed on to the system's allocator as it is; counting allocates through this same allocator,
// which the counter expects, and frees nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if COUNTED.try_with(Cell::get).unwrap_or(false) {
            ALLOCATIONS.inc();
            if let Some([by_hand, automatic]) = EXEMPLIFIED.get() {
                by_hand.inc_with_exemplar([("trace_id", "4bf92f3577b34da6")]);
                automatic.inc();
            }
            SIZES.get().into_iter().flatten().for_each(|sizes| sizes.record(layout.size() as f64));
        }
        // SAFETY: the caller's promises are those of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn an_allocator_that_records_neither_loops_nor_hangs() {
    // Bound before it is used inside the allocator: binding takes the registry's lock.
    ALLOCATIONS.inc();
    let span = || Some(SpanIds::new([7; 16], [1; 8]));
    let registry = Registry::builder().exemplars_from(span).build();
    let exemplified = [registry.counter("by_hand"), registry.define("spans").exemplars().counter().unwrap()];
    let exemplified = EXEMPLIFIED.get_or_init(|| exemplified);
    let sizes = [
        registry.define("bytes").quantiles().histogram().unwrap(),
        registry.define("tagged_bytes").quantiles().tags(["of"]).histograms().unwrap().with(["x"]).clone(),
    ];
    let [own, shared] = SIZES.get_or_init(|| sizes);
    let before = ALLOCATIONS.get();
    COUNTED.set(true);
    for n in 0..1_000 {
        registry.counter(format!("c{n}")).inc();
    }
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let registry = registry.clone();
            thread::spawn(move || {
                COUNTED.set(true);
                for n in 0..1_000 {
                    registry.counter(format!("c{n}")).inc();
                }
                registry.histogram("sizes").record(1.0);
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let snapshot = registry.snapshot();
    COUNTED.set(false);
    for (counter, name) in exemplified.iter().zip(["by_hand", "spans"]) {
        let family = snapshot.families().iter().find(|family| family.name == name).unwrap();
        assert_eq!(family.series.first().unwrap().exemplars().count(), 1, "{name}");
        assert_eq!(counter.get(), ALLOCATIONS.get() - before, "{name}");
    }
    assert_eq!(registry.value("c7"), Some(9.0));
    assert!(ALLOCATIONS.get() - before > 9_000, "{} allocations", ALLOCATIONS.get() - before);
    let values = [own.value(), shared.value()];
    for value in &values {
        let in_window = value.window.as_ref().map_or(0, |window| window.count());
        // Not in a window: what was recorded while windows had to grow inside one another.
        let missing = value.count() - in_window;
        assert!(missing * 100 < value.count(), "{missing} of {}", value.count());
    }
}
