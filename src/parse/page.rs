//! What a page says, as plain data.

/// A family on a page.
///
/// ```
/// let families = tagmeter::parse::text::parse("# HELP depth Jobs waiting.\n# TYPE depth gauge\ndepth 17\n")?;
/// assert_eq!(families[0].help, "Jobs waiting.");
/// assert_eq!(families[0].samples.len(), 1);
/// # Ok::<(), tagmeter::parse::ParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ParsedFamily {
    /// The name in its `# TYPE` line, or that of its sample where there is none.
    pub name: String,
    /// What kind of family it says it is.
    pub kind: ParsedKind,
    /// The help text, unescaped; empty when there is none.
    pub help: String,
    /// The unit; empty when there is none, and always in text 0.0.4.
    pub unit: String,
    /// The samples, in the order of the page.
    pub samples: Vec<ParsedSample>,
}

impl ParsedFamily {
    pub(crate) fn new(name: &str) -> Self {
        let (help, unit) = (String::new(), String::new());
        ParsedFamily { name: name.to_owned(), kind: ParsedKind::Unknown, help, unit, samples: Vec::new() }
    }
}

/// What kind of family a page says it is.
///
/// ```
/// use tagmeter::parse::{ParsedKind, openmetrics};
///
/// let families = openmetrics::parse("# TYPE build info\nbuild_info{version=\"1\"} 1\n# EOF\n")?;
/// assert_eq!(families[0].kind, ParsedKind::Info);
/// # Ok::<(), tagmeter::parse::ParseError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParsedKind {
    /// A count that only grows.
    Counter,
    /// A level.
    Gauge,
    /// Buckets, a sum and a count.
    Histogram,
    /// A histogram of things that are now.
    GaugeHistogram,
    /// Quantiles, a sum and a count.
    Summary,
    /// Facts.
    Info,
    /// States, on or off.
    StateSet,
    /// `unknown` in OpenMetrics, `untyped` in text 0.0.4, or not said.
    Unknown,
}

/// A line with a number.
///
/// ```
/// let families = tagmeter::parse::text::parse("hits{city=\"Oslo\"} 3 1500\n")?;
/// let sample = &families[0].samples[0];
/// assert_eq!((sample.name.as_str(), sample.value, sample.timestamp), ("hits", 3.0, Some(1.5)));
/// # Ok::<(), tagmeter::parse::ParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ParsedSample {
    /// The name on the line, suffix included.
    pub name: String,
    /// The labels, in the order of the line; values unescaped.
    pub labels: Vec<(String, String)>,
    /// The number.
    pub value: f64,
    /// When, in seconds since 1970-01-01 UTC, in either format.
    pub timestamp: Option<f64>,
    /// An example of what was counted; OpenMetrics only.
    pub exemplar: Option<Exemplar>,
}

impl ParsedSample {
    /// The value of a label.
    ///
    /// ```
    /// let families = tagmeter::parse::text::parse("hits{city=\"Oslo\"} 3\n")?;
    /// assert_eq!(families[0].samples[0].label("city"), Some("Oslo"));
    /// # Ok::<(), tagmeter::parse::ParseError>(())
    /// ```
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The labels by name, without one of them: what samples of one series have in common.
    pub(crate) fn labels_without(&self, name: &str) -> Vec<(String, String)> {
        let mut labels: Vec<_> = self.labels.iter().filter(|(own, _)| own != name).cloned().collect();
        labels.sort();
        labels
    }
}

/// An example of what a counter or a bucket counted.
///
/// ```
/// let page = "# TYPE hits counter\nhits_total 3 # {trace_id=\"ab\"} 1\n# EOF\n";
/// let families = tagmeter::parse::openmetrics::parse(page)?;
/// let exemplar = families[0].samples[0].exemplar.as_ref();
/// assert_eq!(exemplar.map(|exemplar| exemplar.value), Some(1.0));
/// # Ok::<(), tagmeter::parse::ParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Exemplar {
    /// Its labels, a trace id mostly.
    pub labels: Vec<(String, String)>,
    /// The value that was recorded.
    pub value: f64,
    /// When, in seconds since 1970-01-01 UTC.
    pub timestamp: Option<f64>,
}
