//! Groups: what they change is seen at once, whoever reads, and nobody hangs.
//!
//! There is one gate for the program, so what one test does in a group others' snapshots see: they take turns.

#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

#[path = "support/log.rs"]
mod log;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use tagmeter::model::{Snapshot, Value};
use tagmeter::stat::NativeBuckets;
use tagmeter::{Counter, Histogram, Meter, Registry, Timer, UpDownCounter};

static TURN: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Snapshots that say they may have split a group.
fn split(snapshot: &Snapshot) -> f64 {
    snapshot.value(("tagmeter_problems", [("reason", "split_group")])).unwrap_or(0.0)
}

/// Instruments of every kind of storage, which a group counts one up.
struct Instruments {
    first: Counter,
    own_cells: Histogram,
    shared: Histogram,
    native: Histogram,
    timer: Timer,
    meter: Meter,
    level: UpDownCounter,
    series: tagmeter::registry::Family<Counter, 1>,
    last: Counter,
}

impl Instruments {
    fn new(registry: &Registry) -> Self {
        // More bounds than a page of cells has room for: shared buckets for ever.
        let many = tagmeter::stat::Buckets::linear(1.0, 1.0, 100).unwrap();
        Instruments {
            first: registry.counter("first"),
            own_cells: registry.histogram("own_cells"),
            shared: registry.define("shared").buckets(many).histogram().unwrap(),
            native: registry.define("native").native(NativeBuckets::default()).histogram().unwrap(),
            timer: registry.timer("timer"),
            meter: registry.meter("meter"),
            level: registry.up_down("level"),
            series: registry.define("series").tags(["of"]).max_series(2).counters().unwrap(),
            last: registry.counter("last"),
        }
    }

    fn count(&self) {
        self.first.inc();
        self.own_cells.record(1.0);
        self.shared.record(1.0);
        self.native.record(1.0);
        self.timer.record(Duration::from_secs(1));
        self.meter.mark();
        self.level.inc();
        self.series.with(["one"]).inc();
        self.last.inc();
    }
}

/// All that groups count, as a snapshot has it.
fn counts(snapshot: &Snapshot) -> Vec<f64> {
    let all = snapshot.families().iter().filter(|family| family.name.as_str() != "tagmeter_problems");
    let all = all.flat_map(|family| family.series.iter());
    all.flat_map(|series| match series.value {
        Value::Histogram(histogram) => vec![histogram.count() as f64, histogram.sum],
        Value::Timer(timer) => vec![timer.durations.count() as f64, timer.durations.sum],
        other => Vec::from_iter(other.number()),
    })
    .collect()
}

#[test]
fn in_every_snapshot_of_eight_writers_everything_has_changed_alike() {
    const WRITERS: u64 = 8;
    const GROUPS: u64 = 15_000;
    let _alone = alone();
    let registry = Registry::new();
    let instruments = Instruments::new(&registry);
    registry.together(|| instruments.count());
    let (done, snapshots, whole) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        let write = || {
            for n in 0..GROUPS {
                registry.together(|| instruments.count());
                // Outside of groups, so that readers also meet records in flight which belong to none.
                if n % 7 == 0 {
                    registry.together(|| (0..2).for_each(|_| instruments.count()));
                }
            }
        };
        let writers: Vec<_> = (0..WRITERS).map(|_| scope.spawn(write)).collect();
        let read = || {
            while !done.load(Ordering::Relaxed) {
                let before = split(&registry.snapshot());
                let snapshot = registry.snapshot();
                let counts = counts(&snapshot);
                let is_whole = counts.iter().all(|count| *count == counts[0]);
                assert!(is_whole || split(&snapshot) > before, "split, and not said: {counts:?}");
                snapshots.fetch_add(1, Ordering::Relaxed);
                whole.fetch_add(u64::from(is_whole), Ordering::Relaxed);
                // One after the other: what the first shows, the second has too.
                let value = |name: &str| registry.value(name).unwrap();
                let (last, first) = (value("last"), value("first"));
                assert!(last <= first || split(&registry.snapshot()) > before, "{last} of {first}");
            }
        };
        let readers: Vec<_> = (0..2).map(|_| scope.spawn(read)).collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
    let expected = 1 + WRITERS * (GROUPS + 2 * GROUPS.div_ceil(7));
    assert!(counts(&registry.snapshot()).iter().all(|count| *count == expected as f64));
    assert!(whole.load(Ordering::Relaxed) > 0);
}

