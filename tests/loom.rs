//! The lock-free parts of storage, in every order that the memory model allows. They are the files of `src/cell`
//! themselves, with the model checker's atomics in place of the machine's.

#![allow(dead_code, reason = "the files are larger than what is modelled")]
#![allow(unsafe_code, reason = "the checker's cells want it; it finds what is wrong about it")]

mod sync {
    use std::time::{Duration, Instant};

    pub(crate) use loom::sync::MutexGuard;
    pub(crate) use loom::sync::atomic::{AtomicPtr, AtomicU8, AtomicU64, Ordering, fence};
    pub(crate) use loom::thread::yield_now;

    /// Two looks are all that differ: the first that fails, and one after it.
    pub(crate) const TRIES: u32 = 2;

    /// As few: the reader leaves the record to the next reading.
    pub(crate) const LOOKS: u32 = 2;

    /// As a read-modify-write, which of a thread's own last store gives the same. Of a plain load the checker would
    /// remember no earlier access to the cell but this, and never try the reader's loads later than it did at first.
    pub(crate) fn load_own(cell: &AtomicU64) -> u64 {
        cell.fetch_add(0, Ordering::Relaxed)
    }

    /// Patience is a number of looks.
    pub(crate) fn wait_until(_until: Instant, mut look: impl FnMut() -> bool) -> bool {
        (0..LOOKS).any(|_| {
            look() || {
                yield_now();
                false
            }
        })
    }

    /// A lock as parking_lot's: never poisoned. Its holders never go away, so that patience never ends.
    #[derive(Debug)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T: Default> Default for Mutex<T> {
        fn default() -> Self {
            Mutex::new(T::default())
        }
    }

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Mutex(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().expect("no thread panics with the lock")
        }

        pub(crate) fn try_lock(&self) -> Option<loom::sync::MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }

        pub(crate) fn try_lock_for(&self, _patience: Duration) -> Option<loom::sync::MutexGuard<'_, T>> {
            Some(self.lock())
        }
    }
}

/// Both sides by fences: what the system call does is what the kernel says.
mod barrier {
    use super::sync::{Ordering, fence};

    pub(crate) fn light() {
        fence(Ordering::SeqCst);
    }

    pub(crate) fn heavy() -> bool {
        fence(Ordering::SeqCst);
        true
    }

    pub(crate) fn prepare() {}
}

/// Sections whose words are found by the model's own numbers for its threads: a thread-local's end cannot be modelled.
mod section {
    use super::epoch::{Epochs, Guests, Passed, Stamp};
    use super::sync::{AtomicU64, Mutex};

    loom::lazy_static! {
        static ref EPOCHS: Epochs = Epochs {
            now: AtomicU64::new(1),
            guests: Guests([AtomicU64::new(0), AtomicU64::new(0)]),
            turn: Mutex::new(()),
        };
        static ref WORDS: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];
    }

    /// Of a thread with a word, or of a guest.
    pub(crate) enum Section {
        Own(&'static AtomicU64, u64),
        Guest(u64),
    }

    impl Section {
        /// As the thread that takes away: it has the first word.
        pub(crate) fn enter() -> Self {
            Section::of(0)
        }

        pub(crate) fn of(thread: usize) -> Self {
            let word = &WORDS[thread];
            Section::Own(word, EPOCHS.enter(word))
        }

        pub(crate) fn of_guest() -> Self {
            Section::Guest(EPOCHS.enter_as_guest())
        }
    }

    impl Drop for Section {
        fn drop(&mut self) {
            match self {
                Section::Own(word, before) => Epochs::leave(word, *before),
                Section::Guest(epoch) => EPOCHS.leave_as_guest(*epoch),
            }
        }
    }

    pub(crate) fn prepare() {}

    pub(crate) fn stamp() -> Stamp {
        EPOCHS.stamp()
    }

    pub(crate) fn passed() -> Passed {
        EPOCHS.passed(WORDS.iter())
    }
}

