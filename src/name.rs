//! The name of a metric.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A metric's name, kept exactly as given.
///
/// Any text is a name here; every output makes it legal by its own rules (`http.requests` is `http_requests` for
/// Prometheus and `http.requests` for Graphite). Only the empty name is refused, where a metric is made.
/// Cloning is cheap.
///
/// ```
/// use tagmeter::Name;
///
/// let name = Name::from("http.requests");
/// assert_eq!(name.as_str(), "http.requests");
/// ```
#[derive(Clone)]
pub struct Name {
    text: Arc<str>,
    /// Not part of what makes names equal: who looks for a metric need not know.
    is_exact: bool,
}

impl Name {
    /// The text of the name.
    ///
    /// ```
    /// assert_eq!(tagmeter::Name::from("hits").as_str(), "hits");
    /// ```
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// A name that Prometheus is shown without a suffix for the type or the unit: for metrics that were called so before.
    ///
    /// | family | in text 0.0.4 | in OpenMetrics | otherwise it would be |
    /// |---|---|---|---|
    /// | counter `requests` | counter `requests` | unknown `requests` | `requests_total` |
    /// | meter `orders` | counter `orders`, gauge `orders_rate` | unknown and gauge | `orders_total`, `orders_rate` |
    /// | timer `latency` | histogram `latency` | the same | `latency_seconds` |
    /// | gauge `sent` in bytes | gauge `sent` | the same, without `# UNIT` | `sent_bytes` |
    /// | info `version` | gauge `version` | the same | `version_info` |
    ///
    /// A counter of OpenMetrics must end in `_total`. Its type is `unknown` here rather than its name another, since
    /// Prometheus asks for OpenMetrics by itself, and a series whose name depends on the format is two series.
    /// A name that ends in the suffix is as it would be otherwise. Characters that Prometheus does not take are still
    /// replaced; what is pushed has names as they were given anyway.
    ///
    /// Exact or not, a name is equal to another with its text; the definition counts.
    ///
    /// ```
    /// use tagmeter::{Name, Registry};
    ///
    /// let registry = Registry::new();
    /// let requests = registry.define(Name::exact("requests")).help("Requests served.").counter()?;
    /// requests.inc();
    /// let page = registry.snapshot().to_text();
    /// assert_eq!(page, "# HELP requests Requests served.\n# TYPE requests counter\nrequests 1\n");
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn exact(text: impl Into<Name>) -> Name {
        Name { is_exact: true, ..text.into() }
    }

    /// Whether it was made by [`exact`](Name::exact).
    ///
    /// ```
    /// use tagmeter::Name;
    /// assert!(Name::exact("hits").is_exact() && !Name::from("hits").is_exact());
    /// assert_eq!(Name::exact("hits"), Name::from("hits"));
    /// ```
    pub fn is_exact(&self) -> bool {
        self.is_exact
    }
}

impl Name {
    /// This name with a text in front of it.
    pub(crate) fn with_prefix(&self, prefix: &str) -> Name {
        Name { is_exact: self.is_exact, ..Name::from([prefix, self.as_str()].concat()) }
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Name { text: Arc::from(text), is_exact: false }
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Name { text: Arc::from(text), is_exact: false }
    }
}

impl From<&String> for Name {
    fn from(text: &String) -> Self {
        Name::from(text.as_str())
    }
}

impl From<&Name> for Name {
    fn from(name: &Name) -> Self {
        name.clone()
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        &*self.text == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        &*self.text == *other
    }
}
