//! What is idle goes by itself.

use crate::*;

#[test]
fn an_idle_series_is_hidden_and_goes_on_when_it_is_used_again() {
    let world = world(10);
    world.inc("a");
    let start = world.start("a");
    assert_eq!(world.after(SECOND), seen(&[("a", 1.0)]), "found idle here");
    assert_eq!(world.after(TIMEOUT - SECOND), seen(&[("a", 1.0)]));
    assert_eq!(world.after(SECOND), seen(&[]));
    assert_eq!(world.inc("a"), 2, "the count goes on");
    assert_eq!(world.seen(), seen(&[("a", 2.0)]), "seen at once");
    assert_eq!(world.start("a"), start);
}

#[test]
fn a_series_that_was_hidden_for_as_long_again_gives_its_memory_back() {
    let world = world(10);
    world.inc("a");
    let start = world.start("a").unwrap();
    world.after(SECOND);
    assert_eq!(world.after(TIMEOUT), seen(&[]));
    assert_eq!(world.after(TIMEOUT), seen(&[]));
    assert_eq!(world.inc("a"), 1, "a new one");
    let later = world.start("a").unwrap();
    assert_eq!(later.duration_since(start).unwrap(), SECOND + TIMEOUT * 2);
}

#[test]
fn what_is_used_stays() {
    let world = world(10);
    for n in 1..100 {
        assert_eq!(world.inc("a"), n);
        assert_eq!(world.after(TIMEOUT - SECOND), seen(&[("a", n as f64)]));
    }
}

#[test]
fn a_value_is_seen_after_its_last_change_however_seldom_somebody_reads() {
    let world = world(10);
    for n in 1..10 {
        assert_eq!(world.inc("a"), 1);
        assert_eq!(world.after(TIMEOUT * 10), seen(&[("a", 1.0)]), "{n}");
        assert_eq!(world.after(TIMEOUT * 10), seen(&[]), "{n}");
        assert_eq!(world.after(TIMEOUT * 10), seen(&[]), "{n}");
    }
}

#[test]
fn a_held_series_is_not_idle() {
    let world = world(10);
    let kept = world.sessions.handle(["a"]);
    let clone = kept.clone();
    drop(kept);
    for n in 1..10 {
        clone.inc();
        assert_eq!(world.after(TIMEOUT * 2), seen(&[("a", n as f64)]));
    }
    clone.inc();
    drop(clone);
    assert_eq!(world.after(TIMEOUT * 2), seen(&[("a", 10.0)]), "what the last handle counted is seen");
    assert_eq!(world.after(TIMEOUT), seen(&[]));
}

#[test]
fn a_timing_that_runs_holds_its_series() {
    let World { clock, registry, _alone, .. } = world(10);
    let work = registry.define("work").tags(["kind"]).idle_timeout(TIMEOUT).timers().unwrap();
    let timing = work.with(["a"], |timer| timer.start());
    for _ in 0..5 {
        clock.advance(TIMEOUT * 2);
        assert!(registry.snapshot().get(("work", [("kind", "a")])).is_some());
    }
    assert_eq!(timing.stop(), TIMEOUT * 10);
    assert_eq!(registry.value(("work", [("kind", "a")])), Some(1.0));
}

#[test]
fn a_use_in_time_keeps_a_neighbour_from_nothing() {
    let world = world(10);
    world.inc("a");
    world.inc("b");
    world.after(SECOND);
    world.clock.advance(TIMEOUT - SECOND);
    world.inc("a");
    assert_eq!(world.after(SECOND), seen(&[("a", 1.0 + 1.0)]));
}
