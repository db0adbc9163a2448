//! Somebody sets the machine's clock: only the program's, by libfaketime.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::drained;
use crate::backends::script;
use crate::endpoint::Endpoint;
use crate::figures::Row;
use crate::ledger::Held;
use crate::process::command;
use crate::program::{Program, ROLE, Settings};

const HOUR: i64 = 3_600;
/// One after the other.
const STEPS: [i64; 6] = [HOUR, 0, -HOUR, HOUR, -HOUR, 0];

/// The clock of a process.
struct Clock {
    file: PathBuf,
}

impl Clock {
    fn set(&self, seconds: i64) {
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{seconds:+}\n")).unwrap();
        fs::rename(new, &self.file).unwrap();
    }
}

/// The library, wherever Debian's package for this machine has it.
fn library() -> PathBuf {
    PathBuf::from(script(&["package", "faketime", "libfaketimeMT.so.1"]))
}

pub(super) fn steps<E: Endpoint>(scratch: &Path) -> Row {
    let clock = Clock { file: scratch.join("clock") };
    clock.set(0);
    let mut endpoint = E::new(scratch);
    let settings = Settings::to(&endpoint.url());
    let mut set = command(ROLE, &settings);
    set.env("LD_PRELOAD", library()).env("FAKETIME_TIMESTAMP_FILE", &clock.file);
    // Steps are seen at once, and only by the wall clock: that is what setting a machine's clock does.
    set.envs([
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("DONT_FAKE_MONOTONIC", "1"),
    ]);
    let mut program = Program::start_by(&mut set, settings);
    for step in STEPS {
        endpoint.up();
        program.report(5);
        endpoint.down();
        program.report(5);
        clock.set(step);
        program.report(5);
    }
    endpoint.up();
    let row = drained(program, &endpoint);
    assert_eq!(row.held, row.accepted);
    check_stamps(&endpoint.held());
    row
}

/// Points have the time that the clock said: about now, an hour ahead, an hour behind.
fn check_stamps(held: &Held) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let mut seen = [-HOUR, 0, HOUR].map(|hour| (hour, 0));
    for point in held.points() {
        let (_, points) = seen
            .iter_mut()
            .find(|(hour, _)| (point.timestamp - now - hour).abs() < HOUR / 4)
            .unwrap_or_else(|| panic!("at no time that the clock said: {point:?}"));
        *points += 1;
    }
    assert!(seen.iter().all(|(_, points)| *points > 0), "{seen:?}");
}
