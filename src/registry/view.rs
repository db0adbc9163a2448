//! A registry, or several, as they are to be shown.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use super::definition::Definition;
use super::filter::Filter;
use super::problem::Problem;
use super::reading::{Plan, Reading};
use super::unite::{Shown, add_up, agree, unite};
use super::{Registry, Wanted};
use crate::clock::Clock;
use crate::model::{Family, Snapshot};
use crate::name::Name;
use crate::tag::Tags;

/// What pages and reports are made of: a registry, or several, with names and tags changed.
///
/// Whatever takes a `&Registry` to serve or to push it (`serve`, [`respond`](crate::http::respond),
/// [`Reporter::new`](crate::Reporter::new)) takes a `&View` as well. It reads its registries when it is read: what is
/// registered later is seen. Clones share it.
///
/// ```
/// use tagmeter::Registry;
/// use tagmeter::http::{Request, respond};
///
/// let (shop, billing) = (Registry::new(), Registry::new());
/// shop.counter("orders").inc();
/// billing.counter("invoices").inc();
///
/// let all = shop.view().prefix("shop_").and(billing.view().tags([("team", "billing")]))?;
/// let page = respond(&all, &Request::new("GET", "/metrics")).body;
/// assert_eq!(
///     String::from_utf8(page)?,
///     "# TYPE invoices_total counter\ninvoices_total{team=\"billing\"} 1\n# TYPE shop_orders_total counter\nshop_orders_total 1\n",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What several registries are together
///
/// | in both | together |
/// |---|---|
/// | a family of one name, kind, unit, shape and help (or one without help) | one family with the series of both |
/// | the same, defined otherwise | [`and`](View::and) refuses; where it is registered later, the later part's is left out |
/// | counters of equal tags | added up |
/// | other series of equal tags | the first part's |
/// | an [alias](Registry::alias) in one, and something else of its name in the other | what is no alias |
/// | names that only become equal on a page, `a.b` and `a_b` | as in one registry: the first is shown |
///
/// What is left out is logged and counted in `tagmeter_problems_total` of the first registry. A registry that is in it
/// twice counts twice, unless tags, prefixes or filters keep the two apart.
#[derive(Clone)]
pub struct View(Arc<Node>);

enum Node {
    Whole(Registry),
    Several { first: View, further: Vec<View> },
    Changed { of: View, change: Change },
}

/// What a view changes in families.
enum Change {
    Prefix(String),
    Tags(Tags),
    Only(Filter),
    Rename { from: Name, to: Name },
}

/// Why registries cannot be shown together.
///
/// ```
/// let (shop, billing) = (tagmeter::Registry::new(), tagmeter::Registry::new());
/// shop.counter("orders");
/// billing.gauge("orders");
/// let error = shop.view().and(&billing).unwrap_err();
/// assert_eq!(error.to_string(), r#"gauge "orders" with any tags conflicts with counter "orders" with any tags"#);
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{added} conflicts with {existing}")]
#[non_exhaustive]
pub struct MergeConflict {
    /// What was there.
    pub existing: Box<Definition>,
    /// What was to come to it, under the same name.
    pub added: Box<Definition>,
}

/// What begins the names of what the crate says about itself.
const OWN_PREFIX: &str = "tagmeter_";

impl View {
    /// Both together, this one's families first.
    ///
    /// # Errors
    ///
    /// Both have a family of one name that they define otherwise: another kind, unit, help (where both say one), or one as
    /// a summary. Buckets may differ.
    ///
    /// ```
    /// let (shop, billing) = (tagmeter::Registry::new(), tagmeter::Registry::new());
    /// shop.counter(("requests", [("route", "/orders")])).add(2);
    /// billing.counter(("requests", [("route", "/invoices")])).add(3);
    /// let all = shop.view().and(&billing)?;
    /// assert_eq!(all.snapshot().value(("requests", [("route", "/invoices")])), Some(3.0));
    /// # Ok::<(), tagmeter::registry::MergeConflict>(())
    /// ```
    pub fn and(self, other: impl Into<View>) -> Result<View, MergeConflict> {
        let other = other.into();
        let own = self.definitions();
        for added in other.definitions() {
            if let Some(existing) = own.iter().find(|own| own.name == added.name && !agree(own, &added)) {
                return Err(MergeConflict { existing: Box::new(existing.clone()), added: Box::new(added) });
            }
        }
        let node = match Arc::try_unwrap(self.0) {
            Ok(Node::Several { first, mut further }) => {
                further.push(other);
                Node::Several { first, further }
            }
            Ok(node) => Node::Several { first: View(Arc::new(node)), further: vec![other] },
            Err(shared) => Node::Several { first: View(shared), further: vec![other] },
        };
        Ok(View(Arc::new(node)))
    }

