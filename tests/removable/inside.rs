//! Closures that use a series.

use crate::*;

#[test]
fn a_closure_may_do_anything() {
    let world = world(10);
    let sessions = &world.sessions;
    let answer = sessions.with(["a"], |outer| {
        sessions.with(["a"], |inner| inner.inc());
        sessions.with(["b"], |other| other.inc());
        assert!(sessions.remove(["a"]));
        outer.inc();
        assert_eq!(world.after(TIMEOUT), seen(&[("b", 1.0)]));
        sessions.with(["a"], |again| again.inc());
        sessions.clear();
        sessions.handle(["c"]).inc();
        world.after(TIMEOUT * 9)
    });
    assert_eq!(answer, seen(&[("c", 1.0)]));
    assert_eq!(world.inc("a"), 1);
}

#[test]
fn a_panic_leaves_everything_as_it_should_be() {
    let world = world(2);
    for _ in 0..10 {
        let caught = std::panic::catch_unwind(|| {
            world.sessions.with(["a"], |counter| {
                counter.inc();
                panic!("inside");
            })
        });
        assert!(caught.is_err());
    }
    assert_eq!(world.after(SECOND), seen(&[("a", 10.0)]));
    assert_eq!(world.after(TIMEOUT), seen(&[]), "no section is open");
}

#[test]
fn what_a_long_closure_uses_stays_and_is_seen_when_it_ends() {
    let world = world(10);
    world.sessions.with(["a"], |counter| {
        for _ in 0..5 {
            assert_eq!(world.after(TIMEOUT * 2), seen(&[("a", 0.0)]));
        }
        counter.inc();
    });
    assert_eq!(world.after(TIMEOUT * 2), seen(&[("a", 1.0)]));
    assert_eq!(world.after(TIMEOUT * 2), seen(&[]));
}
