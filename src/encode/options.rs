//! What a page shows, where there is a choice.

/// What a page shows, where there is a choice. The default shows everything.
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
}

impl Default for Options {
    fn default() -> Self {
        Options { rates: true }
    }
}
