//! What promtool says of names and units.
//!
//! Source: Prometheus, "Metric and label naming", and client_golang's promlint, whose findings are the oracle in tests.

use super::Rule;
use crate::encode::{Escaping, Exposed, Type};
use crate::model::Kind;
use crate::registry::Definition;
use crate::unit::Unit;

/// Types, as part of a name.
const TYPES: [&str; 5] = ["counter", "gauge", "gauge_histogram", "histogram", "summary"];
/// Abbreviations that are taken for units.
const SHORT_UNITS: [&str; 14] =
    ["s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"];
/// Units, and the base units of what they measure.
const UNITS: [(&str, &str); 24] = [
    ("amperes", "amperes"),
    ("bytes", "bytes"),
    ("celsius", "celsius"),
    ("grams", "grams"),
    ("joules", "joules"),
    ("kelvin", "kelvin"),
    ("meters", "meters"),
    ("metres", "metres"),
    ("seconds", "seconds"),
    ("volts", "volts"),
    ("minutes", "seconds"),
    ("hours", "seconds"),
    ("days", "seconds"),
    ("weeks", "seconds"),
    ("kelvins", "kelvin"),
    ("fahrenheit", "celsius"),
    ("rankine", "celsius"),
    ("inches", "meters"),
    ("yards", "meters"),
    ("miles", "meters"),
    ("bits", "bytes"),
    ("calories", "joules"),
    ("pounds", "grams"),
    ("ounces", "grams"),
];
/// What makes another unit of one.
const PREFIXES: [&str; 18] = [
    "pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo", "kibi", "mega", "mibi",
    "giga", "gibi", "tera", "tebi", "peta", "pebi",
];

/// Examines the name of a family as it stands on a text page.
pub(super) fn examine(exposed: &Exposed<'_>, rules: &mut Vec<Rule>) {
    let name = [exposed.name.as_str(), own_suffix(exposed.kind)].concat();
    let given = exposed.family.name.as_str();
    if Escaping::Underscores.metric_name(given) != given {
        rules.push(Rule::NameChanged { exposed: name.clone() });
    }
    if name.contains(':') {
        rules.push(Rule::Colon { exposed: name.clone() });
    }
    if is_camel_case(&name) {
        rules.push(Rule::CamelCase { exposed: name.clone() });
    }
    let lower = name.to_lowercase();
    let types = TYPES.into_iter().filter(|word| has_word(&lower, word));
    rules.extend(types.map(|word| Rule::TypeInName { exposed: name.clone(), word }));
    rules.extend(suffixes_of_others(exposed.kind, &name));
    if exposed.kind == Type::BareCounter {
        rules.push(Rule::NoTotal { exposed: name.clone() });
    }
    let short = SHORT_UNITS.into_iter().filter(|unit| has_word(&lower, unit));
    rules.extend(short.map(|unit| Rule::ShortUnit { exposed: name.clone(), unit: unit.to_owned() }));
    if let Some((unit, base)) = name.split('_').find_map(unit_and_base).filter(|(unit, base)| unit != base) {
        rules.push(Rule::NotBaseUnit { exposed: name.clone(), unit: unit.to_owned(), base });
    }
    if says_no_unit(exposed)
        && let Some((unit, _)) = exposed.name.rsplit('_').next().and_then(unit_and_base)
    {
        rules.push(Rule::UnsaidUnit { unit: unit.to_owned() });
    }
}

/// Examines the keys of a family's tags.
pub(super) fn examine_keys(exposed: &Exposed<'_>, definition: Option<&Definition>, rules: &mut Vec<Rule>) {
    let keys = exposed.keys();
    let defined = definition.and_then(|definition| definition.tag_keys.as_deref()).unwrap_or(&[]);
    let recorded = exposed.family.series.keys().unwrap_or_default();
    let mut all: Vec<String> =
        defined.iter().map(|key| &**key).chain(recorded).map(|key| keys.name(key).into_owned()).collect();
    if exposed.kind == Type::StateSet {
        all.push(exposed.name.clone());
    }
    all.sort();
    all.dedup();
    let odd = all.into_iter().filter(|key| is_camel_case(key));
    rules.extend(odd.map(|key| Rule::TagCamelCase { key }));
}

fn own_suffix(kind: Type) -> &'static str {
    match kind {
        Type::Counter => "_total",
        Type::Info => "_info",
        _ => "",
    }
}

/// Ends of names that are for types other than this. What has no type may end in anything.
fn suffixes_of_others(kind: Type, name: &str) -> impl Iterator<Item = Rule> {
    let is_counter = matches!(kind, Type::Counter | Type::BareCounter);
    let is_histogram = matches!(kind, Type::Histogram | Type::GaugeHistogram);
    let (is_summary, is_known) = (kind == Type::Summary, kind != Type::Unknown);
    let others = [
        ("_total", !is_counter),
        ("_bucket", !is_histogram),
        ("_count", !is_histogram && !is_summary),
        ("_sum", !is_histogram && !is_summary),
    ];
    let met =
        others.into_iter().filter(move |(suffix, is_odd)| is_known && *is_odd && name.ends_with(suffix));
    met.map(|(suffix, _)| Rule::SuffixOfOthers { exposed: name.to_owned(), suffix })
}

/// Whether a word is in the name between underscores, or at its end behind one.
fn has_word(name: &str, word: &str) -> bool {
    name.match_indices(word).any(|(at, _)| {
        let (before, after) = (&name[..at], &name[at + word.len()..]);
        before.ends_with('_') && (after.is_empty() || after.starts_with('_'))
    })
}

fn is_camel_case(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.windows(2).any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
}

/// A unit and the base unit of what it measures.
fn unit_and_base(word: &str) -> Option<(&str, &'static str)> {
    let base_of = |word: &str| UNITS.iter().find(|(unit, _)| *unit == word).map(|(_, base)| *base);
    let prefixed = || PREFIXES.iter().find_map(|prefix| base_of(word.strip_prefix(prefix)?));
    Some((word, base_of(word).or_else(prefixed)?))
}

fn says_no_unit(exposed: &Exposed<'_>) -> bool {
    let measures =
        matches!(exposed.family.kind, Kind::Counter | Kind::UpDownCounter | Kind::Gauge | Kind::Histogram);
    measures && exposed.family.unit == Unit::None && exposed.family.name.as_str().contains('_')
}
