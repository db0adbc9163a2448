//! Families by name.

use std::any::TypeId;
use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::{Mutex, RwLock};

use super::RegisterError;
use super::family::{AnyFamily, Described, SeriesOf};
use super::problem::Problem;
use super::shared::Shared;
use crate::metric::Instrument;
use crate::name::Name;

/// The families of a registry, and those that are exposed nowhere.
pub(crate) struct FamilyList {
    shared: Arc<Shared>,
    named: RwLock<Named>,
    /// What short forms give where they cannot give what was asked: one family a name and type.
    unexposed: Mutex<HashMap<NameAndType, Arc<dyn AnyFamily>, RandomState>>,
}

type NameAndType = (Name, TypeId);

#[derive(Default)]
struct Named {
    by_name: HashMap<Name, Arc<dyn AnyFamily>, RandomState>,
    in_order: Vec<Arc<dyn AnyFamily>>,
}

/// Unexposed families are told apart by name up to this many; further names share one family a type.
const MOST_UNEXPOSED: usize = 1000;

impl FamilyList {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        FamilyList { shared, named: RwLock::default(), unexposed: Mutex::default() }
    }

    pub(crate) fn get(&self, name: &Name) -> Option<Arc<dyn AnyFamily>> {
        self.named.read().by_name.get(name).cloned()
    }

    /// All families, in the order of registration.
    pub(crate) fn all(&self) -> Vec<Arc<dyn AnyFamily>> {
        self.named.read().in_order.clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.named.read().in_order.len()
    }

    /// The family of that name; where there is none, a new one.
    pub(crate) fn get_or_insert<F: AnyFamily + 'static>(
        &self,
        name: &Name,
        new: impl FnOnce(Arc<Shared>) -> F,
    ) -> Result<Found<F>, RegisterError> {
        if name.as_str().is_empty() {
            return Err(RegisterError::EmptyName);
        }
        if let Some(family) = self.get(name) {
            return Ok(Found::of(family));
        }
        let mut named = self.named.write();
        if let Some(family) = named.by_name.get(name) {
            return Ok(Found::of(family.clone()));
        }
        let limit = self.shared.max_families;
        if named.in_order.len() >= limit {
            return Err(RegisterError::TooManyFamilies { name: name.clone(), limit });
        }
        let family = Arc::new(new(self.shared.clone()));
        named.by_name.insert(name.clone(), family.clone());
        named.in_order.push(family.clone());
        Ok(Found::Same(family))
    }

    /// Takes the family of that name out. What it gave goes on working, unseen.
    pub(crate) fn remove(&self, name: &Name) -> Option<Arc<dyn AnyFamily>> {
        let mut named = self.named.write();
        let removed = named.by_name.remove(name)?;
        named.in_order.retain(|family| family.name() != name);
        Some(removed)
    }

    /// A family that works and is exposed nowhere; the problem is counted, and logged once a name.
    #[cold]
    pub(crate) fn unexposed<I: Instrument>(
        &self,
        name: &Name,
        error: &RegisterError,
        describe: impl FnOnce() -> Described<I>,
    ) -> Arc<SeriesOf<I>> {
        let problem = match error {
            RegisterError::EmptyName => Problem::EmptyName,
            RegisterError::TooManyFamilies { .. } => Problem::TooManyFamilies,
            _ => Problem::Conflict,
        };
        self.shared.problems.note(problem, name, || {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            format!("metric {name:?} is exposed nowhere: {error}{cause}")
        });
        let mut unexposed = self.unexposed.lock();
        let told_apart =
            unexposed.len() < MOST_UNEXPOSED || unexposed.contains_key(&(name.clone(), TypeId::of::<I>()));
        let name = if told_apart { name.clone() } else { Name::from("") };
        let new = || -> Arc<dyn AnyFamily> {
            Arc::new(SeriesOf::new(name.clone(), describe(), self.shared.clone()))
        };
        let family = unexposed.entry((name.clone(), TypeId::of::<I>())).or_insert_with(new);
        match Found::of(family.clone()) {
            Found::Same(family) => family,
            Found::Other(_) => unreachable!("unexposed families are kept by their type"),
        }
    }
}

/// The family that has a name.
pub(crate) enum Found<F> {
    /// It is such a family.
    Same(Arc<F>),
    /// It is another.
    Other(Arc<dyn AnyFamily>),
}

impl<F: AnyFamily + 'static> Found<F> {
    pub(crate) fn of(family: Arc<dyn AnyFamily>) -> Self {
        match family.clone().as_any().downcast() {
            Ok(same) => Found::Same(same),
            Err(_) => Found::Other(family),
        }
    }
}
