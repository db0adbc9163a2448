//! The spool's disk is full.

use std::path::Path;
use std::process::Command;

use super::drained;
use crate::endpoint::Endpoint;
use crate::figures::Row;
use crate::process::command;
use crate::program::{Program, ROLE, Settings};

/// Room for some hundred reports.
const DISK_KIB: u32 = 512;
/// What waits in memory where the disk takes no more: ten reports.
const BACKLOG_POINTS: usize = 200;

pub(super) fn full<E: Endpoint>(scratch: &Path) -> Row {
    let mut endpoint = E::new(scratch);
    let disk = scratch.join("disk");
    std::fs::create_dir(&disk).unwrap();
    let settings = Settings {
        spool: Some(disk.join("spool")),
        backlog_points: Some(BACKLOG_POINTS),
        series: 200,
        batch: 100,
        ..Settings::to(&endpoint.url())
    };
    let mut program = Program::start_by(&mut on_small_disk(&disk, &settings), settings);
    let figures = program.wait_for("the disk to be full", |figures| figures.spool_failure.is_some());
    assert!(figures.spool_failure.is_some_and(|why| why.contains("No space left")), "it says why");
    program.wait_for("memory to be full, too", |figures| figures.overflow > 0);
    endpoint.up();
    program.catch_up();
    endpoint.down();
    let figures = program.wait_for("points on disk", |figures| figures.on_disk > 0);
    assert_eq!(figures.spool_failure, None, "there is room again: {figures:?}");
    endpoint.up();
    drained(program, &endpoint)
}

/// A program that has, for itself alone, a small disk at this place.
fn on_small_disk(place: &Path, settings: &Settings) -> Command {
    let program = command(ROLE, settings);
    let mount = format!("mount -t tmpfs -o size={DISK_KIB}k tmpfs \"$0\" && exec \"$1\"");
    let mut own = Command::new("unshare");
    own.args(unshare()).args(["sh", "-c", &mount]).arg(place).arg(program.get_program());
    own.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    own
}

/// How this user gets mounts of its own.
fn unshare() -> &'static [&'static str] {
    let ways: [&[&str]; 2] = [&["--user", "--map-root-user", "--mount"], &["--mount"]];
    let works = |way: &&&[&str]| {
        let tried =
            Command::new("unshare").args(**way).args(["mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    ways.iter().find(works).expect("a small disk needs user namespaces, or root")
}
