//! Families whose series are a number each: they are the large ones, so their length is counted before they are made.

use crate::encode::exposed::{Exposed, Paired};
use crate::encode::page::{Page, SHORT_BYTES};
use crate::encode::protobuf::messages::{COUNTER, CREATED_OF_COUNTER, GAUGE, UNTYPED, VALUE, push_timestamp};
use crate::encode::protobuf::{METRIC, push_head};
use crate::encode::samples::{SampleValue, only_number};
use crate::model::{Kind, Nanos, Value};
use crate::wire::{push_f64, push_length, push_message, varint_len};

/// Writes a family.
#[inline(never)]
pub(super) fn write(family: &Exposed<'_>, head: &[u8], page: &mut Page<'_>) {
    let mut metric = Metric::of(family);
    let mut metrics = 0;
    family.each_pairs_len(|start, pairs| metrics += metric.len(start, pairs));
    push_head(page, head, metrics);
    family.each_paired(|Paired { value, series, pairs }| {
        metric.set(value, series.start, pairs.len());
        page.push_short(&metric.head, metric.filled, pairs);
    });
}

/// A metric's message but for its labels, which come last. Keeps what the next has in common with the last.
struct Metric {
    is_counter: bool,
    /// The field that holds its number.
    field: u64,
    /// Tag and length of the metric, and its number: at most 31 bytes.
    head: [u8; SHORT_BYTES],
    filled: usize,
    /// The length of the metric that stands in the head.
    body: usize,
    /// The message of the number, with its tag: first the value, then when the series began.
    number: Vec<u8>,
    start: Nanos,
}

/// Where the value stands in the number's message: behind the tag and length of that and the value's tag.
const BEFORE_VALUE: usize = 3;
/// The greatest length in one byte.
const SHORT: usize = 127;

impl Metric {
    fn of(family: &Exposed<'_>) -> Self {
        let field = match family.family.kind {
            Kind::Counter => COUNTER,
            Kind::Unknown => UNTYPED,
            _ => GAUGE,
        };
        let is_counter = field == COUNTER;
        let (head, number) = ([0; SHORT_BYTES], Vec::new());
        let mut metric = Metric { is_counter, field, head, filled: 0, body: 0, number, start: 0 };
        metric.set_start(0);
        metric
    }

    /// How many bytes a series takes.
    #[inline]
    fn len(&mut self, start: Nanos, pairs: usize) -> usize {
        let body = self.body_of(start, pairs);
        1 + varint_len(body as u64) + body
    }

    /// Makes it that of a series.
    #[inline]
    fn set(&mut self, value: &Value, start: Nanos, pairs: usize) {
        let body = self.body_of(start, pairs);
        if body != self.body {
            self.set_body(body);
        }
        let place = self.filled - self.number.len() + BEFORE_VALUE;
        if let (Some(number), Some(place)) = (only_number(value), self.head.get_mut(place..place + 8)) {
            place.copy_from_slice(&as_f64(number).to_le_bytes());
        }
    }

    #[inline]
    fn body_of(&mut self, start: Nanos, pairs: usize) -> usize {
        if self.is_counter && start != self.start {
            self.set_start(start);
        }
        pairs + self.number.len()
    }

    #[inline]
    fn set_body(&mut self, body: usize) {
        if body <= SHORT && self.body <= SHORT && self.body > 0 {
            self.body = body;
            // Behind the tag.
            self.head[1] = body as u8;
        } else {
            self.make_head(body);
        }
    }

    #[cold]
    fn make_head(&mut self, body: usize) {
        self.body = body;
        let mut head = Vec::with_capacity(SHORT_BYTES);
        push_length(&mut head, METRIC, body);
        head.extend_from_slice(&self.number);
        self.filled = head.len();
        self.head[..head.len()].copy_from_slice(&head);
    }

    #[cold]
    fn set_start(&mut self, start: Nanos) {
        self.start = start;
        self.number.clear();
        push_message(&mut self.number, self.field, |out| {
            push_f64(out, VALUE, 0.0);
            if self.is_counter {
                push_timestamp(out, CREATED_OF_COUNTER, start);
            }
        });
        // The head is that of another start.
        self.body = 0;
    }
}

pub(super) fn as_f64(number: SampleValue) -> f64 {
    match number {
        SampleValue::Unsigned(n) => n as f64,
        SampleValue::Signed(n) => n as f64,
        SampleValue::Float(x) => x,
    }
}
