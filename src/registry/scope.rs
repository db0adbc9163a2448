//! Registries inside a registry, for what comes and goes as a whole.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Weak};

use super::{Inner, Registry};
use crate::tag::Tags;

/// A registry whose families are shown by another one as long as it lives. Made by [`Registry::scope`].
///
/// It is a registry in every respect, and by itself its names are as they were given. When it is dropped, its families
/// disappear as a whole and give their memory back; instruments, families and clones of the registry that are still held
/// go on working, unseen.
///
/// ```
/// let registry = tagmeter::Registry::new();
/// let tenant = registry.scope("tenant_", [("tenant", "acme")]);
/// let orders = tenant.counter("orders");
/// orders.inc();
/// assert_eq!(registry.snapshot().to_text(), "# TYPE tenant_orders_total counter\ntenant_orders_total{tenant=\"acme\"} 1\n");
/// assert_eq!(tenant.value("orders"), Some(1.0));
///
/// drop(tenant);
/// orders.inc();
/// assert_eq!(registry.snapshot().to_text(), "");
/// ```
#[must_use = "a scope that is dropped takes its families along"]
pub struct Scope {
    registry: Registry,
    /// Not held: what is stored in a registry may hold a scope of it.
    parent: Weak<Inner>,
    number: u64,
}

impl Registry {
    /// A registry whose families this one shows too, with a prefix and tags, until it is dropped: for tenants, plug-ins,
    /// connections.
    ///
    /// The prefix (`""`: none) is put in front of every name as it is; tags are added where a series has none of that key.
    /// Families of one name in several scopes, or here, are one family on a page. Where they differ in kind, unit, help
    /// or shape, the later one is left out, logged, and counted in `tagmeter_problems_total`; series of equal tags are
    /// added up if they are counters, of other kinds the first is shown. Such a sum falls when one of its scopes goes, which
    /// Prometheus takes for a new beginning; give each scope a tag of its own where that matters.
    ///
    /// A scope has this registry's clock and limits, and a count of its own against each limit. Scopes can have scopes.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// let tenants = ["acme", "zenith"].map(|name| registry.scope("", [("tenant", name)]));
    /// tenants.each_ref().map(|tenant| tenant.counter("orders").inc());
    /// assert_eq!(registry.value(("orders", [("tenant", "acme")])), Some(1.0));
    /// assert_eq!(registry.snapshot().families().len(), 1);
    /// ```
    pub fn scope(&self, prefix: impl Into<String>, tags: impl Into<Tags>) -> Scope {
        let registry = self.child();
        let shown = registry.view().prefix(prefix).tags(tags);
        let mut scopes = self.0.scopes.write();
        scopes.last += 1;
        let number = scopes.last;
        scopes.shown.insert(number, shown);
        Scope { registry, parent: Arc::downgrade(&self.0), number }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        let shown = self.parent.upgrade().and_then(|parent| parent.scopes.write().shown.remove(&self.number));
        // With no lock held: functions of the scope's metrics go with it, and what they own may do anything then.
        drop(shown);
    }
}

impl Deref for Scope {
    type Target = Registry;

    fn deref(&self) -> &Registry {
        &self.registry
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scope").field(&self.registry).finish()
    }
}
