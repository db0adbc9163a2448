//! What a scrape allocates: something for each family and each thousand series, nothing for a sample.
#![allow(unsafe_code, reason = "a global allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io;

use tagmeter::Registry;
use tagmeter::encode::{openmetrics, text};

thread_local! {
    /// Allocations of this thread, bytes it holds, and the most it held.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST_HELD: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

fn note(allocations: usize, bytes: isize) {
    // A thread that ends has no thread-locals any more, and nothing to test.
    let _ = ALLOCATIONS.try_with(|all| all.set(all.get() + allocations));
    let held = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        held.get()
    });
    let _ = held.map(|held| MOST_HELD.try_with(|most| most.set(most.get().max(held))));
}

// SAFETY: every call is handed on to the system's allocator as it is; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as isize);
        // SAFETY: the caller's promises are those of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(0, -(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many allocations `work` makes, and how many bytes it holds at most beyond those held before.
fn measured(work: impl FnOnce()) -> (usize, isize) {
    let (allocations, held) = (ALLOCATIONS.get(), HELD.get());
    MOST_HELD.set(held);
    work();
    (ALLOCATIONS.get() - allocations, MOST_HELD.get() - held)
}

/// A registry with so many counters and gauges.
fn registry(series: usize) -> Registry {
    let registry = Registry::new();
    let hits = registry
        .define("hits")
        .help("Hits.")
        .tags(["n"])
        .max_series(series)
        .counters()
        .expect("the name is free");
    let levels = registry
        .define("level")
        .help("Levels.")
        .tags(["n"])
        .max_series(series)
        .gauges()
        .expect("the name is free");
    for n in 0..series {
        hits.with([&n.to_string()]).add(n as u64);
        levels.with([&n.to_string()]).set(n as f64 / 8.0);
    }
    registry
}

fn text_scrape(registry: &Registry) {
    text::encode_into(&registry.snapshot(), &mut io::sink()).expect("a sink takes all");
}

/// Chunks of series that share their tags' memory hold this many.
const CHUNK: usize = 1024;

#[test]
fn a_scrape_allocates_by_families_and_chunks_and_not_by_samples() {
    let allocations_of = |series| {
        let registry = registry(series);
        // The first scrape renders labels.
        text_scrape(&registry);
        measured(|| text_scrape(&registry)).0
    };
    let (few, many) = (allocations_of(CHUNK), allocations_of(10 * CHUNK));
    // Two families, nine chunks more each; values, starts, and lists of chunks that grow.
    assert!(
        many - few <= 2 * 9 * 3,
        "{few} allocations for {CHUNK} series a family, {many} for ten times as many"
    );
    assert!(few < 100, "{few} allocations for two families");
}

#[test]
fn a_page_that_is_written_takes_a_chunk_and_not_its_size() {
    let registry = registry(10 * CHUNK);
    let snapshot = registry.snapshot();
    let length = snapshot.to_text().len();
    let (_, text) = measured(|| drop(text::encode_into(&snapshot, &mut io::sink())));
    let (_, strict) = measured(|| drop(openmetrics::encode_into(&snapshot, &mut io::sink())));
    assert!(text < 80 * 1024 && strict < 80 * 1024, "{text} and {strict} bytes for a page of {length}");
    assert!(length > 4 * 80 * 1024);
}
