//! A question, its rows, and the loop around their work.

use std::sync::Mutex;
use std::sync::atomic::{Ordering, compiler_fence};

use crate::row::{self, Row};
use crate::running::{self, Effort, WARM_UP};
use crate::stopwatch::cores;
use crate::{count, table};

/// One, two and eight threads on one instrument.
pub const ALL_THREADS: &[usize] = &[1, 2, 8];
/// For work whose cost does not depend on company.
pub const ONE_THREAD: &[usize] = &[1];
/// For rows that callgrind counts and that were timed in another way.
pub const COUNTED_ONLY: &[usize] = &[];

/// Operations that callgrind counts, where one is short.
const COUNTED: u64 = 16_384;
/// How many series a row makes under callgrind, which is some fifty times slower, for each thousand it makes otherwise.
const COUNTED_SERIES_PER_THOUSAND: usize = 50;

/// A thread's share of a repetition.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    operations: u64,
    first: usize,
}

impl Turn {
    pub(crate) fn new(operations: u64, first: usize) -> Self {
        Turn { operations, first }
    }

    /// Does the operation as often as the repetition asks, with a running number to pick an input by.
    ///
    /// The fence costs no instruction. It keeps the compiler from carrying anything in memory over from one operation
    /// to the next, so that each finds its instrument as a program would, and none is moved out of the loop.
    #[inline(always)]
    pub fn each(self, mut operation: impl FnMut(usize)) {
        for n in 0..self.operations {
            operation(self.first.wrapping_add(n as usize));
            compiler_fence(Ordering::SeqCst);
        }
    }
}

pub(crate) type Run = Box<dyn Fn(Turn) + Send + Sync>;

/// A row that is to be measured.
pub(crate) struct Case {
    pub(crate) group: String,
    pub(crate) peer: String,
    pub(crate) what: String,
    pub(crate) threads: &'static [usize],
    /// Samples, lines or series of one operation: what the figure is divided by.
    pub(crate) per: u64,
    /// Makes the instrument and gives the loop over it.
    pub(crate) make: Box<dyn Fn() -> Run + Sync>,
}

/// A question and the ways to do its work.
///
/// All rows of a question run in one process, interleaved: each repetition goes through all of them once, so that what
/// else the machine is doing falls on all alike. A row is the median of its repetitions. Two and eight threads work on
/// one instrument, all starting together; their figure is wall time times the cores in use (threads or cores,
/// whichever is less), divided by all operations: what one operation costs one core. A repetition in which two threads
/// did not truly run side by side is done again, and a row without any that did stays empty; while there is a core for
/// each, from a thread's time comes off what Linux says it waited for one.
///
/// Under `--count GROUP PEER WHAT N` it makes one row and does it N times, for callgrind.
pub struct Bench {
    question: &'static str,
    mode: Mode,
    group: String,
    cases: Vec<Case>,
    rows: Vec<Row>,
}

enum Mode {
    Measure { only: Option<String>, instructions: bool, effort: Effort },
    Count { name: [String; 3], operations: u64 },
}

