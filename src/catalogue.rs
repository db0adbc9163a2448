//! A list of all metrics: [`catalogue`], as Markdown for people and as JSON for tools.
//!
//! Kept in the repository, it tells in a review which metrics a change brings or takes away; a test holds it up to date:
//!
//! ```
//! use tagmeter::{Registry, catalogue::catalogue};
//!
//! let registry = Registry::new();
//! registry.define("requests").help("Requests served.").tags(["route", "status"]).counters()?;
//! registry.define("request").help("Time to answer.").tags(["route"]).timers()?;
//!
//! let kept = "\
//! | metric | kind | unit | tags | what it means |
//! |---|---|---|---|---|
//! | `request` | timer, buckets up to 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10 | seconds | `route` | Time to answer. |
//! | `requests` | counter |  | `route` `status` | Requests served. |
//! "; // include_str!("../METRICS.md") in a program of yours
//! assert_eq!(catalogue(&registry).to_markdown(), kept);
//! # Ok::<(), tagmeter::registry::RegisterError>(())
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Family, Kind, Shape, Value};
use crate::name::Name;
use crate::number;
use crate::registry::{Definition, View};
use crate::stat::Buckets;
use crate::tag::write_json_text as write_text;
use crate::unit::Unit;

/// All metrics, by name.
///
/// ```
/// let registry = tagmeter::Registry::new();
/// registry.counter("hits");
/// assert_eq!(tagmeter::catalogue::catalogue(&registry).entries()[0].name, "hits");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue(Vec<Entry>);

/// What is known about a metric, whatever was recorded.
///
/// ```
/// let registry = tagmeter::Registry::new();
/// registry.define("depth").help("Jobs waiting.").tags(["queue"]).gauges()?;
/// let catalogue = tagmeter::catalogue::catalogue(&registry);
/// assert_eq!(catalogue.entries()[0].tag_keys, ["queue".into()]);
/// # Ok::<(), tagmeter::registry::RegisterError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Entry {
    /// The name, as given.
    pub name: Name,
    /// What kind of instrument it is.
    pub kind: Kind,
    /// What it is measured in.
    pub unit: Unit,
    /// What it means; empty when nobody said.
    pub help: Arc<str>,
    /// The keys of its tags, sorted; of families that are not defined, those that its series have.
    pub tag_keys: Vec<Box<str>>,
    /// The classic buckets of histograms and timers that show some.
    pub buckets: Option<Buckets>,
}

/// The metrics of a registry or a [`View`], defined ones and those that collectors bring at the moment.
///
/// See [the module's page](self).
pub fn catalogue(source: impl Into<View>) -> Catalogue {
    let view = source.into();
    let mut entries: BTreeMap<Name, Entry> = BTreeMap::new();
    for definition in view.definitions() {
        note(&mut entries, Entry::of_definition(definition));
    }
    for family in view.snapshot().families() {
        note(&mut entries, Entry::of_family(family));
    }
    Catalogue(entries.into_values().collect())
}

/// The first that is said of a name counts; tag keys are those of all.
fn note(entries: &mut BTreeMap<Name, Entry>, entry: Entry) {
    match entries.get_mut(&entry.name) {
        Some(first) => {
            first.tag_keys.extend(entry.tag_keys);
            first.tag_keys.sort();
            first.tag_keys.dedup();
        }
        None => _ = entries.insert(entry.name.clone(), entry),
    }
}

impl Entry {
    fn of_definition(definition: Definition) -> Self {
        let Definition { name, kind, unit, help, tag_keys, buckets, shape, .. } = definition;
        let tag_keys = tag_keys.map(|keys| keys.to_vec()).unwrap_or_default();
        let shown = buckets.filter(|buckets| shape == Shape::Histogram && !buckets.bounds().is_empty());
        Entry { name, kind, unit, help, tag_keys, buckets: shown }
    }

