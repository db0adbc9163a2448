//! Runs: their time, how they end, and who shares them.

use super::*;

#[test]
fn who_hangs_is_waited_for_once_and_has_one_thread() {
    let (registry, clock) = registry();
    let (held, collect) = Held::new();
    registry.define_collector("held").timeout(SECOND).collect(collect);
    registry.counter("hits").inc();
    thread::scope(|scope| {
        let first = scope.spawn(|| registry.snapshot());
        held.has_begun();
        clock.advance(SECOND);
        let page = first.join().unwrap();
        assert_eq!((page.value("held_run"), page.value("hits")), (None, Some(1.0)));
    });
    // The clock stands still: whoever waited would wait for ever.
    assert_eq!(registry.snapshot().value("held_run"), None);
    assert_eq!((runs(&registry, "held", "timeout"), runs(&registry, "held", "ok")), (1.0, 0.0));
    assert_eq!(problems(&registry, "collector_late"), 1.0);
    assert_eq!(held.runs(), 1);

    let Held { let_go, runs: begun, .. } = held;
    drop(let_go);
    until("it runs again", || registry.snapshot().value("held_run") == Some(2.0));
    assert_eq!(begun.load(Ordering::Relaxed), 2);
    assert_eq!(runs(&registry, "held", "timeout"), 1.0);
}

#[test]
fn who_hangs_without_a_deadline_is_counted_when_the_others_give_up() {
    let (registry, clock) = registry();
    let (held, collect) = Held::new();
    registry.define_collector("held").cached(SECOND).collect(collect);
    thread::scope(|scope| {
        let first = scope.spawn(|| registry.snapshot());
        held.has_begun();
        let second = scope.spawn(|| registry.snapshot());
        clock.advance(10 * SECOND);
        let pages = [second.join().unwrap(), registry.snapshot()];
        held.release();
        assert_eq!(pages.map(|page| page.value("held_run")), [None, None]);
        assert_eq!(first.join().unwrap().value("held_run"), Some(1.0));
    });
    assert_eq!(problems(&registry, "collector_late"), 1.0);
    assert_eq!((runs(&registry, "held", "timeout"), runs(&registry, "held", "ok")), (1.0, 0.0));
    assert_eq!(held.runs(), 1);
}

#[test]
fn the_times_of_those_who_hang_do_not_add_up() {
    let (registry, clock) = registry();
    let helds = ["a", "b", "c"].map(|name| {
        let (held, collect) = Held::new();
        registry.define_collector(name).timeout(SECOND).collect(collect);
        held
    });
    thread::scope(|scope| {
        let page = scope.spawn(|| registry.snapshot());
        helds.iter().for_each(Held::has_begun);
        clock.advance(SECOND);
        assert_eq!(page.join().unwrap().value("held_run"), None);
    });
    helds.iter().for_each(Held::release);
}

#[test]
fn eight_who_read_at_once_share_one_run() {
    for timeout in [None, Some(SECOND)] {
        let (registry, _clock) = registry();
        let (held, collect) = Held::new();
        let definition = registry.define_collector("held").cached(SECOND);
        match timeout {
            Some(timeout) => definition.timeout(timeout).collect(collect),
            None => definition.collect(collect),
        };
        thread::scope(|scope| {
            let pages: Vec<_> = (0..8).map(|_| scope.spawn(|| registry.snapshot())).collect();
            held.has_begun();
            held.release();
            pages.into_iter().for_each(|page| assert_eq!(page.join().unwrap().value("held_run"), Some(1.0)));
        });
        assert_eq!(held.runs(), 1, "{timeout:?}");
    }
}

#[test]
fn a_kept_result_is_shown_as_long_as_it_was_said() {
    let (registry, clock) = registry();
    let reads = AtomicU64::new(0);
    registry.define_collector("reads").cached(10 * SECOND).collect(move |families| {
        families.counter("reads", "").set((), reads.fetch_add(1, Ordering::Relaxed) + 1);
    });
    let age = |registry: &Registry| {
        let page = registry.snapshot();
        page.value(("tagmeter_collector_age_seconds", [("collector", "reads")]))
    };
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push((registry.value("reads").unwrap(), age(&registry).unwrap()));
        clock.advance(4 * SECOND);
    }
    assert_eq!(seen, [(1.0, 0.0), (1.0, 4.0), (1.0, 8.0), (2.0, 0.0), (2.0, 4.0)]);
}

