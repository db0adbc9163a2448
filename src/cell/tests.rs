//! Tests of the files that `tests/loom` compiles too. There, they would run without a model.

/// Writers that are stopped inside a record, by hand: what a reader sees of them, and what when they go on.
mod stopped {
    use crate::cell::buckets::{BucketCells, Recorded};
    use crate::cell::sequence::{self, HEADER};
    use crate::cell::sync::AtomicU64;
    use crate::cell::word::{FloatWord, WholeWord, add_to_own};

    type Shared = BucketCells<WholeWord, ()>;

    /// Counts by bucket and the sum, and whether a writer kept the reader from more.
    fn read(cells: &Shared) -> (Vec<u64>, u64, bool) {
        let mut readers = cells.readers();
        let Recorded { counts, sum } = readers.read();
        (counts, sum, readers.is_kept_waiting())
    }

    #[test]
    fn a_reader_of_shared_buckets_gives_what_it_read_last_and_catches_up() {
        let cells = Shared::new(2);
        cells.record(0, 10);
        assert_eq!(read(&cells), (vec![1, 0], 10, false));
        let (stopped, _) = cells.begin();
        stopped.add(1, 7);
        for more in 0..5 {
            assert_eq!(read(&cells), (vec![1, 0], 10, true), "as before, with {more} records behind it");
            cells.record(0, 10);
        }
        stopped.finish();
        assert_eq!(read(&cells), (vec![6, 1], 67, false), "what is in the other half too");
        assert_eq!(read(&cells), (vec![6, 1], 67, false));
    }

    #[test]
    fn a_writer_that_is_stopped_before_any_reading_keeps_all_of_them_at_nothing() {
        let cells = Shared::new(1);
        cells.record(0, 10);
        let (stopped, _) = cells.begin();
        (0..2).for_each(|_| assert_eq!(read(&cells), (vec![0], 0, true)));
        stopped.add(0, 5);
        stopped.finish();
        assert_eq!(read(&cells), (vec![2], 15, false));
    }

    #[test]
    fn one_writer_stopped_after_the_other_loses_and_doubles_nothing() {
        let cells = Shared::new(1);
        let mut recorded = 0;
        for _ in 0..100 {
            let (stopped, _) = cells.begin();
            read(&cells);
            let (next, _) = cells.begin();
            cells.record(0, 1);
            stopped.add(0, 1);
            stopped.finish();
            assert!(read(&cells).0[0] > recorded, "it catches up");
            read(&cells);
            next.add(0, 1);
            next.finish();
            recorded += 3;
            assert_eq!(read(&cells), (vec![recorded], recorded, false));
        }
    }

    #[test]
    fn a_reader_of_a_threads_cells_keeps_what_it_knew_of_that_thread() {
        let cells: Vec<_> = (0..HEADER + 2).map(|_| AtomicU64::new(0)).collect();
        let record = |bucket| sequence::record::<FloatWord>(|place| &cells[place], bucket, 0.5);
        let mut known = [0; 3];
        let mut read = || {
            sequence::read(&cells, &mut known);
            (f64::from_bits(known[0]), known[1], known[2])
        };
        record(0);
        assert_eq!(read(), (0.5, 1, 0));
        record(1);
        let even = sequence::begin(&cells[0]);
        add_to_own::<WholeWord>(&cells[HEADER], 1);
        (0..3).for_each(|_| assert_eq!(read(), (0.5, 1, 0), "half a record"));
        add_to_own::<FloatWord>(&cells[1], 0.5);
        sequence::end(&cells[0], even);
        assert_eq!(read(), (1.5, 2, 1));
    }
}

mod epoch {
    use crate::cell::epoch::*;
    use crate::cell::sync::{AtomicU64, Mutex};

    fn epochs() -> Epochs {
        Epochs {
            now: AtomicU64::new(1),
            guests: Guests([const { AtomicU64::new(0) }; 2]),
            turn: Mutex::new(()),
        }
    }