/// Runs `change` in a group of another thread, and `meanwhile` before that group ends.
fn during_a_group<R>(registry: &Registry, change: impl FnOnce() + Send, meanwhile: impl FnOnce() -> R) -> R {
    let (enter, entered) = mpsc::channel();
    let (leave, left) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let group = move || {
            change();
            enter.send(()).unwrap();
            // Also where `meanwhile` panics.
            let _ = left.recv();
        };
        scope.spawn(move || registry.together(group));
        entered.recv().unwrap();
        let result = meanwhile();
        drop(leave);
        result
    })
}

#[test]
fn a_group_that_takes_too_long_keeps_nobody_waiting_and_is_counted() {
    let _alone = alone();
    let registry = Registry::new();
    let (begun, ended) = (registry.counter("begun"), registry.counter("ended"));
    during_a_group(
        &registry,
        || begun.inc(),
        || {
            for snapshots in 1..4 {
                let snapshot = registry.snapshot();
                assert_eq!(split(&snapshot), f64::from(snapshots), "each says so itself");
                assert_eq!(snapshot.value("begun"), Some(1.0));
            }
            registry.together(|| ended.inc());
            assert_eq!(registry.value("ended"), Some(1.0));
            assert!(
                registry.snapshot().to_text().contains(r#"tagmeter_problems_total{reason="split_group"} 5"#)
            );
        },
    );
    assert_eq!((split(&registry.snapshot()), split(&registry.snapshot())), (5.0, 5.0));
}

#[test]
fn a_group_inside_a_group_is_part_of_it_whatever_the_registries() {
    let _alone = alone();
    let (ours, theirs) = (Registry::new(), Registry::new());
    let (count, other) = (ours.counter("count"), theirs.counter("count"));
    let nested = || {
        theirs.together(|| other.inc());
        ours.together(|| count.inc());
    };
    during_a_group(&ours, nested, || {
        // The outer one has not ended.
        assert_eq!([split(&ours.snapshot()), split(&theirs.snapshot())], [1.0, 1.0]);
    });
    assert_eq!([split(&ours.snapshot()), split(&theirs.snapshot())], [1.0, 1.0]);
    assert_eq!((ours.value("count"), theirs.value("count")), (Some(1.0), Some(1.0)));
}

#[test]
fn a_group_over_a_registry_its_scope_and_another_one_is_whole_where_they_are_shown_together() {
    let _alone = alone();
    let (ours, theirs) = (Registry::new(), Registry::new());
    let tenant = ours.scope("tenant_", [("tenant", "acme")]);
    let counters = [ours.counter("own"), tenant.counter("own"), theirs.counter("other")];
    let all = ours.view().and(theirs.view().prefix("their_")).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let write = || (0..50_000).for_each(|_| ours.together(|| counters.iter().for_each(Counter::inc)));
        let writers: Vec<_> = (0..2).map(|_| scope.spawn(write)).collect();
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let snapshot = all.snapshot();
                let counts = counts(&snapshot);
                assert_eq!(counts.len(), 3);
                assert!(
                    counts.iter().all(|count| *count == counts[0]) || split(&snapshot) > 0.0,
                    "{counts:?}"
                );
            }
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(counts(&all.snapshot()), [100_000.0; 3]);
}

#[test]
fn a_panic_ends_its_group_with_what_was_recorded() {
    let _alone = alone();
    let registry = Registry::new();
    let count = registry.counter("count");
    let half = AssertUnwindSafe(|| {
        registry.together(|| {
            count.inc();
            panic!("half-way");
        })
    });
    assert!(catch_unwind(half).is_err());
    let snapshot = registry.snapshot();
    assert_eq!((snapshot.value("count"), split(&snapshot)), (Some(1.0), 0.0));
}

#[test]
fn a_snapshot_inside_a_group_waits_for_nobody_and_shows_what_there_is() {
    let _alone = alone();
    let registry = Registry::new();
    let (first, second) = (registry.counter("first"), registry.counter("second"));
    let read = || {
        let snapshot = registry.snapshot();
        (snapshot.value("first"), registry.value("second"), split(&snapshot))
    };
    // Two at once: neither waits for the other's group.
    during_a_group(
        &registry,
        || _ = read(),
        || {
            registry.together(|| {
                first.inc();
                assert_eq!(read(), (Some(1.0), Some(0.0), 0.0));
                second.inc();
            });
        },
    );
    assert_eq!(read(), (Some(1.0), Some(1.0), 0.0));
}

