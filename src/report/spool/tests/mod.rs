//! What a spool promises, tried on a real disk.

mod damage;
mod oracle;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::record::SegmentHeader;
use super::*;
use crate::report::backlog::{Backlog, Bounds};
use crate::report::sink::{Point, Reading};
use crate::report::timestamp::Timestamp;

/// A directory of this test's, which goes with it.
pub(super) struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // Tens of thousands of files: in memory, where the system has that.
        let shared_memory = Some(PathBuf::from("/dev/shm")).filter(|path| path.is_dir());
        let path = shared_memory.unwrap_or_else(std::env::temp_dir);
        let path = path.join(format!("tagmeter-spool-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Place(path)
    }

    /// A spool in it. Not on the disk itself: these tests end no machine.
    fn spool(&self) -> Spool {
        Spool::in_dir(self.0.join("spool")).survives(Survives::Kill)
    }

    fn open(&self) -> Spooled {
        open(&self.spool())
    }

    /// The files of the spool, by name.
    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.0.join("spool")).unwrap();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn open(spool: &Spool) -> Spooled {
    Spooled::open(spool, "spy", Bounds::default()).unwrap()
}

/// Points of one report, each with a value of its own.
fn batch(at: u32, points: usize) -> Vec<Point> {
    let point = |n: usize| Point {
        name: format!("orders_{}", n % 3).into(),
        tags: [("city", format!("c{}", n / 3))].into(),
        timestamp: Timestamp::from(at),
        value: f64::from(at) * 1e6 + n as f64,
        reading: Reading::Total,
    };
    (0..points).map(point).collect()
}

/// Everything that waits, delivered batch by batch.
fn drain(backlog: &mut impl Backlog) -> Vec<Point> {
    let mut all = Vec::new();
    while let Some(batch) = backlog.oldest() {
        assert!(!batch.is_empty());
        let points = batch.len();
        all.extend_from_slice(batch);
        backlog.settle(points);
    }
    all
}

fn lost(backlog: &mut impl Backlog) -> usize {
    backlog.take_losses().iter().map(|loss| loss.points).sum()
}

#[test]
fn what_waits_is_there_for_the_next_reporter_with_its_own_timestamps() {
    let place = Place::new();
    let mut first = place.open();
    (1..=3).for_each(|at| first.append(batch(at, 5)));
    first.settle(5);
    first.settle(2);
    first.close();
    assert_eq!((first.waiting().points, lost(&mut first)), (8, 0));
    drop(first);
    let mut second = place.open();
    second.append(batch(4, 1));
    assert_eq!(second.waiting().points, 9);
    let expected = [&batch(2, 5)[2..], &batch(3, 5), &batch(4, 1)].concat();
    assert_eq!((drain(&mut second), lost(&mut second)), (expected, 0));
    drop(second);
    assert_eq!(place.open().oldest(), None);
    assert_eq!(place.files(), [place.0.join("spool/position")], "nothing waits, nothing is kept");
}

#[test]
fn its_files_are_their_owner_s_alone() {
    let place = Place::new();
    let mut spooled = place.open();
    spooled.append(batch(1, 1));
    assert_eq!(place.files().len(), 2);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&place.0.join("spool")), 0o700);
        place.files().iter().for_each(|file| assert_eq!(mode(file), 0o600));
    }
}

#[test]
fn a_full_spool_drops_the_oldest_and_is_never_larger_than_it_may_be() {
    let place = Place::new();
    let most = 64 << 10;
    let mut spooled = open(&place.spool().max_bytes(most));
    let mut dropped = 0;
    for at in 1..=300 {
        spooled.append(batch(at, 20));
        dropped += lost(&mut spooled);
        let files = place.files().into_iter().filter(|file| file.extension().is_some());
        let bytes: u64 = files.map(|file| fs::metadata(file).unwrap().len()).sum();
        assert_eq!(bytes, spooled.waiting().bytes as u64);
        assert!(bytes <= most, "{bytes}");
        assert_eq!(at as usize * 20, dropped + spooled.waiting().points);
    }
    assert!(spooled.waiting().bytes as u64 > most * 7 / 8, "{:?}", spooled.waiting());
    let waits: Vec<Point> = (1..=300).flat_map(|at| batch(at, 20)).skip(dropped).collect();
    assert_eq!(drain(&mut spooled), waits);
}

#[test]
fn what_is_too_large_for_a_file_is_cut_and_a_point_that_is_too_large_is_lost() {
    let place = Place::new();
    let mut spooled = open(&place.spool().max_bytes(64 << 10));
    let mut points = batch(1, 1_000);
    points[500].name = "x".repeat(5_000).into();
    spooled.append(points.clone());
    assert_eq!((spooled.waiting().points, lost(&mut spooled)), (999, 1));
    points.remove(500);
    assert_eq!(drain(&mut spooled), points);
}

#[test]
fn a_directory_is_one_reporter_s() {
    let place = Place::new();
    let first = place.open();
    let directory = place.0.join("spool");
    let refused = Spooled::open(&place.spool(), "spy", Bounds::default()).unwrap_err();
    assert_eq!(refused, SpoolError::InUse { directory });
    drop(first);
    place.open();
}

