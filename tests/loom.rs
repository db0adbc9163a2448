//! The lock-free parts of storage, in every order that the memory model allows. They are the files of `src/cell`
//! themselves, with the model checker's atomics in place of the machine's.

#![allow(dead_code, reason = "the files are larger than what is modelled")]

mod sync {
    use std::time::Duration;

    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering, fence};
    pub(crate) use loom::thread::yield_now;

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

#[path = "../src/cell/buckets.rs"]
mod buckets;
#[path = "../src/cell/buffer.rs"]
mod buffer;
#[path = "../src/cell/sequence.rs"]
mod sequence;
#[path = "../src/cell/stripes.rs"]
mod stripes;
#[path = "../src/cell/word.rs"]
mod word;

use buckets::BucketCells;
use loom::sync::Arc;
use loom::thread;
use stripes::Stripes;
use sync::{AtomicU64, Ordering};
use word::{FloatWord, WholeWord, Word, add_to_own};

/// Checks with up to this many switches where a thread could have gone on.
fn model(preemptions: usize, check: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(check);
}

fn cells(buckets: usize) -> Arc<Vec<AtomicU64>> {
    Arc::new((0..sequence::HEADER + buckets).map(|_| AtomicU64::new(0)).collect())
}

#[test]
fn a_reader_of_one_writers_cells_sees_whole_records_or_none() {
    model(3, || {
        let cells = cells(2);
        let own = cells.clone();
        let writer = thread::spawn(move || {
            sequence::record::<WholeWord>(|place| &own[place], 0, 1, 10);
            sequence::record::<WholeWord>(|place| &own[place], 1, 1, 10);
        });
        let mut counts = [0, 0];
        if let Some(sum) = sequence::read(&cells, &mut counts) {
            assert_eq!(sum, 10 * (counts[0] + counts[1]), "torn: {counts:?}");
            assert!(counts[1] <= counts[0], "the second record without the first");
        }
        writer.join().unwrap();
        let mut counts = [0, 0];
        assert_eq!((sequence::read(&cells, &mut counts), counts), (Some(20), [1, 1]));
    });
}

#[test]
fn a_reader_of_shared_buckets_sees_whole_records_of_two_writers() {
    // Two: a third takes minutes, since the reader waits for writers.
    model(2, || {
        let cells = Arc::new(BucketCells::<WholeWord>::new(2));
        let writers: Vec<_> = (0..2)
            .map(|bucket| {
                let cells = cells.clone();
                thread::spawn(move || {
                    cells.record(bucket, 1, 10);
                })
            })
            .collect();
        let (counts, sum) = cells.read();
        assert_eq!(sum, 10 * counts.iter().sum::<u64>(), "torn: {counts:?}");
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        let (counts, sum) = cells.read();
        assert_eq!((counts, sum), (vec![1, 1], 20));
    });
}

#[test]
fn two_readings_of_shared_buckets_never_fall() {
    model(3, || {
        let cells = Arc::new(BucketCells::<FloatWord>::new(1));
        let shared = cells.clone();
        let writer = thread::spawn(move || {
            shared.record(0, 1, 0.5);
        });
        let (first, _) = cells.read();
        let (second, sum) = cells.read();
        assert!(second[0] >= first[0]);
        assert_eq!(sum, 0.5 * second[0] as f64);
        writer.join().unwrap();
        assert_eq!(cells.read(), (vec![1], 0.5));
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

/// Runs both in threads of their own: the checker tries more orders than with one of them in the thread that begins.
fn side_by_side(recent: &Arc<Recent>, write: fn(&Recent), read: fn(&Recent)) {
    let [ours, theirs] = [recent.clone(), recent.clone()];
    let threads = [thread::spawn(move || write(&ours)), thread::spawn(move || read(&theirs))];
    threads.into_iter().for_each(|thread| thread.join().expect("neither panics"));
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
    model(3, || {
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