#[path = "../src/cell/behind.rs"]
mod behind;
#[path = "../src/cell/buckets.rs"]
mod buckets;
#[path = "../src/cell/buffer.rs"]
mod buffer;
#[path = "../src/cell/chains.rs"]
mod chains;
#[path = "../src/cell/epoch.rs"]
mod epoch;
#[path = "../src/cell/exemplars.rs"]
mod exemplars;
#[path = "../src/cell/gate.rs"]
mod gate;
#[path = "../src/cell/linked.rs"]
mod linked;
#[path = "../src/cell/presence.rs"]
mod presence;
#[path = "../src/cell/rare.rs"]
mod rare;
#[path = "../src/cell/sequence.rs"]
mod sequence;
#[path = "../src/cell/stripes.rs"]
mod stripes;
#[path = "../src/cell/word.rs"]
mod word;

use buckets::{BucketCells, Recorded};
use chains::Chains;
use exemplars::Exemplars;
use gate::{Gate, Groups};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use presence::{Presence, State};
use rare::Rare;
use section::Section;
use stripes::Stripes;
use sync::{AtomicU64, Ordering};
use word::{FloatWord, WholeWord, Word, add_to_own};

/// Checks with up to this many switches where a thread could have gone on.
fn model(preemptions: usize, check: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(check);
}

/// One thread's, as everybody reads them.
type Cells = Arc<Vec<AtomicU64>>;

fn cells(buckets: usize) -> Cells {
    Arc::new((0..sequence::HEADER + buckets).map(|_| AtomicU64::new(0)).collect())
}

/// Records a ten into a bucket of a thread's own cells.
fn record_own(cells: &[AtomicU64], bucket: usize) {
    sequence::record::<WholeWord>(|place| &cells[place], bucket, 10);
}

/// What a reader knows of a thread: `[sum, buckets…]`, of tens.
struct Known<const N: usize>([u64; N]);

impl<const N: usize> Known<N> {
    fn nothing() -> Self {
        Known([0; N])
    }

    /// Reads it again, and tells how many records there are.
    fn read(&mut self, cells: &[AtomicU64]) -> u64 {
        let before = self.0;
        sequence::read(cells, &mut self.0);
        let records = self.0[1..].iter().sum();
        assert_eq!(self.0[0], 10 * records, "torn: {:?}", self.0);
        assert!(self.0.iter().zip(before).all(|(now, before)| *now >= before), "less than {before:?}");
        records
    }
}

/// Runs both in threads of their own: the checker tries more orders than with one of them in the thread that begins.
fn side_by_side<T: Send + Sync + 'static>(shared: &Arc<T>, first: fn(&T), second: fn(&T)) {
    let [ours, theirs] = [shared.clone(), shared.clone()];
    let threads = [thread::spawn(move || first(&ours)), thread::spawn(move || second(&theirs))];
    threads.into_iter().for_each(|thread| thread.join().expect("neither panics"));
}

fn reader_of_one_writer(preemptions: usize, records: fn(&Vec<AtomicU64>)) {
    model(preemptions, move || {
        let cells = cells(2);
        side_by_side(&cells, records, |cells| {
            let mut known = Known::<3>::nothing();
            known.read(cells);
            assert!(known.0[2] <= known.0[1], "the second record without the first");
        });
        assert_eq!(Known::<3>::nothing().read(&cells), cells[0].load(Ordering::Relaxed) / 2);
    });
}

#[test]
fn a_reader_of_one_writers_cells_sees_a_whole_record_or_none() {
    reader_of_one_writer(3, |cells| record_own(cells, 0));
}

#[test]
fn a_reader_of_one_writers_cells_sees_all_that_is_merged_or_nothing() {
    model(2, || {
        let cells = cells(2);
        let merge = |cells: &Vec<AtomicU64>| {
            sequence::record_many::<WholeWord>(|place| &cells[place], [(0, 2), (1, 1)].into_iter(), 30);
        };
        side_by_side(&cells, merge, |cells| {
            let records = Known::<3>::nothing().read(cells);
            assert!(records == 0 || records == 3, "{records} of three");
        });
        assert_eq!(Known::<3>::nothing().read(&cells), 3);
    });
}

#[test]
fn a_reader_of_one_writers_cells_sees_no_record_without_those_before() {
    // One, with two records: a second takes half a minute.
    reader_of_one_writer(1, |cells| (0..2).for_each(|bucket| record_own(cells, bucket)));
}

