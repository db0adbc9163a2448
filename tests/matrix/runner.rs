//! Runs cases, a few at a time, and prints the table.

use std::any::Any;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crate::backends::script;
use crate::endpoint::{scratch, seed};
use crate::figures::{HEAD, Row};

/// Cases that run at a time: they wait more than they work.
const AT_ONCE: usize = 6;

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) backend: &'static str,
    pub(crate) run: fn(&Path) -> Row,
}

impl Case {
    /// In a directory of its own.
    fn run(&self) -> Result<Row, String> {
        let scratch = scratch(&format!("{} {}", self.name, self.backend));
        catch_unwind(AssertUnwindSafe(|| (self.run)(&scratch))).map_err(|panic| message(&*panic))
    }
}

/// The cases that the command line names, or all.
pub(crate) fn run(cases: &[Case]) -> ExitCode {
    if std::env::args().any(|word| word == "--list") {
        cases.iter().for_each(|case| println!("{}: test", case.name));
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_wanted =
        |case: &&Case| wanted.is_empty() || wanted.iter().any(|word| case.name.contains(word.as_str()));
    let cases: Vec<&Case> = cases.iter().filter(is_wanted).collect();
    let _alone = alone();
    println!("\n{} cases, MATRIX_SEED={}\n", cases.len(), seed());
    let rows = run_all(&cases);
    println!("\n{HEAD}");
    for (case, row) in cases.iter().zip(&rows) {
        match row {
            Ok(row) => println!("{}", row.line(case.name, case.backend)),
            Err(why) => println!("| {} | {} | FAILED: {why} |", case.name, case.backend),
        }
    }
    println!();
    if rows.iter().all(Result::is_ok) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Held as long as this run lasts: another one would start servers of the same names.
fn alone() -> File {
    let path = PathBuf::from(script(&["dir", "matrix.lock"]));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let lock = File::create(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    lock.lock().unwrap();
    lock
}

fn run_all(cases: &[&Case]) -> Vec<Result<Row, String>> {
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((at, case)) = take(cases, &next) {
                    let start = Instant::now();
                    let row = case.run();
                    let how = if row.is_ok() { "exact" } else { "FAILED" };
                    println!(
                        "{how}: {}, {}, {:.1} s",
                        case.name,
                        case.backend,
                        start.elapsed().as_secs_f64()
                    );
                    rows.lock().unwrap().push((at, row));
                }
            });
        }
    });
    let mut rows = rows.into_inner().unwrap();
    rows.sort_by_key(|(at, _)| *at);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn take<'a>(cases: &[&'a Case], next: &AtomicUsize) -> Option<(usize, &'a Case)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    Some((at, *cases.get(at)?))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}
