//! A family as Prometheus sees it: its type, its name with `_total` and unit once, and the labels of its series.
//!
//! Names are escaped with the suffixes that belong to them (`_total`, `_info`, `_rate`, the unit) and without those that
//! tell samples of one family apart (`_bucket`, `_sum`, `_count`), as Go's client does, so that readers can undo it.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::encode::clash::Clashes;
use crate::encode::{Escaping, names};
#[cfg(feature = "protobuf")]
use crate::model::Nanos;
use crate::model::{Family, Kind, Series, Shape, Value};
use crate::tag::label::{self, Label, LabelText};
#[cfg(feature = "protobuf")]
use crate::tag::pairs::push_pairs;
use crate::unit::Unit;

/// The label of a meter's rates.
pub(crate) const WINDOW: &str = "window";

/// What a family is to Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Counter,
    /// A counter whose name does without `_total`.
    BareCounter,
    Gauge,
    Histogram,
    Summary,
    Info,
    StateSet,
    GaugeHistogram,
    Unknown,
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
    escaping: Escaping,
    labelling: Labelling,
    clashes: Clashes,
}

/// Where the labels of a family's series come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Labelling {
    /// From the snapshot, which has the tags rendered.
    Rendered,
    /// Made for each series: there are facts among them, a key that gives way to the family's own label, or one that is
    /// rendered otherwise in another scheme.
    Made,
}

/// What becomes of the keys of a family's tags.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keys<'a> {
    /// The label that the family itself puts on its samples; empty where it does not.
    own: &'a str,
    escaping: Escaping,
}

impl Keys<'_> {
    /// The label's name for a tag's key.
    pub(crate) fn name<'k>(self, key: &'k str) -> Cow<'k, str> {
        names::tag_key(key, self.own, self.escaping)
    }
}

impl<'a> Exposed<'a> {
    /// What a family is exposed as; a meter's rates are a family of their own, see [`Exposed::rates`].
    pub(crate) fn of(family: &'a Family, escaping: Escaping) -> Self {
        let NameAndType { name, unit, kind } = NameAndType::of(family, escaping);
        let keys = Keys { own: own_label(family, &name), escaping };
        let labelling = labelling(family, keys);
        let clashes = match may_clash(family, keys) {
            true => Clashes::of(family, |series, rendered| labelling.labels_to_keep(keys, series, rendered)),
            false => Clashes::default(),
        };
        Exposed { kind, name, unit, help: &family.help, family, escaping, labelling, clashes }
    }

    /// The gauges that show a meter's rates.
    pub(crate) fn rates(&self) -> Option<Self> {
        (self.family.kind == Kind::Meter).then(|| Exposed {
            name: self.rates_name(),
            kind: Type::Gauge,
            unit: None,
            help: self.help,
            family: self.family,
            escaping: self.escaping,
            labelling: self.labelling,
            clashes: self.clashes.clone(),
        })
    }

    fn rates_name(&self) -> String {
        let plain = match self.family.name.is_exact() {
            true => given_name(self.family).into_owned(),
            false => plain_name(self.family, self.escaping).0,
        };
        self.escaping.metric_name(&(plain + "_rate")).into_owned()
    }

