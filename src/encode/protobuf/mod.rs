//! Prometheus' protobuf format: a `MetricFamily` message for each family, each after its length.
//!
//! It is what Prometheus asks for once it is told to take native histograms; start times it takes from here as well.
//! There are no words here for infos and state sets, which are gauges as in text 0.0.4, and none for quotes: names that are
//! not legal are escaped by `underscores` or whatever scheme was asked for.
//!
//! | a histogram's definition | buckets |
//! |---|---|
//! | classic | `bucket`, cumulative, without `+Inf`, which is the count |
//! | native | `schema`, `zero_…`, spans and deltas |
//! | both | both |
//!
//! Exemplars stand at counters, at classic buckets, among them that of `+Inf` where it has one, and, with native buckets, in
//! the histogram's own list, which Prometheus reads from version 3 on.
//!
//! A gauge histogram is called one where it has native buckets. With classic ones alone it is called a histogram, as in
//! text: Prometheus 2.42 makes series without their suffixes of the other.
//!
//! A native histogram that holds nothing and has no width at zero says so by an empty span: without it, it would be read as
//! a classic one.
//!
//! Source: `metrics.proto` of Prometheus' client model, 0.6.2.
//!
//! Written by hand: it is six messages, of which all fields are known, and a family's length stands before it, so that
//! code made from the schema would need all of a page in memory.
//!
//! ```
//! use tagmeter::encode::protobuf;
//!
//! let registry = tagmeter::Registry::new();
//! registry.gauge("depth").set(1.0);
//! let page = protobuf::encode(&registry.snapshot());
//! assert_eq!(page, b"\x16\x0a\x05depth\x18\x01\x22\x0b\x12\x09\x09\0\0\0\0\0\0\xf0\x3f");
//! ```

mod messages;
mod native;
mod numbers;

use std::io;

use crate::encode::exposed::{Exposed, Type};
use crate::encode::page::Page;
use crate::encode::samples::Samples;
use crate::encode::{LeftOut, Options, text};
use crate::model::{Snapshot, Value};
use crate::wire::{push_text, push_u64, push_varint};

/// The `Content-Type` of the format.
pub const CONTENT_TYPE: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// Fields of a family.
const NAME: u64 = 1;
const HELP: u64 = 2;
const TYPE: u64 = 3;
const METRIC: u64 = 4;
const UNIT: u64 = 5;

/// The page of a snapshot.
///
/// See the module's example.
pub fn encode(snapshot: &Snapshot) -> Vec<u8> {
    let mut page = Vec::new();
    let kept = encode_into(snapshot, &mut page);
    debug_assert!(kept.is_ok(), "keeping a page in memory does not fail");
    page
}

/// Writes the page of a snapshot in chunks. Returns what it could not show.
///
/// # Errors
///
/// Those of the writer; a page cut short ends within a family and is refused by readers.
///
/// ```
/// # use std::time::SystemTime;
/// # use tagmeter::{encode::protobuf, model::Snapshot};
/// let mut page = Vec::new();
/// protobuf::encode_into(&Snapshot::new(SystemTime::UNIX_EPOCH, vec![]), &mut page)?;
/// assert!(page.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn encode_into(snapshot: &Snapshot, writer: &mut impl io::Write) -> io::Result<Vec<LeftOut>> {
    encode_with(snapshot, &Options::default(), writer)
}

/// As [`encode_into`], with options.
///
/// # Errors
///
/// Those of the writer.
///
/// ```
/// use tagmeter::encode::{Escaping, Options, protobuf};
///
/// let registry = tagmeter::Registry::new();
/// registry.gauge("queue.depth").set(1.0);
/// let mut page = Vec::new();
/// let options = Options::default().escaping(Escaping::AllowUtf8);
/// protobuf::encode_with(&registry.snapshot(), &options, &mut page)?;
/// assert!(page.starts_with(b"\x1c\x0a\x0bqueue.depth"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn encode_with(
    snapshot: &Snapshot,
    options: &Options,
    writer: &mut impl io::Write,
) -> io::Result<Vec<LeftOut>> {
    // Names are taken as in text: Prometheus makes the same series of both.
    let samples = Samples::of(snapshot, options, &text::RULES);
    let mut page = Page::new(writer);
    let mut body = Vec::new();
    for family in &samples.families {
        match family.number_suffix() {
            Some(_) if !family.has_exemplars() => numbers::write(family, &header(family), &mut page),
            _ => messages::write(family, &header(family), &mut body, &mut page),
        }
        if page.has_failed() {
            break;
        }
    }
    page.finish().map(|()| samples.left_out)
}

impl Snapshot {
    /// The snapshot as a page of Prometheus' protobuf format.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// # use tagmeter::model::Snapshot;
    /// assert!(Snapshot::new(SystemTime::UNIX_EPOCH, vec![]).to_protobuf().is_empty());
    /// ```
    pub fn to_protobuf(&self) -> Vec<u8> {
        encode(self)
    }
}

/// A family's fields but for its metrics.
fn header(family: &Exposed<'_>) -> Vec<u8> {
    let mut head = Vec::new();
    push_text(&mut head, NAME, &[&family.name, text::name_suffix(family.kind)].concat());
    if !family.help.is_empty() {
        push_text(&mut head, HELP, family.help);
    }
    push_u64(&mut head, TYPE, type_number(family));
    if let Some(unit) = &family.unit {
        push_text(&mut head, UNIT, unit);
    }
    head
}

fn is_native(family: &Exposed<'_>) -> bool {
    let first = family.family.series.first().map(|series| series.value);
    matches!(first, Some(Value::GaugeHistogram(histogram)) if histogram.native.is_some())
}

/// Begins a family: the length of all its fields, and those of its head.
fn push_head(page: &mut Page<'_>, head: &[u8], metrics: usize) {
    let mut length = Vec::new();
    push_varint(&mut length, (head.len() + metrics) as u64);
    page.push_bytes([&length, head]);
}

fn type_number(family: &Exposed<'_>) -> u64 {
    match family.kind {
        Type::Counter | Type::BareCounter => 0,
        Type::Gauge | Type::Info | Type::StateSet => 1,
        Type::Summary => 2,
        Type::Unknown => 3,
        Type::GaugeHistogram if is_native(family) => 5,
        Type::Histogram | Type::GaugeHistogram => 4,
    }
}
