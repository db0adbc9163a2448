//! The same done to a spool and to a backlog in memory comes to the same.

use proptest::prelude::*;

use super::*;
use crate::report::backlog::InMemory;

#[derive(Debug, Clone)]
enum Step {
    Append(usize),
    Settle(usize),
    /// The process ends without a word, and another goes on.
    Reopen,
    /// The process ends as it should.
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0usize..40).prop_map(Step::Append),
        4 => (0usize..60).prop_map(Step::Settle),
        1 => Just(Step::Reopen),
        1 => Just(Step::Close),
    ];
    prop::collection::vec(step, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_spool_does_what_a_backlog_in_memory_does(points in 0usize..100, steps in steps()) {
        let place = Place::new();
        let bounds = Bounds { points, bytes: usize::MAX };
        let spool = place.spool().max_points(points as u64);
        let (mut spooled, mut memory) = (open(&spool), InMemory::new(bounds));
        for (at, step) in steps.into_iter().enumerate() {
            match step {
                Step::Append(points) => {
                    spooled.append(batch(at as u32, points));
                    memory.append(batch(at as u32, points));
                }
                Step::Settle(points) => {
                    spooled.settle(points);
                    memory.settle(points);
                }
                Step::Close | Step::Reopen => {
                    if matches!(step, Step::Close) {
                        spooled.close();
                    }
                    drop(spooled);
                    spooled = open(&spool);
                }
            }
            prop_assert_eq!(spooled.oldest(), memory.oldest());
            prop_assert_eq!(spooled.waiting().points, memory.waiting().points);
            prop_assert_eq!(lost(&mut spooled), lost(&mut memory));
            prop_assert_eq!(spooled.waiting().bytes == 0, memory.waiting().bytes == 0);
        }
        prop_assert_eq!(drain(&mut spooled), drain(&mut memory));
        prop_assert_eq!(spooled.take_notices(), [""; 0]);
    }

    #[test]
    fn every_point_is_settled_lost_or_waiting_whatever_the_disk_does(
        steps in prop::collection::vec((0usize..60, 0usize..60, 0u8..12), 1..40),
    ) {
        let place = Place::new();
        let directory = place.0.join("spool");
        let spool = place.spool().max_bytes(64 << 10).max_points(1_000);
        let mut spooled = Spooled::open(&spool, "spy", Bounds { points: 100, bytes: 9_000 }).unwrap();
        let (mut appended, mut settled, mut gone, mut last) = (0, 0, 0, -1.0);
        for (at, (new, done, event)) in steps.into_iter().enumerate() {
            match event {
                0 => drop(fs::remove_dir_all(&directory).or_else(|_| fs::remove_file(&directory))),
                1 if directory.is_dir() => {
                    fs::remove_dir_all(&directory).unwrap();
                    fs::write(&directory, "in the way").unwrap();
                }
                2 if directory.is_dir() => {
                    let files = place.files();
                    // None of them is there again where all were taken away before.
                    files.get(at % files.len().max(1)).map_or(Ok(()), fs::remove_file).unwrap();
                }
                _ => {}
            }
            if !directory.exists() && event == 2 {
                fs::create_dir(&directory).unwrap();
            }
            spooled.append(batch(at as u32, new));
            appended += new;
            if let Some(oldest) = spooled.oldest() {
                let done = done.min(oldest.len());
                let values: Vec<f64> = oldest[..done].iter().map(|point| point.value).collect();
                prop_assert!(values.iter().all(|value| std::mem::replace(&mut last, *value) < *value), "in order");
                spooled.settle(done);
                settled += done;
            }
            gone += lost(&mut spooled);
            prop_assert_eq!(appended, settled + gone + spooled.waiting().points);
        }
    }
}