#[test]
fn a_reader_of_a_record_that_never_ends_keeps_what_it_knew() {
    model(2, || {
        let cells = cells(1);
        let write = |cells: &Vec<AtomicU64>| {
            sequence::begin(&cells[0]);
            add_to_own::<WholeWord>(&cells[sequence::HEADER], 1);
        };
        record_own(&cells, 0);
        side_by_side(&cells, write, |cells| assert_eq!(Known::<2>([10, 1]).read(cells), 1));
        assert_eq!(Known::<2>([10, 1]).read(&cells), 1);
    });
}

type Shared<W> = BucketCells<W, ()>;

/// Reads records of tens.
fn read_shared(cells: &Shared<WholeWord>) -> Vec<u64> {
    let recorded = cells.readers().read();
    assert_eq!(recorded.sum, 10 * recorded.counts.iter().sum::<u64>(), "torn: {recorded:?}");
    recorded.counts
}

#[test]
fn a_reader_of_shared_buckets_sees_whole_records_of_two_writers() {
    // Two: a third takes minutes.
    model(2, || {
        let cells = Arc::new(Shared::<WholeWord>::new(2));
        let writers: Vec<_> = (0..2)
            .map(|bucket| {
                let cells = cells.clone();
                thread::spawn(move || {
                    cells.record(bucket, 10);
                })
            })
            .collect();
        read_shared(&cells);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        assert_eq!(read_shared(&cells), [1, 1]);
    });
}

#[test]
fn a_reader_of_shared_buckets_sees_all_that_is_merged_or_nothing() {
    model(3, || {
        let cells = Arc::new(Shared::<WholeWord>::new(2));
        let merge = |cells: &Shared<WholeWord>| _ = cells.record_many([(0, 2), (1, 1)].into_iter(), 30);
        side_by_side(&cells, merge, |cells| {
            let counts = read_shared(cells);
            assert!(counts == [0, 0] || counts == [2, 1], "half of it: {counts:?}");
        });
        assert_eq!(read_shared(&cells), [2, 1]);
    });
}

#[test]
fn readings_of_shared_buckets_never_fall_and_miss_no_record_that_has_ended() {
    // Of the checker's runs, one with a turn that its reader left open: otherwise it would be another model.
    static LEFT_OPEN: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
    model(3, || {
        let cells = Arc::new(Shared::<WholeWord>::new(1));
        let write = |cells: &Shared<WholeWord>| {
            cells.record(0, 10);
            cells.record(0, 10);
        };
        side_by_side(&cells, write, |cells| {
            let first = read_shared(cells)[0];
            let second = read_shared(cells)[0];
            assert!(first <= second && second <= 2, "{second} after {first}");
            if cells.readers().is_kept_waiting() {
                LEFT_OPEN.store(true, std::sync::atomic::Ordering::Relaxed);
            }
        });
        assert_eq!(read_shared(&cells), [2]);
        assert_eq!(read_shared(&cells), [2], "and nothing twice");
    });
    assert!(LEFT_OPEN.load(std::sync::atomic::Ordering::Relaxed));
}

#[test]
fn what_a_record_did_is_seen_with_its_end() {
    model(3, || {
        let cells = Arc::new(Shared::<WholeWord>::new(1));
        // The first half rests once, so that what is read in it was also emptied.
        (0..2).for_each(|_| assert_eq!(read_shared(&cells), [0]));
        side_by_side(&cells, |cells| _ = cells.record(0, 10), |cells| _ = read_shared(cells));
        assert_eq!(read_shared(&cells), [1]);
    });
}

#[test]
fn a_sum_of_floats_never_falls_and_is_that_of_its_records() {
    model(3, || {
        let cells = Arc::new(Shared::<FloatWord>::new(1));
        side_by_side(
            &cells,
            |cells| _ = cells.record(0, 0.5),
            |cells| {
                let first = cells.readers().read();
                let second = cells.readers().read();
                assert!(second.counts[0] >= first.counts[0]);
                assert_eq!(second.sum, 0.5 * second.counts[0] as f64);
            },
        );
        assert_eq!(cells.readers().read(), Recorded { counts: vec![1], sum: 0.5 });
    });
}

