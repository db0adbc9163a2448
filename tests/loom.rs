//! The lock-free parts of storage, in every order that the memory model allows. They are the files of `src/cell`
//! themselves, with the model checker's atomics in place of the machine's.

#![allow(dead_code, reason = "the files are larger than what is modelled")]

mod sync {
    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering, fence};
    pub(crate) use loom::thread::yield_now;

    /// A lock as parking_lot's: never poisoned.
    #[derive(Debug)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Mutex(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().expect("no thread panics with the lock")
        }
    }
}

#[path = "../src/cell/buckets.rs"]
mod buckets;
#[path = "../src/cell/sequence.rs"]
mod sequence;
#[path = "../src/cell/word.rs"]
mod word;

use buckets::BucketCells;
use loom::sync::Arc;
use loom::thread;
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