    /// What becomes of the keys of its tags.
    pub(crate) fn keys(&self) -> Keys<'_> {
        Keys { own: own_label(self.family, &self.name), escaping: self.escaping }
    }

    /// Whether the names of its samples stand in quotes between the braces.
    pub(crate) fn is_quoted(&self) -> bool {
        !names::is_plain(&self.name)
    }

    /// Its name with a suffix, in quotes where it needs them.
    pub(crate) fn name_with(&self, suffix: &str) -> String {
        let mut name = String::new();
        names::push_name(&mut name, &[self.name.as_str(), suffix].concat());
        name
    }

    /// What follows the name in each sample, where every series is a number and has one.
    pub(crate) fn number_suffix(&self) -> Option<&'static str> {
        match self.family.kind {
            Kind::Counter if self.kind == Type::BareCounter => Some(""),
            Kind::Counter => Some("_total"),
            Kind::UpDownCounter | Kind::Gauge | Kind::Unknown => Some(""),
            _ => None,
        }
    }

    /// How many series ended up with the labels of an earlier one.
    pub(crate) fn clashing_series(&self) -> usize {
        self.clashes.count()
    }

    /// Whether there may be exemplars beside its samples.
    pub(crate) fn has_exemplars(&self) -> bool {
        matches!(self.kind, Type::Counter | Type::Histogram) && self.family.series.has_exemplars()
    }

    /// Hands the series to show to `take`, in the order of their creation.
    #[inline]
    pub(crate) fn each(&self, mut take: impl FnMut(Shown<'_>)) {
        if self.labelling == Labelling::Rendered && self.clashes.is_empty() {
            self.family.series.each_labelled(|_, series, labels| {
                take(Shown { value: series.value, series, labels });
            });
        } else {
            self.each_unlike_its_tags(&mut take);
        }
    }

    /// Hands the series to show to `take`, with labels as protobuf has them.
    #[cfg(feature = "protobuf")]
    #[inline]
    pub(crate) fn each_paired(&self, mut take: impl FnMut(Paired<'_>)) {
        if self.labelling == Labelling::Rendered && self.clashes.is_empty() {
            self.family
                .series
                .each_paired(|_, series, pairs| take(Paired { value: series.value, series, pairs }));
        } else {
            self.each_unlike_its_pairs(&mut take);
        }
    }

    /// The same, of which only the start and the length of the labels are handed on.
    #[cfg(feature = "protobuf")]
    #[inline]
    pub(crate) fn each_pairs_len(&self, mut take: impl FnMut(Nanos, usize)) {
        if self.labelling == Labelling::Rendered && self.clashes.is_empty() {
            self.family.series.each_pairs_len(take);
        } else {
            self.each_unlike_its_pairs(&mut |shown| take(shown.series.start, shown.pairs.len()));
        }
    }

    #[cfg(feature = "protobuf")]
    #[cold]
    fn each_unlike_its_pairs(&self, take: &mut dyn FnMut(Paired<'_>)) {
        let keys = self.keys();
        let mut made = Vec::new();
        self.family.series.each_paired(|at, series, rendered| {
            if self.clashes.hides(at) {
                return;
            }
            let pairs = match self.labelling {
                Labelling::Rendered => rendered,
                Labelling::Made => {
                    made.clear();
                    push_pairs(&mut made, &labels_of(keys, series));
                    &made
                }
            };
            let series = self.clashes.shown(at, series);
            take(Paired { value: series.value, series, pairs });
        });
    }

    /// Apart, so that the loop over large families has nothing in it that they do not need.
    #[cold]
    fn each_unlike_its_tags(&self, take: &mut dyn FnMut(Shown<'_>)) {
        let keys = self.keys();
        let mut made = String::new();
        self.family.series.each_labelled(|at, series, rendered| {
            if self.clashes.hides(at) {
                return;
            }
            let labels = match self.labelling {
                Labelling::Rendered => rendered,
                Labelling::Made => make_labels(&mut made, keys, series),
            };
            let series = self.clashes.shown(at, series);
            take(Shown { value: series.value, series, labels });
        });
    }
}

/// A series as it is shown.
#[derive(Debug)]
pub(crate) struct Shown<'a> {
    /// Its value; with the others' where those have the same labels and are added up.
    pub(crate) value: &'a Value,
    /// It: tags, start and exemplars.
    pub(crate) series: Series<'a>,
    /// Its labels: by name, no name twice.
    pub(crate) labels: LabelText<'a>,
}

/// A series as it is shown in protobuf.
#[cfg(feature = "protobuf")]
#[derive(Debug)]
pub(crate) struct Paired<'a> {
    /// As in [`Shown`].
    pub(crate) value: &'a Value,
    /// As in [`Shown`].
    pub(crate) series: Series<'a>,
    /// Its labels: by name, no name twice.
    pub(crate) pairs: &'a [u8],
}

/// What a family is called and what it is.
struct NameAndType {
    name: String,
    unit: Option<String>,
    kind: Type,
}

impl NameAndType {
    fn of(family: &Family, escaping: Escaping) -> Self {
        let kind = type_of(family);
        let (given, suffix) = (given_name(family), type_suffix(family.kind));
        let whole = escaping.metric_name(&given);
        // Readers take the suffix off, and nothing would be left of a name that is no more.
        let is_exact = family.name.is_exact() && *whole != *suffix;
        if !is_exact || kind == Type::StateSet {
            let (name, unit) = exposed_name(family, escaping);
            return NameAndType { name, unit, kind };
        }
        let (name, kind) = match (strip(&whole, suffix), kind) {
            (name, kind) if suffix.is_empty() || name.len() < whole.len() => (name, kind),
            (name, Type::Counter) => (name, Type::BareCounter),
            (name, _) => (name, Type::Gauge),
        };
        let unit = family.unit.suffix().map(names::unit_suffix).filter(|unit| ends_in(name, unit));
        NameAndType { name: name.to_owned(), unit, kind }
    }
}

/// The name, or what stands for one without a character.
fn given_name(family: &Family) -> Cow<'_, str> {
    names::before_suffixes(family.name.as_str(), Escaping::AllowUtf8)
}

