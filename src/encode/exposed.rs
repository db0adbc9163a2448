//! A family as Prometheus sees it: its type, its name with `_total` and unit once, and the labels of its series.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::encode::clash::Clashes;
use crate::encode::names;
use crate::model::{Family, Kind, Series, Shape, Value};
use crate::tag::label::{self, LabelText};
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

/// A family as Prometheus sees it.
#[derive(Debug)]
pub(crate) struct Exposed<'a> {
    /// The name with its unit, without the suffix of its type.
    pub(crate) name: String,
    pub(crate) kind: Type,
    /// The unit that `name` ends in.
    pub(crate) unit: Option<String>,
    pub(crate) help: &'a str,
    pub(crate) family: &'a Family,
    labelling: Labelling,
    clashes: Clashes,
}

/// Where the labels of a family's series come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Labelling {
    /// From the snapshot, which has the tags rendered.
    Rendered,
    /// Made for each series: there are facts among them, or a key that gives way to the family's own label.
    Made,
}

impl<'a> Exposed<'a> {
    /// What a family is exposed as; a meter's rates are a family of their own, see [`Exposed::rates`].
    pub(crate) fn of(family: &'a Family) -> Self {
        let (name, unit) = exposed_name(family);
        let own = own_label(family, &name);
        let labelling = labelling(family, own);
        let clashes = match may_clash(family, own) {
            true => Clashes::of(family, |series, rendered| labelling.labels_to_keep(own, series, rendered)),
            false => Clashes::default(),
        };
        Exposed { kind: type_of(family), name, unit, help: &family.help, family, labelling, clashes }
    }

    /// The gauges that show a meter's rates.
    pub(crate) fn rates(&self) -> Option<Self> {
        (self.family.kind == Kind::Meter).then(|| Exposed {
            name: format!("{}_rate", self.name),
            kind: Type::Gauge,
            unit: None,
            help: self.help,
            family: self.family,
            labelling: self.labelling,
            clashes: self.clashes.clone(),
        })
    }

    /// The label that the family itself puts on its samples.
    pub(crate) fn own_label(&self) -> &str {
        own_label(self.family, &self.name)
    }

    /// What follows the name in each sample, where every series is a number and has one.
    pub(crate) fn number_suffix(&self) -> Option<&'static str> {
        match self.family.kind {
            Kind::Counter => Some("_total"),
            Kind::UpDownCounter | Kind::Gauge => Some(""),
            _ => None,
        }
    }

    /// How many series ended up with the labels of an earlier one.
    pub(crate) fn clashing_series(&self) -> usize {
        self.clashes.count()
    }

    /// Hands the series to show to `take`, in the order of their creation.
    #[inline]
    pub(crate) fn each(&self, mut take: impl FnMut(Shown<'_>)) {
        if self.labelling == Labelling::Rendered && self.clashes.is_empty() {
            self.family.series.each_labelled(|_, series, labels| take(Shown { value: series.value, labels }));
        } else {
            self.each_unlike_its_tags(&mut take);
        }
    }

    /// Apart, so that the loop over large families has nothing in it that they do not need.
    #[cold]
    fn each_unlike_its_tags(&self, take: &mut dyn FnMut(Shown<'_>)) {
        let own = self.own_label();
        let mut made = String::new();
        self.family.series.each_labelled(|at, series, rendered| {
            if self.clashes.hides(at) {
                return;
            }
            let labels = match self.labelling {
                Labelling::Rendered => rendered,
                Labelling::Made => make_labels(&mut made, own, series),
            };
            take(Shown { value: self.clashes.shown(at, series.value), labels });
        });
    }
}

/// A series as it is shown.
#[derive(Debug)]
pub(crate) struct Shown<'a> {
    /// Its value; with the others' where those have the same labels and are added up.
    pub(crate) value: &'a Value,
    /// Its labels: by name, no name twice.
    pub(crate) labels: LabelText<'a>,
}

