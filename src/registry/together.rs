//! Groups: several instruments that every reader sees changed at once.

use std::sync::Arc;

use super::family::AnyFamily;
use super::{Problem, Registry};
use crate::cell::{Group, Groups, read_between, read_without_groups};
use crate::model::{self, Value};
use crate::name::Name;
use crate::tag::Tags;

impl Registry {
    /// Runs `change`, and has every snapshot see all that it records, or nothing of it: every page, push and
    /// [`value`](Registry::value), of whatever registry the instruments are, with all scopes and views. A transfer between
    /// two counters never shows a sum that nobody had.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// let (accepted, bytes) = (registry.counter("orders_accepted"), registry.histogram("order_bytes"));
    /// let answer = registry.together(|| {
    ///     accepted.inc();
    ///     bytes.record(512.0);
    ///     "accepted"
    /// });
    /// assert_eq!((answer, registry.value("orders_accepted")), ("accepted", Some(1.0)));
    /// ```
    ///
    /// **Cost**: two stores to memory of this thread and one load, with any number of threads: groups do not keep each other
    /// waiting, and recordings outside of groups cost what they always do. But a group that begins while a snapshot reads
    /// waits until that has its numbers (tens of nanoseconds a series; not until it is written as a page), at most a second.
    /// A snapshot waits for groups under way, at most 100 ms. So a group is for recording: do the work, then tell of it.
    ///
    /// **What takes too long is not waited for.** A snapshot that has gone on while a group was under way, or a group that
    /// has gone on while a snapshot was, may show it half done: that snapshot, and each one until that group ends, counts in
    /// `tagmeter_problems_total{reason="split_group"}` of the registry that is shown, or the first of several. So it is in
    /// the child of a fork with groups that other threads were in, and where a thread is stopped inside a record that came
    /// after a group.
    ///
    /// | | is |
    /// |---|---|
    /// | a group inside a group, of the same registry or another | part of the outer one |
    /// | a panic in `change` | handed on; what was recorded before it is a group |
    /// | a snapshot or `value` inside a group | read at once, between nothing: it shows the half of this group that there is |
    /// | a group in a collector, in a function of a gauge or counter, or in the logger | as any other; they run before or after the snapshot reads |
    /// | what a collector or a function reads from instruments | read by itself |
    /// | a family of gauges or counters that asks functions | read by itself, its other series too |
    /// | `get` and the like of one instrument | read at once, the group under way or not |
    /// | quantiles, minimum, maximum and deviation of the last minute | read by themselves: count, sum and buckets are not |
    /// | series that the group makes or removes | seen or not, like what it records |
    pub fn together<R>(&self, change: impl FnOnce() -> R) -> R {
        let _group = Group::enter();
        change()
    }

    /// What `read` gives between groups; counts it where it is not between them.
    fn read_between<R>(&self, read: impl FnOnce() -> R) -> R {
        let (result, groups) = read_between(read);
        if groups == Groups::Split {
            self.note_problem(Problem::SplitGroup, &Name::from("together"), || {
                "a snapshot may show a part of a group, which took too long to be waited for".to_owned()
            });
        }
        result
    }

    /// Reads families, in their order, between groups.
    pub(super) fn read_families(&self, families: &[Arc<dyn AnyFamily>]) -> Vec<model::Family> {
        families.iter().for_each(|family| family.tidy());
        let read_all = || families.iter().map(|family| family.read()).collect();
        read_without_groups(read_all).unwrap_or_else(|| self.read_between_groups(families))
    }

    /// The same in a program that has groups. No function of the user's runs while they wait, and not the logger.
    #[cold]
    fn read_between_groups(&self, families: &[Arc<dyn AnyFamily>]) -> Vec<model::Family> {
        let ask = |family: &Arc<dyn AnyFamily>| family.asks_functions().then(|| family.read());
        let asked: Vec<Option<model::Family>> = families.iter().map(ask).collect();
        let others = families.iter().zip(&asked).filter(|(_, asked)| asked.is_none());
        let others: Vec<model::Family> =
            self.read_between(|| others.map(|(family, _)| family.read()).collect());
        let mut others = others.into_iter();
        asked.into_iter().filter_map(|asked| asked.or_else(|| others.next())).collect()
    }

    /// Reads one series, between groups.
    pub(super) fn read_value(&self, family: &dyn AnyFamily, tags: &Tags) -> Option<Value> {
        let read = || family.value(tags);
        match read_without_groups(read) {
            Some(value) => value,
            None if family.asks_functions() => read(),
            None => self.read_between(read),
        }
    }
}
