//! JSON: the snapshot as it is, for scripts, tests and pages in a browser. No names are changed and nothing is left out.
//!
//! ```
//! use tagmeter::{Registry, encode::json};
//!
//! let registry = Registry::new();
//! registry.counter(("hits", [("city", "Oslo")])).add(3);
//! let page = json::encode(&registry.snapshot());
//! assert!(page.starts_with("{\"schema\":1,\"taken_at\":"));
//! assert!(page.contains("\"name\":\"hits\",\"kind\":\"counter\",\"help\":\"\",\"unit\":\"\",\"series\":["));
//! assert!(page.contains("{\"tags\":{\"city\":\"Oslo\"},\"start\":"));
//! assert!(page.ends_with(",\"value\":3}\n]}\n]}\n"));
//! ```
//!
//! # Schema 1
//!
//! What is said here stays; a later version may add keys, and changes `schema` if it takes something away. Text is ASCII,
//! anything else in escapes. A line holds one series or the beginning or end of a family.
//!
//! | key | what it holds |
//! |---|---|
//! | `schema` | 1 |
//! | `taken_at` | when, in seconds since 1970-01-01 UTC, to the nanosecond |
//! | `families` | in the order of registration, those without series too |
//! | `families[].name`, `help` | as given |
//! | `families[].kind` | `counter`, `up_down_counter`, `gauge`, `meter`, `timer`, `histogram`, `info`, `state_set`, `gauge_histogram`, `summary`, `unknown` |
//! | `families[].unit` | `seconds`, `bytes`, …; empty where there is none |
//! | `families[].series[].tags` | an object of texts |
//! | `families[].series[].start` | since when it counts, as `taken_at` |
//! | `families[].series[].exemplars` | where it has some: a list of `labels` (an object of texts), `value` and `time` (as `taken_at`), the oldest first |
//! | `families[].series[].value` | by kind: |
//!
//! | kind | value |
//! |---|---|
//! | counter | a number, whole if it counts whole things; one of a float counter has a point or an exponent |
//! | up-down counter, gauge, unknown | a number |
//! | meter | `count`; `rates`, which has `mean`, `1m`, `5m`, `15m` in events per second |
//! | histogram | `shape` (`histogram` or `summary`), `count`, `sum`, `sum_can_fall` (whether a negative value was recorded), `bounds`, `counts` (of each bucket, not cumulative, one more than the bounds), `quantiles` (of a summary: those from 0 to 1, rising, null while there is nothing), `window`, `native`, `restarted` (since when, if its native buckets became too many, else null) |
//! | gauge histogram | as a histogram |
//! | summary | `count`, `sum`, `sum_can_fall`, `quantiles` (rising) |
//! | timer | as a histogram, in seconds, and `rates` |
//! | info | an object of texts |
//! | state set | an object: whether each state is on |
//!
//! `window` describes the recent past where quantiles are recorded, and is null elsewhere: `count`, `min`, `max`, `mean`,
//! `std_dev`, `p50`, `p75`, `p95`, `p99`, `p999`, all but the count null while it is empty.
//!
//! `native` are the same values in exponential buckets, where the definition asks for them, and null elsewhere: `schema`,
//! `zero_threshold`, `zero_count`, `negative` and `positive`, which are lists of the index and the count of each bucket that is
//! not empty.
//!
//! # What comes back
//!
//! A reader gets everything as it was, numbers to the last bit, but for the values that a window summed up. It must keep
//! 64-bit whole numbers: one that holds all numbers in doubles, as JavaScript does, rounds counts beyond 2^53. Numbers that
//! JSON has no words for are the texts `NaN`, `+Inf` and `-Inf`.

use std::io;

use crate::encode::page::Page;
use crate::encode::samples::in_order;
use crate::model::{
    Exemplar, Family, HistogramValue, Kind, Number, Series, Shape, Snapshot, StateSetValue, SummaryValue,
    Value, nanos,
};
use crate::number;
use crate::stat::{Distribution, NativeCounts, Rates};
use crate::tag::{Tags, write_json_text as push_text};

