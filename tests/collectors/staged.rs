//! Sets that are published as one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;

use tagmeter::model::Snapshot;
use tagmeter::registry::Staged;

use super::*;

const SWAPS: u64 = 10_000;
const READERS: usize = 3;
/// Series of each of two families.
const SERIES: usize = 5;

fn publish(set: &Staged, generation: u64) {
    set.publish(|families| {
        for family in ["first", "second"] {
            let mut rows = families.gauge(family, "");
            for n in 0..SERIES {
                rows = rows.set([("n", n.to_string())], generation as f64);
            }
        }
        // Sets differ in what they hold, too.
        families.gauge(format!("only_{}", generation % 2), "").set((), generation as f64);
    });
}

/// The generation of a whole set.
fn generation(snapshot: &Snapshot) -> f64 {
    let families = snapshot.families().iter().filter(|family| !family.name.as_str().starts_with("tagmeter"));
    let values: Vec<f64> = families
        .flat_map(|family| family.series.iter())
        .map(|series| series.value.number().unwrap())
        .collect();
    assert_eq!(values.len(), 2 * SERIES + 1, "no set is there in part or twice");
    assert!(values.iter().all(|value| *value == values[0]), "a mix: {values:?}");
    values[0]
}

#[test]
fn readers_see_whole_sets_whoever_swaps_them() {
    let registry = Registry::new();
    let set = registry.staged("set");
    publish(&set, 0);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let read = || {
            let (mut last, mut reads) = (0.0, 0_u64);
            while !done.load(Ordering::Relaxed) {
                let now = generation(&registry.snapshot());
                assert!(now >= last, "{now} after {last}");
                (last, reads) = (now, reads + 1);
            }
            reads
        };
        let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(read)).collect();
        (1..=SWAPS).for_each(|generation| publish(&set, generation));
        done.store(true, Ordering::Relaxed);
        let reads: u64 = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
        assert!(reads > 0);
    });
    assert_eq!(generation(&registry.snapshot()), SWAPS as f64);
}

#[test]
fn a_set_that_is_not_finished_changes_nothing() {
    let (registry, _clock) = registry();
    let set = registry.staged("set");
    set.publish(|families| _ = families.gauge("level", "").set((), 1.0));
    let failed = set.try_publish(|families| {
        families.gauge("level", "").set((), 2.0);
        Err("the source is gone")
    });
    assert_eq!((failed, registry.value("level")), (Err("the source is gone"), Some(1.0)));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        set.publish(|families| {
            families.gauge("level", "").set((), 3.0);
            panic!("not today");
        });
    }));
    assert!(panicked.is_err());
    assert_eq!(registry.value("level"), Some(1.0));
    assert_eq!(["ok", "error", "panic"].map(|outcome| runs(&registry, "set", outcome)), [1.0; 3]);
}

#[test]
fn a_set_may_be_read_while_it_is_made() {
    let (registry, _clock) = registry();
    let set = registry.staged("set");
    set.publish(|families| _ = families.counter("reads", "").set((), 1_u64));
    set.publish(|families| {
        let before = registry.value("reads").unwrap();
        families.counter("reads", "").set((), before + 1.0);
    });
    assert_eq!(registry.value("reads"), Some(2.0));
}

#[test]
fn a_set_goes_with_its_last_handle() {
    let (registry, clock) = registry();
    let set = registry.staged("set");
    set.publish(|families| _ = families.gauge("level", "").set((), 1.0));
    clock.advance(7 * SECOND);
    let age = || registry.snapshot().value(("tagmeter_collector_age_seconds", [("collector", "set")]));
    assert_eq!(age(), Some(7.0));
    let other = set.clone();
    drop(set);
    assert_eq!(registry.value("level"), Some(1.0));
    drop(other);
    assert!(registry.snapshot().families().is_empty());
}

#[test]
fn a_set_under_a_name_that_is_taken_replaces_it_and_outlives_it() {
    let (registry, _clock) = registry();
    let first = registry.staged("set");
    let second = registry.staged("set");
    first.publish(|families| _ = families.gauge("level", "").set((), 1.0));
    assert_eq!(registry.value("level"), None);
    second.publish(|families| _ = families.gauge("level", "").set((), 2.0));
    drop(first);
    assert_eq!(registry.value("level"), Some(2.0));
}

#[test]
fn a_set_without_its_registry_does_no_harm() {
    let (registry, _clock) = registry();
    let set = registry.staged("set");
    drop(registry);
    set.publish(|families| _ = families.gauge("level", "").set((), 1.0));
}
