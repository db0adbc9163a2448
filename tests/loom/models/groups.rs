//! Groups of records that every reader sees as a whole.

use crate::*;

/// Two counts that groups change alike, one thread's word, and the gate.
struct Grouped {
    gate: Gate,
    word: AtomicU64,
    counts: [AtomicU64; 2],
}

impl Grouped {
    /// As in a program that has had a group.
    fn new() -> Arc<Self> {
        Grouped::after(2)
    }

    fn after(readings: u64) -> Arc<Self> {
        let number = AtomicU64::new;
        let turn = sync::Mutex::new(gate::Lost { guests: 0, words: Vec::new() });
        let gate = Gate {
            readings: number(readings),
            guests: number(0),
            intruders: number(0),
            endless: number(0),
            turn,
        };
        Arc::new(Grouped { gate, word: number(0), counts: [number(0), number(0)] })
    }

    fn group(&self) {
        let even = self.gate.enter(&self.word).expect("it is in no other");
        self.counts.iter().for_each(|count| add_to_own::<WholeWord>(count, 1));
        Gate::leave(&self.word, even);
    }

    fn guest_group(&self) {
        self.gate.enter_as_guest();
        self.counts.iter().for_each(|count| _ = count.fetch_add(1, Ordering::Relaxed));
        self.gate.leave_as_guest();
    }

    /// A group that waits for no reader, as if the one that is there had kept it waiting for too long.
    fn impatient(&self, group: fn(&Grouped)) {
        self.gate.endless.store(self.gate.readings.load(Ordering::Relaxed), Ordering::Relaxed);
        group(self);
    }

    /// The counts, and whether groups are whole, which they then are.
    fn read(&self) -> ([u64; 2], Groups) {
        let read = |_| [0, 1].map(|at| self.counts[at].load(Ordering::Relaxed));
        let (counts, groups) =
            self.gate.read(std::time::Instant::now(), || std::iter::once(&self.word), read);
        assert!(groups == Groups::Split || counts[0] == counts[1], "half a group: {counts:?}");
        (counts, groups)
    }
}

/// Of the checker's runs, some read before the groups, and some after the first: otherwise it would be another model.
fn groups_against_a_reader(preemptions: usize, groups: fn(&Grouped)) {
    let seen: [_; 2] =
        std::array::from_fn(|_| std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let sees = seen.clone();
    model(preemptions, move || {
        let grouped = Grouped::new();
        let theirs = grouped.clone();
        let writer = thread::spawn(move || groups(&theirs));
        let reader = grouped.clone();
        let read = thread::spawn(move || reader.read()).join().expect("it does not panic");
        if let (counts, Groups::Whole) = read {
            sees[usize::from(counts[0] > 0)].store(true, std::sync::atomic::Ordering::Relaxed);
        }
        writer.join().expect("it does not panic");
        assert_eq!(grouped.read().1, Groups::Whole, "nobody is in a group any more");
    });
    assert!(seen.iter().all(|seen| seen.load(std::sync::atomic::Ordering::Relaxed)));
}

#[test]
fn a_reader_sees_all_of_a_group_or_nothing() {
    groups_against_a_reader(3, Grouped::group);
}

#[test]
fn a_reader_sees_all_of_a_second_group_or_nothing() {
    groups_against_a_reader(2, |grouped| (0..2).for_each(|_| grouped.group()));
}

#[test]
fn a_reader_sees_all_of_a_guests_group_or_nothing() {
    groups_against_a_reader(3, Grouped::guest_group);
}

#[test]
fn two_readers_take_turns_and_neither_sees_half_a_group() {
    model(2, || {
        let grouped = Grouped::new();
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let grouped = grouped.clone();
                thread::spawn(move || _ = grouped.read())
            })
            .collect();
        grouped.group();
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        assert_eq!(grouped.read(), ([1, 1], Groups::Whole));
    });
}

/// A group that goes in while one reader is there, and a reader that comes next. Of the checker's runs, in some it goes in so,
/// and the next reader sees it whole.
fn an_intruder_against_the_next_reader(group: fn(&Grouped)) {
    let seen = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let sees = seen.clone();
    model(2, move || {
        let grouped = Grouped::new();
        let theirs = grouped.clone();
        let readers = thread::spawn(move || [theirs.read(), theirs.read()]);
        grouped.impatient(group);
        let [_, next] = readers.join().expect("it does not panic");
        if grouped.gate.intruders.load(Ordering::Relaxed) > 0 && next == ([1, 1], Groups::Whole) {
            sees.store(true, std::sync::atomic::Ordering::Relaxed);
        }
        assert_eq!(grouped.read(), ([1, 1], Groups::Whole), "nobody is in a group any more");
    });
    assert!(seen.load(std::sync::atomic::Ordering::Relaxed));
}

#[test]
fn the_reader_after_the_one_that_a_group_did_not_wait_for_sees_all_of_it_or_nothing() {
    an_intruder_against_the_next_reader(Grouped::group);
}

#[test]
fn the_reader_after_the_one_that_a_guest_did_not_wait_for_sees_all_of_its_group_or_nothing() {
    an_intruder_against_the_next_reader(Grouped::guest_group);
}

#[test]
fn a_reading_that_saw_a_programs_first_group_knows_that_there_is_one() {
    model(3, || {
        let grouped = Grouped::after(gate::UNUSED);
        side_by_side(&grouped, Grouped::group, |grouped| {
            let counts = [0, 1].map(|at| grouped.counts[at].load(Ordering::Relaxed));
            assert!(grouped.gate.is_used() || counts == [0, 0], "nobody would read again: {counts:?}");
        });
    });
}

#[test]
fn a_reader_of_a_group_that_never_ends_says_so_and_waits_for_it_only_once() {
    model(2, || {
        let grouped = Grouped::new();
        let begin = |grouped: &Grouped| {
            grouped.gate.enter(&grouped.word);
            add_to_own::<WholeWord>(&grouped.counts[0], 1);
        };
        side_by_side(&grouped, begin, |grouped| _ = grouped.read());
        assert_eq!(grouped.read(), ([1, 0], Groups::Split));
        assert_eq!(grouped.gate.turn.lock().words, [1]);
        assert_eq!(grouped.read(), ([1, 0], Groups::Split), "it is half done still");
    });
}
