//! What a page shows and how, where there is a choice.

use crate::encode::Escaping;

/// What a page shows and how, where there is a choice. The default shows everything but start times, by names that everything
/// reads.
///
/// ```
/// use tagmeter::encode::Options;
///
/// let options = Options::default().without_rates();
/// assert_ne!(options, Options::default());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Options {
    pub(crate) rates: bool,
    pub(crate) created: bool,
    pub(crate) escaping: Escaping,
}

impl Options {
    /// Leaves out the rates of meters, which Prometheus can compute from their counts.
    ///
    /// ```
    /// # use tagmeter::encode::Options;
    /// let options = Options::default().without_rates();
    /// # let _ = options;
    /// ```
    pub fn without_rates(mut self) -> Self {
        self.rates = false;
        self
    }

    /// Shows when each counter, histogram and summary began to count, where that is known, as `x_created` in OpenMetrics.
    /// Protobuf says so always, and other formats have no word for it.
    ///
    /// Off, because what does not know these for what they are stores one more series for each: Prometheus, unless it runs
    /// with `--enable-feature=created-timestamp-zero-ingestion`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tagmeter::{Registry, clock::ManualClock, encode::{Options, openmetrics}};
    ///
    /// let clock = ManualClock::new();
    /// let registry = Registry::builder().clock(clock.clone()).build();
    /// clock.advance(Duration::from_millis(1500)); // since 1970
    /// registry.counter("orders").inc();
    /// let mut page = Vec::new();
    /// openmetrics::encode_with(&registry.snapshot(), &Options::default().with_created(), &mut page)?;
    /// assert_eq!(page, b"# TYPE orders counter\norders_total 1\norders_created 1.5\n# EOF\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn with_created(mut self) -> Self {
        self.created = true;
        self
    }

    /// Escapes names of metrics and keys of tags by this scheme instead of by `underscores`. Unescaped names stand in
    /// quotes, which Prometheus reads from version 3 on, and what asks for them.
    ///
    /// ```
    /// use tagmeter::encode::{Escaping, Options, text};
    ///
    /// let registry = tagmeter::Registry::new();
    /// registry.gauge(("pool.size", [("db.name", "orders")])).set(7.0);
    /// let mut page = Vec::new();
    /// let options = Options::default().escaping(Escaping::AllowUtf8);
    /// text::encode_with(&registry.snapshot(), &options, &mut page)?;
    /// assert_eq!(page, b"# TYPE \"pool.size\" gauge\n{\"pool.size\",\"db.name\"=\"orders\"} 7\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn escaping(mut self, escaping: Escaping) -> Self {
        self.escaping = escaping;
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Options { rates: true, created: false, escaping: Escaping::default() }
    }
}
