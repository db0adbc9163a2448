//! What is freed only when nobody can see it any more.

use crate::*;

/// What an entry is, to the detector: to read it is to read, to free it is to write. The model fails where one does not
/// happen before the other.
struct Watched(UnsafeCell<u64>);

// SAFETY: what could go wrong is what the models look for.
unsafe impl Sync for Watched {}

impl Watched {
    fn new(value: u64) -> Self {
        Watched(UnsafeCell::new(value))
    }

    fn get(&self) -> u64 {
        // SAFETY: the model checks it.
        self.0.with(|value| unsafe { *value })
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // SAFETY: as above.
        self.0.with_mut(|value| unsafe { *value = u64::MAX });
    }
}

#[test]
fn who_finds_a_box_that_another_made_finds_it_filled() {
    model(3, || {
        let rare = Arc::new(Rare::<Watched>::new());
        let make = |rare: &Rare<Watched>| assert_eq!(rare.get_or_make(|| Watched::new(7)).get(), 7);
        side_by_side(&rare, make, make);
    });
}

/// All entries, if they can be freed now.
fn free(chains: &Chains<Watched>) -> usize {
    let passed = section::passed();
    chains.turn().release(passed).len()
}

#[allow(clippy::unwrap_used, reason = "a model ends where it cannot go on")]
fn reader_against_freeing(enter: fn() -> Section) {
    model(3, move || {
        let chains = std::sync::Arc::new(Chains::new(1));
        // One behind the other in one chain.
        chains.turn().insert(0, Watched::new(7));
        chains.turn().insert(64, Watched::new(8));
        let shared = chains.clone();
        let reader = thread::spawn(move || {
            let section = enter();
            let found = shared.find(&section, 0, |_| true);
            assert_eq!(found.map_or(7, |node| node.value.get()), 7);
        });
        chains.turn().unlink(1);
        free(&chains);
        chains.turn().unlink(0);
        free(&chains);
        reader.join().unwrap();
        free(&chains);
        assert!(!chains.turn().has_unlinked(), "once nobody looks, it can be freed");
    });
}

#[test]
fn nothing_is_freed_while_a_section_can_see_it() {
    reader_against_freeing(|| Section::of(1));
}

#[test]
fn nothing_is_freed_while_a_guest_can_see_it() {
    reader_against_freeing(Section::of_guest);
}

#[test]
fn a_thread_that_begins_a_section_after_another_frees_in_no_other_ones_sight() {
    model(3, || {
        let chains = std::sync::Arc::new(Chains::new(1));
        chains.turn().insert(0, Watched::new(7));
        let shared = chains.clone();
        let reader = thread::spawn(move || {
            for _ in 0..2 {
                let section = Section::of(1);
                let found = shared.find(&section, 0, |_| true);
                assert_eq!(found.map_or(7, |node| node.value.get()), 7);
            }
        });
        chains.turn().unlink(0);
        // A new one in its place, under the same hash.
        chains.turn().insert(0, Watched::new(7));
        free(&chains);
        chains.turn().unlink(1);
        free(&chains);
        reader.join().unwrap();
    });
}

#[test]
fn who_frees_need_not_be_who_ended_the_epoch() {
    model(3, || {
        let chains = std::sync::Arc::new(Chains::new(1));
        chains.turn().insert(0, Watched::new(7));
        let shared = chains.clone();
        let reader = thread::spawn(move || {
            let section = Section::of(1);
            let found = shared.find(&section, 0, |_| true);
            assert_eq!(found.map_or(7, |node| node.value.get()), 7);
        });
        // Another family at the same.
        let other = thread::spawn(|| {
            section::passed();
        });
        chains.turn().unlink(0);
        free(&chains);
        reader.join().unwrap();
        other.join().unwrap();
    });
}

#[test]
fn two_guests_and_who_frees() {
    model(2, || {
        let chains = std::sync::Arc::new(Chains::new(1));
        chains.turn().insert(0, Watched::new(7));
        let guests: Vec<_> = (0..2)
            .map(|_| {
                let shared = chains.clone();
                thread::spawn(move || {
                    let section = Section::of_guest();
                    let found = shared.find(&section, 0, |_| true);
                    assert_eq!(found.map_or(7, |node| node.value.get()), 7);
                })
            })
            .collect();
        chains.turn().unlink(0);
        free(&chains);
        free(&chains);
        guests.into_iter().for_each(|guest| guest.join().unwrap());
    });
}

