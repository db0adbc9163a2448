//! Groups of the running program, and what is read between them. See [`gate`](super::gate).
//!
//! One gate for the program: a group can hold records of any registry, and groups inside groups cannot wait for each
//! other's readers. A thread's word is a cell of its set, beside that of its [sections](super::section).

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::behind;
use super::gate::{Gate, Groups, Lost, Turn, UNUSED};
use super::thread::{self, SECTIONS, SECTIONS_PAGE};

/// The only one of the program.
static GATE: Gate = Gate {
    readings: AtomicU64::new(UNUSED),
    guests: AtomicU64::new(0),
    intruders: AtomicU64::new(0),
    endless: AtomicU64::new(0),
    turn: Mutex::new(Lost { guests: 0, words: Vec::new() }),
};

/// The cell of a thread's block of [`SECTIONS`] that is its word.
const WORD: usize = 1;
/// How long a reader waits for threads that are in a group or in a record: for all of them together.
const PATIENCE: Duration = Duration::from_millis(100);

thread_local! {
    /// Groups inside groups of a thread without a word. Without a destructor, so it is there to the end.
    static GUEST: Cell<u32> = const { Cell::new(0) };
}

/// A group of this thread, until it is dropped.
#[derive(Debug)]
pub(crate) struct Group {
    ends: Ends,
    /// It belongs to its thread.
    not_send: PhantomData<*const ()>,
}

/// What its end does.
#[derive(Debug)]
enum Ends {
    Word(&'static AtomicU64, u64),
    Guest,
    /// It is inside another.
    Nothing,
}

impl Group {
    #[inline]
    pub(crate) fn enter() -> Self {
        let ends = match own_word() {
            Some(word) => GATE.enter(word).map_or(Ends::Nothing, |even| Ends::Word(word, even)),
            None => Group::enter_as_guest(),
        };
        Group { ends, not_send: PhantomData }
    }

    #[cold]
    fn enter_as_guest() -> Ends {
        let outer = GUEST.get();
        if outer == 0 {
            GATE.enter_as_guest();
        }
        GUEST.set(outer + 1);
        Ends::Guest
    }

    #[cold]
    fn leave_as_guest() {
        let outer = GUEST.get() - 1;
        GUEST.set(outer);
        if outer == 0 {
            GATE.leave_as_guest();
        }
    }
}

impl Drop for Group {
    #[inline]
    fn drop(&mut self) {
        match self.ends {
            Ends::Word(word, even) => Gate::leave(word, even),
            Ends::Guest => Group::leave_as_guest(),
            Ends::Nothing => {}
        }
    }
}

/// What `read` gives, in a program that has had no group when it is done.
pub(crate) fn read_without_groups<R>(read: impl FnOnce() -> R) -> Option<R> {
    (!GATE.is_used()).then(read).filter(|_| !GATE.is_used())
}

/// Reads between groups, and tells whether it did. Inside a group, or inside another reading, it waits for nobody.
pub(crate) fn read_between<R>(read: impl FnOnce() -> R) -> (R, Groups) {
    let own = own_word();
    if is_inside(own) {
        return (read(), Groups::Whole);
    }
    read_by(&GATE, own, words, read)
}

/// Reads at a gate, by the thread of this word.
fn read_by<'w, R, W: Iterator<Item = &'w AtomicU64>>(
    gate: &Gate,
    own: Option<&AtomicU64>,
    words: impl Fn() -> W,
    read: impl FnOnce() -> R,
) -> (R, Groups) {
    let until = Instant::now() + PATIENCE;
    let ((result, is_behind), groups) = gate.read(until, words, |turn| {
        let _inside = Inside::new(own, turn);
        behind::patiently(until, read)
    });
    (result, if is_behind { Groups::Split } else { groups })
}

fn words() -> impl Iterator<Item = &'static AtomicU64> {
    SECTIONS.blocks().map(|block| &block.cells[WORD])
}

#[inline]
fn own_word() -> Option<&'static AtomicU64> {
    thread::mine(SECTIONS_PAGE).map(|block| &block.cells[WORD])
}

fn is_inside(own: Option<&AtomicU64>) -> bool {
    // Relaxed: this thread's own.
    GUEST.get() > 0 || own.is_some_and(|own| own.load(Ordering::Relaxed) % 2 == 1)
}