fn ends_in(name: &str, unit: &str) -> bool {
    name.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_'))
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
        Kind::GaugeHistogram => Type::GaugeHistogram,
        Kind::Summary => Type::Summary,
        Kind::Unknown => Type::Unknown,
    }
}

fn type_of_shape(shape: &Shape) -> Type {
    match shape {
        Shape::Histogram => Type::Histogram,
        Shape::Summary(_) => Type::Summary,
    }
}

/// The name without its type's suffix but with its unit, and the unit where the name ends in it.
fn exposed_name(family: &Family, escaping: Escaping) -> (String, Option<String>) {
    if family.kind == Kind::StateSet {
        // The name of the family is also that of its label.
        return (names::label_name(family.name.as_str(), escaping).into_owned(), None);
    }
    let (plain, unit) = plain_name(family, escaping);
    let name = escaped(plain, type_suffix(family.kind), escaping);
    let unit = unit.filter(|unit| ends_in(&name, unit));
    (name, unit)
}

/// What is part of the names of all samples of a family.
fn type_suffix(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter | Kind::Meter => "_total",
        Kind::Info => "_info",
        _ => "",
    }
}

/// The name escaped as one with its suffix, and then without it. A suffix stays recognisable: of its `_` there may be
/// two, of which one is then the name's.
fn escaped(name: String, suffix: &str, escaping: Escaping) -> String {
    let whole = name + suffix;
    let escaped = escaping.metric_name(&whole);
    escaped.strip_suffix(suffix).unwrap_or(&escaped).to_owned()
}

/// The name with its unit, not yet escaped, and the unit where it is a suffix.
fn plain_name(family: &Family, escaping: Escaping) -> (String, Option<String>) {
    let name = names::before_suffixes(family.name.as_str(), escaping);
    match family.kind {
        Kind::Counter => with_unit(strip(&name, "_total"), &family.unit),
        Kind::Meter => with_unit(strip_repeatedly(&name, &["_total", "_rate"]), &family.unit),
        Kind::Timer => with_unit(&name, &Unit::Seconds),
        Kind::UpDownCounter
        | Kind::Gauge
        | Kind::Histogram
        | Kind::GaugeHistogram
        | Kind::Summary
        | Kind::Unknown => with_unit(&name, &family.unit),
        Kind::StateSet => (name.into_owned(), None),
        Kind::Info => (strip(&name, "_info").to_owned(), None),
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

fn labelling(family: &Family, keys: Keys<'_>) -> Labelling {
    let stays = |key: &&str| keys.name(key) == label::tag_key(key, "");
    let all_stay = || keys.own.is_empty() && keys.escaping == Escaping::Underscores;
    let rendered = match family.kind {
        Kind::Info => false,
        _ => all_stay() || family.series.keys().is_some_and(|keys| keys.iter().all(stays)),
    };
    if rendered { Labelling::Rendered } else { Labelling::Made }
}

/// Whether series with different tags may have equal labels: not while different keys stay different. Decided by the
/// keys of a family, which are few, so that no series has to be looked at.
fn may_clash(family: &Family, keys: Keys<'_>) -> bool {
    let Some(given) = family.series.keys() else { return true };
    let labels: HashSet<Cow<'_, str>> = given.iter().map(|key| keys.name(key)).collect();
    family.kind == Kind::Info || labels.len() < given.len()
}

impl Labelling {
    /// The labels of a series whose tags are rendered as `rendered`, to compare with those of others.
    fn labels_to_keep<'a>(self, keys: Keys<'_>, series: Series<'_>, rendered: LabelText<'a>) -> Cow<'a, str> {
        match self {
            Labelling::Rendered => Cow::Borrowed(rendered.as_str()),
            Labelling::Made => {
                let mut made = String::new();
                make_labels(&mut made, keys, series);
                Cow::Owned(made)
            }
        }
    }
}