/// A series as a family has it: found in a chain, with handles and a count.
struct Series {
    presence: Presence,
    /// Handles that are counted, as an `Arc` counts them.
    handles: AtomicU64,
    count: AtomicU64,
    watched: Watched,
}

impl Series {
    fn new() -> Self {
        Series {
            presence: Presence::new(),
            handles: AtomicU64::new(0),
            count: AtomicU64::new(0),
            watched: Watched::new(7),
        }
    }

    fn is_held(&self) -> bool {
        let held = self.handles.load(Ordering::Relaxed) > 0;
        sync::fence(Ordering::Acquire);
        held
    }
}

/// What a family does to hide a series and to give it up; tells what it counted when it is gone.
fn expire(chains: &Chains<Series>) -> Option<u64> {
    let turn = chains.turn();
    let series = &turn.get(0)?.value;
    series.presence.rest();
    let stamp = section::stamp();
    let quiet = section::passed().has(stamp) && !series.is_held();
    // What is shown last.
    let shown = series.count.load(Ordering::Relaxed);
    let gone = quiet && series.presence.hide() && series.presence.give_up(State::Hidden);
    drop(turn);
    gone.then(|| {
        chains.turn().unlink(0);
        let passed = section::passed();
        let freed = chains.turn().release(passed);
        freed.iter().for_each(|node| assert_eq!(node.value.count.load(Ordering::Relaxed), shown));
        shown
    })
}

#[test]
fn what_is_counted_in_a_section_is_seen_before_its_series_goes() {
    model(3, || {
        let chains = std::sync::Arc::new(Chains::new(1));
        chains.turn().insert(0, Series::new());
        let shared = chains.clone();
        let user = thread::spawn(move || {
            let section = Section::of(1);
            let found = shared.find(&section, 0, |series| series.watched.get() == 7);
            let used = found.filter(|node| node.value.presence.touch());
            used.map(|node| node.value.count.fetch_add(1, Ordering::Relaxed)).is_some()
        });
        let first = expire(&chains);
        let used = user.join().unwrap();
        let shown = first.or_else(|| expire(&chains)).or_else(|| expire(&chains));
        assert_eq!(shown, Some(u64::from(used)), "nothing lost, nothing doubled");
    });
}

#[test]
fn a_series_does_not_go_while_a_handle_lives_and_shows_what_the_handle_counted() {
    model(3, || {
        let chains = std::sync::Arc::new(Chains::new(1));
        chains.turn().insert(0, Series::new());
        let shared = chains.clone();
        let user = thread::spawn(move || {
            let section = Section::of(1);
            let found = shared.find(&section, 0, |series| series.watched.get() == 7);
            let Some(node) = found.filter(|node| node.value.presence.touch()) else { return false };
            node.value.handles.fetch_add(1, Ordering::Relaxed);
            // As the handle has it: its share of the instrument, no section.
            let series = std::ptr::from_ref(&node.value);
            drop(section);
            // SAFETY: what the model checks: a held series is not freed.
            let series = unsafe { &*series };
            assert_eq!(series.watched.get(), 7);
            series.count.fetch_add(1, Ordering::Relaxed);
            series.handles.fetch_sub(1, Ordering::Release);
            true
        });
        let first = expire(&chains);
        let used = user.join().unwrap();
        let shown = first.or_else(|| expire(&chains)).or_else(|| expire(&chains));
        assert_eq!(shown, Some(u64::from(used)), "nothing lost, nothing doubled");
    });
}

#[test]
fn a_touch_and_a_hiding_leave_the_series_seen() {
    model(3, || {
        let presence = Arc::new(Presence::new());
        assert!(presence.rest());
        let touched = presence.clone();
        let toucher = thread::spawn(move || assert!(touched.touch()));
        presence.hide();
        toucher.join().unwrap();
        assert_eq!(presence.state(), State::Touched);
    });
}

#[test]
fn who_touches_a_series_that_is_shown_again_sees_it_reset() {
    model(3, || {
        let series = Arc::new((Presence::new(), AtomicU64::new(5)));
        let shared = series.clone();
        assert!(series.0.remove());
        let user = thread::spawn(move || {
            if shared.0.touch() {
                assert_eq!(shared.1.load(Ordering::Relaxed), 0);
            }
        });
        series.1.store(0, Ordering::Relaxed);
        series.0.show();
        user.join().unwrap();
    });
}
