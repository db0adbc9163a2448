//! OpenMetrics 1.0: the strict text format, with units, infos and state sets of its own.
//!
//! Source: OpenMetrics 1.0.0. A histogram's `_sum` and `_count` are left out once a negative value was recorded or where
//! a bucket has a negative bound (they would no longer be counters), a summary's `_sum` and its negative quantiles too.
//! Start times (`_created`) are written [where they are asked for](Options::with_created): most that scrape take each for one
//! more series.
//!
//! [Exemplars](crate::metric#exemplars) stand behind the `_total` of counters and the buckets of histograms, of native buckets
//! alone behind `+Inf`. Prometheus 2.42 and 3.5 keep the escapes of quotes and backslashes in their labels.
//!
//! ```
//! use tagmeter::{Registry, Unit};
//!
//! let registry = Registry::new();
//! registry.define("sent").help("Sent so far.").unit(Unit::Bytes).counter()?.add(3);
//! assert_eq!(
//!     tagmeter::encode::openmetrics::encode(&registry.snapshot()),
//!     "# TYPE sent_bytes counter\n# UNIT sent_bytes bytes\n# HELP sent_bytes Sent so far.\n\
//!      sent_bytes_total 3\n# EOF\n",
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

/// The `Content-Type` of the format.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const RULES: Rules = Rules { claims, rising_only: true, gauge_sum_and_count: ["_gsum", "_gcount"] };

const FORMAT: Format =
    Format { rules: RULES, header, float: number::push_float, has_extras: true, end: "# EOF\n" };

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
/// Those of the writer; a page cut short lacks its last line, `# EOF`, and is refused by readers.
///
/// ```
/// # use std::time::SystemTime;
/// # use tagmeter::{encode::openmetrics, model::Snapshot};
/// let mut page = Vec::new();
/// openmetrics::encode_into(&Snapshot::new(SystemTime::UNIX_EPOCH, vec![]), &mut page)?;
/// assert_eq!(page, b"# EOF\n");
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
/// # use std::time::SystemTime;
/// # use tagmeter::{encode::{Options, openmetrics}, model::Snapshot};
/// let mut page = Vec::new();
/// let snapshot = Snapshot::new(SystemTime::UNIX_EPOCH, vec![]);
/// openmetrics::encode_with(&snapshot, &Options::default().without_rates(), &mut page)?;
/// assert_eq!(page, b"# EOF\n");
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
    /// The snapshot as an OpenMetrics 1.0 page.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// # use tagmeter::model::Snapshot;
    /// assert_eq!(Snapshot::new(SystemTime::UNIX_EPOCH, vec![]).to_openmetrics(), "# EOF\n");
    /// ```
    pub fn to_openmetrics(&self) -> String {
        encode(self)
    }
}

/// The family's name, its sample names, and the names its type reserves.
fn claims(kind: Type) -> &'static [&'static str] {
    match kind {
        Type::Counter => &["", "_total", "_created"],
        Type::BareCounter | Type::Gauge | Type::StateSet | Type::Unknown => &[""],
        Type::Histogram => &["", "_bucket", "_sum", "_count", "_created"],
        Type::GaugeHistogram => &["", "_bucket", "_gsum", "_gcount"],
        Type::Summary => &["", "_sum", "_count", "_created"],
        Type::Info => &["", "_info"],
    }
}

fn header(out: &mut String, family: &Exposed<'_>) {
    let name = &family.name_with("");
    push_comment(out, "TYPE", name, type_word(family.kind), None);
    if let Some(unit) = &family.unit {
        push_comment(out, "UNIT", name, unit, None);
    }
    if !family.help.is_empty() {
        push_comment(out, "HELP", name, family.help, Some(Quotes::Escaped));
    }
}

fn type_word(kind: Type) -> &'static str {
    match kind {
        Type::Counter => "counter",
        // A counter must end in `_total`.
        Type::BareCounter => "unknown",
        Type::Gauge => "gauge",
        Type::Histogram => "histogram",
        Type::Summary => "summary",
        Type::Info => "info",
        Type::StateSet => "stateset",
        Type::GaugeHistogram => "gaugehistogram",
        Type::Unknown => "unknown",
    }
}
