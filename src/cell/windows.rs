//! Native buckets in cells: windows of neighbouring ones, each a histogram of its own.
//!
//! A record lies in one window, whole: its buckets and its part of the sum are read together, by the protocol that classic
//! histograms have. So any readings of the windows add up to whole records, and none becomes lower. A thread in a tight
//! loop spreads its records over windows, and each is read in the time of a few records.
//!
//! Where there are classic buckets too, a window has a cell for each piece that the bounds of both kinds cut it into: the
//! pieces below a value are as many as the bounds of either kind that are. So one cell counts for both.
//!
//! There are at most [`WINDOWS`], found by the last bits of their number: neighbours never get into each other's way. What is
//! in none, and what is not above zero, has another place.

use super::count::Place;
use super::histogram::HistogramCells;
use super::native::Recorded;
use super::rare::Rare;
use super::sequence::HEADER;
use super::slot::MOST_CELLS;
use super::word::Word;
use crate::stat::{Buckets, Schema};

/// Windows there may be: at a growth of 1.1, they span 64 doublings.
const WINDOWS: usize = 16;
/// Native buckets of a window.
const WIDTH: i32 = 32;

/// The windows that values fell into.
#[derive(Debug)]
pub(crate) struct Windows<S: Word> {
    schema: Schema,
    made: [Rare<Window<S>>; WINDOWS],
}

#[derive(Debug)]
struct Window<S: Word> {
    /// Which it is, of all that the schema has.
    number: i32,
    /// The classic bucket of its least values.
    first_classic: usize,
    cells: HistogramCells<S>,
}

impl<S: Word> Windows<S> {
    pub(crate) fn new(schema: Schema) -> Self {
        Windows { schema, made: std::array::from_fn(|_| Rare::new()) }
    }

    /// Counts a positive value, if its window is there and this thread finds its cells at once.
    #[inline]
    pub(crate) fn record_in_own(&self, bucket: usize, value: f64, amount: S::Amount) -> bool {
        let (number, place) = self.place(value);
        let window = self.slot(number).get().filter(|window| window.number == number);
        window.is_some_and(|window| window.cells.record_in_own(window.cell(place, bucket), amount))
    }

    /// Counts a positive value some times, if it has a window or can get one.
    pub(crate) fn record(
        &self,
        classic: &Buckets,
        bucket: usize,
        value: f64,
        times: u64,
        amount: S::Amount,
    ) -> bool {
        let (number, place) = self.place(value);
        let window = match self.slot(number).get() {
            Some(window) => window,
            None if self.cells_of(number, classic) > MOST_CELLS => return false,
            None => self.slot(number).get_or_make(|| self.window(number, classic)),
        };
        let is_its = window.number == number;
        if is_its {
            window.cells.record(window.cell(place, bucket), times, amount);
        }
        is_its
    }

    /// Records that were begun, ever.
    pub(crate) fn records(&self) -> u64 {
        self.all().fold(0, |sum, window| sum.wrapping_add(window.cells.records()))
    }

    /// Adds what was recorded; forgets it, if so wanted.
    pub(crate) fn read(&self, classic: &Buckets, forget: bool, recorded: &mut Recorded<S::Amount>) {
        for window in self.all() {
            let (counts, sum) = if forget { window.cells.take() } else { window.cells.read() };
            recorded.sum = S::sum(recorded.sum, sum);
            self.add(window, classic, &counts, recorded);
        }
    }

    fn add(&self, window: &Window<S>, classic: &Buckets, counts: &[u64], recorded: &mut Recorded<S::Amount>) {
        let mut bucket = window.first_classic;
        for place in 0..WIDTH {
            let index = window.number * WIDTH + place + 1;
            // A bucket's pieces: the classic buckets of its values, up to that of its greatest.
            let last = classic.index_of(self.schema.upper_bound(index));
            for classic in bucket..=last {
                let count = counts.get(window.cell(place, classic)).copied().unwrap_or(0);
                recorded.add(classic, index, count);
            }
            bucket = classic.index_of(self.schema.upper_bound(index).next_up());
        }
    }

    fn all(&self) -> impl Iterator<Item = &Window<S>> {
        self.made.iter().filter_map(Rare::get)
    }

    /// The window of a positive value and the bucket's place in it.
    #[inline]
    fn place(&self, value: f64) -> (i32, i32) {
        let before = self.schema.index_of(value) - 1;
        (before.div_euclid(WIDTH), before.rem_euclid(WIDTH))
    }

    #[inline]
    fn slot(&self, number: i32) -> &Rare<Window<S>> {
        &self.made[number as usize % WINDOWS]
    }

    fn window(&self, number: i32, classic: &Buckets) -> Window<S> {
        let [first_classic, last] = self.classic(number, classic);
        let cells = HistogramCells::new(WIDTH as usize + last - first_classic, Place::Cells);
        Window { number, first_classic, cells }
    }

    /// Cells that a window takes.
    fn cells_of(&self, number: i32, classic: &Buckets) -> usize {
        let [first, last] = self.classic(number, classic);
        HEADER + WIDTH as usize + last - first
    }

    /// The classic buckets of a window's least and greatest values.
    fn classic(&self, number: i32, classic: &Buckets) -> [usize; 2] {
        let bound = |index| self.schema.upper_bound(index);
        let least = bound(number * WIDTH).next_up();
        [least, bound((number + 1) * WIDTH)].map(|value| classic.index_of(value))
    }
}

impl<S: Word> Window<S> {
    /// The cell of a bucket's piece that is in this classic bucket.
    #[inline]
    fn cell(&self, place: i32, classic: usize) -> usize {
        place as usize + (classic - self.first_classic)
    }
}