    fn of_family(family: &Family) -> Self {
        let mut tag_keys: Vec<Box<str>> = family
            .series
            .iter()
            .flat_map(|series| series.tags.iter())
            .map(|(key, _)| Box::from(key))
            .collect();
        tag_keys.sort();
        tag_keys.dedup();
        let histogram = match family.series.first().map(|series| series.value) {
            Some(Value::Histogram(histogram)) => Some(&**histogram),
            Some(Value::Timer(timer)) => Some(&timer.durations),
            _ => None,
        };
        let shown = histogram.filter(|histogram| histogram.shape == Shape::Histogram);
        let buckets = shown.map(|histogram| histogram.buckets.clone());
        let Family { name, kind, help, unit, .. } = family;
        Entry {
            name: name.clone(),
            kind: *kind,
            unit: unit.clone(),
            help: help.clone(),
            tag_keys,
            buckets: buckets.filter(|buckets| !buckets.bounds().is_empty()),
        }
    }

    fn push_row(&self, out: &mut String) {
        let code = |text: &str| format!("`{}`", cell(text).replace('`', "'"));
        let tags: Vec<String> = self.tag_keys.iter().map(|key| code(key)).collect();
        let mut kind = self.kind.to_string();
        if let Some(buckets) = &self.buckets {
            kind += ", buckets up to ";
            kind += &bounds(buckets);
        }
        let unit = self.unit.suffix().map(cell).unwrap_or_default();
        let columns = [code(self.name.as_str()), kind, unit, tags.join(" "), cell(&self.help)];
        out.push_str(&format!("| {} |\n", columns.join(" | ")));
    }

    fn push_json(&self, out: &mut String) {
        out.push_str("{\"name\":");
        write_text(self.name.as_str(), out);
        out.push_str(",\"kind\":");
        write_text(&self.kind.to_string(), out);
        out.push_str(",\"unit\":");
        write_text(self.unit.suffix().unwrap_or(""), out);
        out.push_str(",\"help\":");
        write_text(&self.help, out);
        out.push_str(",\"tag_keys\":[");
        for (at, key) in self.tag_keys.iter().enumerate() {
            out.push_str(if at > 0 { "," } else { "" });
            write_text(key, out);
        }
        out.push_str("],\"buckets\":");
        match &self.buckets {
            Some(buckets) => out.push_str(&format!("[{}]", bounds(buckets).replace(' ', ""))),
            None => out.push_str("null"),
        }
        out.push('}');
    }
}

impl Catalogue {
    /// What there is, by name.
    ///
    /// See the type's example.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// A table, one row a metric. See [the module's page](self).
    pub fn to_markdown(&self) -> String {
        let head = "| metric | kind | unit | tags | what it means |\n|---|---|---|---|---|\n";
        let mut table = String::from(head);
        self.0.iter().for_each(|entry| entry.push_row(&mut table));
        table
    }

    /// An array, one object a line: `name`, `kind`, `unit` (empty: none), `help`, `tag_keys`, `buckets` (null: none).
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.define("depth").help("Jobs waiting.").tags(["queue"]).gauges()?;
    /// assert_eq!(
    ///     tagmeter::catalogue::catalogue(&registry).to_json(),
    ///     "[\n{\"name\":\"depth\",\"kind\":\"gauge\",\"unit\":\"\",\"help\":\"Jobs waiting.\",\"tag_keys\":[\"queue\"],\"buckets\":null}\n]\n",
    /// );
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn to_json(&self) -> String {
        let mut out = String::from("[\n");
        for (at, entry) in self.0.iter().enumerate() {
            out.push_str(if at > 0 { ",\n" } else { "" });
            entry.push_json(&mut out);
        }
        out.push_str(if self.0.is_empty() { "]\n" } else { "\n]\n" });
        out
    }
}

/// A text in one cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn bounds(buckets: &Buckets) -> String {
    let text = |bound: &f64| {
        let mut text = String::new();
        number::push_f64(&mut text, *bound);
        text
    };
    buckets.bounds().iter().map(text).collect::<Vec<_>>().join(", ")
}
