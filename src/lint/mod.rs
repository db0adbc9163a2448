//! What is odd about metrics: [`lint`] finds it, in a test of yours.
//!
//! ```
//! use tagmeter::{Registry, lint::{Rule, lint}};
//!
//! let registry = Registry::new();
//! registry.define("requests").help("Requests served.").counter()?;
//! registry.gauge("delay_ms").set(7.0);
//! let findings = lint(&registry);
//! assert_eq!(findings.len(), 2);
//! assert_eq!(findings[0].to_string(), r#"metric "delay_ms": no help"#);
//! assert_eq!(findings[1].rule, Rule::ShortUnit { exposed: "delay_ms".into(), unit: "ms".into() });
//! # Ok::<(), tagmeter::registry::RegisterError>(())
//! ```
//!
//! Nothing that is found keeps a page from being valid. The rules of names, helps and units are those of `promtool check
//! metrics`: what that says of a page, `lint` says of its registry. Those of buckets and of the number of series look at what
//! was recorded so far, so that a test which lints does so at its end.

mod names;
mod values;

use std::collections::HashSet;
use std::fmt;

use crate::encode::{Escaping, Exposed};
use crate::model::{Family, SeriesList};
use crate::name::Name;
use crate::registry::{Definition, View};

/// Something odd about a metric.
///
/// ```
/// let registry = tagmeter::Registry::new();
/// registry.counter("hits");
/// assert_eq!(tagmeter::lint::lint(&registry)[0].family, "hits");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// The metric, by the name it was registered with.
    pub family: Name,
    /// What is odd.
    pub rule: Rule,
}

/// What can be odd about a metric. Where it is about a name, that is the one Prometheus sees.
///
/// ```
/// use tagmeter::lint::{Rule, lint};
///
/// let registry = tagmeter::Registry::new();
/// registry.define("queueDepth").help("Jobs waiting.").gauge()?;
/// assert_eq!(lint(&registry)[0].rule, Rule::CamelCase { exposed: "queueDepth".into() });
/// # Ok::<(), tagmeter::registry::RegisterError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Rule {
    /// Nobody said what it means.
    NoHelp,
    /// Prometheus does not take all characters of the name, by its old rules.
    NameChanged {
        /// What the name became.
        exposed: String,
    },
    /// Words of a name are to be joined by underscores.
    CamelCase {
        /// The name.
        exposed: String,
    },
    /// The same of a tag's key.
    TagCamelCase {
        /// The key.
        key: String,
    },
    /// Colons are for recording rules.
    Colon {
        /// The name.
        exposed: String,
    },
    /// The name says a type, which everybody is told anyway.
    TypeInName {
        /// The name.
        exposed: String,
        /// The type.
        word: &'static str,
    },
    /// The end of the name is for another type: `_total` for counters, `_bucket` for histograms, `_sum` and `_count` for
    /// histograms and summaries.
    SuffixOfOthers {
        /// The name.
        exposed: String,
        /// The end.
        suffix: &'static str,
    },
    /// A counter whose name does not end in `_total`.
    NoTotal {
        /// The name.
        exposed: String,
    },
    /// A unit is abbreviated.
    ShortUnit {
        /// The name.
        exposed: String,
        /// The unit.
        unit: String,
    },
    /// A unit is not the base unit of what is measured.
    NotBaseUnit {
        /// The name.
        exposed: String,
        /// The unit.
        unit: String,
        /// The unit to use.
        base: &'static str,
    },
    /// The name ends in a unit that the definition does not say.
    UnsaidUnit {
        /// The unit.
        unit: String,
    },
    /// Every bound is a series of its own, for each set of tags.
    ManyBuckets {
        /// How many bounds there are.
        bounds: usize,
    },
    /// Nearly all values are in one bucket: quantiles of them are a guess.
    UnfitBuckets {
        /// How many values there are.
        values: u64,
        /// How many of them are in the fullest bucket.
        in_one: u64,
        /// The greatest value of that bucket; infinite for the last.
        up_to: f64,
    },
    /// There are nearly as many series as there may be, or more were wanted.
    ManySeries {
        /// How many there are.
        series: usize,
        /// How many there may be.
        most: usize,
    },
}

/// What is odd about the metrics of a registry or a [`View`], by the order of their registration.
///
/// See [the module's page](self).
pub fn lint(source: impl Into<View>) -> Vec<Finding> {
    let view = source.into();
    let (snapshot, definitions) = (view.snapshot(), view.definitions());
    let mut known: HashSet<&Name> = HashSet::new();
    let mut findings = Vec::new();
    for family in snapshot.families() {
        known.insert(&family.name);
        let definition = definitions.iter().find(|definition| definition.name == family.name);
        examine(family, definition, &mut findings);
    }
    for definition in &definitions {
        if known.insert(&definition.name) {
            examine(&without_series(definition), Some(definition), &mut findings);
        }
    }
    findings
}

fn examine(family: &Family, definition: Option<&Definition>, findings: &mut Vec<Finding>) {
    let mut rules = Vec::new();
    if family.help.trim().is_empty() {
        rules.push(Rule::NoHelp);
    }
    let exposed = Exposed::of(family, Escaping::Underscores);
    names::examine(&exposed, &mut rules);
    exposed.rates().iter().for_each(|rates| names::examine(rates, &mut rules));
    names::examine_keys(&exposed, definition, &mut rules);
    values::examine(family, definition, &mut rules);
    let mut said: Vec<Rule> = Vec::new();
    for rule in rules {
        if !said.contains(&rule) {
            said.push(rule);
        }
    }
    findings.extend(said.into_iter().map(|rule| Finding { family: family.name.clone(), rule }));
}

fn without_series(definition: &Definition) -> Family {
    let Definition { name, kind, help, unit, .. } = definition.clone();
    Family { name, kind, help, unit, series: SeriesList::new() }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "metric {:?}: {}", self.family, self.rule)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::NoHelp => f.write_str("no help"),
            Rule::NameChanged { exposed } => write!(f, "exposed as {exposed}"),
            Rule::CamelCase { exposed } => write!(f, "{exposed} is in camelCase, expected snake_case"),
            Rule::TagCamelCase { key } => write!(f, "tag {key:?} is in camelCase, expected snake_case"),
            Rule::Colon { exposed } => write!(f, "{exposed} has a colon, which is for recording rules"),
            Rule::TypeInName { exposed, word } => write!(f, "{exposed} says the type {word:?}"),
            Rule::SuffixOfOthers { exposed, suffix } => {
                write!(f, "{exposed} ends in {suffix:?}, which is for another type")
            }
            Rule::NoTotal { exposed } => write!(f, "counter {exposed} does not end in \"_total\""),
            Rule::ShortUnit { exposed, unit } => write!(f, "{exposed} has the abbreviated unit {unit:?}"),
            Rule::NotBaseUnit { exposed, unit, base } => {
                write!(f, "{exposed} is in {unit:?}, expected {base:?}")
            }
            Rule::UnsaidUnit { unit } => {
                write!(f, "the name ends in {unit:?}, and the definition says no unit")
            }
            Rule::ManyBuckets { bounds } => {
                write!(f, "{bounds} bucket bounds, expected at most {}", values::MANY_BOUNDS)
            }
            Rule::UnfitBuckets { values, in_one, up_to } => {
                write!(f, "{in_one} of {values} values are in the bucket up to {up_to}")
            }
            Rule::ManySeries { series, most } => write!(f, "{series} series of at most {most}"),
        }
    }
}
