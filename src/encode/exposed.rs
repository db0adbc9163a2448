//! A family as Prometheus sees it: its type, its name with `_total` and unit once, and the labels of its series.

use std::borrow::Cow;

use crate::encode::clash::Clashes;
use crate::encode::names;
use crate::model::{Family, Kind, Number, Series, Shape, Value};
use crate::unit::Unit;

/// The label of a meter's rates.
pub(crate) const WINDOW: &str = "window";

/// What a family is to Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Counter,
    Gauge,
    Histogram,
    Summary,
    Info,
    StateSet,
}

/// A label: its legal name and its value, not yet escaped.
pub(crate) type Label<'a> = (Cow<'a, str>, &'a str);

/// A family as Prometheus sees it.
#[derive(Debug)]
pub(crate) struct Exposed<'a> {
    /// The name with its unit, without the suffix of its type.
    pub(crate) name: String,
    pub(crate) kind: Type,
    /// The unit that `name` ends in.
    pub(crate) unit: Option<String>,
    pub(crate) help: &'a str,
    family: &'a Family,
    clashes: Clashes,
}

impl<'a> Exposed<'a> {
    /// What a family is exposed as; a meter's rates are a family of their own, see [`Exposed::rates`].
    pub(crate) fn of(family: &'a Family) -> Self {
        let (name, unit) = exposed_name(family);
        let clashes = Clashes::of(family, |series, labels| label(family, &name, series, labels));
        Exposed { kind: type_of(family), name, unit, help: &family.help, family, clashes }
    }

    /// The gauges that show a meter's rates.
    pub(crate) fn rates(&self) -> Option<Self> {
        (self.family.kind == Kind::Meter).then(|| Exposed {
            name: format!("{}_rate", self.name),
            kind: Type::Gauge,
            unit: None,
            help: self.help,
            family: self.family,
            clashes: self.clashes.clone(),
        })
    }

    /// How many series ended up with the labels of an earlier one.
    pub(crate) fn clashing_series(&self) -> usize {
        self.clashes.count()
    }

    /// The series to show, in the order of their creation, each with the sum where others were added to it.
    pub(crate) fn series(&self) -> impl Iterator<Item = (&'a Series, Option<Number>)> {
        let all = self.family.series.iter().enumerate();
        all.filter(|(at, _)| !self.clashes.hides(*at)).map(|(at, series)| (series, self.clashes.sum(at)))
    }

    /// Puts the labels of a series into `labels`, by name, no name twice.
    pub(crate) fn labels(&self, series: &'a Series, labels: &mut Vec<Label<'a>>) {
        label(self.family, &self.name, series, labels);
    }
}

fn type_of(family: &Family) -> Type {
    match family.kind {
        Kind::Counter | Kind::Meter => Type::Counter,
        Kind::UpDownCounter | Kind::Gauge => Type::Gauge,
        Kind::Timer | Kind::Histogram => match family.series.first().map(|series| &series.value) {
            Some(Value::Timer { durations: h, .. } | Value::Histogram(h)) => type_of_shape(&h.shape),
            _ => Type::Histogram,
        },
        Kind::Info => Type::Info,
        Kind::StateSet => Type::StateSet,
    }
}

fn type_of_shape(shape: &Shape) -> Type {
    match shape {
        Shape::Histogram => Type::Histogram,
        Shape::Summary(_) => Type::Summary,
    }
}

/// The name without its type's suffix but with its unit, and the unit where the name ends in it.
fn exposed_name(family: &Family) -> (String, Option<String>) {
    let name = names::metric_name(family.name.as_str());
    match family.kind {
        Kind::Counter => with_unit(strip(&name, "_total"), &family.unit),
        Kind::Meter => with_unit(strip_repeatedly(&name, &["_total", "_rate"]), &family.unit),
        Kind::Timer => with_unit(&name, &Unit::Seconds),
        Kind::UpDownCounter | Kind::Gauge | Kind::Histogram => with_unit(&name, &family.unit),
        Kind::Info => (strip(&name, "_info").to_owned(), None),
        // The name of the family is also that of its label.
        Kind::StateSet => (names::label_name(family.name.as_str()).into_owned(), None),
    }
}

/// The name without a suffix, unless the suffix is all of it.
fn strip<'a>(name: &'a str, suffix: &str) -> &'a str {
    name.strip_suffix(suffix).filter(|rest| !rest.is_empty()).unwrap_or(name)
}

fn strip_repeatedly<'a>(name: &'a str, suffixes: &[&str]) -> &'a str {
    let shorter = suffixes.iter().fold(name, |name, suffix| strip(name, suffix));
    if shorter.len() == name.len() { name } else { strip_repeatedly(shorter, suffixes) }
}

fn with_unit(name: &str, unit: &Unit) -> (String, Option<String>) {
    let Some(unit) = unit.suffix().filter(|unit| !unit.is_empty()).map(names::unit_suffix) else {
        return (name.to_owned(), None);
    };
    match name.strip_suffix(&unit) {
        // Said already, but not as a suffix, so that no `# UNIT` can go with it.
        Some("") => (name.to_owned(), None),
        Some(rest) if rest.ends_with('_') => (name.to_owned(), Some(unit)),
        _ => (format!("{name}_{unit}"), Some(unit)),
    }
}

