//! Counts of sources that begin anew.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::SystemTime;

use tagmeter::registry::Staged;

use super::*;

/// A registry that shows a source's count, and the source.
fn mirrored(keep: bool) -> (Registry, Arc<AtomicU64>) {
    let (registry, source) = (Registry::new(), Arc::new(AtomicU64::new(100)));
    let count = source.clone();
    registry.collector("source", move |families| {
        let rows = families.counter("packets", "Packets.");
        let rows = if keep { rows.monotone() } else { rows };
        rows.set([("device", "eth0")], count.load(Ordering::Relaxed));
    });
    (registry, source)
}

const PACKETS: (&str, [(&str, &str); 1]) = ("packets", [("device", "eth0")]);

#[test]
fn a_count_kept_from_falling_never_does_and_tells_every_increase() {
    let (registry, source) = mirrored(true);
    let (mut before, mut increases) = (registry.snapshot(), Vec::new());
    for shown in [130, 130, 20, 25, 3] {
        source.store(shown, Ordering::Relaxed);
        let now = registry.snapshot();
        increases.push(now.clone().since(&before).value(PACKETS).unwrap());
        before = now;
    }
    assert_eq!(increases, [30.0, 0.0, 20.0, 5.0, 3.0]);
    assert_eq!(before.value(PACKETS), Some(158.0));
}

#[test]
fn a_count_that_is_shown_as_it_is_falls_with_its_source() {
    let (registry, source) = mirrored(false);
    source.store(30, Ordering::Relaxed);
    assert_eq!(registry.value(PACKETS), Some(30.0));
}

#[test]
fn a_series_that_is_missing_for_a_while_goes_on() {
    let registry = Registry::new();
    let set = registry.staged("source");
    let show = |count: Option<u64>| {
        set.publish(|families| {
            let rows = families.counter("packets", "").monotone();
            count.into_iter().fold(rows, |rows, count| rows.set([("device", "eth0")], count));
        });
        registry.value(PACKETS)
    };
    let shown = [Some(9), Some(2), None, Some(5), Some(1)].map(show);
    assert_eq!(shown, [Some(9.0), Some(11.0), None, Some(14.0), Some(15.0)]);
}

/// A staged set of monotone counters: series from a number on that all show one count, and how the filling ends.
fn fill(set: &Staged, numbers: Range<usize>, count: u64, ends: fn() -> Result<(), ()>) {
    let filled = catch_unwind(AssertUnwindSafe(|| {
        set.try_publish(|families| {
            let rows = families.counter("packets", "").monotone();
            numbers.fold(rows, |rows, n| rows.set([("n", n.to_string())], count));
            ends()
        })
    }));
    drop(filled);
}

#[test]
fn a_filling_that_ends_early_forgets_nothing_of_a_whole_one() {
    let registry = Registry::new();
    let set = registry.staged("source");
    fill(&set, 0..3_000, 9, || Ok(()));
    fill(&set, 0..1, 9, || Err(()));
    fill(&set, 0..1, 9, || panic!("not today"));
    fill(&set, 2_000..2_001, 2, || Ok(()));
    assert_eq!(registry.value(("packets", [("n", "2000")])), Some(11.0));
}

#[test]
fn what_fillings_bring_that_end_early_is_not_remembered_for_ever() {
    for ends in [|| Err(()), || panic!("not today")] as [fn() -> Result<(), ()>; 2] {
        let registry = Registry::new();
        let set = registry.staged("source");
        fill(&set, 0..2_000, 9, ends);
        fill(&set, 2_000..2_001, 9, ends);
        fill(&set, 0..1, 2, || Ok(()));
        assert_eq!(registry.value(("packets", [("n", "0")])), Some(2.0), "it was forgotten");
    }
}

#[test]
fn many_readers_at_once_see_no_fall() {
    let (registry, source) = mirrored(true);
    source.store(0, Ordering::Relaxed);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut last = 0.0;
                for _ in 0..2_000 {
                    let now = registry.value(PACKETS).unwrap();
                    assert!(now >= last, "{now} after {last}");
                    last = now;
                }
            });
        }
        scope.spawn(|| (0..20_000).for_each(|_| _ = source.fetch_add(1, Ordering::Relaxed)));
    });
    assert_eq!(registry.value(PACKETS), Some(20_000.0), "and no increase twice");
}

#[test]
fn a_start_is_the_sources_or_nobodys() {
    let (registry, _source) = mirrored(false);
    let started = SystemTime::UNIX_EPOCH + 1_700_000_000 * SECOND;
    registry.collector("told", move |families| {
        families.counter("told", "").start(started).set((), 1_u64);
    });
    let page = registry.snapshot();
    let starts = page.families().iter().map(|family| family.series.first().unwrap().start());
    assert_eq!(starts.collect::<Vec<_>>(), [SystemTime::UNIX_EPOCH, started]);
    #[cfg(feature = "protobuf")]
    {
        let page = page.to_protobuf();
        let times = |part: &[u8]| page.windows(part.len()).filter(|bytes| *bytes == part).count();
        // A counter of nine bytes is a value and nothing else.
        assert_eq!((times(b"\x1a\x09\x09"), times(b"\x08\x80\xe2\xcf\xaa\x06")), (1, 1), "{page:x?}");
    }
}
