//! Other names of families, for what was renamed.

use std::sync::Arc;

use super::definition::Definition;
use super::problem::Problem;
use super::{RegisterError, Registry};
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
    /// The family may be defined later, or brought by a collector. Where something of the alias' name is registered later,
    /// that is shown, and the alias is left out and counted. Aliases are read-only: an instrument of the old name is another
    /// family.
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

    /// Puts the families of aliases behind these.
    pub(super) fn add_aliases(&self, families: &mut Vec<Family>, aliases: &[Alias]) {
        for Alias { name, of } in aliases {
            let Some(family) = families.iter().find(|family| family.name == *of) else { continue };
            if families.iter().any(|taken| taken.name == *name) {
                self.note_problem(Problem::LeftOut, name, || {
                    format!("alias {name:?} of metric {of:?} is left out: another metric has the name")
                });
                continue;
            }
            let help = deprecated(of, &family.help);
            let alias = Family { name: name.clone(), help, ..family.clone() };
            families.push(alias);
        }
    }

    /// The definitions that aliases of these have.
    pub(super) fn defined_aliases(&self, own: &[Definition]) -> Vec<Definition> {
        let defined = |Alias { name, of }: Alias| {
            let definition = own.iter().find(|definition| definition.name == of)?;
            let help = deprecated(&of, &definition.help);
            Some(Definition { name, help, ..definition.clone() })
        };
        self.aliases().into_iter().filter_map(defined).collect()
    }
}

impl Alias {
    /// Whether it shows the family of that name under a name that is wanted.
    pub(super) fn wants(&self, family: &Name, wanted: impl FnOnce(&Name) -> bool) -> bool {
        self.of == *family && wanted(&self.name)
    }
}

fn deprecated(of: &Name, help: &str) -> Arc<str> {
    let text = format!("Deprecated: now {:?}. {help}", of.as_str());
    Arc::from(text.trim_end())
}