    /// Puts this in front of every name, as it is: `"shop_"` makes `shop_orders` of `orders`. What the crate says about
    /// itself (`tagmeter_…`) keeps its names.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.counter("orders").inc();
    /// assert_eq!(registry.view().prefix("shop_").snapshot().value("shop_orders"), Some(1.0));
    /// ```
    #[must_use]
    pub fn prefix(self, prefix: impl Into<String>) -> View {
        let prefix = prefix.into();
        if prefix.is_empty() { self } else { self.changed(Change::Prefix(prefix)) }
    }

    /// Adds tags to every series that has none of that key. Each reading makes the tags anew: to give a registry tags that
    /// a program pushes, [`ReporterBuilder::tags`](crate::report::ReporterBuilder::tags) costs less.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.counter(("orders", [("city", "Oslo")])).inc();
    /// let tagged = registry.view().tags([("city", "?"), ("worker", "3")]);
    /// assert_eq!(tagged.snapshot().value(("orders", [("city", "Oslo"), ("worker", "3")])), Some(1.0));
    /// ```
    #[must_use]
    pub fn tags(self, tags: impl Into<Tags>) -> View {
        let tags = tags.into();
        if tags.is_empty() { self } else { self.changed(Change::Tags(tags)) }
    }

    /// Shows only the families for whose name, as it is here, `keep` says so; others are not read. A `keep` that panics
    /// keeps nothing, and is counted; so does one that reads this view, within itself.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.counter("orders").inc();
    /// registry.counter("debug_allocations").inc();
    /// let public = registry.view().only(|name| !name.as_str().starts_with("debug_"));
    /// assert_eq!(public.snapshot().families().len(), 1);
    /// ```
    #[must_use]
    pub fn only(self, keep: impl Fn(&Name) -> bool + Send + Sync + 'static) -> View {
        self.changed(Change::Only(Filter::new(keep)))
    }

    /// Shows a family under another name.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.counter("orders").inc();
    /// assert_eq!(registry.view().rename("orders", "shop_orders").snapshot().value("shop_orders"), Some(1.0));
    /// ```
    #[must_use]
    pub fn rename(self, from: impl Into<Name>, to: impl Into<Name>) -> View {
        self.changed(Change::Rename { from: from.into(), to: to.into() })
    }