#[test]
fn a_set_of_cells_goes_from_an_ending_thread_to_the_next_with_all_its_records() {
    model(3, || {
        let (cells, pool) = (cells(1), Arc::new(AtomicU64::new(0)));
        let (own, theirs) = (cells.clone(), pool.clone());
        let ending = thread::spawn(move || {
            record_own(&own, 0);
            // Release and acquire: what the pool's lock does for a set that goes in and comes out.
            theirs.store(1, Ordering::Release);
        });
        let is_next = pool.load(Ordering::Acquire) == 1;
        let mut known = Known::<2>::nothing();
        if is_next {
            record_own(&cells, 0);
            assert_eq!(known.read(&cells), 2, "nothing lost");
        } else {
            assert!(known.read(&cells) <= 1);
        }
        ending.join().unwrap();
        assert_eq!(known.read(&cells), 1 + u64::from(is_next));
    });
}

#[test]
fn a_word_that_is_fought_over_and_a_threads_own_cell_add_up() {
    model(3, || {
        // A promotion as the total sees it: one thread still adds to the word, another has a cell already.
        let (word, cell) = (Arc::new(WholeWord::default()), Arc::new(AtomicU64::new(0)));
        let (their_word, their_cell) = (word.clone(), cell.clone());
        let promoted = thread::spawn(move || {
            if !their_word.try_add(1) {
                their_word.add(1);
            }
            add_to_own::<WholeWord>(&their_cell, 1);
        });
        let total = || word.get() + cell.load(Ordering::Relaxed);
        let before = total();
        word.add(1);
        let after = total();
        assert!(after > before, "{after} after {before} and one more");
        promoted.join().unwrap();
        assert_eq!(total(), 3);
    });
}

/// A window that just lists slots and their values, one thread's buffer, and what is done with them as
/// `src/cell/recent.rs` does it. Every value is the number of its slot.
struct Recent {
    buffer: Vec<AtomicU64>,
    stripes: Stripes<Vec<(u64, f64)>>,
}

impl Recent {
    /// With the value of slot 1 in its buffer.
    fn new() -> Arc<Self> {
        let buffer = (0..buffer::BUFFER).map(|_| AtomicU64::new(0)).collect();
        let recent = Recent { buffer, stripes: Stripes::default() };
        recent.hand_over(1);
        Arc::new(recent)
    }

    fn cell<'a>(&'a self) -> impl Fn(usize) -> &'a AtomicU64 {
        |place| &self.buffer[place]
    }

    fn hand_over(&self, slot: u64) {
        let filling = buffer::take(self.cell(), slot);
        buffer::push(self.cell(), slot, slot as f64);
        self.stripes.change(|window| window.extend(self.listed(&filling)));
    }

    fn listed(&self, filling: &buffer::Filling) -> Vec<(u64, f64)> {
        let values = filling.values(buffer::forgotten(self.cell()));
        values.iter().map(|value| (filling.slot, *value)).collect()
    }

    fn read(&self) -> Vec<(u64, f64)> {
        let filling = buffer::read(&self.buffer);
        let window = self.stripes.gather(|all, part| all.extend(part)).expect("nobody goes away");
        let mut values = window.clone();
        if buffer::is_current(&self.buffer, &filling) {
            values.extend(self.listed(&filling));
        }
        values
    }

    fn reset(&self) {
        buffer::forget(&self.buffer);
        self.stripes.gather(|_, _| ()).expect("nobody goes away").clear();
    }
}

#[test]
fn a_filling_that_is_still_current_was_read_as_a_whole() {
    /// The position at which the first filling with a value ends.
    const FIRST_ENDS: u64 = 128;
    model(3, || {
        let begin_anew = |recent: &Recent| {
            buffer::take(recent.cell(), 2);
            buffer::push(recent.cell(), 2, 2.0);
        };
        side_by_side(&Recent::new(), begin_anew, |recent| {
            let filling = buffer::read(&recent.buffer);
            if buffer::is_current(&recent.buffer, &filling) {
                let expected = if filling.values(FIRST_ENDS).is_empty() { 1.0 } else { 2.0 };
                for value in filling.values(0) {
                    assert_eq!((filling.slot as f64, *value), (expected, expected), "torn");
                }
            }
        });
    });
}

