//! Names grouped by a pattern.

use regex::Regex;

use super::Registry;
use crate::metric::{Counter, FloatCounter, Gauge, Histogram, Meter, Timer, UpDownCounter};
use crate::name::Name;
use crate::tag::Id;

/// What names that do not match are called, unless said.
const UNMATCHED: &str = "unmatched";

/// A registry whose names are what a pattern finds in the names that are asked for, so that many of these become one
/// metric: the addresses of a web server, say.
///
/// The name of the metric is what all groups of all matches hold, joined by `/`; groups that are empty are left out. A
/// name in which nothing is found is that of one metric for all such names, `unmatched` unless said.
///
/// | pattern | asked for | metric |
/// |---|---|---|
/// | `^/api/(?P<model>\w+)/\d+/(?P<verb>\w+)?$` | `/api/users/1/edit` | `users/edit` |
/// | | `/api/users/2/` | `users` |
/// | | `/favicon.ico` | `unmatched` |
/// | `(\d+)-(\d+)` | `10-20 30-40` | `10/20/30/40` |
///
/// Routes that the program knows are better tags than names: `family.with([route])` costs nothing to match.
///
/// ```
/// use tagmeter::Registry;
/// use tagmeter::registry::RegexRegistry;
///
/// let registry = Registry::new();
/// let routes = RegexRegistry::new(&registry, r"^/api/(?P<model>\w+)/\d+/(?P<verb>\w+)?$")?.unmatched("other");
/// routes.counter("/api/users/1/edit").inc();
/// routes.counter("/api/users/2/edit").inc();
/// routes.counter("/robots.txt").inc();
/// assert_eq!(registry.value("users/edit"), Some(2.0));
/// assert_eq!(registry.value("other"), Some(1.0));
/// # Ok::<(), tagmeter::registry::InvalidPattern>(())
/// ```
#[derive(Debug, Clone)]
pub struct RegexRegistry {
    registry: Registry,
    pattern: Regex,
    unmatched: Name,
}

/// Why a text is no pattern.
///
/// ```
/// use tagmeter::{Registry, registry::RegexRegistry};
///
/// let error = RegexRegistry::new(&Registry::new(), "(").unwrap_err();
/// assert!(error.to_string().contains("unclosed group"));
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("not a pattern: {0}")]
pub struct InvalidPattern(regex::Error);

impl RegexRegistry {
    /// A view of a registry by this pattern, in the syntax of the `regex` crate.
    ///
    /// # Errors
    ///
    /// The text is no pattern.
    pub fn new(registry: &Registry, pattern: &str) -> Result<Self, InvalidPattern> {
        let pattern = Regex::new(pattern).map_err(InvalidPattern)?;
        Ok(RegexRegistry { registry: registry.clone(), pattern, unmatched: UNMATCHED.into() })
    }

    /// What names that do not match are called.
    #[must_use]
    pub fn unmatched(mut self, name: impl Into<Name>) -> Self {
        self.unmatched = name.into();
        self
    }

    /// The name of the metric that is meant by this name.
    ///
    /// ```
    /// # use tagmeter::{Registry, registry::RegexRegistry};
    /// let words = RegexRegistry::new(&Registry::new(), r"(\w+)")?;
    /// assert_eq!(words.name_of("/api/users/").as_str(), "api/users");
    /// assert_eq!(words.name_of("/").as_str(), "unmatched");
    /// # Ok::<(), tagmeter::registry::InvalidPattern>(())
    /// ```
    pub fn name_of(&self, name: &str) -> Name {
        let mut found = String::new();
        for matched in self.pattern.captures_iter(name) {
            for group in matched.iter().skip(1).flatten().filter(|group| !group.is_empty()) {
                if !found.is_empty() {
                    found.push('/');
                }
                found.push_str(group.as_str());
            }
        }
        if found.is_empty() { self.unmatched.clone() } else { found.into() }
    }

    fn id(&self, id: Id) -> Id {
        let name = self.name_of(id.name.as_str());
        Id { name, ..id }
    }
}

/// The short forms of the registry.
macro_rules! short_forms {
    ($($method:ident $instrument:ident $what:literal;)*) => {
        impl RegexRegistry {$(
            #[doc = concat!("The ", $what, " of the metric that is meant by this name, with these tags; see [`Registry::", stringify!($method), "`].")]
            pub fn $method(&self, id: impl Into<Id>) -> $instrument {
                self.registry.$method(self.id(id.into()))
            }
        )*}
    };
}

short_forms! {
    counter Counter "counter";
    float_counter FloatCounter "float counter";
    up_down UpDownCounter "up-down counter";
    gauge Gauge "gauge";
    meter Meter "meter";
    timer Timer "timer";
    histogram Histogram "histogram";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_stay_and_names_are_grouped() {
        let registry = Registry::new();
        let routes = RegexRegistry::new(&registry, r"^/(\w+)").unwrap();
        routes.counter(("/orders/1", [("city", "Oslo")])).inc();
        routes.counter(("/orders/2", [("city", "Oslo")])).inc();
        assert_eq!(registry.value(("orders", [("city", "Oslo")])), Some(2.0));
    }
}
