//! The loop and its clock.

use std::sync::Barrier;
use std::sync::atomic::{Ordering, compiler_fence};
use std::time::{Duration, Instant};

use crate::count;
use crate::row::{self, Row};
use crate::table;

/// One, two and eight threads on one instrument.
pub const ALL_THREADS: &[usize] = &[1, 2, 8];
/// For work whose cost does not depend on company.
pub const ONE_THREAD: &[usize] = &[1];
/// For rows that callgrind counts and that were timed in another way.
pub const COUNTED_ONLY: &[usize] = &[];

/// How long a repetition should take: long enough for the clock and the start of threads not to matter, short enough
/// to fall between two interruptions by other programs.
const REPETITION: Duration = Duration::from_millis(5);
/// Repetitions a row; its figure is their median.
const REPETITIONS: usize = 15;
/// The same for work that takes longer than [`LONG`] at a time.
const LONG_REPETITIONS: usize = 7;
const LONG: Duration = Duration::from_millis(50);
/// Least part of a repetition in which all threads ran, for it to count, where there is a core for each.
const SIDE_BY_SIDE: f64 = 0.75;
/// How often a repetition is done again for that.
const TRIES: usize = 12;
/// Operations before the clock starts: pages touched, caches warm, branches seen.
const WARM_UP: u64 = 256;
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

type Run = Box<dyn Fn(Turn) + Send + Sync>;

struct Case {
    group: String,
    peer: String,
    what: String,
    threads: &'static [usize],
    /// Samples, lines or series of one operation: what the figure is divided by.
    per: u64,
    make: Box<dyn Fn() -> Run + Sync>,
}

/// A question and the ways to do its work.
///
/// All rows of a question run in one process, interleaved: each repetition goes through all of them once, so that what
/// else the machine is doing falls on all alike. A row is the median of its repetitions. Two and eight threads work on
/// one instrument, all starting together; their figure is wall time times the cores in use (threads or cores,
/// whichever is less), divided by all operations: what one operation costs one core. A repetition in which two threads
/// did not truly run side by side is done again, and a row without any that did stays empty; while there is a core for each, from a thread's time comes off what
/// Linux says it waited for one.
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
    Measure { only: Option<String>, instructions: bool },
    Count { name: [String; 3], operations: u64 },
}

impl Bench {
    /// Reads the command line: `--count …`, `--no-instructions`, or a text that rows must contain.
    pub fn new(question: &'static str) -> Self {
        let arguments: Vec<String> =
            std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
        let mode = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["--count", group, peer, what, operations] => Mode::Count {
                name: [group, peer, what].map(str::to_owned),
                operations: operations.parse().unwrap_or(COUNTED),
            },
            _ => Mode::Measure {
                only: arguments.iter().find(|argument| !argument.starts_with("--")).cloned(),
                instructions: !arguments.iter().any(|argument| argument == "--no-instructions")
                    && count::has_valgrind(),
            },
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
        let (only, instructions) = match &self.mode {
            Mode::Count { name, operations } => return self.count(name, *operations),
            Mode::Measure { only, instructions } => (only.clone(), *instructions),
        };
        if let Some(only) = &only {
            self.cases
                .retain(|case| [&case.group, &case.peer, &case.what].iter().any(|text| text.contains(only)));
        }
        let mut rows = measure(self.question, &self.cases);
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

struct Running<'a> {
    case: &'a Case,
    run: Run,
    threads: usize,
    operations: u64,
    wanted: usize,
    nanos: Vec<f64>,
}

fn measure(question: &str, cases: &[Case]) -> Vec<Row> {
    let mut running: Vec<Running<'_>> = Vec::new();
    // Every instrument is made before any is measured; one of several threads is not the one of a single thread, whose
    // figure would otherwise be that of an instrument that was fought over.
    for case in cases {
        running.extend(case.threads.iter().map(|&threads| Running::new(case, threads)));
    }
    let most = running.iter().map(|row| row.wanted).max().unwrap_or(0);
    for repetition in 0..most {
        running.iter_mut().filter(|row| repetition < row.wanted).for_each(Running::repeat);
    }
    running.into_iter().map(|row| row.into_row(question)).collect()
}

impl<'a> Running<'a> {
    fn new(case: &'a Case, threads: usize) -> Self {
        let mut row = Running {
            case,
            run: (case.make)(),
            threads,
            operations: 1,
            wanted: REPETITIONS,
            nanos: Vec::new(),
        };
        row.calibrate();
        row
    }

    fn calibrate(&mut self) {
        let mut taken = self.least_of_three();
        while taken * 2 < REPETITION && self.operations < 1 << 28 {
            let factor = REPETITION.as_nanos() / taken.as_nanos().max(1);
            self.operations *= (factor as u64).clamp(2, 10);
            taken = self.least_of_three();
        }
        if taken > LONG {
            self.wanted = LONG_REPETITIONS;
        }
    }

    /// One alone may have been interrupted, and would look long enough with next to nothing done.
    fn least_of_three(&self) -> Duration {
        let one = self.once().wall;
        if one > LONG { one } else { one.min(self.once().wall).min(self.once().wall) }
    }

