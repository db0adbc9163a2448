//! Families whose series are more than a number.

use crate::encode::exposed::{Exposed, Paired, Type, WINDOW};
use crate::encode::page::{CHUNK_BYTES, Page};
use crate::encode::protobuf::{METRIC, native, push_head};
use crate::encode::samples::{in_order, named_rates, newest_in, states};
use crate::model::{Exemplar, HistogramValue, Nanos, Shape, SummaryValue, Value};
use crate::nanos::PER_SECOND as NANOS_PER_SECOND;
use crate::tag::pairs::push_pair;
use crate::wire::{push_f64, push_message, push_u64};

/// A family of no more bytes is made before it is written; of a larger one the length is found first, and it is made again.
const ROOM: usize = 1 << 20;

/// Fields of a metric.
pub(super) const GAUGE: u64 = 2;
pub(super) const COUNTER: u64 = 3;
pub(super) const UNTYPED: u64 = 5;
const SUMMARY: u64 = 4;
const HISTOGRAM: u64 = 7;
/// The field of a gauge, of a counter, of an untyped number.
pub(super) const VALUE: u64 = 1;
/// Fields of a summary, of a histogram.
const COUNT: u64 = 1;
const SUM: u64 = 2;
const QUANTILE: u64 = 3;
const BUCKET: u64 = 3;
/// The fields of a quantile, of a bucket.
const KEY: u64 = 1;
const NUMBER: u64 = 2;
/// When it began.
pub(super) const CREATED_OF_COUNTER: u64 = 3;
const CREATED_OF_SUMMARY: u64 = 4;
const CREATED_OF_HISTOGRAM: u64 = 15;
/// Where exemplars are, and the fields of one behind its labels, which stand as a metric's do.
const EXEMPLAR_OF_COUNTER: u64 = 2;
const EXEMPLAR_OF_BUCKET: u64 = 3;
const EXEMPLARS_OF_HISTOGRAM: u64 = 16;
const VALUE_OF_EXEMPLAR: u64 = 2;
const TIME_OF_EXEMPLAR: u64 = 3;
/// Fields of a time.
const SECONDS: u64 = 1;
const NANOSECONDS: u64 = 2;

/// Writes a family, by way of a buffer.
pub(super) fn write(family: &Exposed<'_>, head: &[u8], body: &mut Vec<u8>, page: &mut Page<'_>) {
    body.clear();
    let mut before = 0;
    family.each_paired(|series| {
        if body.len() > ROOM {
            before += body.len();
            body.clear();
        }
        push_series(body, family, &series);
    });
    push_head(page, head, before + body.len());
    if before == 0 {
        return body.chunks(CHUNK_BYTES).for_each(|part| page.push_bytes([part]));
    }
    family.each_paired(|series| {
        body.clear();
        push_series(body, family, &series);
        page.push_bytes([body]);
    });
}

/// Appends the metrics of a series.
fn push_series(out: &mut Vec<u8>, family: &Exposed<'_>, series: &Paired<'_>) {
    let start = series.value.counts_since(series.series.start);
    let exemplars: Vec<&Exemplar> = series.series.exemplars().collect();
    let mut metric = |fill: &dyn Fn(&mut Vec<u8>)| {
        push_message(out, METRIC, |out| {
            out.extend_from_slice(series.pairs);
            fill(out);
        });
    };
    match series.value {
        Value::Meter(meter) if family.kind == Type::Gauge => {
            named_rates(&meter.rates).iter().for_each(|(window, rate)| {
                metric(&|out| {
                    push_pair(out, WINDOW, window);
                    push_gauge(out, *rate);
                });
            });
        }
        Value::Meter(meter) => metric(&|out| push_counter(out, meter.count as f64, None, start)),
        Value::Timer(timer) => {
            metric(&|out| push_distribution(out, family.kind, &timer.durations, &exemplars, start))
        }
        Value::Histogram(histogram) | Value::GaugeHistogram(histogram) => {
            metric(&|out| push_distribution(out, family.kind, histogram, &exemplars, start))
        }
        Value::Summary(given) => metric(&|out| push_given_summary(out, given, start)),
        Value::Info(_) => metric(&|out| push_gauge(out, 1.0)),
        Value::StateSet(set) => states(set).for_each(|(state, on)| {
            metric(&|out| {
                push_pair(out, &family.name, state);
                push_gauge(out, f64::from(u8::from(on)));
            });
        }),
        // Families of these that have no exemplars are written elsewhere.
        Value::Counter(total) => {
            metric(&|out| push_counter(out, total.as_f64(), exemplars.last().copied(), start));
        }
        Value::UpDownCounter(_) | Value::Gauge(_) | Value::Unknown(_) => {}
    }
}

