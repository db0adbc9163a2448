//! Collectors that come and go.

use tagmeter::registry::collector::CollectorHandle;

use super::*;

/// Tells when it is dropped.
struct Owned(Arc<AtomicU64>);

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_collector_goes_when_it_is_told_to() {
    let (registry, dropped) = (Registry::new(), Arc::<AtomicU64>::default());
    let owned = Owned(dropped.clone());
    let handle = registry.collector("pool", move |families| {
        let _ = &owned;
        families.gauge("pool", "").set((), 1.0);
    });
    assert_eq!(registry.value("pool"), Some(1.0));
    assert!(handle.unregister());
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
    assert!(registry.snapshot().families().is_empty());
    assert!(!handle.unregister(), "it is gone already");
}

#[test]
fn a_handle_does_not_take_its_successor_away() {
    let registry = Registry::new();
    let first = registry.collector("pool", |families| _ = families.gauge("pool", "").set((), 1.0));
    let second = registry.collector("pool", |families| _ = families.gauge("pool", "").set((), 2.0));
    assert!(!first.unregister());
    drop(first.until_dropped());
    assert_eq!(registry.value("pool"), Some(2.0));
    assert!(second.unregister());
}

#[test]
fn a_collector_may_take_itself_away_while_it_runs() {
    for timeout in [None, Some(FOREVER)] {
        let (registry, dropped) = (Registry::new(), Arc::<AtomicU64>::default());
        let own = Arc::new(Mutex::new(None::<CollectorHandle>));
        let (handle, owned) = (own.clone(), Owned(dropped.clone()));
        let collect = move |families: &mut Families<'_>| {
            let _ = &owned;
            families.gauge("last_words", "").set((), 1.0);
            drop(handle.lock().take().map(CollectorHandle::until_dropped));
        };
        let definition = registry.define_collector("own");
        *own.lock() = Some(match timeout {
            Some(timeout) => definition.timeout(timeout).collect(collect),
            None => definition.collect(collect),
        });
        assert_eq!(registry.snapshot().value("last_words"), Some(1.0), "what has begun is shown");
        assert!(registry.snapshot().families().is_empty());
        until("what it owned is dropped", || dropped.load(Ordering::Relaxed) == 1);
    }
}

#[test]
fn a_collector_that_owns_its_handle_goes_with_the_registry() {
    let (registry, dropped) = (Registry::new(), Arc::<AtomicU64>::default());
    let own = Arc::new(Mutex::new(None::<CollectorHandle>));
    let (handle, owned) = (own.clone(), Owned(dropped.clone()));
    *own.lock() = Some(registry.collector("own", move |_| _ = (&handle, &owned)));
    drop((own, registry));
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
}

#[test]
fn what_a_collector_owns_may_use_the_registry_when_it_goes() {
    struct UsesIt(Registry);
    impl Drop for UsesIt {
        fn drop(&mut self) {
            self.0.collector("heir", |families| _ = families.gauge("heir", "").set((), 1.0));
            self.0.snapshot();
        }
    }
    let registry = Registry::new();
    let uses_it = UsesIt(registry.clone());
    let handle = registry.collector("owner", move |_| _ = &uses_it);
    handle.unregister();
    assert_eq!(registry.value("heir"), Some(1.0));
}

#[test]
fn one_that_hangs_keeps_nobody_from_taking_it_away() {
    let (registry, clock) = registry();
    let (held, collect) = Held::new();
    let handle = registry.define_collector("held").timeout(SECOND).collect(collect);
    thread::scope(|scope| {
        let page = scope.spawn(|| registry.snapshot());
        held.has_begun();
        assert!(handle.unregister());
        clock.advance(SECOND);
        assert_eq!(page.join().unwrap().value("held_run"), None);
    });
    assert!(registry.snapshot().families().iter().all(|family| family.name == "tagmeter_problems"));
    held.release();
}