impl Bench {
    /// Reads the command line: `--count …`; or `--no-instructions`, `--quick`, and a text that rows must contain.
    pub fn new(question: &'static str) -> Self {
        let arguments: Vec<String> =
            std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
        let mode = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["--count", group, peer, what, operations] => Mode::Count {
                name: [group, peer, what].map(str::to_owned),
                operations: operations.parse().unwrap_or(COUNTED),
            },
            _ => {
                let asked = |flag: &str| arguments.iter().any(|argument| argument == flag);
                Mode::Measure {
                    only: arguments.iter().find(|argument| !argument.starts_with("--")).cloned(),
                    instructions: !asked("--no-instructions") && count::has_valgrind(),
                    effort: if asked("--quick") { Effort::QUICK } else { Effort::THOROUGH },
                }
            }
        };
        Bench { question, mode, group: String::new(), cases: Vec::new(), rows: Vec::new() }
    }

    /// Starts a group of rows that do the same work. Its first row is the bare machine operation.
    pub fn group(&mut self, name: &str) {
        self.group = name.to_owned();
    }

    /// How many series a row should make: fewer where callgrind counts.
    pub fn series(&self, many: usize) -> usize {
        match self.mode {
            Mode::Measure { .. } => many,
            Mode::Count { .. } => (many * COUNTED_SERIES_PER_THOUSAND / 1000).max(1),
        }
    }

    /// How often to do what takes long, where that many times would be right: once under `--quick`.
    pub fn runs(&self, wanted: usize) -> usize {
        match self.mode {
            Mode::Measure { effort: Effort::THOROUGH, .. } => wanted,
            _ => 1,
        }
    }

    /// Whether rows are made to be counted, not to be timed.
    pub fn is_counting(&self) -> bool {
        matches!(self.mode, Mode::Count { .. })
    }

    /// Adds a row. `make` makes the instrument and gives the loop over it.
    pub fn row<R: Fn(Turn) + Send + Sync + 'static>(
        &mut self,
        peer: &str,
        what: &str,
        threads: &'static [usize],
        make: impl Fn() -> R + Sync + 'static,
    ) {
        self.row_per(1, peer, what, threads, make);
    }

    /// Adds a row whose operation is `per` pieces of work.
    pub fn row_per<R: Fn(Turn) + Send + Sync + 'static>(
        &mut self,
        per: usize,
        peer: &str,
        what: &str,
        threads: &'static [usize],
        make: impl Fn() -> R + Sync + 'static,
    ) {
        self.cases.push(Case {
            group: self.group.clone(),
            peer: peer.to_owned(),
            what: what.to_owned(),
            threads,
            per: per as u64,
            make: Box::new(move || Box::new(make())),
        });
    }

    /// Adds rows measured elsewhere to the table and the results.
    pub fn rows(&mut self, rows: impl IntoIterator<Item = Row>) {
        self.rows.extend(rows);
    }

    /// Measures all rows, prints them and leaves them for the report; or counts one.
    pub fn run(mut self) {
        let (only, instructions, effort) = match &self.mode {
            Mode::Count { name, operations } => return self.count(name, *operations),
            Mode::Measure { only, instructions, effort } => (only.clone(), *instructions, *effort),
        };
        if let Some(only) = &only {
            self.cases
                .retain(|case| [&case.group, &case.peer, &case.what].iter().any(|text| text.contains(only)));
        }
        let mut rows = running::measure(self.question, &self.cases, effort);
        rows.append(&mut self.rows);
        if instructions {
            count_all(&self.cases, &mut rows);
        }
        print!("{}", table::markdown(&rows));
        if only.is_none()
            && let Err(error) = row::keep(self.question, &rows)
        {
            eprintln!("the rows of {} were not kept: {error}", self.question);
        }
    }

    fn count(&self, name: &[String; 3], operations: u64) {
        let asked = |case: &&Case| {
            [&case.group, &case.peer, &case.what].iter().zip(name).all(|(own, asked)| **own == *asked)
        };
        let Some(case) = self.cases.iter().find(asked) else {
            eprintln!("{} has no row {name:?}", self.question);
            std::process::exit(2);
        };
        let run = (case.make)();
        run(Turn { operations: if case.per > 1 { 1 } else { WARM_UP }, first: 0 });
        count::counted_region(&mut || run(Turn { operations, first: 0 }));
    }
}

/// Counts every row, as many at once as there are cores: counts are not times.
fn count_all(cases: &[Case], rows: &mut [Row]) {
    let waiting = Mutex::new(cases.iter());
    let counted = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _core in 0..cores() {
            scope.spawn(|| {
                while let Some(case) = next(&waiting) {
                    let instructions = case.instructions();
                    if let Ok(mut counted) = counted.lock() {
                        counted.push((case, instructions));
                    }
                }
            });
        }
    });
    for (case, instructions) in counted.into_inner().unwrap_or_default() {
        let names = (&case.group, &case.peer, &case.what);
        let own = |row: &&mut Row| row.threads == 1 && (&row.group, &row.peer, &row.what) == names;
        rows.iter_mut().filter(own).for_each(|row| row.instructions_per_op = instructions);
    }
}

fn next<T>(waiting: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    waiting.lock().ok()?.next()
}

impl Case {
    fn instructions(&self) -> Option<f64> {
        // A row of many pieces of work was made smaller for callgrind.
        let (operations, per) = match self.per {
            1 => (COUNTED, 1),
            per => (1, (per as usize * COUNTED_SERIES_PER_THOUSAND / 1000).max(1)),
        };
        let counted = count::instructions([&self.group, &self.peer, &self.what], operations)?;
        Some(counted as f64 / (operations * per as u64) as f64)
    }
}