fn push_gauge(out: &mut Vec<u8>, value: f64) {
    push_message(out, GAUGE, |out| push_f64(out, VALUE, value));
}

fn push_counter(out: &mut Vec<u8>, value: f64, exemplar: Option<&Exemplar>, start: Nanos) {
    push_message(out, COUNTER, |out| {
        push_f64(out, VALUE, value);
        exemplar.into_iter().for_each(|exemplar| push_exemplar(out, EXEMPLAR_OF_COUNTER, exemplar));
        push_timestamp(out, CREATED_OF_COUNTER, start);
    });
}

fn push_distribution(
    out: &mut Vec<u8>,
    kind: Type,
    histogram: &HistogramValue,
    exemplars: &[&Exemplar],
    start: Nanos,
) {
    match kind {
        Type::Summary => push_message(out, SUMMARY, |out| push_summary(out, histogram, start)),
        // What is there now has not begun.
        Type::GaugeHistogram => push_message(out, HISTOGRAM, |out| push_buckets(out, histogram, exemplars)),
        _ => push_message(out, HISTOGRAM, |out| {
            push_buckets(out, histogram, exemplars);
            push_timestamp(out, CREATED_OF_HISTOGRAM, start);
        }),
    }
}

fn push_summary(out: &mut Vec<u8>, histogram: &HistogramValue, start: Nanos) {
    push_u64(out, COUNT, histogram.count());
    push_f64(out, SUM, histogram.sum);
    if let Shape::Summary(quantiles) = &histogram.shape {
        for q in in_order(quantiles) {
            let value = histogram.quantile(q).map_or(f64::NAN, |quantile| quantile.value());
            push_quantile(out, q, value);
        }
    }
    push_timestamp(out, CREATED_OF_SUMMARY, start);
}

fn push_quantile(out: &mut Vec<u8>, q: f64, value: f64) {
    push_message(out, QUANTILE, |out| {
        push_f64(out, KEY, q);
        push_f64(out, NUMBER, value);
    });
}

fn push_given_summary(out: &mut Vec<u8>, given: &SummaryValue, start: Nanos) {
    push_message(out, SUMMARY, |out| {
        push_u64(out, COUNT, given.count);
        push_f64(out, SUM, given.sum);
        given.quantiles.iter().for_each(|(q, value)| push_quantile(out, *q, *value));
        push_timestamp(out, CREATED_OF_SUMMARY, start);
    });
}

fn push_buckets(out: &mut Vec<u8>, histogram: &HistogramValue, exemplars: &[&Exemplar]) {
    push_u64(out, COUNT, histogram.count());
    push_f64(out, SUM, histogram.sum);
    let bounds = histogram.buckets.bounds().len();
    for (at, (bound, count)) in histogram.cumulative().enumerate() {
        let exemplar = newest_in(histogram, at, exemplars);
        // The last, which is the count once more, is there for its exemplar only, and not where there are no classic buckets.
        let is_classic = bounds > 0 || histogram.native.is_none();
        if at < bounds || exemplar.is_some() && is_classic {
            push_message(out, BUCKET, |out| push_bucket(out, (bound, count), exemplar));
        }
    }
    if let Some(native) = &histogram.native {
        native::push(out, native);
    }
    if histogram.native.is_some() {
        exemplars.iter().for_each(|exemplar| push_exemplar(out, EXEMPLARS_OF_HISTOGRAM, exemplar));
    }
}

fn push_bucket(out: &mut Vec<u8>, (bound, count): (f64, u64), exemplar: Option<&Exemplar>) {
    push_u64(out, KEY, count);
    push_f64(out, NUMBER, bound);
    exemplar.into_iter().for_each(|exemplar| push_exemplar(out, EXEMPLAR_OF_BUCKET, exemplar));
}

fn push_exemplar(out: &mut Vec<u8>, field: u64, exemplar: &Exemplar) {
    push_message(out, field, |out| {
        exemplar.labels().for_each(|(name, value)| push_pair(out, name, value));
        push_f64(out, VALUE_OF_EXEMPLAR, exemplar.value());
        push_timestamp(out, TIME_OF_EXEMPLAR, exemplar.nanos());
    });
}

/// Appends a field with a time since 1970; none for 1970, which stands for a time that nobody knows.
pub(super) fn push_timestamp(out: &mut Vec<u8>, field: u64, time: Nanos) {
    if time == 0 {
        return;
    }
    push_message(out, field, |out| {
        push_u64(out, SECONDS, time / NANOS_PER_SECOND);
        push_u64(out, NANOSECONDS, time % NANOS_PER_SECOND);
    });
}
