//! Everything that was registered can be taken back.

use super::*;

/// Tells when it is dropped.
struct Owned(Arc<AtomicU64>);

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn functions_are_dropped_with_what_asks_them() {
    let (registry, dropped) = (Registry::new(), Arc::new(AtomicU64::new(0)));
    let owned = || Owned(dropped.clone());
    let level = {
        let owned = owned();
        registry.gauge_fn("level", move || dropped_of(&owned))
    };
    let count = {
        let owned = owned();
        registry.counter_fn("count", move || dropped_of(&owned) as u64)
    };
    let own = owned();
    let collector =
        registry.collector("own", move |families| _ = families.gauge("own", "").set((), dropped_of(&own)));
    assert_eq!(families(&registry), 3);

    assert!(registry.remove("level") && !registry.remove("level"));
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
    registry.retain(|name, _| *name != "count");
    assert_eq!(dropped.load(Ordering::Relaxed), 2);
    assert!(collector.unregister() && !collector.unregister());
    assert_eq!(dropped.load(Ordering::Relaxed), 3);
    assert_eq!(families(&registry), 0);

    level.set(4.0);
    assert_eq!((level.get(), count.get()), (4.0, None), "they go on working");
    registry.counter_fn("count", || 7);
    assert_eq!((registry.value("count"), count.get()), (Some(7.0), Some(7)));
}

fn dropped_of(owned: &Owned) -> f64 {
    owned.0.load(Ordering::Relaxed) as f64
}

#[test]
fn a_family_that_is_unregistered_leaves_its_name_to_another() {
    let (registry, dropped) = (Registry::new(), Arc::new(AtomicU64::new(0)));
    let owned = Owned(dropped.clone());
    registry.gauge_fn("depth", move || dropped_of(&owned));
    let removable = registry.define("peers").tags(["peer"]).removable().counters().unwrap();
    removable.with(["a"], |counter| counter.inc());
    assert!(registry.unregister("depth") && !registry.unregister("depth"));
    assert!(registry.unregister("peers"));
    assert_eq!(dropped.load(Ordering::Relaxed), 1, "with its function");
    let depth = registry.define("depth").help("Bytes waiting.").unit(Unit::Bytes).counter().unwrap();
    depth.inc();
    removable.with(["a"], |counter| counter.inc());
    assert_eq!((registry.value("depth"), families(&registry)), (Some(1.0), 1));
}

#[test]
fn a_registry_that_is_full_has_room_again() {
    let registry = Registry::builder().max_families(1).build();
    registry.counter("first").inc();
    assert!(registry.define("second").counter().is_err());
    registry.unregister("first");
    registry.define("second").counter().unwrap().inc();
    assert_eq!(registry.value("second"), Some(1.0));
}