#[test]
fn a_reader_of_a_buffer_and_its_window_sees_no_value_twice_and_none_in_another_slot() {
    // Two: a third takes a minute, and finds nothing more.
    model(2, || {
        let recent = Recent::new();
        side_by_side(
            &recent,
            |recent| recent.hand_over(2),
            |recent| {
                let values = recent.read();
                for (slot, value) in &values {
                    assert_eq!(*slot as f64, *value, "torn: {values:?}");
                    assert_eq!(
                        values.iter().filter(|(other, _)| other == slot).count(),
                        1,
                        "twice: {values:?}"
                    );
                }
            },
        );
        assert_eq!(recent.read(), [(1, 1.0), (2, 2.0)]);
    });
}

#[test]
fn two_writers_of_stripes_lose_nothing_to_a_reader() {
    model(3, || {
        let stripes = Arc::new(Stripes::<Vec<f64>>::default());
        let writers: Vec<_> = [1.0, 2.0]
            .into_iter()
            .map(|value| {
                let stripes = stripes.clone();
                thread::spawn(move || {
                    stripes.change(|window| window.push(value));
                })
            })
            .collect();
        let gather = || stripes.gather(|all, part| all.extend(part)).map(|all| all.len());
        assert!(gather() <= Some(2));
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        assert_eq!(gather(), Some(2));
    });
}

#[test]
fn what_was_recorded_before_a_reset_does_not_come_back_by_a_late_hand_over() {
    model(2, || {
        let recent = Recent::new();
        let forgets = |recent: &Recent| {
            recent.reset();
            let values = recent.read();
            assert!(!values.contains(&(1, 1.0)), "{values:?}");
        };
        side_by_side(&recent, |recent| recent.hand_over(2), forgets);
        let values = recent.read();
        assert!(!values.contains(&(1, 1.0)), "{values:?} in the end");
    });
}

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

#[test]
fn a_histogram_that_is_promoted_while_it_is_read_loses_and_doubles_nothing() {
    model(2, || {
        let shared = Shared::<WholeWord>::new(1);
        let (cells, promoted) = (cells(1), Arc::new(AtomicU64::new(0)));
        let (own, theirs) = (cells.clone(), promoted.clone());
        shared.record(0, 10);
        let promoting = thread::spawn(move || {
            // Release: as a promotion stores the place of the cells.
            theirs.store(1, Ordering::Release);
            record_own(&own, 0);
        });
        let mut known = Known::<2>::nothing();
        let mut read = || {
            let shared = read_shared(&shared)[0];
            let is_promoted = promoted.load(Ordering::Acquire) == 1;
            shared + if is_promoted { known.read(&cells) } else { 0 }
        };
        let before = read();
        // A thread that has not seen the promotion, or has no cells.
        shared.record(0, 10);
        let after = read();
        assert!(after > before, "{after} after {before} and one more");
        promoting.join().unwrap();
        assert_eq!(read(), 3);
    });
}

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

/// A count and its exemplars.
struct Exemplified {
    count: WholeWord,
    exemplars: Exemplars<()>,
}

impl Exemplified {
    fn new(buckets: usize) -> Arc<Self> {
        Arc::new(Exemplified { count: WholeWord::default(), exemplars: Exemplars::new(buckets) })
    }

    fn record(&self, bucket: i32, now: u64) {
        self.count.add(1);
        if self.exemplars.take_turn(bucket, now) {
            self.exemplars.keep(bucket, ());
        }
    }

    fn read(&self) -> (usize, u64) {
        let exemplars = self.exemplars.read();
        (exemplars.len(), self.count.get())
    }
}

#[test]
fn who_sees_an_exemplar_sees_it_counted() {
    model(3, || {
        let both = Exemplified::new(2);
        let writers = [0, 1].map(|bucket| {
            let both = both.clone();
            thread::spawn(move || both.record(bucket, 0))
        });
        let (exemplars, count) = both.read();
        assert!(exemplars as u64 <= count, "{exemplars} of {count}");
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        // Whoever found the list held went without; the next does not.
        both.record(0, exemplars::TICK_NANOS);
        let (exemplars, count) = both.read();
        assert!(exemplars >= 1 && count == 3, "{exemplars} of {count}");
    });
}

#[test]
fn of_two_with_one_bucket_one_has_the_turn() {
    model(3, || {
        let both = Exemplified::new(1);
        let other = both.clone();
        let writer = thread::spawn(move || u32::from(other.exemplars.take_turn(0, 0)));
        let own = u32::from(both.exemplars.take_turn(0, 0));
        assert_eq!(own + writer.join().unwrap(), 1);
    });
}
