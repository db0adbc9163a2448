//! A row while it is measured: how often to do the work, and the repetitions of it.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use crate::bench::{Case, Run, Turn};
use crate::row::Row;
use crate::stopwatch::{cores, median, waited, waited_since};

/// How a row is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Effort {
    /// How long a repetition should take: long enough for the clock and the start of threads not to matter, short
    /// enough to fall between two interruptions by other programs.
    repetition: Duration,
    /// Repetitions a row; its figure is their median.
    repetitions: usize,
    /// The same for work that takes longer than [`LONG`] at a time.
    long_repetitions: usize,
}

impl Effort {
    pub(crate) const THOROUGH: Effort =
        Effort { repetition: Duration::from_millis(5), repetitions: 15, long_repetitions: 7 };
    /// To see that everything runs; the figures are worth little.
    pub(crate) const QUICK: Effort =
        Effort { repetition: Duration::from_millis(1), repetitions: 3, long_repetitions: 1 };
}

const LONG: Duration = Duration::from_millis(50);
/// Least part of a repetition in which all threads ran, for it to count, where there is a core for each.
const SIDE_BY_SIDE: f64 = 0.75;
/// How often a repetition is done again for that.
const TRIES: usize = 12;
/// Operations before the clock starts: pages touched, caches warm, branches seen.
pub(crate) const WARM_UP: u64 = 256;

struct Running<'a> {
    case: &'a Case,
    run: Run,
    effort: Effort,
    threads: usize,
    operations: u64,
    wanted: usize,
    nanos: Vec<f64>,
}

/// Measures all rows, interleaved.
pub(crate) fn measure(question: &str, cases: &[Case], effort: Effort) -> Vec<Row> {
    let mut running: Vec<Running<'_>> = Vec::new();
    // Every instrument is made before any is measured; one of several threads is not the one of a single thread, whose
    // figure would otherwise be that of an instrument that was fought over.
    for case in cases {
        running.extend(case.threads.iter().map(|&threads| Running::new(case, threads, effort)));
    }
    let most = running.iter().map(|row| row.wanted).max().unwrap_or(0);
    for repetition in 0..most {
        running.iter_mut().filter(|row| repetition < row.wanted).for_each(Running::repeat);
    }
    running.into_iter().map(|row| row.into_row(question)).collect()
}

impl<'a> Running<'a> {
    fn new(case: &'a Case, threads: usize, effort: Effort) -> Self {
        let mut row = Running {
            case,
            run: (case.make)(),
            effort,
            threads,
            operations: 1,
            wanted: effort.repetitions,
            nanos: Vec::new(),
        };
        row.calibrate();
        row
    }

    fn calibrate(&mut self) {
        let mut taken = self.least_of_three();
        let enough = self.effort.repetition;
        while taken * 2 < enough && self.operations < 1 << 28 {
            let factor = enough.as_nanos() / taken.as_nanos().max(1);
            self.operations *= (factor as u64).clamp(2, 10);
            taken = self.least_of_three();
        }
        if taken > LONG {
            self.wanted = self.effort.long_repetitions;
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
            (self.run)(Turn::new(warm_up, first));
            barrier.wait();
            let waited = waited();
            let start = Instant::now();
            (self.run)(Turn::new(self.operations, first));
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