/// The label that the family itself puts on its samples.
fn own_label<'a>(family: &Family, name: &'a str) -> &'a str {
    match family.kind {
        Kind::Meter => WINDOW,
        Kind::StateSet => name,
        _ => "",
    }
}

/// Labels a series. Returns whether different tags may have come out equal.
fn label<'a>(family: &Family, name: &str, series: &'a Series, labels: &mut Vec<Label<'a>>) -> bool {
    let own = own_label(family, name);
    labels.clear();
    if let Value::Info(facts) = &series.value {
        labels.extend(facts.iter().map(|(key, value)| (names::tag_key(key, own), value)));
    }
    let facts = labels.len();
    labels.extend(series.tags.iter().map(|(key, value)| (names::tag_key(key, own), value)));
    let changed = facts > 0 || labels.iter().any(|(key, _)| matches!(key, Cow::Owned(_)));
    if changed {
        keep_last_of_equals(labels);
    }
    changed
}

/// Facts come before tags and tags in the order of their keys, so that among equal names tags win, and the last tag.
fn keep_last_of_equals(labels: &mut Vec<Label<'_>>) {
    labels.sort_by(|a, b| a.0.cmp(&b.0));
    labels.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            kept.1 = later.1;
        }
        same
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag::Tags;
    use std::time::SystemTime;

    fn family(kind: Kind, name: &str, unit: Unit, series: Vec<Series>) -> Family {
        Family { name: name.into(), kind, help: "".into(), unit, series }
    }

    fn series(tags: impl Into<Tags>, value: Value) -> Series {
        Series { tags: tags.into(), value, start: SystemTime::UNIX_EPOCH }
    }

    fn labels_of(family: &Family) -> Vec<(String, String)> {
        let mut labels = Vec::new();
        Exposed::of(family).labels(&family.series[0], &mut labels);
        labels.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    #[test]
    fn suffixes_and_units_are_added_once() {
        let bytes = || Unit::Bytes;
        let cases = [
            (Kind::Counter, "orders", Unit::None, "orders"),
            (Kind::Counter, "orders_total", Unit::None, "orders"),
            (Kind::Counter, "sent", bytes(), "sent_bytes"),
            (Kind::Counter, "sent_total", bytes(), "sent_bytes"),
            (Kind::Counter, "sent_bytes_total", bytes(), "sent_bytes"),
            (Kind::Counter, "_total", Unit::None, "_total"),
            (Kind::Gauge, "queue_bytes", bytes(), "queue_bytes"),
            (Kind::Gauge, "bytes", bytes(), "bytes"),
            (Kind::Gauge, "megabytes", bytes(), "megabytes_bytes"),
            (Kind::Meter, "order_rate", Unit::None, "order"),
            (Kind::Meter, "orders_rate_total", Unit::None, "orders"),
            (Kind::Timer, "request", Unit::None, "request_seconds"),
            (Kind::Timer, "request_seconds", Unit::Seconds, "request_seconds"),
            (Kind::Info, "build_info", Unit::Bytes, "build"),
            (Kind::StateSet, "a:b", Unit::Bytes, "a_b"),
        ];
        for (kind, given, unit, exposed) in cases {
            assert_eq!(Exposed::of(&family(kind, given, unit, vec![])).name, exposed, "{kind} {given}");
        }
    }

    #[test]
    fn a_unit_is_made_legal_and_named_only_as_a_suffix() {
        let odd = family(Kind::Gauge, "speed", Unit::other("m/s"), vec![]);
        assert_eq!(Exposed::of(&odd).name, "speed_m_s");
        assert_eq!(Exposed::of(&odd).unit.as_deref(), Some("m_s"));
        assert_eq!(Exposed::of(&family(Kind::Gauge, "bytes", Unit::Bytes, vec![])).unit, None);
    }

    #[test]
    fn a_meter_has_rates_beside_its_count() {
        let meter = family(Kind::Meter, "order_rate", Unit::None, vec![]);
        assert_eq!(Exposed::of(&meter).rates().unwrap().name, "order_rate");
        assert!(Exposed::of(&family(Kind::Counter, "orders", Unit::None, vec![])).rates().is_none());
    }

    #[test]
    fn the_last_of_two_keys_that_become_equal_counts() {
        let tags = [("a.b", "dot"), ("a_b", "underscore"), ("z", "1")];
        let gauge = family(Kind::Gauge, "x", Unit::None, vec![series(tags, Value::Gauge(1.0))]);
        assert_eq!(labels_of(&gauge), [("a_b".into(), "underscore".into()), ("z".into(), "1".into())]);
    }

    #[test]
    fn tags_win_over_facts() {
        let facts = Value::Info(Tags::from([("version", "1"), ("host", "fact")]));
        let info = family(Kind::Info, "build", Unit::None, vec![series([("host", "tag")], facts)]);
        assert_eq!(labels_of(&info), [("host".into(), "tag".into()), ("version".into(), "1".into())]);
    }
}