#[test]
fn what_fails_is_stood_in_for_until_it_is_twice_as_old() {
    let (registry, clock) = registry();
    let works = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let asked = works.clone();
    registry.define_collector("source").cached(10 * SECOND).try_collect(move |families| {
        families.gauge("half", "").set((), 1.0);
        if asked.load(Ordering::Relaxed) { Ok(()) } else { Err("the source is gone") }
    });
    assert_eq!(registry.value("half"), Some(1.0));
    works.store(false, Ordering::Relaxed);
    clock.advance(19 * SECOND);
    assert_eq!(registry.value("half"), Some(1.0));
    clock.advance(SECOND);
    assert_eq!(registry.value("half"), None);
    assert_eq!(runs(&registry, "source", "ok"), 1.0);
    assert!(runs(&registry, "source", "error") >= 2.0);
    works.store(true, Ordering::Relaxed);
    assert_eq!(registry.value("half"), Some(1.0));
}

#[test]
fn what_comes_too_late_is_shown_to_the_next_where_it_is_kept() {
    let (registry, clock) = registry();
    let (held, collect) = Held::new();
    registry.define_collector("held").cached(60 * SECOND).timeout(SECOND).collect(collect);
    thread::scope(|scope| {
        let first = scope.spawn(|| registry.snapshot());
        held.has_begun();
        clock.advance(SECOND);
        assert_eq!(first.join().unwrap().value("held_run"), None);
    });
    held.release();
    until("it has landed", || registry.snapshot().value("held_run") == Some(1.0));
    assert_eq!(
        (held.runs(), runs(&registry, "held", "ok"), runs(&registry, "held", "timeout")),
        (1, 0.0, 1.0)
    );
}

#[test]
fn who_panics_or_fails_loses_only_its_own() {
    let (registry, _clock) = registry();
    registry.counter("hits").inc();
    registry.define_collector("panics").collect(|families| {
        families.gauge("lost", "").set((), 1.0);
        panic!("not today");
    });
    registry.define_collector("panics_aside").timeout(SECOND).collect(|_| panic!("nor here"));
    registry.define_collector("fails").try_collect(|families| {
        families.gauge("lost_too", "").set((), 1.0);
        Err("no such device")
    });
    registry.collector("well", |families| _ = families.gauge("well", "").set((), 1.0));
    let page = registry.snapshot();
    let values = ["hits", "well", "lost", "lost_too"].map(|name| page.value(name));
    assert_eq!(values, [Some(1.0), Some(1.0), None, None]);
    let outcomes = [("panics", "panic"), ("panics_aside", "panic"), ("fails", "error")];
    let counted = outcomes.map(|(collector, outcome)| {
        page.value(("tagmeter_collector_runs", [("collector", collector), ("outcome", outcome)]))
    });
    assert_eq!(counted, [Some(1.0); 3]);
    let text = page.to_text();
    for (collector, _) in outcomes {
        let timed = format!("tagmeter_collector_seconds_count{{collector=\"{collector}\"}} 1\n");
        assert!(text.contains(&timed), "{text}");
    }
    assert_eq!(page.value(("tagmeter_problems", [("reason", "collector_failed")])), Some(1.0));
    assert_eq!(page.value(("tagmeter_problems", [("reason", "callback_panicked")])), Some(2.0));
}

#[test]
fn a_collector_may_do_anything_with_its_registry() {
    for timeout in [None, Some(SECOND)] {
        let (registry, _clock) = registry();
        let inside = registry.clone();
        let collect = move |families: &mut Families<'_>| {
            inside.counter("made_inside").inc();
            let read = inside.snapshot();
            inside.collector("another", |families| _ = families.gauge("another", "").set((), 1.0));
            inside.staged("aside").publish(|families| _ = families.gauge("aside", "").set((), 1.0));
            families.gauge("inside", "").set((), read.value("made_inside").unwrap());
            families.gauge("itself", "").set((), f64::from(u8::from(read.value("itself").is_some())));
        };
        let definition = registry.define_collector("any");
        match timeout {
            Some(timeout) => definition.timeout(timeout).collect(collect),
            None => definition.collect(collect),
        };
        registry.snapshot();
        let page = registry.snapshot();
        let values = ["inside", "itself", "another"].map(|name| page.value(name));
        assert_eq!(values, [Some(2.0), Some(0.0), Some(1.0)], "{timeout:?}");
    }
}