/// The `Content-Type` of the format.
pub const CONTENT_TYPE: &str = "application/json";

/// Quantiles of a window.
const PERCENTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p75", 0.75), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)];

/// The snapshot as JSON.
///
/// See the module's example.
pub fn encode(snapshot: &Snapshot) -> String {
    let mut page = Vec::new();
    let kept = encode_into(snapshot, &mut page);
    debug_assert!(kept.is_ok(), "keeping a page in memory does not fail");
    String::from_utf8(page).expect("a page is made of whole texts")
}

/// Writes the snapshot in chunks of about 64 KiB.
///
/// # Errors
///
/// Those of the writer.
///
/// ```
/// # use std::time::SystemTime;
/// # use tagmeter::{encode::json, model::Snapshot};
/// let mut page = Vec::new();
/// json::encode_into(&Snapshot::new(SystemTime::UNIX_EPOCH, vec![]), &mut page)?;
/// assert_eq!(page, b"{\"schema\":1,\"taken_at\":0,\"families\":[\n]}\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn encode_into(snapshot: &Snapshot, writer: &mut impl io::Write) -> io::Result<()> {
    let mut page = Page::new(writer);
    let mut line = String::from("{\"schema\":1,\"taken_at\":");
    number::push_seconds(&mut line, nanos(snapshot.taken_at()));
    page.push([&line, ",\"families\":[\n"]);
    for (at, family) in snapshot.families().iter().enumerate() {
        write_family(&mut page, &mut line, family, at > 0);
        if page.has_failed() {
            break;
        }
    }
    page.push(["]}\n"]);
    page.finish()
}

impl Snapshot {
    /// The snapshot as JSON.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// # use tagmeter::model::Snapshot;
    /// let empty = Snapshot::new(SystemTime::UNIX_EPOCH, vec![]);
    /// assert_eq!(empty.to_json(), "{\"schema\":1,\"taken_at\":0,\"families\":[\n]}\n");
    /// ```
    pub fn to_json(&self) -> String {
        encode(self)
    }
}

fn write_family(page: &mut Page<'_>, line: &mut String, family: &Family, follows: bool) {
    line.clear();
    line.push_str(if follows { ",{" } else { "{" });
    push_key(line, "name");
    push_text(family.name.as_str(), line);
    push_member(line, "kind", |line| push_text(kind_word(family.kind), line));
    push_member(line, "help", |line| push_text(&family.help, line));
    push_member(line, "unit", |line| push_text(family.unit.suffix().unwrap_or(""), line));
    page.push([line, ",\"series\":[\n"]);
    for (at, series) in family.series.iter().enumerate() {
        line.clear();
        line.push_str(if at > 0 { ",{" } else { "{" });
        push_series(line, series);
        page.push([line, "}\n"]);
    }
    page.push(["]}\n"]);
}

fn push_series(line: &mut String, series: Series<'_>) {
    push_key(line, "tags");
    push_tags(line, series.tags);
    push_member(line, "start", |line| number::push_seconds(line, series.start));
    push_member(line, "value", |line| push_value(line, series.value));
    let exemplars: Vec<&Exemplar> = series.exemplars().collect();
    if !exemplars.is_empty() {
        push_member(line, "exemplars", |line| {
            push_list(line, &exemplars, |line, one| push_exemplar(line, one))
        });
    }
}

fn push_exemplar(line: &mut String, exemplar: &Exemplar) {
    line.push('{');
    push_key(line, "labels");
    push_texts(line, exemplar.labels());
    push_member(line, "value", |line| push_number(line, exemplar.value()));
    push_member(line, "time", |line| number::push_seconds(line, exemplar.nanos()));
    line.push('}');
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::UpDownCounter => "up_down_counter",
        Kind::Gauge => "gauge",
        Kind::Meter => "meter",
        Kind::Timer => "timer",
        Kind::Histogram => "histogram",
        Kind::Info => "info",
        Kind::StateSet => "state_set",
        Kind::GaugeHistogram => "gauge_histogram",
        Kind::Summary => "summary",
        Kind::Unknown => "unknown",
    }
}

