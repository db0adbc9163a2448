//! At most so many series.

use crate::*;

fn overflow(world: &World) -> Option<f64> {
    world.registry.value(("sessions", [("peer", "__overflow__")]))
}

#[test]
fn what_is_beyond_the_limit_goes_to_the_overflow_series() {
    let world = world(2);
    world.inc_each(&["a", "b", "c", "d", "a"]);
    let expected = seen(&[("a", 2.0), ("b", 1.0), ("__overflow__", 2.0)]);
    assert_eq!(world.seen(), expected);
}

#[test]
fn a_removed_series_makes_room() {
    let world = world(2);
    world.inc_each(&["a", "b", "c"]);
    for n in 0..100 {
        let [old, new] = if n % 2 == 0 { ["a", "c"] } else { ["c", "a"] };
        assert!(world.sessions.remove([old]));
        assert_eq!(world.inc(new), 1, "{n}");
    }
    assert_eq!(overflow(&world), Some(1.0));
    world.sessions.clear();
    world.inc_each(&["a", "b", "c"]);
    assert_eq!(overflow(&world), Some(1.0), "the overflow series itself can go, and is not counted");
}

#[test]
fn hidden_series_make_room_before_their_time() {
    let world = world(2);
    world.inc_each(&["a", "b"]);
    world.after(SECOND);
    assert_eq!(world.after(TIMEOUT), seen(&[]));
    assert_eq!((world.inc("c"), world.inc("d")), (1, 1));
    assert_eq!(world.seen(), seen(&[("c", 1.0), ("d", 1.0)]));
}

#[test]
fn a_full_family_sweeps_though_nobody_reads() {
    let world = world(2);
    for n in 1..100 {
        assert_eq!(world.inc(&format!("{n}a")), 1, "{n}");
        assert_eq!(world.inc(&format!("{n}b")), 1, "{n}");
        world.clock.advance(TIMEOUT);
        assert_eq!(world.inc("c"), n, "finds the others idle, but not for long enough");
        world.clock.advance(TIMEOUT);
    }
    assert_eq!(overflow(&world), Some(99.0));
}

#[test]
fn held_series_keep_their_room() {
    let world = world(2);
    let held = ["a", "b"].map(|peer| world.sessions.handle([peer]));
    assert!(world.sessions.remove(["a"]));
    (0..100).for_each(|n| assert!(world.inc(&n.to_string()) <= n + 1));
    assert_eq!(overflow(&world), Some(100.0));
    drop(held);
    assert!(world.sessions.remove(["b"]));
    assert_eq!(world.inc("c"), 1);
    assert_eq!(overflow(&world), Some(100.0));
}

#[test]
fn nothing_is_freed_that_a_closure_could_see() {
    let world = world(1);
    world.sessions.with(["a"], |counter| {
        assert!(world.sessions.remove(["a"]));
        world.inc("b");
        counter.inc();
    });
    assert_eq!(overflow(&world), Some(1.0), "there was no room");
    assert!((0..100).any(|_| world.inc("b") == 1), "and then there was");
}
