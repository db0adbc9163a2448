//! Scopes that come and go leave no memory behind, counted by the allocator.
#![allow(unsafe_code, reason = "a global allocator cannot be written without")]
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tagmeter::{Registry, Unit};

/// The system's allocator, with a count of what is in use.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the place came from `alloc` above, and so from the system.
        unsafe { System.dealloc(place, layout) }
    }
}

/// Makes a scope with everything that can be registered, uses it, has it read, and drops it.
fn come_and_go(registry: &Registry, n: usize) {
    let tenant = registry.scope("tenant_", [("tenant", n.to_string())]);
    let requests = tenant.define("requests").help("Requests.").tags(["route"]).counters().unwrap();
    requests.with(["/orders"]).inc();
    tenant
        .define("request")
        .tags(["route"])
        .native(Default::default())
        .quantiles()
        .timers()
        .unwrap()
        .with(["/"])
        .record(Duration::from_millis(3));
    tenant.define("sent").unit(Unit::Bytes).histogram().unwrap().record(512.0);
    tenant
        .define("peers")
        .tags(["peer"])
        .removable()
        .gauges()
        .unwrap()
        .with([n.to_string()], |gauge| gauge.set(1.0));
    tenant.meter("rate").mark();
    drop(tenant.up_down("running").in_progress());
    tenant.info("build").set([("version", "1")]);
    tenant.state_set("mode", ["on", "off"]).switch_to("on");
    let text = n.to_string();
    tenant.gauge_fn("length", move || text.len() as f64);
    tenant.counter_fn("seen", move || n as u64);
    tenant.collector("own", |families| _ = families.gauge("own", "Own.").set((), 1.0));
    if n.is_multiple_of(10) {
        let page = registry.snapshot().to_text();
        assert!(page.contains(&format!("tenant_own{{tenant=\"{n}\"}} 1\n")), "{page}");
    }
}

/// Bytes that are in use after a thousand more.
fn after_a_thousand(registry: &Registry) -> usize {
    (0..1000).for_each(|n| come_and_go(registry, n));
    assert!(registry.snapshot().families().is_empty());
    LIVE.load(Ordering::Relaxed)
}

/// One test, since whatever runs beside it would be counted too. To the byte, once the first have made what all share:
/// a thread's pages, room in tables.
#[test]
fn a_thousand_scopes_that_are_gone_leave_nothing() {
    let registry = Registry::new();
    let first = after_a_thousand(&registry);
    for round in 1..4 {
        let again = after_a_thousand(&registry);
        assert_eq!(again, first, "round {round}");
    }
    drop(registry);
    assert!(LIVE.load(Ordering::Relaxed) < first);
}
