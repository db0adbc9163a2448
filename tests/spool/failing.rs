//! Disks that fail while a reporter runs.

use std::fs::File;

use super::child;
use super::*;

/// Runs this test in a process with less; true in the parent, which then is done.
fn is_parent(words: &[&str], test: &str) -> bool {
    if child::spool().is_some() {
        return false;
    }
    let place = Place::new();
    fs::create_dir(place.spool()).unwrap();
    assert!(child::holds_with(words, &format!("failing::{test}"), &place.spool()), "{test} with {words:?}");
    true
}

/// Reports until the spool takes no more; the last number.
fn fill(reporting: &Numbered) -> u32 {
    for number in 1..100_000 {
        reporting.report(number);
        let status = reporting.check();
        assert_eq!(status.backlog_points as u32, number, "nothing is lost");
        if reporting.failure().is_some() {
            return number;
        }
    }
    panic!("the disk is never full");
}

/// A spool of this size on a file system of its own, gone with the process.
const SMALL_DISK: &str = "mount -t tmpfs -o size=64k tmpfs \"$TAGMETER_TEST_SPOOL\" && exec \"$0\" \"$@\"";

#[test]
fn what_a_full_disk_does_not_take_waits_in_memory_and_goes_there_when_it_has_room() {
    let name = "what_a_full_disk_does_not_take_waits_in_memory_and_goes_there_when_it_has_room";
    // In a user namespace everybody may mount.
    if is_parent(&["unshare", "--map-root-user", "--mount", "sh", "-c", SMALL_DISK], name) {
        return;
    }
    let spool = child::spool().unwrap();
    let backend = Backend::default();
    let in_the_way = spool.join("something else");
    fs::write(&in_the_way, vec![0; 20 << 10]).unwrap();
    let reporting = Numbered::start(&backend, spool.join("spool"));
    let full = fill(&reporting);
    assert!(reporting.failure().unwrap().contains("No space left"), "{:?}", reporting.failure());
    (1..=20).for_each(|more| reporting.report(full + more));
    assert_eq!(backend.told().len(), 1, "once: {:?}", backend.told());
    let (waiting, on_disk) = (reporting.check().backlog_points, reporting.status().spool.unwrap().points);
    assert_eq!((waiting, on_disk), (full as usize + 20, full as usize - 1));

    fs::remove_file(in_the_way).unwrap();
    let last = full + 21;
    reporting.report(last);
    let status = reporting.check().spool.unwrap();
    assert_eq!((status.points, status.failure), (last as usize, None));

    backend.be(true);
    reporting.report(last + 1);
    assert_eq!(backend.taken(), numbers(1..=last + 1));
    assert_eq!(reporting.check().dropped.total(), 0);
}

#[test]
fn a_disk_that_stays_full_costs_what_memory_has_no_room_for_and_no_more() {
    let name = "a_disk_that_stays_full_costs_what_memory_has_no_room_for_and_no_more";
    if is_parent(&["unshare", "--map-root-user", "--mount", "sh", "-c", SMALL_DISK], name) {
        return;
    }
    let backend = Backend::default();
    let registry = Registry::new();
    let number = registry.gauge("number");
    let builder = backend.reporter(&registry).backlog_points(5);
    let reporter = builder.spool(child::spool().unwrap().join("spool")).start().unwrap();
    let reporting = Numbered { reporter, number, backend: backend.clone() };
    let full = fill(&reporting);
    (1..=20).for_each(|more| reporting.report(full + more));
    assert_eq!(reporting.check().dropped.overflow, 16);
    backend.be(true);
    reporting.report(full + 21);
    let expected = [numbers(1..=full - 1), numbers(full + 16..=full + 21)].concat();
    assert_eq!(backend.taken(), expected);
}