/// Makes the labels of a series, in a buffer that is used again.
#[cold]
pub(crate) fn make_labels<'a>(text: &'a mut String, keys: Keys<'_>, series: Series<'_>) -> LabelText<'a> {
    LabelText::write(text, &labels_of(keys, series))
}

/// The labels of a series: by name, no name twice.
fn labels_of<'a>(keys: Keys<'_>, series: Series<'a>) -> Vec<Label<'a>> {
    let mut labels = Vec::new();
    label::push_tags(&mut labels, series.tags.iter(), |key| keys.name(key));
    if let Value::Info(facts) = series.value {
        let tags = std::mem::take(&mut labels);
        labels.extend(facts.iter().map(|(key, value)| (keys.name(key), value)));
        labels.extend(tags);
        // Facts come before tags, so that among equal names tags win.
        label::keep_last_of_equals(&mut labels);
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SeriesList;
    use crate::name::Name;
    use crate::tag::Tags;
    use std::time::SystemTime;

    fn family(kind: Kind, name: &str, unit: Unit, series: SeriesList) -> Family {
        Family { name: name.into(), kind, help: "".into(), unit, series }
    }

    fn one(tags: impl Into<Tags>, value: Value) -> SeriesList {
        [(tags, value, SystemTime::UNIX_EPOCH)].into_iter().collect()
    }

    fn exposed(family: &Family) -> Exposed<'_> {
        Exposed::of(family, Escaping::default())
    }

    fn labels_of(family: &Family) -> String {
        let mut all = Vec::new();
        exposed(family).each(|series| all.push(series.labels.inner().to_owned()));
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
        for (kind, given, unit, name) in cases {
            assert_eq!(exposed(&family(kind, given, unit, SeriesList::new())).name, name, "{kind} {given}");
        }
    }

    #[test]
    fn a_unit_is_made_legal_and_named_only_as_a_suffix() {
        let odd = family(Kind::Gauge, "speed", Unit::other("m/s"), SeriesList::new());
        assert_eq!(exposed(&odd).name, "speed_m_s");
        assert_eq!(exposed(&odd).unit.as_deref(), Some("m_s"));
        assert_eq!(exposed(&family(Kind::Gauge, "bytes", Unit::Bytes, SeriesList::new())).unit, None);
    }

    #[test]
    fn suffixes_are_escaped_with_the_name_and_can_be_told_apart_again() {
        let cases = [
            (
                Kind::Counter,
                "a.b_total",
                [["a.b", "_total"], ["a_dot_b_", "_total"], ["U__a_2e_b_", "_total"]],
            ),
            (Kind::Info, "a/b", [["a/b", "_info"], ["a__b_", "_info"], ["U__a_2f_b_", "_info"]]),
            (Kind::Timer, "a.b", [["a.b_seconds", ""], ["a_dot_b__seconds", ""], ["U__a_2e_b__seconds", ""]]),
        ];
        for (kind, given, names) in cases {
            let family = family(kind, given, Unit::None, SeriesList::new());
            for (scheme, [name, suffix]) in
                [Escaping::AllowUtf8, Escaping::Dots, Escaping::Values].into_iter().zip(names)
            {
                assert_eq!(Exposed::of(&family, scheme).name, name, "{given} by {scheme}");
                let whole = [name, suffix].concat();
                let plain = Exposed::of(&family, Escaping::AllowUtf8).name + suffix;
                if scheme == Escaping::Values {
                    assert_eq!(Escaping::unescape_values(&whole), plain);
                }
            }
        }
    }

    #[test]
    fn a_state_set_is_called_as_its_label() {
        let states = family(Kind::StateSet, "_a.b:c", Unit::None, SeriesList::new());
        let names = [Escaping::AllowUtf8, Escaping::Underscores, Escaping::Dots, Escaping::Values]
            .map(|scheme| Exposed::of(&states, scheme).name);
        assert_eq!(names, ["_a.b:c", "_a_b_c", "key__a_dot_b__c", "U____a_2e_b_3a_c"]);
    }

    #[test]
    fn a_unit_is_told_only_where_the_escaped_name_ends_in_it() {
        let sent = family(Kind::Counter, "http.sent", Unit::other("m/s"), SeriesList::new());
        let units = [Escaping::AllowUtf8, Escaping::Underscores, Escaping::Dots]
            .map(|scheme| Exposed::of(&sent, scheme).unit);
        assert_eq!(units, [Some("m_s".to_owned()), Some("m_s".to_owned()), None]);
    }

    #[test]
    fn labels_are_rendered_once_where_the_scheme_leaves_them_as_they_are() {
        let labelling = |key, scheme| {
            let gauge = family(Kind::Gauge, "x", Unit::None, one([(key, "1")], Value::Gauge(0.0)));
            Exposed::of(&gauge, scheme).labelling
        };
        assert_eq!(labelling("route", Escaping::AllowUtf8), Labelling::Rendered);
        assert_eq!(labelling("db.name", Escaping::Underscores), Labelling::Rendered);
        assert_eq!(labelling("db.name", Escaping::AllowUtf8), Labelling::Made);
        assert_eq!(labelling("db_name", Escaping::Dots), Labelling::Made);
        assert_eq!(labelling("db_name", Escaping::Values), Labelling::Rendered);
    }

    #[test]
    fn a_meter_has_rates_beside_its_count() {
        let meter = family(Kind::Meter, "order_rate", Unit::None, SeriesList::new());
        assert_eq!(exposed(&meter).rates().unwrap().name, "order_rate");
        assert!(exposed(&family(Kind::Counter, "orders", Unit::None, SeriesList::new())).rates().is_none());
    }

    #[test]
    fn exact_names_have_no_suffix_that_they_did_not_have() {
        let bytes = || Unit::Bytes;
        let cases = [
            (Kind::Counter, "orders", Unit::None, "orders", Type::BareCounter, None),
            (Kind::Counter, "orders_total", Unit::None, "orders", Type::Counter, None),
            (Kind::Counter, "sent_bytes_total", bytes(), "sent_bytes", Type::Counter, Some("bytes")),
            (Kind::Counter, "_total", Unit::None, "_total", Type::Counter, None),
            (Kind::Gauge, "queue", bytes(), "queue", Type::Gauge, None),
            (Kind::Gauge, "queue_bytes", bytes(), "queue_bytes", Type::Gauge, Some("bytes")),
            (Kind::Meter, "orders", Unit::None, "orders", Type::BareCounter, None),
            (Kind::Timer, "request.time", Unit::Seconds, "request_time", Type::Histogram, None),
            (Kind::Info, "version", Unit::None, "version", Type::Gauge, None),
            (Kind::Info, "build_info", Unit::None, "build", Type::Info, None),
            (Kind::StateSet, "mode", Unit::None, "mode", Type::StateSet, None),
        ];
        for (kind, given, unit, name, of_type, shown_unit) in cases {
            let family = Family { name: Name::exact(given), ..family(kind, given, unit, SeriesList::new()) };
            let exposed = exposed(&family);
            assert_eq!((&*exposed.name, exposed.kind, exposed.unit.as_deref()), (name, of_type, shown_unit));
        }
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
        let labelling = |key| exposed(&meter(key)).labelling;
        assert_eq!(labelling("le"), Labelling::Rendered);
        assert_eq!(labelling("window"), Labelling::Made);
        assert_eq!(labels_of(&meter("window")), r#"window_="1""#);
    }
}