/// While it reads, a thread is inside: what comes back from there does not wait for it. By its word only with the turn, so
/// that no reader takes it for a group; without, a group in there is one as any other.
struct Inside<'w>(Option<&'w AtomicU64>);

impl<'w> Inside<'w> {
    fn new(own: Option<&'w AtomicU64>, turn: Turn) -> Self {
        let own = own.filter(|_| turn == Turn::Own);
        match own {
            // Relaxed: others look at it with the turn only, after this thread had it.
            Some(own) => _ = own.fetch_add(1, Ordering::Relaxed),
            None => GUEST.set(GUEST.get() + 1),
        }
        Inside(own)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        match self.0 {
            // Release: as after a group.
            Some(own) => _ = own.fetch_add(1, Ordering::Release),
            None => GUEST.set(GUEST.get() - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::gate::UNUSED;
    use super::*;

    /// Used, and open.
    fn gate() -> Gate {
        let number = AtomicU64::new;
        let turn = Mutex::new(Lost { guests: 0, words: Vec::new() });
        let gate = Gate {
            readings: number(UNUSED),
            guests: number(0),
            intruders: number(0),
            endless: number(0),
            turn,
        };
        gate.enter_as_guest();
        gate.leave_as_guest();
        gate
    }

    fn read(gate: &Gate, word: &AtomicU64, read: impl FnOnce()) -> Groups {
        gate.read(Instant::now(), || std::iter::once(word), |_| read()).1
    }

    #[test]
    fn a_group_inside_another_ends_with_it() {
        let (gate, word) = (gate(), AtomicU64::new(0));
        let outer = gate.enter(&word).unwrap();
        assert_eq!(gate.enter(&word), None);
        assert_eq!(read(&gate, &word, || ()), Groups::Split);
        Gate::leave(&word, outer);
        assert_eq!(read(&gate, &word, || ()), Groups::Whole);
    }

    #[test]
    fn a_reading_that_nobody_waits_for_any_more_knows_who_went_in() {
        let (gate, word) = (gate(), AtomicU64::new(0));
        for has_word in [true, false] {
            let go_in = || {
                gate.endless.store(gate.readings.load(Ordering::Relaxed), Ordering::Relaxed);
                let enter_and_leave = || match has_word {
                    true => Gate::leave(&word, gate.enter(&word).unwrap()),
                    false => {
                        gate.enter_as_guest();
                        gate.leave_as_guest();
                    }
                };
                std::thread::scope(|scope| scope.spawn(enter_and_leave).join().unwrap());
            };
            assert_eq!(read(&gate, &word, go_in), Groups::Split);
            assert_eq!(
                read(&gate, &word, || ()),
                Groups::Whole,
                "the next reading has nothing to do with it"
            );
        }
    }

    #[test]
    fn a_reader_that_the_turn_does_not_come_to_keeps_no_other_waiting() {
        let (gate, word) = (gate(), AtomicU64::new(0));
        let words = || std::iter::once(&word);
        let read_inside = || (is_inside(Some(&word)), word.load(Ordering::Relaxed));
        // Until the other has given up.
        let turn = gate.turn.lock();
        let without = std::thread::scope(|scope| {
            let other = scope.spawn(|| read_by(&gate, Some(&word), words, read_inside));
            other.join().unwrap()
        });
        drop(turn);
        assert_eq!(without, ((true, 0), Groups::Split), "it is inside, and its word says nothing of it");
        assert_eq!(read_by(&gate, Some(&word), words, read_inside), ((true, 1), Groups::Whole));
        assert_eq!((is_inside(Some(&word)), word.load(Ordering::Relaxed)), (false, 2));
    }

    #[test]
    fn a_lost_group_of_a_guest_is_not_waited_for_again_and_said_each_time() {
        let (gate, word) = (gate(), AtomicU64::new(0));
        gate.enter_as_guest();
        assert_eq!(read(&gate, &word, || ()), Groups::Split);
        assert_eq!(gate.turn.lock().guests, 1);
        // Longer than any test: it does not get that far.
        let patience = Instant::now() + Duration::from_secs(86_400);
        assert_eq!(gate.read(patience, || std::iter::once(&word), |_| ()).1, Groups::Split);
        gate.leave_as_guest();
        assert_eq!(read(&gate, &word, || ()), Groups::Whole);
    }
}