    #[test]
    fn a_stamp_passes_when_the_sections_that_were_open_have_ended() {
        let (epochs, words) = (epochs(), [const { AtomicU64::new(0) }; 2]);
        let has_passed = |stamp| epochs.passed(words.iter()).has(stamp);
        let first = epochs.enter(&words[0]);
        let stamp = epochs.stamp();
        assert!(!has_passed(stamp));
        let later = epochs.enter(&words[1]);
        Epochs::leave(&words[0], first);
        assert!(has_passed(stamp), "the other began later");
        assert!(!has_passed(epochs.stamp()));
        Epochs::leave(&words[1], later);
        assert!(has_passed(epochs.stamp()));
    }

    #[test]
    fn a_section_inside_another_does_not_end_it() {
        let (epochs, words) = (epochs(), [AtomicU64::new(0)]);
        let outer = epochs.enter(&words[0]);
        let stamp = epochs.stamp();
        assert!(!epochs.passed(words.iter()).has(stamp));
        let inner = epochs.enter(&words[0]);
        Epochs::leave(&words[0], inner);
        assert!(!epochs.passed(words.iter()).has(stamp));
        Epochs::leave(&words[0], outer);
        assert!(epochs.passed(words.iter()).has(stamp));
    }

    #[test]
    fn guests_hold_back_what_they_could_see_and_no_more() {
        let epochs = epochs();
        let has_passed = |stamp| epochs.passed([].into_iter()).has(stamp);
        let before = epochs.stamp();
        assert!(has_passed(before));
        let guest = epochs.enter_as_guest();
        let stamp = epochs.stamp();
        for _ in 0..5 {
            assert!(!has_passed(stamp));
            assert!(has_passed(before));
        }
        let later = epochs.enter_as_guest();
        epochs.leave_as_guest(guest);
        assert!(has_passed(stamp));
        epochs.leave_as_guest(later);
        assert!(has_passed(epochs.stamp()));
    }
}

mod presence {
    use crate::cell::presence::*;

    #[test]
    fn an_entry_goes_step_by_step() {
        let presence = Presence::new();
        assert!(!presence.hide(), "it is in use");
        assert!(presence.rest() && presence.is_shown());
        assert!(presence.hide() && !presence.is_shown());
        assert!(presence.touch() && presence.is_shown(), "and comes back");
        assert!(presence.rest() && presence.hide() && presence.give_up(State::Hidden));
        assert!(!presence.touch() && !presence.remove(), "gone is gone");
    }

    #[test]
    fn a_removed_entry_is_not_touched_but_shown_again() {
        let presence = Presence::new();
        assert!(presence.remove());
        assert!(!presence.remove() && !presence.touch());
        presence.show();
        assert_eq!((presence.touch(), presence.state()), (true, State::Touched));
    }

    #[test]
    fn a_hidden_entry_can_be_removed_and_was_not_there() {
        let presence = Presence::new();
        assert!(presence.rest() && presence.hide());
        assert!(!presence.remove());
        assert_eq!(presence.state(), State::Removed);
    }
}

mod chains {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use proptest::prelude::*;

    use crate::cell::chains::*;
    use crate::cell::section::{self, Section};

    /// The numbers of what is found under each of the hashes.
    fn found(chains: &Chains<u64>, hashes: impl Iterator<Item = u32>) -> Vec<Option<u64>> {
        let section = Section::enter();
        hashes.map(|hash| chains.find(&section, hash, |_| true).map(Node::number)).collect()
    }

    proptest! {
        /// Hashes of one chain, of neighbours, of all.
        #[test]
        fn it_holds_what_a_map_holds(
            actions in prop::collection::vec((prop::bool::weighted(0.6), 0u64..40), 0..200),
            step in prop::sample::select(vec![1u64, 16, 64]),
        ) {
            let chains = Chains::new(64);
            let mut map = BTreeMap::new();
            for (insert, n) in actions {
                let mut turn = chains.turn();
                match map.get(&n) {
                    Some(number) if !insert => {
                        turn.unlink(*number);
                        map.remove(&n);
                    }
                    None if insert => {
                        map.insert(n, turn.next_number());
                        turn.insert((n * step) as u32, n);
                    }
                    _ => {}
                }
                drop(turn);
                let expected: Vec<_> = (0..40).map(|n| map.get(&n).copied()).collect();
                prop_assert_eq!(found(&chains, (0..40).map(|n: u64| (n * step) as u32)), expected);
            }
            let mut numbers: Vec<u64> = map.into_values().collect();
            numbers.sort_unstable();
            let paged: Vec<u64> = chains.page(0..u64::MAX).iter().map(|node| node.number()).collect();
            prop_assert_eq!(paged, numbers);
        }
    }

