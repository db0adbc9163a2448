//! Records into cells: a thread's own, shared ones, and those that go from one to the other.

use crate::*;

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
