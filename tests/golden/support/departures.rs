//! `departures.toml`: the cases that are not kept.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::compare::float;

/// Why a case is not kept.
#[derive(Debug, Deserialize)]
#[serde(tag = "class", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Departure {
    /// Our rule differs on purpose.
    Ours {
        /// Which rule, in a sentence.
        reason: String,
        /// What we give instead.
        value: toml::Value,
    },
    /// The input cannot be written in our types.
    None {
        /// What our types do not have.
        reason: String,
    },
}

/// Every departure by the id of its case.
pub(crate) fn all() -> &'static BTreeMap<String, Departure> {
    static ALL: LazyLock<BTreeMap<String, Departure>> = LazyLock::new(|| {
        let departures = include_str!("../departures.toml");
        toml::from_str(departures).unwrap_or_else(|error| panic!("departures.toml: {error}"))
    });
    &ALL
}

/// A TOML value as the recordings would write it.
pub(crate) fn as_json(value: &toml::Value) -> Value {
    match value {
        toml::Value::Float(x) => float(*x),
        toml::Value::Array(items) => items.iter().map(as_json).collect(),
        toml::Value::Table(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), as_json(value))).collect()
        }
        other => serde_json::to_value(other).expect("TOML scalars are JSON scalars"),
    }
}

#[test]
fn every_departure_names_a_recorded_case_and_a_reason() {
    let mut files = BTreeMap::new();
    for (id, departure) in all() {
        let (file, _) = id.rsplit_once('-').unwrap_or_else(|| panic!("{id} is not the id of a case"));
        let golden = files.entry(file).or_insert_with(|| super::Golden::open(file));
        assert!(golden.cases.iter().any(|case| case.id == *id), "{file}.json holds no case {id}");
        let (Departure::Ours { reason, .. } | Departure::None { reason }) = departure;
        assert!(!reason.is_empty(), "{id} is listed without a reason");
    }
}