#[test]
fn the_points_of_another_sink_are_left_alone() {
    let place = Place::new();
    place.open().append(batch(1, 3));
    let refused = Spooled::open(&place.spool(), "graphite", Bounds::default()).unwrap_err();
    let expected = r#"has points for "spy", expected points for "graphite""#;
    assert!(refused.to_string().ends_with(expected), "{refused}");
    assert_eq!(drain(&mut place.open()), batch(1, 3));
    Spooled::open(&place.spool(), "graphite", Bounds::default()).expect("nothing waits there");
}

#[test]
fn a_newer_version_is_left_alone() {
    let place = Place::new();
    place.open().append(batch(1, 3));
    let file = place.files().remove(0);
    let mut bytes = fs::read(&file).unwrap();
    bytes[8] = 2;
    let sum = record::checksum(0, &bytes[..12]);
    bytes[12..16].copy_from_slice(&sum.to_le_bytes());
    fs::write(&file, bytes).unwrap();
    let refused = Spooled::open(&place.spool(), "spy", Bounds::default()).unwrap_err();
    assert_eq!(refused, SpoolError::Newer { directory: place.0.join("spool"), version: 2 });
}

#[test]
fn what_is_no_directory_is_refused() {
    let place = Place::new();
    let file = place.0.join("file");
    fs::write(&file, "").unwrap();
    let refused = |path: &Path| Spooled::open(&path.into(), "spy", Bounds::default()).unwrap_err();
    assert_eq!(refused(&file), SpoolError::NotADirectory { path: file.clone() });
    assert!(matches!(refused(&file.join("below")), SpoolError::Unusable { .. }));
}

#[test]
fn files_of_others_stay_and_mean_nothing() {
    let place = Place::new();
    place.open().append(batch(1, 3));
    let directory = place.0.join("spool");
    for name in ["notes.txt", "1.points", "18446744073709551615.points", "99999999999999999999.points"] {
        fs::write(directory.join(name), "nothing of ours, and longer than a header is").unwrap();
    }
    let mut spooled = place.open();
    assert_eq!((drain(&mut spooled), lost(&mut spooled)), (batch(1, 3), 0));
    assert_eq!(place.files().len(), 5);
    assert!(directory.join("18446744073709551615.unreadable").exists());
}

#[test]
fn a_file_whose_header_was_not_written_to_its_end_leaves_no_trace() {
    let place = Place::new();
    let mut spooled = place.open();
    spooled.append(batch(1, 3));
    let begun = fs::read(&place.files()[0]).unwrap();
    drop(spooled);
    for (number, length) in (3..).zip(0..SegmentHeader::length("spy") as usize) {
        fs::write(place.0.join(format!("spool/{number:020}.points")), &begun[..length]).unwrap();
    }
    let files = place.files();
    assert_eq!(place.open().waiting().points, 3);
    assert_eq!(place.files(), [&files[0], &files[files.len() - 1]].map(Clone::clone));
}

#[test]
fn a_directory_that_is_removed_is_made_again_and_what_was_in_it_is_counted() {
    let place = Place::new();
    let mut spooled = open(&place.spool().max_bytes(64 << 10));
    (1..=20).for_each(|at| spooled.append(batch(at, 30)));
    assert!(place.files().len() > 3);
    fs::remove_dir_all(place.0.join("spool")).unwrap();
    spooled.append(batch(21, 30));
    assert_eq!(spooled.take_notices(), [""; 0], "nothing that has to be mended");
    let (delivered, lost) = (drain(&mut spooled), lost(&mut spooled));
    assert_eq!((delivered, lost), (batch(21, 30), 600));
    spooled.append(batch(22, 1));
    drop(spooled);
    assert_eq!(drain(&mut place.open()), batch(22, 1));
}

#[test]
fn what_a_disk_does_not_take_waits_in_memory_and_in_order_until_it_does() {
    let place = Place::new();
    let directory = place.0.join("spool");
    let mut spooled = place.open();
    spooled.append(batch(1, 3));
    fs::remove_dir_all(&directory).unwrap();
    fs::write(&directory, "in the way").unwrap();
    (2..=4).for_each(|at| spooled.append(batch(at, 3)));
    let told = spooled.take_notices();
    assert!(told.len() == 1 && told[0].contains("cannot be written"), "once: {told:?}");
    let status = spooled.on_disk().unwrap();
    assert!(status.failure.is_some() && spooled.waiting().points == 12, "{status:?}");
    fs::remove_file(&directory).unwrap();
    spooled.append(batch(5, 3));
    let status = spooled.on_disk().unwrap();
    assert_eq!((status.points, status.failure, lost(&mut spooled)), (12, None, 3));
    drop(spooled);
    let expected: Vec<Point> = (2..=5).flat_map(|at| batch(at, 3)).collect();
    let mut next = place.open();
    assert_eq!((drain(&mut next), lost(&mut next)), (expected, 0));
}

#[test]
fn without_a_disk_what_waits_in_memory_is_lost_with_the_reporter() {
    let place = Place::new();
    let directory = place.0.join("spool");
    let mut spooled = place.open();
    fs::remove_dir_all(&directory).unwrap();
    fs::write(&directory, "in the way").unwrap();
    spooled.append(batch(1, 3));
    assert_eq!(spooled.oldest(), Some(&*batch(1, 3)));
    spooled.settle(1);
    spooled.close();
    assert_eq!((spooled.waiting().points, lost(&mut spooled)), (0, 2));
}
