//! Families of one name that come from several registries, made one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use foldhash::fast::RandomState;

use super::definition::Definition;
use crate::model::{Family, Shape, Value};
use crate::name::Name;

/// A family as a registry shows it.
pub(super) struct Shown {
    pub(super) family: Family,
    /// Whether it is another one's under an old name: then it gives way to whatever else has that name.
    pub(super) is_alias: bool,
}

impl From<Family> for Shown {
    fn from(family: Family) -> Self {
        Shown { family, is_alias: false }
    }
}

impl Shown {
    /// The same with another family.
    pub(super) fn map(self, change: impl FnOnce(Family) -> Family) -> Self {
        Shown { family: change(self.family), ..self }
    }
}

/// Families of which no two have the same name, in the order in which each name came first. What cannot be among them is
/// left out and told to `refuse`.
pub(super) fn unite(families: Vec<Shown>, mut refuse: impl FnMut(&Name, String)) -> Vec<Shown> {
    let mut united: Vec<Shown> = Vec::with_capacity(families.len());
    let mut places: HashMap<Name, Place, RandomState> = HashMap::default();
    for shown in families {
        match places.entry(shown.family.name.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(Place { at: united.len(), is_shared: false });
                united.push(shown);
            }
            Entry::Occupied(mut entry) => {
                let Place { at, is_shared } = entry.get_mut();
                if let Err(why) = meet(&mut united[*at], is_shared, shown) {
                    refuse(entry.key(), why);
                }
            }
        }
    }
    for (name, place) in places.iter().filter(|(_, place)| place.is_shared) {
        if let Some(why) = add_up(&mut united[place.at].family) {
            refuse(name, why);
        }
    }
    united
}

/// Where a family is, and whether it came from several.
struct Place {
    at: usize,
    is_shared: bool,
}

/// Puts a family where another of its name is. An error says what is left out.
fn meet(first: &mut Shown, is_shared: &mut bool, other: Shown) -> Result<(), String> {
    if first.is_alias == other.is_alias {
        join(&mut first.family, other.family)?;
        *is_shared = true;
        return Ok(());
    }
    let why = format!("alias {:?} is left out: another metric has the name", other.family.name);
    if first.is_alias {
        (*first, *is_shared) = (other, false);
    }
    Err(why)
}

/// Puts a family's series behind those of another of its name, if both are the same thing.
fn join(first: &mut Family, other: Family) -> Result<(), String> {
    if let Some(difference) = Said::by_family(first).difference(&Said::by_family(&other)) {
        return Err(format!("metric {:?} of another registry is left out: {difference}", other.name));
    }
    if first.help.is_empty() {
        first.help = other.help;
    }
    first.series.append(other.series);
    Ok(())
}

/// Makes series of equal tags one: counters are added up, of other kinds the first is shown. What to say of the others,
/// if there are any.
pub(super) fn add_up(family: &mut Family) -> Option<String> {
    let mut hidden = 0_usize;
    family.series.unite(|(first, start), (other, began)| match (first, other) {
        (Value::Counter(total), Value::Counter(other)) => {
            *total = total.plus(other);
            // A sum counts since the first of them began, and nobody knows since when if of one nobody does (0).
            *start = began.min(*start);
        }
        _ => hidden += 1,
    });
    let name = &family.name;
    (hidden > 0).then(|| {
        format!("series of metric {name:?} that are left out, since others have their tags: {hidden}")
    })
}

/// What families of one name must agree about to be one.
struct Said<'a> {
    kind: String,
    unit: String,
    help: &'a str,
    is_summary: bool,
    is_exact: bool,
}

impl<'a> Said<'a> {
    fn by_family(family: &'a Family) -> Self {
        let is_summary = match family.series.first().map(|series| series.value) {
            Some(Value::Timer(timer)) => timer.durations.shape != Shape::Histogram,
            Some(Value::Histogram(histogram)) => histogram.shape != Shape::Histogram,
            _ => false,
        };
        let Family { name, kind, help, unit, .. } = family;
        Said { kind: kind.to_string(), unit: unit.to_string(), help, is_summary, is_exact: name.is_exact() }
    }

    fn by_definition(definition: &'a Definition) -> Self {
        let Definition { name, kind, help, unit, shape, .. } = definition;
        let is_summary = *shape != Shape::Histogram;
        Said { kind: kind.to_string(), unit: unit.to_string(), help, is_summary, is_exact: name.is_exact() }
    }

    /// What they differ in, if they do. Who said nothing about a help agrees with everybody.
    fn difference(&self, other: &Said<'_>) -> Option<String> {
        let said = |what: &str, one: &str, other: &str| Some(format!("its {what} is {other:?}, not {one:?}"));
        if self.kind != other.kind {
            said("kind", &self.kind, &other.kind)
        } else if self.unit != other.unit {
            said("unit", &self.unit, &other.unit)
        } else if self.is_summary != other.is_summary {
            said("shape", shape(self.is_summary), shape(other.is_summary))
        } else if self.is_exact != other.is_exact {
            Some("its name is exact in one and not in the other".to_owned())
        } else if self.help != other.help && !self.help.is_empty() && !other.help.is_empty() {
            said("help", self.help, other.help)
        } else {
            None
        }
    }
}

fn shape(is_summary: bool) -> &'static str {
    if is_summary { "summary" } else { "histogram" }
}

/// Whether families of two definitions could be one.
pub(super) fn agree(one: &Definition, other: &Definition) -> bool {
    Said::by_definition(one).difference(&Said::by_definition(other)).is_none()
}
