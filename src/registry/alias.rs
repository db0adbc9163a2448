//! Other names of families, for what was renamed.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::definition::Definition;
use super::problem::Problem;
use super::unite::Shown;
use super::{RegisterError, Registry, Wanted};
use crate::model::Family;
use crate::name::Name;

/// A name, and the family that has it besides its own.
#[derive(Debug, Clone)]
pub(super) struct Alias {
    name: Name,
    of: Name,
}

impl Registry {
    /// Shows a family under an old name as well, until [`remove_alias`](Self::remove_alias): both have the same numbers, and
    /// the old one's help says that it is deprecated.
    ///
    /// The family may be defined later, brought by a collector, or be in a [scope](Self::scope) with its name as it is shown
    /// here. Where something of the alias' name is registered later, here, in a scope, or in another part of a
    /// [view](super::View), that is shown, and the alias is left out and counted. Aliases are read-only: an instrument of the
    /// old name is another family.
    ///
    /// # Errors
    ///
    /// The name is empty, a family or another alias has it, or there are as many aliases as the registry may have families.
    ///
    /// ```
    /// use tagmeter::{Name, Registry};
    ///
    /// let registry = Registry::new();
    /// registry.alias(Name::exact("order_count"), "orders")?;
    /// registry.define("orders").help("Orders taken.").counter()?.add(3);
    /// let page = registry.snapshot().to_text();
    /// assert!(page.contains("# HELP order_count Deprecated: now \"orders\". Orders taken.\n"));
    /// assert!(page.contains("\norder_count 3\n") && page.contains("\norders_total 3\n"));
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn alias(&self, name: impl Into<Name>, of: impl Into<Name>) -> Result<(), RegisterError> {
        let (name, of) = (name.into(), of.into());
        if name.as_str().is_empty() {
            return Err(RegisterError::EmptyName);
        }
        if let Some(family) = self.0.families.get(&name) {
            let by = family.definition().to_string();
            return Err(RegisterError::AliasTaken { name, by });
        }
        let mut aliases = self.0.aliases.write();
        if let Some(other) = aliases.iter().find(|other| other.name == name) {
            let by = format!("an alias of {:?}", other.of);
            return if other.of == of { Ok(()) } else { Err(RegisterError::AliasTaken { name, by }) };
        }
        let limit = self.0.shared.max_families;
        if aliases.len() >= limit {
            return Err(RegisterError::TooManyFamilies { name, limit });
        }
        aliases.push(Alias { name, of });
        Ok(())
    }

    /// Takes an alias back; tells whether there was one. The family stays.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.counter("orders").inc();
    /// registry.alias("order_count", "orders")?;
    /// assert!(registry.remove_alias("order_count"));
    /// assert_eq!(registry.snapshot().families().len(), 1);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn remove_alias(&self, name: impl Into<Name>) -> bool {
        let name = name.into();
        let mut aliases = self.0.aliases.write();
        let before = aliases.len();
        aliases.retain(|alias| alias.name != name);
        aliases.len() < before
    }

    pub(super) fn aliases(&self) -> Vec<Alias> {
        self.0.aliases.read().clone()
    }

    /// Runs `then` with what is wanted where families have no aliases yet: those whose alias is wanted as well.
    pub(super) fn before_aliases<R>(
        aliases: &[Alias],
        wanted: Option<Wanted<'_>>,
        then: impl FnOnce(Option<Wanted<'_>>) -> R,
    ) -> R {
        let Some(wanted) = wanted.filter(|_| !aliases.is_empty()) else { return then(wanted) };
        let all = AliasesOf::new(aliases);
        then(Some(&|name, kind, unit| all.any(name, |name| wanted(name, kind, unit))))
    }

    /// Puts the families of aliases behind these.
    pub(super) fn add_aliases(&self, families: &mut Vec<Shown>, aliases: &[Alias]) {
        if aliases.is_empty() {
            return;
        }
        let names = families.iter().enumerate().map(|(at, shown)| (shown.family.name.clone(), at));
        let mut places: Places = names.collect();
        for Alias { name, of } in aliases {
            let Some(at) = places.get(of).copied() else { continue };
            if places.contains_key(name) {
                self.note_problem(Problem::LeftOut, name, || {
                    format!("alias {name:?} of metric {of:?} is left out: another metric has the name")
                });
                continue;
            }
            let family = &families[at].family;
            let help = deprecated(of, &family.help);
            let family = Family { name: name.clone(), help, ..family.clone() };
            places.insert(name.clone(), families.len());
            families.push(Shown { family, is_alias: true });
        }
    }

    /// Puts the definitions that aliases of these have behind them.
    pub(super) fn define_aliases(&self, definitions: &mut Vec<Definition>) {
        let names = definitions.iter().enumerate().map(|(at, definition)| (definition.name.clone(), at));
        let mut places: Places = names.collect();
        for Alias { name, of } in self.aliases() {
            let Some(at) = places.get(&of).copied().filter(|_| !places.contains_key(&name)) else { continue };
            let help = deprecated(&of, &definitions[at].help);
            places.insert(name.clone(), definitions.len());
            definitions.push(Definition { name, help, ..definitions[at].clone() });
        }
    }
}

/// Where the families of names are.
type Places = HashMap<Name, usize, RandomState>;

/// The aliases of each family.
struct AliasesOf<'a>(HashMap<&'a Name, Vec<&'a Name>, RandomState>);

impl<'a> AliasesOf<'a> {
    fn new(aliases: &'a [Alias]) -> Self {
        let mut all: HashMap<&Name, Vec<&Name>, RandomState> = HashMap::default();
        aliases.iter().for_each(|Alias { name, of }| all.entry(of).or_default().push(name));
        AliasesOf(all)
    }

    /// Whether it is so of a family's name or one of its aliases.
    fn any(&self, name: &Name, is_so: impl Fn(&Name) -> bool) -> bool {
        is_so(name) || self.0.get(name).is_some_and(|aliases| aliases.iter().any(|alias| is_so(alias)))
    }
}

fn deprecated(of: &Name, help: &str) -> Arc<str> {
    let text = format!("Deprecated: now {:?}. {help}", of.as_str());
    Arc::from(text.trim_end())
}