fn type_of(family: &Family) -> Type {
    match family.kind {
        Kind::Counter | Kind::Meter => Type::Counter,
        Kind::UpDownCounter | Kind::Gauge => Type::Gauge,
        Kind::Timer | Kind::Histogram => match family.series.first().map(|series| series.value) {
            Some(Value::Timer(timer)) => type_of_shape(&timer.durations.shape),
            Some(Value::Histogram(histogram)) => type_of_shape(&histogram.shape),
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
        Kind::StateSet => (label::label_name(family.name.as_str()).into_owned(), None),
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

fn labelling(family: &Family, own: &str) -> Labelling {
    let stays = |key: &&str| label::tag_key(key, own) == label::tag_key(key, "");
    let rendered = match family.kind {
        Kind::Info => false,
        _ => own.is_empty() || family.series.keys().is_some_and(|keys| keys.iter().all(stays)),
    };
    if rendered { Labelling::Rendered } else { Labelling::Made }
}

/// Whether series with different tags may have equal labels: not while different keys stay different. Decided by the
/// keys of a family, which are few, so that no series has to be looked at.
fn may_clash(family: &Family, own: &str) -> bool {
    let Some(keys) = family.series.keys() else { return true };
    let labels: HashSet<Cow<'_, str>> = keys.iter().map(|key| label::tag_key(key, own)).collect();
    family.kind == Kind::Info || labels.len() < keys.len()
}

impl Labelling {
    /// The labels of a series whose tags are rendered as `rendered`, to compare with those of others.
    fn labels_to_keep<'a>(self, own: &str, series: Series<'_>, rendered: LabelText<'a>) -> Cow<'a, str> {
        match self {
            Labelling::Rendered => Cow::Borrowed(rendered.as_str()),
            Labelling::Made => {
                let mut made = String::new();
                make_labels(&mut made, own, series);
                Cow::Owned(made)
            }
        }
    }
}

/// Makes the labels of a series, in a buffer that is used again.
#[cold]
pub(crate) fn make_labels<'a>(text: &'a mut String, own: &str, series: Series<'_>) -> LabelText<'a> {
    let mut labels = Vec::new();
    label::push_tags(&mut labels, series.tags.iter(), own);
    if let Value::Info(facts) = series.value {
        let tags = std::mem::take(&mut labels);
        labels.extend(facts.iter().map(|(key, value)| (label::tag_key(key, own), value)));
        labels.extend(tags);
        // Facts come before tags, so that among equal names tags win.
        label::keep_last_of_equals(&mut labels);
    }
    LabelText::write(text, &labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SeriesList;
    use crate::tag::Tags;
    use std::time::SystemTime;

    fn family(kind: Kind, name: &str, unit: Unit, series: SeriesList) -> Family {
        Family { name: name.into(), kind, help: "".into(), unit, series }
    }

    fn one(tags: impl Into<Tags>, value: Value) -> SeriesList {
        [(tags, value, SystemTime::UNIX_EPOCH)].into_iter().collect()
    }

    fn labels_of(family: &Family) -> String {
        let mut all = Vec::new();
        Exposed::of(family).each(|series| all.push(series.labels.inner().to_owned()));
        assert_eq!(all.len(), 1);
        all.remove(0)
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
            assert_eq!(
                Exposed::of(&family(kind, given, unit, SeriesList::new())).name,
                exposed,
                "{kind} {given}"
            );
        }
    }

    #[test]
    fn a_unit_is_made_legal_and_named_only_as_a_suffix() {
        let odd = family(Kind::Gauge, "speed", Unit::other("m/s"), SeriesList::new());
        assert_eq!(Exposed::of(&odd).name, "speed_m_s");
        assert_eq!(Exposed::of(&odd).unit.as_deref(), Some("m_s"));
        assert_eq!(Exposed::of(&family(Kind::Gauge, "bytes", Unit::Bytes, SeriesList::new())).unit, None);
    }

    #[test]
    fn a_meter_has_rates_beside_its_count() {
        let meter = family(Kind::Meter, "order_rate", Unit::None, SeriesList::new());
        assert_eq!(Exposed::of(&meter).rates().unwrap().name, "order_rate");
        assert!(
            Exposed::of(&family(Kind::Counter, "orders", Unit::None, SeriesList::new())).rates().is_none()
        );
    }

    #[test]
    fn tags_win_over_facts() {
        let facts = Value::Info(Box::new([("version", "1"), ("host", "fact")].into()));
        let info = family(Kind::Info, "build", Unit::None, one([("host", "tag")], facts));
        assert_eq!(labels_of(&info), r#"host="tag",version="1""#);
    }

    #[test]
    fn labels_are_made_only_where_a_key_gives_way_to_the_family_s_own() {
        let meter = |key| family(Kind::Meter, "x", Unit::None, one([(key, "1")], Value::Gauge(0.0)));
        let labelling = |key| Exposed::of(&meter(key)).labelling;
        assert_eq!(labelling("le"), Labelling::Rendered);
        assert_eq!(labelling("window"), Labelling::Made);
        assert_eq!(labels_of(&meter("window")), r#"window_="1""#);
    }
}