    fn repeat(&mut self) {
        let crowded = self.threads > cores() || self.threads == 1;
        let mut tries = (0..TRIES).map(|_| self.once());
        // None at all is better than the figure of two threads that took turns.
        let Some(good) = tries.find(|repetition| crowded || repetition.side_by_side >= SIDE_BY_SIDE) else {
            return;
        };
        let operations = self.operations * self.threads as u64 * self.case.per;
        let cores = self.threads.min(cores()) as f64;
        self.nanos.push(good.wall.as_nanos() as f64 * cores / operations as f64);
    }

    fn once(&self) -> Repetition {
        let warm_up = WARM_UP.min(self.operations / 4);
        let barrier = Barrier::new(self.threads);
        let work = |thread: usize| {
            // Threads begin far apart in the inputs.
            let first = thread * 8_191;
            (self.run)(Turn { operations: warm_up, first });
            barrier.wait();
            let waited = waited();
            let start = Instant::now();
            (self.run)(Turn { operations: self.operations, first });
            let end = Instant::now();
            Share { start, end, waited: waited_since(waited) }
        };
        if self.threads == 1 {
            return Repetition::of(&[work(0)]);
        }
        let work = &work;
        let shares: Vec<Share> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads).map(|thread| scope.spawn(move || work(thread))).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        Repetition::of(&shares)
    }

    fn into_row(mut self, question: &str) -> Row {
        let mut row = Row::new(question, &self.case.group, &self.case.peer, &self.case.what);
        row.threads = self.threads;
        row.ns_per_op = Some(median(&mut self.nanos)).filter(|nanos| nanos.is_finite());
        row
    }
}

/// What one thread did of a repetition.
struct Share {
    start: Instant,
    end: Instant,
    /// For a core that others had.
    waited: Duration,
}

struct Repetition {
    wall: Duration,
    side_by_side: f64,
}

impl Repetition {
    fn of(shares: &[Share]) -> Self {
        let first = shares.iter().map(|share| share.start).min();
        let last_start = shares.iter().map(|share| share.start).max();
        let first_end = shares.iter().map(|share| share.end).min();
        let last = shares.iter().map(|share| share.end).max();
        let (Some(first), Some(last_start), Some(first_end), Some(last)) =
            (first, last_start, first_end, last)
        else {
            return Repetition { wall: Duration::ZERO, side_by_side: 1.0 };
        };
        let wall = last - first;
        let together = first_end.saturating_duration_since(last_start);
        let side_by_side = together.as_secs_f64() / wall.as_secs_f64().max(f64::MIN_POSITIVE);
        let busy: Duration =
            shares.iter().map(|share| (share.end - share.start).saturating_sub(share.waited)).sum();
        // With more threads than cores they wait for one another, which is no other program's doing.
        let wall = if shares.len() > cores() { wall } else { busy / shares.len() as u32 };
        Repetition { wall, side_by_side }
    }
}

fn count_all(cases: &[Case], rows: &mut [Row]) {
    for case in cases {
        let operations = if case.per > 1 { 1 } else { COUNTED };
        let Some(counted) = count::instructions([&case.group, &case.peer, &case.what], operations) else {
            continue;
        };
        // A row of many pieces of work was made smaller for callgrind.
        let per =
            if case.per > 1 { (case.per as usize * COUNTED_SERIES_PER_THOUSAND / 1000).max(1) } else { 1 };
        for row in rows.iter_mut().filter(|row| row.threads == 1) {
            if (&row.group, &row.peer, &row.what) == (&case.group, &case.peer, &case.what) {
                row.instructions_per_op = Some(counted as f64 / (operations * per as u64) as f64);
            }
        }
    }
}

/// How long this thread has been waiting for a core that others had, where Linux says so; else zero.
fn waited() -> Duration {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = schedule.split(' ').nth(1).and_then(|field| field.trim().parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

fn waited_since(before: Duration) -> Duration {
    waited().saturating_sub(before)
}

/// Times short pieces of work one by one.
///
/// From one that seems slow comes off what the thread waited for a core: asking for that takes longer than most pieces,
/// so it is asked for only then. Waiting for a lock is not waiting for a core, and stays.
#[derive(Debug)]
pub struct Stopwatch {
    waited: Duration,
}

impl Default for Stopwatch {
    fn default() -> Self {
        Stopwatch { waited: waited() }
    }
}

impl Stopwatch {
    /// Nanoseconds of this piece, two readings of the clock among them.
    pub fn nanos(&mut self, work: impl FnOnce()) -> f64 {
        /// Less than the shortest time for which a scheduler takes a core away.
        const SLOW: Duration = Duration::from_micros(20);
        let start = Instant::now();
        work();
        let mut taken = start.elapsed();
        if taken > SLOW {
            let waited = waited();
            taken = taken.saturating_sub(waited.saturating_sub(self.waited));
            self.waited = waited;
        }
        taken.as_nanos() as f64
    }
}

/// How long the work takes, without the time in which another program had the core.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let before = waited();
    let start = Instant::now();
    let made = work();
    let taken = start.elapsed();
    (made, taken.saturating_sub(waited_since(before)))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The middle one; of an even number the greater of the two.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
