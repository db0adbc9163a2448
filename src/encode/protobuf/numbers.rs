//! Families whose series are a number each: they are the large ones, so their length is counted before they are made.

use crate::encode::exposed::{Exposed, Paired};
use crate::encode::page::Page;
use crate::encode::protobuf::messages::{COUNTER, CREATED_OF_COUNTER, GAUGE, VALUE, push_timestamp};
use crate::encode::protobuf::{METRIC, push_head};
use crate::encode::samples::{SampleValue, only_number};
use crate::model::{Kind, Nanos};
use crate::wire::{push_f64, push_message, push_u64, varint_len};

/// Writes a family.
#[inline(never)]
pub(super) fn write(family: &Exposed<'_>, head: &[u8], page: &mut Page<'_>) {
    let mut metric = Metric::of(family);
    let mut metrics = 0;
    family.each_paired(|series| metrics += metric.len(&series));
    push_head(page, head, metrics);
    family.each_paired(|series| {
        metric.set(&series);
        page.push_bytes([&metric.opening, series.pairs, &metric.number]);
    });
}

/// A metric's message but for its labels. Keeps what the next has in common with the last.
struct Metric {
    is_counter: bool,
    /// Tag and length, for labels and a number of so many bytes.
    opening: Vec<u8>,
    body: usize,
    /// The message of the number, with its tag: first the value, then when the series began.
    number: Vec<u8>,
    start: Nanos,
}

/// Where the value stands in the number's message: behind the tag and length of that and the value's tag.
const VALUE_PLACE: std::ops::Range<usize> = 3..11;

impl Metric {
    fn of(family: &Exposed<'_>) -> Self {
        let is_counter = family.family.kind == Kind::Counter;
        let mut metric = Metric { is_counter, opening: Vec::new(), body: 0, number: Vec::new(), start: 0 };
        metric.set_start(0);
        metric
    }

    /// How many bytes this series will take.
    #[inline]
    fn len(&mut self, series: &Paired<'_>) -> usize {
        let body = self.body(series);
        1 + varint_len(body as u64) + body
    }

    /// Makes it that of a series.
    #[inline]
    fn set(&mut self, series: &Paired<'_>) {
        let body = self.body(series);
        if body != self.body {
            self.set_body(body);
        }
        if let (Some(number), Some(place)) = (only_number(series.value), self.number.get_mut(VALUE_PLACE)) {
            place.copy_from_slice(&as_f64(number).to_le_bytes());
        }
    }

    #[inline]
    fn body(&mut self, series: &Paired<'_>) -> usize {
        if self.is_counter && series.start != self.start {
            self.set_start(series.start);
        }
        series.pairs.len() + self.number.len()
    }

    #[cold]
    fn set_body(&mut self, body: usize) {
        self.body = body;
        self.opening.clear();
        push_u64(&mut self.opening, METRIC, body as u64);
        // The tag of a message, not of a number.
        self.opening[0] |= 2;
    }

    #[cold]
    fn set_start(&mut self, start: Nanos) {
        self.start = start;
        self.number.clear();
        push_message(&mut self.number, if self.is_counter { COUNTER } else { GAUGE }, |out| {
            push_f64(out, VALUE, 0.0);
            if self.is_counter {
                push_timestamp(out, CREATED_OF_COUNTER, start);
            }
        });
    }
}

fn as_f64(number: SampleValue) -> f64 {
    match number {
        SampleValue::Unsigned(n) => n as f64,
        SampleValue::Signed(n) => n as f64,
        SampleValue::Float(x) => x,
    }
}