#[test]
fn who_waits_for_a_reader_of_the_same_registry_makes_it_wait_and_no_longer() {
    let (registry, clock) = registry();
    let inside = registry.clone();
    let (begun, begins) = channel();
    registry.define_collector("circle").cached(SECOND).collect(move |families| {
        let reader = inside.clone();
        let other = thread::spawn(move || reader.snapshot().value("circle"));
        let _ = begun.send(());
        families.gauge("circle", "").set((), f64::from(u8::from(other.join().unwrap().is_some())));
    });
    thread::scope(|scope| {
        let page = scope.spawn(|| registry.snapshot());
        begins.recv_timeout(FOREVER).unwrap();
        // The reader inside may begin to wait before or after: at each second somebody looks.
        until("it ends", || {
            clock.advance(SECOND);
            page.is_finished()
        });
        assert_eq!(page.join().unwrap().value("circle"), Some(0.0));
    });
}

#[test]
fn how_long_runs_take_is_on_the_page() {
    let (registry, clock) = registry();
    registry.define_collector("slow").collect(move |_| clock.advance(3 * SECOND));
    registry.snapshot();
    let page = registry.snapshot().to_text();
    assert!(page.contains("# TYPE tagmeter_collector_seconds summary\n"), "{page}");
    assert!(page.contains("tagmeter_collector_seconds_sum{collector=\"slow\"} 6\n"), "{page}");
    assert!(page.contains("tagmeter_collector_seconds_count{collector=\"slow\"} 2\n"), "{page}");
}

#[cfg(target_os = "linux")]
const WITHOUT_THREADS: &str = "TAGMETER_TEST_WITHOUT_THREADS";

/// In a process whose threads would need larger stacks than there can be.
#[cfg(target_os = "linux")]
#[test]
fn a_run_that_gets_no_thread_is_counted_and_the_next_one_tries_again() {
    if std::env::var_os(WITHOUT_THREADS).is_none() {
        let test = "runs::a_run_that_gets_no_thread_is_counted_and_the_next_one_tries_again";
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", test, "--test-threads=1"]).env(WITHOUT_THREADS, "yes");
        let ended = child.env("RUST_MIN_STACK", (1_u64 << 60).to_string()).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success() && said.contains("1 passed"), "{ended:?}");
        return;
    }
    assert!(thread::Builder::new().spawn(|| ()).is_err());
    let (registry, _clock) = registry();
    registry.define_collector("aside").timeout(SECOND).collect(|_| ());
    registry.snapshot();
    assert_eq!(runs(&registry, "aside", "error"), 2.0);
    assert_eq!(problems(&registry, "collector_failed"), 3.0);
}

#[test]
fn the_short_form_adds_nothing_to_the_page() {
    let (registry, _clock) = registry();
    registry.collector("pool", |families| _ = families.gauge("pool", "").set((), 1.0));
    assert_eq!(registry.snapshot().to_text(), "# TYPE pool gauge\npool 1\n");
}

#[test]
fn what_a_collector_brings_has_an_end() {
    let registry = Registry::builder().max_families(3).max_series(5).build();
    registry.collector("endless", |families| {
        for n in 0..100_000 {
            families.gauge(format!("family_{n}"), "").set((), 1.0);
            families.gauge("family_0", "").set([("n", n.to_string())], 1.0);
        }
    });
    let page = registry.snapshot();
    let brought = page.families().iter().filter(|family| family.name.as_str().starts_with("family_"));
    assert_eq!(brought.map(|family| family.series.len()).collect::<Vec<_>>(), [5, 1, 1]);
    assert!(problems(&registry, "too_many_series") > 0.0 && problems(&registry, "too_many_families") > 0.0);
}