fn push_value(line: &mut String, value: &Value) {
    match value {
        Value::Counter(Number::Integer(total)) => push_whole(line, *total),
        Value::Counter(Number::Float(total)) => push_float(line, *total, number::push_float),
        Value::UpDownCounter(level) => push_whole(line, *level),
        Value::Gauge(level) | Value::Unknown(level) => push_number(line, *level),
        Value::Meter(meter) => {
            line.push('{');
            push_key(line, "count");
            push_whole(line, meter.count);
            push_rates(line, &meter.rates);
            line.push('}');
        }
        Value::Histogram(histogram) | Value::GaugeHistogram(histogram) => {
            push_histogram(line, histogram);
            line.push('}');
        }
        Value::Summary(summary) => push_summary(line, summary),
        Value::Timer(timer) => {
            push_histogram(line, &timer.durations);
            push_rates(line, &timer.rates);
            line.push('}');
        }
        Value::Info(facts) => push_tags(line, facts),
        Value::StateSet(states) => push_states(line, states),
    }
}

fn push_rates(line: &mut String, rates: &Rates) {
    push_member(line, "rates", |line| {
        line.push('{');
        push_key(line, "mean");
        push_number(line, rates.mean);
        push_member(line, "1m", |line| push_number(line, rates.one_minute));
        push_member(line, "5m", |line| push_number(line, rates.five_minutes));
        push_member(line, "15m", |line| push_number(line, rates.fifteen_minutes));
        line.push('}');
    });
}

/// All of a histogram but the closing brace.
fn push_histogram(line: &mut String, histogram: &HistogramValue) {
    line.push('{');
    push_key(line, "shape");
    line.push_str(match histogram.shape {
        Shape::Histogram => "\"histogram\"",
        Shape::Summary(_) => "\"summary\"",
    });
    push_member(line, "count", |line| push_whole(line, histogram.count()));
    push_member(line, "sum", |line| push_number(line, histogram.sum));
    push_member(line, "sum_can_fall", |line| push_bool(line, histogram.sum_can_fall));
    push_member(line, "bounds", |line| {
        push_list(line, histogram.buckets.bounds(), |line, x| push_number(line, *x))
    });
    push_member(line, "counts", |line| push_list(line, &histogram.counts, |line, n| push_whole(line, *n)));
    push_member(line, "quantiles", |line| push_quantiles(line, quantiles_of(histogram)));
    push_member(line, "window", |line| match &histogram.window {
        Some(window) => push_window(line, window),
        None => line.push_str("null"),
    });
    push_member(line, "native", |line| match &histogram.native {
        Some(native) => push_native(line, native),
        None => line.push_str("null"),
    });
    push_member(line, "restarted", |line| match histogram.restarted {
        Some(time) => number::push_seconds(line, nanos(time)),
        None => line.push_str("null"),
    });
}

fn push_native(line: &mut String, native: &NativeCounts) {
    let side = |line: &mut String, buckets: &[(i32, u64)]| {
        push_list(line, buckets, |line, (index, count)| {
            line.push('[');
            push_whole(line, *index);
            line.push(',');
            push_whole(line, *count);
            line.push(']');
        });
    };
    line.push('{');
    push_key(line, "schema");
    push_whole(line, native.schema().get());
    push_member(line, "zero_threshold", |line| push_number(line, native.zero_threshold()));
    push_member(line, "zero_count", |line| push_whole(line, native.zero_count()));
    push_member(line, "negative", |line| side(line, native.negative()));
    push_member(line, "positive", |line| side(line, native.positive()));
    line.push('}');
}

fn push_summary(line: &mut String, summary: &SummaryValue) {
    line.push('{');
    push_key(line, "count");
    push_whole(line, summary.count);
    push_member(line, "sum", |line| push_number(line, summary.sum));
    push_member(line, "sum_can_fall", |line| push_bool(line, summary.sum_can_fall));
    let quantiles = summary.quantiles.iter().map(|(q, value)| (*q, Some(*value)));
    push_member(line, "quantiles", |line| push_quantiles(line, quantiles));
    line.push('}');
}