    #[test]
    fn what_a_section_has_found_stays_until_it_ends() {
        let chains = Chains::new(64);
        let value = Arc::new(5);
        chains.turn().insert(1, value.clone());
        let section = Section::enter();
        let node = chains.find(&section, 1, |_| true).expect("it was inserted");
        chains.turn().unlink(0);
        for _ in 0..10 {
            assert!(chains.turn().release(section::passed()).is_empty());
        }
        assert!(chains.find(&section, 1, |_| true).is_none());
        assert_eq!(*node.value, 5);
        drop(section);
        // Other tests of this process have sections too, but short ones.
        while chains.turn().has_unlinked() {
            chains.turn().release(section::passed());
        }
        assert_eq!(Arc::strong_count(&value), 1);
        assert_eq!(chains.turn().len(), 0);
    }

    #[test]
    fn entries_that_were_taken_away_go_with_their_chains() {
        let value = Arc::new(5);
        let chains = Chains::new(1);
        (0..100).for_each(|n| chains.turn().insert(n * 64, value.clone()));
        (0..100).step_by(2).for_each(|number| chains.turn().unlink(number));
        drop(chains);
        assert_eq!(Arc::strong_count(&value), 1);
    }
}

/// What stands beside the numbers.
mod exemplars {
    use crate::cell::exemplars::{Exemplars, TICK_NANOS};

    fn offer(all: &Exemplars<u64>, bucket: i32, now: u64, exemplar: u64) {
        if all.take_turn(bucket, now) {
            all.keep(bucket, exemplar);
        }
    }

    #[test]
    fn a_bucket_keeps_the_first_of_each_tick_and_the_newest_of_all() {
        let all = Exemplars::new(2);
        offer(&all, 0, 0, 1);
        offer(&all, 0, 1, 2);
        offer(&all, 1, 1, 3);
        assert_eq!(all.read(), [1, 3]);
        offer(&all, 0, TICK_NANOS, 4);
        offer(&all, 0, 2 * TICK_NANOS - 1, 5);
        assert_eq!(all.read(), [3, 4]);
    }

    #[test]
    fn of_more_buckets_than_there_is_room_for_the_oldest_goes() {
        let all = Exemplars::new(3);
        (0..5).for_each(|n| offer(&all, n as i32 - 2, n * TICK_NANOS, n));
        assert_eq!(all.read(), [2, 3, 4]);
        let least = Exemplars::new(0);
        (0..5).for_each(|n| offer(&least, n as i32 - 2, n * TICK_NANOS, n));
        assert_eq!(least.read(), [4], "there is room for one always");
    }

    #[test]
    fn what_was_reset_is_gone_and_takes_the_next_at_once() {
        let all = Exemplars::new(1);
        offer(&all, 0, 0, 1);
        all.reset();
        assert!(all.read().is_empty());
        offer(&all, 0, 0, 2);
        assert_eq!(all.read(), [2]);
    }

    #[test]
    fn who_finds_the_list_held_goes_on() {
        let all = Exemplars::new(1);
        let held = all.kept.lock();
        offer(&all, 0, 0, 7);
        assert!(all.read().is_empty(), "nothing kept, and waited for in vain");
        all.reset();
        drop(held);
        offer(&all, 0, 1, 8);
        assert!(all.read().is_empty(), "it had its turn");
        offer(&all, 0, TICK_NANOS, 9);
        assert_eq!(all.read(), [9]);
    }
}