#[test]
fn files_that_may_not_grow_lose_nothing() {
    let limited = "trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\"";
    if is_parent(&["sh", "-c", limited], "files_that_may_not_grow_lose_nothing") {
        return;
    }
    let spool = child::spool().unwrap();
    let backend = Backend::default();
    let reporting = Numbered::start(&backend, spool.as_path());
    let first = fill(&reporting);
    // The next append begins another file.
    (1..=500).for_each(|more| reporting.report(first + more));
    assert_eq!(reporting.check().spool.unwrap().points as u32, first + 500);
    drop(reporting);
    assert_eq!(delivered_from(&spool), (numbers((1..=first + 500).chain([first + 500])), 0));
}

#[test]
fn a_position_that_cannot_be_written_does_not_make_a_spool_larger_than_it_may_be() {
    // 4096 bytes, as large as a file with points of this spool may be: the position's second place is behind them.
    let limited = "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\"";
    let name = "a_position_that_cannot_be_written_does_not_make_a_spool_larger_than_it_may_be";
    if is_parent(&["sh", "-c", limited], name) {
        return;
    }
    let (directory, most) = (child::spool().unwrap(), 64 << 10);
    let backend = Backend::default();
    let spool = Spool::in_dir(&directory).max_bytes(most).survives(Survives::Kill);
    let reporting = Numbered::start(&backend, spool);
    let position = || fs::read(directory.join("position")).unwrap();
    reporting.report(1);
    let written = position();
    let mut number = 1;
    for _ in 0..3 {
        backend.be(false);
        for _ in 0..1_500 {
            number += 1;
            reporting.report(number);
            let on_disk = bytes_of_points(&directory);
            assert!(on_disk <= most, "{on_disk}");
            assert_eq!(reporting.check().spool.unwrap().bytes as u64, on_disk);
        }
        assert!(reporting.status().backlog_points > 500, "{:?}", reporting.status());
        backend.be(true);
        number += 1;
        reporting.report(number);
        assert_eq!(reporting.check().backlog_points, 0);
    }
    assert_eq!(position(), written, "not once more");
    assert!(backend.taken().is_sorted(), "in order");
}

/// What the files with points in a spool have together.
fn bytes_of_points(directory: &Path) -> u64 {
    let files = fs::read_dir(directory).unwrap().map(|file| file.unwrap());
    let points = files.filter(|file| file.file_name() != "position");
    points.map(|file| file.metadata().unwrap().len()).sum()
}

#[test]
fn without_files_to_open_everything_waits() {
    let limited = "ulimit -n 64; exec \"$0\" \"$@\"";
    if is_parent(&["sh", "-c", limited], "without_files_to_open_everything_waits") {
        return;
    }
    let backend = Backend::default();
    let reporting = Numbered::start(&backend, child::spool().unwrap());
    let all_files = || -> Vec<File> { std::iter::from_fn(|| File::open("/dev/null").ok()).collect() };

    let taken = all_files();
    reporting.report(1);
    assert!(reporting.failure().unwrap().contains("Too many open files"), "{:?}", reporting.failure());
    drop(taken);
    reporting.report(2);
    assert_eq!((reporting.failure(), reporting.check().spool.unwrap().points), (None, 2));

    let taken = all_files();
    reporting.report(3);
    assert_eq!(reporting.check().spool.unwrap().points, 3, "the file that is written is open");
    backend.be(true);
    reporting.report(4);
    assert_eq!(backend.taken(), [4.0], "what is new needs no file");
    assert!(reporting.failure().is_some() && reporting.check().spool.unwrap().points == 3);
    drop(taken);
    reporting.report(5);
    assert_eq!(backend.taken(), [4.0, 1.0, 2.0, 3.0, 5.0]);
    assert_eq!((reporting.failure(), reporting.check().dropped.total()), (None, 0));
}

#[test]
fn a_directory_that_is_removed_is_made_again() {
    let (place, backend) = (Place::new(), Backend::default());
    let reporting = Numbered::start(&backend, place.spool());
    (1..=5).for_each(|number| reporting.report(number));
    fs::remove_dir_all(place.spool()).unwrap();
    reporting.report(6);
    assert_eq!((reporting.check().dropped.unreadable, reporting.failure()), (5, None));
    reporting.number.set(7.0);
    drop(reporting);
    assert_eq!(delivered_from(&place.spool()), (vec![6.0, 7.0], 0));
}