#[test]
fn a_group_in_a_collector_or_a_function_is_as_any_other() {
    let _alone = alone();
    let registry = Registry::new();
    let (first, second) = (registry.counter("first"), registry.counter("second"));
    let both = {
        let (first, second, registry) = (first.clone(), second.clone(), registry.clone());
        move || registry.together(|| [&first, &second].map(Counter::inc))
    };
    let in_function = both.clone();
    registry.gauge_fn("asked", move || in_function().len() as f64);
    let collector = registry.collector("collected", move |families| {
        both();
        families.gauge("collected", "A family of a collector.").set((), 1.0);
    });
    registry.together(|| ());
    for _ in 0..3 {
        both_alike(&registry);
    }
    assert_eq!((registry.value("asked"), first.get(), second.get()), (Some(2.0), 7, 7));
    // They own the registry that owns them.
    assert!(collector.unregister() && registry.unregister("asked"));
}

/// No format takes the space.
const NO_EXEMPLAR: [(&str, &str); 1] = [("trace id", "4bf92f3577b34da6")];

/// Of which registry a group is to be recorded when something is logged.
static LOGGED: Mutex<Option<Registry>> = Mutex::new(None);

/// Records two groups, as a logger may: one itself, and one in a thread that it waits for.
fn count_the_log_line() {
    let Some(registry) = LOGGED.lock().unwrap().take() else { return };
    let both = ["first", "second"].map(|name| registry.counter(name));
    let count = || registry.together(|| both.iter().for_each(Counter::inc));
    count();
    thread::scope(|scope| scope.spawn(count).join().unwrap());
}

#[test]
fn a_group_in_a_logger_is_as_any_other() {
    let _alone = alone();
    let lines = log::lines(count_the_log_line);
    let ordinary: fn(&Registry) = |registry| registry.counter("orders").inc_with_exemplar(NO_EXEMPLAR);
    let removable: fn(&Registry) = |registry| {
        let orders = registry.define("orders").tags(["of"]).removable().counters().unwrap();
        orders.with(["acme"], |orders| orders.inc_with_exemplar(NO_EXEMPLAR));
    };
    for record in [ordinary, removable] {
        let registry = Registry::new();
        let first = registry.counter("first");
        registry.together(|| record(&registry));
        let second = registry.counter("second");
        *LOGGED.lock().unwrap() = Some(registry.clone());
        let snapshot = registry.snapshot();
        assert_eq!((snapshot.value("first"), snapshot.value("second")), (Some(2.0), Some(2.0)));
        assert_eq!((first.get(), second.get(), split(&snapshot)), (2, 2, 0.0));
    }
    let lines = lines.all();
    assert_eq!(lines.iter().filter(|line| line.contains("no format can show")).count(), 2, "{lines:?}");
}

fn both_alike(registry: &Registry) {
    let snapshot = registry.snapshot();
    assert_eq!(snapshot.value("first"), snapshot.value("second"));
    assert_eq!((snapshot.value("collected"), snapshot.value("asked")), (Some(1.0), Some(2.0)));
    assert_eq!(split(&snapshot), 0.0);
}

#[test]
fn families_keep_their_order_and_functions_their_values_between_groups() {
    let _alone = alone();
    let registry = Registry::new();
    registry.gauge("plain").set(1.0);
    registry.gauge_fn(("mixed", [("by", "function")]), || 2.0);
    registry.gauge(("mixed", [("by", "hand")])).set(3.0);
    registry.counter_fn("counted", || 4);
    registry.counter("last").add(5);
    let before = registry.snapshot();
    registry.together(|| ());
    let after = registry.snapshot();
    let names =
        |snapshot: &Snapshot| Vec::from_iter(snapshot.families().iter().map(|family| family.name.clone()));
    assert_eq!(names(&before), names(&after));
    assert_eq!(before.families(), after.families());
    assert_eq!(registry.value(("mixed", [("by", "function")])), Some(2.0));
}

#[test]
fn a_group_in_a_thread_local_that_outlives_the_cells_is_a_group() {
    let _alone = alone();
    /// Counts when its thread's locals go.
    struct Late(Registry);
    impl Drop for Late {
        fn drop(&mut self) {
            let count = self.0.counter("count");
            self.0.together(|| self.0.together(|| count.inc()));
        }
    }
    thread_local!(static LATE: std::cell::RefCell<Option<Late>> = const { std::cell::RefCell::new(None) });
    let registry = Registry::new();
    let theirs = registry.clone();
    thread::spawn(move || {
        // Before and after the first record, so that whichever order locals go in, one goes last.
        LATE.set(Some(Late(theirs.clone())));
        theirs.together(|| theirs.counter("count").inc());
    })
    .join()
    .unwrap();
    let snapshot = registry.snapshot();
    assert_eq!((snapshot.value("count"), split(&snapshot)), (Some(2.0), 0.0));
}
