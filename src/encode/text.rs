//! Prometheus text format 0.0.4: what every Prometheus, and everything that calls itself compatible, reads.
//!
//! Source: Prometheus, "Exposition formats", text format 0.0.4. Units are part of names here and nothing else; infos and
//! state sets are gauges, gauge histograms are histograms; a histogram whose sum can fall shows it all the same. Version
//! 1.0.0 is the same page, on which names may stand [in quotes](crate::encode::Options::escaping).
//!
//! ```
//! let registry = tagmeter::Registry::new();
//! let orders = registry.define("orders").help("Orders taken.").tags(["city"]).counters()?;
//! orders.with(["Oslo"]).add(3);
//! assert_eq!(
//!     tagmeter::encode::text::encode(&registry.snapshot()),
//!     "# HELP orders_total Orders taken.\n# TYPE orders_total counter\norders_total{city=\"Oslo\"} 3\n",
//! );
//! # Ok::<(), tagmeter::registry::RegisterError>(())
//! ```

use std::io;

use crate::encode::exposed::{Exposed, Type};
use crate::encode::lines::{Format, push_comment};
use crate::encode::samples::Rules;
use crate::encode::{LeftOut, Options};
use crate::model::Snapshot;
use crate::number;
use crate::tag::label::Quotes;

/// The `Content-Type` of version 0.0.4.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
/// The `Content-Type` of version 1.0.0, to which `; escaping=` and the word of the [scheme](crate::encode::Escaping)
/// belong.
pub const CONTENT_TYPE_1_0_0: &str = "text/plain; version=1.0.0; charset=utf-8";

/// Series have the same names by protobuf, which has these rules as well.
pub(super) const RULES: Rules = Rules { claims, rising_only: false, gauge_sum_and_count: ["_sum", "_count"] };

const FORMAT: Format = Format { rules: RULES, header, float: number::push_f64, has_extras: false, end: "" };

/// The page of a snapshot.
///
/// See the module's example.
pub fn encode(snapshot: &Snapshot) -> String {
    FORMAT.to_string(snapshot)
}

/// Writes the page of a snapshot in chunks of about 64 KiB. Returns what it could not show.
///
/// # Errors
///
/// Those of the writer.
///
/// ```
/// # use std::time::SystemTime;
/// # use tagmeter::{encode::text, model::Snapshot};
/// let mut page = Vec::new();
/// let left_out = text::encode_into(&Snapshot::new(SystemTime::UNIX_EPOCH, vec![]), &mut page)?;
/// assert!(page.is_empty() && left_out.is_empty());
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
/// use tagmeter::encode::{Options, text};
///
/// let registry = tagmeter::Registry::new();
/// registry.meter("order_rate").mark_n(2);
/// let mut page = Vec::new();
/// text::encode_with(&registry.snapshot(), &Options::default().without_rates(), &mut page)?;
/// assert_eq!(page, b"# TYPE order_total counter\norder_total 2\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn encode_with(
    snapshot: &Snapshot,
    options: &Options,
    writer: &mut impl io::Write,
) -> io::Result<Vec<LeftOut>> {
    FORMAT.write_into(snapshot, options, writer)
}

impl Snapshot {
    /// The snapshot as a Prometheus page, text format 0.0.4.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// # use tagmeter::model::Snapshot;
    /// assert_eq!(Snapshot::new(SystemTime::UNIX_EPOCH, vec![]).to_text(), "");
    /// ```
    pub fn to_text(&self) -> String {
        encode(self)
    }
}

/// Sample names and, as `# TYPE` may come once for a name, the family's own.
fn claims(kind: Type) -> &'static [&'static str] {
    match kind {
        Type::Counter => &["_total"],
        Type::BareCounter | Type::Gauge | Type::StateSet | Type::Unknown => &[""],
        Type::Histogram | Type::GaugeHistogram => &["", "_bucket", "_sum", "_count"],
        Type::Summary => &["", "_sum", "_count"],
        Type::Info => &["_info"],
    }
}

fn header(out: &mut String, family: &Exposed<'_>) {
    let name = &family.name_with(name_suffix(family.kind));
    if !family.help.is_empty() {
        push_comment(out, "HELP", name, family.help, Some(Quotes::Plain));
    }
    push_comment(out, "TYPE", name, type_word(family.kind), None);
}

/// Here a family is called as its samples are.
pub(super) fn name_suffix(kind: Type) -> &'static str {
    match kind {
        Type::Counter => "_total",
        Type::Info => "_info",
        Type::BareCounter
        | Type::Gauge
        | Type::Histogram
        | Type::GaugeHistogram
        | Type::Summary
        | Type::StateSet
        | Type::Unknown => "",
    }
}

fn type_word(kind: Type) -> &'static str {
    match kind {
        Type::Counter | Type::BareCounter => "counter",
        Type::Gauge | Type::Info | Type::StateSet => "gauge",
        Type::Histogram | Type::GaugeHistogram => "histogram",
        Type::Summary => "summary",
        Type::Unknown => "untyped",
    }
}
