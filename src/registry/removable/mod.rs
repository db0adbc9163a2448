//! Families whose series come and go.
//!
//! [`RemovableFamily`] is what users hold, [`series`] what a registry holds, [`expiry`] the way of a series out of it.

mod expiry;
mod series;

pub(crate) use series::RemovableSeries;

use std::sync::Arc;

use super::keys::Keys;
use crate::metric::Instrument;
use crate::tag::Tags;

/// The series of one name, for tags that come and go: sessions, peers, tenants. What is gone gives its memory back.
///
/// Made by a definition that says [`idle_timeout`](super::Define::idle_timeout) or
/// [`removable`](super::Define::removable). Clones share the series.
///
/// ```
/// use std::time::Duration;
/// use tagmeter::{Counter, Registry};
///
/// let registry = Registry::new();
/// let sent = registry.define("sent_bytes").tags(["peer"]).idle_timeout(Duration::from_secs(600)).counters()?;
/// sent.with(["a"], |bytes| bytes.add(512));
/// let kept: Counter = sent.handle(["a"]); // its series stays while it lives
/// kept.add(1);
/// assert_eq!(registry.value(("sent_bytes", [("peer", "a")])), Some(513.0));
/// # Ok::<(), tagmeter::registry::RegisterError>(())
/// ```
///
/// | a series | is seen | used again, it |
/// |---|---|---|
/// | in use, held, or idle for less than the timeout | yes | goes on |
/// | idle for the timeout | no | goes on where it was, with its old start |
/// | idle for twice the timeout, or sooner where a new series needs the room | no, memory given back | begins at zero, with a new start |
/// | removed by hand | no, memory given back once nobody uses or holds it | begins at zero, with a new start |
///
/// **Idle** is what nobody asked for by [`with`](RemovableFamily::with) or [`handle`](RemovableFamily::handle), and nobody
/// holds. Time is the registry's clock. It is looked at once a second at most, by snapshots and by the making of new
/// series, and counts from the first look that finds a series idle, so a series is seen at least once after its last
/// use, by whoever reads more often than the timeout.
///
/// **Nothing recorded is lost**, doubled or counted on another series, whatever threads do at the same time; but what is
/// recorded while somebody removes the series by hand may go with it.
///
/// **Handles** hold their series: it is not idle while one lives, clones and timings that run included. Its handles
/// survive a removal by hand: they count on, unseen, and belong to the series again when somebody asks for its tags.
///
/// **Memory** is that of at most `max_series` series, whether anybody reads or not; beyond, recordings go to the overflow
/// series, which is never idle.
///
/// **Cost**: [`with`](RemovableFamily::with) costs what that of a [`Family`](super::Family) costs, give or take two
/// nanoseconds, and writes nothing that another thread writes. A closure that runs for long keeps others from nothing; it
/// only delays that series are hidden and memory is given back, in all families of the program alike.
///
/// **By name** ([`Registry::counter`](super::Registry::counter) and its like) the answer is a handle, and holds its series.
/// `counter!` and its like, which keep what they have found for good, cannot have such a series: what they give is exposed
/// nowhere, logged and counted. A name that was used before is taken: define such a family first.
///
/// A missing value does not compile, and neither does a borrow that outlives the closure:
///
/// ```compile_fail
/// let registry = tagmeter::Registry::new();
/// let sessions = registry.define("sessions").tags(["peer"]).removable().counters().unwrap();
/// let kept: &tagmeter::Counter = sessions.with(["a"], |counter| counter);
/// ```
#[derive(Debug, Clone)]
pub struct RemovableFamily<I: Instrument, const N: usize> {
    series: Arc<RemovableSeries<I>>,
    keys: Keys,
}

impl<I: Instrument, const N: usize> RemovableFamily<I, N> {
    pub(crate) fn new(series: Arc<RemovableSeries<I>>, keys: Keys) -> Self {
        RemovableFamily { series, keys }
    }

    /// Runs `use_it` with the series of these values, in the order of the definition's keys; made where it is new.
    ///
    /// An empty value is an absent tag. Beyond the family's limit of series it is the overflow series. The closure may do
    /// anything: use this family again, remove this very series, panic.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// let depth = registry.define("depth").tags(["queue"]).removable().gauges()?;
    /// depth.with(["mail"], |depth| depth.set(3.0));
    /// assert_eq!(depth.with(["mail"], |depth| depth.get()), 3.0);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    #[inline]
    pub fn with<S: AsRef<str>, R>(&self, values: [S; N], use_it: impl FnOnce(&I) -> R) -> R {
        self.series.with(self.keys.with(&values), use_it)
    }

    /// The series of these values, to keep: it stays, and is seen, while the handle or a clone of it lives.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// let sessions = registry.define("sessions").tags(["peer"]).removable().counters()?;
    /// let peer = sessions.handle(["a"]);
    /// peer.inc();
    /// assert_eq!(sessions.with(["a"], |counter| counter.get()), 1);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn handle<S: AsRef<str>>(&self, values: [S; N]) -> I {
        self.series.handle(self.keys.with(&values))
    }

    /// Makes these series now, at zero, so that `rate` sees their first increment.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// let sessions = registry.define("sessions").tags(["peer"]).removable().counters()?;
    /// sessions.init([["a"], ["b"]]);
    /// assert_eq!(sessions.iter().count(), 2);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn init<S: AsRef<str>>(&self, values: impl IntoIterator<Item = [S; N]>) {
        for values in values {
            self.with(values, |_| ());
        }
    }

    /// Takes a series off every page and push; tells whether there was one. The same tags begin from zero.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// let sessions = registry.define("sessions").tags(["peer"]).removable().counters()?;
    /// sessions.with(["a"], |counter| counter.inc());
    /// assert!(sessions.remove(["a"]));
    /// assert_eq!(registry.value(("sessions", [("peer", "a")])), None);
    /// assert_eq!(sessions.with(["a"], |counter| counter.get()), 0);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn remove<S: AsRef<str>>(&self, values: [S; N]) -> bool {
        self.series.remove_series(self.keys.with(&values))
    }

    /// Keeps only the series for which `keep` says so.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// let sessions = registry.define("sessions").tags(["peer"]).removable().counters()?;
    /// sessions.init([["a"], ["b"]]);
    /// sessions.with(["b"], |counter| counter.inc());
    /// sessions.retain(|_tags, counter| counter.get() > 0);
    /// assert_eq!(sessions.iter().count(), 1);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn retain(&self, keep: impl FnMut(&Tags, &I) -> bool) {
        self.series.keep(keep);
    }

    /// Takes every series away.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// let sessions = registry.define("sessions").tags(["peer"]).removable().counters()?;
    /// sessions.init([["a"], ["b"]]);
    /// sessions.clear();
    /// assert_eq!(sessions.iter().count(), 0);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn clear(&self) {
        self.series.keep(|_, _| false);
    }

    /// Tags and handles of the series that are seen, in the order of their creation. An item holds its series.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// let sessions = registry.define("sessions").tags(["peer"]).removable().counters()?;
    /// sessions.with(["a"], |counter| counter.add(3));
    /// let total: u64 = sessions.iter().map(|(_tags, counter)| counter.get()).sum();
    /// assert_eq!(total, 3);
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (Tags, I)> {
        self.series.iter()
    }
}
