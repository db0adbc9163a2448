//! A name with tags: what a series is called.

use std::fmt;

use super::Tags;
use crate::name::Name;

/// What a series is called: its name and its tags.
///
/// Methods that look a series up take `impl Into<Id>`: a name, or a pair of name and tags.
///
/// ```
/// use tagmeter::tag::Id;
///
/// let plain: Id = "order_count".into();
/// let tagged: Id = ("order_count", [("city", "Oslo")]).into();
/// assert!(plain.tags.is_empty());
/// assert_eq!(tagged.tags.get("city"), Some("Oslo"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id {
    /// The name, as given.
    pub name: Name,
    /// The tags.
    pub tags: Tags,
}

impl From<&str> for Id {
    fn from(name: &str) -> Self {
        Id { name: name.into(), tags: Tags::new() }
    }
}

impl From<String> for Id {
    fn from(name: String) -> Self {
        Id::from(name.as_str())
    }
}

impl From<&String> for Id {
    fn from(name: &String) -> Self {
        Id::from(name.as_str())
    }
}

impl From<Name> for Id {
    fn from(name: Name) -> Self {
        Id { name, tags: Tags::new() }
    }
}

impl From<&Id> for Id {
    fn from(id: &Id) -> Self {
        id.clone()
    }
}

impl<N: Into<Name>, T: Into<Tags>> From<(N, T)> for Id {
    fn from((name, tags): (N, T)) -> Self {
        Id { name: name.into(), tags: tags.into() }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tags.is_empty() { self.name.fmt(f) } else { write!(f, "{}{}", self.name, self.tags) }
    }
}