    /// All metrics, as plain data. Holds no lock while functions of yours run, and none when it returns.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.counter("hits").add(3);
    /// assert_eq!(registry.view().snapshot().families(), registry.snapshot().families());
    /// ```
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot_of(None)
    }

    /// As [`snapshot`](Self::snapshot), of the families that are wanted.
    pub(crate) fn snapshot_of(&self, wanted: Option<Wanted<'_>>) -> Snapshot {
        Snapshot::new(self.home().clock().wall(), self.families(wanted))
    }

    /// The registry whose clock it reads, and which counts what goes wrong: the first.
    pub(crate) fn home(&self) -> &Registry {
        match &*self.0 {
            Node::Whole(registry) => registry,
            Node::Several { first, .. } => first.home(),
            Node::Changed { of, .. } => of.home(),
        }
    }

    pub(crate) fn clock(&self) -> &Clock {
        self.home().clock()
    }

    pub(crate) fn note_problem(&self, problem: Problem, name: &Name, what: impl FnOnce() -> String) {
        self.home().note_problem(problem, name, what);
    }

    /// Records quantiles from now on, in all of its registries.
    pub(crate) fn record_quantiles(&self) {
        match &*self.0 {
            Node::Whole(registry) => registry.record_quantiles(),
            Node::Several { first, further } => {
                [first].into_iter().chain(further).for_each(View::record_quantiles);
            }
            Node::Changed { of, .. } => of.record_quantiles(),
        }
    }

    /// What is defined, by the names that are shown; not what collectors bring.
    pub(crate) fn definitions(&self) -> Vec<Definition> {
        match &*self.0 {
            Node::Whole(registry) => registry.definitions(),
            Node::Several { first, further } => {
                [first].into_iter().chain(further).flat_map(View::definitions).collect()
            }
            Node::Changed { of, change } => {
                let shown = of.definitions().into_iter().filter(|own| self.shows(change, &own.name));
                shown.map(|own| change.defined(own)).collect()
            }
        }
    }

    pub(crate) fn families(&self, wanted: Option<Wanted<'_>>) -> Vec<Family> {
        let mut plan = Plan::default();
        self.plan(wanted, &mut plan);
        let shown = self.shown(wanted, &mut plan.read(self.home()));
        shown.into_iter().map(|shown| shown.family).collect()
    }

    /// Plans to read what is wanted.
    pub(super) fn plan(&self, wanted: Option<Wanted<'_>>, plan: &mut Plan) {
        match &*self.0 {
            Node::Whole(registry) => registry.plan(wanted, plan),
            Node::Several { first, further } => {
                [first].into_iter().chain(further).for_each(|part| part.plan(wanted, plan));
            }
            Node::Changed { of, change } => self.before(change, wanted, |wanted| of.plan(wanted, plan)),
        }
    }

    /// What was read by that plan.
    pub(super) fn shown(&self, wanted: Option<Wanted<'_>>, reading: &mut Reading) -> Vec<Shown> {
        match &*self.0 {
            Node::Whole(registry) => registry.shown(wanted, reading),
            Node::Several { first, further } => {
                let parts = [first].into_iter().chain(further);
                self.united(parts.flat_map(|part| part.shown(wanted, reading)).collect())
            }
            Node::Changed { of, change } => {
                let families = self.before(change, wanted, |wanted| of.shown(wanted, reading)).into_iter();
                match change {
                    Change::Tags(tags) => {
                        families.map(|shown| shown.map(|family| self.tagged(family, tags))).collect()
                    }
                    Change::Rename { .. } => self.united(families.map(|shown| change.made(shown)).collect()),
                    Change::Prefix(_) | Change::Only(_) => families.map(|shown| change.made(shown)).collect(),
                }
            }
        }
    }

    /// Runs `then` with what is wanted after a change as it is before the change.
    fn before<R>(
        &self,
        change: &Change,
        wanted: Option<Wanted<'_>>,
        then: impl FnOnce(Option<Wanted<'_>>) -> R,
    ) -> R {
        if wanted.is_none() && !matches!(change, Change::Only(_)) {
            return then(None);
        }
        then(Some(&|name, kind, unit| {
            self.shows(change, name) && wanted.is_none_or(|wanted| wanted(&change.name(name), kind, unit))
        }))
    }

    fn shows(&self, change: &Change, name: &Name) -> bool {
        match change {
            Change::Only(filter) => filter.keeps(name, self.home().refused()),
            _ => true,
        }
    }

    fn tagged(&self, mut family: Family, tags: &Tags) -> Family {
        let has_one = |keys: BTreeSet<&str>| tags.iter().any(|(key, _)| keys.contains(key));
        let may_meet = family.series.keys().is_none_or(has_one);
        family.series = family.series.retagged(|own| own.over(tags));
        if may_meet && let Some(why) = add_up(&mut family) {
            self.note_problem(Problem::LeftOut, &family.name, || why);
        }
        family
    }

    fn united(&self, families: Vec<Shown>) -> Vec<Shown> {
        unite(families, |name, why| self.note_problem(Problem::LeftOut, name, || why))
    }

    fn changed(self, change: Change) -> View {
        View(Arc::new(Node::Changed { of: self, change }))
    }
}

impl Change {
    /// The name that is shown.
    fn name(&self, name: &Name) -> Name {
        match self {
            Change::Prefix(prefix) if !name.as_str().starts_with(OWN_PREFIX) => name.with_prefix(prefix),
            Change::Rename { from, to } if name == from => to.clone(),
            _ => name.clone(),
        }
    }

    fn made(&self, mut shown: Shown) -> Shown {
        shown.family.name = self.name(&shown.family.name);
        shown
    }

    fn defined(&self, mut definition: Definition) -> Definition {
        definition.name = self.name(&definition.name);
        if let (Change::Tags(tags), Some(keys)) = (self, &definition.tag_keys) {
            let all = keys.iter().map(|key| &**key).chain(tags.iter().map(|(key, _)| key));
            let mut all: Vec<Box<str>> = all.map(Box::from).collect();
            all.sort();
            all.dedup();
            definition.tag_keys = Some(all.into());
        }
        definition
    }
}

impl From<&Registry> for View {
    fn from(registry: &Registry) -> Self {
        View(Arc::new(Node::Whole(registry.clone())))
    }
}

impl From<&View> for View {
    fn from(view: &View) -> Self {
        view.clone()
    }
}

/// A registry in an `Arc`, a `LazyLock`, or a [`Scope`](super::Scope).
impl<T: Deref<Target = Registry>> From<&T> for View {
    fn from(registry: &T) -> Self {
        View::from(&**registry)
    }
}

// As for a registry; a filter that panics keeps nothing.
impl UnwindSafe for View {}
impl RefUnwindSafe for View {}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Node::Whole(registry) => registry.fmt(f),
            Node::Several { first, further } => {
                f.debug_list().entries([first].into_iter().chain(further)).finish()
            }
            Node::Changed { of, change } => {
                f.debug_struct("View").field("of", of).field("change", change).finish()
            }
        }
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Prefix(prefix) => write!(f, "prefix {prefix:?}"),
            Change::Tags(tags) => write!(f, "tags {tags}"),
            Change::Only(_) => f.write_str("only some"),
            Change::Rename { from, to } => write!(f, "{from:?} as {to:?}"),
        }
    }
}
