//! The name of a metric.

use std::borrow::Borrow;
use std::fmt;
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
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

impl Name {
    /// The text of the name.
    ///
    /// ```
    /// assert_eq!(tagmeter::Name::from("hits").as_str(), "hits");
    /// ```
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Name {
    /// This name with a text in front of it.
    pub(crate) fn with_prefix(&self, prefix: &str) -> Name {
        Name::from([prefix, self.as_str()].concat())
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Name(Arc::from(text))
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Name(Arc::from(text))
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
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}