fn quantiles_of(histogram: &HistogramValue) -> impl Iterator<Item = (f64, Option<f64>)> {
    let quantiles: &[f64] = match &histogram.shape {
        Shape::Summary(quantiles) => quantiles,
        Shape::Histogram => &[],
    };
    in_order(quantiles).map(|q| (q, histogram.quantile(q).map(|quantile| quantile.value())))
}

fn push_quantiles(line: &mut String, quantiles: impl Iterator<Item = (f64, Option<f64>)>) {
    line.push('{');
    for (at, (q, value)) in quantiles.enumerate() {
        line.push_str(if at > 0 { ",\"" } else { "\"" });
        number::push_f64(line, q);
        line.push_str("\":");
        push_optional(line, value);
    }
    line.push('}');
}

fn push_window(line: &mut String, window: &Distribution) {
    line.push('{');
    push_key(line, "count");
    push_whole(line, window.count());
    let moments = [
        ("min", window.min()),
        ("max", window.max()),
        ("mean", window.mean()),
        ("std_dev", window.std_dev()),
    ];
    let percentiles = PERCENTILES.map(|(name, q)| (name, window.quantile(q)));
    for (name, value) in moments.into_iter().chain(percentiles) {
        push_member(line, name, |line| push_optional(line, value));
    }
    line.push('}');
}

fn push_tags(line: &mut String, tags: &Tags) {
    push_texts(line, tags.iter());
}

fn push_texts<'a>(line: &mut String, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
    line.push('{');
    for (at, (key, value)) in pairs.enumerate() {
        if at > 0 {
            line.push(',');
        }
        push_key(line, key);
        push_text(value, line);
    }
    line.push('}');
}

/// Of a state that is said twice, the first is meant.
fn push_states(line: &mut String, set: &StateSetValue) {
    line.push('{');
    for (at, (state, on)) in set.states.iter().zip(&set.on).enumerate() {
        if set.states.iter().take(at).any(|earlier| earlier == state) {
            continue;
        }
        if at > 0 {
            line.push(',');
        }
        push_key(line, state);
        push_bool(line, *on);
    }
    line.push('}');
}

fn push_list<T>(line: &mut String, items: &[T], push: impl Fn(&mut String, &T)) {
    line.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            line.push(',');
        }
        push(line, item);
    }
    line.push(']');
}

/// Appends a comma, a key and what `push` does.
fn push_member(line: &mut String, key: &str, push: impl FnOnce(&mut String)) {
    line.push(',');
    push_key(line, key);
    push(line);
}

fn push_key(line: &mut String, key: &str) {
    push_text(key, line);
    line.push(':');
}

fn push_bool(line: &mut String, is: bool) {
    line.push_str(if is { "true" } else { "false" });
}

fn push_whole(line: &mut String, number: impl itoa::Integer) {
    line.push_str(itoa::Buffer::new().format(number));
}

fn push_optional(line: &mut String, number: Option<f64>) {
    match number {
        Some(number) => push_number(line, number),
        None => line.push_str("null"),
    }
}

fn push_number(line: &mut String, number: f64) {
    push_float(line, number, number::push_f64);
}

fn push_float(line: &mut String, number: f64, spell: fn(&mut String, f64)) {
    let quote = if number.is_finite() { "" } else { "\"" };
    line.push_str(quote);
    spell(line, number);
    line.push_str(quote);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    #[test]
    fn times_are_exact() {
        let at = |nanos| {
            let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos);
            Snapshot::new(time, vec![]).to_json()
        };
        assert!(at(1_700_000_000_000_000_001).contains("\"taken_at\":1700000000.000000001,"));
        assert!(at(1_500_000_000).contains("\"taken_at\":1.5,"));
    }

    #[test]
    fn a_state_said_twice_is_shown_once() {
        let set = StateSetValue {
            states: ["on".into(), "on".into(), "off".into()].into(),
            on: vec![true, false, false],
        };
        let mut line = String::new();
        push_states(&mut line, &set);
        assert_eq!(line, r#"{"on":true,"off":false}"#);
    }
}
