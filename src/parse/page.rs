//! What a page says, as plain data.

/// A family on a page.
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
