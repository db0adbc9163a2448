//! What does a series weigh?
//!
//! Counted by the allocator: bytes that are still there when all series are made, the most there were at any time,
//! and allocations. Then once more after a page was made, when whatever a scrape leaves behind is there too.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use tagmeter_benches::inputs::routes_and_users;
use tagmeter_benches::peers::series::{Peer, counters, histograms};
use tagmeter_benches::{Bench, Row};

/// The system's allocator, with a count.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the place came from `alloc` above, and so from the system.
        unsafe { System.dealloc(place, layout) }
    }
}

fn main() {
    let mut bench = Bench::new("memory");
    // At either size: an index that has just grown weighs twice what one does that is about to.
    bench.rows(weigh("100 000 counters of two tags, a series", &counters(), 100_000));
    bench.rows(weigh("1 000 000 counters of two tags, a series", &counters(), 1_000_000));
    bench.rows(weigh("10 000 histograms of two tags, a series", &histograms(), 10_000));
    bench.rows(weigh("100 000 histograms of two tags, a series", &histograms(), 100_000));
    bench.run();
}

fn weigh(group: &str, peers: &[Peer], series: usize) -> Vec<Row> {
    let tags = routes_and_users(series);
    let text: usize = tags.iter().map(|(route, user)| route.len() + user.len()).sum();
    let bare = Row::new("memory", group, "machine", "the tag values' text");
    let mut rows = vec![bare.with("bytes", text as f64 / series as f64)];
    rows.extend(peers.iter().map(|peer| weighed(group, peer, &tags)));
    rows
}

fn weighed(group: &str, peer: &Peer, tags: &[(String, String)]) -> Row {
    let family = (peer.make)();
    let before = LIVE.load(Ordering::Relaxed);
    let allocations = ALLOCATIONS.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    tags.iter().for_each(|(route, user)| family.touch(route, user));
    let each = |bytes: usize| bytes as f64 / tags.len() as f64;
    let since = |now: usize, before: usize| each(now.saturating_sub(before));
    let mut row = Row::new("memory", group, peer.name, peer.what)
        .with("bytes", since(LIVE.load(Ordering::Relaxed), before))
        .with("bytes_at_peak", since(PEAK.load(Ordering::Relaxed), before))
        .with("allocations", since(ALLOCATIONS.load(Ordering::Relaxed), allocations));
    if peer.has_page {
        let mut page = String::new();
        family.scrape(&mut page);
        PEAK.store(LIVE.load(Ordering::Relaxed), Ordering::Relaxed);
        let held = LIVE.load(Ordering::Relaxed);
        let allocations = ALLOCATIONS.load(Ordering::Relaxed);
        family.scrape(&mut page);
        row = row
            .with("bytes_during_a_second_scrape", since(PEAK.load(Ordering::Relaxed), held))
            .with("allocations_of_a_second_scrape", since(ALLOCATIONS.load(Ordering::Relaxed), allocations));
        drop(page);
        row = row.with("bytes_after_scrapes", since(LIVE.load(Ordering::Relaxed), before));
    }
    row
}
